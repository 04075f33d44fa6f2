//! Moving from client-side to server-side apply: the annotation that `kubectl apply` leaves behind.
//!
//! `lastAppliedManager` and `lastAppliedUpdater` of k8s.io/apimachinery/pkg/util/managedfields; both know the field
//! manager `kubectl` only.

use super::apply::Apply;
use super::compare::compare;
use super::conflict::Conflict;
use super::element::path_text;
use super::field_set::field_set;
use super::managers::strip;
use serde_json::Value;
use std::collections::BTreeSet;

const ANNOTATION: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// What the annotations of an object may take together.
const MAX_ANNOTATIONS: usize = 256 * 1024;

/// The outcome without the conflicts over fields that client-side apply has left as they were: none left means that
/// the apply may force its way.
pub(super) fn conflicts_allowed(
    request: &Apply<'_>,
    outcome: Result<Value, Vec<Conflict>>,
) -> Result<Value, Vec<Conflict>> {
    let conflicts = match outcome {
        Err(conflicts) if request.manager == "kubectl" => conflicts,
        outcome => return outcome,
    };
    let allowed = allowed(request).unwrap_or_default();
    Err(conflicts.into_iter().filter(|conflict| !allowed.contains(&conflict.field)).collect())
}

/// The fields of the last applied configuration that are still as it says.
fn allowed(request: &Apply<'_>) -> Option<BTreeSet<String>> {
    let mut live = request.live?.clone();
    let applied: Value = serde_json::from_str(annotation(&live)?).ok()?;
    strip(&mut live);
    if applied["apiVersion"] != request.applied["apiVersion"] {
        return None;
    }
    let shape = &request.schema.root;
    let change = compare(&applied, &live, shape);
    let changed = change.changed().union(&change.removed);
    let unchanged = field_set(&applied, shape).difference(&changed);
    Some(unchanged.paths().iter().map(|path| path_text(path)).collect())
}

/// Brings the annotation up to date, for clients that still apply on their side.
pub(super) fn refresh(request: &Apply<'_>, new: &mut Value) {
    if request.manager != "kubectl" || annotation(new).is_none_or(str::is_empty) {
        return;
    }
    let mut applied = request.applied.clone();
    remove_annotation(&mut applied);
    let Some(annotations) = new["metadata"]["annotations"].as_object_mut() else { return };
    annotations.insert(ANNOTATION.to_owned(), Value::from(format!("{applied}\n")));
    let size: usize = annotations.iter().map(|(key, value)| key.len() + value.as_str().map_or(0, str::len)).sum();
    if size > MAX_ANNOTATIONS {
        annotations.remove(ANNOTATION);
    }
}

fn annotation(object: &Value) -> Option<&str> {
    object["metadata"]["annotations"][ANNOTATION].as_str()
}

/// The configuration without the annotation itself, as `unstructured.SetAnnotations` leaves it.
fn remove_annotation(object: &mut Value) {
    let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) else { return };
    annotations.remove(ANNOTATION);
}
