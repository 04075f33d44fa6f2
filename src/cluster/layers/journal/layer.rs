//! The layer itself.

use super::intent::intent_of;
use super::open::Open;
use super::{Change, Former};
use crate::cluster::layers::flight::Airborne;
use crate::cluster::layers::retry::Read;
use crate::cluster::layers::{Own, Settings};
use crate::cluster::path::{Effect, effect_of};
use crate::secret::Redactor;
use futures::future::BoxFuture;
use http::{Request, Response};
use http_body_util::{BodyExt, Either};
use kube::client::Body;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use tower::{BoxError, Service, ServiceExt};

/// See the module.
#[derive(Clone)]
pub struct Journalled<S> {
    inner: S,
    settings: Settings,
}

impl<S> Journalled<S> {
    /// This service with its changes written down.
    pub fn new(inner: S, settings: &Settings) -> Journalled<S> {
        Journalled { inner, settings: settings.clone() }
    }
}

impl<S, B> Service<Request<Body>> for Journalled<S>
where
    S: Service<Request<Body>, Response = Response<Read<B>>, Error = BoxError> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
{
    type Response = Response<Read<B>>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<Read<B>>, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let inner = self.inner.clone();
        let own = request.extensions().get::<Own>().is_some();
        if own || effect_of(request.method(), request.uri().path(), request.uri().query()) != Effect::Change {
            return Box::pin(inner.oneshot(request));
        }
        let (settings, forgotten) = (self.settings.clone(), Arc::new(AtomicBool::new(false)));
        let change = carry_out(inner, request, settings.clone(), forgotten.clone());
        Box::pin(Airborne::new(change, forgotten, &settings))
    }
}

/// What nobody hears: whoever asked has gone.
const INTERRUPTED: &str = "interrupted";

