//! The journal of a run: a file for runs on real clusters, and the tally for all.

use super::record::{Record, Started};
use super::tally::Tally;
use crate::cluster::layers::journal::{Intent, Note, Outcome, Repetition, now};
use crate::cluster::layers::{FileJournal, Journal};
use crate::failure::{Failure, Result};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Whether a journal has begun.
#[derive(Default)]
struct Beginning {
    begun: bool,
    /// What it begins with, at the first change.
    with: Option<Started>,
    /// What was noted before.
    early: VecDeque<Note>,
    /// The contexts whose clusters the beginning identifies.
    named: BTreeSet<String>,
}

/// How many notes are kept of the time before the first change.
const EARLY: usize = 300;

impl Beginning {
    /// Keeps a note for when the journal begins; of too many, the latest.
    fn keep(&mut self, note: &Note) {
        self.early.push_back(note.clone());
        if self.early.len() > EARLY {
            // Which cluster is which is told once.
            let oldest = self.early.iter().position(|note| !matches!(note, Note::Cluster { .. }));
            self.early.remove(oldest.unwrap_or_default());
        }
    }
}

/// Counts every change of a run, and writes it to a file where there is one.
pub struct Recorder {
    tally: Tally,
    file: Option<FileJournal>,
    beginning: Mutex<Beginning>,
    /// Changes that are under way: cluster and method by number.
    pending: Mutex<BTreeMap<u64, (String, String)>>,
}

impl Recorder {
    /// A recorder in memory only.
    pub fn in_memory(tally: Tally) -> Arc<Recorder> {
        Arc::new(Recorder { tally, file: None, beginning: Mutex::default(), pending: Mutex::default() })
    }

    /// A recorder that keeps the journal of the run with this id in the user's state folder.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn in_file(tally: Tally, run: &str) -> Result<Arc<Recorder>> {
        let folder = super::home::state().join("runs");
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder);
        made.map_err(|e| Failure::usage(format!("cannot make the folder {}: {e}", folder.display())))?;
        Recorder::at(tally, &folder.join(format!("{run}.jsonl")))
    }

    /// A recorder that keeps the journal in this file.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn at(tally: Tally, file: &Path) -> Result<Arc<Recorder>> {
        let file = FileJournal::open(file)?;
        Ok(Arc::new(Recorder { tally, file: Some(file), beginning: Mutex::default(), pending: Mutex::default() }))
    }

    /// Keeps a record of the run itself.
    pub fn record(&self, record: &Record) {
        let written = self.file.as_ref().map(|file| file.append(record));
        if let Some(Err(error)) = written {
            tracing::warn!(%error, "the journal could not be written");
        }
        if let Record::Started(started) = record {
            let mut beginning = self.beginning();
            beginning.begun = true;
            beginning.named.extend(started.uids.keys().cloned());
            let early = std::mem::take(&mut beginning.early);
            drop(beginning);
            early.iter().for_each(|note| self.note(note));
        }
    }

    /// Keeps nothing until the first change, and begins with this then.
    pub fn begin_with_a_change(&self, started: Started) {
        let mut beginning = self.beginning();
        if !beginning.begun {
            beginning.with = Some(started);
        }
    }

    /// This text is typed now: if it makes the first change, the run is known by it.
    pub fn typed(&self, text: &str) {
        let mut beginning = self.beginning();
        beginning.with = beginning.with.take().map(|started| started.of_typed(text));
    }

    /// Keeps how the run ended, if it has begun.
    pub fn finish(&self, failure: Option<&Failure>) {
        if !self.beginning().begun {
            return;
        }
        let outcome = failure.map_or("done", |failure| failure.kind.name()).to_owned();
        let message = failure.map(ToString::to_string).unwrap_or_default();
        self.record(&Record::Finished(super::record::Finished { time: now(), outcome, message }));
    }

    fn beginning(&self) -> MutexGuard<'_, Beginning> {
        self.beginning.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the file is.
    pub fn path(&self) -> Option<PathBuf> {
        self.file.as_ref().map(|file| file.path().to_owned())
    }

    fn count(&self, outcome: &Outcome) {
        let begun = self.pending.lock().unwrap_or_else(PoisonError::into_inner).remove(&outcome.id);
        if let (Some((cluster, method)), Some(status)) = (begun, outcome.status) {
            self.tally.record(&cluster, &method, status);
        }
    }
}

impl Journal for Recorder {
    fn intent(&self, intent: &Intent) -> std::io::Result<()> {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        pending.insert(intent.id, (intent.cluster.clone(), intent.method.clone()));
        drop(pending);
        let begins = self.beginning().with.take();
        if let Some(started) = begins {
            let time = if started.time.is_empty() { now() } else { started.time.clone() };
            self.record(&Record::Started(Started { time, clusters: vec![intent.cluster.clone()], ..started }));
        }
        self.file.as_ref().map_or(Ok(()), |file| file.intent(intent))
    }

    fn outcome(&self, outcome: &Outcome) -> std::io::Result<()> {
        self.count(outcome);
        self.file.as_ref().map_or(Ok(()), |file| file.outcome(outcome))
    }

    fn repetition(&self, repetition: &Repetition) -> std::io::Result<()> {
        self.file.as_ref().map_or(Ok(()), |file| file.repetition(repetition))
    }

    fn note(&self, note: &Note) {
        let mut beginning = self.beginning();
        if !beginning.begun {
            return beginning.keep(note);
        }
        if matches!(note, Note::Cluster { cluster, .. } if beginning.named.contains(cluster)) {
            return;
        }
        drop(beginning);
        self.file.iter().for_each(|file| file.note(note));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_came_long_before_the_first_change_the_latest_is_kept() {
        let recorder = Recorder::in_memory(Tally::default());
        let named = Note::Cluster { time: now(), cluster: "east".into(), uid: "u".into() };
        recorder.note(&named);
        for number in 0..10_000 {
            recorder.note(&Note::Unchecked { time: now(), cluster: format!("c{number}") });
        }
        let early = std::mem::take(&mut recorder.beginning().early);
        assert_eq!((early.len(), early.front()), (EARLY, Some(&named)));
        assert!(matches!(early.back(), Some(Note::Unchecked { cluster, .. }) if cluster == "c9999"));
    }

    #[test]
    fn what_is_typed_is_a_run_as_soon_as_it_changes_something() {
        let folder = tempfile::tempdir().expect("folder");
        let file = folder.path().join("journal.jsonl");
        let note = Note::Unchecked { time: now(), cluster: "east".into() };
        let recorder = Recorder::at(Tally::default(), &file).expect("journal");
        recorder.begin_with_a_change(Started { script: "typed".into(), time: now(), ..Started::default() });
        recorder.note(&note);
        recorder.finish(None);
        assert_eq!(std::fs::read_to_string(&file).expect("journal"), "");
        recorder.intent(&Intent { cluster: "east".into(), ..Intent::default() }).expect("written");
        recorder.finish(None);
        let history = super::super::record::History::parse("x", &std::fs::read_to_string(&file).expect("journal"));
        assert_eq!((history.started.clusters, history.changes.len()), (vec!["east".to_owned()], 1));
        assert_eq!(
            (history.notes, history.finished.map(|finished| finished.outcome)),
            (vec![note], Some("done".into()))
        );
    }
}
