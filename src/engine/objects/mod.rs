//! Kubernetes objects as script values: fields by dot and index, list methods, changes by copy.

mod lists;
mod operators;
mod paths;

pub(super) use operators::told;

use super::value::{from_node, to_node};
use crate::failure::{Failure, Kind, Result};
use crate::object::{Map, Node, Object};
use rhai::{Dynamic, Engine, EvalAltResult, Module};
use std::any::TypeId;
use std::sync::Arc;

type Outcome<T = Dynamic> = std::result::Result<T, Box<EvalAltResult>>;

/// Makes objects known to scripts.
pub(super) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<Object>("Object");
    engine.register_indexer_get(|object: &mut Object, key: &str| field(object, key));
    engine.register_indexer_get(|object: &mut Object, index: i64| item(object, index));
    engine.register_indexer_set(set_field);
    engine.register_indexer_set(set_item);
    // Rhai gives every value a property of this name, which is found before an object's field.
    engine.register_get_set("tag", |object: &mut Object| field(object, "tag"), set_tag);
    register_iterator(engine);
    lists::register(engine);
    operators::register(engine);
    paths::register(engine);
}

/// The field, or `()`; an item of a list when the key is a number.
fn field(object: &Object, key: &str) -> Dynamic {
    object.node.get(key).map_or(Dynamic::UNIT, |node| child(object, key, node))
}

/// A part as a script value. Items of a list of objects come from the list's cluster; parts of an object are no
/// objects of a cluster.
fn child(parent: &Object, key: &str, node: &Node) -> Dynamic {
    let is_list = key == "items" && parent.kind().ends_with("List");
    match node {
        Node::Array(_) if is_list => Dynamic::from(Object { node: node.clone(), origin: parent.origin.clone() }),
        _ => from_node(node),
    }
}

fn item(object: &Object, index: i64) -> Outcome {
    let items = list(object)?;
    let at = position(index, items.len()).ok_or_else(|| out_of_list(index, items.len()))?;
    Ok(item_value(object, &items[at]))
}

fn item_value(list: &Object, node: &Node) -> Dynamic {
    match node {
        Node::Map(_) => Dynamic::from(Object { node: node.clone(), origin: list.origin.clone() }),
        other => from_node(other),
    }
}

/// The items of a list as script values, each from the list's cluster.
pub(super) fn items(list: &Object) -> Vec<Dynamic> {
    list.node.items().iter().map(|node| item_value(list, node)).collect()
}

fn list(object: &Object) -> Result<&[Node]> {
    match &object.node {
        Node::Array(items) => Ok(items),
        other => Err(Failure::usage(format!("this is a {}, not a list: it has no numbered items", other.type_name()))),
    }
}

/// The place of an index that counts from the end when it is negative.
fn position(index: i64, count: usize) -> Option<usize> {
    let from_start = if index < 0 { i64::try_from(count).ok()? + index } else { index };
    usize::try_from(from_start).ok().filter(|at| *at < count)
}

fn out_of_list(index: i64, count: usize) -> Failure {
    Failure::new(Kind::NotFound, format!("there is no item {index}: the list has {count}"))
}

fn set_field(object: &mut Object, key: &str, value: Dynamic) -> Outcome<()> {
    let node = to_node(&value)?;
    match &mut object.node {
        Node::Map(map) => put(map, key, node),
        none @ Node::Null => *none = Node::Map(Map(Arc::new(vec![(key.into(), node)].into()))),
        other => return Err(no_such_field(key, other).into()),
    }
    Ok(())
}

fn set_tag(object: &mut Object, value: Dynamic) -> Outcome<()> {
    set_field(object, "tag", value)
}

fn no_such_field(key: &str, node: &Node) -> Failure {
    Failure::usage(format!("cannot set `{key}`: this is a {}, not a map", node.type_name()))
}

fn put(map: &mut Map, key: &str, node: Node) {
    let entries = Arc::make_mut(&mut map.0);
    match entries.iter_mut().find(|(name, _)| &**name == key) {
        Some((_, old)) => *old = node,
        None => entries.push((key.into(), node)),
    }
}

fn set_item(object: &mut Object, index: i64, value: Dynamic) -> Outcome<()> {
    let node = to_node(&value)?;
    let count = list(object)?.len();
    let at = position(index, count).ok_or_else(|| out_of_list(index, count))?;
    if let Node::Array(items) = &mut object.node {
        Arc::make_mut(items)[at] = node;
    }
    Ok(())
}

/// `for x in object`: the items of a list, also of a `…List` object; the keys of a map.
fn register_iterator(engine: &mut Engine) {
    let mut module = Module::new();
    module.set_iter(TypeId::of::<Object>(), |value| {
        let object = value.try_cast::<Object>().unwrap_or_default();
        Box::new(looped(&object).into_iter())
    });
    engine.register_global_module(module.into());
}

fn looped(object: &Object) -> Vec<Dynamic> {
    match &object.node {
        Node::Array(_) => items(object),
        Node::Map(map) if object.kind().ends_with("List") && map.get("items").is_some() => {
            let node = map.get("items").cloned().unwrap_or_default();
            items(&Object { node, origin: object.origin.clone() })
        }
        Node::Map(map) => map.0.iter().map(|(key, _)| key.to_string().into()).collect(),
        _ => Vec::new(),
    }
}
