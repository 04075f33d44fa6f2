//! What a journal says about a run beyond its changes, and the journal read back.

use crate::cluster::layers::FileJournal;
use crate::cluster::layers::journal::{Before, Found, Intent, NOT_SENT, Note, Outcome, Repetition, now};
use crate::failure::{Failure, Kind, Result};
use crate::script::Amended;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The first line of a journal.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Started {
    /// When, RFC 3339.
    pub time: String,
    /// The version of meshwright.
    pub program: String,
    /// The script's name; for an undo, `undo ID`.
    pub script: String,
    /// Where the script's text is: a path, or `bundled`.
    pub source: String,
    /// The first line of what was typed, where that is what was run.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub typed: String,
    /// SHA-256 of the script's text.
    pub sha256: String,
    /// The parameters; secrets by name only.
    pub params: serde_json::Map<String, serde_json::Value>,
    /// The contexts.
    pub clusters: Vec<String>,
    /// The uid of namespace kube-system by context: which clusters they were, whatever their contexts are called later.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub uids: BTreeMap<String, String>,
    /// The kubeconfig that was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubeconfig: Option<PathBuf>,
    /// How flags changed the rights of its header.
    #[serde(default, skip_serializing_if = "Amended::is_empty")]
    pub rights: Amended,
    /// The step that it was to stop after.
    #[serde(default, rename = "stopAfter", skip_serializing_if = "Option::is_none")]
    pub stop_after: Option<String>,
    /// The process.
    pub pid: u32,
}

impl Started {
    /// This run, of this typed text.
    pub fn of_typed(mut self, text: &str) -> Started {
        let text = crate::plain::text(text);
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let (first, more) = (lines.next().unwrap_or_default(), lines.next().is_some());
        self.typed = if more { format!("{first} …") } else { first.to_owned() };
        self
    }

    /// What was run, as a list names it.
    pub fn name(&self) -> String {
        match self.typed.as_str() {
            "" => self.script.clone(),
            typed => format!("{}: {}", self.script, crate::plain::line(typed, SHORT)),
        }
    }
}

/// Characters of what was typed in a list.
const SHORT: usize = 40;

/// Begin or end of a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// When, RFC 3339.
    pub time: String,
    /// Its name.
    pub step: String,
    /// `begin`, `end`, or what it failed with.
    pub what: String,
}

/// The last line of a journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finished {
    /// When, RFC 3339.
    pub time: String,
    /// `done`, or the kind of the failure.
    pub outcome: String,
    /// The failure's words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
}

impl Finished {
    /// How a run ended that failed so, or did not.
    pub fn now(failure: Option<&Failure>) -> Finished {
        let outcome = match failure {
            None => "done",
            Some(failure) if failure.kind == Kind::Cancelled && is_stop(&failure.message) => STOPPED,
            Some(failure) => failure.kind.name(),
        };
        let message = failure.map(ToString::to_string).unwrap_or_default();
        Finished { time: now(), outcome: outcome.to_owned(), message }
    }

    /// The same in a word or two. In older journals a run that was told to stop is `cancelled`.
    fn word(&self) -> String {
        match self.outcome == Kind::Cancelled.name() && is_stop(&self.message) {
            true => STOPPED.to_owned(),
            false => self.outcome.replace('_', " "),
        }
    }
}

/// The outcome of a run that has ended at the step that it was to stop after.
const STOPPED: &str = "stopped";

/// How such a run ends.
pub fn stop(step: &str) -> Failure {
    Failure::new(Kind::Cancelled, format!("stopped after the step `{step}`, as asked"))
}

fn is_stop(message: &str) -> bool {
    message.contains("stopped after the step `") && message.ends_with("`, as asked") || message == "stopped as asked"
}

/// One line of a journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Record {
    /// The run began.
    Started(Started),
    /// A step began or ended.
    Step(Step),
    /// A change was about to be sent.
    Intent(Intent),
    /// What became of it.
    Outcome(Outcome),
    /// A request was sent again.
    Repetition(Repetition),
    /// The run ended.
    Finished(Finished),
}

/// The word for a change that was sent, and that a later look has not found.
const NOT_APPLIED: &str = "not applied";

/// A change and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// What was to be sent.
    pub intent: Intent,
    /// What came of it; nothing when the run broke off meanwhile.
    pub outcome: Option<Outcome>,
    /// How often it was sent again.
    pub repeated: usize,
    /// The step it belongs to.
    pub step: String,
}

