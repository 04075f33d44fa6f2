//! The second layer: every change is written down before it is sent, and its outcome after it.
//!
//! Paths, verbs, titles, and what changed objects were like before, so that a change can be taken back. Contents of
//! Secrets are never written down.

use super::{Settings, Subject, reverse};
use crate::cluster::path::{ApiPath, Effect, effect_of};
use crate::failure::{Failure, Kind, Result};
use crate::object::{self, Object};
use crate::secret::Redactor;
use futures::future::BoxFuture;
use http::{Request, Response};
use kube::client::Body;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use tower::{BoxError, Service, ServiceExt};

/// A change that is about to be sent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    /// Number of the change in this process; its outcome has the same.
    pub id: u64,
    /// When, RFC 3339.
    pub time: String,
    /// The context name.
    pub cluster: String,
    /// HTTP method.
    pub method: String,
    /// Path with query.
    pub path: String,
    /// `Kind namespace/name`.
    pub object: String,
    /// The script line that asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// What there was before.
    #[serde(default)]
    pub before: Before,
}

/// What there was before a change.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum Before {
    /// Nobody has looked.
    #[default]
    Unknown,
    /// No such object.
    Absent,
    /// An object.
    Present {
        /// Its uid.
        uid: String,
        /// Its resourceVersion.
        #[serde(rename = "resourceVersion")]
        resource_version: String,
        /// What it said, Secrets masked, without what servers note in it.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        content: Value,
    },
}

/// The object as it was read before a change, `None` when there was none. A request extension.
#[derive(Clone, Debug)]
pub struct Former(pub Option<Object>);

/// What became of a change.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The intent's number.
    pub id: u64,
    /// When, RFC 3339.
    pub time: String,
    /// The server's HTTP status; missing when there was no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Why there was no answer. `interrupted`: the run ended while the request was under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// How long it took, repetitions included, in milliseconds.
    #[serde(default)]
    pub ms: u64,
    /// The object's own path.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// The object's uid.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub uid: String,
    /// The object's resourceVersion after the change.
    #[serde(default, rename = "resourceVersion", skip_serializing_if = "String::is_empty")]
    pub resource_version: String,
    /// Who had written fields of the object by then: manager, operation, time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub writers: Vec<String>,
    /// The merge patch that takes the change back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub back: Option<Value>,
    /// Whether contents of a Secret were changed, which are not kept.
    #[serde(default, skip_serializing_if = "is_false")]
    pub lost: bool,
}

fn is_false(value: &bool) -> bool {
    !value
}

/// Something else that a run does and its journal keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Note {
    /// A wait has ended.
    Wait {
        /// When it ended, RFC 3339.
        time: String,
        /// What was waited for: `Deployment istio-system/istiod ready`.
        what: String,
        /// How long it took, in milliseconds.
        ms: u64,
        /// Whether it was met.
        met: bool,
        /// The script line that asked for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        line: Option<String>,
    },
    /// A local program has ended.
    Exec {
        /// When it ended, RFC 3339.
        time: String,
        /// The command, secrets masked.
        command: String,
        /// Its exit code; missing when it did not end by itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<i32>,
        /// How long it took, in milliseconds.
        ms: u64,
        /// The script line that asked for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        line: Option<String>,
    },
}

/// A request that is sent again: a change, or a read on the way.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Repetition {
    /// The intent's number, for changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<u64>,
    /// When, RFC 3339.
    pub time: String,
    /// The context name.
    pub cluster: String,
    /// HTTP method.
    pub method: String,
    /// Path with query.
    pub path: String,
    /// `Kind namespace/name`.
    pub object: String,
    /// Which repetition this is, from 1.
    pub number: u32,
    /// Why.
    pub reason: String,
}

/// Which intent a request carries out. A request extension.
#[derive(Debug, Clone, Copy)]
pub(super) struct Change(pub(super) u64);

/// Who writes changes down.
pub trait Journal: Send + Sync {
    /// Called before a change is sent; returns when the record is safe.
    ///
    /// # Errors
    /// When it cannot be written; the change is not sent then.
    fn intent(&self, intent: &Intent) -> std::io::Result<()>;
    /// Called after the answer.
    ///
    /// # Errors
    /// When it cannot be written.
    fn outcome(&self, outcome: &Outcome) -> std::io::Result<()>;
    /// Called before a request is sent again.
    ///
    /// # Errors
    /// When it cannot be written.
    fn repetition(&self, _: &Repetition) -> std::io::Result<()> {
        Ok(())
    }

    /// Called for everything else worth keeping.
    fn note(&self, _: &Note) {}
}

/// A journal in a file: JSON lines, appended only, readable by its owner only, synced before anything is sent.
pub struct FileJournal {
    path: PathBuf,
    file: Mutex<File>,
}

impl FileJournal {
    /// Opens or creates the file with mode 0600.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(path: &Path) -> Result<FileJournal> {
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path);
        let file = file.map_err(|e| Failure::usage(format!("cannot open the journal {}: {e}", path.display())))?;
        Ok(FileJournal { path: path.to_owned(), file: Mutex::new(file) })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends one record and returns when it is on the disk. Known secrets are replaced.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn append(&self, record: &impl Serialize) -> std::io::Result<()> {
        self.write(record)?.sync_data()
    }

    /// Appends one record that the end of this process does not lose. Known secrets are replaced.
    ///
    /// # Errors
    /// When the file does not take it.
    pub fn write(&self, record: &impl Serialize) -> std::io::Result<std::sync::MutexGuard<'_, File>> {
        let line = Redactor::global().scrub(&serde_json::to_string(record)?);
        let mut file = self.file.lock().map_err(|_| std::io::Error::other("the journal broke"))?;
        file.write_all(format!("{line}\n").as_bytes())?;
        Ok(file)
    }
}

