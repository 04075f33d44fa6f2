//! The third layer, and the only one that sends a request again: when that is safe and may help.
//!
//! Safe: reads, and changes whose repetition ends in the same state. A POST, a JSON patch, and what runs a program in a
//! pod, are only repeated when the server certainly has not carried them out: the connection was refused, or it answered
//! 429. All tries of one request share one deadline, an earlier one when the work that it is for must end sooner
//! ([`super::Deadline`]); dropping the future ends them. Answers that are wanted as a whole ([`Whole`]) are read here, so that one that breaks
//! off is a try that failed. Who repeats a change learns by [`Lost`] that it may have been carried out before.

mod answer;
mod policy;
mod tries;
mod trouble;

pub use policy::{Policy, is_repeatable};

use super::Settings;
use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Request, Response};
use http_body_util::{Either, Full};
use kube::client::Body;
use std::task::{Context, Poll};
use tower::{BoxError, Service};
use tries::Tries;

/// See the module.
#[derive(Clone)]
pub struct Retry<S> {
    inner: S,
    settings: Settings,
}

impl<S> Retry<S> {
    /// This service with repetitions.
    pub fn new(inner: S, settings: &Settings) -> Retry<S> {
        Retry { inner, settings: settings.clone() }
    }
}

impl<S, B> Service<Request<Body>> for Retry<S>
where
    S: Service<Request<Body>, Response = Response<B>, Error = BoxError> + Clone + Send + 'static,
    S::Future: Send,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Read<B>>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<Read<B>>, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let tries = Tries::new(&self.settings, &request);
        Box::pin(tries.run(self.inner.clone(), request))
    }
}

