//! One run of a script from start to end.

use super::desk::Desk;
use super::foundation::{Foundation, Parts};
use super::home;
use super::interrupt::Watch;
use super::journal::Recorder;
use super::lease::{Around, Holder, Leases};
use super::model::Model;
use super::record::{History, Record, Started};
use super::screen::{Screen, Style};
use super::settle::settle;
use super::stage::Live;
use crate::clock::{Clock, Runtime};
use crate::cluster::Cluster;
use crate::cluster::kubeconfig::Kubeconfigs;
use crate::cluster::layers::journal::now;
use crate::cluster::layers::{FileJournal, Flights};
use crate::engine::{self, Cancel, Console, Reading};
use crate::failure::{Failure, Result};
use crate::object::{Node, Object};
use crate::primitives::Host;
use crate::primitives::host::{Clusters, Level};
use crate::primitives::keeper::{Folder, Memory};
use crate::process::Live as LivePrograms;
use crate::rehearsal::World;
use crate::script::{Header, Home, Kind, Script, Values};
use rhai::{Dynamic, Scope};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// What is to be run.
pub struct Job {
    /// The script.
    pub script: Script,
    /// Its header.
    pub header: Header,
    /// Its parameters, checked.
    pub values: Values,
    /// How much is shown.
    pub style: Style,
    /// The step to stop after.
    pub stop_after: Option<String>,
}

/// A run that is set up: clusters can be asked, scripts can be run.
pub struct Session {
    pub(super) runtime: Arc<Runtime>,
    pub(super) engine: rhai::Engine,
    pub(super) host: Arc<Host>,
    pub(super) screen: Arc<Screen>,
    pub(super) clock: Clock,
    pub(super) world: Option<World>,
    pub(super) model: Option<Arc<Model>>,
    pub(super) journal: Arc<Recorder>,
    pub(super) flights: Flights,
    pub(super) leases: Leases,
    pub(super) cancel: Cancel,
    pub(super) desk: Option<Desk>,
    pub(super) kubeconfig: Option<PathBuf>,
    /// Ends with the session.
    pub(super) _watch: Watch,
    pub(super) run: Arc<str>,
}

impl Session {
    /// A session on the clusters of a kubeconfig: the given file, or the one kubectl would take.
    ///
    /// # Errors
    /// When the kubeconfig or the journal's folder cannot be used.
    pub fn live(job: &Job, kubeconfig: Option<PathBuf>) -> Result<Session> {
        Session::live_at(job, kubeconfig, None)
    }

    /// The same at a prompt.
    ///
    /// # Errors
    /// As [`Session::live`].
    pub fn live_at(job: &Job, kubeconfig: Option<PathBuf>, desk: Option<Desk>) -> Result<Session> {
        // Before there is a journal: a run that cannot begin leaves none.
        let contexts = Kubeconfigs::load(kubeconfig.as_deref())?;
        super::contexts::check(job, &contexts)?;
        let foundation = Foundation::new(Clock::real(), None, desk)?;
        let (mut shared, journal) =
            foundation.shared(job, Recorder::in_file(foundation.tally.clone(), &foundation.run)?);
        let door = foundation.door();
        shared.door = Some(door.clone());
        let clusters: Arc<dyn Clusters> = Arc::new(Live::new(contexts, shared, foundation.runtime.handle().clone()));
        door.leads_to(&clusters);
        let keeper = Folder::new(home::data().join("authorities"));
        let parts = Parts {
            clusters,
            programs: Arc::new(LivePrograms),
            keeper: Arc::new(keeper),
            world: None,
            model: None,
            kubeconfig,
        };
        Ok(foundation.build(job, parts, journal))
    }

    /// A session on clusters in memory, with these context names.
    ///
    /// # Errors
    /// When the script's `rehearsal.rhai` does not compile.
    pub fn rehearsal(job: &Job, contexts: &[&str]) -> Result<Session> {
        Session::rehearsal_at(job, contexts, None)
    }

    /// The same at a prompt.
    ///
    /// # Errors
    /// As [`Session::rehearsal`].
    pub fn rehearsal_at(job: &Job, contexts: &[&str], desk: Option<Desk>) -> Result<Session> {
        let foundation = Foundation::new(Clock::simulated(), None, desk)?;
        let journal = Recorder::in_memory(foundation.tally.clone());
        Session::furnished(foundation, job, contexts, journal)
    }

    /// A rehearsal with the journal of a run on real clusters, in this file.
    ///
    /// # Errors
    /// When the file cannot be made, or as [`Session::rehearsal`].
    pub fn rehearsal_written(job: &Job, contexts: &[&str], file: &Path) -> Result<Session> {
        let foundation = Foundation::new(Clock::simulated(), None, None)?;
        let journal = Recorder::at(foundation.tally.clone(), file)?;
        Session::furnished(foundation, job, contexts, journal)
    }

