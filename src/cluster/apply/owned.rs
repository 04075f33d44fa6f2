//! Whether a manifest is already applied, told without asking the server.
//!
//! It is when every field has its value in the live object, and our entry in `managedFields` owns exactly the fields of
//! the manifest: nothing to set, nothing to give up. Any doubt says no; the server's dry run decides then.
//! Format of `fieldsV1`: <https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management> and
//! `sigs.k8s.io/structured-merge-diff/v6/fieldpath/serialize-pe.go`.

use super::quantity;
use crate::cluster::tree::without;
use crate::object::{Node, Object};
use std::sync::Arc;

/// Whether applying this manifest would certainly change nothing.
pub(super) fn is_settled(manifest: &Object, live: &Object, manager: &str) -> bool {
    let mut node = ["apiVersion", "kind"].iter().fold(manifest.node.clone(), |node, field| without(&node, &[field]));
    node = ["name", "namespace"].iter().fold(node, |node, field| without(&node, &["metadata", field]));
    if node.get("metadata").is_some_and(|metadata| metadata.entries().is_empty()) {
        node = without(&node, &["metadata"]);
    }
    match owned_fields(manifest, live, manager) {
        Some(fields) if node.entries().is_empty() => fields.entries().is_empty(),
        Some(fields) => holds(&node, &live.node, fields, ""),
        // Whoever owns nothing has no entry.
        None => node.entries().is_empty() && !names_manager(live, manager),
    }
}

fn names_manager(live: &Object, manager: &str) -> bool {
    let entries = live.items_at("metadata.managedFields").iter();
    entries.into_iter().any(|entry| entry.get("manager").and_then(Node::as_str) == Some(manager))
}

/// What our manager has applied, if in this version of the API.
fn owned_fields<'l>(manifest: &Object, live: &'l Object, manager: &str) -> Option<&'l Node> {
    let is = |entry: &Node, key: &str, value: &str| entry.get(key).and_then(Node::as_str) == Some(value);
    let entry = live.items_at("metadata.managedFields").iter().find(|entry| {
        is(entry, "manager", manager)
            && is(entry, "operation", "Apply")
            && is(entry, "apiVersion", manifest.api_version())
            && entry.get("subresource").is_none()
    });
    entry?.get("fieldsV1")
}

/// Whether the live value has the wanted one, and `fields` owns exactly what is wanted. `key` names the value.
fn holds(wanted: &Node, live: &Node, fields: &Node, key: &str) -> bool {
    match wanted {
        Node::Map(map) if map.0.is_empty() => fields.entries().is_empty() && matches!(live, Node::Map(_)),
        Node::Map(_) | Node::Array(_) if fields.entries().is_empty() => same_whole(wanted, live, key),
        Node::Map(_) => holds_map(wanted, live, fields, key),
        Node::Array(_) => holds_list(wanted, live, fields),
        Node::Null => false,
        _ => fields.entries().is_empty() && same_scalar(wanted, live, key),
    }
}

fn holds_map(wanted: &Node, live: &Node, fields: &Node, parent: &str) -> bool {
    let owned = fields.entries().iter().filter(|(field, _)| &**field != ".");
    if owned.clone().count() != wanted.entries().len() {
        return false;
    }
    owned.clone().all(|(field, below)| {
        let Some(name) = field.strip_prefix("f:") else { return false };
        let (Some(wanted), Some(live)) = (wanted.get(name), live.get(name)) else { return false };
        // Quantities are named by what they limit: `limits: {cpu: …}`.
        holds(wanted, live, below, if is_amounts(parent) { parent } else { name })
    })
}

fn holds_list(wanted: &Node, live: &Node, fields: &Node) -> bool {
    let (wanted, live) = (wanted.items(), live.items());
    let owned: Vec<&(Arc<str>, Node)> = fields.entries().iter().filter(|(field, _)| &**field != ".").collect();
    owned.len() == wanted.len() && owned.iter().all(|(field, below)| holds_item(wanted, live, field, below))
}

fn holds_item(wanted: &[Node], live: &[Node], field: &str, below: &Node) -> bool {
    if let Some(value) = field.strip_prefix("v:") {
        let Some(value) = parsed(value) else { return false };
        return wanted.contains(&value) && live.contains(&value);
    }
    let Some(keys) = field.strip_prefix("k:").and_then(parsed) else { return false };
    let (mut mine, mut theirs) = (wanted.iter().filter(|item| has_keys(item, &keys, true)), live.iter());
    let (Some(item), None) = (mine.next(), mine.next()) else { return false };
    theirs.find(|item| has_keys(item, &keys, false)).is_some_and(|live| holds(item, live, below, ""))
}

fn parsed(json: &str) -> Option<Node> {
    serde_json::from_str::<serde_json::Value>(json).ok().map(|value| Node::from(&value))
}

/// Whether a list item has these keys; in a manifest, keys with defaults may be missing.
fn has_keys(item: &Node, keys: &Node, may_miss: bool) -> bool {
    keys.entries().iter().all(|(key, value)| match item.get(key) {
        Some(found) => found == value,
        None => may_miss,
    })
}

/// Whether a value that is owned as a whole is the same, except for what the server fills in.
fn same_whole(wanted: &Node, live: &Node, key: &str) -> bool {
    match (wanted, live) {
        (Node::Map(wanted), Node::Map(live)) => {
            let filled = live
                .0
                .iter()
                .filter(|(name, _)| wanted.get(name).is_none())
                .all(|(name, value)| is_default(name, value));
            filled
                && wanted.0.iter().all(|(name, value)| {
                    live.get(name).is_some_and(|live| same_whole(value, live, if is_amounts(key) { key } else { name }))
                })
        }
        (Node::Array(wanted), Node::Array(live)) => {
            wanted.len() == live.len()
                && wanted.iter().zip(live.iter()).all(|(wanted, live)| same_whole(wanted, live, ""))
        }
        _ => same_scalar(wanted, live, key),
    }
}

