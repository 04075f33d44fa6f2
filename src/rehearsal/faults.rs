//! Faults on demand: what networks and overloaded API servers do to clients.
//!
//! Tests and rehearsals inject them with [`Faults::inject`]; the way into the server sends each request through an
//! [`Encounter`].

use super::transport::{Reply, ReplyBody};
use super::{Logged, Server, reply};
use futures::StreamExt;
use http::request::Parts;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use serde_json::{Value, json};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

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
        self.times != Some(0)
            && self.method.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
            && self.path.as_ref().is_none_or(|part| path.contains(part.as_str()))
            && (is_watch(path) || !matches!(self.effect, Effect::DropWatch(_)))
    }
}

/// The faults of one server.
#[derive(Debug, Default)]
pub struct Faults {
    injected: Mutex<Vec<Fault>>,
    /// Changes when all watches break.
    dropped: watch::Sender<u64>,
}

/// What a request has met.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Met {
    /// It is not to be handled: the code and `Retry-After`.
    refusal: Option<(u16, Option<u32>)>,
    /// The connection breaks before the request is handled.
    reset: bool,
    /// The connection breaks before the answer.
    reset_after: bool,
    /// The connection breaks this long after the answer began.
    cut: Option<Duration>,
}

impl Faults {
    /// Adds a fault; a request can meet several.
    pub fn inject(&self, fault: Fault) {
        self.injected.lock().unwrap_or_else(PoisonError::into_inner).push(fault);
    }

    /// Ends all faults.
    pub fn clear(&self) {
        self.injected.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Breaks the connections of all watches that are open now.
    pub fn drop_watches(&self) {
        self.dropped.send_modify(|times| *times += 1);
    }

    fn take(&self, method: &str, path: &str) -> (Duration, Met) {
        let mut faults = self.injected.lock().unwrap_or_else(PoisonError::into_inner);
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

/// A request on its way through the faults of a server.
pub(super) struct Encounter {
    server: Server,
    request: Logged,
}

impl Encounter {
    /// The request with this head.
    pub fn new(server: &Server, parts: &Parts) -> Encounter {
        let agent = parts.headers.get(http::header::USER_AGENT).and_then(|value| value.to_str().ok());
        let request = Logged {
            method: parts.method.to_string(),
            path: parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str).to_owned(),
            user_agent: agent.unwrap_or_default().to_owned(),
            ..Logged::default()
        };
        Encounter { server: server.clone(), request }
    }

    /// The answer, unless a fault prevents it.
    ///
    /// # Errors
    /// When a fault breaks the connection.
    pub async fn around(self, answer: impl Future<Output = Reply>) -> std::io::Result<Reply> {
        let (latency, met) = self.server.faults().take(&self.request.method, &self.request.path);
        if latency > Duration::ZERO {
            self.server.clock().sleep(latency).await;
        }
        if met.reset {
            return Err(reset());
        }
        let reply = match met.refusal {
            Some((code, retry_after)) => self.refuse(code, retry_after),
            None => answer.await,
        };
        if met.reset_after {
            return Err(reset());
        }
        Ok(if is_watch(&self.request.path) { self.breakable(reply, met.cut) } else { reply })
    }

    fn refuse(&self, code: u16, retry_after: Option<u32>) -> Reply {
        let mut reply = reply::json(code, &status(code, retry_after));
        if let Some(seconds) = retry_after {
            reply.headers_mut().insert(http::header::RETRY_AFTER, seconds.into());
        }
        self.server.record(Logged { status: code, ..self.request.clone() });
        reply
    }

    /// A watch whose connection breaks after this much of the world's time, or with all others.
    fn breakable(&self, reply: Reply, after: Option<Duration>) -> Reply {
        let clock = self.server.clock().clone();
        let mut dropped = self.server.faults().dropped.subscribe();
        let end = async move {
            let late = async {
                match after {
                    Some(after) => clock.sleep(after).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! { () = late => true, changed = dropped.changed() => changed.is_ok() }
        };
        reply.map(|body| cut(body, end))
    }
}

fn is_watch(path: &str) -> bool {
    path.split(['?', '&']).any(|part| matches!(part, "watch" | "watch=true" | "watch=1"))
}

fn reset() -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::ConnectionReset, "connection reset by peer")
}

/// The body, whose connection breaks when `end` comes to `true` and ends when it comes to `false`.
fn cut(body: ReplyBody, end: impl Future<Output = bool> + Send + 'static) -> ReplyBody {
    let state = Some((body.into_data_stream(), Box::pin(end)));
    let parts = futures::stream::unfold(state, |state| async {
        let (mut parts, mut end) = state?;
        tokio::select! {
            biased;
            part = parts.next() => part.map(|part| (part.map(Frame::data), Some((parts, end)))),
            breaks = &mut end => breaks.then(|| (Err(reset().into()), None)),
        }
    });
    Box::new(StreamBody::new(Box::pin(parts)))
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

#[cfg(test)]
mod tests {
    use super::*;
    use tower::BoxError;

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
    async fn a_cut_body_breaks_after_what_was_sent_and_a_whole_one_ends() {
        let sent = || futures::stream::iter([Ok::<_, BoxError>(Frame::data(bytes::Bytes::from("{}")))]);
        let open = StreamBody::new(Box::pin(sent().chain(futures::stream::pending())));
        let mut broken = cut(Box::new(open), async { true }).into_data_stream();
        assert_eq!(broken.next().await.and_then(Result::ok).as_deref(), Some(&b"{}"[..]));
        assert!(broken.next().await.is_some_and(|part| part.is_err()));
        assert!(broken.next().await.is_none());
        let whole = cut(Box::new(StreamBody::new(sent())), std::future::pending()).into_data_stream();
        assert_eq!(whole.filter(|part| std::future::ready(part.is_ok())).count().await, 1);
    }
}