    fn furnished(foundation: Foundation, job: &Job, contexts: &[&str], journal: Arc<Recorder>) -> Result<Session> {
        let (world, model) = foundation.clusters(job, contexts)?;
        Ok(foundation.rehearsed_with(job, world, model, Arc::new(Memory::default()), journal))
    }

    /// A further session on the clusters of this rehearsal, as somebody has who runs the command again.
    ///
    /// # Errors
    /// When this is no rehearsal.
    pub fn again(&self, job: &Job) -> Result<Session> {
        self.again_at(job, self.desk.clone())
    }

    /// The same, at a prompt when there is a desk.
    ///
    /// # Errors
    /// As [`Session::again`].
    pub fn again_at(&self, job: &Job, desk: Option<Desk>) -> Result<Session> {
        let world = self.world.clone().ok_or_else(|| Failure::internal("not a rehearsal"))?;
        let foundation = Foundation::new(self.clock.clone(), Some(self.runtime.clone()), desk)?;
        Ok(foundation.rehearsed(job, world, self.model.clone(), self.host.keeper.clone()))
    }

    /// A further session for another script on the same clusters, with that script's imports and, in a rehearsal, its
    /// rehearsed software.
    ///
    /// # Errors
    /// When the script's `rehearsal.rhai` does not compile.
    pub fn beside(&self, job: &Job) -> Result<Session> {
        let Some(world) = self.world.clone() else {
            return Session::live_at(job, self.kubeconfig.clone(), self.desk.clone());
        };
        let foundation = Foundation::new(self.clock.clone(), Some(self.runtime.clone()), self.desk.clone())?;
        let model = foundation.model(job)?.or_else(|| self.model.clone());
        if let Some(model) = &model {
            world.set_behaviour(model.clone());
        }
        Ok(foundation.rehearsed(job, world, model, self.host.keeper.clone()))
    }

    /// Runs the job's script and shows its summary.
    ///
    /// # Errors
    /// What the script failed with.
    pub fn run(&self, job: &Job) -> Result<()> {
        self.recorded(job, job.values.clusters(), || self.carry_out(job))
    }

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
    /// When another run works on one of the clusters, or one cannot be reached.
    pub fn begin(&self, job: &Job, clusters: Vec<String>) -> Result<()> {
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
    }

    /// Ends a run: changes under way are given their time, leases are given back, the journal ends.
    ///
    /// # Errors
    /// The outcome's own, or that the run has lost a lease.
    pub fn close<T>(&self, outcome: Result<T>) -> Result<T> {
        self.runtime.block_on(self.flights.landed());
        let lost = self.give_leases_back();
        let outcome = lost.map_or(outcome, Err);
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

    /// The cluster of a context.
    ///
    /// # Errors
    /// When there is no such context.
    pub fn cluster(&self, context: &str) -> Result<Cluster> {
        self.host.clusters.connect(context)
    }

    /// Finds out what became of the changes of a run that nobody has heard the answer of. The run's journal says it from
    /// now on. Returns a line for each.
    ///
    /// # Errors
    /// When the run's journal cannot be written.
    pub fn settle(&self, run: &mut History) -> Result<Vec<String>> {
        let pending: Vec<usize> = (0..run.changes.len()).filter(|at| run.changes[*at].is_pending()).collect();
        if pending.is_empty() {
            return Ok(Vec::new());
        }
        let lines = self.unless_interrupted(async { Ok(settle(run, |context| self.cluster(context)).await) })?;
        let file = super::record::folder().join(format!("{}.jsonl", run.id));
        let journal = FileJournal::open(&file)?;
        let settled = pending.into_iter().filter_map(|at| run.changes[at].outcome.clone());
        for outcome in settled.filter(|outcome| outcome.found.is_some()) {
            let written = journal.append(&Record::Outcome(outcome));
            written.map_err(|e| Failure::internal(format!("cannot write the journal {}: {e}", file.display())))?;
        }
        Ok(lines)
    }

    fn carry_out(&self, job: &Job) -> Result<()> {
        // All of it on the script's thread, so that simulated time is what the script left it at.
        engine::on_script_thread(&self.clock, || self.perform(job))?
    }

    /// Runs the job's script on this thread, which must be a script's, and shows its summary.
    pub(super) fn perform(&self, job: &Job) -> Result<()> {
        let (start, mut scope) = (Instant::now(), self.scope(job)?);
        let outcome = engine::run_script(&self.engine, &job.script.source, &job.script.text, &mut scope);
        if let Some(defect) = self.model.as_ref().and_then(|model| model.defect()) {
            self.screen.say(Level::Warning, &defect);
        }
        drop(outcome?);
        self.screen.summary(start.elapsed());
        Ok(())
    }

    /// Evaluates a text with the job's parameters in scope.
    ///
    /// # Errors
    /// What it failed with.
    pub fn evaluate(&self, source: &str, text: &str, scope: Scope<'static>) -> Result<Dynamic> {
        self.enter(&mut Console::new(source, scope), text, 1)
    }

    /// Runs one more text at a console. Its first line counts as `line` of the console's source.
    ///
    /// # Errors
    /// What it failed with.
    pub fn enter(&self, console: &mut Console, text: &str, line: usize) -> Result<Dynamic> {
        engine::on_script_thread(&self.clock, || console.enter(&self.engine, text, line))?
    }

    /// Whether a text is a whole script.
    pub fn read(&self, text: &str) -> Reading {
        Console::read(&self.engine, "typed", text)
    }

    /// The interrupts that this session obeys.
    pub fn cancel(&self) -> &Cancel {
        &self.cancel
    }

    /// Where clusters come from.
    pub fn clusters(&self) -> &dyn Clusters {
        &*self.host.clusters
    }

    /// The scope that a script starts with: `params`, cluster parameters connected.
    ///
    /// # Errors
    /// When a context does not exist.
    pub fn scope(&self, job: &Job) -> Result<Scope<'static>> {
        let mut params = job.values.to_map();
        let clusters = job.header.params.iter().filter(|param| matches!(param.kind, Kind::Cluster | Kind::Clusters));
        for param in clusters {
            if let Some(value) = params.get_mut(param.name.as_str()) {
                *value = self.connected(value)?;
            }
        }
        let mut scope = Scope::new();
        scope.push_constant("params", params);
        Ok(scope)
    }

