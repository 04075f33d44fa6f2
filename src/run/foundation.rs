//! What a session is built on: runtime, cancel, rights, and the engines of its script and of the rehearsed software.

use super::desk::{Desk, GuardedKeeper, GuardedPrograms, NotedJournal};
use super::heard::Heard;
use super::interrupt::Watch;
use super::journal::Recorder;
use super::lease::{Around, Door, Holder, Leases};
use super::model::{Model, NoClusters, Silent, rehearsed_programs};
use super::observed::{Noted, Observed, tell};
use super::recorded::recording_start;
use super::screen::Screen;
use super::session::{Job, Session};
use super::stage::{Rehearsed, Replayed, Shared};
use super::tally::Tally;
use super::trial::{Tested, Trial};
use crate::clock::{Clock, Runtime};
use crate::cluster::layers::journal::{Note, now};
use crate::cluster::layers::{Flights, Gate, Journal, MemoryJournal, Notice, Rights, Tape};
use crate::engine::{self, Bridge, Setup};
use crate::failure::{Failure, Result};
use crate::grant::Grant;
use crate::primitives::grants::{Files, Grants};
use crate::primitives::host::{Bench, Clusters, Keeper};
use crate::primitives::keeper::Memory;
use crate::primitives::{self, Host};
use crate::process::{Programs, Rehearsed as RehearsedPrograms};
use crate::recording::{Player, RecordedPrograms, ReplayedPrograms, Writer};
use crate::rehearsal::World;
use crate::script::{Resolver, Script};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

/// What live and rehearsed sessions have in common, before they are built.
pub(super) struct Foundation {
    pub(super) runtime: Arc<Runtime>,
    pub(super) bridge: Bridge,
    pub(super) tally: Tally,
    pub(super) run: Arc<str>,
    pub(super) desk: Option<Desk>,
    /// Whether anything may be changed now; that of the desk where there is one.
    gate: Gate,
    /// What keeps other runs away; shared by all sessions of a desk.
    pub(super) leases: Leases,
    /// Set as soon as there is one: requests tell it of server warnings and outages.
    pub(super) screen: Arc<OnceLock<Arc<Screen>>>,
    /// The changes that are under way.
    flights: Flights,
    watch: Watch,
    /// Who keeps what would be shown otherwise.
    pub(super) heard: Option<Arc<Heard>>,
    /// The test that this is the session of.
    pub(super) trial: Option<Arc<Trial>>,
    /// The file that the traffic is recorded in.
    pub(super) recording: Option<Arc<Writer>>,
}

/// What they do not.
pub(super) struct Parts {
    pub(super) clusters: Arc<dyn Clusters>,
    pub(super) programs: Arc<dyn Programs>,
    pub(super) keeper: Arc<dyn Keeper>,
    pub(super) world: Option<World>,
    /// Whether the clusters are, or were, rehearsed ones.
    pub(super) rehearsed: bool,
    pub(super) model: Option<Arc<Model>>,
    pub(super) kubeconfig: Option<PathBuf>,
}

impl Foundation {
    /// On a runtime of its own, or on that of another session in the same time.
    pub(super) fn new(clock: Clock, shared: Option<Arc<Runtime>>, desk: Option<Desk>) -> Result<Foundation> {
        let mut foundation = Foundation::unwatched(clock, shared, engine::Cancel::default())?;
        let handle = foundation.runtime.handle();
        match &desk {
            None => {
                foundation.watch = Watch::over(handle.spawn(super::interrupt::watch(foundation.bridge.cancel.clone())))
            }
            Some(desk) => {
                foundation.bridge.cancel = desk.cancel.clone();
                if desk.begins_watching() {
                    drop(handle.spawn(super::interrupt::watch_prompt(desk.clone())));
                }
            }
        }
        foundation.leases = desk.as_ref().map(|desk| desk.leases.clone()).unwrap_or_default();
        foundation.gate = desk.as_ref().map_or_else(Gate::open, |desk| desk.gate.clone());
        foundation.desk = desk;
        Ok(foundation)
    }

