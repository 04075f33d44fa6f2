//! The methods of lists and maps, on objects as on Rhai's own arrays and maps.

use super::{Outcome, field, items, list};
use crate::engine::value::{as_object, from_node, to_node, type_name, with_article};
use crate::failure::{Failure, Result};
use crate::object::{Map, Node, Object};
use rhai::{Array, Dynamic, Engine, FnPtr, ImmutableString, NativeCallContext};
use std::cmp::Ordering;
use std::sync::Arc;

pub(super) fn register(engine: &mut Engine) {
    engine.register_fn("len", |object: &mut Object| count(object));
    engine.register_fn("is_empty", |object: &mut Object| count(object) == 0);
    engine.register_fn("keys", |object: &mut Object| -> Array {
        object.node.entries().iter().map(|(key, _)| key.to_string().into()).collect()
    });
    engine.register_fn("values", |object: &mut Object| -> Array {
        object.node.entries().iter().map(|(_, node)| from_node(node)).collect()
    });
    engine.register_fn("contains", |object: &mut Object, wanted: Dynamic| contains(object, &wanted));
    engine.register_fn("push", push);
    engine.register_fn("remove", remove);
    engine.register_fn("filter", filter);
    engine.register_fn("map", map);
    engine.register_fn("some", some);
    engine.register_fn("all", all);
    engine.register_fn("find", find);
    engine.register_fn("reduce", reduce);
    engine.register_fn("reduce", |context: NativeCallContext, object: &mut Object, closure: FnPtr| {
        reduce(context, object, closure, Dynamic::UNIT)
    });
    register_for_both(engine);
}

/// What Rhai's arrays lack too.
fn register_for_both(engine: &mut Engine) {
    engine.register_fn("first", |object: &mut Object| end(items(object).first()));
    engine.register_fn("first", |items: &mut Array| end(items.first()));
    engine.register_fn("last", |object: &mut Object| end(items(object).last()));
    engine.register_fn("last", |items: &mut Array| end(items.last()));
    engine.register_fn("append", |all: &mut Array, more: Object| -> Outcome<()> {
        list(&more)?;
        all.extend(items(&more));
        Ok(())
    });
    engine.register_fn("join", |context: NativeCallContext, object: &mut Object, separator: &str| {
        join(&context, items(object), separator)
    });
    engine.register_fn("join", |context: NativeCallContext, items: &mut Array, separator: &str| {
        join(&context, items.clone(), separator)
    });
    engine.register_fn("sort_by", |context: NativeCallContext, object: &mut Object, key: FnPtr| -> Outcome {
        list(object)?;
        let sorted = sort_by(&context, items(object), &key)?;
        Ok(relisted(object, &sorted)?)
    });
    engine.register_fn("sort_by", |context: NativeCallContext, items: &mut Array, key: FnPtr| -> Outcome<Array> {
        sort_by(&context, items.clone(), &key)
    });
}

fn end(item: Option<&Dynamic>) -> Dynamic {
    item.cloned().unwrap_or(Dynamic::UNIT)
}

