//! The third layer, and the only one that sends a request again: when that is safe and may help.
//!
//! Safe: reads, and changes whose repetition ends in the same state. A POST, and a JSON patch, are only repeated when
//! the server certainly has not carried them out: the connection was refused, or it answered 429. All tries of one
//! request share one deadline; dropping the future ends them. Answers that are wanted as a whole ([`Whole`]) are read
//! here, so that one that breaks off is a try that failed. Who repeats a change learns by [`Lost`] that it may have been
//! carried out before.

use super::journal::{Change, Repetition};
use super::{Lost, Notice, Patience, Settings, Subject, Whole};
use crate::clock::Clock;
use crate::cluster::path::ApiPath;
use crate::cluster::status::Status;
use crate::failure::{Failure, Kind};
use bytes::Bytes;
use futures::future::BoxFuture;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Either, Full};
use kube::client::Body;
use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;
use tower::{BoxError, Service, ServiceExt};

/// When and how long requests are repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The longest first pause; doubled for each further one.
    pub first_pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
    /// How long all tries of a request may take.
    pub budget: Duration,
    /// The same while this cluster has never answered: a wrong address should be told soon.
    pub first_contact: Duration,
    /// How long one try of a read may take until its answer begins.
    pub read: Duration,
    /// How long one try of a change may take: admission webhooks may take 30 s.
    pub change: Duration,
    /// How long the body of an answer may stand still.
    pub body: Duration,
}

impl Default for Policy {
    fn default() -> Policy {
        Policy {
            first_pause: Duration::from_millis(100),
            longest_pause: Duration::from_secs(5),
            budget: Duration::from_secs(30),
            first_contact: Duration::from_secs(10),
            read: Duration::from_secs(10),
            change: Duration::from_secs(30),
            body: Duration::from_secs(10),
        }
    }
}

impl Policy {
    /// The pause before the try with this number (1 is the first repetition), with full jitter.
    pub fn pause(&self, number: u32, clock: &Clock) -> Duration {
        let longest = self.first_pause.saturating_mul(1 << number.saturating_sub(1).min(16)).min(self.longest_pause);
        // A rehearsal must run the same way each time.
        let share = if clock.is_simulated() { 0.5 } else { random_share() };
        longest.mul_f64(share).max(Duration::from_millis(10))
    }
}

fn random_share() -> f64 {
    let random = std::collections::hash_map::RandomState::new().build_hasher().finish();
    (random >> 11) as f64 / (1u64 << 53) as f64
}

/// Whether sending this request twice ends in the same state as sending it once.
pub fn is_repeatable<T>(request: &Request<T>) -> bool {
    let tried = request.uri().query().is_some_and(|query| query.split('&').any(|pair| pair == "dryRun=All"));
    let json_patch = request.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == "application/json-patch+json");
    match *request.method() {
        // Reviews store nothing, and a second token is as good as the first.
        Method::POST => tried || ["accessreviews", "/token"].iter().any(|end| request.uri().path().ends_with(end)),
        Method::PATCH => tried || !json_patch,
        _ => true,
    }
}

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

/// All tries of one request.
struct Tries {
    settings: Settings,
    repeatable: bool,
    whole: bool,
    start: Duration,
    /// How long one try may take.
    patience: Duration,
    /// How long all may take.
    budget: Duration,
    number: u32,
    /// Whether a try that failed may have been carried out.
    lost: bool,
    /// Whether credentials were renewed already.
    renewed: bool,
    /// What the journal is told of a repetition.
    about: Repetition,
}

/// What one try came to.
type Answer<B> = Option<Result<Response<Read<B>>, BoxError>>;

/// Why a request is sent again.
struct Again {
    reason: String,
    server_wants: Option<Duration>,
    /// Whether the try may have been carried out.
    lost: bool,
    /// Whether new credentials will be used.
    renewed: bool,
}

/// Why an answer is not whole.
#[derive(Debug)]
struct Broken(String);

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Broken {}

