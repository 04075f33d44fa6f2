//! An answer that is wanted as a whole.

use super::Read;
use super::trouble::root_cause;
use crate::clock::Clock;
use crate::cluster::status::Status;
use bytes::Bytes;
use http::Response;
use http_body_util::{BodyExt, Either, Full};
use std::time::Duration;
use tower::BoxError;

/// Why an answer is not whole.
#[derive(Debug)]
struct Broken(String);

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Broken {}

/// How much room is made at once for an answer that says how long it is.
const MOST_ROOM: u64 = 16 << 20;

/// Reads an answer to its end; its body may stand still for `limit`. What a refusal says becomes an extension of it.
pub(super) async fn read<B>(
    clock: &Clock,
    limit: Duration,
    response: Response<B>,
) -> Result<Response<Read<B>>, BoxError>
where
    B: http_body::Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    let (mut parts, body) = response.into_parts();
    let body = collect(clock, limit, body).await?;
    if !parts.status.is_success() {
        parts.extensions.insert(Status::of(parts.status, &parts.headers, &body));
    } else if is_cut(&body) {
        // Behind some proxies a broken answer ends like a complete one.
        return Err(Broken("the answer ended too early".into()).into());
    }
    Ok(Response::from_parts(parts, Either::Left(Full::new(body))))
}

async fn collect<B>(clock: &Clock, limit: Duration, body: B) -> Result<Bytes, BoxError>
where
    B: http_body::Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    let mut body = std::pin::pin!(body);
    // What the server says may be wrong; it is only room.
    let room = body.size_hint().exact().unwrap_or_default().min(MOST_ROOM);
    let mut whole = Vec::new();
    loop {
        let frame = clock.timeout(limit, body.frame()).await;
        let Some(frame) = frame.ok_or_else(|| Broken("the answer stood still".into()))? else { break };
        let frame = frame.map_err(|error| Broken(format!("the answer broke off: {}", root_cause(&*error.into()))))?;
        let Ok(data) = frame.into_data() else { continue };
        // Most answers are one frame: no copy then.
        if whole.is_empty() && body.is_end_stream() {
            return Ok(data);
        }
        whole.reserve(usize::try_from(room).unwrap_or_default().saturating_sub(whole.len()));
        whole.extend_from_slice(&data);
    }
    Ok(whole.into())
}

/// Whether an answer in JSON ends too early. Long ones are judged by their last character: reading all of it would cost
/// more than it is worth.
fn is_cut(body: &[u8]) -> bool {
    const LONG: usize = 256 << 10;
    let body = body.trim_ascii();
    match body.first() {
        Some(b'{') if body.len() > LONG => body.last() != Some(&b'}'),
        Some(b'{') => serde_json::from_slice::<serde::de::IgnoredAny>(body).is_err_and(|error| error.is_eof()),
        _ => false,
    }
}
