//! Reads the table of built-in kinds in `built_in.txt`; only [`super::schema`] uses it.

use super::schema::{List, Others, Patch, Shape};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

type Fields = BTreeMap<String, Shape>;

/// The fields with rules by type name, and by `version Kind` for kinds.
static TABLE: LazyLock<HashMap<&'static str, Fields>> = LazyLock::new(|| read(include_str!("built_in.txt")));

/// The shape of a built-in kind.
pub(super) fn kind(api_version: &str, kind: &str) -> Option<Shape> {
    let (name, _) = TABLE.get_key_value(format!("{api_version} {kind}").as_str())?;
    Some(Shape::named(name).with_metadata())
}

/// The fields of a built-in type that have rules.
pub(super) fn fields(name: &str) -> Option<&'static Fields> {
    TABLE.get(name)
}

fn read(table: &'static str) -> HashMap<&'static str, Fields> {
    let lines = table.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once(':')).map(|(name, fields)| (name, read_fields(fields))).collect()
}

fn read_fields(fields: &'static str) -> Fields {
    fields.split_whitespace().map(read_field).collect()
}

fn read_field(field: &'static str) -> (String, Shape) {
    let (name, rule) = field.split_once('=').unwrap_or((field, ""));
    let shape = Shape { present: name.ends_with('*'), ..read_rule(rule) };
    (name.trim_end_matches('*').to_owned(), shape)
}

fn read_rule(rule: &'static str) -> Shape {
    let (rule, patch) = match rule.split_once('~') {
        Some((rule, "replace")) => (rule, Patch::Replace),
        Some((rule, key)) => (rule, Patch::Merge(key.to_owned())),
        None => (rule, Patch::Default),
    };
    Shape { patch, ..read_value(rule) }
}

fn read_value(rule: &'static str) -> Shape {
    if let Some(list) = rule.strip_prefix('[') {
        return read_list(list.trim_end_matches(']'));
    }
    match rule.strip_prefix('!') {
        Some(name) => Shape { atomic: true, ..read_type(name) },
        None if rule == "?" => Shape::new(Others::Anything),
        None => read_type(rule),
    }
}

fn read_list(list: &'static str) -> Shape {
    if list.is_empty() {
        return Shape { list: List::Set, ..Shape::default() };
    }
    let (item, keys) = list.split_once(':').unwrap_or((list, ""));
    let keys: Vec<_> = keys.split(',').filter(|key| !key.is_empty()).map(read_key).collect();
    let list = if keys.is_empty() { List::Atomic } else { List::Keyed(keys) };
    Shape { list, item: Some(Box::new(read_value(item))), ..Shape::default() }
}

/// A key's default is the zero value of its Go type, unless the table says otherwise.
fn read_key(key: &str) -> (String, Option<Value>) {
    match key.split_once('=') {
        Some((key, default)) => (key.to_owned(), Some(Value::from(default))),
        None if matches!(key, "port" | "containerPort") => (key.to_owned(), Some(Value::from(0))),
        None => (key.to_owned(), Some(Value::from(""))),
    }
}

fn read_type(name: &'static str) -> Shape {
    match name {
        "" | "-" => Shape::default(),
        name => Shape::named(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn references(shape: &Shape) -> Vec<&'static str> {
        let item = shape.item.as_deref().and_then(|item| item.of);
        shape.of.into_iter().chain(item).collect()
    }

    #[test]
    fn every_type_that_is_named_is_in_the_table() {
        let shapes = TABLE.values().flat_map(BTreeMap::values);
        for name in shapes.flat_map(references) {
            assert!(fields(name).is_some(), "{name}");
        }
    }

    #[test]
    fn the_table_covers_the_common_kinds() {
        for (version, name) in [
            ("v1", "Pod"),
            ("v1", "Secret"),
            ("apps/v1", "Deployment"),
            ("rbac.authorization.k8s.io/v1", "ClusterRole"),
            ("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration"),
            ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
        ] {
            assert!(kind(version, name).is_some(), "{version} {name}");
        }
        assert!(kind("example.com/v1", "Thing").is_none());
    }
}
