//! One test: a session on fresh clusters in memory, which can rehearse scripts on them.

use super::foundation::Foundation;
use super::heard::Heard;
use super::observed::Observed;
use super::screen::Style;
use super::session::{Job, Session};
use crate::clock::{Clock, Runtime};
use crate::engine::{Cancel, Observer, StepStart};
use crate::failure::{Failure, Kind as FailureKind, Place, Result};
use crate::grant::Way;
use crate::object::{Node, Object};
use crate::primitives::host::{Bench, Clusters, Keeper, Rehearsal, Replay};
use crate::primitives::keeper::Memory;
use crate::recording::{Player, ReplayedPrograms, Tape};
use crate::rehearsal::World;
use crate::script::explained::position;
use crate::script::{Given, Header, Home, Kind, Script, Values, find, stand_in};
use rhai::{Array, Dynamic, Map};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

/// What a test's session has beyond a rehearsal's.
pub struct Trial {
    /// The test that is to run; none to look which there are.
    chosen: Option<String>,
    found: Mutex<Vec<Found>>,
    heard: Arc<Heard>,
    world: World,
    runtime: Arc<Runtime>,
    clock: Clock,
    keeper: Arc<dyn Keeper>,
    cancel: Cancel,
    home: Home,
}

/// A test that was come upon.
#[derive(Debug, Clone)]
pub struct Found {
    /// Its name.
    pub name: String,
    /// Its clusters; none when it names none.
    pub on: Vec<String>,
    /// Where it is written.
    pub place: Place,
}

impl Trial {
    /// A session for this file of tests on fresh clusters, in which the chosen test's block runs.
    ///
    /// # Errors
    /// When the `rehearsal.rhai` beside the file does not compile.
    pub fn session(
        job: &Job,
        contexts: &[&str],
        chosen: Option<String>,
        cancel: &Cancel,
    ) -> Result<(Session, Arc<Trial>)> {
        let mut foundation = Foundation::unwatched(Clock::simulated(), None, cancel.clone())?;
        let (world, model) = foundation.clusters(job, contexts)?;
        let keeper: Arc<dyn Keeper> = Arc::new(Memory::default());
        let trial = Arc::new(Trial {
            chosen,
            found: Mutex::default(),
            heard: Arc::default(),
            world: world.clone(),
            runtime: foundation.runtime.clone(),
            clock: foundation.bridge.clock.clone(),
            keeper: keeper.clone(),
            cancel: cancel.clone(),
            home: job.script.home.clone(),
        });
        foundation.heard = Some(trial.heard.clone());
        foundation.trial = Some(trial.clone());
        Ok((foundation.rehearsed(job, world, model, keeper), trial))
    }

    /// The tests that were come upon, in order.
    pub fn found(&self) -> Vec<Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What the test and the scripts that it rehearsed had to say.
    pub fn heard(&self) -> &Heard {
        &self.heard
    }

    fn test_found(&self, test: &StepStart) -> Result<bool> {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(first) = found.iter().find(|other| other.name == test.name) {
            let message = format!("there are two tests `{}`: the other one is in line {}", test.name, first.place.line);
            return Err(Failure::usage(message).hint("give one of them another name"));
        }
        found.push(Found { name: test.name.clone(), on: test.on.clone(), place: test.place.clone() });
        Ok(self.chosen.as_ref() == Some(&test.name))
    }

    /// The script that a test means: from its own folder when the name is a path.
    fn script(&self, name: &str) -> Result<Script> {
        let working = std::env::current_dir().unwrap_or_default();
        let is_path = name.starts_with('.') || name.ends_with(".rhai");
        let found = match &self.home {
            Home::Bundle(folder) if is_path => {
                let inside = name.trim_start_matches("./").trim_end_matches(".rhai");
                find(&format!("{folder}/{}", if inside.is_empty() { "main" } else { inside }), &working)
            }
            Home::Folder(folder) | Home::Over(folder, _) if is_path => {
                find(&folder.join(name).to_string_lossy(), &working)
            }
            _ => find(name, &working),
        };
        found.map(|script| Script { name: name.to_owned(), ..script })
    }

