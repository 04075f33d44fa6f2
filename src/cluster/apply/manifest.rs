//! A manifest made ready to be sent: what belongs to the server taken out, what people abbreviate filled in.

use crate::cluster::Resource;
use crate::cluster::tree::{text, with, without};
use crate::object::{Node, Object};
use base64::Engine as _;

/// Metadata that only the server writes. Objects read from one cluster can so be applied to another.
const SERVERS: [&str; 8] = [
    "managedFields",
    "resourceVersion",
    "uid",
    "generation",
    "creationTimestamp",
    "selfLink",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
];

/// The manifest as it is sent for this kind; a namespaced object without a namespace gets this one.
pub(crate) fn prepare(manifest: &Object, resource: &Resource, namespace: Option<&str>) -> Object {
    let mut node = SERVERS.iter().fold(manifest.node.clone(), |node, field| without(&node, &["metadata", field]));
    if resource.subresources.iter().any(|name| name == "status") {
        node = without(&node, &["status"]);
    }
    node = match namespace {
        _ if !resource.namespaced => without(&node, &["metadata", "namespace"]),
        Some(namespace) if manifest.namespace().is_none() => with(&node, &["metadata", "namespace"], text(namespace)),
        _ => node,
    };
    if manifest.kind() == "Secret" && resource.group.is_empty() {
        node = encoded(Object::new(node).sealed());
    }
    Object::new(node)
}

/// The manifest with this namespace unless it names one.
pub(super) fn in_namespace(manifest: &Object, namespace: Option<&str>) -> Object {
    match namespace {
        Some(namespace) if manifest.namespace().is_none() => {
            Object::new(with(&manifest.node, &["metadata", "namespace"], text(namespace)))
        }
        _ => manifest.clone(),
    }
}

/// `stringData` moved to `data`. The server would do the same, but keep field ownership under the name `stringData`.
fn encoded(secret: Object) -> Node {
    let entries = secret.at("stringData").map_or(&[][..], Node::entries);
    let node = without(&secret.node, &["stringData"]);
    entries.iter().fold(node, |node, (key, value)| with(&node, &["data", key], base64_of(value)))
}

fn base64_of(value: &Node) -> Node {
    let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    match value {
        Node::Secret(secret) => Node::Secret(secret.mapped(encode)),
        Node::Str(text) => Node::Str(encode(text).into()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn prepared(value: serde_json::Value, resource: &Resource, namespace: Option<&str>) -> serde_json::Value {
        prepare(&Object::new(Node::from(&value)), resource, namespace).to_wire()
    }

    #[test]
    fn what_the_server_writes_is_left_out() {
        let resource = Resource { namespaced: true, subresources: vec!["status".into()], ..Resource::default() };
        let read = json!({
            "kind": "Deployment", "status": {"replicas": 1}, "spec": {},
            "metadata": {"name": "a", "uid": "1", "resourceVersion": "2", "creationTimestamp": null, "managedFields": []},
        });
        let sent = json!({"kind": "Deployment", "spec": {}, "metadata": {"name": "a", "namespace": "n"}});
        assert_eq!(prepared(read, &resource, Some("n")), sent);
    }

    #[test]
    fn string_data_is_sent_as_data_and_stays_secret() {
        let resource = Resource { kind: "Secret".into(), namespaced: true, ..Resource::default() };
        let manifest = json!({
            "kind": "Secret", "metadata": {"name": "a", "namespace": "n"},
            "data": {"b": "Yg=="}, "stringData": {"token": "planted-token-1"},
        });
        let ready = prepare(&Object::new(Node::from(&manifest)), &resource, None);
        assert_eq!(ready.to_wire()["data"], json!({"b": "Yg==", "token": "cGxhbnRlZC10b2tlbi0x"}));
        assert!(ready.at("stringData").is_none());
        assert!(!ready.to_json().contains("planted") && !ready.to_json().contains("cGxhbnRlZC"), "{}", ready.to_json());
    }

    #[test]
    fn cluster_scoped_objects_have_no_namespace() {
        let manifest = json!({"kind": "Node", "metadata": {"name": "a", "namespace": "n"}});
        assert_eq!(prepared(manifest, &Resource::default(), Some("m"))["metadata"], json!({"name": "a"}));
    }
}