impl Change {
    /// What was done, in a word.
    pub fn word(&self) -> &'static str {
        let Some(outcome) = &self.outcome else { return "unknown" };
        match (self.intent.method.as_str(), outcome.status, &self.intent.before) {
            (_, None, _) if outcome.failure.as_deref() == Some(NOT_SENT) => NOT_SENT,
            (_, None, _) if outcome.found == Some(Found::NotApplied) => NOT_APPLIED,
            (_, None, _) if outcome.found.is_none() => "unknown",
            (_, Some(status), _) if !(200..300).contains(&status) => "refused",
            ("DELETE", ..) => "deleted",
            (_, Some(201), _) | (_, _, Before::Absent) => "created",
            _ => "changed",
        }
    }

    /// Whether nobody knows what became of it.
    pub fn is_pending(&self) -> bool {
        self.word() == "unknown"
    }

    /// Whether it has certainly changed nothing.
    pub fn is_void(&self) -> bool {
        ["refused", NOT_SENT, NOT_APPLIED].contains(&self.word())
    }

    /// The object's own path; that of its kind while its name is not known.
    pub fn path(&self) -> String {
        match &self.outcome {
            Some(outcome) if !outcome.path.is_empty() => outcome.path.clone(),
            _ => self.intent.own_path().unwrap_or_else(|| self.collection().to_owned()),
        }
    }

    /// The path that it was sent to.
    pub fn collection(&self) -> &str {
        self.intent.path.split('?').next().unwrap_or_default()
    }
}

/// A run as its journal tells it.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// The run's id.
    pub id: String,
    /// How it began.
    pub started: Started,
    /// Its changes, in order.
    pub changes: Vec<Change>,
    /// Its waits and programs, in order.
    pub notes: Vec<Note>,
    /// How it ended; nothing when it broke off.
    pub finished: Option<Finished>,
    /// When it wrote its journal last, RFC 3339.
    pub until: String,
    /// Whether somebody has its journal open.
    pub is_open: bool,
    /// The clusters that are no contexts: its script has connected to them with kubeconfigs that are not kept.
    pub in_hand: BTreeSet<String>,
}

/// What of a line tells that the run still went on.
#[derive(Deserialize)]
struct Sign {
    time: String,
    /// A later run has found it out.
    found: Option<Found>,
}

impl History {
    /// Reads a journal. A last line that is cut off does not count, nor does a line of a later version.
    pub fn parse(id: &str, text: &str) -> History {
        let mut history = History { id: id.to_owned(), ..History::default() };
        let mut step = String::new();
        for line in text.lines() {
            if let Ok(Sign { time, found: None }) = serde_json::from_str(line) {
                history.until = time;
            }
            match serde_json::from_str(line) {
                Ok(Record::Started(started)) => history.started = started,
                Ok(Record::Step(record)) if record.what == "begin" => step = record.step,
                Ok(Record::Step(_)) => step.clear(),
                Ok(Record::Intent(intent)) => {
                    history.changes.push(Change { intent, outcome: None, repeated: 0, step: step.clone() });
                }
                Ok(Record::Outcome(outcome)) => {
                    let change = history.changes.iter_mut().rev().find(|change| change.intent.id == outcome.id);
                    change.into_iter().for_each(|change| change.outcome = Some(outcome.clone()));
                }
                Ok(Record::Repetition(again)) => {
                    let change = history.changes.iter_mut().rev().find(|change| Some(change.intent.id) == again.change);
                    change.into_iter().for_each(|change| change.repeated += 1);
                }
                Ok(Record::Finished(finished)) => history.finished = Some(finished),
                Err(_) => match serde_json::from_str::<Note>(line) {
                    Ok(Note::Cluster { cluster, uid, in_hand, .. }) => {
                        history.in_hand.extend(in_hand.then(|| cluster.clone()));
                        if !uid.is_empty() {
                            history.started.uids.entry(cluster).or_insert(uid);
                        }
                    }
                    note => history.notes.extend(note),
                },
            }
        }
        // What was typed names its clusters as it goes.
        for change in &history.changes {
            if !history.started.clusters.contains(&change.intent.cluster) {
                history.started.clusters.push(change.intent.cluster.clone());
            }
        }
        history
    }

    /// The contexts of the clusters that it has changed, or may have.
    pub fn changed_clusters(&self) -> Vec<String> {
        let clusters = self.changes.iter().filter(|change| !change.is_void()).map(|change| &change.intent.cluster);
        clusters.collect::<BTreeSet<_>>().into_iter().cloned().collect()
    }

    /// The run that this one has taken back, where it is an undo.
    pub fn undone(&self) -> Option<&str> {
        self.started.script.strip_prefix("undo ")
    }