/// Defaults that the server writes into values owned as a whole: field references, webhook rules, role subjects.
fn is_default(name: &str, value: &Node) -> bool {
    const DEFAULTS: [(&str, &str); 5] = [
        ("apiVersion", "v1"),
        ("divisor", "0"),
        ("scope", "*"),
        ("apiGroup", "rbac.authorization.k8s.io"),
        ("protocol", "TCP"),
    ];
    value.as_str().is_some_and(|text| DEFAULTS.contains(&(name, text)))
}

fn is_amounts(key: &str) -> bool {
    matches!(key, "limits" | "requests" | "capacity" | "hard")
}

fn same_scalar(wanted: &Node, live: &Node, key: &str) -> bool {
    match (wanted, live) {
        (Node::Str(one), Node::Str(other)) if is_amounts(key) => quantity::same(one, other),
        (Node::Int(one), Node::Str(other)) if is_amounts(key) => quantity::same(&one.to_string(), other),
        _ => wanted == live,
    }
}

/// Whether two states of an object differ at most in what every write changes.
pub(crate) fn same_but_for_bookkeeping(one: &Object, other: &Object) -> bool {
    const BOOKKEEPING: [&str; 3] = ["managedFields", "resourceVersion", "generation"];
    let bare = |object: &Object| {
        BOOKKEEPING.iter().fold(object.node.clone(), |node, field| without(&node, &["metadata", field]))
    };
    bare(one) == bare(other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn live(spec: Value, fields: Value) -> Object {
        let entry = json!({"manager": "meshwright", "operation": "Apply", "apiVersion": "v1", "fieldsV1": fields});
        Object::new(Node::from(&json!({
            "apiVersion": "v1", "kind": "X", "spec": spec,
            "metadata": {"name": "x", "namespace": "n", "uid": "1", "managedFields": [entry]},
        })))
    }

    fn settled(spec: Value, live: &Object) -> bool {
        let manifest =
            json!({"apiVersion": "v1", "kind": "X", "spec": spec, "metadata": {"name": "x", "namespace": "n"}});
        is_settled(&Object::new(Node::from(&manifest)), live, "meshwright")
    }

    #[test]
    fn equal_and_owned_is_settled() {
        let live = live(json!({"a": 1, "other": true}), json!({"f:spec": {"f:a": {}}}));
        assert!(settled(json!({"a": 1}), &live));
        assert!(!settled(json!({"a": 2}), &live), "another value");
        assert!(!settled(json!({"a": 1, "other": true}), &live), "a field of somebody else");
        assert!(!settled(json!({}), &live), "a field to give up");
    }

    #[test]
    fn lists_are_compared_by_their_keys() {
        let ports =
            json!([{"port": 80, "protocol": "TCP", "targetPort": 80}, {"port": 90, "protocol": "TCP", "nodePort": 3}]);
        let fields = json!({"f:spec": {"f:ports": {"k:{\"port\":90,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}}}}});
        let live = live(json!({ "ports": ports }), fields);
        assert!(settled(json!({"ports": [{"port": 90}]}), &live));
        assert!(!settled(json!({"ports": [{"port": 90}, {"port": 80}]}), &live));
        assert!(!settled(json!({"ports": [{"port": 80}]}), &live));
    }

    #[test]
    fn sets_and_whole_values_are_compared() {
        let finalizers = live(json!({"s": ["b", "a"]}), json!({"f:spec": {"f:s": {"v:\"a\"": {}}}}));
        assert!(settled(json!({"s": ["a"]}), &finalizers));
        assert!(!settled(json!({"s": ["b"]}), &finalizers));
        let rules = json!([{"operations": ["CREATE"], "scope": "*"}]);
        let whole = live(json!({ "rules": rules }), json!({"f:spec": {"f:rules": {}}}));
        assert!(settled(json!({"rules": [{"operations": ["CREATE"]}]}), &whole), "the server fills in the scope");
        assert!(!settled(json!({"rules": []}), &whole));
    }

    #[test]
    fn quantities_are_amounts() {
        let fields = json!({"f:spec": {"f:resources": {"f:requests": {"f:cpu": {}, "f:memory": {}}}}});
        let live = live(json!({"resources": {"requests": {"cpu": "1", "memory": "2Gi"}}}), fields);
        assert!(settled(json!({"resources": {"requests": {"cpu": "1000m", "memory": "2048Mi"}}}), &live));
        assert!(!settled(json!({"resources": {"requests": {"cpu": "100m", "memory": "2Gi"}}}), &live));
    }

    #[test]
    fn a_manifest_without_fields_owns_nothing() {
        let bare = json!({"apiVersion": "v1", "kind": "X", "metadata": {"name": "x", "namespace": "n"}});
        let bare = Object::new(Node::from(&bare));
        assert!(is_settled(&bare, &bare, "meshwright"));
        assert!(!is_settled(&bare, &live(json!({"a": 1}), json!({"f:spec": {"f:a": {}}})), "meshwright"));
    }

    #[test]
    fn nobody_elses_entry_counts() {
        let mut value = live(json!({"a": 1}), json!({"f:spec": {"f:a": {}}})).to_wire();
        value["metadata"]["managedFields"][0]["manager"] = json!("helm");
        assert!(!settled(json!({"a": 1}), &Object::new(Node::from(&value))));
    }
}
