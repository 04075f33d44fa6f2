//! Changing immutable trees: a copy with one path set or removed, everything else shared.

use crate::object::{Map, Node};
use std::sync::Arc;

/// A map node of these entries.
pub(crate) fn map<const N: usize>(entries: [(&str, Node); N]) -> Node {
    Node::Map(Map(Arc::new(entries.into_iter().map(|(key, node)| (key.into(), node)).collect())))
}

/// A text node.
pub(crate) fn text(text: &str) -> Node {
    Node::Str(text.into())
}

/// The tree with this value at these keys; maps on the way are made where they are missing.
pub(crate) fn with(node: &Node, keys: &[&str], value: Node) -> Node {
    let Some((key, rest)) = keys.split_first() else { return value };
    let map = match node {
        Node::Map(map) => map.clone(),
        _ => Map::default(),
    };
    let below = map.get(key).cloned().unwrap_or_default();
    Node::Map(map.with(key, with(&below, rest, value)))
}

/// The tree without what is at these keys.
pub(crate) fn without(node: &Node, keys: &[&str]) -> Node {
    let (Node::Map(map), Some((key, rest))) = (node, keys.split_first()) else { return node.clone() };
    let Some(below) = map.get(key) else { return node.clone() };
    if rest.is_empty() {
        let others = map.0.iter().filter(|(name, _)| &**name != *key).cloned();
        return Node::Map(Map(Arc::new(others.collect())));
    }
    let below = without(below, rest);
    Node::Map(map.with(key, below))
}

/// The tree after a JSON merge patch (RFC 7396).
pub(crate) fn merged(node: &Node, patch: &Node) -> Node {
    let Node::Map(changes) = patch else { return patch.clone() };
    let mut out = match node {
        Node::Map(_) => node.clone(),
        _ => Node::Map(Map::default()),
    };
    for (key, change) in changes.0.iter() {
        out = match change {
            Node::Null => without(&out, &[key]),
            _ => {
                let below = out.get(key).cloned().unwrap_or_default();
                with(&out, &[key], merged(&below, change))
            }
        };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn node(value: serde_json::Value) -> Node {
        Node::from(&value)
    }

    #[test]
    fn paths_are_set_and_removed() {
        let tree = node(json!({"a": {"b": 1, "c": 2}}));
        assert_eq!(with(&tree, &["a", "d", "e"], text("x")), node(json!({"a": {"b": 1, "c": 2, "d": {"e": "x"}}})));
        assert_eq!(without(&tree, &["a", "b"]), node(json!({"a": {"c": 2}})));
        assert_eq!(without(&tree, &["a", "x", "y"]), tree);
    }

    #[test]
    fn merge_patches_follow_the_rfc() {
        let before = node(json!({"a": {"b": 1, "c": 2}, "d": [1]}));
        let after = merged(&before, &node(json!({"a": {"b": null, "e": {"f": null, "g": 1}}, "d": [2]})));
        assert_eq!(after, node(json!({"a": {"c": 2, "e": {"g": 1}}, "d": [2]})));
    }
}
