//! What a server does by itself after a change: serves new definitions, empties namespaces that end, and collects
//! objects whose owners are gone.

use super::custom;
use super::kinds::Kind;
use super::server::Server;
use super::store::Key;
use super::tree::text;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;

/// How long the server takes to act after a change.
const REACTION: Duration = Duration::from_millis(100);

/// Starts the upkeep of a server on the current runtime. It ends with the server.
pub(super) fn start(server: Server) {
    let mut changes = server.changes();
    let clock = server.clock().clone();
    // A server that nobody else holds needs no upkeep.
    let weak = server.downgrade();
    drop(server);
    tokio::spawn(async move {
        loop {
            match changes.recv().await {
                Err(RecvError::Closed) => return,
                Ok(change) if !matters(change.event, &change.object) => continue,
                Ok(_) | Err(RecvError::Lagged(_)) => clock.sleep(REACTION).await,
            }
            while changes.try_recv().is_ok() {}
            let Some(server) = Server::upgrade(&weak) else { return };
            run(&server);
        }
    });
}

/// Whether a change can make work.
fn matters(event: &str, object: &Value) -> bool {
    let metadata = &object["metadata"];
    event == "DELETED"
        || metadata["deletionTimestamp"].is_string()
        || metadata["ownerReferences"].is_array()
        || object["kind"] == "CustomResourceDefinition" && !custom::is_established(object)
}

/// One pass over everything; passes until nothing is left to do.
pub(super) fn run(server: &Server) {
    loop {
        let definitions = establish(server);
        let namespaces = end_namespaces(server);
        let orphans = collect(server);
        if !definitions && !namespaces && !orphans {
            return;
        }
    }
}

/// Serves the kinds of new definitions; empties those that are being deleted.
fn establish(server: &Server) -> bool {
    let definitions = server.list_shared("CustomResourceDefinition", None);
    let (ending, living): (Vec<_>, Vec<_>) = definitions.into_iter().partition(|one| is_ending(one));
    let fresh: Vec<_> = living.iter().filter(|one| !custom::is_established(one)).collect();
    for definition in &fresh {
        server.establish(text(&definition["metadata"], "name"));
    }
    let mut worked = !fresh.is_empty();
    for definition in ending {
        worked |= end_definition(server, &definition);
    }
    worked
}

const CUSTOM_FINALIZER: &str = "customresourcecleanup.apiextensions.k8s.io";

fn end_definition(server: &Server, definition: &Value) -> bool {
    if !has_finalizer(definition, CUSTOM_FINALIZER) {
        return false;
    }
    let name = text(&definition["metadata"], "name");
    let mut worked = false;
    if let Some(kind) = server.kind(name) {
        for object in server.list_shared(name, None) {
            worked |= delete(server, &kind, &object, "Background");
        }
        if !server.list_shared(name, None).is_empty() {
            return worked;
        }
    }
    drop_finalizer(server, "CustomResourceDefinition", None, name, CUSTOM_FINALIZER);
    true
}

/// Empties namespaces that are being deleted and removes those that are empty.
fn end_namespaces(server: &Server) -> bool {
    let mut worked = false;
    for namespace in server.list_shared("Namespace", None).into_iter().filter(|one| is_ending(one)) {
        worked |= end_namespace(server, text(&namespace["metadata"], "name"));
    }
    worked
}

fn end_namespace(server: &Server, name: &str) -> bool {
    let mut worked = false;
    let mut left = Vec::new();
    for kind in stored_kinds(server).into_iter().filter(|kind| kind.namespaced) {
        for object in server.list_shared(&kind.resource(), Some(name)) {
            worked |= delete(server, &kind, &object, "Background");
        }
        if !server.list_shared(&kind.resource(), Some(name)).is_empty() {
            left.push(kind.resource());
        }
    }
    if left.is_empty() {
        let empty = |namespace: &mut Value| {
            namespace["spec"] = json!({});
            namespace["status"] = json!({"phase": "Terminating"});
        };
        return server.edit("Namespace", None, name, empty).is_some() || worked;
    }
    worked
}

/// Starts the deletion of an object unless it has started. True when something happened.
fn delete(server: &Server, kind: &Arc<Kind>, object: &Value, policy: &str) -> bool {
    if is_ending(object) {
        return false;
    }
    let metadata = &object["metadata"];
    let options = json!({"propagationPolicy": policy, "preconditions": {"uid": metadata["uid"]}});
    let namespace = metadata["namespace"].as_str();
    super::delete::object(server, kind, namespace, text(metadata, "name"), &options).is_ok()
}

