//! Kubernetes objects as scripts and primitives see them: one immutable tree, cheap to copy and to share.
//!
//! Decoded straight from the server's bytes, what is alike shared, order kept. Values of a `Secret` object decode as
//! [`crate::secret::Secret`]: whatever shows an [`Object`] shows their names; only [`Object::to_wire`] opens them.

mod decode;
mod encode;
mod entries;
mod pool;
mod scan;
pub mod yaml;

use crate::secret::Secret;
use std::sync::Arc;

pub use decode::{from_json, from_json_with, list_from_json};
pub use entries::Entries;
pub use pool::Pool;

/// One value of a tree.
#[derive(Clone, Debug, PartialEq, Default)]
pub enum Node {
    /// Absent or `null`.
    #[default]
    Null,
    /// A boolean.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// Text.
    Str(Arc<str>),
    /// Text that never shows itself.
    Secret(Secret),
    /// A list.
    Array(Arc<Vec<Node>>),
    /// A map in the order it was written; compared without regard to order.
    Map(Map),
}

/// The entries of a map node, in order.
#[derive(Clone, Debug, Default)]
pub struct Map(pub Arc<Entries>);

impl Map {
    /// The value under `key`.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.0.iter().find(|(name, _)| &**name == key).map(|(_, node)| node)
    }

    /// The text under `key`, without reading a map that nobody has looked at yet.
    pub fn peek(&self, key: &str) -> Option<String> {
        self.0.peek(key)
    }

    /// A copy in which `key` has this value.
    pub fn with(&self, key: &str, node: Node) -> Map {
        let mut entries = (*self.0).clone();
        match entries.iter_mut().find(|(name, _)| &**name == key) {
            Some((_, old)) => *old = node,
            None => entries.push((key.into(), node)),
        }
        Map(Arc::new(entries))
    }
}

impl PartialEq for Map {
    fn eq(&self, other: &Map) -> bool {
        self.0.len() == other.0.len() && self.0.iter().all(|(key, node)| other.get(key) == Some(node))
    }
}

impl Node {
    /// The value at a key of a map or at a numeric key of a list.
    pub fn get(&self, key: &str) -> Option<&Node> {
        match self {
            Node::Map(map) => map.get(key),
            Node::Array(items) => items.get(key.parse::<usize>().ok()?),
            _ => None,
        }
    }

    /// A copy of an object to look at and to drop: the parts that nobody has read yet stay so here.
    pub fn glance(&self) -> Node {
        let Node::Map(map) = self else { return self.clone() };
        let part = |node: &Node| match node {
            Node::Map(part) => Node::Map(Map(Arc::new(part.0.glance()))),
            other => other.clone(),
        };
        Node::Map(Map(Arc::new(map.0.iter().map(|(key, node)| (key.clone(), part(node))).collect())))
    }

    /// The text of a string node.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Node::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The number of a whole-number node.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Node::Int(number) => Some(*number),
            _ => None,
        }
    }

    /// The boolean of a boolean node.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Node::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The items of a list; empty for anything else.
    pub fn items(&self) -> &[Node] {
        match self {
            Node::Array(items) => items,
            _ => &[],
        }
    }

    /// The entries of a map; empty for anything else.
    pub fn entries(&self) -> &[(Arc<str>, Node)] {
        match self {
            Node::Map(map) => &map.0,
            _ => &[],
        }
    }

    /// What scripts call this value's type.
    pub fn type_name(&self) -> &'static str {
        match self {
            Node::Null => "()",
            Node::Bool(_) => "bool",
            Node::Int(_) => "int",
            Node::Float(_) => "float",
            Node::Str(_) => "string",
            Node::Secret(_) => "Secret",
            Node::Array(_) => "array",
            Node::Map(_) => "map",
        }
    }
}

/// A Kubernetes object, or a part of one.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Object {
    /// The tree.
    pub node: Node,
    /// The context name of the cluster it was read from; `None` for manifests and parts.
    pub origin: Option<Arc<str>>,
}

impl Object {
    /// An object made here rather than read from a cluster.
    pub fn new(node: Node) -> Object {
        Object { node, origin: None }
    }

    /// The same object, as read from this cluster.
    pub fn from_cluster(mut self, cluster: &str) -> Object {
        self.origin = Some(cluster.into());
        self
    }

    /// The value at a dotted path (`"spec.template"`); list items by number. Keys with dots need [`Object::at_keys`].
    pub fn at(&self, path: &str) -> Option<&Node> {
        self.at_keys(path.split('.'))
    }

