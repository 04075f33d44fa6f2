//! `World` and `ClusterState`: what a `rehearsal.rhai` sees of the rehearsed clusters, directly on their stores.

use super::Host;
use crate::engine::value::{from_node, to_node};
use crate::engine::{Call, Effect, Outcome, Primitive};
use crate::failure::{Failure, Kind, Result};
use crate::object::{Node, Object, yaml};
use crate::rehearsal::{Server, World};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rhai::{Dynamic, Map};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The texts of files beside a script, by path.
pub type Files = dyn Fn(&str) -> Option<String> + Send + Sync;

/// All rehearsed clusters, with the counters and parameters of the rehearsal.
#[derive(Clone)]
pub struct WorldState {
    /// The clusters.
    pub world: World,
    /// The parameters of the rehearsed script.
    pub params: Map,
    /// What the rehearsed software remembers.
    pub memory: Arc<Mutex<Memory>>,
    /// The text of a file beside the script.
    pub file: Arc<Files>,
}

impl fmt::Display for WorldState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("World")
    }
}

/// What the rehearsed software remembers beside the objects in the clusters.
#[derive(Default)]
pub struct Memory {
    counters: BTreeMap<String, i64>,
    notes: BTreeMap<String, Vec<Note>>,
}

/// A line, and when on the world's clock it was remembered: its date may be set anew since.
struct Note {
    line: String,
    at: Duration,
}

/// One rehearsed cluster.
#[derive(Clone)]
pub struct ClusterState(pub Server);

impl fmt::Display for ClusterState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name())
    }
}

/// The table of `World` and `ClusterState`.
pub const WORLD: &[Primitive<Host>] = &[
    entry("WorldState", "clusters", "", "array", "The context names of all clusters.", clusters),
    entry(
        "WorldState",
        "cluster",
        "name: string",
        "ClusterState|()",
        "The cluster with this context name, or `()`.",
        cluster,
    ),
    entry(
        "WorldState",
        "by_url",
        "url: string",
        "ClusterState|()",
        "The cluster whose API server has this URL, or `()`.",
        by_url,
    ),
    entry(
        "WorldState",
        "resolve",
        "host: string",
        "string|()",
        "The address of a load balancer's host name, or `()`.",
        resolve,
    ),
    entry("WorldState", "param", "name: string", "any", "A parameter of the rehearsed script.", param),
    entry("WorldState", "next", "counter: string", "int", "Counts up from 1: one more at each call.", next),
    entry(
        "WorldState",
        "note",
        "key: string, line: string",
        "()",
        "Remembers a line under a key; `{time}` in it stands for the rehearsed time.",
        note,
    ),
    entry("WorldState", "notes", "key: string", "array", "The lines remembered under a key.", notes),
    entry("WorldState", "now", "", "string", "The rehearsed time, as in `2026-01-02T03:04:05.678Z`.", now),
    entry("WorldState", "file", "path: string", "string", "The text of a file beside the script.", file),
    entry("WorldState", "documents", "text: string", "array", "The documents of a YAML text.", documents),
    entry("WorldState", "yaml", "value: any", "string", "A value as YAML text.", to_yaml),
    entry("WorldState", "encode", "text: string", "string", "A text in base64.", encode),
    entry(
        "WorldState",
        "decode",
        "text: string",
        "string",
        "The text of a base64 text; empty when it is none.",
        decode,
    ),
    entry(
        "WorldState",
        "self_signed",
        "name: string",
        "string",
        "A new self-signed certificate with this common name, PEM.",
        self_signed,
    ),
    entry(
        "WorldState",
        "issued_by",
        "cert: string, root: string",
        "bool",
        "Whether a certificate is signed by a root, both PEM.",
        issued_by,
    ),
    entry("ClusterState", "name", "", "string", "The context name.", name),
    entry("ClusterState", "url", "", "string", "The API server's URL.", url),
    entry("ClusterState", "ca", "", "string", "The API server's certificate authority, PEM.", ca),
    entry(
        "ClusterState",
        "authenticates",
        "token: string",
        "bool",
        "Whether the API server accepts a bearer token.",
        authenticates,
    ),
    entry(
        "ClusterState",
        "get",
        "kind: string, namespace: string|(), name: string",
        "object|()",
        "A stored object, or `()`.",
        get,
    ),
    entry(
        "ClusterState",
        "list",
        "kind: string, namespace?: string|()",
        "array",
        "Stored objects of a kind, in one namespace or in all.",
        list,
    ),
    entry(
        "ClusterState",
        "put",
        "object: object, manager?: string",
        "object",
        "Stores an object as a controller would. What it changes belongs to `manager` from then on, `controller` when left out.",
        put,
    ),
    entry(
        "ClusterState",
        "remove",
        "kind: string, namespace: string|(), name: string",
        "bool",
        "Removes an object; whether it was there.",
        remove,
    ),
];