/// Sends a change, and writes down what comes of it before anybody hears.
async fn carry_out<S, B>(
    inner: S,
    mut request: Request<Body>,
    settings: Settings,
    forgotten: Arc<AtomicBool>,
) -> Result<Response<Read<B>>, BoxError>
where
    S: Service<Request<Body>, Response = Response<Read<B>>, Error = BoxError>,
{
    if forgotten.load(Ordering::SeqCst) {
        return Err(INTERRUPTED.into());
    }
    if let Some(door) = &settings.door {
        door.enter(&settings.cluster).await?;
    }
    let former = request.extensions().get::<Former>().cloned();
    let intent = intent_of(&settings, &request, former.as_ref());
    request.extensions_mut().insert(Change(intent.id));
    let mut open = Open::begin(&settings, intent, former.and_then(|former| former.0)).await?;
    if forgotten.load(Ordering::SeqCst) {
        open.unsent();
        return Err(INTERRUPTED.into());
    }
    match inner.oneshot(request).await {
        Ok(response) => {
            open.answered(response.status());
            let (parts, body) = response.into_parts();
            let Either::Left(whole) = body else { return Ok(Response::from_parts(parts, body)) };
            let Ok(bytes) = whole.collect().await.map(http_body_util::Collected::to_bytes);
            open.complete(&bytes);
            Ok(Response::from_parts(parts, Either::Left(bytes.into())))
        }
        Err(error) => {
            open.failed(Redactor::global().scrub(&error.to_string()));
            Err(error)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::cluster::layers::journal::{Intent, Journal, Outcome};
    use crate::cluster::layers::{MemoryJournal, Subject};
    use std::time::Duration;

    fn settings(journal: Arc<dyn Journal>) -> Settings {
        Settings { journal, ..Settings::new("east", "https://east", Clock::real()) }
    }

    type Answer = Response<Read<Body>>;

    fn whole(body: &'static [u8]) -> Answer {
        Response::new(Either::Left(bytes::Bytes::from_static(body).into()))
    }

    fn request(method: &str) -> Request<Body> {
        let mut request =
            Request::builder().method(method).uri("/api/v1/namespaces/a/pods/p").body(Body::empty()).expect("request");
        request.extensions_mut().insert(Subject("Pod a/p".into()));
        request
    }

    #[tokio::test]
    async fn only_changes_are_written_down_before_and_after() {
        let journal = Arc::new(MemoryJournal::default());
        let seen = journal.clone();
        let transport = tower::service_fn(move |request: Request<Body>| {
            if request.method() == "DELETE" {
                assert_eq!(seen.intents().len(), 1, "the intent comes first");
            }
            async { Ok::<_, BoxError>(whole(b"{}")) }
        });
        let service = Journalled::new(transport, &settings(journal.clone()));
        service.clone().oneshot(request("GET")).await.expect("read");
        service.oneshot(request("DELETE")).await.expect("change");
        let (intents, outcomes) = (journal.intents(), journal.outcomes());
        assert_eq!((intents.len(), outcomes.len()), (1, 1));
        assert_eq!((intents[0].object.as_str(), intents[0].id), ("Pod a/p", outcomes[0].id));
        assert_eq!(outcomes[0].status, Some(200));
    }

    /// A transport that answers a change after this long.
    fn slow(
        clock: &Clock,
        after: Duration,
    ) -> impl Service<Request<Body>, Response = Answer, Error = BoxError, Future: Send> + Clone + Send + 'static {
        let clock = clock.clone();
        tower::service_fn(move |_: Request<Body>| {
            let clock = clock.clone();
            async move {
                clock.sleep(after).await;
                Ok(whole(br#"{"metadata":{"name":"p","uid":"u","resourceVersion":"7"}}"#))
            }
        })
    }

    /// What the journal says of a change that is given up after a second.
    async fn given_up(clock: Clock, answers_after: Duration) -> (Vec<Intent>, Vec<Outcome>, Duration) {
        let journal = Arc::new(MemoryJournal::default());
        let settings = Settings { clock: clock.clone(), ..settings(journal.clone()) };
        let service = Journalled::new(slow(&clock, answers_after), &settings);
        assert!(clock.timeout(Duration::from_secs(1), service.oneshot(request("PATCH"))).await.is_none());
        settings.flights.landed().await;
        (journal.intents(), journal.outcomes(), clock.now())
    }

    #[test]
    fn a_change_that_nobody_waits_for_any_more_may_finish_for_two_seconds() {
        crate::clock::simulated(async |clock| {
            let (_, outcomes, ended) = given_up(clock, Duration::from_millis(2500)).await;
            assert_eq!((outcomes[0].status, outcomes[0].uid.as_str()), (Some(200), "u"));
            assert_eq!(ended, Duration::from_millis(2500));
        });
    }

    #[test]
    fn a_change_that_takes_longer_is_interrupted() {
        crate::clock::simulated(async |clock| {
            let (intents, outcomes, ended) = given_up(clock, Duration::from_secs(60)).await;
            assert_eq!((intents.len(), outcomes[0].failure.as_deref()), (1, Some("interrupted")));
            assert_eq!(ended, Duration::from_secs(3));
        });
    }

    #[tokio::test]
    async fn a_change_that_is_given_up_before_it_is_sent_is_not_sent() {
        struct Slow(MemoryJournal);
        impl Journal for Slow {
            fn intent(&self, intent: &Intent) -> std::io::Result<()> {
                std::thread::sleep(Duration::from_millis(200));
                self.0.intent(intent)
            }
            fn outcome(&self, outcome: &Outcome) -> std::io::Result<()> {
                self.0.outcome(outcome)
            }
        }
        let journal = Arc::new(Slow(MemoryJournal::default()));
        let transport = tower::service_fn(|_: Request<Body>| async { panic!("sent") as Result<Answer, BoxError> });
        let settings = settings(journal.clone());
        let service = Journalled::new(transport, &settings);
        let short = Duration::from_millis(30);
        assert!(tokio::time::timeout(short, service.oneshot(request("PATCH"))).await.is_err());
        settings.flights.landed().await;
        assert_eq!(journal.0.outcomes()[0].failure.as_deref(), Some(super::super::NOT_SENT));
    }

    #[tokio::test]
    async fn without_a_journal_nothing_is_sent() {
        struct Full;
        impl Journal for Full {
            fn intent(&self, _: &Intent) -> std::io::Result<()> {
                Err(std::io::Error::from(std::io::ErrorKind::StorageFull))
            }
            fn outcome(&self, _: &Outcome) -> std::io::Result<()> {
                Ok(())
            }
        }
        let transport = tower::service_fn(|_: Request<Body>| async { panic!("sent") as Result<Answer, BoxError> });
        let service = Journalled::new(transport, &settings(Arc::new(Full)));
        let error = service.oneshot(request("PATCH")).await.expect_err("refused");
        assert!(error.to_string().contains("nothing was changed"), "{error}");
    }
}