/// Deletes objects whose owners are all gone; carries out foreground and orphan deletion.
fn collect(server: &Server) -> bool {
    let everything = owned_and_owners(server);
    let alive: HashSet<&str> = everything.iter().map(|(_, object)| text(&object["metadata"], "uid")).collect();
    let mut worked = false;
    for (kind, object) in &everything {
        let owners = owners(object);
        if !owners.is_empty() && owners.iter().all(|owner| !alive.contains(text(owner, "uid"))) {
            worked |= delete(server, kind, object, "Background");
        }
    }
    for (kind, owner) in everything.iter().filter(|(_, object)| is_ending(object)) {
        worked |= release(server, kind, owner, &everything);
    }
    worked
}

/// Every stored object; cheap, as objects are shared.
fn owned_and_owners(server: &Server) -> Vec<(Arc<Kind>, Arc<Value>)> {
    let kinds = stored_kinds(server);
    let store = server.store();
    let all = kinds.into_iter().flat_map(|kind| {
        let objects = store.list(&kind.resource(), None);
        objects.into_iter().map(move |object| (kind.clone(), object))
    });
    all.collect()
}

/// Does what an owner's `foregroundDeletion` or `orphan` finalizer waits for, and takes it off when that is done.
fn release(server: &Server, kind: &Kind, owner: &Value, everything: &[(Arc<Kind>, Arc<Value>)]) -> bool {
    let uid = text(&owner["metadata"], "uid");
    let (namespace, name) = (owner["metadata"]["namespace"].as_str(), text(&owner["metadata"], "name"));
    let dependents: Vec<_> =
        everything.iter().filter(|(_, object)| owners(object).iter().any(|one| one["uid"] == uid)).collect();
    let mut worked = false;
    if has_finalizer(owner, "orphan") {
        for (kind, object) in &dependents {
            let metadata = &object["metadata"];
            server.edit(&kind.resource(), metadata["namespace"].as_str(), text(metadata, "name"), |object| {
                disown(object, uid)
            });
        }
        drop_finalizer(server, &kind.resource(), namespace, name, "orphan");
        worked = true;
    }
    if has_finalizer(owner, "foregroundDeletion") {
        for (kind, object) in &dependents {
            worked |= delete(server, kind, object, "Foreground");
        }
        let blocks =
            |object: &Value| owners(object).iter().any(|one| one["uid"] == uid && one["blockOwnerDeletion"] == true);
        if !dependents.iter().any(|(_, object)| blocks(object)) {
            drop_finalizer(server, &kind.resource(), namespace, name, "foregroundDeletion");
            worked = true;
        }
    }
    worked
}

fn disown(object: &mut Value, uid: &str) {
    let Some(metadata) = object["metadata"].as_object_mut() else { return };
    if let Some(owners) = metadata.get_mut("ownerReferences").and_then(Value::as_array_mut) {
        owners.retain(|owner| owner["uid"] != uid);
        if owners.is_empty() {
            metadata.remove("ownerReferences");
        }
    }
}

fn owners(object: &Value) -> &[Value] {
    object["metadata"]["ownerReferences"].as_array().map_or(&[], Vec::as_slice)
}

fn is_ending(object: &Value) -> bool {
    object["metadata"]["deletionTimestamp"].is_string()
}

fn has_finalizer(object: &Value, finalizer: &str) -> bool {
    object["metadata"]["finalizers"].as_array().is_some_and(|all| all.iter().any(|one| one == finalizer))
}

fn drop_finalizer(server: &Server, kind: &str, namespace: Option<&str>, name: &str, finalizer: &str) {
    server.edit(kind, namespace, name, |object| {
        if let Some(all) = object["metadata"]["finalizers"].as_array_mut() {
            all.retain(|one| one != finalizer);
        }
    });
}

/// The kinds of which something is stored, with or without a definition.
fn stored_kinds(server: &Server) -> Vec<Arc<Kind>> {
    let store = server.store();
    let resources: HashSet<_> = store.resources().into_iter().collect();
    store.kinds().filter(|kind| resources.contains(&kind.resource())).cloned().collect()
}

/// The place of an object.
pub(super) fn key_of(object: &Value) -> Key {
    let metadata = &object["metadata"];
    (text(metadata, "namespace").to_owned(), text(metadata, "name").to_owned())
}
