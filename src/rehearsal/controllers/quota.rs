//! ResourceQuotas: how much of each is used.

use super::super::quota::{counted, counts};
use super::turn::{Id, Turn, View, kind, text};
use serde_json::{Map, Value, json};

/// The quotas that a change of `object` concerns: those of its namespace.
pub(crate) fn concerns(view: &dyn View, object: &Value) -> Vec<Id> {
    let namespace = text(object, "/metadata/namespace");
    match kind(object) {
        "ResourceQuota" => vec![Id::of(object)],
        _ if namespace.is_empty() => Vec::new(),
        _ => view.list("ResourceQuota", Some(namespace)).iter().map(|quota| Id::of(quota)).collect(),
    }
}

/// Counts what a quota bounds; amounts of CPU and memory are not counted.
pub(crate) fn reconcile(turn: &mut Turn<'_>, id: &Id) {
    let Some(quota) = turn.get("ResourceQuota", id) else { return };
    let hard = quota["spec"]["hard"].as_object().cloned().unwrap_or_default();
    let count = |key: &String| {
        let objects = counted(key).map(|resource| turn.view().list(resource, id.namespace())).unwrap_or_default();
        let used = objects.iter().filter(|object| counts(object)).count();
        (key.clone(), used.to_string().into())
    };
    let used: Map<String, Value> = hard.keys().map(count).collect();
    turn.patch(&quota, json!({ "status": { "hard": hard, "used": used } }));
}
