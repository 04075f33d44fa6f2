//! The journal of a run: a file for runs on real clusters, and the tally for all.

use super::record::{Finished, Record, Started, Step};
use super::tally::Tally;
use crate::cluster::layers::journal::{Intent, Note, Outcome, Repetition, now};
use crate::cluster::layers::{FileJournal, Journal};
use crate::failure::{Failure, Result};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

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
    /// The step that goes on.
    step: Option<Step>,
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
    /// Where the journal is to be.
    path: Option<PathBuf>,
    /// It, from the moment that there is something to say.
    file: OnceLock<FileJournal>,
    /// Held while it is made.
    making: Mutex<()>,
    beginning: Mutex<Beginning>,
    /// Changes that are under way: cluster and method by number.
    pending: Mutex<BTreeMap<u64, (String, String)>>,
}

impl Recorder {
    /// A recorder in memory only.
    pub fn in_memory(tally: Tally) -> Arc<Recorder> {
        Recorder::with(tally, None)
    }

    /// A recorder that keeps the journal of the run with this id in the user's state folder, once there is something to
    /// say: who only reads needs no such folder.
    pub fn in_file(tally: Tally, run: &str) -> Arc<Recorder> {
        Recorder::with(tally, Some(super::record::folder().join(format!("{run}.jsonl"))))
    }

    /// A recorder that keeps the journal in this file.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn at(tally: Tally, file: &Path) -> Result<Arc<Recorder>> {
        let recorder = Recorder::with(tally, Some(file.to_owned()));
        recorder.open()?;
        Ok(recorder)
    }

    fn with(tally: Tally, path: Option<PathBuf>) -> Arc<Recorder> {
        Arc::new(Recorder {
            tally,
            path,
            file: OnceLock::new(),
            making: Mutex::default(),
            beginning: Mutex::default(),
            pending: Mutex::default(),
        })
    }

    /// The journal's file, which is made if need be; none in memory.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(&self) -> Result<Option<&FileJournal>> {
        let Some(path) = &self.path else { return Ok(None) };
        let _making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        if self.file.get().is_none() {
            let folder = path.parent().unwrap_or(Path::new("."));
            let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
            made.map_err(|e| Failure::usage(format!("cannot make the folder {}: {e}", folder.display())))?;
            let opened = FileJournal::open(path)?;
            self.file.get_or_init(|| opened);
        }
        Ok(self.file.get())
    }

    /// Keeps a record of the run itself, once it has begun.
    pub fn record(&self, record: &Record) {
        match record {
            Record::Started(_) => {}
            Record::Step(step) if !self.beginning().begun => {
                self.beginning().step = Some(step.clone()).filter(|step| step.what == "begin");
                return;
            }
            _ if !self.beginning().begun => return,
            _ => {}
        }
        self.write(record);
        if let Record::Started(started) = record {
            self.begun(started);
        }
    }

    fn write(&self, record: &Record) {
        let written =
            self.open().map_err(std::io::Error::other).and_then(|file| file.map_or(Ok(()), |file| file.append(record)));
        if let Err(error) = written {
            tracing::warn!(%error, "the journal could not be written");
        }
    }

    /// The journal has its first line; what came before follows.
    fn begun(&self, started: &Started) {
        let mut beginning = self.beginning();
        beginning.begun = true;
        beginning.named.extend(started.uids.keys().cloned());
        let (early, step) = (std::mem::take(&mut beginning.early), beginning.step.take());
        drop(beginning);
        early.iter().for_each(|note| self.note(note));
        step.into_iter().for_each(|step| self.write(&Record::Step(step)));
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
        self.record(&Record::Finished(Finished::now(failure)));
    }

    fn beginning(&self) -> MutexGuard<'_, Beginning> {
        self.beginning.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the file is to be, or is.
    pub fn path(&self) -> Option<PathBuf> {
        self.path.clone()
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
        // Without a journal nothing is sent, and the next change begins it.
        let file = self.open().map_err(std::io::Error::other)?;
        let begins = self.beginning().with.take();
        if let Some(started) = begins {
            let time = if started.time.is_empty() { now() } else { started.time.clone() };
            self.record(&Record::Started(Started { time, clusters: vec![intent.cluster.clone()], ..started }));
        }
        file.map_or(Ok(()), |file| file.intent(intent))
    }

    fn outcome(&self, outcome: &Outcome) -> std::io::Result<()> {
        self.count(outcome);
        self.file.get().map_or(Ok(()), |file| file.outcome(outcome))
    }

    fn repetition(&self, repetition: &Repetition) -> std::io::Result<()> {
        // What was asked before is no part of a run that may never begin.
        let file = self.file.get().filter(|_| self.beginning().begun);
        file.map_or(Ok(()), |file| file.repetition(repetition))
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
        self.file.get().into_iter().for_each(|file| file.note(note));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_came_long_before_the_first_change_the_latest_is_kept() {
        let recorder = Recorder::in_memory(Tally::default());
        let named = Note::Cluster { time: now(), cluster: "east".into(), uid: "u".into(), in_hand: false };
        recorder.note(&named);
        for number in 0..10_000 {
            recorder.note(&Note::Unchecked { time: now(), cluster: format!("c{number}") });
        }
        let early = std::mem::take(&mut recorder.beginning().early);
        assert_eq!((early.len(), early.front()), (EARLY, Some(&named)));
        assert!(matches!(early.back(), Some(Note::Unchecked { cluster, .. }) if cluster == "c9999"));
    }

    #[test]
    fn without_a_place_for_a_journal_reading_goes_on_and_nothing_is_changed() {
        let folder = tempfile::tempdir().expect("folder");
        std::fs::write(folder.path().join("state"), "no folder").expect("written");
        let recorder = Recorder::with(Tally::default(), Some(folder.path().join("state/runs/a.jsonl")));
        recorder.begin_with_a_change(Started::default());
        recorder.finish(None);
        let error = recorder.intent(&Intent::default()).expect_err("no journal").to_string();
        assert!(error.contains("cannot make the folder"), "{error}");
    }

    #[test]
    fn what_is_typed_is_a_run_as_soon_as_it_changes_something() {
        let folder = tempfile::tempdir().expect("folder");
        let file = folder.path().join("journal.jsonl");
        let note = Note::Unchecked { time: now(), cluster: "east".into() };
        let recorder = Recorder::with(Tally::default(), Some(file.clone()));
        recorder.begin_with_a_change(Started { script: "typed".into(), time: now(), ..Started::default() });
        recorder.note(&note);
        recorder.repetition(&Repetition::default()).expect("nothing to keep");
        let step = |what: &str| Record::Step(Step { time: now(), step: format!("{what} it"), what: what.into() });
        recorder.record(&step("begin"));
        recorder.finish(None);
        assert!(!file.exists(), "nothing is left of what only reads");
        recorder.intent(&Intent { cluster: "east".into(), ..Intent::default() }).expect("written");
        recorder.finish(None);
        let history = super::super::record::History::parse("x", &std::fs::read_to_string(&file).expect("journal"));
        assert_eq!((history.started.clusters, history.changes.len()), (vec!["east".to_owned()], 1));
        assert_eq!(history.changes[0].step, "begin it");
        assert_eq!(
            (history.notes, history.finished.map(|finished| finished.outcome)),
            (vec![note], Some("done".into()))
        );
    }
}