    fn job(&self, wanted: &Rehearsal) -> Result<Job> {
        let script = self.script(&wanted.script)?;
        let mut header = script.header()?;
        let given = Given { file: Some(Object::new(wanted.params.clone())), ..Given::default() };
        let given = self.filled(&header, given);
        let values = Values::check(&header, &given)?;
        header.needs = header.needs.with(&values);
        let job = Job::new(script, header, values, Style::default()).run_by(Way::Test);
        let steps = job.script.steps();
        // A name that the script computes is known only when it runs.
        let is_computed = steps.iter().any(|step| step.name.contains("${"));
        let meant = |wanted: &String| match position(&steps, wanted) {
            Err(_) if is_computed => Ok(wanted.clone()),
            found => found.map(|at| steps[at].name.clone()),
        };
        Ok(Job { stop_after: wanted.stop_after.as_ref().map(meant).transpose()?, ..job })
    }

    /// The parameters with the test's clusters where none are named, and what rehearsals put in for others.
    fn filled(&self, header: &Header, mut given: Given) -> Given {
        let named: BTreeSet<String> = named(header, &given);
        let mut free = self.world.servers().iter().map(|server| server.name().to_owned());
        let mut free = free.by_ref().filter(|name| !named.contains(name)).collect::<Vec<_>>().into_iter();
        for param in header.params.iter().filter(|param| !given.has(param)).collect::<Vec<_>>() {
            match param.kind {
                Kind::Cluster | Kind::Clusters if param.default.is_some() => {}
                Kind::Cluster => given.flags.extend(free.next().map(|name| (param.name.clone(), name))),
                Kind::Clusters => given.flags.extend(free.by_ref().map(|name| (param.name.clone(), name))),
                _ => given.flags.extend(stand_in(param, &named).map(|value| (param.name.clone(), value))),
            }
        }
        given
    }
}

/// The clusters that the parameters name.
fn named(header: &Header, given: &Given) -> BTreeSet<String> {
    let clusters = header.params.iter().filter(|param| matches!(param.kind, Kind::Cluster | Kind::Clusters));
    let nodes = clusters.filter_map(|param| given.file.as_ref()?.node.get(&param.name));
    let texts =
        nodes.flat_map(|node| node.as_str().into_iter().chain(node.items().iter().filter_map(|item| item.as_str())));
    texts.map(str::to_owned).collect()
}

impl Bench for Trial {
    fn world(&self) -> World {
        self.world.clone()
    }

    fn rehearse(&self, wanted: &Rehearsal) -> Result<Map> {
        let job = self.job(wanted)?;
        let mut foundation = self.foundation()?;
        let heard = Arc::new(Heard::default());
        foundation.heard = Some(heard.clone());
        let tally = foundation.tally.clone();
        let model = foundation.model(&job)?;
        if let Some(model) = &model {
            self.world.set_behaviour(model.clone());
        }
        let session = foundation.rehearsed(&job, self.world.clone(), model, self.keeper.clone());
        // This is a script's thread already, and the clock counts it.
        let outcome = session.perform(&job);
        heard.said().iter().chain(&heard.printed()).for_each(|line| self.heard.say(line));
        let is_stopped =
            |failure: &Failure| failure.kind == crate::failure::Kind::Cancelled && job.stop_after.is_some();
        outcome.or_else(|failure| if is_stopped(&failure) { Ok(()) } else { Err(failure) })?;
        report(&heard, &tally, session.clusters())
    }

    fn replay(&self, wanted: &Replay) -> Result<Map> {
        let tape = self.tape(&wanted.recording)?;
        let job = self.replay_job(wanted, &tape)?;
        let mut foundation = self.foundation()?;
        let heard = Arc::new(Heard::default());
        foundation.heard = Some(heard.clone());
        let tally = foundation.tally.clone();
        let (programs, rehearsed) = (Arc::new(ReplayedPrograms::new(&tape)), tape.start.rehearsed);
        let player = Player::new(tape);
        let session = foundation.replayed(&job, &player, programs.clone(), rehearsed);
        let outcome = session.perform(&job);
        heard.said().iter().chain(&heard.printed()).for_each(|line| self.heard.say(line));
        let differences = [player.differences(), programs.differences()].concat();
        if let Err(failure) = outcome {
            differences.iter().for_each(|line| self.heard.say(line));
            return Err(failure);
        }
        let mut report = report(&heard, &tally, session.clusters())?;
        let lines = differences.into_iter().map(Dynamic::from).collect::<Array>();
        report.insert("differences".into(), lines.into());
        Ok(report)
    }
}