    /// How it ended, in a word or two.
    pub fn outcome(&self) -> String {
        match &self.finished {
            Some(finished) => finished.word(),
            None if self.is_running() => "running".to_owned(),
            None => "broken off".to_owned(),
        }
    }

    /// Whether its process still works on it.
    pub fn is_running(&self) -> bool {
        self.finished.is_none() && self.is_open
    }

    /// How much it changed: `2 created, 1 changed`.
    pub fn totals(&self) -> String {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        self.changes.iter().for_each(|change| *counts.entry(change.word()).or_default() += 1);
        let words = ["created", "changed", "deleted", "refused", NOT_SENT, NOT_APPLIED, "unknown"];
        let shown = words.iter().filter_map(|word| counts.get(word).map(|count| format!("{count} {word}")));
        let shown: Vec<String> = shown.collect();
        if shown.is_empty() { "unchanged".to_owned() } else { shown.join(", ") }
    }
}

/// Whether there is a process with this number, whoever it belongs to.
pub(super) fn is_alive(pid: u32) -> bool {
    let Some(pid) = i32::try_from(pid).ok().filter(|pid| *pid > 0) else { return false };
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), None) != Err(nix::errno::Errno::ESRCH)
}

/// The digest that stands for a script's text.
pub fn digest(text: &str) -> String {
    use sha2::Digest as _;
    sha2::Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The folder of all journals.
pub fn folder() -> PathBuf {
    super::home::state().join("runs")
}

/// Every run that changed something or was meant to, the latest first.
///
/// # Errors
/// When the folder cannot be read.
pub fn all(folder: &Path) -> Result<Vec<History>> {
    let mut runs = Vec::new();
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(runs) };
    for path in entries.filter_map(|entry| entry.ok().map(|entry| entry.path())) {
        let id = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
        if path.extension().is_none_or(|extension| extension != "jsonl") {
            continue;
        }
        match read(&path, &id) {
            Ok(history) => runs.extend(history),
            Err(failure) => crate::plain::tell(&format!("warning: a run is left out: {failure}")),
        }
    }
    runs.sort_by(|a, b| b.started.time.cmp(&a.started.time));
    Ok(runs)
}

/// A run's journal; `None` when it did not begin.
fn read(path: &Path, id: &str) -> Result<Option<History>> {
    let unreadable = |e| Failure::usage(format!("cannot read the journal {}: {e}", path.display()));
    // Before and after: meanwhile a run may begin or end.
    let was_open = FileJournal::is_open(path);
    let bytes = std::fs::read(path).map_err(unreadable)?;
    let is_open = was_open || FileJournal::is_open(path);
    let history = History { is_open, ..History::parse(id, &String::from_utf8_lossy(&bytes)) };
    Ok(Some(history).filter(|history| !history.started.time.is_empty()))
}

/// The run to take back: as [`find`], but no undo.
///
/// # Errors
/// As [`find`], and when the run is an undo.
pub fn find_to_undo(folder: &Path, wanted: &str) -> Result<History> {
    let latest = if wanted == "last" { all(folder)?.into_iter().find(|run| run.undone().is_none()) } else { None };
    let run = latest.map_or_else(|| find(folder, wanted), Ok)?;
    match run.undone() {
        Some(undone) => {
            Err(Failure::usage(format!("run {} is an undo", run.id))
                .hint(format!("repeat it: meshwright undo {undone}")))
        }
        None => Ok(run),
    }
}

/// The run whose id begins so; `last` is the latest.
///
/// # Errors
/// [`crate::failure::Kind::Usage`] when there is none, or more than one, or its journal cannot be read.
pub fn find(folder: &Path, wanted: &str) -> Result<History> {
    let own = folder.join(format!("{wanted}.jsonl"));
    let is_id = !wanted.is_empty() && wanted.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if is_id
        && own.exists()
        && let Some(history) = read(&own, wanted)?
    {
        return Ok(history);
    }
    let mut runs = all(folder)?;
    if wanted == "last" && !runs.is_empty() {
        return Ok(runs.remove(0));
    }
    if wanted.is_empty() {
        return Err(Failure::usage("which run? its id is empty").hint("`meshwright runs` lists them"));
    }
    let mut fitting: Vec<History> = runs.into_iter().filter(|run| run.id.starts_with(wanted)).collect();
    match fitting.len() {
        1 => Ok(fitting.remove(0)),
        0 => Err(Failure::usage(format!("there is no run `{wanted}`")).hint("`meshwright runs` lists them")),
        _ => {
            let ids: Vec<String> = fitting.into_iter().map(|run| run.id).collect();
            Err(Failure::usage(format!("`{wanted}` begins the ids of {} runs", ids.len())).hint(ids.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests;
