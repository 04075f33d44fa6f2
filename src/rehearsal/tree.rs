//! Writing into JSON without ever panicking: whatever is in the way becomes a map.

use serde_json::{Value, json};

/// The value under a key, to be changed; null when it was not there.
pub(super) fn at<'v>(object: &'v mut Value, key: &str) -> &'v mut Value {
    if !object.is_object() {
        *object = json!({});
    }
    &mut object[key]
}

/// The value under these keys, one below the other.
pub(super) fn path<'v>(object: &'v mut Value, keys: &[&str]) -> &'v mut Value {
    keys.iter().fold(object, |value, key| at(value, key))
}

/// Sets a key unless it has a value.
pub(super) fn set(object: &mut Value, key: &str, value: Value) {
    let place = at(object, key);
    if place.is_null() {
        *place = value;
    }
}

/// Removes a key.
pub(super) fn unset(object: &mut Value, key: &str) -> Option<Value> {
    object.as_object_mut()?.remove(key)
}

/// The items of a list under a key, to be changed.
pub(super) fn each<'v>(object: &'v mut Value, key: &str) -> impl Iterator<Item = &'v mut Value> {
    object.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten()
}

/// The text at a key, or empty.
pub(super) fn text<'v>(object: &'v Value, key: &str) -> &'v str {
    object[key].as_str().unwrap_or_default()
}

/// The items of a list, or none.
pub(super) fn items(list: &Value) -> &[Value] {
    list.as_array().map_or(&[], Vec::as_slice)
}
