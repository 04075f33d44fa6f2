//! What the server itself writes into `metadata`: uid, times, generation; and what it concludes from it.

use super::kinds::Kind;
use super::server::Server;
use super::store::Key;
use super::tree::{at, path, unset};
use serde_json::{Value, json};
use std::sync::Arc;

/// Where an object belongs. Namespaced objects without a namespace go to `default`; names are made from `generateName`
/// by [`created`].
pub(super) fn key(kind: &Kind, object: &mut Value) -> Key {
    let metadata = at(object, "metadata");
    if !kind.namespaced {
        if let Some(metadata) = metadata.as_object_mut() {
            metadata.remove("namespace");
        }
    } else if metadata["namespace"].as_str().is_none_or(str::is_empty) {
        *at(metadata, "namespace") = json!("default");
    }
    let text = |key: &str| metadata[key].as_str().unwrap_or_default().to_owned();
    (text("namespace"), text("name"))
}

/// The place of a stored object.
pub(super) fn key_of(object: &Value) -> Key {
    let text = |key: &str| object["metadata"][key].as_str().unwrap_or_default().to_owned();
    (text("namespace"), text("name"))
}

/// A new object with what the server adds.
pub(super) fn created(server: &Server, kind: &Kind, mut object: Value) -> Value {
    *at(&mut object, "apiVersion") = kind.stored_api_version().into();
    let metadata = at(&mut object, "metadata");
    *at(metadata, "uid") = server.fresh_uid().into();
    *at(metadata, "creationTimestamp") = server.now().into();
    if kind.counts_generations {
        *at(metadata, "generation") = json!(1);
    }
    object
}

/// A changed object with what the server keeps.
pub(super) fn updated(kind: &Kind, live: &Value, mut object: Value) -> Value {
    *at(&mut object, "apiVersion") = kind.stored_api_version().into();
    *at(&mut object, "kind") = live["kind"].clone();
    let metadata = at(&mut object, "metadata");
    for key in ["name", "namespace", "uid", "creationTimestamp", "generation"] {
        match live["metadata"].get(key) {
            Some(value) => *at(metadata, key) = value.clone(),
            None => drop(unset(metadata, key)),
        }
    }
    for key in ["deletionTimestamp", "deletionGracePeriodSeconds"] {
        if let Some(value) = live["metadata"].get(key) {
            *at(metadata, key) = value.clone();
        }
    }
    if kind.counts_generations && is_changed(kind, live, &object) {
        let generation = live["metadata"]["generation"].as_i64().unwrap_or(0);
        *path(&mut object, &["metadata", "generation"]) = json!(generation + 1);
    }
    object
}

/// Whether what the user asks for has changed: everything but metadata and status.
fn is_changed(kind: &Kind, live: &Value, object: &Value) -> bool {
    let has_status = !kind.is_custom() || kind.has("status");
    let (Some(live), Some(object)) = (live.as_object(), object.as_object()) else { return true };
    let counts =
        |key: &&String| key.as_str() != "metadata" && key.as_str() != "apiVersion" && !(has_status && *key == "status");
    let mut keys = live.keys().chain(object.keys()).filter(counts);
    keys.any(|key| live.get(key) != object.get(key))
}

/// Whether storing would change nothing: equal but for the times of managed fields.
pub(super) fn is_same(live: &Arc<Value>, object: &Value) -> bool {
    let (Some(a), Some(b)) = (live.as_object(), object.as_object()) else { return **live == *object };
    let same = a.len() == b.len() && a.iter().all(|(key, value)| key == "metadata" || b.get(key) == Some(value));
    same && is_same_metadata(&a["metadata"], &b["metadata"])
}

fn is_same_metadata(a: &Value, b: &Value) -> bool {
    let (Some(a), Some(b)) = (a.as_object(), b.as_object()) else { return a == b };
    let timeless = |fields: Option<&Value>| {
        let mut fields = fields.cloned().unwrap_or_default();
        for entry in fields.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
            entry.remove("time");
        }
        fields
    };
    let plain = |one: &serde_json::Map<String, Value>, other: &serde_json::Map<String, Value>| {
        one.iter().all(|(key, value)| key == "managedFields" || other.get(key) == Some(value))
    };
    plain(a, b) && plain(b, a) && timeless(a.get("managedFields")) == timeless(b.get("managedFields"))
}

/// Whether an object that is being deleted has nothing left to wait for. Namespaces are finished by their controller, which
/// empties them first; pods end when their grace period is over.
pub(super) fn is_finished(kind: &Kind, object: &Value) -> bool {
    let metadata = &object["metadata"];
    let waits = metadata["deletionGracePeriodSeconds"].as_i64().unwrap_or(0) > 0;
    let is_empty = |list: &Value| list.as_array().is_none_or(Vec::is_empty);
    metadata["deletionTimestamp"].is_string()
        && is_empty(&metadata["finalizers"])
        && !waits
        && (kind.resource() != "namespaces" || is_empty(&object["spec"]["finalizers"]))
}
