//! Lists in strategic merge patches: merged by key, as primitives, or replaced; only [`super::strategic`] uses it.

use super::element_order::{in_order, same_types};
use super::go_text::go_value;
use super::schema::{Patch, Shape};
use super::strategic::{DIRECTIVE, Object, bad_directive, merge_map};
use serde_json::Value;

/// Merges a patch into a list, as the field's patch strategy says.
pub(super) fn merge_list(live: Vec<Value>, patch: Vec<Value>, shape: &Shape) -> Result<Vec<Value>, String> {
    let Patch::Merge(key) = &shape.patch else { return Ok(patch) };
    if live.is_empty() && patch.is_empty() {
        return Ok(live);
    }
    same_types(&live, &patch)?;
    if !live.iter().chain(&patch).any(Value::is_object) {
        let both = live.iter().chain(&patch).cloned().collect();
        return in_order(deduplicated(both), &patch, &live, key);
    }
    if key.is_empty() {
        return Err("cannot merge lists without merge key".to_owned());
    }
    let (live, patch) = apply_directives(live, patch, key)?;
    let (merged, live) = merge_items(live, &patch, key, shape.item())?;
    in_order(merged, &patch, &live, key)
}

/// `$deleteFromPrimitiveList`.
pub(super) fn delete_from(live: &mut Vec<Value>, items: &[Value]) -> Result<(), String> {
    same_types(live, items)?;
    live.retain(|item| !items.contains(item));
    Ok(())
}

/// Keeps the first of equal items; the last item takes the place of a duplicate, as in the API server.
fn deduplicated(mut items: Vec<Value>) -> Vec<Value> {
    let mut first = 0;
    while first < items.len() {
        let mut second = first + 1;
        while second < items.len() {
            if items[first] == items[second] {
                items.swap_remove(second);
            } else {
                second += 1;
            }
        }
        first += 1;
    }
    items
}

/// Items with `$patch`: the list to merge into and the items without directives.
fn apply_directives(mut live: Vec<Value>, patch: Vec<Value>, key: &str) -> Result<(Vec<Value>, Vec<Value>), String> {
    let mut plain = Vec::new();
    let mut replace = false;
    for item in patch {
        let Some((map, directive)) = item.as_object().and_then(|map| Some((map, map.get(DIRECTIVE)?))) else {
            plain.push(item);
            continue;
        };
        match directive.as_str() {
            Some("delete") => {
                let value = key_of(map, key)?;
                live.retain(|item| item.get(key) != Some(value));
            }
            Some("replace") => replace = true,
            Some("merge") => return Err("merging lists cannot yet be specified in the patch".to_owned()),
            _ => {
                let mut others = map.clone();
                others.remove(DIRECTIVE);
                return Err(bad_directive(directive, &others));
            }
        }
    }
    Ok(if replace { (plain, Vec::new()) } else { (live, plain) })
}

/// The merge key's value of an item.
pub(super) fn key_of<'a>(item: &'a Object, key: &str) -> Result<&'a Value, String> {
    item.get(key).ok_or_else(|| {
        format!("map: {} does not contain declared merge key: {key}", go_value(&Value::Object(item.clone())))
    })
}

/// The merged items, and the live ones with what was merged into them.
fn merge_items(
    mut live: Vec<Value>,
    patch: &[Value],
    key: &str,
    shape: &Shape,
) -> Result<(Vec<Value>, Vec<Value>), String> {
    let known = live.len();
    for item in patch {
        let Value::Object(item) = item else { continue };
        let value = key_of(item, key)?;
        match live.iter().position(|live| live.get(key) == Some(value)) {
            Some(index) => {
                let old = live[index].as_object().cloned().unwrap_or_default();
                live[index] = Value::Object(merge_map(old, item.clone(), shape)?);
            }
            None => live.push(Value::Object(item.clone())),
        }
    }
    let old = live[..known].to_vec();
    Ok((live, old))
}