/// The body of an answer: read as a whole, or as it comes.
pub type Read<B> = Either<Full<Bytes>, B>;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::cluster::layers::Deadline;
    use crate::failure::{Failure, Kind};
    use http::header::{CONTENT_TYPE, RETRY_AFTER};
    use std::io::ErrorKind;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;
    use tower::ServiceExt;

    type Reply = Result<Response<Body>, BoxError>;
    type Outcome = Result<Response<Read<Body>>, BoxError>;

    fn settings(clock: Clock) -> Settings {
        Settings::new("east", "https://east", clock)
    }

    fn request(method: &str, content: &str) -> Request<Body> {
        let builder =
            Request::builder().method(method).uri("/api/v1/namespaces/a/pods/p").header(CONTENT_TYPE, content);
        builder.body(Body::from(b"{}".to_vec())).expect("request")
    }

    fn status(code: u16) -> Reply {
        Ok(Response::builder().status(code).body(Body::empty()).expect("response"))
    }

    fn io(kind: std::io::ErrorKind) -> Reply {
        Err(std::io::Error::from(kind).into())
    }

    /// Sends through the layer; the transport answers `first` once, then 200. Returns the outcome and the tries.
    async fn send(settings: &Settings, request: Request<Body>, first: fn() -> Reply) -> (Outcome, u32) {
        let tries = Arc::new(AtomicU32::new(0));
        let count = tries.clone();
        let transport = tower::service_fn(move |_: Request<Body>| {
            let number = count.fetch_add(1, Ordering::SeqCst);
            std::future::ready(if number == 0 { first() } else { status(200) })
        });
        let outcome = Retry::new(transport, settings).oneshot(request).await;
        (outcome, tries.load(Ordering::SeqCst))
    }

    /// A transport that answers after this time.
    fn slow(
        clock: Clock,
        takes: Duration,
    ) -> impl Service<Request<Body>, Response = Response<Body>, Error = BoxError, Future: Send> + Clone + Send + 'static
    {
        tower::service_fn(move |_: Request<Body>| {
            let clock = clock.clone();
            async move {
                clock.sleep(takes).await;
                status(200)
            }
        })
    }

    #[test]
    fn reads_survive_every_passing_trouble() {
        crate::clock::simulated(async |clock| {
            let settings = settings(clock.clone());
            let troubles: [fn() -> Reply; 6] = [
                || status(429),
                || status(502),
                || status(503),
                || status(504),
                || io(std::io::ErrorKind::ConnectionReset),
                || io(std::io::ErrorKind::ConnectionRefused),
            ];
            for trouble in troubles {
                let (outcome, tries) = send(&settings, request("GET", ""), trouble).await;
                assert_eq!((outcome.expect("answer").status().as_u16(), tries), (200, 2));
            }
            assert_eq!(settings.counters.retries(), 6);
        });
    }

    #[test]
    fn a_post_is_repeated_only_when_it_was_not_carried_out() {
        crate::clock::simulated(async |clock| {
            let settings = settings(clock.clone());
            let post = || request("POST", "application/json");
            assert_eq!(send(&settings, post(), || status(429)).await.1, 2);
            assert_eq!(send(&settings, post(), || io(std::io::ErrorKind::ConnectionRefused)).await.1, 2);
            assert_eq!(send(&settings, post(), || status(503)).await.1, 1);
            let (outcome, tries) = send(&settings, post(), || io(std::io::ErrorKind::ConnectionReset)).await;
            assert_eq!(tries, 1);
            assert_eq!(outcome.expect_err("reset").downcast::<Failure>().expect("failure").kind, Kind::Unreachable);
            assert_eq!(send(&settings, request("PATCH", "application/json-patch+json"), || status(503)).await.1, 1);
            assert_eq!(send(&settings, request("PATCH", "application/apply-patch+yaml"), || status(503)).await.1, 2);
        });
    }

    #[test]
    fn a_program_in_a_pod_is_started_once() {
        crate::clock::simulated(async |clock| {
            let settings = settings(clock.clone());
            settings.counters.answered.store(true, Ordering::SeqCst);
            let exec = || {
                let uri = "/api/v1/namespaces/a/pods/p/exec?command=date";
                Request::builder().uri(uri).body(Body::empty()).expect("request")
            };
            for trouble in [|| io(ErrorKind::ConnectionReset), || status(503), || status(504)] {
                assert_eq!(send(&settings, exec(), trouble).await.1, 1, "it may have run");
            }
            for trouble in [|| io(ErrorKind::ConnectionRefused), || status(429)] {
                assert_eq!(send(&settings, exec(), trouble).await.1, 2, "it has not run");
            }
            let slow = slow(clock.clone(), Duration::from_secs(25));
            let answer = Retry::new(slow, &settings).oneshot(exec()).await.expect("a pod may take its time");
            assert_eq!(answer.status().as_u16(), 200);
        });
    }

    #[test]
    fn the_server_says_when_and_the_deadline_says_how_long() {
        crate::clock::simulated(async |clock| {
            let settings = settings(clock.clone());
            let busy =
                || Ok(Response::builder().status(429).header(RETRY_AFTER, "7").body(Body::empty()).expect("response"));
            send(&settings, request("GET", ""), busy).await.0.expect("answer");
            assert!(settings.clock.now() >= Duration::from_secs(7));
            let transport = tower::service_fn(|_: Request<Body>| std::future::ready(status(503)));
            let start = settings.clock.now();
            let answer = Retry::new(transport, &settings).oneshot(request("GET", "")).await.expect("answer");
            assert_eq!(answer.status().as_u16(), 503);
            let took = settings.clock.now() - start;
            assert!(took > Duration::from_secs(20) && took <= settings.policy.budget, "{took:?}");
        });
    }

    #[test]
    fn a_slow_webhook_is_not_taken_for_a_black_hole() {
        crate::clock::simulated(async |clock| {
            let settings = settings(clock.clone());
            settings.counters.answered.store(true, Ordering::SeqCst);
            let slow = slow(clock.clone(), Duration::from_secs(25));
            for (method, content) in [("PATCH", "application/apply-patch+yaml"), ("POST", "application/json")] {
                let answer =
                    Retry::new(slow.clone(), &settings).oneshot(request(method, content)).await.expect("answer");
                assert_eq!(answer.status().as_u16(), 200, "{method}");
            }
            assert_eq!(settings.counters.retries(), 1, "only what can be repeated was");
        });
    }

    #[test]
    fn what_is_of_no_use_any_more_is_not_asked_again() {
        crate::clock::simulated(async |clock| {
            let settings = settings(clock.clone());
            settings.counters.answered.store(true, Ordering::SeqCst);
            let by = |mut request: Request<Body>, seconds| {
                request.extensions_mut().insert(Deadline(clock.now() + Duration::from_secs(seconds)));
                request
            };
            let start = clock.now();
            let hole = tower::service_fn(|_: Request<Body>| std::future::pending::<Reply>());
            let read = by(request("GET", ""), 3);
            Retry::new(hole, &settings).oneshot(read).await.expect_err("silence");
            assert_eq!(clock.now() - start, Duration::from_secs(3), "a black hole ends with the deadline");
            let start = clock.now();
            let busy = tower::service_fn(|_: Request<Body>| std::future::ready(status(503)));
            let answer = Retry::new(busy, &settings).oneshot(by(request("GET", ""), 3)).await.expect("answer");
            assert_eq!(answer.status().as_u16(), 503);
            assert!(clock.now() - start <= Duration::from_secs(3), "{:?}", clock.now() - start);
            // A change that was sent is heard out.
            let slow = slow(clock.clone(), Duration::from_secs(8));
            let change = by(request("PATCH", "application/apply-patch+yaml"), 3);
            let answer = Retry::new(slow, &settings).oneshot(change).await.expect("answer");
            assert_eq!(answer.status().as_u16(), 200);
        });
    }

    #[test]
    fn a_server_that_never_listened_is_told_within_two_seconds() {
        crate::clock::simulated(async |clock| {
            let settings = settings(clock.clone());
            let nobody = tower::service_fn(|_: Request<Body>| std::future::ready(io(ErrorKind::ConnectionRefused)));
            Retry::new(nobody, &settings).oneshot(request("GET", "")).await.expect_err("refused");
            assert!(clock.now() < Duration::from_secs(2), "{:?}", clock.now());
            // One that is known restarts.
            settings.counters.answered.store(true, Ordering::SeqCst);
            let start = clock.now();
            Retry::new(nobody, &settings).oneshot(request("GET", "")).await.expect_err("refused");
            assert!(clock.now() - start > Duration::from_secs(20), "{:?}", clock.now() - start);
        });
    }

    #[test]
    fn a_black_hole_ends_and_a_first_contact_ends_sooner() {
        crate::clock::simulated(async |clock| {
            let settings = settings(clock.clone());
            let hole = tower::service_fn(|_: Request<Body>| std::future::pending::<Reply>());
            let failure = Retry::new(hole, &settings).oneshot(request("GET", "")).await.expect_err("silence");
            let failure = failure.downcast::<Failure>().expect("failure");
            assert_eq!((failure.kind, failure.cluster.as_deref()), (Kind::Unreachable, Some("east")));
            assert!(settings.clock.now() <= Duration::from_secs(20), "{:?}", settings.clock.now());
        });
    }
}
