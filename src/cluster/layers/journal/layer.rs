//! The layer itself.

use super::intent::{content_of, intent_of};
use super::{Change, Former, Intent, Journal, Outcome, now, writers};
use crate::cluster::layers::{Own, Settings, reverse};
use crate::cluster::path::{ApiPath, Effect, effect_of};
use crate::failure::{Failure, Kind, Result};
use crate::object::{self, Object};
use crate::secret::Redactor;
use futures::future::BoxFuture;
use http::{Request, Response};
use kube::client::Body;
use std::sync::{Arc, Mutex};
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
    S: Service<Request<Body>, Response = Response<B>, Error = BoxError> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
{
    type Response = Response<B>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<B>, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let inner = self.inner.clone();
        let own = request.extensions().get::<Own>().is_some();
        if own || effect_of(request.method(), request.uri().path(), request.uri().query()) != Effect::Change {
            return Box::pin(inner.oneshot(request));
        }
        let settings = self.settings.clone();
        Box::pin(async move {
            let former = request.extensions().get::<Former>().cloned();
            let intent = intent_of(&settings, &request, former.as_ref());
            request.extensions_mut().insert(Change(intent.id));
            let mut open = Open::begin(&settings, intent, former.and_then(|former| former.0)).await?;
            let answer = inner.oneshot(request).await;
            match answer {
                Ok(mut response) => {
                    open.outcome.status = Some(response.status().as_u16());
                    response.extensions_mut().insert(Entry(Arc::new(Mutex::new(Some(open)))));
                    Ok(response)
                }
                Err(error) => {
                    open.outcome.failure = Some(Redactor::global().scrub(&error.to_string()));
                    Err(error)
                }
            }
        })
    }
}

/// The journal's entry of an answered change, which is completed with the object in the answer. A response extension.
#[derive(Clone)]
pub(crate) struct Entry(Arc<Mutex<Option<Open>>>);

impl Entry {
    /// Completes the entry with the answer's body.
    pub fn complete(&self, body: &[u8]) {
        let open = self.0.lock().ok().and_then(|mut open| open.take());
        let Some(mut open) = open else { return };
        if open.outcome.status.is_some_and(|status| (200..300).contains(&status))
            && let Ok(object) = object::from_json(body)
        {
            open.learn(&object);
        }
    }
}

/// A change under way: written down when dropped, as interrupted when nothing has come of it.
struct Open {
    journal: Arc<dyn Journal>,
    outcome: Outcome,
    former: Option<Object>,
    path: String,
    start: std::time::Instant,
}

impl Open {
    async fn begin(settings: &Settings, intent: Intent, former: Option<Object>) -> Result<Open, BoxError> {
        let outcome = Outcome { id: intent.id, ..Outcome::default() };
        let path = intent.path.split('?').next().unwrap_or_default().to_owned();
        let (journal, writer) = (settings.journal.clone(), settings.journal.clone());
        let written = off_the_runtime(settings, move || writer.intent(&intent)).await;
        written.map_err(|e| {
            Failure::new(Kind::Internal, format!("the journal could not be written, so nothing was changed: {e}"))
                .on_cluster(&*settings.cluster)
                .hint("make room on the disk, then repeat")
        })?;
        Ok(Open { journal, outcome, former, path, start: std::time::Instant::now() })
    }

    /// What the answer tells of the object.
    fn learn(&mut self, after: &Object) {
        // A deletion answers with a Status, or with the object that is on its way out.
        if after.uid().is_empty() {
            return;
        }
        let target = ApiPath::parse(&self.path);
        self.outcome.path = match target.name {
            None => format!("{}/{}", self.path, after.name()),
            Some(_) => self.path.strip_suffix(&suffix(&target)).unwrap_or(&self.path).to_owned(),
        };
        self.outcome.uid = after.uid().to_owned();
        self.outcome.resource_version = after.resource_version().to_owned();
        self.outcome.writers = writers(after);
        let Some(former) = &self.former else { return };
        self.outcome.lost =
            ["data", "stringData"].iter().any(|key| is_secret(former) && former.at(key) != after.at(key));
        self.outcome.back = reverse::patch(&content_of(after), &content_of(former));
    }
}

fn suffix(target: &ApiPath) -> String {
    target.subresource.as_ref().map(|name| format!("/{name}")).unwrap_or_default()
}

fn is_secret(object: &Object) -> bool {
    object.kind() == "Secret"
}

impl Drop for Open {
    fn drop(&mut self) {
        let mut outcome = std::mem::take(&mut self.outcome);
        outcome.time = now();
        outcome.ms = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        if outcome.status.is_none() {
            outcome.failure.get_or_insert_with(|| "interrupted".to_owned());
        }
        if let Err(error) = self.journal.outcome(&outcome) {
            tracing::warn!(%error, "the outcome of a change could not be written to the journal");
        }
    }
}

/// Waiting for a disk must not hold up other requests.
async fn off_the_runtime(
    settings: &Settings,
    write: impl FnOnce() -> std::io::Result<()> + Send + 'static,
) -> std::io::Result<()> {
    let _working = settings.clock.working();
    tokio::task::spawn_blocking(write).await.unwrap_or_else(|e| Err(std::io::Error::other(e)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::cluster::layers::{MemoryJournal, Subject};

    fn settings(journal: Arc<dyn Journal>) -> Settings {
        Settings { journal, ..Settings::new("east", "https://east", Clock::real()) }
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
            async { Ok::<_, BoxError>(Response::new(Body::empty())) }
        });
        let service = Journalled::new(transport, &settings(journal.clone()));
        service.clone().oneshot(request("GET")).await.expect("read");
        service.oneshot(request("DELETE")).await.expect("change");
        let (intents, outcomes) = (journal.intents(), journal.outcomes());
        assert_eq!((intents.len(), outcomes.len()), (1, 1));
        assert_eq!((intents[0].object.as_str(), intents[0].id), ("Pod a/p", outcomes[0].id));
        assert_eq!(outcomes[0].status, Some(200));
    }

    #[tokio::test]
    async fn a_dropped_change_is_interrupted() {
        let journal = Arc::new(MemoryJournal::default());
        let transport =
            tower::service_fn(|_: Request<Body>| std::future::pending::<Result<Response<Body>, BoxError>>());
        let service = Journalled::new(transport, &settings(journal.clone()));
        let short = std::time::Duration::from_millis(30);
        assert!(tokio::time::timeout(short, service.oneshot(request("PATCH"))).await.is_err());
        assert_eq!(journal.outcomes()[0].failure.as_deref(), Some("interrupted"));
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
        let transport =
            tower::service_fn(|_: Request<Body>| async { panic!("sent") as Result<Response<Body>, BoxError> });
        let service = Journalled::new(transport, &settings(Arc::new(Full)));
        let error = service.oneshot(request("PATCH")).await.expect_err("refused");
        assert!(error.to_string().contains("nothing was changed"), "{error}");
    }
}
