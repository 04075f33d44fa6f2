//! One run of a script from start to end.

use super::desk::Desk;
use super::foundation::{Foundation, Parts};
use super::home;
use super::interrupt::Watch;
use super::journal::Recorder;
use super::lease::Leases;
use super::model::Model;
use super::screen::{Screen, Style};
use super::stage::Live;
use crate::clock::{Clock, Runtime};
use crate::cluster::Cluster;
use crate::cluster::kubeconfig::Kubeconfigs;
use crate::cluster::layers::{Flights, Gate};
use crate::engine::{self, Cancel, Console, Reading};
use crate::failure::{Failure, Result};
use crate::grant::Way;
use crate::object::Node;
use crate::primitives::Host;
use crate::primitives::host::{Clusters, Level};
use crate::primitives::keeper::{Folder, Memory};
use crate::process::Live as LivePrograms;
use crate::recording::Writer;
use crate::rehearsal::World;
use crate::script::{Amended, Header, Kind, Script, Values};
use rhai::{Dynamic, Scope};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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
    /// The file to record the traffic in.
    pub record: Option<PathBuf>,
    /// How flags have changed the header's rights; `header` has them changed already.
    pub amended: Amended,
    /// How it is run, for what is said when it lacks a right.
    pub way: Way,
}

impl Job {
    /// A script to its end, unrecorded, with the rights that its header has.
    pub fn new(script: Script, header: Header, values: Values, style: Style) -> Job {
        let (amended, way) = (Amended::default(), Way::default());
        Job { script, header, values, style, stop_after: None, record: None, amended, way }
    }

    /// The same, run in this way.
    #[must_use]
    pub fn run_by(self, way: Way) -> Job {
        Job { way, ..self }
    }

    /// How it is run, its flags included.
    pub(super) fn way(&self) -> Way {
        if self.amended.read_only { Way::ReadOnly } else { self.way }
    }
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
    pub(super) gate: Gate,
    pub(super) kubeconfig: Option<PathBuf>,
    pub(super) recording: Option<Arc<Writer>>,
    /// Ends with the session.
    pub(super) _watch: Watch,
    pub(super) run: Arc<str>,
    /// Whether simulated time stands still after the script.
    pub(super) holds: AtomicBool,
}

impl Session {
    /// A session on the clusters of a kubeconfig: the given file, or the one kubectl would take.
    ///
    /// # Errors
    /// When the kubeconfig cannot be used.
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
        let foundation = Foundation::new(Clock::real(), None, desk)?.recording(job, false)?;
        let (mut shared, journal) =
            foundation.shared(job, Recorder::in_file(foundation.tally.clone(), &foundation.run));
        let door = foundation.door(journal.clone());
        shared.door = Some(door.clone());
        let clusters: Arc<dyn Clusters> = Arc::new(Live::new(contexts, shared, foundation.runtime.handle().clone()));
        door.leads_to(&clusters);
        let keeper = Folder::new(home::data().join("authorities"));
        let parts = Parts {
            clusters,
            programs: Arc::new(LivePrograms),
            keeper: Arc::new(keeper),
            world: None,
            rehearsed: false,
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
        let foundation = Foundation::new(Clock::simulated(), None, desk)?.recording(job, true)?;
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
        let foundation = foundation.recording(job, true)?;
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

    /// The cluster of a context.
    ///
    /// # Errors
    /// When there is no such context.
    pub fn cluster(&self, context: &str) -> Result<Cluster> {
        self.host.clusters.connect(context)
    }

    fn carry_out(&self, job: &Job) -> Result<()> {
        // All of it on the script's thread, so that simulated time is what the script left it at.
        engine::on_script_thread(&self.clock, || {
            let outcome = self.perform(job);
            if self.holds.load(Ordering::SeqCst) {
                // Changes that nobody waits for any more are given their time, which must pass for that.
                self.clock.block_on(self.runtime.handle(), self.flights.landed());
                self.clock.stand_still();
            }
            outcome
        })?
    }

    /// Lets simulated time stand still from the end of the script on: what is served afterwards is what the script left.
    pub fn hold_time_afterwards(&self) {
        self.holds.store(true, Ordering::SeqCst);
    }

    /// Runs the job's script on this thread, which must be a script's, and shows its summary.
    pub(super) fn perform(&self, job: &Job) -> Result<()> {
        let (start, mut scope) = (Instant::now(), self.scope(job)?);
        self.screen.begin();
        let outcome = engine::run_script(&self.engine, &job.script.source, &job.script.text, &mut scope);
        self.screen.end();
        if let Some(defect) = self.model.as_ref().and_then(|model| model.defect()) {
            self.screen.say(Level::Warning, &defect);
        }
        drop(outcome?);
        self.screen.is_whole()?;
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

    /// Runs a statement of a script at a console; when a step in it fails, the console stands in that step.
    ///
    /// # Errors
    /// What it failed with.
    pub fn enter_part(&self, console: &mut Console, text: &str, line: usize) -> Result<Dynamic> {
        engine::on_script_thread(&self.clock, || console.enter_part(&self.engine, text, line))?
    }

    /// Whether a text is a whole script.
    pub fn read(&self, text: &str) -> Reading {
        Console::read(&self.engine, "typed", text)
    }

    /// Whether anything may be changed now, and where.
    pub fn gate(&self) -> &Gate {
        &self.gate
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

    /// The file that the traffic was recorded in, if there is something in it; `done` after a run that was.
    ///
    /// # Errors
    /// When it is not whole.
    pub fn recording(&self, done: bool) -> Result<Option<&Path>> {
        self.recording.as_deref().map_or(Ok(None), |recording| recording.finish(done))
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

    /// What was made use of beside the clusters, by the key of `needs`.
    pub fn used(&self) -> std::collections::BTreeMap<&'static str, std::collections::BTreeSet<String>> {
        self.host.grants.used.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
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