const fn entry(
    on: &'static str,
    name: &'static str,
    params: &'static str,
    returns: &'static str,
    doc: &'static str,
    call: fn(&Call<'_, Host>) -> Outcome,
) -> Primitive<Host> {
    Primitive { on, name, params, options: &[], returns, doc, example: "", effect: Effect::None, since: "0.1.0", call }
}

fn world(call: &Call<'_, Host>) -> WorldState {
    call.receiver()
}

fn server(call: &Call<'_, Host>) -> Server {
    call.receiver::<ClusterState>().0
}

fn state(server: Option<Server>) -> Outcome {
    Ok(server.map_or(Dynamic::UNIT, |server| Dynamic::from(ClusterState(server))))
}

fn object(value: Option<serde_json::Value>) -> Outcome {
    // Not sealed: the rehearsed software reads Secrets as the real one does.
    Ok(value.map_or(Dynamic::UNIT, |value| from_node(&Node::from(&value))))
}

fn namespace(call: &Call<'_, Host>, index: usize) -> Option<String> {
    call.any(index).into_string().ok()
}

fn clusters(call: &Call<'_, Host>) -> Outcome {
    let names = world(call).world.servers().iter().map(|server| Dynamic::from(server.name().to_owned())).collect();
    Ok(Dynamic::from_array(names))
}

fn cluster(call: &Call<'_, Host>) -> Outcome {
    state(world(call).world.server(&call.str(0)).cloned())
}

fn by_url(call: &Call<'_, Host>) -> Outcome {
    state(world(call).world.by_url(&call.str(0)).cloned())
}

fn resolve(call: &Call<'_, Host>) -> Outcome {
    Ok(world(call).world.resolve(&call.str(0)).map_or(Dynamic::UNIT, Dynamic::from))
}

fn param(call: &Call<'_, Host>) -> Outcome {
    Ok(world(call).params.get(call.str(0).as_str()).cloned().unwrap_or(Dynamic::UNIT))
}

fn next(call: &Call<'_, Host>) -> Outcome {
    let state = world(call);
    let mut memory = remembered(&state);
    let counter = memory.counters.entry(call.str(0).to_string()).or_default();
    *counter += 1;
    Ok((*counter).into())
}

fn remembered(state: &WorldState) -> MutexGuard<'_, Memory> {
    state.memory.lock().unwrap_or_else(PoisonError::into_inner)
}

fn note(call: &Call<'_, Host>) -> Outcome {
    let state = world(call);
    let note = Note { line: call.str(1).to_string(), at: state.world.clock().now() };
    remembered(&state).notes.entry(call.str(0).to_string()).or_default().push(note);
    Ok(Dynamic::UNIT)
}

fn notes(call: &Call<'_, Host>) -> Outcome {
    let state = world(call);
    let memory = remembered(&state);
    let notes = memory.notes.get(call.str(0).as_str()).into_iter().flatten();
    let lines = notes.map(|note| note.line.replace("{time}", &time_at(&state, note.at)).into());
    Ok(Dynamic::from_array(lines.collect()))
}

fn now(call: &Call<'_, Host>) -> Outcome {
    let state = world(call);
    Ok(time_at(&state, state.world.clock().now()).into())
}

/// The date of a moment on the world's clock.
fn time_at(state: &WorldState, moment: Duration) -> String {
    let now = state.world.servers().first().map(Server::time).unwrap_or_default();
    let time = now.checked_sub(state.world.clock().now().saturating_sub(moment)).unwrap_or(now);
    format!("{time:.3}")
}

fn file(call: &Call<'_, Host>) -> Outcome {
    let path = call.str(0);
    let text = (world(call).file)(&path);
    let missing = || Failure::new(Kind::NotFound, format!("there is no file {path} beside the script"));
    Ok(text.ok_or_else(missing)?.into())
}

fn documents(call: &Call<'_, Host>) -> Outcome {
    let documents = yaml::parse_open(&call.str(0))?;
    Ok(from_node(&Node::Array(Arc::new(documents))))
}

fn to_yaml(call: &Call<'_, Host>) -> Outcome {
    Ok(yaml::emit(&to_node(&call.any(0))?).into())
}

fn encode(call: &Call<'_, Host>) -> Outcome {
    Ok(BASE64.encode(call.str(0).as_bytes()).into())
}

fn decode(call: &Call<'_, Host>) -> Outcome {
    let bytes = BASE64.decode(call.str(0).trim()).unwrap_or_default();
    Ok(String::from_utf8(bytes).unwrap_or_default().into())
}

fn self_signed(call: &Call<'_, Host>) -> Outcome {
    Ok(super::secret::self_signed(&call.str(0))?.into())
}

fn issued_by(call: &Call<'_, Host>) -> Outcome {
    Ok(super::secret::issued_by(&call.str(0), &call.str(1)).into())
}

fn name(call: &Call<'_, Host>) -> Outcome {
    Ok(server(call).name().to_owned().into())
}

fn url(call: &Call<'_, Host>) -> Outcome {
    Ok(server(call).url().into())
}

fn ca(call: &Call<'_, Host>) -> Outcome {
    Ok(server(call).ca_pem().into())
}

fn authenticates(call: &Call<'_, Host>) -> Outcome {
    Ok(server(call).authenticates(&call.str(0)).into())
}

fn get(call: &Call<'_, Host>) -> Outcome {
    object(server(call).get(&call.str(0), namespace(call, 1).as_deref(), &call.str(2)))
}

fn list(call: &Call<'_, Host>) -> Outcome {
    let found = server(call).list(&call.str(0), namespace(call, 1).as_deref());
    Ok(from_node(&Node::Array(Arc::new(found.iter().map(Node::from).collect()))))
}

fn put(call: &Call<'_, Host>) -> Outcome {
    let wanted = whole(call.object(0)?)?;
    let manager = call.opt_str(1);
    object(Some(server(call).put_as(manager.as_deref().unwrap_or("controller"), wanted.to_wire())))
}

fn whole(object: Object) -> Result<Object> {
    match object.kind().is_empty() || object.name().is_empty() {
        true => Err(Failure::usage("put: the object needs kind and metadata.name")),
        false => Ok(object),
    }
}

fn remove(call: &Call<'_, Host>) -> Outcome {
    Ok(server(call).remove(&call.str(0), namespace(call, 1).as_deref(), &call.str(2)).is_some().into())
}