impl Tries {
    fn new(settings: &Settings, request: &Request<Body>) -> Tries {
        let policy = &settings.policy;
        let asked = request.extensions().get::<Patience>().map(|patience| patience.0);
        let reading = matches!(*request.method(), Method::GET | Method::HEAD);
        let patience = if reading { policy.read } else { policy.change };
        Tries {
            settings: settings.clone(),
            repeatable: is_repeatable(request),
            whole: request.extensions().get::<Whole>().is_some(),
            start: settings.clock.now(),
            patience: asked.map_or(patience, |asked| asked.min(patience)),
            // A try that nobody answers must leave time for another.
            budget: asked.unwrap_or(policy.budget.max(2 * patience + policy.longest_pause)),
            number: 0,
            lost: false,
            renewed: false,
            about: repetition_of(settings, request),
        }
    }

    async fn run<S, B>(mut self, inner: S, request: Request<Body>) -> Result<Response<Read<B>>, BoxError>
    where
        S: Service<Request<Body>, Response = Response<B>, Error = BoxError> + Clone,
        B: http_body::Body<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        let mut next = request;
        loop {
            let copy = copy_of(&next);
            let mut ready = inner.clone();
            // Credentials may have to be fetched first, and people may take their time to log in.
            let before = self.settings.clock.now();
            if let Err(error) = ready.ready().await {
                return self.settle(Some(Err(error)));
            }
            self.start += self.settings.clock.now().saturating_sub(before);
            let answer = self.one_try(ready, next).await;
            let (Some(again), Some(copy)) = (self.judge(&answer), copy) else { return self.settle(answer) };
            let Some(pause) = self.pause(&again) else { return self.settle(answer) };
            self.lost |= again.lost;
            self.renewed |= again.renewed;
            self.tell(again.reason, pause);
            drop(answer);
            self.settings.clock.sleep(pause).await;
            next = copy;
        }
    }

    async fn one_try<S, B>(&self, mut inner: S, request: Request<Body>) -> Answer<B>
    where
        S: Service<Request<Body>, Response = Response<B>, Error = BoxError>,
        B: http_body::Body<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        let answer = self.settings.clock.timeout(self.patience, inner.call(request)).await;
        if let Some(Ok(_)) = &answer {
            self.settings.counters.answered.store(true, Ordering::Relaxed);
        }
        match answer? {
            Ok(response) if self.whole => Some(self.read(response).await),
            Ok(response) => Some(Ok(response.map(Either::Right))),
            Err(error) => Some(Err(error)),
        }
    }

    /// Reads an answer to its end. What a refusal says becomes an extension of it.
    async fn read<B>(&self, response: Response<B>) -> Result<Response<Read<B>>, BoxError>
    where
        B: http_body::Body<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        let (mut parts, body) = response.into_parts();
        let body = self.collect(body).await?;
        if parts.status.is_client_error() || parts.status.is_server_error() {
            parts.extensions.insert(Status::read(parts.status, &body));
        } else if is_cut(&body) {
            // Behind some proxies a broken answer ends like a complete one.
            return Err(Broken("the answer ended too early".into()).into());
        }
        Ok(Response::from_parts(parts, Either::Left(Full::new(body))))
    }

    async fn collect<B>(&self, body: B) -> Result<Bytes, BoxError>
    where
        B: http_body::Body<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        let (limit, mut whole) = (self.settings.policy.body, Vec::new());
        let mut body = std::pin::pin!(body);
        loop {
            let frame = self.settings.clock.timeout(limit, body.frame()).await;
            let Some(frame) = frame.ok_or_else(|| Broken("the answer stood still".into()))? else { break };
            let frame =
                frame.map_err(|error| Broken(format!("the answer broke off: {}", root_cause(&*error.into()))))?;
            let Ok(data) = frame.into_data() else { continue };
            // Most answers are one frame: no copy then.
            if whole.is_empty() && body.is_end_stream() {
                return Ok(data);
            }
            whole.extend_from_slice(&data);
        }
        Ok(whole.into())
    }

    fn judge<B>(&self, answer: &Answer<B>) -> Option<Again> {
        let again = |reason: String, lost: bool| Some(Again { reason, server_wants: None, lost, renewed: false });
        match answer {
            Some(Ok(response)) => self.judge_status(response.status(), response),
            Some(Err(error)) if error.is::<Failure>() || is_lasting(error) => None,
            Some(Err(error)) if is_refused(error) => again(root_cause(error.as_ref()), false),
            Some(Err(error)) if self.repeatable => again(root_cause(error.as_ref()), true),
            None if self.repeatable => again("no answer".into(), true),
            _ => None,
        }
    }

    fn judge_status<B>(&self, code: StatusCode, response: &Response<B>) -> Option<Again> {
        let status = response.extensions().get::<Status>();
        let gateway =
            matches!(code, StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT);
        let passing = gateway || status.is_some_and(Status::is_passing);
        let early = status.is_some_and(Status::is_missing_right) && self.has_new_rights();
        let renewed = !self.renewed && response.extensions().get::<super::Renewed>().is_some();
        if !(code == StatusCode::TOO_MANY_REQUESTS || passing && self.repeatable || early || renewed) {
            return None;
        }
        let server_wants = response.headers().get(RETRY_AFTER).and_then(|value| retry_after(value.to_str().ok()?));
        let said = status.filter(|status| !gateway && !status.message.is_empty());
        let reason = said.map_or_else(|| code.to_string(), |status| crate::plain::line(&status.message, 120));
        Some(Again { reason, server_wants, lost: passing, renewed })
    }

    fn has_new_rights(&self) -> bool {
        self.settings.counters.has_new_rights(self.settings.clock.now())
    }

    /// How long to wait before the next try; `None` when the deadline would pass.
    fn pause(&mut self, again: &Again) -> Option<Duration> {
        self.number += 1;
        let own = self.settings.policy.pause(self.number, &self.settings.clock);
        let pause = again.server_wants.map_or(own, |wanted| wanted.max(own));
        (self.lasting() + pause < self.deadline()).then_some(pause)
    }

    fn deadline(&self) -> Duration {
        if self.settings.counters.answered.load(Ordering::Relaxed) {
            self.budget
        } else {
            self.budget.min(self.settings.policy.first_contact)
        }
    }

    fn lasting(&self) -> Duration {
        self.settings.clock.now().saturating_sub(self.start)
    }

    fn tell(&self, reason: String, again_in: Duration) {
        self.settings.counters.retries.fetch_add(1, Ordering::Relaxed);
        let (cluster, about) = (self.settings.cluster.clone(), &self.about);
        tracing::debug!(%cluster, method = %about.method, path = %about.path, %reason, ?again_in, "sent again");
        let record = Repetition {
            time: super::journal::now(),
            number: self.number,
            reason: crate::secret::Redactor::global().scrub(&reason),
            ..about.clone()
        };
        if let Err(error) = self.settings.journal.repetition(&record) {
            tracing::warn!(%error, "a repetition could not be written to the journal");
        }
        (self.settings.listener)(&Notice::Retrying { cluster, reason, lasting: self.lasting(), again_in });
    }

    fn settle<B>(&self, answer: Answer<B>) -> Result<Response<Read<B>>, BoxError> {
        let failure = match answer {
            Some(Ok(mut response)) => {
                if self.lost {
                    response.extensions_mut().insert(Lost);
                }
                return Ok(response);
            }
            Some(Err(error)) => match error.downcast::<Failure>() {
                Ok(failure) => *failure,
                Err(error) => unreachable(&self.settings.server, error.as_ref()),
            },
            None => self.silence(),
        };
        Err(failure.on_cluster(&*self.settings.cluster).into())
    }

    fn silence(&self) -> Failure {
        let lasting = self.lasting().as_secs();
        let message = format!("{} gave no answer within {lasting} s", self.settings.server);
        let failure = Failure::new(Kind::Unreachable, message);
        if self.repeatable {
            return failure.hint("check the network between here and the cluster: VPN, proxy, firewall");
        }
        failure.hint("the request may have been carried out: look at the object before repeating")
    }
}