    /// The same, where somebody else watches for Ctrl-C.
    pub(super) fn unwatched(clock: Clock, shared: Option<Arc<Runtime>>, cancel: engine::Cancel) -> Result<Foundation> {
        let runtime = shared.map_or_else(|| clock.runtime().map(Arc::new), Ok);
        let runtime = runtime.map_err(|e| Failure::internal(format!("cannot start the runtime: {e}")))?;
        let bridge = Bridge { runtime: runtime.handle().clone(), cancel, clock };
        let run = uuid::Uuid::new_v4().simple().to_string();
        Ok(Foundation {
            runtime,
            bridge,
            watch: Watch::default(),
            tally: Tally::default(),
            flights: Flights::default(),
            run: run[..12].into(),
            desk: None,
            gate: Gate::open(),
            leases: Leases::default(),
            screen: Arc::default(),
            heard: None,
            trial: None,
            recording: None,
        })
    }

    /// The same with the traffic recorded, if the job wants that.
    pub(super) fn recording(mut self, job: &Job, rehearsed: bool) -> Result<Foundation> {
        if let Some(file) = &job.record {
            self.recording = Some(Arc::new(Writer::new(file, &recording_start(job, rehearsed))?));
        }
        Ok(self)
    }

    pub(super) fn rehearsed(
        self,
        job: &Job,
        world: World,
        model: Option<Arc<Model>>,
        keeper: Arc<dyn Keeper>,
    ) -> Session {
        let journal = Recorder::in_memory(self.tally.clone());
        self.rehearsed_with(job, world, model, keeper, journal)
    }

    pub(super) fn rehearsed_with(
        self,
        job: &Job,
        world: World,
        model: Option<Arc<Model>>,
        keeper: Arc<dyn Keeper>,
        journal: Arc<Recorder>,
    ) -> Session {
        let (shared, journal) = self.shared(job, journal);
        let clusters = Rehearsed::new(world.clone(), shared, self.runtime.handle().clone());
        let programs = rehearsed_programs(world.clone(), model.clone());
        let parts = Parts {
            clusters: Arc::new(clusters),
            programs: Arc::new(programs),
            keeper,
            world: Some(world),
            rehearsed: true,
            model,
            kubeconfig: None,
        };
        self.build(job, parts, journal)
    }

    /// A session on the clusters and programs of a recording.
    pub(super) fn replayed(
        self,
        job: &Job,
        player: &Player,
        programs: Arc<ReplayedPrograms>,
        rehearsed: bool,
    ) -> Session {
        let (shared, journal) = self.shared(job, Recorder::in_memory(self.tally.clone()));
        let shared = Shared { tape: Tape::Plays(Arc::new(player.clone())), ..shared };
        let clusters = Replayed::new(player.clone(), shared, self.runtime.handle().clone());
        let keeper = Arc::new(Memory::default());
        let parts = Parts {
            clusters: Arc::new(clusters),
            programs,
            keeper,
            world: None,
            rehearsed,
            model: None,
            kubeconfig: None,
        };
        self.build(job, parts, journal)
    }

    pub(super) fn shared(&self, job: &Job, journal: Arc<Recorder>) -> (Shared, Arc<Recorder>) {
        let (screen, notes) = (self.screen.clone(), journal.clone());
        let shared = Shared {
            rights: match &self.desk {
                Some(desk) => rights(job).remembered(&desk.exercised),
                None => rights(job),
            },
            gate: self.gate.clone(),
            journal: self.noted(journal.clone()),
            door: None,
            flights: self.flights.clone(),
            listener: Arc::new(move |notice| {
                if let Notice::Unchecked { cluster } = notice {
                    notes.note(&Note::Unchecked { time: now(), cluster: cluster.to_string() });
                }
                screen.get().into_iter().for_each(|screen| tell(screen, notice));
            }),
            run: self.run.clone(),
            clock: self.bridge.clock.clone(),
            tape: self.recording.clone().map_or(Tape::None, |writer| Tape::Records(writer)),
        };
        (shared, journal)
    }

    /// Takes the lease of a cluster before its first change, where nobody has taken it before.
    pub(super) fn door(&self, journal: Arc<Recorder>) -> Arc<Door> {
        let (screen, holder) = (self.screen.clone(), Holder::here(&self.run));
        let (clock, cancel) = (self.bridge.clock.clone(), self.bridge.cancel.clone());
        Door::new(self.leases.clone(), journal, move || {
            let (holder, clock, cancel) = (holder.clone(), clock.clone(), cancel.clone());
            screen.get().map(|screen| Around { holder, clock, cancel, screen: screen.clone() })
        })
    }

    fn noted(&self, journal: Arc<dyn Journal>) -> Arc<dyn Journal> {
        match &self.desk {
            Some(desk) => Arc::new(NotedJournal(journal, desk.clone())),
            None => journal,
        }
    }

