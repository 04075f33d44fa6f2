//! Websockets with numbered channels, as kubectl and client libraries speak them to exec and port-forward.

use super::super::reply;
use super::super::status::{Outcome, Status};
use super::super::transport::Reply;
use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, UPGRADE};
use http::request::Parts;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

/// The channels of exec and attach.
pub(crate) const STDIN: u8 = 0;
/// Standard output.
pub(crate) const STDOUT: u8 = 1;
/// Standard error; also the errors of port-forward's first port.
pub(crate) const STDERR: u8 = 2;
/// The final status.
pub(crate) const STATUS: u8 = 3;
/// Ends the channel whose number follows; only in version 5.
const CLOSE: u8 = 255;

const V5: &str = "v5.channel.k8s.io";
const V4: &str = "v4.channel.k8s.io";
const CHUNK: usize = 32 * 1024;

/// An accepted websocket that is not connected yet.
pub(crate) struct Pending(OnUpgrade);

/// A connected websocket.
pub(crate) struct Channels(WebSocketStream<TokioIo<Upgraded>>);

/// What the client sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// Bytes on a channel.
    Data(u8, Bytes),
    /// The end of one channel.
    End(u8),
    /// The end of the connection.
    Closed,
}

/// Accepts a websocket request: the 101 answer and the connection to come.
///
/// # Errors
/// When the request is no websocket request, or offers no protocol that is known here.
pub(crate) fn accept(parts: &mut Parts) -> Outcome<(Reply, Pending)> {
    let header = |name| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let websocket = header(UPGRADE).is_some_and(|upgrade| upgrade.eq_ignore_ascii_case("websocket"));
    let (true, Some(key)) = (websocket, header(SEC_WEBSOCKET_KEY)) else {
        return Err(Status::bad_request("unable to upgrade: only websocket connections are supported here"));
    };
    let offered: Vec<&str> = header(SEC_WEBSOCKET_PROTOCOL).unwrap_or_default().split(',').map(str::trim).collect();
    let Some(protocol) = [V5, V4].into_iter().find(|known| offered.contains(known)) else {
        let words = format!("unable to upgrade: none of the protocols [{}] is supported", offered.join(" "));
        return Err(Status::bad_request(words));
    };
    let answer = http::Response::builder()
        .status(http::StatusCode::SWITCHING_PROTOCOLS)
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "websocket")
        .header(SEC_WEBSOCKET_ACCEPT, derive_accept_key(key.as_bytes()))
        .header(SEC_WEBSOCKET_PROTOCOL, protocol)
        .body(reply::empty());
    let upgrade = parts.extensions.remove::<OnUpgrade>();
    match (answer, upgrade) {
        (Ok(answer), Some(upgrade)) => Ok((answer, Pending(upgrade))),
        _ => Err(super::target::internal("unable to upgrade: connection cannot be taken over".into())),
    }
}

impl Pending {
    /// The connection, once the client has got the answer.
    pub async fn connect(self) -> Option<Channels> {
        let upgraded = self.0.await.ok()?;
        Some(Channels(WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await))
    }
}

impl Channels {
    /// What comes next from the client.
    pub async fn receive(&mut self) -> Frame {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Binary(bytes))) => match (bytes.first(), bytes.get(1)) {
                    (Some(&CLOSE), Some(&channel)) => return Frame::End(channel),
                    (Some(&channel), Some(_)) => return Frame::Data(channel, bytes.slice(1..)),
                    _ => {}
                },
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Frame::Closed,
                Some(Ok(_)) => {}
            }
        }
    }

    /// Sends bytes on a channel; a client that went away is no error.
    pub async fn send(&mut self, channel: u8, bytes: &[u8]) {
        for chunk in bytes.chunks(CHUNK) {
            let mut frame = Vec::with_capacity(chunk.len() + 1);
            frame.push(channel);
            frame.extend_from_slice(chunk);
            if self.0.send(Message::binary(frame)).await.is_err() {
                return;
            }
        }
    }

    /// Ends the connection normally: the client answers before it goes away, so nothing that was sent is lost.
    pub async fn close(mut self) {
        let done = CloseFrame { code: CloseCode::Normal, reason: Utf8Bytes::default() };
        if self.0.close(Some(done)).await.is_ok() {
            while self.receive().await != Frame::Closed {}
        }
    }
}
