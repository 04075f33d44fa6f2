//! Strategic merge patches, which `kubectl apply` and `kubectl edit` send for built-in kinds.
//!
//! Rules and words of k8s.io/apimachinery/pkg/util/strategicpatch.

use super::element_order::order_lists;
use super::go_text::{go_string, go_type, go_value};
use super::patch_lists::{delete_from, merge_list};
use super::schema::{Patch, Schema, Shape};
use serde_json::{Map, Value};

/// Says what to do with the map or list item it is in.
pub(super) const DIRECTIVE: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const DELETE_FROM: &str = "$deleteFromPrimitiveList";
pub(super) const ELEMENT_ORDER: &str = "$setElementOrder";

pub(super) type Object = Map<String, Value>;

/// A strategic merge patch (`$patch`, `$retainKeys`, `$deleteFromPrimitiveList`, `$setElementOrder`, merge keys).
///
/// # Errors
/// When the patch has a directive that makes no sense or a list item lacks its merge key, in the API server's words;
/// and for custom resources, for which the API server knows no such patches (it answers 415).
pub fn strategic_merge(live: &Value, patch: &Value, schema: &Schema) -> Result<Value, String> {
    if !schema.typed {
        return Err("strategic merge patch format is not supported".to_owned());
    }
    let (Value::Object(live), Value::Object(patch)) = (live, patch) else {
        return Err(bad_type(&Value::Object(Map::new()), if live.is_object() { patch } else { live }));
    };
    merge_map(live.clone(), patch.clone(), &schema.root).map(|merged| decoded(Value::Object(merged)))
}

/// Merges a patch into a map.
pub(super) fn merge_map(mut live: Object, mut patch: Object, shape: &Shape) -> Result<Object, String> {
    if let Some(directive) = patch.remove(DIRECTIVE) {
        return whole_map(&directive, patch);
    }
    retain_keys(&mut live, &mut patch)?;
    order_lists(&mut live, &mut patch, shape)?;
    for (key, value) in patch {
        match key.strip_prefix(DELETE_FROM) {
            Some(rest) => {
                let name = rest.strip_prefix('/').ok_or("invalid patch format of primitive list")?;
                delete_items(&mut live, name, &value)?;
            }
            None => merge_field(&mut live, key, value, shape)?,
        }
    }
    Ok(live)
}

/// `$patch` beside other fields: the whole map is replaced or emptied.
fn whole_map(directive: &Value, patch: Object) -> Result<Object, String> {
    match directive.as_str() {
        Some("replace") => Ok(patch),
        Some("delete") => Ok(Object::new()),
        _ => Err(bad_directive(directive, &patch)),
    }
}

/// The refusal of a directive that is not known at its place.
pub(super) fn bad_directive(directive: &Value, patch: &Object) -> String {
    let mut patch = patch.clone();
    patch.insert(DIRECTIVE.to_owned(), directive.clone());
    format!("unknown patch type: {} in map: {}", go_string(directive), go_value(&Value::Object(patch)))
}

/// The refusal of a value of the wrong type.
pub(super) fn bad_type(expected: &Value, got: &Value) -> String {
    format!("expected a {}, but received a {}", go_type(expected), go_type(got))
}

/// `$retainKeys`: everything else goes; the patch may set nothing else.
fn retain_keys(live: &mut Object, patch: &mut Object) -> Result<(), String> {
    let Some(keys) = patch.remove(RETAIN_KEYS) else { return Ok(()) };
    let refusal = || "invalid patch format of retainKeys".to_owned();
    let keys = keys.as_array().ok_or_else(refusal)?;
    let retained = |name: &str| keys.iter().any(|key| key.as_str() == Some(name));
    let directive = |name: &str| name.starts_with(DELETE_FROM) || name.starts_with(ELEMENT_ORDER);
    if patch.iter().any(|(name, value)| !value.is_null() && !directive(name) && !retained(name)) {
        return Err(refusal());
    }
    live.retain(|name, _| retained(name));
    Ok(())
}

fn delete_items(live: &mut Object, name: &str, items: &Value) -> Result<(), String> {
    if items.is_null() {
        live.remove(name);
        return Ok(());
    }
    match (live.get_mut(name), items) {
        (Some(Value::Array(live)), Value::Array(items)) => delete_from(live, items),
        _ => Ok(()),
    }
}

fn merge_field(live: &mut Object, key: String, value: Value, shape: &Shape) -> Result<(), String> {
    if value.is_null() {
        live.remove(&key);
        return Ok(());
    }
    let shape = shape.field(&key);
    let merged = match (live.remove(&key), value) {
        (Some(Value::Object(_)), Value::Object(patch)) if shape.patch == Patch::Replace => Some(Value::Object(patch)),
        (Some(Value::Object(live)), Value::Object(patch)) => Some(Value::Object(merge_map(live, patch, shape)?)),
        (Some(Value::Array(live)), Value::Array(patch)) => Some(Value::Array(merge_list(live, patch, shape)?)),
        (_, value) => without_directives(value),
    };
    live.extend(merged.map(|merged| (key, merged)));
    Ok(())
}

/// A value that is new, without the maps that carry a directive.
pub(super) fn without_directives(value: Value) -> Option<Value> {
    match value {
        Value::Object(map) if map.contains_key(DIRECTIVE) => None,
        Value::Object(map) => {
            let kept = map.into_iter().filter_map(|(key, value)| Some((key, without_directives(value)?)));
            Some(Value::Object(kept.collect()))
        }
        Value::Array(items) => Some(Value::Array(items.into_iter().filter_map(without_directives).collect())),
        other => Some(other),
    }
}

