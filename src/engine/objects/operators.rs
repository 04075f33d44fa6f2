//! Comparing, merging, and turning objects into text and into Rhai's own values.

use super::lists::both;
use super::{Outcome, put};
use crate::engine::value::{to_native, to_node};
use crate::failure::Failure;
use crate::object::{Node, Object};
use rhai::{Array, Dynamic, Engine, ImmutableString, Map, NativeCallContext};
use std::sync::Arc;

pub(super) fn register(engine: &mut Engine) {
    compare::<Object, Object>(engine);
    compare::<Object, Map>(engine);
    compare::<Map, Object>(engine);
    compare::<Object, Array>(engine);
    compare::<Array, Object>(engine);
    merge::<Object, Object>(engine);
    merge::<Object, Map>(engine);
    merge::<Map, Object>(engine);
    merge::<Object, Array>(engine);
    merge::<Array, Object>(engine);
    register_texts(engine);
    engine.register_fn("to_map", |object: &mut Object| native(object, "map", Dynamic::is_map));
    engine.register_fn("to_array", |object: &mut Object| native(object, "list", Dynamic::is_array));
}

fn compare<A: Clone + Send + Sync + 'static, B: Clone + Send + Sync + 'static>(engine: &mut Engine) {
    let same = |one: A, other: B| -> Outcome<bool> {
        let Some((one, other)) = both(&Dynamic::from(one), &Dynamic::from(other)) else { return Ok(false) };
        Ok(one.node.is_same(&other.node)?)
    };
    engine.register_fn("==", same);
    engine.register_fn("!=", move |one: A, other: B| same(one, other).map(|same| !same));
}

fn merge<A: Clone + Send + Sync + 'static, B: Clone + Send + Sync + 'static>(engine: &mut Engine) {
    engine.register_fn("+", |one: A, other: B| -> Outcome<Object> {
        let wrong = || Failure::usage("`+` puts two maps or two lists together");
        let (one, other) = both(&Dynamic::from(one), &Dynamic::from(other)).ok_or_else(wrong)?;
        merged(one, other).ok_or_else(|| wrong().into())
    });
}

/// A map with the other's keys on top, or both lists one after the other.
fn merged(mut one: Object, other: Object) -> Option<Object> {
    match (&mut one.node, &other.node) {
        (Node::Map(map), Node::Map(more)) => more.0.iter().for_each(|(key, node)| put(map, key, node.clone())),
        (Node::Array(items), Node::Array(more)) => Arc::make_mut(items).extend(more.iter().cloned()),
        _ => return None,
    }
    Some(one)
}

fn native(object: &Object, wanted: &str, test: fn(&Dynamic) -> bool) -> Outcome {
    let value = to_native(&object.node);
    let is = object.node.type_name();
    if test(&value) { Ok(value) } else { Err(Failure::usage(format!("this is a {is}, not a {wanted}")).into()) }
}

fn register_texts(engine: &mut Engine) {
    for name in ["to_string", "print", "to_debug", "debug"] {
        engine.register_fn(name, |object: &mut Object| object.to_yaml().trim_end().to_owned());
        engine.register_fn(name, |context: NativeCallContext, map: &mut Map| shown(&context, &map.clone().into()));
        engine.register_fn(name, |context: NativeCallContext, list: &mut Array| shown(&context, &list.clone().into()));
    }
    for (name, write) in [("to_json", Object::to_json as fn(&Object) -> String), ("to_yaml", Object::to_yaml)] {
        engine.register_fn(name, move |object: &mut Object| write(object));
        engine.register_fn(name, move |map: &mut Map| text(map.clone().into(), write));
        engine.register_fn(name, move |list: &mut Array| text(list.clone().into(), write));
    }
}

fn text(value: Dynamic, write: fn(&Object) -> String) -> Outcome<String> {
    Ok(write(&Object::new(to_node(&value)?)))
}

/// A value as text, as `print` shows it, on one line: objects as JSON, clusters by their names.
pub(in crate::engine) fn told(context: &NativeCallContext, value: &Dynamic) -> String {
    value.as_immutable_string_ref().map_or_else(|_| shown(context, value), |text| text.to_string())
}

/// A map or a list as Rhai writes it, with everything in it shown as it shows itself: secrets by their names.
fn shown(context: &NativeCallContext, value: &Dynamic) -> String {
    if let Ok(list) = value.as_array_ref() {
        let items: Vec<_> = list.iter().map(|item| shown(context, item)).collect();
        return format!("[{}]", items.join(", "));
    }
    if let Ok(map) = value.as_map_ref() {
        let entries: Vec<_> = map.iter().map(|(key, value)| format!("{key:?}: {}", shown(context, value))).collect();
        return format!("#{{{}}}", entries.join(", "));
    }
    if let Some(object) = value.read_lock::<Object>() {
        return serde_json::to_string(&object.node).unwrap_or_default();
    }
    if value.is_unit() || value.is_string() {
        return format!("{value:?}");
    }
    let text = context.call_native_fn::<ImmutableString>("to_string", (value.clone(),));
    text.map_or_else(|_| value.to_string(), |text| text.to_string())
}