/// A record with its type as a field, as it stands in the file.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Line<'a> {
    Intent(&'a Intent),
    Outcome(&'a Outcome),
    Repetition(&'a Repetition),
}

impl Journal for FileJournal {
    fn intent(&self, intent: &Intent) -> std::io::Result<()> {
        self.append(&Line::Intent(intent))
    }

    fn outcome(&self, outcome: &Outcome) -> std::io::Result<()> {
        self.write(&Line::Outcome(outcome)).map(drop)
    }

    fn note(&self, note: &Note) {
        drop(self.write(note));
    }

    fn repetition(&self, repetition: &Repetition) -> std::io::Result<()> {
        self.append(&Line::Repetition(repetition))
    }
}

/// A journal in memory: for rehearsals and tests.
#[derive(Debug, Default)]
pub struct MemoryJournal(Mutex<(Vec<Intent>, Vec<Outcome>, Vec<Repetition>)>);

impl MemoryJournal {
    /// The changes so far.
    pub fn intents(&self) -> Vec<Intent> {
        self.0.lock().map(|records| records.0.clone()).unwrap_or_default()
    }

    /// What was sent again.
    pub fn repetitions(&self) -> Vec<Repetition> {
        self.0.lock().map(|records| records.2.clone()).unwrap_or_default()
    }

    /// What became of them.
    pub fn outcomes(&self) -> Vec<Outcome> {
        self.0.lock().map(|records| records.1.clone()).unwrap_or_default()
    }
}

impl Journal for MemoryJournal {
    fn intent(&self, intent: &Intent) -> std::io::Result<()> {
        self.0.lock().map(|mut records| records.0.push(intent.clone())).map_err(|_| std::io::Error::other("poisoned"))
    }

    fn outcome(&self, outcome: &Outcome) -> std::io::Result<()> {
        self.0.lock().map(|mut records| records.1.push(outcome.clone())).map_err(|_| std::io::Error::other("poisoned"))
    }

    fn repetition(&self, repetition: &Repetition) -> std::io::Result<()> {
        let mut records = self.0.lock().map_err(|_| std::io::Error::other("poisoned"))?;
        records.2.push(repetition.clone());
        Ok(())
    }
}

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
        let own = request.extensions().get::<super::Own>().is_some();
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

fn content_of(object: &Object) -> Value {
    reverse::content(serde_json::from_str(&object.to_json()).unwrap_or_default())
}

/// Who has written fields of an object that are not its status, as `manager operation time`.
pub fn writers(object: &Object) -> Vec<String> {
    let entries = object.items_at("metadata.managedFields").iter();
    let of_content = entries.filter(|entry| entry.get("subresource").is_none());
    let text =
        |entry: &object::Node, key: &str| entry.get(key).and_then(object::Node::as_str).unwrap_or_default().to_owned();
    of_content
        .map(|entry| format!("{} {} {}", text(entry, "manager"), text(entry, "operation"), text(entry, "time")))
        .collect()
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

fn intent_of(settings: &Settings, request: &Request<Body>, former: Option<&Former>) -> Intent {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let uri = request.uri();
    let subject = request.extensions().get::<Subject>().map(|subject| subject.0.clone());
    Intent {
        id: NEXT.fetch_add(1, Ordering::Relaxed),
        time: now(),
        cluster: settings.cluster.to_string(),
        method: request.method().to_string(),
        path: uri.path_and_query().map_or_else(|| uri.path().to_owned(), ToString::to_string),
        object: subject.unwrap_or_else(|| ApiPath::parse(uri.path()).title()),
        line: request.extensions().get::<super::Line>().map(|line| line.0.clone()),
        before: before(request.method(), former),
    }
}

fn before(method: &http::Method, former: Option<&Former>) -> Before {
    match former {
        None => Before::Unknown,
        Some(Former(None)) => Before::Absent,
        Some(Former(Some(object))) => Before::Present {
            uid: object.uid().to_owned(),
            resource_version: object.resource_version().to_owned(),
            // What is deleted is not made again.
            content: if *method == http::Method::DELETE { Value::Null } else { content_of(object) },
        },
    }
}

/// The time, RFC 3339.
pub fn now() -> String {
    format!("{:.3}", jiff::Timestamp::now())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use std::os::unix::fs::PermissionsExt;

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

    #[test]
    fn the_file_is_private_and_only_grows() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("journal.jsonl");
        for id in 1..=2 {
            let journal = FileJournal::open(&path).expect("open");
            let outcome = Outcome { id, time: now(), status: Some(200), ..Outcome::default() };
            journal.outcome(&outcome).expect("written");
        }
        let text = std::fs::read_to_string(&path).expect("text");
        assert_eq!(text.lines().count(), 2);
        assert!(text.starts_with(r#"{"event":"outcome","id":1,"#), "{text}");
        assert_eq!(std::fs::metadata(&path).expect("metadata").permissions().mode() & 0o777, 0o600);
    }
}