/// What the API server's decoder makes of the result: it drops nulls and the directives that the merge leaves in.
fn decoded(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.into_iter().filter(|(key, value)| !value.is_null() && !is_directive(key));
            Value::Object(kept.map(|(key, value)| (key, decoded(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(decoded).collect()),
        other => other,
    }
}

fn is_directive(key: &str) -> bool {
    key == DIRECTIVE || key == RETAIN_KEYS || key.starts_with(DELETE_FROM) || key.starts_with(ELEMENT_ORDER)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn patched(kind: (&str, &str), live: Value, patch: Value) -> Result<Value, String> {
        strategic_merge(&live, &patch, &Schema::built_in(kind.0, kind.1))
    }

    fn pod(live: Value, patch: Value) -> Result<Value, String> {
        patched(("v1", "Pod"), live, patch)
    }

    #[test]
    fn maps_are_merged_and_null_deletes() {
        assert_eq!(
            pod(
                json!({"metadata": {"labels": {"a": "1", "b": "2"}, "annotations": {"x": "y"}}}),
                json!({"metadata": {"labels": {"b": null, "c": "3", "d": null}, "annotations": null}})
            ),
            Ok(json!({"metadata": {"labels": {"a": "1", "c": "3"}}}))
        );
    }

    #[test]
    fn keyed_lists_are_merged_and_other_lists_replaced() {
        assert_eq!(
            pod(
                json!({"spec": {"containers": [{"name": "a", "image": "1", "args": ["x", "y"]}, {"name": "b"}]}}),
                json!({"spec": {"containers": [{"name": "a", "args": ["z"]}, {"name": "c"}]}})
            ),
            Ok(
                json!({"spec": {"containers": [{"name": "a", "image": "1", "args": ["z"]}, {"name": "c"}, {"name": "b"}]}})
            )
        );
    }

    #[test]
    fn directives_delete_and_replace() {
        let live = json!({"spec": {"containers": [{"name": "a", "image": "1"}, {"name": "b"}]}});
        let deleted = pod(live.clone(), json!({"spec": {"containers": [{"name": "a", "$patch": "delete"}]}}));
        assert_eq!(deleted, Ok(json!({"spec": {"containers": [{"name": "b"}]}})));
        let replaced = pod(live.clone(), json!({"spec": {"containers": [{"$patch": "replace"}, {"name": "c"}]}}));
        assert_eq!(replaced, Ok(json!({"spec": {"containers": [{"name": "c"}]}})));
        let emptied = pod(live.clone(), json!({"spec": {"$patch": "delete"}}));
        assert_eq!(emptied, Ok(json!({"spec": {}})));
        let swapped = pod(live, json!({"spec": {"$patch": "replace", "hostname": "h"}}));
        assert_eq!(swapped, Ok(json!({"spec": {"hostname": "h"}})));
    }

    #[test]
    fn retained_keys_are_all_that_stays() {
        let deployment = ("apps/v1", "Deployment");
        let live = json!({"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}});
        assert_eq!(
            patched(
                deployment,
                live.clone(),
                json!({"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}})
            ),
            Ok(json!({"spec": {"strategy": {"type": "Recreate"}}}))
        );
        assert_eq!(
            patched(deployment, live, json!({"spec": {"strategy": {"$retainKeys": ["type"], "rollingUpdate": {}}}})),
            Err("invalid patch format of retainKeys".to_owned())
        );
    }

    #[test]
    fn primitives_are_merged_and_deleted() {
        let live = json!({"metadata": {"finalizers": ["a", "b"]}});
        assert_eq!(
            pod(live.clone(), json!({"metadata": {"finalizers": ["c", "a"]}})),
            Ok(json!({"metadata": {"finalizers": ["c", "a", "b"]}}))
        );
        assert_eq!(
            pod(live, json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"]}})),
            Ok(json!({"metadata": {"finalizers": ["b"]}}))
        );
    }

    #[test]
    fn the_order_of_elements_can_be_set() {
        let live = json!({"spec": {"containers": [{"name": "a"}, {"name": "b"}, {"name": "c"}]}});
        let order = json!([{"name": "c"}, {"name": "a"}]);
        assert_eq!(
            pod(
                live,
                json!({"spec": {"$setElementOrder/containers": order, "containers": [{"name": "a", "image": "2"}]}})
            ),
            Ok(json!({"spec": {"containers": [{"name": "b"}, {"name": "c"}, {"name": "a", "image": "2"}]}}))
        );
    }

    #[test]
    fn nonsense_is_refused_in_the_servers_words() {
        let live = json!({"spec": {"containers": [{"name": "a"}]}});
        assert_eq!(
            pod(live.clone(), json!({"spec": {"containers": [{"image": "x"}]}})),
            Err("map: map[image:x] does not contain declared merge key: name".to_owned())
        );
        assert_eq!(
            pod(live.clone(), json!({"spec": {"$patch": "guess"}})),
            Err("unknown patch type: guess in map: map[$patch:guess]".to_owned())
        );
        assert_eq!(
            pod(live.clone(), json!({"spec": {"$patch": null}})),
            Err("unknown patch type: %!s(<nil>) in map: map[$patch:<nil>]".to_owned())
        );
        assert_eq!(
            pod(live, json!({"spec": {"containers": [{"name": "a", "$patch": "merge"}]}})),
            Err("merging lists cannot yet be specified in the patch".to_owned())
        );
        let custom = Schema::from_open_api(&json!({"type": "object"}));
        assert!(strategic_merge(&json!({}), &json!({}), &custom).is_err());
    }
}
