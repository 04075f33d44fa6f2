//! A journal in memory.

use super::{Intent, Journal, Outcome, Repetition};
use std::sync::Mutex;

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
