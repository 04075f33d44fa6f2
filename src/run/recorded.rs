//! A run from its first line in a journal to its last: leases, changes under way, what an earlier run left open.

use super::lease::{Around, Holder};
use super::record::{History, Record, Started};
use super::session::{Job, Session};
use super::settle::settle;
use crate::cluster::Cluster;
use crate::cluster::layers::FileJournal;
use crate::cluster::layers::journal::now;
use crate::failure::{Failure, Kind, Result};
use crate::object::{Node, Object};
use crate::script::Home;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

impl Session {
    /// Does this work as a run of this job, with a journal from start to end.
    ///
    /// # Errors
    /// What the work fails with.
    pub fn recorded<T>(&self, job: &Job, clusters: Vec<String>, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let outcome = self.begin(job, clusters).and_then(|()| work());
        self.close(outcome)
    }

    /// Begins a run of this job: takes the leases of its clusters and begins its journal. Whatever comes of it, close it.
    ///
    /// # Errors
    /// When another run works on one of the clusters, or one cannot be reached; when there is no place for a journal.
    pub fn begin(&self, job: &Job, clusters: Vec<String>) -> Result<()> {
        self.journal.open()?;
        let is_live = self.world.is_none() && job.header.needs.writes();
        let leases = if is_live { self.take_leases(&clusters) } else { Ok(()) };
        let uids = self.uids(&clusters, is_live && leases.is_ok());
        self.journal.record(&Record::Started(Started { uids, ..started(job, clusters, self.kubeconfig.clone()) }));
        leases
    }

    /// What is done from now on is a run of this job as soon as it changes something: then its journal begins. Whatever
    /// comes of it, close it.
    pub fn begin_with_a_change(&self, job: &Job) {
        self.journal.begin_with_a_change(started(job, Vec::new(), self.kubeconfig.clone()));
        if is_typed(job) {
            self.typed(&job.script.text);
        }
    }

    /// What is done now is done by this text, which somebody has typed; empty for a statement of a script.
    pub fn typed(&self, text: &str) {
        self.journal.typed(text);
    }

    /// Ends a run: changes under way are given their time, leases are given back, the journal ends.
    ///
    /// # Errors
    /// The outcome's own, or that the run has lost a lease.
    pub fn close<T>(&self, outcome: Result<T>) -> Result<T> {
        self.runtime.block_on(self.flights.landed());
        let outcome = with_lost(outcome, self.give_leases_back());
        self.journal.finish(outcome.as_ref().err());
        outcome
    }

    /// Lets other runs work on the clusters; the failure of a run that has lost a lease.
    pub fn give_leases_back(&self) -> Option<Failure> {
        self.runtime.block_on(self.leases.give_back())
    }

    /// Takes the leases that keep other runs away from these clusters.
    fn take_leases(&self, clusters: &[String]) -> Result<()> {
        let around = || Around {
            holder: Holder::here(&self.run),
            clock: self.clock.clone(),
            cancel: self.cancel.clone(),
            screen: self.screen.clone(),
        };
        let clusters = self.connected_to(clusters)?;
        self.unless_interrupted(self.leases.take(clusters, around))
    }

    fn connected_to(&self, contexts: &[String]) -> Result<Vec<Cluster>> {
        let contexts: std::collections::BTreeSet<&String> = contexts.iter().collect();
        contexts.into_iter().map(|context| self.cluster(context)).collect()
    }

    /// Which clusters these are, if they are to be asked and say it.
    fn uids(&self, contexts: &[String], asked: bool) -> BTreeMap<String, String> {
        let clusters = if asked { self.connected_to(contexts).unwrap_or_default() } else { Vec::new() };
        let uid = async |cluster: &Cluster| Some((cluster.name().to_owned(), cluster.uid().await.ok()?));
        self.runtime.block_on(futures::future::join_all(clusters.iter().map(uid))).into_iter().flatten().collect()
    }

    /// Fails unless these contexts still are the clusters that an earlier run worked on. What its script has connected to
    /// by itself is no context, and only the script can tell.
    ///
    /// # Errors
    /// When one is another cluster now, or cannot be asked.
    pub fn same_clusters(&self, run: &History, contexts: &[String]) -> Result<()> {
        for context in contexts.iter().filter(|context| !run.in_hand.contains(*context)) {
            let Some(then) = run.started.uids.get(context) else { continue };
            let now = self.unless_interrupted(async { self.cluster(context)?.uid().await })?;
            if now != *then {
                let message = format!("`{context}` is not the cluster that run {} worked on", run.id);
                return Err(Failure::usage(message)
                    .detail(format!("then     the cluster whose namespace kube-system has the uid {then}"))
                    .detail(format!("now      the one where it has the uid {now}"))
                    .hint("give the kubeconfig of then: --kubeconfig FILE"));
            }
        }
        Ok(())
    }

    /// Finds out what became of the changes of a run that nobody has heard the answer of. If that is to be kept, the run's
    /// journal says it from now on; that of a run that still goes on is left alone. Returns a line for each.
    ///
    /// # Errors
    /// When the run's journal cannot be written.
    pub fn settle(&self, run: &mut History, kept: bool) -> Result<Vec<String>> {
        let pending: Vec<usize> = (0..run.changes.len()).filter(|at| run.changes[*at].is_pending()).collect();
        if pending.is_empty() {
            return Ok(Vec::new());
        }
        if run.is_running() {
            // It will hear the answers itself.
            return Ok(vec![format!("run {} is still running: changes under way: {}", run.id, pending.len())]);
        }
        let others = super::record::all(&super::record::folder())?;
        let in_hand = run.in_hand.clone();
        let connect = |context: &str| match in_hand.contains(context) {
            true => Err(Failure::usage(super::undo::NOT_KEPT)),
            false => self.cluster(context),
        };
        let lines = self.unless_interrupted(async { Ok(settle(run, &others, connect).await) })?;
        if !kept {
            return Ok(lines);
        }
        let file = super::record::folder().join(format!("{}.jsonl", run.id));
        let journal = FileJournal::open(&file)?;
        let settled = pending.into_iter().filter_map(|at| run.changes[at].outcome.clone());
        for outcome in settled.filter(|outcome| outcome.found.is_some()) {
            let written = journal.append(&Record::Outcome(outcome));
            written.map_err(|e| Failure::internal(format!("cannot write the journal {}: {e}", file.display())))?;
        }
        Ok(lines)
    }
}

