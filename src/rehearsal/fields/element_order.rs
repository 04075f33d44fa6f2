//! The order of list items after a strategic merge patch: `$setElementOrder`, then the patch, then the live list.
//!
//! `mergePatchIntoOriginal` and `normalizeElementOrder` of k8s.io/apimachinery/pkg/util/strategicpatch.

use super::go_text::go_value;
use super::patch_lists::{key_of, merge_list};
use super::schema::{Patch, Shape};
use super::strategic::{DIRECTIVE, ELEMENT_ORDER, Object, bad_type, without_directives};
use serde_json::{Value, json};

const BAD_ORDER: &str = "invalid patch format of setElementOrder list";

/// Merges and orders the lists for which the patch has a `$setElementOrder`; takes both out of the patch.
pub(super) fn order_lists(live: &mut Object, patch: &mut Object, shape: &Shape) -> Result<(), String> {
    let directives: Vec<_> = patch.keys().filter(|key| key.starts_with(ELEMENT_ORDER)).cloned().collect();
    for directive in directives {
        let Some(order) = patch.remove(&directive) else { continue };
        let name = directive[ELEMENT_ORDER.len()..].strip_prefix('/').ok_or(BAD_ORDER)?.to_owned();
        let order = list(order)?;
        let (old, new) = (live.get(&name).cloned().map(list), patch.remove(&name).map(list));
        let (old, new) = (old.transpose()?, new.transpose()?);
        if let Some(ordered) = ordered(old, new, &order, shape.field(&name))? {
            live.insert(name, Value::Array(ordered));
        }
    }
    Ok(())
}

fn list(value: Value) -> Result<Vec<Value>, String> {
    match value {
        Value::Array(items) => Ok(items),
        other => Err(bad_type(&json!([]), &other)),
    }
}

fn ordered(
    live: Option<Vec<Value>>,
    patch: Option<Vec<Value>>,
    order: &[Value],
    shape: &Shape,
) -> Result<Option<Vec<Value>>, String> {
    let key = match &shape.patch {
        Patch::Merge(key) => key.as_str(),
        _ => "",
    };
    check_order(patch.as_deref().unwrap_or_default(), order, key)?;
    let old = live.clone().unwrap_or_default();
    let merged = match (live, patch) {
        (None, None) => return Ok(None),
        (Some(live), None) => live,
        (None, Some(patch)) => patch.into_iter().filter_map(without_directives).collect(),
        (Some(live), Some(patch)) => merge_list(live, patch, shape)?,
    };
    in_order(merged, order, &old, key).map(Some)
}

/// The patch's items must come in the order that it sets. As in the API server, items with a directive are skipped
/// only before the last item of the order.
fn check_order(patch: &[Value], order: &[Value], key: &str) -> Result<(), String> {
    let items: Vec<_> = patch.iter().filter(|item| key.is_empty() || !deletes(item)).collect();
    if order.is_empty() || patch.is_empty() {
        return Ok(());
    }
    let (mut item, mut place) = (0, 0);
    while item < items.len() && place < order.len() {
        if items[item].get(DIRECTIVE).is_some() {
            item += 1;
            continue;
        }
        if identity(items[item], key)? == identity(&order[place], key)? {
            item += 1;
        }
        place += 1;
    }
    if item == items.len() {
        return Ok(());
    }
    let (patch, order) = (go_value(&json!(patch)), go_value(&json!(order)));
    Err(format!("The order in patch list:\n{patch}\n doesn't match {ELEMENT_ORDER} list:\n{order}\n"))
}

fn deletes(item: &Value) -> bool {
    item.get(DIRECTIVE).and_then(Value::as_str) == Some("delete")
}

/// What tells items apart: the merge key's value, or the item itself.
fn identity<'a>(item: &'a Value, key: &str) -> Result<&'a Value, String> {
    match item {
        _ if key.is_empty() => Ok(item),
        Value::Object(map) => key_of(map, key),
        other => Err(bad_type(&json!({}), other)),
    }
}

/// Items that are in `order` come in that order, the others in the live list's; both are interleaved by the live list.
pub(super) fn in_order(merged: Vec<Value>, order: &[Value], live: &[Value], key: &str) -> Result<Vec<Value>, String> {
    merged.iter().chain(order).chain(live).try_for_each(|item| identity(item, key).map(drop))?;
    let place =
        |list: &[Value], item: &Value| list.iter().position(|other| value_of(other, key) == value_of(item, key));
    let (mut ordered, mut others): (Vec<_>, Vec<_>) = merged.into_iter().partition(|item| place(order, item).is_some());
    sort_by_place(&mut ordered, |item| place(order, item));
    sort_by_place(&mut others, |item| place(live, item));
    Ok(interleave(others, ordered, |item| place(live, item)))
}

fn value_of<'a>(item: &'a Value, key: &str) -> Option<&'a Value> {
    if key.is_empty() { Some(item) } else { item.get(key) }
}

/// Items without a place go to the front, the last one first, as the API server's comparison makes it.
fn sort_by_place(items: &mut [Value], place: impl Fn(&Value) -> Option<usize>) {
    items.sort_by_key(|item| place(item).map_or(0, |place| place + 1));
    let unplaced = items.iter().take_while(|item| place(item).is_none()).count();
    items[..unplaced].reverse();
}

fn interleave(left: Vec<Value>, right: Vec<Value>, place: impl Fn(&Value) -> Option<usize>) -> Vec<Value> {
    let mut interleaved = Vec::with_capacity(left.len() + right.len());
    let mut right = right.into_iter().peekable();
    for item in left {
        while right.peek().is_some_and(|next| !matches!((place(&item), place(next)), (Some(l), Some(r)) if l < r)) {
            interleaved.extend(right.next());
        }
        interleaved.push(item);
    }
    interleaved.extend(right);
    interleaved
}

/// Refuses lists whose items are of different types, or lists themselves.
pub(super) fn same_types(live: &[Value], patch: &[Value]) -> Result<(), String> {
    let mut items = live.iter().chain(patch);
    let Some(first) = items.next() else { return Ok(()) };
    if first.is_array() {
        return Err("lists of lists are not supported".to_owned());
    }
    let same = items.all(|item| std::mem::discriminant(item) == std::mem::discriminant(first));
    if same {
        Ok(())
    } else {
        Err(format!("list element types are not identical: {}", go_value(&json!([live, patch]))))
    }
}