pub(in crate::cluster) fn copy_of(request: &Request<Body>) -> Option<Request<Body>> {
    let mut copy = Request::new(request.body().try_clone()?);
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    *copy.extensions_mut() = request.extensions().clone();
    Some(copy)
}

fn repetition_of(settings: &Settings, request: &Request<Body>) -> Repetition {
    let (uri, extensions) = (request.uri(), request.extensions());
    let subject = extensions.get::<Subject>().map(|subject| subject.0.clone());
    Repetition {
        change: extensions.get::<Change>().map(|change| change.0),
        cluster: settings.cluster.to_string(),
        method: request.method().to_string(),
        path: uri.path_and_query().map_or_else(|| uri.path().to_owned(), ToString::to_string),
        object: subject.unwrap_or_else(|| ApiPath::parse(uri.path()).title()),
        ..Repetition::default()
    }
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

/// `Retry-After` in seconds or as an HTTP date.
fn retry_after(value: &str) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
    Duration::try_from(date.duration_since(jiff::Timestamp::now())).ok()
}

fn chain<'e>(
    error: &'e (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'e (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| error.source())
}

/// Whether the connection was never made, so that the server cannot have seen the request.
fn is_refused(error: &BoxError) -> bool {
    chain(error.as_ref()).any(|error| {
        error.downcast_ref::<hyper_util::client::legacy::Error>().is_some_and(|error| error.is_connect())
            || error.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == std::io::ErrorKind::ConnectionRefused)
    })
}