impl Trial {
    /// What a script that the test runs on its clusters stands on.
    fn foundation(&self) -> Result<Foundation> {
        Foundation::unwatched(self.clock.clone(), Some(self.runtime.clone()), self.cancel.clone())
    }

    fn tape(&self, name: &str) -> Result<Tape> {
        let file = self.home.on_disk().unwrap_or(std::path::Path::new("")).join(name);
        let text = std::fs::read_to_string(&file).map_err(|e| {
            let kind =
                if e.kind() == std::io::ErrorKind::NotFound { FailureKind::NotFound } else { FailureKind::Usage };
            Failure::new(kind, format!("cannot read the recording {}: {e}", file.display()))
                .hint("`meshwright rehearse NAME --record FILE` makes one; the path starts at the test's folder")
        })?;
        Tape::read(name, &text)
    }

    /// What a replay runs: the recorded parameters, less those that were secrets, with others in their places.
    fn replay_job(&self, wanted: &Replay, tape: &Tape) -> Result<Job> {
        let script = self.script(wanted.script.as_deref().unwrap_or(&tape.start.script))?;
        let mut header = script.header()?;
        let is_known = |name: &str, value: &serde_json::Value| {
            header.param(name).is_some() && !value.to_string().contains("‹secret")
        };
        let recorded = tape.start.params.iter().filter(|(name, value)| is_known(name, value));
        let recorded: serde_json::Map<_, _> = recorded.map(|(name, value)| (name.clone(), value.clone())).collect();
        let recorded = crate::object::from_json(serde_json::Value::from(recorded).to_string().as_bytes())?.node;
        let Node::Map(mut params) = recorded else { return Err(Failure::internal("parameters are no map")) };
        // What was secret is in no recording, and not compared.
        for param in header.params.iter().filter(|param| param.kind == Kind::Secret && param.required) {
            params = params.with(&param.name, Node::Str(format!("stand-in for {}", param.name).into()));
        }
        for (name, value) in wanted.params.entries() {
            params = params.with(name, value.clone());
        }
        let mut given = Given { file: Some(Object::new(Node::Map(params))), ..Given::default() };
        given.fill(&header, stand_in);
        let values = Values::check(&header, &given)?;
        header.needs = header.needs.with(&values);
        Ok(Job::new(script, header, values, Style::default()).run_by(Way::Test))
    }
}

fn report(heard: &Heard, tally: &super::tally::Tally, clusters: &dyn Clusters) -> Result<Map> {
    let texts = |lines: Vec<String>| Dynamic::from_array(lines.into_iter().map(Dynamic::from).collect::<Array>());
    let mut report = Map::new();
    report.insert("steps".into(), texts(heard.steps()));
    report.insert("said".into(), texts(heard.said()));
    report.insert("printed".into(), texts(heard.printed()));
    let mut changes = Map::new();
    for (cluster, counts) in tally.totals() {
        let count = |count: usize| Dynamic::from(i64::try_from(count).unwrap_or(i64::MAX));
        let fields = [("created", counts.created), ("changed", counts.changed), ("deleted", counts.deleted)];
        let fields: Map = fields.into_iter().map(|(name, number)| (name.into(), count(number))).collect();
        changes.insert(cluster.into(), fields.into());
    }
    report.insert("changes".into(), changes.into());
    let contexts = clusters.contexts()?.into_iter();
    let connected = contexts.map(|name| Ok((name.as_str().into(), Dynamic::from(clusters.connect(&name)?))));
    report.insert("clusters".into(), connected.collect::<Result<Map>>()?.into());
    Ok(report)
}

/// A run's observer, which also finds tests.
pub(super) struct Tested(pub Observed, pub Arc<Trial>);

impl Observer for Tested {
    fn test_found(&self, test: &StepStart) -> Result<bool> {
        self.1.test_found(test)
    }

    fn step_begins(&self, step: &StepStart) -> Result<()> {
        self.0.step_begins(step)
    }

    fn step_ended(&self, step: &StepStart, failure: Option<&Failure>) -> Result<()> {
        self.0.step_ended(step, failure)
    }

    fn print(&self, line: &str) {
        self.0.print(line);
    }

    fn debug(&self, line: &str, place: Option<&Place>) {
        self.0.debug(line, place);
    }
}
