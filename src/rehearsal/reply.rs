//! Answers: JSON, text and streams.

use super::transport::{Reply, ReplyBody};
use bytes::Bytes;
use http_body::Frame;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use serde::Serialize;

/// An answer with a JSON body.
pub(super) fn json(code: u16, value: &impl Serialize) -> Reply {
    match serde_json::to_vec(value) {
        Ok(bytes) => whole(code, "application/json", bytes),
        Err(e) => whole(500, "text/plain", e.to_string().into_bytes()),
    }
}

/// An answer of plain text.
pub(super) fn text(code: u16, text: impl Into<String>) -> Reply {
    whole(code, "text/plain; charset=utf-8", text.into().into_bytes())
}

/// No body.
pub(super) fn empty() -> ReplyBody {
    Box::new(Empty::new().map_err(|never| match never {}))
}

/// An answer of these bytes.
pub(super) fn whole(code: u16, media_type: &str, bytes: Vec<u8>) -> Reply {
    let body = Full::new(Bytes::from(bytes)).map_err(|never| match never {});
    with_body(code, media_type, Box::new(body))
}

/// An answer that goes on until the stream ends.
pub(super) fn stream<S>(media_type: &str, chunks: S) -> Reply
where
    S: futures::Stream<Item = Bytes> + Send + 'static,
{
    use futures::StreamExt as _;
    let frames = Box::pin(chunks.map(|chunk| Ok::<_, tower::BoxError>(Frame::data(chunk))));
    with_body(200, media_type, Box::new(StreamBody::new(frames)))
}

/// An answer with this body.
pub(super) fn with_body(code: u16, media_type: &str, body: ReplyBody) -> Reply {
    let mut reply = http::Response::new(body);
    *reply.status_mut() = http::StatusCode::from_u16(code).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    if let Ok(value) = http::HeaderValue::from_str(media_type) {
        reply.headers_mut().insert(http::header::CONTENT_TYPE, value);
    }
    reply.headers_mut().insert("cache-control", http::HeaderValue::from_static("no-cache, private"));
    reply
}
