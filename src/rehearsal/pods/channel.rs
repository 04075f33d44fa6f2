//! Numbered channels, as kubectl and client libraries speak them to exec, attach and port-forward: over a websocket, or
//! as the streams of a SPDY connection.

use super::super::reply;
use super::super::status::{Outcome, Status};
use super::super::transport::Reply;
use super::spdy::{self, Event, Id};
use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, UPGRADE};
use http::request::Parts;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use std::collections::HashMap;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream};
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
/// Sizes of the client's terminal.
const RESIZE: u8 = 4;
/// Ends the channel whose number follows; only in version 5.
const CLOSE: u8 = 255;

/// What kubectl offers a websocket for, best first.
const WEBSOCKETS: [(&str, Protocol); 3] = [
    ("v5.channel.k8s.io", Protocol::Websocket),
    ("v4.channel.k8s.io", Protocol::Websocket),
    ("SPDY/3.1+portforward.k8s.io", Protocol::Tunnel),
];
/// What clients offer SPDY for.
const SPDY: [&str; 2] = ["v4.channel.k8s.io", "portforward.k8s.io"];
const STREAM_PROTOCOL: &str = "x-stream-protocol-version";
const CHUNK: usize = 32 * 1024;

/// An accepted connection that is not there yet.
pub(crate) struct Pending {
    upgrade: OnUpgrade,
    protocol: Protocol,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Protocol {
    /// Channels over a websocket.
    Websocket,
    /// SPDY itself.
    Spdy,
    /// SPDY over a websocket.
    Tunnel,
}

type Websocket = WebSocketStream<TokioIo<Upgraded>>;

/// A SPDY connection over whatever carries it.
pub(crate) type Streams = spdy::Connection<Box<dyn Transport>>;

/// What carries a SPDY connection.
pub(crate) trait Transport: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Transport for T {}

/// Connected channels.
pub(crate) enum Channels {
    /// Over a websocket.
    Websocket(Box<Websocket>),
    /// Over SPDY: the streams by channel.
    Spdy(Box<Streams>, Vec<(u8, Id)>),
}

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

/// Accepts a request to upgrade: the 101 answer and the connection to come.
///
/// # Errors
/// When the request is none, or offers no protocol that is known here.
pub(crate) fn accept(parts: &mut Parts) -> Outcome<(Reply, Pending)> {
    let (answer, protocol) = match header(parts, UPGRADE).to_ascii_lowercase().as_str() {
        "websocket" => websocket(parts)?,
        "spdy/3.1" => spdy(parts)?,
        _ => return Err(Status::bad_request("unable to upgrade: neither websocket nor SPDY/3.1 is asked for")),
    };
    let upgrade = parts.extensions.remove::<OnUpgrade>();
    match (answer.body(reply::empty()), upgrade) {
        (Ok(answer), Some(upgrade)) => Ok((answer, Pending { upgrade, protocol })),
        _ => Err(super::target::internal("unable to upgrade: connection cannot be taken over".into())),
    }
}

fn header(parts: &Parts, name: impl http::header::AsHeaderName) -> &str {
    parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn switching(upgrade: &str) -> http::response::Builder {
    let status = http::StatusCode::SWITCHING_PROTOCOLS;
    http::Response::builder().status(status).header(CONNECTION, "Upgrade").header(UPGRADE, upgrade)
}

fn websocket(parts: &Parts) -> Outcome<(http::response::Builder, Protocol)> {
    let offered: Vec<&str> = header(parts, SEC_WEBSOCKET_PROTOCOL).split(',').map(str::trim).collect();
    let known = |(name, _): &(&str, Protocol)| offered.contains(name);
    let Some((name, protocol)) = WEBSOCKETS.into_iter().find(known) else { return Err(unsupported(&offered)) };
    let key = derive_accept_key(header(parts, SEC_WEBSOCKET_KEY).as_bytes());
    let answer = switching("websocket").header(SEC_WEBSOCKET_ACCEPT, key).header(SEC_WEBSOCKET_PROTOCOL, name);
    Ok((answer, protocol))
}

fn spdy(parts: &Parts) -> Outcome<(http::response::Builder, Protocol)> {
    let lines = parts.headers.get_all(STREAM_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
    let offered: Vec<&str> = lines.flat_map(|line| line.split(',')).map(str::trim).collect();
    let Some(name) = SPDY.into_iter().find(|name| offered.contains(name)) else { return Err(unsupported(&offered)) };
    Ok((switching("SPDY/3.1").header(STREAM_PROTOCOL, name), Protocol::Spdy))
}

fn unsupported(offered: &[&str]) -> Box<Status> {
    Status::bad_request(format!("unable to upgrade: none of the protocols [{}] is supported", offered.join(" ")))
}

impl Pending {
    /// Whether the client's streams come one by one, each with headers, rather than as numbered channels.
    pub fn has_streams(&self) -> bool {
        self.protocol != Protocol::Websocket
    }

    /// The channels, once the client has got the answer; of streams, once there are so many.
    pub async fn connect(self, count: usize) -> Option<Channels> {
        if !self.has_streams() {
            return Some(Channels::Websocket(Box::new(self.websocket().await?)));
        }
        let mut streams = self.streams().await?;
        let mut open = Vec::new();
        while open.len() < count {
            match streams.receive().await {
                Event::Opened(id, headers) => open.push((channel(&headers)?, id)),
                Event::Closed => return None,
                _ => {}
            }
        }
        Some(Channels::Spdy(Box::new(streams), open))
    }

    /// The connection of streams, once the client has got the answer.
    pub async fn streams(self) -> Option<Streams> {
        let transport: Box<dyn Transport> = match self.protocol {
            Protocol::Spdy => Box::new(TokioIo::new(self.upgrade.await.ok()?)),
            _ => Box::new(tunnelled(self.websocket().await?)),
        };
        Some(spdy::Connection::new(transport))
    }

    async fn websocket(self) -> Option<Websocket> {
        let upgraded = self.upgrade.await.ok()?;
        Some(WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await)
    }
}

/// The channel of a stream.
fn channel(headers: &HashMap<String, String>) -> Option<u8> {
    match headers.get("streamtype")?.as_str() {
        "stdin" => Some(STDIN),
        "stdout" => Some(STDOUT),
        "stderr" => Some(STDERR),
        "error" => Some(STATUS),
        "resize" => Some(RESIZE),
        _ => None,
    }
}

/// The bytes that go through a websocket.
fn tunnelled(websocket: Websocket) -> DuplexStream {
    let (near, far) = tokio::io::duplex(CHUNK);
    let (mut read, mut write) = tokio::io::split(far);
    let (mut messages, mut stream) = websocket.split();
    tokio::spawn(async move {
        while let Some(Ok(message)) = stream.next().await {
            if let Message::Binary(bytes) = message
                && write.write_all(&bytes).await.is_err()
            {
                return;
            }
        }
        let _ = write.shutdown().await;
    });
    tokio::spawn(async move {
        let mut bytes = vec![0; CHUNK];
        while let Ok(count) = read.read(&mut bytes).await {
            if count == 0 || messages.send(Message::binary(bytes[..count].to_vec())).await.is_err() {
                break;
            }
        }
        let _ = messages.close().await;
    });
    near
}

impl Channels {
    /// What comes next from the client.
    pub async fn receive(&mut self) -> Frame {
        match self {
            Channels::Websocket(websocket) => received(websocket).await,
            Channels::Spdy(streams, open) => {
                let channel = |id| open.iter().find(|(_, one)| *one == id).map(|(channel, _)| *channel);
                loop {
                    let frame = match streams.receive().await {
                        Event::Data(id, bytes) => channel(id).map(|channel| Frame::Data(channel, bytes)),
                        Event::Ended(id) => channel(id).map(Frame::End),
                        Event::Opened(..) => None,
                        Event::Closed => Some(Frame::Closed),
                    };
                    if let Some(frame) = frame {
                        return frame;
                    }
                }
            }
        }
    }

    /// Sends bytes on a channel; a client that went away is no error.
    pub async fn send(&mut self, channel: u8, bytes: &[u8]) {
        match self {
            Channels::Websocket(websocket) => send(websocket, channel, bytes).await,
            Channels::Spdy(streams, open) => {
                if let Some((_, id)) = open.iter().find(|(one, _)| *one == channel) {
                    streams.send(*id, bytes);
                }
            }
        }
    }

    /// Ends the connection normally: the client answers before it goes away, so nothing that was sent is lost.
    pub async fn close(mut self) {
        match &mut self {
            Channels::Websocket(websocket) => {
                let done = CloseFrame { code: CloseCode::Normal, reason: Utf8Bytes::default() };
                if websocket.as_mut().close(Some(done)).await.is_err() {
                    return;
                }
            }
            Channels::Spdy(streams, open) => open.iter().for_each(|(_, id)| streams.end(*id)),
        }
        while self.receive().await != Frame::Closed {}
    }
}

async fn received(websocket: &mut Websocket) -> Frame {
    loop {
        match websocket.next().await {
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

async fn send(websocket: &mut Websocket, channel: u8, bytes: &[u8]) {
    for chunk in bytes.chunks(CHUNK) {
        let mut frame = Vec::with_capacity(chunk.len() + 1);
        frame.push(channel);
        frame.extend_from_slice(chunk);
        if websocket.send(Message::binary(frame)).await.is_err() {
            return;
        }
    }
}
