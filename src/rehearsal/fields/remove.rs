//! Takes fields out of an object: `RemoveItems` of sigs.k8s.io/structured-merge-diff.

use super::element::Element;
use super::form::{Form, form};
use super::schema::{List, Shape};
use super::set::Set;
use serde_json::{Map, Value};

/// The value without these fields; null when nothing is left.
pub(super) fn remove(value: &Value, fields: &Set, shape: &Shape) -> Value {
    match (form(Some(value)), value) {
        (Some(Form::Map), Value::Object(_)) if shape.atomic => Value::Null,
        (_, Value::Object(map)) => remove_from_map(map, fields, shape),
        (_, Value::Array(_)) if shape.list == List::Atomic => Value::Null,
        (_, Value::Array(items)) => remove_from_list(items, fields, shape),
        _ => value.clone(),
    }
}

fn remove_from_map(map: &Map<String, Value>, fields: &Set, shape: &Shape) -> Value {
    let kept = map.iter().filter_map(|(name, value)| {
        let value = keep(value, Element::field(name), fields, shape)?;
        Some((name.clone(), value))
    });
    let kept: Map<_, _> = kept.collect();
    if kept.is_empty() { Value::Null } else { Value::Object(kept) }
}

fn remove_from_list(items: &[Value], fields: &Set, shape: &Shape) -> Value {
    let kept = items.iter().filter_map(|item| match shape.element(item) {
        Ok(element) => keep(item, element, fields, shape),
        Err(_) => Some(item.clone()),
    });
    let kept: Vec<_> = kept.collect();
    if kept.is_empty() { Value::Null } else { Value::Array(kept) }
}

fn keep(value: &Value, element: Element, fields: &Set, shape: &Shape) -> Option<Value> {
    if fields.members.contains(&element) {
        return None;
    }
    match fields.children.get(&element) {
        Some(below) if !below.is_empty() => Some(remove(value, below, shape.below(&element))),
        _ => Some(value.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rehearsal::fields::Schema;
    use serde_json::json;

    #[test]
    fn fields_and_items_go() {
        let pod = json!({"metadata": {"labels": {"a": "1", "b": "2"}, "finalizers": ["x"]},
            "spec": {"containers": [{"name": "a", "image": "1"}, {"name": "b"}]}});
        let fields = Set::from_json(&json!({
            "f:metadata": {"f:labels": {"f:a": {}}, "f:finalizers": {"v:\"x\"": {}}},
            "f:spec": {"f:containers": {r#"k:{"name":"a"}"#: {"f:image": {}}, r#"k:{"name":"b"}"#: {".": {}}}},
        }));
        assert_eq!(
            remove(&pod, &fields, &Schema::built_in("v1", "Pod").root),
            json!({"metadata": {"labels": {"b": "2"}, "finalizers": null}, "spec": {"containers": [{"name": "a"}]}})
        );
    }
}
