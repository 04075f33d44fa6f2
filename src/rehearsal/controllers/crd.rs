//! CustomResourceDefinitions: accepted names and the Established condition.

use super::condition::{self, Condition};
use super::turn::{Id, Turn, is_terminating, items, text};
use serde_json::{Value, json};
use std::time::Duration;

const TAKES: Duration = Duration::from_millis(300);

/// Accepts the names of a definition; a moment later its kind is served.
pub(crate) fn reconcile(turn: &mut Turn<'_>, id: &Id) {
    let Some(definition) = turn.get("CustomResourceDefinition", id) else { return };
    if is_terminating(&definition) {
        return;
    }
    let established = condition::holds(&definition, "Established") || turn.stayed("accepting", TAKES);
    let wanted = [
        Condition { name: "NamesAccepted", holds: true, reason: "NoConflicts", message: "no conflicts found" },
        Condition {
            name: "Established",
            holds: established,
            reason: if established { "InitialNamesAccepted" } else { "Installing" },
            message: if established {
                "the initial names have been accepted"
            } else {
                "the initial names are being accepted"
            },
        },
    ];
    let conditions = condition::set(&definition, &wanted, turn.time(), false);
    let status = json!({
        "acceptedNames": names(&definition), "storedVersions": stored(&definition), "conditions": conditions,
    });
    turn.patch(&definition, json!({ "status": status }));
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
