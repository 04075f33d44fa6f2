//! The ways in from outside this process: HTTP/1.1 on a listener, plain or in TLS, for kubectl and k9s.

use super::access::Nameless;
use super::server::Server;
use super::transport::talk;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

impl Server {
    /// Serves plain HTTP on this listener until the runtime ends. Requests without a token are the administrator's.
    pub async fn serve(self, listener: TcpListener) {
        loop {
            let stream = accepted(&listener).await;
            tokio::spawn(talk(self.clone(), stream, Nameless::Administrator));
        }
    }

    /// Serves HTTPS on this listener until the runtime ends, as real API servers do: the certificate is signed by the
    /// cluster's authority, requests without a token are anonymous.
    ///
    /// # Errors
    /// When there is no certificate.
    pub async fn serve_https(self, listener: TcpListener) -> std::io::Result<()> {
        let acceptor = TlsAcceptor::from(self.identity().tls(&self.addresses().node()).map_err(std::io::Error::other)?);
        loop {
            let (server, stream) = (self.clone(), acceptor.accept(accepted(&listener).await));
            tokio::spawn(async move {
                // A client that does not trust the certificate, or does not speak TLS, is told by TLS itself.
                let Ok(stream) = stream.await else { return };
                talk(server, stream, Nameless::Anonymous).await;
            });
        }
    }
}

/// The next client. One that is gone again, or for whom there is no file descriptor now, ends nothing.
async fn accepted(listener: &TcpListener) -> TcpStream {
    let stream = loop {
        match listener.accept().await {
            Ok((stream, _)) => break stream,
            // Real time: who waits is outside the rehearsal.
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
        }
    };
    // Small answers must not wait for acknowledgements; a socket that refuses is merely slower.
    let _ = stream.set_nodelay(true);
    stream
}
