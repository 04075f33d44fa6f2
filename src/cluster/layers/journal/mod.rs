//! The second layer: every change is written down before it is sent, and its outcome after it.
//!
//! Paths, verbs, titles, and what changed objects were like before, so that a change can be taken back. Contents of
//! Secrets are never written down.

mod file;
mod intent;
mod layer;
mod memory;
mod note;
mod open;
mod outcome;
mod repetition;
mod words;

pub use file::FileJournal;
pub use intent::{Before, Former, Intent, Named, content_of, managers};
pub use layer::Journalled;
pub use memory::MemoryJournal;
pub use note::Note;
pub use outcome::{Found, NOT_SENT, Outcome, owned_by, scalers_in, writers, writers_in};
pub use repetition::Repetition;

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

/// The time, RFC 3339.
pub fn now() -> String {
    format!("{:.3}", jiff::Timestamp::now())
}