    /// The value at these keys, one below the other.
    pub fn at_keys<'k>(&self, keys: impl IntoIterator<Item = &'k str>) -> Option<&Node> {
        keys.into_iter().try_fold(&self.node, |node, key| node.get(key))
    }

    /// The text at a dotted path.
    pub fn str_at(&self, path: &str) -> Option<&str> {
        self.at(path)?.as_str()
    }

    /// The whole number at a dotted path.
    pub fn int_at(&self, path: &str) -> Option<i64> {
        self.at(path)?.as_int()
    }

    /// The list at a dotted path; empty when there is none.
    pub fn items_at(&self, path: &str) -> &[Node] {
        self.at(path).map_or(&[], Node::items)
    }

    /// `apiVersion`, or empty.
    pub fn api_version(&self) -> &str {
        self.str_at("apiVersion").unwrap_or_default()
    }

    /// `kind`, or empty.
    pub fn kind(&self) -> &str {
        self.str_at("kind").unwrap_or_default()
    }

    /// `metadata.name`, or empty.
    pub fn name(&self) -> &str {
        self.str_at("metadata.name").unwrap_or_default()
    }

    /// `metadata.namespace`.
    pub fn namespace(&self) -> Option<&str> {
        self.str_at("metadata.namespace").filter(|namespace| !namespace.is_empty())
    }

    /// `metadata.uid`, or empty.
    pub fn uid(&self) -> &str {
        self.str_at("metadata.uid").unwrap_or_default()
    }

    /// `metadata.resourceVersion`, or empty.
    pub fn resource_version(&self) -> &str {
        self.str_at("metadata.resourceVersion").unwrap_or_default()
    }

    /// The label with this key.
    pub fn label(&self, key: &str) -> Option<&str> {
        self.at_keys(["metadata", "labels", key])?.as_str()
    }

    /// The annotation with this key.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.at_keys(["metadata", "annotations", key])?.as_str()
    }

    /// `Kind namespace/name`, as every message names an object.
    pub fn title(&self) -> String {
        match self.namespace() {
            Some(namespace) => format!("{} {namespace}/{}", self.kind(), self.name()),
            None => format!("{} {}", self.kind(), self.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gateway() -> Object {
        yaml::parse("kind: Gateway\nmetadata: {name: g, namespace: istio-system, labels: {a/b: c}}\nspec: {servers: [{port: {number: 443}}]}")
            .expect("yaml")
            .remove(0)
    }

    #[test]
    fn paths_reach_maps_and_lists() {
        let gateway = gateway();
        assert_eq!(gateway.int_at("spec.servers.0.port.number"), Some(443));
        assert_eq!(gateway.label("a/b"), Some("c"));
        assert_eq!(gateway.at("spec.nothing.here"), None);
        assert_eq!(gateway.title(), "Gateway istio-system/g");
    }

    #[test]
    fn maps_compare_without_order() {
        let one = yaml::parse("{a: 1, b: 2}").expect("yaml");
        let two = yaml::parse("{b: 2, a: 1}").expect("yaml");
        assert_eq!(one, two);
    }

    #[test]
    fn values_of_secret_objects_never_show() {
        let object = from_json(br#"{"kind":"Secret","metadata":{"name":"cacerts","namespace":"istio-system"},"data":{"ca-key.pem":"cGxhbnRlZCBzZWNyZXQga2V5"}}"#).expect("json");
        assert!(!format!("{object:?} {} {}", object.to_json(), object.to_yaml()).contains("cGxhbnRl"));
        assert!(object.to_json().contains("‹secret istio-system/cacerts:ca-key.pem›"));
        assert_eq!(object.to_wire()["data"]["ca-key.pem"], "cGxhbnRlZCBzZWNyZXQga2V5");
    }

    #[test]
    fn a_namespace_in_a_token_secret_is_no_secret() {
        let object = from_json(br#"{"kind":"Secret","metadata":{"name":"reader-token","namespace":"a-namespace-to-see"},"data":{"namespace":"YS1uYW1lc3BhY2UtdG8tc2Vl"}}"#).expect("json");
        assert!(object.to_json().contains("secret a-namespace-to-see/reader-token:namespace"));
        assert_eq!(crate::secret::Redactor::global().scrub("pods in a-namespace-to-see"), "pods in a-namespace-to-see");
    }
}
