//! One run of a script from start to end.

use super::desk::{Desk, GuardedKeeper, GuardedPrograms, NotedJournal};
use super::home;
use super::journal::Recorder;
use super::model::Model;
use super::record::{Change, Record, Started, Step};
use super::screen::{Screen, Style};
use super::stage::{Live, Rehearsed, Shared};
use super::tally::Tally;
use crate::clock::{Clock, Runtime};
use crate::cluster::Cluster;
use crate::cluster::kubeconfig::Kubeconfigs;
use crate::cluster::layers::journal::{Before, Note, now};
use crate::cluster::layers::{Gate, Journal, Notice, Rights};
use crate::engine::{self, Bridge, Cancel, Console, Reading, Setup};
use crate::failure::{Failure, Result};
use crate::grant::Grant;
use crate::object::{Node, Object};
use crate::primitives::grants::{Files, Grants};
use crate::primitives::host::{Clusters, Keeper, Level};
use crate::primitives::keeper::{Folder, Memory};
use crate::primitives::{self, Host};
use crate::process::{Live as LivePrograms, Output, Programs, Rehearsed as RehearsedPrograms};
use crate::rehearsal::World;
use crate::script::{Header, Home, Kind, Resolver, Script, Values};
use rhai::{Dynamic, Scope};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
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
    runtime: Arc<Runtime>,
    engine: rhai::Engine,
    host: Arc<Host>,
    screen: Arc<Screen>,
    clock: Clock,
    world: Option<World>,
    model: Option<Arc<Model>>,
    journal: Arc<Recorder>,
    cancel: Cancel,
    desk: Option<Desk>,
    kubeconfig: Option<PathBuf>,
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
        let stage = Stage::new(Clock::real(), None, desk)?;
        let (shared, journal) = stage.shared(job, Recorder::in_file(stage.tally.clone(), &stage.run)?);
        let clusters = Live::new(Kubeconfigs::load(kubeconfig.as_deref())?, shared, stage.runtime.handle().clone());
        let keeper = Folder::new(home::data().join("authorities"));
        let parts = Parts {
            clusters: Arc::new(clusters),
            programs: Arc::new(LivePrograms),
            keeper: Arc::new(keeper),
            world: None,
            model: None,
            kubeconfig,
        };
        Ok(stage.build(job, parts, journal))
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
        let stage = Stage::new(Clock::simulated(), None, desk)?;
        let inside = stage.runtime.handle().enter();
        let world = World::new(stage.bridge.clock.clone(), contexts);
        let model = stage.model(job)?;
        if let Some(model) = &model {
            world.set_behaviour(model.clone());
        }
        world.start();
        drop(inside);
        Ok(stage.rehearsed(job, world, model, Arc::new(Memory::default())))
    }

    /// A further session on the clusters of this rehearsal, as somebody has who runs the command again.
    ///
    /// # Errors
    /// When this is no rehearsal.
    pub fn again(&self, job: &Job) -> Result<Session> {
        let world = self.world.clone().ok_or_else(|| Failure::internal("not a rehearsal"))?;
        let stage = Stage::new(self.clock.clone(), Some(self.runtime.clone()), self.desk.clone())?;
        Ok(stage.rehearsed(job, world, self.model.clone(), self.host.keeper.clone()))
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
        let stage = Stage::new(self.clock.clone(), Some(self.runtime.clone()), self.desk.clone())?;
        let model = stage.model(job)?.or_else(|| self.model.clone());
        if let Some(model) = &model {
            world.set_behaviour(model.clone());
        }
        Ok(stage.rehearsed(job, world, model, self.host.keeper.clone()))
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
    pub fn recorded(&self, job: &Job, clusters: Vec<String>, work: impl FnOnce() -> Result<()>) -> Result<()> {
        self.journal.record(&Record::Started(started(job, clusters, self.kubeconfig.clone())));
        let outcome = work();
        self.journal.finish(outcome.as_ref().err());
        outcome
    }

    /// The cluster of a context.
    ///
    /// # Errors
    /// When there is no such context.
    pub fn cluster(&self, context: &str) -> Result<Cluster> {
        self.host.clusters.connect(context)
    }

    /// What has become of a change that was under way when its run broke off.
    pub fn settled(&self, change: &Change) -> String {
        let title = format!("{}: {}", change.intent.cluster, change.intent.object);
        let looked = self
            .cluster(&change.intent.cluster)
            .and_then(|cluster| self.runtime.block_on(cluster.send(crate::cluster::request::reading(change.path())?)));
        let word = match (looked, &change.intent.before) {
            (Err(failure), _) if failure.kind == crate::failure::Kind::NotFound => {
                match change.intent.method.as_str() {
                    "DELETE" => "its deletion was carried out",
                    _ => "it was not made",
                }
            }
            (Err(failure), _) => return format!("{title}: {}", failure.message),
            (Ok(live), Before::Present { resource_version, .. }) if live.resource_version() == resource_version => {
                "the last change did not reach it"
            }
            (Ok(_), Before::Absent) => "it was made",
            (Ok(_), _) => "it was changed",
        };
        format!("{title}: {word}")
    }

    fn carry_out(&self, job: &Job) -> Result<()> {
        let (start, mut scope) = (Instant::now(), self.scope(job)?);
        // All of it on the script's thread, so that simulated time is what the script left it at.
        engine::on_script_thread(&self.clock, || {
            let outcome = engine::run_script(&self.engine, &job.script.source, &job.script.text, &mut scope);
            if let Some(defect) = self.model.as_ref().and_then(|model| model.defect()) {
                self.screen.say(Level::Warning, &defect);
            }
            drop(outcome?);
            self.screen.summary(start.elapsed());
            Ok(())
        })?
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

    /// Returns when the user presses Ctrl-C.
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

fn started(job: &Job, clusters: Vec<String>, kubeconfig: Option<PathBuf>) -> Started {
    let (script, source) = match &job.script.home {
        Home::Bundle(_) => (job.script.name.clone(), "bundled".to_owned()),
        Home::Folder(folder) if job.script.text.is_empty() => (job.script.name.clone(), folder.display().to_string()),
        Home::Folder(_) => {
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
        kubeconfig,
        pid: std::process::id(),
    }
}

/// Steps on the screen and in the journal.
struct Observed(Arc<Screen>, Arc<Recorder>);

impl Observed {
    fn keep(&self, step: &engine::StepStart, what: &str) {
        self.1.record(&Record::Step(Step { time: now(), step: step.name.clone(), what: what.to_owned() }));
    }
}

impl engine::Observer for Observed {
    fn step_begins(&self, step: &engine::StepStart) -> Result<()> {
        self.keep(step, "begin");
        self.0.step_begins(step)
    }

    fn step_ended(&self, step: &engine::StepStart, failure: Option<&Failure>) -> Result<()> {
        self.keep(step, failure.map_or("end", |failure| failure.kind.name()));
        self.0.step_ended(step, failure)
    }

    fn print(&self, line: &str) {
        self.0.print(line);
    }

    fn debug(&self, line: &str, place: Option<&crate::failure::Place>) {
        self.0.debug(line, place);
    }
}

/// Programs whose runs the journal keeps.
struct Noted(Arc<dyn Programs>, Arc<Recorder>);

impl Programs for Noted {
    fn which(&self, tool: &str) -> Option<PathBuf> {
        self.0.which(tool)
    }

    fn run<'a>(&'a self, command: &'a crate::process::Command) -> futures::future::BoxFuture<'a, Result<Output>> {
        let line = crate::here::line();
        Box::pin(async move {
            let start = Instant::now();
            let output = self.0.run(command).await;
            let code = output.as_ref().ok().map(|output| output.code);
            let ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.1.note(&Note::Exec { time: now(), command: command.shown(), code, ms, line });
            output
        })
    }
}

/// What live and rehearsed sessions have in common, before they are built.
struct Stage {
    runtime: Arc<Runtime>,
    bridge: Bridge,
    tally: Tally,
    run: Arc<str>,
    desk: Option<Desk>,
    /// Set as soon as there is one: requests tell it of server warnings and outages.
    screen: Arc<OnceLock<Arc<Screen>>>,
}

/// What they do not.
struct Parts {
    clusters: Arc<dyn Clusters>,
    programs: Arc<dyn Programs>,
    keeper: Arc<dyn Keeper>,
    world: Option<World>,
    model: Option<Arc<Model>>,
    kubeconfig: Option<PathBuf>,
}

impl Stage {
    /// On a runtime of its own, or on that of another session in the same time.
    fn new(clock: Clock, shared: Option<Arc<Runtime>>, desk: Option<Desk>) -> Result<Stage> {
        let runtime = shared.map_or_else(|| clock.runtime().map(Arc::new), Ok);
        let runtime = runtime.map_err(|e| Failure::internal(format!("cannot start the runtime: {e}")))?;
        let cancel = desk.as_ref().map(|desk| desk.cancel.clone()).unwrap_or_default();
        let handle = runtime.handle();
        match &desk {
            None => drop(handle.spawn(super::interrupt::watch(cancel.clone()))),
            Some(desk) if desk.begins_watching() => drop(handle.spawn(super::interrupt::watch_prompt(cancel.clone()))),
            Some(_) => {}
        }
        let bridge = Bridge { runtime: runtime.handle().clone(), cancel, clock };
        let run = uuid::Uuid::new_v4().simple().to_string();
        Ok(Stage { runtime, bridge, tally: Tally::default(), run: run[..12].into(), desk, screen: Arc::default() })
    }

    fn rehearsed(self, job: &Job, world: World, model: Option<Arc<Model>>, keeper: Arc<dyn Keeper>) -> Session {
        let (shared, journal) = self.shared(job, Recorder::in_memory(self.tally.clone()));
        let clusters = Rehearsed::new(world.clone(), shared, self.runtime.handle().clone());
        let programs = rehearsed_programs(world.clone(), model.clone());
        let parts = Parts {
            clusters: Arc::new(clusters),
            programs: Arc::new(programs),
            keeper,
            world: Some(world),
            model,
            kubeconfig: None,
        };
        self.build(job, parts, journal)
    }

    fn shared(&self, job: &Job, journal: Arc<Recorder>) -> (Shared, Arc<Recorder>) {
        let screen = self.screen.clone();
        let shared = Shared {
            rights: rights(job),
            gate: self.desk.as_ref().map_or_else(Gate::open, |desk| desk.gate.clone()),
            journal: self.noted(journal.clone()),
            listener: Arc::new(move |notice| screen.get().into_iter().for_each(|screen| tell(screen, notice))),
            run: self.run.clone(),
            clock: self.bridge.clock.clone(),
        };
        (shared, journal)
    }

    fn noted(&self, journal: Arc<dyn Journal>) -> Arc<dyn Journal> {
        match &self.desk {
            Some(desk) => Arc::new(NotedJournal(journal, desk.clone())),
            None => journal,
        }
    }

    fn model(&self, job: &Job) -> Result<Option<Arc<Model>>> {
        let Some((source, text)) = job.script.beside("rehearsal.rhai") else { return Ok(None) };
        let host = Host {
            clusters: Arc::new(NoClusters),
            programs: Arc::new(RehearsedPrograms::new(self.bridge.clock.clone(), |_| None)),
            keeper: Arc::new(Memory::default()),
            clock: self.bridge.clock.clone(),
            folder: PathBuf::from("."),
            grants: Grants::default(),
            rehearsed: true,
            say: Arc::new(|_, _| {}),
        };
        let engine = engine::build(Setup {
            host: Arc::new(host),
            tables: primitives::MODEL,
            types: primitives::MODEL_TYPES,
            bridge: self.bridge.clone(),
            sources: Arc::new(sources(&job.script)),
            observer: Arc::new(Silent),
        });
        let ast = engine::compile(&engine, &source, &text)?;
        let script = job.script.clone();
        let file = Arc::new(move |path: &str| script.beside(path).map(|(_, text)| text));
        Ok(Some(Arc::new(Model::new(engine, ast, job.values.to_map(), file))))
    }

    fn build(self, job: &Job, parts: Parts, journal: Arc<Recorder>) -> Session {
        let clock = self.bridge.clock.clone();
        let screen = Screen::new(job.style, clock.clone(), self.tally.clone()).stopping_after(job.stop_after.clone());
        let screen = Arc::new(screen);
        self.screen.get_or_init(|| screen.clone());
        let say = screen.clone();
        let (programs, keeper) = guarded(self.desk.as_ref(), parts.programs, parts.keeper);
        let programs: Arc<dyn Programs> = Arc::new(Noted(programs, journal.clone()));
        let host = Arc::new(Host {
            clusters: parts.clusters,
            programs,
            keeper,
            clock: clock.clone(),
            folder: std::env::current_dir().unwrap_or_default(),
            grants: grants(job),
            rehearsed: parts.world.is_some(),
            say: Arc::new(move |level, line| say.say(level, line)),
        });
        let cancel = self.bridge.cancel.clone();
        let engine = engine::build(Setup {
            host: host.clone(),
            tables: primitives::TABLES,
            types: primitives::TYPES,
            bridge: self.bridge,
            sources: Arc::new(sources(&job.script)),
            observer: Arc::new(Observed(screen.clone(), journal.clone())),
        });
        let Parts { world, model, kubeconfig, .. } = parts;
        let desk = self.desk;
        Session { runtime: self.runtime, engine, host, screen, clock, world, model, journal, cancel, desk, kubeconfig }
    }
}

/// What the run may do with its clusters.
fn rights(job: &Job) -> Rights {
    let needs = job.header.needs.with(&job.values);
    Rights::new(&needs.write, &needs.pods, &needs.secrets)
}

/// What it may do beside them.
fn grants(job: &Job) -> Grants {
    let needs = job.header.needs.with(&job.values);
    let contexts = [needs.contexts, job.values.clusters()].concat();
    Grants {
        programs: Grant::new(&needs.exec),
        contexts: Grant::new(&contexts),
        hosts: needs.hosts,
        files: Files::new(&needs.files, &std::env::current_dir().unwrap_or_default()),
        env: Grant::new(&needs.env),
        authorities: Grant::new(&needs.authorities),
        reveal: needs.reveal,
        ..Grants::default()
    }
}

/// Programs and keeper as a desk lets them be used.
fn guarded(
    desk: Option<&Desk>,
    programs: Arc<dyn Programs>,
    keeper: Arc<dyn Keeper>,
) -> (Arc<dyn Programs>, Arc<dyn Keeper>) {
    match desk {
        Some(desk) => {
            (Arc::new(GuardedPrograms(programs, desk.clone())), Arc::new(GuardedKeeper(keeper, desk.clone())))
        }
        None => (programs, keeper),
    }
}

/// Shows a server's warning or an outage.
fn tell(screen: &Screen, notice: &Notice) {
    match notice {
        Notice::Warning { cluster, text } => screen.say(Level::Info, &format!("{cluster} warns: {text}")),
        Notice::Plugin { cluster, text } => screen.say(Level::Info, &format!("{cluster}: credential plugin: {text}")),
        Notice::Unchecked { cluster } => {
            let what =
                "the server's certificate is not checked (insecure-skip-tls-verify): anybody could answer for it";
            screen.say(Level::Warning, &format!("{cluster}: {what}"));
        }
        Notice::Retrying { cluster, reason, lasting, again_in } => {
            let (lasting, again_in) = (super::screen::seconds(*lasting), super::screen::seconds(*again_in));
            screen.say(Level::Info, &format!("{cluster}: {reason}; for {lasting} now, next try in {again_in}"));
        }
        Notice::Waiting { cluster, object, text } => {
            screen.say(Level::Warning, &format!("{cluster}: still waiting for {object}: {text}"));
        }
    }
}

/// Where a script's imports come from.
fn sources(script: &Script) -> Resolver {
    Resolver::for_script(script, &std::env::current_dir().unwrap_or_default())
}

fn rehearsed_programs(world: World, model: Option<Arc<Model>>) -> RehearsedPrograms {
    RehearsedPrograms::new(world.clock().clone(), move |command| {
        let stdin = command.stdin.as_ref().map(|content| content.reveal().to_owned()).unwrap_or_default();
        let answer = model.as_ref()?.program(&world, &command.tool, &command.argv, &stdin)?;
        Some(Output { code: answer.code, stdout: answer.stdout, stderr: answer.stderr })
    })
}

/// The model knows its clusters through `world`.
struct NoClusters;

impl Clusters for NoClusters {
    fn contexts(&self) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    fn connect(&self, _: &str) -> Result<crate::cluster::Cluster> {
        Err(Failure::usage("rehearsed software has no kubeconfig").hint("use `world.cluster(name)`"))
    }

    fn connect_with(&self, name: &str, _: &crate::secret::Secret) -> Result<crate::cluster::Cluster> {
        self.connect(name)
    }
}

/// Rehearsed software has no steps and prints nothing.
struct Silent;

impl engine::Observer for Silent {
    fn step_begins(&self, _: &engine::StepStart) -> Result<()> {
        Ok(())
    }

    fn step_ended(&self, _: &engine::StepStart, _: Option<&Failure>) -> Result<()> {
        Ok(())
    }

    fn print(&self, line: &str) {
        eprintln!("{}", crate::plain::text(line));
    }

    fn debug(&self, line: &str, _: Option<&crate::failure::Place>) {
        eprintln!("{line}");
    }
}