    fn connected(&self, value: &Dynamic) -> Result<Dynamic> {
        let node = engine::value::to_node(value)?;
        let connect = |context: &str| {
            let cluster = self.host.clusters.connect(context)?;
            self.host.grants.name_host(cluster.server());
            Ok(Dynamic::from(cluster))
        };
        if let Some(context) = node.as_str() {
            return connect(context);
        }
        let clusters: Result<Vec<Dynamic>> = node.items().iter().filter_map(Node::as_str).map(connect).collect();
        Ok(Dynamic::from_array(clusters?))
    }

    /// The rehearsed clusters.
    pub fn world(&self) -> Option<&World> {
        self.world.as_ref()
    }

    /// The runtime that the session's requests run on.
    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// Where the journal is, for runs on real clusters.
    pub fn journal(&self) -> Option<PathBuf> {
        self.journal.path()
    }

    /// The API server's URL of a context.
    ///
    /// # Errors
    /// When there is no such context.
    pub fn server(&self, context: &str) -> Result<String> {
        Ok(self.host.clusters.connect(context)?.server().to_owned())
    }

    /// Waits for something unless the user presses Ctrl-C.
    ///
    /// # Errors
    /// `Cancelled` when the user did, or what the future fails with.
    pub fn unless_interrupted<T>(&self, future: impl Future<Output = Result<T>>) -> Result<T> {
        self.runtime.block_on(async {
            tokio::select! {
                () = self.cancel.cancelled() => Err(Failure::new(crate::failure::Kind::Cancelled, "interrupted")),
                outcome = future => outcome,
            }
        })
    }

    /// Returns when the user presses Ctrl-C or the process is told to end.
    pub fn wait_for_interrupt(&self) {
        self.runtime.block_on(self.cancel.cancelled());
    }

    /// Whether the user has pressed Ctrl-C.
    pub fn is_interrupted(&self) -> bool {
        self.cancel.is_cancelled()
    }

    /// The screen.
    pub fn screen(&self) -> &Screen {
        &self.screen
    }
}

/// The names of what is no script: somebody has typed it.
const TYPED: [&str; 2] = ["expression", "typed"];

fn started(job: &Job, clusters: Vec<String>, kubeconfig: Option<PathBuf>) -> Started {
    let (script, source) = match &job.script.home {
        _ if TYPED.contains(&job.script.name.as_str()) => (job.script.name.clone(), "typed".to_owned()),
        Home::Bundle(_) => (job.script.name.clone(), "bundled".to_owned()),
        Home::Folder(folder) if job.script.text.is_empty() => (job.script.name.clone(), folder.display().to_string()),
        Home::Folder(_) | Home::Over(..) => {
            let path = std::env::current_dir().unwrap_or_default().join(&job.script.name);
            (path.display().to_string(), path.display().to_string())
        }
    };
    let shown = |node: &Node| serde_json::from_str(&Object::new(node.clone()).to_json()).unwrap_or_default();
    Started {
        time: now(),
        program: env!("CARGO_PKG_VERSION").to_owned(),
        script,
        source,
        sha256: super::record::digest(&job.script.text),
        params: job.values.iter().map(|(param, node)| (param.name.clone(), shown(node))).collect(),
        clusters,
        uids: BTreeMap::new(),
        kubeconfig,
        pid: std::process::id(),
    }
}
