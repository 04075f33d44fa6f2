//! `World` and `ClusterState`: what a `rehearsal.rhai` sees of the rehearsed clusters, directly on their stores.

use super::Host;
use crate::engine::value::from_node;
use crate::engine::{Call, Effect, Outcome, Primitive};
use crate::failure::{Failure, Result};
use crate::object::{Node, Object};
use crate::rehearsal::{Server, World};
use rhai::{Dynamic, Map};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// All rehearsed clusters, with the counters and parameters of the rehearsal.
#[derive(Clone)]
pub struct WorldState {
    /// The clusters.
    pub world: World,
    /// The parameters of the rehearsed script.
    pub params: Map,
    /// Counters by name.
    pub counters: Arc<Mutex<BTreeMap<String, i64>>>,
}

/// One rehearsed cluster.
#[derive(Clone)]
pub struct ClusterState(pub Server);

/// The table of `World` and `ClusterState`.
pub const WORLD: &[Primitive<Host>] = &[
    entry("World", "clusters", "", "array", "The context names of all clusters.", clusters),
    entry("World", "cluster", "name: string", "ClusterState|()", "The cluster with this context name, or `()`.", cluster),
    entry("World", "by_url", "url: string", "ClusterState|()", "The cluster whose API server has this URL, or `()`.", by_url),
    entry("World", "param", "name: string", "any", "A parameter of the rehearsed script.", param),
    entry("World", "next", "counter: string", "int", "Counts up from 1: one more at each call.", next),
    entry("World", "count", "counter: string", "int", "Where a counter stands.", count),
    entry("ClusterState", "name", "", "string", "The context name.", name),
    entry("ClusterState", "url", "", "string", "The API server's URL.", url),
    entry("ClusterState", "ca", "", "string", "The API server's certificate authority, PEM.", ca),
    entry("ClusterState", "authenticates", "token: string", "bool", "Whether the API server accepts a bearer token.", authenticates),
    entry("ClusterState", "get", "kind: string, namespace: string|(), name: string", "object|()", "A stored object, or `()`.", get),
    entry("ClusterState", "list", "kind: string, namespace?: string|()", "array", "Stored objects of a kind, in one namespace or in all.", list),
    entry("ClusterState", "put", "object: object", "object", "Stores an object as a controller would.", put),
    entry("ClusterState", "remove", "kind: string, namespace: string|(), name: string", "bool", "Removes an object; whether it was there.", remove),
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
    state(world(call).world.by_url(&call.str(0)))
}

fn param(call: &Call<'_, Host>) -> Outcome {
    Ok(world(call).params.get(call.str(0).as_str()).cloned().unwrap_or(Dynamic::UNIT))
}

fn next(call: &Call<'_, Host>) -> Outcome {
    counted(call, 1)
}

fn count(call: &Call<'_, Host>) -> Outcome {
    counted(call, 0)
}

fn counted(call: &Call<'_, Host>, step: i64) -> Outcome {
    let state = world(call);
    let mut counters = state.counters.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let counter = counters.entry(call.str(0).to_string()).or_default();
    *counter += step;
    Ok((*counter).into())
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
    object(Some(server(call).put(wanted.to_wire())))
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
