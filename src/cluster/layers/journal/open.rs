//! A change from its intent to its outcome.

use super::intent::{content_of, managers};
use super::{Intent, Journal, NOT_SENT, Outcome, now, owned_by, writers};
use crate::cluster::layers::{Settings, reverse};
use crate::failure::{Failure, Kind, Result};
use crate::object::{self, Object};
use http::StatusCode;
use std::sync::Arc;
use tower::BoxError;

/// A change under way: written down when dropped, as interrupted when nothing has come of it.
pub(super) struct Open {
    journal: Arc<dyn Journal>,
    outcome: Outcome,
    former: Option<Object>,
    path: String,
    manager: String,
    /// `None` while only the server knows its name.
    own_path: Option<String>,
    start: std::time::Instant,
}

impl Open {
    /// Writes the intent down.
    pub(super) async fn begin(settings: &Settings, intent: Intent, former: Option<Object>) -> Result<Open, BoxError> {
        let outcome = Outcome { id: intent.id, ..Outcome::default() };
        let path = intent.path.split('?').next().unwrap_or_default().to_owned();
        let (own_path, manager) = (intent.own_path(), intent.manager().to_owned());
        let (journal, writer) = (settings.journal.clone(), settings.journal.clone());
        let written = off_the_runtime(settings, move || writer.intent(&intent)).await;
        written.map_err(|e| {
            Failure::new(Kind::Internal, format!("the journal could not be written, so nothing was changed: {e}"))
                .on_cluster(&*settings.cluster)
                .hint("make room on the disk, then repeat")
        })?;
        Ok(Open { journal, outcome, former, path, manager, own_path, start: std::time::Instant::now() })
    }

    /// Nobody wants it any more, and nothing has been sent.
    pub(super) fn unsent(&mut self) {
        self.outcome.failure = Some(NOT_SENT.to_owned());
    }

    /// There was no answer.
    pub(super) fn failed(&mut self, why: String) {
        self.outcome.failure = Some(why);
    }

    /// The answer has begun.
    pub(super) fn answered(&mut self, status: StatusCode) {
        self.outcome.status = Some(status.as_u16());
    }

    /// The answer is whole.
    pub(super) fn complete(&mut self, body: &[u8]) {
        if self.outcome.status.is_some_and(|status| (200..300).contains(&status))
            && let Ok(object) = object::from_json(body)
        {
            self.learn(&object);
        }
    }

    /// What the answer tells of the object.
    fn learn(&mut self, after: &Object) {
        // A deletion answers with a Status, or with the object that is on its way out.
        if after.uid().is_empty() {
            return;
        }
        self.outcome.path = self.own_path.clone().unwrap_or_else(|| format!("{}/{}", self.path, after.name()));
        self.outcome.uid = after.uid().to_owned();
        self.outcome.resource_version = after.resource_version().to_owned();
        self.outcome.writers = writers(after);
        self.outcome.owned = owned_by(&managers(after), &self.manager);
        let Some(former) = &self.former else { return };
        self.outcome.lost =
            ["data", "stringData"].iter().any(|key| is_secret(former) && former.at(key) != after.at(key));
        self.outcome.back = reverse::patch(&content_of(after), &content_of(former));
    }
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
