//! The `params` column of a table: parsed once, checked at every call.

use super::value::{type_name, with_article};
use crate::object::{Node, Object};
use rhai::{Dynamic, FnPtr};

/// One parameter of a primitive.
#[derive(Debug, Clone, PartialEq)]
pub struct Param {
    /// Its name.
    pub name: &'static str,
    /// The types it takes.
    pub types: Vec<&'static str>,
    /// Whether it may be left out.
    pub optional: bool,
}

/// The parameters that a table's `params` text names, as in `"kind: string, name: string, options?: map"`.
///
/// # Errors
/// When a part is not `name: type`; a test holds the tables to that.
pub fn parse(text: &'static str) -> Result<Vec<Param>, String> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts.map(parse_one).collect()
}

fn parse_one(part: &'static str) -> Result<Param, String> {
    let (name, types) = part.split_once(':').ok_or_else(|| format!("`{part}` is not `name: type`"))?;
    let (name, optional) = match name.trim().strip_suffix('?') {
        Some(name) => (name, true),
        None => (name.trim(), false),
    };
    let types: Vec<_> = types.split('|').map(str::trim).collect();
    if name.is_empty() || types.iter().any(|name| name.is_empty()) {
        return Err(format!("`{part}` is not `name: type`"));
    }
    Ok(Param { name, types, optional })
}

impl Param {
    /// Whether a value is of one of the parameter's types.
    pub fn takes(&self, value: &Dynamic) -> bool {
        self.types.iter().any(|name| is_a(value, name)) || self.optional && value.is_unit()
    }

    /// What the parameter takes, in words.
    pub fn wants(&self) -> String {
        let words: Vec<_> = self.types.iter().map(|name| in_words(name)).collect();
        words.join(" or ")
    }
}

/// Whether a value is of the type that a table calls `name`.
pub(super) fn is_a(value: &Dynamic, name: &str) -> bool {
    match name {
        "any" => true,
        "string" => value.is_string(),
        "int" => value.is_int(),
        "float" => value.is_float() || value.is_int(),
        "bool" => value.is_bool(),
        "closure" => value.is::<FnPtr>(),
        "array" => value.is_array() || holds(value, |node| matches!(node, Node::Array(_))),
        "map" => value.is_map() || holds(value, |node| matches!(node, Node::Map(_))),
        "object" => value.is_string() || is_a(value, "map"),
        "objects" => is_a(value, "object") || is_a(value, "array"),
        other => type_name(value) == other,
    }
}

fn holds(value: &Dynamic, test: impl Fn(&Node) -> bool) -> bool {
    value.read_lock::<Object>().is_some_and(|object| test(&object.node))
}

/// A table's type name in words.
pub fn in_words(name: &str) -> String {
    match name {
        "any" => "any value".to_owned(),
        "object" => "an object: an Object, a map or YAML text".to_owned(),
        "objects" => "objects: an Object, a map, a list of them or YAML text".to_owned(),
        other => with_article(other),
    }
}

/// `1st`, `2nd`, `3rd`, `4th`.
pub fn ordinal(number: usize) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_text_names_parameters_types_and_what_may_be_left_out() {
        let params = parse("kind: string, target: string|Object, options?: map").expect("params");
        assert_eq!(params.len(), 3);
        assert_eq!(params[1].types, ["string", "Object"]);
        assert!(params[2].optional && !params[0].optional);
        assert!(parse("kind").is_err());
        assert_eq!(parse("").expect("none"), []);
    }

    #[test]
    fn ordinals_read_as_people_write_them() {
        assert_eq!([1, 2, 3, 4, 11, 22].map(ordinal), ["1st", "2nd", "3rd", "4th", "11th", "22nd"]);
    }
}
