//! CustomResourceDefinitions: accepted names, the Established condition, and the end of all their objects.

use super::condition::{self, Condition};
use super::turn::without_finalizer;
use super::turn::{Action, Id, Target, Turn, View, has_finalizer, is_terminating, items, kind, name, text};
use serde_json::{Value, json};
use std::time::Duration;

const TAKES: Duration = Duration::from_millis(300);
const CLEANUP: &str = "customresourcecleanup.apiextensions.k8s.io";

/// The definition itself, or the ending definition that a custom object belongs to.
pub(crate) fn concerns(view: &dyn View, object: &Value) -> Vec<Id> {
    if kind(object) == "CustomResourceDefinition" {
        return vec![Id::of(object)];
    }
    let Some((group, _)) = text(object, "/apiVersion").split_once('/').filter(|(group, _)| group.contains('.')) else {
        return Vec::new();
    };
    let mut definitions = view.list("CustomResourceDefinition", None);
    definitions.retain(|definition| {
        let names = (text(definition, "/spec/group"), text(definition, "/spec/names/kind"));
        is_terminating(definition) && names == (group, kind(object))
    });
    definitions.iter().map(|definition| Id::of(definition)).collect()
}

/// Accepts the names of a definition; a moment later its kind is served.
pub(crate) fn reconcile(turn: &mut Turn<'_>, id: &Id) {
    let Some(definition) = turn.get("CustomResourceDefinition", id) else { return };
    if is_terminating(&definition) {
        return end(turn, &definition);
    }
    let is_forgotten = turn.view().has_forgotten_definitions() && definition["metadata"]["annotations"].is_null();
    let took = turn.stayed("accepting", TAKES) && !is_forgotten;
    let established = condition::holds(&definition, "Established") || took;
    let (reason, message) = match established {
        true => ("InitialNamesAccepted", "the initial names have been accepted"),
        false => ("Installing", "the initial names are being accepted"),
    };
    let wanted = [
        Condition { name: "NamesAccepted", holds: true, reason: "NoConflicts", message: "no conflicts found" },
        Condition { name: "Established", holds: established, reason, message },
    ];
    let conditions = condition::set(&definition, &wanted, turn.time(), false);
    let status = json!({
        "acceptedNames": names(&definition), "storedVersions": stored(&definition), "conditions": conditions,
    });
    turn.patch(&definition, json!({ "status": status }));
}

/// The objects of an ending definition go first.
fn end(turn: &mut Turn<'_>, definition: &Value) {
    if !has_finalizer(definition, CLEANUP) {
        return;
    }
    let objects = turn.view().list(name(definition), None);
    if objects.is_empty() {
        return without_finalizer(turn, definition, CLEANUP);
    }
    for object in objects.iter().filter(|object| !is_terminating(object)) {
        turn.want(Action::Delete(Target::of(object)));
    }
}

fn names(definition: &Value) -> Value {
    let mut names = definition["spec"]["names"].clone();
    if text(&names, "/singular").is_empty() {
        names["singular"] = text(&names, "/kind").to_lowercase().into();
    }
    if text(&names, "/listKind").is_empty() {
        names["listKind"] = format!("{}List", text(&names, "/kind")).into();
    }
    names
}

/// The versions that objects were ever stored in: those before and the current one.
fn stored(definition: &Value) -> Vec<Value> {
    let mut versions = items(definition, "/status/storedVersions").to_vec();
    let current = items(definition, "/spec/versions").iter().find(|version| version["storage"] == true);
    if let Some(name) = current.map(|version| version["name"].clone())
        && !versions.contains(&name)
    {
        versions.push(name);
    }
    versions
}
