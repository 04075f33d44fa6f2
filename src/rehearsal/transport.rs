//! The way in from this process: a transport for `kube::Client`.

use super::access::Nameless;
use super::server::Server;
use super::{faults, reply, router};
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use tower::BoxError;

/// A body as kube's HTTPS client gives it.
pub type ReplyBody = Box<kube::client::DynBody>;

/// An answer.
pub(super) type Reply = http::Response<ReplyBody>;

/// How requests reach a server: the same shape as kube's HTTPS client has.
pub type Transport =
    tower::util::BoxCloneSyncService<http::Request<kube::client::Body>, http::Response<ReplyBody>, BoxError>;

impl Server {
    /// A transport for `kube::Client`: requests are answered in this process; upgrades (exec, logs, port-forward) go
    /// through an in-memory connection that a hyper server answers.
    pub fn transport(&self) -> Transport {
        let (server, cut) = (self.clone(), self.world().and_then(|world| world.cut()));
        Transport::new(tower::service_fn(move |request: http::Request<kube::client::Body>| {
            let (server, cut) = (server.clone(), cut.clone());
            async move {
                let Some(cut) = cut else { return reached(server, request).await };
                let (method, path) = (request.method().to_string(), request.uri().to_string());
                cut.pass(&method, &path, reached(server, request)).await
            }
        }))
    }
}

/// Answers a request of this process.
async fn reached(server: Server, request: http::Request<kube::client::Body>) -> Result<Reply, BoxError> {
    match request.headers().contains_key(http::header::UPGRADE) {
        true => connected(server, request).await,
        false => answered(server, request).await.map_err(BoxError::from),
    }
}

/// Answers the requests of one connection.
pub(super) async fn talk(
    server: Server,
    stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    nameless: Nameless,
) {
    let service = hyper::service::service_fn(move |mut request: http::Request<hyper::body::Incoming>| {
        let server = server.clone();
        request.extensions_mut().insert(nameless);
        async move { answered(server, request).await }
    });
    let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // A client that goes away is no failure of the server.
    let _ = connection.with_upgrades().await;
}

/// Answers an upgrade over an in-memory connection.
async fn connected(server: Server, request: http::Request<kube::client::Body>) -> Result<Reply, BoxError> {
    let (near, far) = tokio::io::duplex(64 * 1024);
    tokio::spawn(talk(server, far, Nameless::Administrator));
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(near)).await?;
    tokio::spawn(connection.with_upgrades());
    let mut request = relative(request)?;
    request.headers_mut().entry(http::header::HOST).or_insert(http::HeaderValue::from_static("rehearsal"));
    let reply = sender.send_request(request).await?;
    Ok(reply.map(|body| Box::new(body.map_err(BoxError::from)) as ReplyBody))
}

/// The request with path and query only, as HTTP/1.1 sends it.
fn relative(mut request: http::Request<kube::client::Body>) -> Result<http::Request<kube::client::Body>, BoxError> {
    let path = request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    *request.uri_mut() = path.parse()?;
    Ok(request)
}

/// Answers one request.
///
/// # Errors
/// When a fault breaks the connection.
async fn answered<B>(server: Server, request: http::Request<B>) -> std::io::Result<Reply>
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: std::fmt::Display,
{
    let (parts, body) = request.into_parts();
    let encounter = faults::Encounter::new(&server, &parts);
    let answer = async {
        match body.collect().await {
            Ok(body) => router::answer(server, parts, body.to_bytes()).await,
            Err(e) => reply::text(400, format!("the body of the request broke off: {e}")),
        }
    };
    encounter.around(answer).await
}
