//! What the walkers of this module look at: whether a value is a map, a list or a leaf.
//!
//! An absent value and `null` fit any form, as in `deduceAtom` of sigs.k8s.io/structured-merge-diff.

use serde_json::{Map, Value};

/// The form of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A map.
    Map,
    /// A list.
    List,
    /// A primitive.
    Leaf,
}

/// The form of a value; `None` when it is absent or null.
pub(super) fn form(value: Option<&Value>) -> Option<Form> {
    match value? {
        Value::Null => None,
        Value::Object(_) => Some(Form::Map),
        Value::Array(_) => Some(Form::List),
        _ => Some(Form::Leaf),
    }
}

/// The entries of a map; none for anything else.
pub(super) fn entries(value: Option<&Value>) -> Option<&Map<String, Value>> {
    value?.as_object().filter(|map| !map.is_empty())
}

/// The items of a list; none for anything else.
pub(super) fn items(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The names in either map, each once.
pub(super) fn names<'a>(one: Option<&'a Map<String, Value>>, two: Option<&'a Map<String, Value>>) -> Vec<&'a String> {
    let new = two.into_iter().flat_map(Map::keys).filter(|name| !one.is_some_and(|one| one.contains_key(*name)));
    one.into_iter().flat_map(Map::keys).chain(new).collect()
}