/// Whether trying again is pointless: certificates do not get better within seconds.
fn is_lasting(error: &BoxError) -> bool {
    chain(error.as_ref()).any(|error| is_certificate_trouble(&error.to_string()))
}

fn is_certificate_trouble(text: &str) -> bool {
    ["invalid peer certificate", "certificate required", "bad certificate", "unknown certificate", "unknown ca"]
        .iter()
        .any(|words| text.to_ascii_lowercase().contains(words))
}

fn root_cause(error: &(dyn std::error::Error + 'static)) -> String {
    chain(error).last().map(ToString::to_string).unwrap_or_default()
}

/// The failure of a connection that could not be made or broke.
fn unreachable(server: &str, error: &(dyn std::error::Error + 'static)) -> Failure {
    let cause = root_cause(error);
    let hint = match &cause {
        text if is_certificate_trouble(text) => {
            "the server's certificate does not fit the kubeconfig: check certificate-authority, server name and clock"
        }
        text if text.contains("lookup") || text.contains("resolve") => {
            "the host name in the kubeconfig does not resolve: check it, DNS and the VPN"
        }
        text if text.contains("refused") => "nothing listens there: is the cluster running, is the port right?",
        _ => "check the network between here and the cluster: VPN, proxy, firewall",
    };
    Failure::new(Kind::Unreachable, format!("cannot talk to {server}: {cause}")).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::AtomicU32;

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

    #[test]
    fn pauses_grow_to_a_limit() {
        let (policy, clock) = (Policy::default(), Clock::simulated());
        assert_eq!(policy.pause(1, &clock), Duration::from_millis(50));
        assert_eq!(policy.pause(3, &clock), Duration::from_millis(200));
        assert_eq!(policy.pause(60, &clock), Duration::from_millis(2500));
        assert!((1..100).all(|n| policy.pause(n, &Clock::real()) <= policy.longest_pause));
    }

    #[test]
    fn both_forms_of_retry_after_are_read() {
        assert_eq!(retry_after("3"), Some(Duration::from_secs(3)));
        assert!(retry_after("Fri, 01 Jan 2100 00:00:00 GMT").is_some());
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:37 GMT"), None);
    }
}
