//! Fields and items of a value in hand.

use crate::engine::value::to_node;
use crate::object::Node;

/// The names of the fields of a value.
pub(super) fn fields(value: &rhai::Dynamic) -> Vec<String> {
    let mut names: Vec<String> = match value.as_map_ref() {
        Ok(map) => map.keys().map(ToString::to_string).collect(),
        Err(_) => match value.read_lock::<crate::object::Object>() {
            Some(object) => object.node.entries().iter().map(|(key, _)| key.to_string()).collect(),
            None if value.is::<crate::failure::Failure>() => {
                ["kind", "message", "cluster", "object", "hint", "details", "line", "column", "source"]
                    .map(str::to_owned)
                    .to_vec()
            }
            None => Vec::new(),
        },
    };
    names.retain(|name| name.chars().all(|c| c.is_alphanumeric() || c == '_'));
    names
}

/// A field or an item, as data.
pub(super) fn part(value: &rhai::Dynamic, key: &str) -> Option<rhai::Dynamic> {
    if let Ok(map) = value.as_map_ref() {
        return map.get(key).map(rhai::Dynamic::flatten_clone);
    }
    if let Ok(items) = value.as_array_ref() {
        return items.get(key.parse::<usize>().ok()?).map(rhai::Dynamic::flatten_clone);
    }
    let node = to_node(value).ok()?;
    let found = node.get(key)?;
    Some(match found {
        Node::Map(_) | Node::Array(_) => rhai::Dynamic::from(crate::object::Object::new(found.clone())),
        other => crate::engine::value::from_node(other),
    })
}
