//! What the pods of a rehearsal do: the functions of the `rehearsal.rhai` beside the script.

use crate::engine;
use crate::failure::{Failure, Kind, Result};
use crate::object::Node;
use crate::primitives::host::Clusters;
use crate::primitives::world::{ClusterState, Files, Memory, WorldState};
use crate::process::{Output, Rehearsed as RehearsedPrograms};
use crate::rehearsal::{Answer, Behaviour, World};
use rhai::{AST, Dynamic, Engine, Map, Scope};
use serde_json::Value;
use std::sync::{Arc, Mutex};

/// A `rehearsal.rhai`, compiled.
pub struct Model {
    engine: Engine,
    ast: AST,
    params: Map,
    file: Arc<Files>,
    memory: Arc<Mutex<Memory>>,
    /// The first defect of the file: told once, at the end of the rehearsal.
    defect: Mutex<Option<String>>,
}

/// The functions that a `rehearsal.rhai` may have.
const FUNCTIONS: [&str; 6] = ["program", "admit", "unready", "exec", "logs", "reconcile"];

impl Model {
    /// Holds the functions of a compiled file against those that are called.
    ///
    /// # Errors
    /// `Usage` when one that is not there seems to be misspelled.
    pub fn check(ast: &AST, source: &str) -> Result<()> {
        let is_there = |name: &str| ast.iter_functions().any(|known| known.name == name);
        let missing: Vec<&str> = FUNCTIONS.into_iter().filter(|name| !is_there(name)).collect();
        let own = ast.iter_functions().filter(|known| !FUNCTIONS.contains(&known.name));
        let meant = own.filter_map(|known| Some((known.name, engine::nearest(known.name, missing.iter().copied())?)));
        match meant.into_iter().next() {
            Some((name, meant)) => Err(Failure::usage(format!("{source}: nothing calls the function `{name}`"))
                .hint(format!("did you mean `{meant}`?"))),
            None => Ok(()),
        }
    }

    /// A model over a compiled file; `file` gives the texts beside it.
    pub fn new(engine: Engine, ast: AST, params: Map, file: Arc<Files>) -> Model {
        Model { engine, ast, params, file, memory: Arc::default(), defect: Mutex::default() }
    }

    /// What went wrong inside the file itself, if anything did.
    pub fn defect(&self) -> Option<String> {
        self.defect.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// A local program's stand-in; `None` when the file has none for this tool.
    pub fn program(&self, world: &World, tool: &str, argv: &[String], stdin: &str) -> Option<Answer> {
        let argv: rhai::Array = argv.iter().map(|arg| arg.clone().into()).collect();
        let args = vec![tool.to_owned().into(), argv.into(), stdin.to_owned().into()];
        let answer = self.call("program", world, None, args).ok()??;
        (!answer.is_unit()).then(|| read_answer(&answer))
    }

    /// Calls a function of the file. `None` when there is no such function. What it throws is a defect of the file, unless
    /// it is `admit`, whose answer that is.
    fn call(
        &self,
        function: &str,
        world: &World,
        cluster: Option<&str>,
        args: Vec<Dynamic>,
    ) -> Result<Option<Dynamic>, String> {
        self.try_call(function, world, cluster, args).map_err(|error| {
            let words = format!("rehearsal.rhai: {function}: {error}");
            let mut defect = self.defect.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            defect.get_or_insert_with(|| words.clone());
            words
        })
    }

    fn try_call(
        &self,
        function: &str,
        world: &World,
        cluster: Option<&str>,
        args: Vec<Dynamic>,
    ) -> Result<Option<Dynamic>, String> {
        let state = WorldState {
            world: world.clone(),
            params: self.params.clone(),
            memory: self.memory.clone(),
            file: self.file.clone(),
        };
        let mut all = vec![Dynamic::from(state)];
        if let Some(name) = cluster {
            let Some(server) = world.server(name) else { return Ok(None) };
            all.push(Dynamic::from(ClusterState(server.clone())));
        }
        all.extend(args);
        let arity = all.len();
        if !self.ast.iter_functions().any(|known| known.name == function && known.params.len() == arity) {
            return Ok(None);
        }
        let outcome = engine::call_function(&self.engine, &self.ast, &mut Scope::new(), function, all);
        outcome.map(Some).map_err(|failure| told(&failure))
    }
}

/// What a function threw is an answer in its own words; a mistake in the file is told with its place.
fn told(failure: &Failure) -> String {
    match failure.places.last().filter(|_| failure.kind == Kind::Usage) {
        Some(place) => format!("{} ({}:{})", failure.message, place.source, place.line),
        None => failure.message.clone(),
    }
}

fn tree(value: &Value) -> Dynamic {
    engine::value::from_node(&Node::from(value))
}

fn read_answer(value: &Dynamic) -> Answer {
    let node = engine::value::to_node(value).unwrap_or_default();
    let text = |key| node.get(key).and_then(Node::as_str).unwrap_or_default().to_owned();
    let code = node.get("code").and_then(Node::as_int).and_then(|code| i32::try_from(code).ok()).unwrap_or_default();
    Answer { stdout: text("stdout"), stderr: text("stderr"), code }
}

impl Behaviour for Model {
    fn exec(&self, world: &World, cluster: &str, pod: &Value, container: &str, argv: &[String], stdin: &str) -> Answer {
        let program: rhai::Array = argv.iter().map(|arg| arg.clone().into()).collect();
        let args = vec![tree(pod), container.to_owned().into(), program.into(), stdin.to_owned().into()];
        match self.call("exec", world, Some(cluster), args) {
            Ok(Some(answer)) if !answer.is_unit() => read_answer(&answer),
            Err(defect) => Answer { code: 1, stderr: format!("{defect}\n"), ..Answer::default() },
            Ok(_) => crate::rehearsal::Inert.exec(world, cluster, pod, container, argv, stdin),
        }
    }

