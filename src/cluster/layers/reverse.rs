//! The way back of a change: what a patch must say so that an object has its former fields again.

use serde_json::{Map, Value};

/// What servers and controllers note in an object, which nobody asked for.
const NOTED: &[&str] = &[
    "managedFields",
    "resourceVersion",
    "generation",
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "selfLink",
    "deletionGracePeriodSeconds",
];

/// The object without its status and without what servers note in it.
pub fn content(mut object: Value) -> Value {
    if let Some(fields) = object.as_object_mut() {
        fields.remove("status");
    }
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        NOTED.iter().for_each(|field| drop(metadata.remove(*field)));
    }
    object
}

/// The merge patch (RFC 7396) that makes `to` of `from`; `None` when they are equal.
pub fn patch(from: &Value, to: &Value) -> Option<Value> {
    if from == to {
        return None;
    }
    let (Value::Object(old), Value::Object(new)) = (from, to) else { return Some(to.clone()) };
    let mut fields = Map::new();
    for (key, value) in new {
        let field = old.get(key).map_or_else(|| Some(value.clone()), |old| patch(old, value));
        fields.extend(field.map(|field| (key.clone(), field)));
    }
    let gone = old.keys().filter(|key| !new.contains_key(*key));
    fields.extend(gone.map(|key| (key.clone(), Value::Null)));
    Some(Value::Object(fields))
}

/// What a merge patch (RFC 7396) makes of a value.
pub fn merged(value: Value, patch: &Value) -> Value {
    let Value::Object(changes) = patch else { return patch.clone() };
    let mut fields = if let Value::Object(fields) = value { fields } else { Map::new() };
    for (key, change) in changes {
        let former = fields.remove(key);
        if !change.is_null() {
            fields.insert(key.clone(), merged(former.unwrap_or_default(), change));
        }
    }
    Value::Object(fields)
}

/// One patch that does what `first` and then `second` do.
pub fn both(first: Value, second: &Value) -> Value {
    let (Value::Object(mut fields), Value::Object(later)) = (first, second) else { return second.clone() };
    for (key, value) in later {
        let merged = fields.remove(key).map_or_else(|| value.clone(), |earlier| both(earlier, value));
        fields.insert(key.clone(), merged);
    }
    Value::Object(fields)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_way_back_restores_changes_and_removes_additions() {
        let before = json!({"metadata": {"labels": {"a": "1"}, "uid": "u"}, "data": {"x": "old", "gone": "g"}});
        let after = json!({"metadata": {"labels": {"a": "1", "b": "2"}}, "data": {"x": "new"}, "status": {"n": 1}});
        let back = patch(&content(after.clone()), &content(before.clone()));
        assert_eq!(back, Some(json!({"metadata": {"labels": {"b": null}}, "data": {"x": "old", "gone": "g"}})));
        assert_eq!(patch(&json!({"a": 1}), &json!({"a": 1})), None);
        assert_eq!(merged(content(after), &back.expect("a way back")), content(before));
    }

    #[test]
    fn two_steps_back_are_one() {
        let joined = both(json!({"data": {"x": "2", "y": "1"}}), &json!({"data": {"x": null}}));
        assert_eq!(joined, json!({"data": {"x": null, "y": "1"}}));
    }
}
