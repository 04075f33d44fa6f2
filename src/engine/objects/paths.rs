//! `object.get("spec.http[0].match")`: a value by its path.

use super::{Outcome, item_value};
use crate::engine::value::{from_node, to_node};
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
    Ok(at(object, &keys(path)?))
}

fn at(object: &Object, keys: &[String]) -> Dynamic {
    let mut node = Some(&object.node);
    for key in keys {
        node = node.and_then(|node| below(node, key));
    }
    let is_item = keys.len() == 1 && matches!(object.node, Node::Array(_));
    match node {
        Some(node) if is_item => item_value(object, node),
        Some(node) => from_node(node),
        None => Dynamic::UNIT,
    }
}

/// A map's own key comes first: Rhai's `get` takes a key.
fn get_native(value: &Dynamic, path: &str) -> Outcome {
    if let Ok(map) = value.as_map_ref()
        && let Some(value) = map.get(path)
    {
        return Ok(value.clone());
    }
    Ok(walk(value, &keys(path)?))
}

/// The value below these keys. Rhai's own maps and lists are walked key by key: beside what is looked for they may hold
/// what has no tree, such as clusters and closures.
fn walk(value: &Dynamic, keys: &[String]) -> Dynamic {
    let Some((key, rest)) = keys.split_first() else {
        return to_node(value).map_or_else(|_| value.clone(), |node| from_node(&node));
    };
    if let Ok(map) = value.as_map_ref() {
        return map.get(key.as_str()).map_or(Dynamic::UNIT, |value| walk(value, rest));
    }
    if let Ok(items) = value.as_array_ref() {
        let at = key.parse().ok().and_then(|index| super::position(index, items.len()));
        return at.map_or(Dynamic::UNIT, |at| walk(&items[at], rest));
    }
    value.read_lock::<Object>().map_or(Dynamic::UNIT, |object| at(&object, keys))
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
