//! Faults on demand: what networks and overloaded API servers do to clients.
//!
//! Tests and rehearsals inject them with [`Faults::inject`]; the way into the server asks [`Faults::meet`] about each
//! request, and wraps the answer's body in [`cut`] when a connection is to break later.

use super::ReplyBody;
use crate::clock::Clock;
use bytes::Bytes;
use futures::StreamExt;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use serde_json::{Value, json};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// A fault and the requests that it happens to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Only requests with this method.
    pub method: Option<String>,
    /// Only requests whose path with query contains this.
    pub path: Option<String>,
    /// Only this many requests; all from now on when `None`.
    pub times: Option<u32>,
    /// What happens.
    pub effect: Effect,
}

/// What happens to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// It is answered later than usual, by this much of the world's time.
    Latency(Duration),
    /// It is refused with this status code; with `retry_after`, the answer says how many seconds to wait.
    Status {
        /// The HTTP status code: 409, 429, 500, 503 or any other.
        code: u16,
        /// Seconds for the Retry-After header.
        retry_after: Option<u32>,
    },
    /// The connection breaks before the request is handled.
    Reset,
    /// The request is handled, but the connection breaks before the answer.
    ResetAfter,
    /// If it is a watch, its connection breaks after this much of the world's time.
    DropWatch(Duration),
}

impl Fault {
    /// This happens to every request from now on.
    pub fn new(effect: Effect) -> Fault {
        Fault { method: None, path: None, times: None, effect }
    }

    /// Only to requests with this method.
    pub fn method(mut self, method: &str) -> Fault {
        self.method = Some(method.to_owned());
        self
    }

    /// Only to requests whose path with query contains this.
    pub fn path(mut self, part: &str) -> Fault {
        self.path = Some(part.to_owned());
        self
    }

    /// Only to the next so many of these requests.
    pub fn times(mut self, times: u32) -> Fault {
        self.times = Some(times);
        self
    }

    fn concerns(&self, method: &str, path: &str) -> bool {
        let watch = path.contains("watch=true") || path.contains("watch=1");
        self.times != Some(0)
            && self.method.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
            && self.path.as_ref().is_none_or(|part| path.contains(part.as_str()))
            && (watch || !matches!(self.effect, Effect::DropWatch(_)))
    }
}

/// The faults of one server.
#[derive(Debug, Default)]
pub struct Faults(Mutex<Vec<Fault>>);

/// What a request has met.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Met {
    /// It is not to be handled: the code and `Retry-After`.
    pub refusal: Option<(u16, Option<u32>)>,
    /// The connection breaks before the request is handled.
    pub reset: bool,
    /// The connection breaks before the answer.
    pub reset_after: bool,
    /// The connection breaks this long after the answer began.
    pub cut: Option<Duration>,
}

impl Faults {
    /// Adds a fault; a request can meet several.
    pub fn inject(&self, fault: Fault) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(fault);
    }

    /// Ends all faults.
    pub fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// What happens to this request, after the latency it has met.
    pub(crate) async fn meet(&self, clock: &Clock, method: &str, path: &str) -> Met {
        let (latency, met) = self.take(method, path);
        if latency > Duration::ZERO {
            clock.sleep(latency).await;
        }
        met
    }

    fn take(&self, method: &str, path: &str) -> (Duration, Met) {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut latency, mut met) = (Duration::ZERO, Met::default());
        for fault in faults.iter_mut().filter(|fault| fault.concerns(method, path)) {
            let ends = met.reset || met.refusal.is_some();
            match &fault.effect {
                Effect::Latency(more) => latency += *more,
                // Only one fault can end a request; the others stay for the next one.
                _ if ends => continue,
                Effect::Status { code, retry_after } => met.refusal = Some((*code, *retry_after)),
                Effect::Reset => met.reset = true,
                Effect::ResetAfter => met.reset_after = true,
                Effect::DropWatch(after) => met.cut = Some(*after),
            }
            fault.times = fault.times.map(|times| times - 1);
        }
        faults.retain(|fault| fault.times != Some(0));
        (latency, met)
    }
}