fn count(object: &Object) -> i64 {
    let count = object.node.items().len() + object.node.entries().len();
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Whether a list has the item, or a map the key.
pub(super) fn contains(object: &Object, wanted: &Dynamic) -> Outcome<bool> {
    match &object.node {
        Node::Map(map) => Ok(wanted.as_immutable_string_ref().is_ok_and(|key| map.get(&key).is_some())),
        _ => {
            let wanted = to_node(wanted)?;
            for item in object.node.items() {
                if item.is_same(&wanted)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
    }
}

fn push(object: &mut Object, value: Dynamic) -> Outcome<()> {
    let node = to_node(&value)?;
    list(object)?;
    if let Node::Array(items) = &mut object.node {
        Arc::make_mut(items).push(node);
    }
    Ok(())
}

/// Takes a key out of a map and returns its value.
fn remove(object: &mut Object, key: &str) -> Dynamic {
    let value = field(object, key);
    if let Node::Map(map) = &mut object.node {
        Arc::make_mut(&mut map.0).retain(|(name, _)| &**name != key);
    }
    value
}

/// What a closure is called with: the item of a list, key and value of a map.
fn arguments(object: &Object) -> Vec<Vec<Dynamic>> {
    match &object.node {
        Node::Map(map) => map.0.iter().map(|(key, node)| vec![key.to_string().into(), from_node(node)]).collect(),
        _ => items(object).into_iter().map(|item| vec![item]).collect(),
    }
}

fn test(context: &NativeCallContext, closure: &FnPtr, args: Vec<Dynamic>) -> Outcome<bool> {
    let answer = closure.call_within_context::<Dynamic>(context, args)?.flatten();
    let wrong =
        || Failure::usage(format!("the closure must say true or false, not {}", with_article(type_name(&answer))));
    Ok(answer.as_bool().map_err(|_| wrong())?)
}

fn filter(context: NativeCallContext, object: &mut Object, closure: FnPtr) -> Outcome {
    let mut kept = Vec::new();
    for (index, args) in arguments(object).into_iter().enumerate() {
        if test(&context, &closure, args)? {
            kept.push(index);
        }
    }
    let node = match &object.node {
        Node::Map(map) => Node::Map(Map(Arc::new(kept.into_iter().map(|at| map.0[at].clone()).collect()))),
        other => Node::Array(Arc::new(kept.into_iter().map(|at| other.items()[at].clone()).collect())),
    };
    Ok(Dynamic::from(Object { node, origin: object.origin.clone() }))
}

fn map(context: NativeCallContext, object: &mut Object, closure: FnPtr) -> Outcome<Array> {
    let call = |args| closure.call_within_context::<Dynamic>(&context, args).map(Dynamic::flatten);
    arguments(object).into_iter().map(call).collect()
}

fn some(context: NativeCallContext, object: &mut Object, closure: FnPtr) -> Outcome<bool> {
    for args in arguments(object) {
        if test(&context, &closure, args)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn all(context: NativeCallContext, object: &mut Object, closure: FnPtr) -> Outcome<bool> {
    for args in arguments(object) {
        if !test(&context, &closure, args)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The first item, or the first value of a map, for which the closure says true; `()` when there is none.
fn find(context: NativeCallContext, object: &mut Object, closure: FnPtr) -> Outcome {
    for args in arguments(object) {
        if test(&context, &closure, args.clone())? {
            return Ok(end(args.last()));
        }
    }
    Ok(Dynamic::UNIT)
}

fn reduce(context: NativeCallContext, object: &mut Object, closure: FnPtr, start: Dynamic) -> Outcome {
    arguments(object).into_iter().try_fold(start, |so_far, args| {
        let args: Vec<_> = std::iter::once(so_far).chain(args).collect();
        closure.call_within_context::<Dynamic>(&context, args).map(Dynamic::flatten)
    })
}

fn join(context: &NativeCallContext, items: Array, separator: &str) -> Outcome<ImmutableString> {
    let texts = items.into_iter().map(|item| match item.clone().into_string() {
        Ok(text) => Ok(text),
        Err(_) => context.call_fn::<ImmutableString>("to_string", (item,)).map(|text| text.to_string()),
    });
    let texts = texts.collect::<Outcome<Vec<_>>>()?;
    Ok(texts.join(separator).into())
}

fn sort_by(context: &NativeCallContext, items: Array, key: &FnPtr) -> Outcome<Array> {
    let mut keyed = Vec::with_capacity(items.len());
    for item in items {
        let key = key.call_within_context::<Dynamic>(context, (item.clone(),))?;
        keyed.push((to_node(&key)?, item));
    }
    keyed.sort_by(|(one, _), (other, _)| order(one, other));
    Ok(keyed.into_iter().map(|(_, item)| item).collect())
}

fn relisted(list: &Object, items: &[Dynamic]) -> Result<Dynamic> {
    let nodes = items.iter().map(to_node).collect::<Result<_>>()?;
    Ok(Dynamic::from(Object { node: Node::Array(Arc::new(nodes)), origin: list.origin.clone() }))
}

/// Nothing, booleans, numbers by size, text by its letters; what has no size keeps its order at the end.
fn order(one: &Node, other: &Node) -> Ordering {
    match (one, other) {
        (Node::Str(one), Node::Str(other)) => one.cmp(other),
        (Node::Bool(one), Node::Bool(other)) => one.cmp(other),
        _ => rank(one)
            .cmp(&rank(other))
            .then_with(|| number(one).total_cmp(&number(other)).then(rest(one).cmp(&rest(other)))),
    }
}

/// The place of a kind among the others: without one, a list of several kinds has no order at all.
fn rank(node: &Node) -> u8 {
    match node {
        Node::Null => 0,
        Node::Bool(_) => 1,
        Node::Int(_) | Node::Float(_) => 2,
        Node::Str(_) => 3,
        Node::Secret(_) | Node::Array(_) | Node::Map(_) => 4,
    }
}

fn number(node: &Node) -> f64 {
    match node {
        Node::Int(number) => *number as f64,
        Node::Float(number) => *number,
        _ => 0.0,
    }
}

/// What a whole number is more than the nearest `f64`.
fn rest(node: &Node) -> i128 {
    match node {
        Node::Int(number) => i128::from(*number) - (*number as f64) as i128,
        _ => 0,
    }
}

/// The list that a value is, for methods that take a second one.
pub(super) fn both(one: &Dynamic, other: &Dynamic) -> Option<(Object, Object)> {
    Some((as_object(one)?, as_object(other)?))
}
