//! `object.get("spec.http[0].match")`: a value by its path.

use super::{Outcome, item_value};
use crate::engine::value::{as_object, from_node};
use crate::failure::{Failure, Result};
use crate::object::{Node, Object};
use rhai::{Array, Dynamic, Engine, Map};

pub(super) fn register(engine: &mut Engine) {
    engine.register_fn("get", |object: &mut Object, path: &str| get(object, path));
    engine.register_fn("get", |object: &mut Object, path: &str, other: Dynamic| or(get(object, path), other));
    engine.register_fn("get", |map: &mut Map, path: &str| get_native(&map.clone().into(), path));
    engine.register_fn("get", |map: &mut Map, path: &str, other: Dynamic| {
        or(get_native(&map.clone().into(), path), other)
    });
    engine.register_fn("get", |list: &mut Array, path: &str| get_native(&list.clone().into(), path));
}

fn or(found: Outcome, other: Dynamic) -> Outcome {
    found.map(|value| if value.is_unit() { other } else { value })
}

/// The value at a path, or `()` where the path ends early.
fn get(object: &Object, path: &str) -> Outcome {
    let keys = keys(path)?;
    let mut node = Some(&object.node);
    for key in &keys {
        node = node.and_then(|node| below(node, key));
    }
    let is_item = keys.len() == 1 && matches!(object.node, Node::Array(_));
    Ok(match node {
        Some(node) if is_item => item_value(object, node),
        Some(node) => from_node(node),
        None => Dynamic::UNIT,
    })
}

/// A map's own key comes first: Rhai's `get` takes a key.
fn get_native(value: &Dynamic, path: &str) -> Outcome {
    if let Ok(map) = value.as_map_ref()
        && let Some(value) = map.get(path)
    {
        return Ok(value.clone());
    }
    match as_object(value) {
        Some(object) => get(&object, path),
        None => Ok(Dynamic::UNIT),
    }
}

fn below<'n>(node: &'n Node, key: &str) -> Option<&'n Node> {
    match node {
        Node::Array(items) => items.get(super::position(key.parse().ok()?, items.len())?),
        other => other.get(key),
    }
}

/// The keys of a path: `spec.http[0].match` and `metadata.labels["a/b"]`.
fn keys(path: &str) -> Result<Vec<String>> {
    let wrong = |why: &str| {
        Failure::usage(format!("`{path}` is not a path: {why}"))
            .hint("write spec.http[0].match or metadata.labels[\"a/b\"]")
    };
    let mut keys = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(inside) = rest.strip_prefix('[') {
            let quote = inside.chars().next().filter(|first| matches!(first, '"' | '\''));
            let (inside, close) = match quote {
                Some(quote) => (&inside[1..], format!("{quote}]")),
                None => (inside, "]".to_owned()),
            };
            let (key, after) = inside.split_once(close.as_str()).ok_or_else(|| wrong("a bracket is not closed"))?;
            keys.push(key.to_owned());
            rest = after;
        } else {
            let start = rest.strip_prefix('.').unwrap_or(rest);
            let end = start.find(['.', '[']).unwrap_or(start.len());
            if end == 0 {
                return Err(wrong("a key is empty"));
            }
            keys.push(start[..end].to_owned());
            rest = &start[end..];
        }
    }
    Ok(keys)
}
