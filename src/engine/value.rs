//! Between Rhai's values and trees.

use super::types::Namespace;
use crate::failure::{Failure, Result};
use crate::object::{Map, Node, Object};
use crate::secret::Secret;
use rhai::{Dynamic, FnPtr};
use std::sync::Arc;

/// The tree of a script value: Object, map, array, text, number, Secret.
///
/// # Errors
/// For values that have no tree, such as closures and clusters.
pub fn to_node(value: &Dynamic) -> Result<Node> {
    if let Some(object) = value.read_lock::<Object>() {
        return Ok(object.node.clone());
    }
    if let Some(secret) = value.read_lock::<Secret>() {
        return Ok(Node::Secret(secret.clone()));
    }
    if let Ok(text) = value.as_immutable_string_ref() {
        return Ok(Node::Str(text.as_str().into()));
    }
    if let Ok(items) = value.as_array_ref() {
        return Ok(Node::Array(Arc::new(items.iter().map(to_node).collect::<Result<_>>()?)));
    }
    if let Ok(map) = value.as_map_ref() {
        let entries = map.iter().map(|(key, value)| Ok((key.as_str().into(), to_node(value)?)));
        return Ok(Node::Map(Map(Arc::new(entries.collect::<Result<_>>()?))));
    }
    scalar(value).ok_or_else(|| Failure::usage(format!("{} has no place in an object", with_article(type_name(value)))))
}

fn scalar(value: &Dynamic) -> Option<Node> {
    if value.is_unit() {
        return Some(Node::Null);
    }
    let bool = value.as_bool().ok().map(Node::Bool);
    let int = || value.as_int().ok().map(Node::Int);
    let float = || value.as_float().ok().map(Node::Float);
    let char = || value.as_char().ok().map(|char| Node::Str(char.to_string().into()));
    bool.or_else(int).or_else(float).or_else(char)
}

/// The script value of a tree: scalars become Rhai's own, lists and maps become Objects.
pub fn from_node(node: &Node) -> Dynamic {
    match node {
        Node::Null => Dynamic::UNIT,
        Node::Bool(value) => Dynamic::from_bool(*value),
        Node::Int(number) => Dynamic::from_int(*number),
        Node::Float(number) => Dynamic::from_float(*number),
        Node::Str(text) => Dynamic::from(text.to_string()),
        Node::Secret(secret) => Dynamic::from(secret.clone()),
        Node::Array(_) | Node::Map(_) => Dynamic::from(Object::new(node.clone())),
    }
}

/// The value of a tree in Rhai's own types, down to the leaves: what may be changed in place.
pub fn to_native(node: &Node) -> Dynamic {
    match node {
        Node::Array(items) => items.iter().map(to_native).collect::<rhai::Array>().into(),
        Node::Map(map) => {
            map.0.iter().map(|(key, node)| ((&**key).into(), to_native(node))).collect::<rhai::Map>().into()
        }
        other => from_node(other),
    }
}

/// What scripts call this value's type: `string`, `int`, `map`, `Object`, `Cluster`, …; for a namespace object its name.
///
/// Types that primitives define are called like their Rust type.
pub fn type_name(value: &Dynamic) -> &'static str {
    if let Some(namespace) = value.read_lock::<Namespace>() {
        return namespace.0;
    }
    match value.type_name() {
        _ if value.is::<FnPtr>() => "closure",
        "i64" => "int",
        "f64" => "float",
        other => other.rsplit("::").next().unwrap_or(other),
    }
}

/// `a string`, `an Object`.
pub(super) fn with_article(name: &str) -> String {
    match name {
        "()" => "nothing, `()`".to_owned(),
        "int" => "a whole number".to_owned(),
        "bool" => "true or false".to_owned(),
        _ if name.starts_with(['a', 'e', 'i', 'o', 'A', 'E', 'I', 'O']) => format!("an {name}"),
        _ => format!("a {name}"),
    }
}

/// The object that a value stands for: an Object, a map or an array.
pub(super) fn as_object(value: &Dynamic) -> Option<Object> {
    if let Some(object) = value.read_lock::<Object>() {
        return Some(object.clone());
    }
    if value.is_map() || value.is_array() {
        return to_node(value).ok().map(Object::new);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn engine() -> rhai::Engine {
        rhai::Engine::new()
    }

    #[test]
    fn script_values_become_trees_and_come_back() {
        let value = engine().eval::<Dynamic>(r#"#{a: [1, 2.5, true, "x", ()], b: #{c: 'y'}}"#).expect("script");
        let node = to_node(&value).expect("tree");
        assert_eq!(node.to_wire(), serde_json::json!({"a": [1, 2.5, true, "x", null], "b": {"c": "y"}}));
        assert_eq!(to_node(&from_node(&node)).expect("tree"), node);
        assert_eq!(to_node(&to_native(&node)).expect("tree"), node);
    }

    #[test]
    fn a_closure_has_no_tree() {
        let value = engine().eval::<Dynamic>("#{a: || 1}").expect("script");
        assert_eq!(to_node(&value).expect_err("closure").message, "a closure has no place in an object");
    }

    #[test]
    fn types_have_the_names_scripts_use() {
        let names: Vec<_> = ["1", "1.0", "\"\"", "[]", "#{}", "()", "true", "|x| x"]
            .map(|text| type_name(&engine().eval::<Dynamic>(text).expect("script")))
            .into();
        assert_eq!(names, ["int", "float", "string", "array", "map", "()", "bool", "closure"]);
        assert_eq!(type_name(&Dynamic::from(Object::default())), "Object");
    }
}