    /// New clusters in memory that behave as the `rehearsal.rhai` beside the script says.
    pub(super) fn clusters(&self, job: &Job, contexts: &[&str]) -> Result<(World, Option<Arc<Model>>)> {
        let inside = self.runtime.handle().enter();
        let world = World::new(self.bridge.clock.clone(), contexts);
        let model = self.model(job)?;
        if let Some(model) = &model {
            world.set_behaviour(model.clone());
        }
        world.start();
        drop(inside);
        Ok((world, model))
    }

    pub(super) fn model(&self, job: &Job) -> Result<Option<Arc<Model>>> {
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
            journal: Arc::new(MemoryJournal::default()),
            bench: None,
        };
        let engine = engine::build(Setup {
            host: Arc::new(host),
            tables: primitives::MODEL,
            types: primitives::MODEL_TYPES,
            // The software of the clusters goes on when the run is interrupted.
            bridge: Bridge { cancel: engine::Cancel::default(), ..self.bridge.clone() },
            sources: Arc::new(sources(&job.script)),
            observer: Arc::new(Silent),
        });
        let ast = engine::compile(&engine, &source, &text)?;
        Model::check(&ast, &source)?;
        let script = job.script.clone();
        let file = Arc::new(move |path: &str| script.beside(path).map(|(_, text)| text));
        Ok(Some(Arc::new(Model::new(engine, ast, job.values.to_map(), file))))
    }

    pub(super) fn build(self, job: &Job, parts: Parts, journal: Arc<Recorder>) -> Session {
        let clock = self.bridge.clock.clone();
        let screen = Screen::new(job.style, clock.clone(), self.tally.clone()).stopping_after(job.stop_after.clone());
        let screen = Arc::new(screen.heard_by(self.heard.clone()));
        self.screen.get_or_init(|| screen.clone());
        let say = screen.clone();
        let (programs, keeper) = guarded(self.desk.as_ref(), parts.programs, parts.keeper);
        let programs: Arc<dyn Programs> = match &self.recording {
            Some(writer) => Arc::new(RecordedPrograms(programs, writer.clone())),
            None => programs,
        };
        let programs: Arc<dyn Programs> = Arc::new(Noted(programs, journal.clone()));
        let host = Arc::new(Host {
            clusters: parts.clusters,
            programs,
            keeper,
            clock: clock.clone(),
            folder: std::env::current_dir().unwrap_or_default(),
            grants: grants(job),
            rehearsed: parts.rehearsed,
            say: Arc::new(move |level, line| say.say(level, line)),
            journal: journal.clone(),
            bench: self.trial.clone().map(|trial| trial as Arc<dyn Bench>),
        });
        let cancel = self.bridge.cancel.clone();
        let observed = Observed(screen.clone(), journal.clone());
        let observer: Arc<dyn engine::Observer> = match &self.trial {
            Some(trial) => Arc::new(Tested(observed, trial.clone())),
            None => Arc::new(observed),
        };
        let engine = engine::build(Setup {
            host: host.clone(),
            tables: if self.trial.is_some() { primitives::TEST_TABLES } else { primitives::TABLES },
            types: primitives::TYPES,
            bridge: self.bridge,
            sources: Arc::new(sources(&job.script)),
            observer,
        });
        let Parts { world, model, kubeconfig, .. } = parts;
        let (desk, run, runtime, _watch) = (self.desk, self.run, self.runtime, self.watch);
        if let Some(desk) = &desk {
            desk.ending.concerns(&self.flights, &journal);
        }
        let (flights, leases, recording, gate) = (self.flights, self.leases, self.recording, self.gate);
        Session {
            runtime,
            engine,
            host,
            screen,
            clock,
            world,
            model,
            journal,
            flights,
            leases,
            cancel,
            desk,
            gate,
            kubeconfig,
            run,
            recording,
            _watch,
            holds: std::sync::atomic::AtomicBool::default(),
        }
    }
}

/// What the run may do with its clusters.
fn rights(job: &Job) -> Rights {
    let needs = job.header.needs.with(&job.values);
    Rights::new(&needs.write, &needs.pods, &needs.secrets).run_by(job.way())
}

/// What it may do beside them.
fn grants(job: &Job) -> Grants {
    let needs = job.header.needs.with(&job.values);
    let contexts = [needs.contexts, job.values.clusters()].concat();
    Grants {
        way: job.way(),
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

/// Where a script's imports come from.
fn sources(script: &Script) -> Resolver {
    Resolver::for_script(script, &std::env::current_dir().unwrap_or_default())
}
