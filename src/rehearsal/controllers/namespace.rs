//! Namespaces: what each gets when it comes, and how it goes.

use super::condition::{self, Condition};
use super::turn::{Action, Id, Target, Turn, View, is_terminating, items, kind, name, text};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const TERMINATION: Duration = Duration::from_secs(1);
const ROOT_CA: &str = "kube-root-ca.crt";

/// The namespaces that a change of `object` concerns.
pub(crate) fn concerns(view: &dyn View, object: &Value) -> Option<Id> {
    let namespace = text(object, "/metadata/namespace");
    match kind(object) {
        "Namespace" => Some(Id::of(object)),
        _ if namespace.is_empty() || kind(object) == "Event" => None,
        "ServiceAccount" | "ConfigMap" if ["default", ROOT_CA].contains(&name(object)) => Some(Id::new("", namespace)),
        _ => {
            let ends = view.get("Namespace", None, namespace).is_some_and(|found| is_terminating(&found));
            ends.then(|| Id::new("", namespace))
        }
    }
}

/// Furnishes an active namespace, empties a terminating one.
pub(crate) fn reconcile(turn: &mut Turn<'_>, id: &Id) {
    let Some(namespace) = turn.get("Namespace", id) else { return };
    if is_terminating(&namespace) {
        return terminate(turn, &namespace);
    }
    if text(&namespace, "/status/phase").is_empty() {
        turn.patch(&namespace, json!({ "status": { "phase": "Active" } }));
    }
    furnish(turn, name(&namespace));
}

fn furnish(turn: &mut Turn<'_>, namespace: &str) {
    if turn.view().get("ServiceAccount", Some(namespace), "default").is_none() {
        let metadata = json!({ "name": "default", "namespace": namespace });
        turn.want(Action::Create(json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata })));
    }
    let authority = turn.view().authority();
    match turn.view().get("ConfigMap", Some(namespace), ROOT_CA) {
        Some(map) => turn.patch(&map, json!({ "data": { "ca.crt": authority } })),
        None => {
            let words = "Contains a CA bundle that can be used to verify the kube-apiserver when using internal \
                         endpoints such as the internal service IP or kubernetes.default.svc. No other usage is \
                         guaranteed across distributions of Kubernetes clusters.";
            turn.want(Action::Create(json!({
                "apiVersion": "v1", "kind": "ConfigMap", "data": { "ca.crt": authority },
                "metadata": {
                    "name": ROOT_CA, "namespace": namespace, "annotations": { "kubernetes.io/description": words },
                },
            })));
        }
    }
}

fn terminate(turn: &mut Turn<'_>, namespace: &Value) {
    if text(namespace, "/status/phase") != "Terminating" {
        turn.patch(namespace, json!({ "status": { "phase": "Terminating" } }));
    }
    if !turn.stayed("terminating", TERMINATION) {
        return;
    }
    let content = turn.view().all(Some(name(namespace)));
    if content.is_empty() {
        return release(turn, namespace);
    }
    for object in content.iter().filter(|object| !is_terminating(object)) {
        turn.want(Action::Delete(Target::of(object)));
    }
    let left: Vec<&Value> = content.iter().map(Arc::as_ref).filter(|object| is_left(object)).collect();
    if left.is_empty() {
        // What has no finalizer is gone after the deletions above, which ask for another turn by themselves.
        return;
    }
    let conditions = remaining(namespace, &left, turn.time());
    turn.patch(namespace, json!({ "status": { "conditions": conditions } }));
}

fn is_left(object: &Value) -> bool {
    !items(object, "/metadata/finalizers").is_empty() || kind(object) == "Pod"
}

/// The last step: without its own finalizer the namespace goes, unless others hold it.
fn release(turn: &mut Turn<'_>, namespace: &Value) {
    if !items(namespace, "/metadata/finalizers").is_empty() {
        return turn.patch(namespace, json!({ "spec": { "finalizers": null } }));
    }
    turn.want(Action::Remove(Target::of(namespace)));
}

fn remaining(namespace: &Value, content: &[&Value], time: &str) -> Vec<Value> {
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    let mut finalizers: BTreeMap<String, usize> = BTreeMap::new();
    for object in content {
        *kinds.entry(resource(object)).or_default() += 1;
        for finalizer in items(object, "/metadata/finalizers").iter().filter_map(Value::as_str) {
            *finalizers.entry(finalizer.to_owned()).or_default() += 1;
        }
    }
    let list = |counts: &BTreeMap<String, usize>, words: &str| {
        let parts: Vec<_> =
            counts.iter().map(|(what, count)| format!("{what}{words} {count} resource instances")).collect();
        parts.join(", ")
    };
    let some = format!("Some resources are remaining: {}", list(&kinds, " has"));
    let held = if finalizers.is_empty() {
        (false, "ContentHasNoFinalizers", "All content-preserving finalizers finished".to_owned())
    } else {
        let words = format!("Some content in the namespace has finalizers remaining: {}", list(&finalizers, " in"));
        (true, "SomeFinalizersRemain", words)
    };
    let calm = [
        ("NamespaceDeletionDiscoveryFailure", "ResourcesDiscovered", "All resources successfully discovered"),
        (
            "NamespaceDeletionGroupVersionParsingFailure",
            "ParsedGroupVersions",
            "All legacy kube types successfully parsed",
        ),
        (
            "NamespaceDeletionContentFailure",
            "ContentDeleted",
            "All content successfully deleted, may be waiting on finalization",
        ),
    ];
    let calm = calm.map(|(name, reason, message)| Condition { name, holds: false, reason, message });
    let mut wanted = Vec::from(calm);
    wanted.push(Condition {
        name: "NamespaceContentRemaining",
        holds: true,
        reason: "SomeResourcesRemain",
        message: &some,
    });
    wanted.push(Condition { name: "NamespaceFinalizersRemaining", holds: held.0, reason: held.1, message: &held.2 });
    condition::set(namespace, &wanted, time, false)
}

/// The resource as the namespace controller names it: plural and group.
fn resource(object: &Value) -> String {
    let (group, _) = text(object, "/apiVersion").split_once('/').unwrap_or_default();
    let kind = kind(object).to_lowercase();
    let plural = match kind.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'o']) => format!("{stem}ies"),
        _ if kind.ends_with('s') => format!("{kind}es"),
        _ => format!("{kind}s"),
    };
    format!("{plural}.{group}")
}
