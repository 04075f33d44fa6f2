//! Which fields an object has: `ToFieldSet` and `EnsureNamedFieldsAreMembers` of sigs.k8s.io/structured-merge-diff.

use super::element::{Element, Path};
use super::form::{Form, form};
use super::schema::{List, Shape};
use super::set::Set;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Every leaf and every list item that the value mentions.
pub(super) fn field_set(value: &Value, shape: &Shape) -> Set {
    let mut set = Set::default();
    collect(value, shape, &mut Vec::new(), &mut set);
    set
}

fn collect(value: &Value, shape: &Shape, path: &mut Path, set: &mut Set) {
    match form(Some(value)) {
        Some(Form::Map) if !shape.atomic => collect_map(value.as_object(), shape, path, set),
        Some(Form::List) if shape.list != List::Atomic => collect_list(value.as_array(), shape, path, set),
        _ => set.insert(path),
    }
}

fn collect_map(map: Option<&Map<String, Value>>, shape: &Shape, path: &mut Path, set: &mut Set) {
    for (name, value) in map.into_iter().flatten() {
        path.push(Element::field(name));
        collect(value, shape.field(name), path, set);
        let empty = value.as_object().is_some_and(Map::is_empty);
        if empty || !shape.declares(name) {
            set.insert(path);
        }
        path.pop();
    }
}

fn collect_list(list: Option<&Vec<Value>>, shape: &Shape, path: &mut Path, set: &mut Set) {
    let mut elements: BTreeMap<Element, Vec<&Value>> = BTreeMap::new();
    for item in list.into_iter().flatten() {
        let Ok(element) = shape.element(item) else { continue };
        elements.entry(element).or_default().push(item);
    }
    for (element, items) in elements {
        path.push(element);
        if let [item] = items.as_slice() {
            collect(item, shape.item(), path, set);
        }
        set.insert(path);
        path.pop();
    }
}

/// The set, with the declared fields on the way to its members.
pub(super) fn with_named_fields(set: &Set, shape: &Shape) -> Set {
    let mut members = set.members.clone();
    for element in set.children.keys() {
        if matches!(element, Element::Field(name) if shape.declares(name)) {
            members.insert(element.clone());
        }
    }
    let child = |(element, child): (&Element, &Set)| (element.clone(), with_named_fields(child, shape.below(element)));
    Set { members, children: set.children.iter().map(child).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rehearsal::fields::Schema;
    use serde_json::json;

    fn set_of(value: Value) -> Value {
        let schema = Schema::built_in("v1", "Pod");
        field_set(&value, &schema.root).to_json()
    }

    #[test]
    fn leaves_and_items_are_members() {
        assert_eq!(
            set_of(json!({"spec": {"containers": [{"name": "a", "args": ["x"]}], "nodeSelector": {"a": "b"}}})),
            json!({"f:spec": {
                "f:containers": {r#"k:{"name":"a"}"#: {".": {}, "f:args": {}, "f:name": {}}},
                "f:nodeSelector": {},
            }})
        );
    }

    #[test]
    fn empty_maps_and_nulls_are_members_and_empty_keyed_lists_are_not() {
        assert_eq!(
            set_of(json!({"metadata": {"labels": {}, "finalizers": []}, "spec": {"hostname": null}})),
            json!({"f:metadata": {"f:labels": {}}, "f:spec": {"f:hostname": {}}})
        );
    }

    #[test]
    fn duplicates_are_members_without_their_fields() {
        let twice = json!([{"name": "a", "image": "x"}, {"name": "a", "image": "y"}]);
        assert_eq!(
            set_of(json!({"spec": {"containers": twice}})),
            json!({"f:spec": {"f:containers": {r#"k:{"name":"a"}"#: {}}}})
        );
    }

    #[test]
    fn keys_of_undeclared_maps_are_members() {
        let shape = &Schema::built_in("example.com/v1", "Thing").root;
        let set = field_set(&json!({"spec": {"a": {"b": [1]}}}), shape);
        assert_eq!(set.to_json(), json!({"f:spec": {".": {}, "f:a": {".": {}, "f:b": {}}}}));
    }
}