/// What came of a run that may have lost a lease: that ends a run as an interrupt does, and what failed before stays what
/// failed.
fn with_lost<T>(outcome: Result<T>, lost: Option<Failure>) -> Result<T> {
    match (outcome, lost) {
        (outcome, None) => outcome,
        (Err(failure), Some(lost)) if failure.kind != Kind::Cancelled => Err(failure.detail(format!("also: {lost}"))),
        (_, Some(lost)) => Err(lost),
    }
}

/// The names of what is no script: somebody has typed it.
const TYPED: [&str; 2] = ["expression", "typed"];

/// What a recording of this job's traffic begins with.
pub(super) fn recording_start(job: &Job, rehearsed: bool) -> crate::recording::Start {
    let Started { program, script, params, .. } = started(job, Vec::new(), None);
    let script = match job.script.home {
        Home::Bundle(_) => script,
        Home::Folder(_) | Home::Over(..) => beside_recording(job).unwrap_or_else(|| job.script.name.clone()),
    };
    crate::recording::Start { program, script, place: place(job), params, rehearsed, ..Default::default() }
}

/// Where a job's script is, seen from the folder of its recording; `bundle:NAME` for one that comes with meshwright.
fn place(job: &Job) -> Option<String> {
    if let Home::Bundle(_) = job.script.home {
        return Some(format!("bundle:{}", job.script.name));
    }
    let folder = job.record.as_ref()?.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new(".")).canonicalize().ok()?;
    // Of a small fork the source is the origin's; what it is called leads to its folder.
    let named = job.script.home.on_disk().map(|home| home.join(file_of(&job.script.source)))?;
    let file = named.canonicalize().ok()?;
    let shared = folder.components().zip(file.components()).take_while(|(one, other)| one == other).count();
    let up = folder.components().skip(shared).map(|_| "..".to_owned());
    let down = file.components().skip(shared).map(|part| part.as_os_str().to_string_lossy().into_owned());
    Some(up.chain(down).collect::<Vec<_>>().join("/"))
}

fn file_of(source: &str) -> &str {
    source.rsplit('/').next().unwrap_or(source)
}

/// The script's path as a test beside the recording names it.
fn beside_recording(job: &Job) -> Option<String> {
    let here = std::env::current_dir().ok()?;
    let path = |text: &str| here.join(text.trim_start_matches("./"));
    let folder = path(&job.record.as_ref()?.to_string_lossy()).parent()?.to_owned();
    let script = path(&job.script.source);
    Some(format!("./{}", script.strip_prefix(folder).ok()?.display()))
}

fn is_typed(job: &Job) -> bool {
    TYPED.contains(&job.script.name.as_str())
}

fn started(job: &Job, clusters: Vec<String>, kubeconfig: Option<PathBuf>) -> Started {
    let (script, source) = match &job.script.home {
        _ if is_typed(job) => (job.script.name.clone(), "typed".to_owned()),
        Home::Bundle(_) => (job.script.name.clone(), "bundled".to_owned()),
        Home::Folder(folder) if job.script.text.is_empty() => (job.script.name.clone(), folder.display().to_string()),
        Home::Folder(_) | Home::Over(..) => {
            let path = std::env::current_dir().unwrap_or_default().join(&job.script.name);
            // Without the `.` of `./main.rhai`.
            let path: PathBuf = path.components().collect();
            (path.display().to_string(), path.display().to_string())
        }
    };
    let shown = |node: &Node| serde_json::from_str(&Object::new(node.clone()).to_json()).unwrap_or_default();
    Started {
        time: now(),
        program: env!("CARGO_PKG_VERSION").to_owned(),
        script,
        source,
        typed: String::new(),
        sha256: super::record::digest(&job.script.text),
        params: job.values.iter().map(|(param, node)| (param.name.clone(), shown(node))).collect(),
        clusters,
        uids: BTreeMap::new(),
        // Whoever goes on with the run may be in another folder.
        kubeconfig: kubeconfig.map(|file| std::path::absolute(&file).unwrap_or(file)),
        rights: job.amended.clone(),
        stop_after: job.stop_after.clone(),
        pid: std::process::id(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_lease_does_not_hide_what_the_script_failed_with() {
        let lost = || Some(Failure::new(Kind::Conflict, "the lease is lost"));
        let failed = |kind, words: &str| Err::<(), _>(Failure::new(kind, words));
        let told = |outcome| with_lost(outcome, lost()).expect_err("a failure");
        let both = told(failed(Kind::Invalid, "no such field"));
        assert_eq!((both.kind, both.message.as_str()), (Kind::Invalid, "no such field"));
        assert!(both.details.iter().any(|line| line.contains("the lease is lost")), "{both:?}");
        assert_eq!(told(failed(Kind::Cancelled, "interrupted")).message, "the lease is lost");
        assert_eq!(told(Ok(())).message, "the lease is lost");
        assert!(with_lost(Ok(()), None).is_ok());
    }
}
