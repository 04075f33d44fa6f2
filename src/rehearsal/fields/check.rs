//! Refuses configurations that can't be applied, in the API server's words.
//!
//! The validation of sigs.k8s.io/structured-merge-diff, as far as lists are concerned.

use super::schema::{List, Shape};
use super::{Schema, element::Element};
use serde_json::Value;
use std::collections::BTreeSet;

/// Checks a configuration before [`super::apply`]: items of sets and keyed lists must be told apart.
///
/// # Errors
/// The message that the API server answers with, as an internal error (500).
pub fn check(applied: &Value, schema: &Schema) -> Result<(), String> {
    let mut refusals = Vec::new();
    check_value(applied, &schema.root, "", &mut refusals);
    let refusals = match refusals.as_slice() {
        [] => return Ok(()),
        [only] => only.clone(),
        several => format!("errors:\n  {}", several.join("\n  ")),
    };
    Err(format!("failed to create typed patch object ({}): {refusals}", title(applied)))
}

/// The object as the message names it: `default/web; apps/v1, Kind=Deployment`.
fn title(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (namespace, name) = (text(&object["metadata"]["namespace"]), text(&object["metadata"]["name"]));
    format!("{namespace}/{name}; {}, Kind={}", text(&object["apiVersion"]), text(&object["kind"]))
}

fn check_value(value: &Value, shape: &Shape, path: &str, refusals: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                check_value(value, shape.field(name), &format!("{path}.{name}"), refusals);
            }
        }
        Value::Array(_) if shape.list == List::Atomic => {}
        Value::Array(list) => check_items(list, shape, path, refusals),
        Value::Null => {}
        other if shape.list != List::Atomic => {
            refusals.push(format!("{path}: expected list, got &{{{}}}", bare(other)))
        }
        _ => {}
    }
}

fn check_items(list: &[Value], shape: &Shape, path: &str, refusals: &mut Vec<String>) {
    let mut seen: BTreeSet<Element> = BTreeSet::new();
    for (index, item) in list.iter().enumerate() {
        let element = match shape.element(item) {
            Ok(element) => element,
            Err(refusal) => return refusals.push(format!("{path}: element {index}: {refusal}")),
        };
        if !seen.insert(element.clone()) {
            refusals.push(format!("{path}: duplicate entries for key {element}"));
        }
        check_value(item, shape.item(), &format!("{path}{element}"), refusals);
    }
}

fn bare(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn deployment(finalizers: Value, containers: Value) -> Value {
        json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "dup", "namespace": "t", "finalizers": finalizers},
            "spec": {"template": {"spec": {"containers": containers}}}})
    }

    fn checked(object: &Value) -> Result<(), String> {
        check(object, &Schema::built_in("apps/v1", "Deployment"))
    }

    #[test]
    fn duplicates_are_refused() {
        let twice = json!([{"name": "a", "image": "x"}, {"name": "a", "image": "y"}]);
        assert_eq!(
            checked(&deployment(json!(["a.b/c", "a.b/c"]), twice)),
            Err("failed to create typed patch object (t/dup; apps/v1, Kind=Deployment): errors:\n  \
                 .metadata.finalizers: duplicate entries for key [=\"a.b/c\"]\n  \
                 .spec.template.spec.containers: duplicate entries for key [name=\"a\"]"
                .to_owned())
        );
        assert_eq!(checked(&deployment(json!(["a.b/c"]), json!([{"name": "a"}, {"name": "b"}]))), Ok(()));
    }

    #[test]
    fn items_without_identity_are_refused() {
        let refusal = checked(&deployment(json!(["a.b/c", null]), json!(null))).expect_err("null");
        assert!(refusal.ends_with(
            ".metadata.finalizers: element 1: associative list without keys has an element that's an explicit null"
        ));
        let refusal = checked(&deployment(json!("a.b/c"), json!([]))).expect_err("text");
        assert!(refusal.ends_with(".metadata.finalizers: expected list, got &{a.b/c}"), "{refusal}");
    }
}