/// The answer of a server that refuses with this code, as kube-apiserver words it.
pub(crate) fn refusal(code: u16, retry_after: Option<u32>) -> http::Response<ReplyBody> {
    let mut response = http::Response::new(whole(status(code, retry_after).to_string()));
    *response.status_mut() = http::StatusCode::from_u16(code).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    if let Some(seconds) = retry_after {
        headers.insert(http::header::RETRY_AFTER, seconds.into());
    }
    response
}

fn whole(text: String) -> ReplyBody {
    ReplyBody::new(Full::new(Bytes::from(text)).map_err(|never| match never {}))
}

fn status(code: u16, retry_after: Option<u32>) -> Value {
    let (reason, message) = match code {
        409 => (
            "Conflict",
            "Operation cannot be fulfilled: the object has been modified; please apply your changes to the latest version and try again",
        ),
        429 => ("TooManyRequests", "Too many requests, please try again later."),
        500 => ("InternalError", "Internal error occurred: etcdserver: leader changed"),
        503 => ("ServiceUnavailable", "apiserver is shutting down"),
        504 => ("Timeout", "Timeout: request did not complete within the allotted timeout"),
        _ => ("", "the server refused the request"),
    };
    let details = retry_after.map(|seconds| json!({ "retryAfterSeconds": seconds }));
    let mut status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code,
    });
    if let Some(details) = details {
        status["details"] = details;
    }
    status
}

/// The body, whose connection breaks after this much of the world's time.
pub(crate) fn cut(body: ReplyBody, clock: Clock, after: Duration) -> ReplyBody {
    type Part = Result<Frame<Bytes>, tower::BoxError>;
    let parts = body.into_data_stream().map(|part| part.map(Frame::data));
    let end = async move { clock.sleep(after).await };
    let broken = futures::stream::once(async {
        let error = std::io::Error::new(std::io::ErrorKind::ConnectionReset, "connection reset by peer");
        Err(error.into()) as Part
    });
    ReplyBody::new(StreamBody::new(parts.take_until(Box::pin(end)).chain(broken).boxed()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn busy(times: u32) -> Fault {
        Fault::new(Effect::Status { code: 429, retry_after: Some(1) }).times(times)
    }

    #[test]
    fn a_fault_happens_to_the_next_requests_that_match() {
        let faults = Faults::default();
        faults.inject(busy(2).method("get").path("/pods"));
        assert_eq!(faults.take("POST", "/api/v1/pods").1, Met::default());
        assert_eq!(faults.take("GET", "/api/v1/nodes").1, Met::default());
        for _ in 0..2 {
            assert_eq!(faults.take("GET", "/api/v1/pods").1.refusal, Some((429, Some(1))));
        }
        assert_eq!(faults.take("GET", "/api/v1/pods").1, Met::default());
    }

    #[test]
    fn only_one_fault_ends_a_request() {
        let faults = Faults::default();
        faults.inject(busy(1));
        faults.inject(Fault::new(Effect::Reset).times(1));
        faults.inject(Fault::new(Effect::Latency(Duration::from_secs(2))));
        let (latency, met) = faults.take("GET", "/a");
        assert_eq!((latency, met.reset, met.refusal.is_some()), (Duration::from_secs(2), false, true));
        assert!(faults.take("GET", "/a").1.reset);
    }

    #[test]
    fn only_watches_are_dropped() {
        let faults = Faults::default();
        faults.inject(Fault::new(Effect::DropWatch(Duration::ZERO)));
        assert_eq!(faults.take("GET", "/api/v1/pods").1.cut, None);
        assert_eq!(faults.take("GET", "/api/v1/pods?watch=true").1.cut, Some(Duration::ZERO));
    }

    #[tokio::test]
    async fn a_cut_body_breaks_after_what_was_sent() {
        let clock = Clock::simulated();
        tokio::spawn(clock.clone().drive());
        let mut body = cut(whole("{}".into()), clock, Duration::from_secs(1)).into_data_stream();
        assert_eq!(body.next().await.and_then(Result::ok).as_deref(), Some(&b"{}"[..]));
        assert!(body.next().await.is_some_and(|part| part.is_err()));
        assert!(body.next().await.is_none());
    }
}