    fn logs(&self, world: &World, cluster: &str, pod: &Value, container: &str) -> String {
        match self.call("logs", world, Some(cluster), vec![tree(pod), container.to_owned().into()]) {
            Ok(text) => text.and_then(|text| text.into_string().ok()).unwrap_or_default(),
            Err(defect) => format!("{defect}\n"),
        }
    }

    fn unready(&self, world: &World, cluster: &str, pod: &Value) -> Option<String> {
        self.call("unready", world, Some(cluster), vec![tree(pod)]).ok()??.into_string().ok()
    }

    fn admit(&self, world: &World, cluster: &str, object: Value) -> Result<Value, String> {
        let Some(admitted) = self.try_call("admit", world, Some(cluster), vec![tree(&object)])? else {
            return Ok(object);
        };
        Ok(engine::value::to_node(&admitted).map_or(object, |node| node.to_wire()))
    }

    fn reconcile(&self, world: &World) {
        // What goes wrong in there is kept as the file's defect.
        let _ = self.call("reconcile", world, None, Vec::new());
    }
}

/// The local programs of a rehearsal, answered by the model.
pub(super) fn rehearsed_programs(world: World, model: Option<Arc<Model>>) -> RehearsedPrograms {
    RehearsedPrograms::new(world.clock().clone(), move |command| {
        let stdin = command.stdin.as_ref().map(|content| content.reveal().to_owned()).unwrap_or_default();
        let answer = model.as_ref()?.program(&world, &command.tool, &command.argv, &stdin)?;
        Some(Output { code: answer.code, stdout: answer.stdout, stderr: answer.stderr })
    })
}

/// The model knows its clusters through `world`.
pub(super) struct NoClusters;

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
pub(super) struct Silent;

impl engine::Observer for Silent {
    fn step_begins(&self, _: &engine::StepStart) -> Result<()> {
        Ok(())
    }

    fn step_ended(&self, _: &engine::StepStart, _: Option<&Failure>) -> Result<()> {
        Ok(())
    }

    fn print(&self, line: &str) {
        crate::plain::tell(&crate::plain::text(line));
    }

    fn debug(&self, line: &str, _: Option<&crate::failure::Place>) {
        crate::plain::tell(line);
    }
}
