//! Lays an applied configuration over the live object: `Merge` of sigs.k8s.io/structured-merge-diff.
//!
//! Nothing is removed here, and the configuration's leaves win. Keyed lists keep the live order where the
//! configuration says nothing about it, and take the configuration's order where it does.

use super::element::Element;
use super::form::{Form, entries, form, items, names};
use super::schema::{List, Shape};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// The live value with the applied one laid over it; `None` when nothing is left.
pub(super) fn merge(live: Option<&Value>, applied: Option<&Value>, shape: &Shape) -> Option<Value> {
    match form(applied).or(form(live)) {
        Some(Form::Map) if !shape.atomic => merge_maps(live, applied, shape),
        Some(Form::List) if shape.list != List::Atomic => merge_lists(live, applied, shape),
        _ => applied.or(live).cloned(),
    }
}

fn merge_maps(live: Option<&Value>, applied: Option<&Value>, shape: &Shape) -> Option<Value> {
    let (old, new) = (entries(live), entries(applied));
    if old.is_none() && new.is_none() {
        return applied.or(live).cloned();
    }
    let get = |map: Option<&'_ Map<String, Value>>, name: &str| map.and_then(|map| map.get(name)).cloned();
    let merged = names(old, new).into_iter().filter_map(|name| {
        let value = merge(get(old, name).as_ref(), get(new, name).as_ref(), shape.field(name))?;
        Some((name.clone(), value))
    });
    let merged: Map<_, _> = merged.collect();
    (!merged.is_empty()).then_some(Value::Object(merged))
}

fn merge_lists(live: Option<&Value>, applied: Option<&Value>, shape: &Shape) -> Option<Value> {
    let (live_items, applied_items) = (items(live), items(applied));
    if live_items.is_empty() && applied_items.is_empty() {
        return applied.or(live).cloned();
    }
    let merged = Lists::new(live_items, applied_items, shape).merge();
    (!merged.is_empty()).then_some(Value::Array(merged))
}

/// The two sides of a keyed list or set, side by side.
struct Lists<'a> {
    live: Vec<(Element, &'a Value)>,
    applied: Vec<(Element, &'a Value)>,
    /// The live item of each element; `None` for duplicates, which are not merged with what is applied.
    live_by: BTreeMap<Element, Option<&'a Value>>,
    applied_by: BTreeMap<Element, &'a Value>,
    shape: &'a Shape,
}

impl<'a> Lists<'a> {
    fn new(live: &'a [Value], applied: &'a [Value], shape: &'a Shape) -> Lists<'a> {
        let live = indexed(live, shape);
        let applied = indexed(applied, shape);
        let mut live_by = BTreeMap::new();
        for (element, item) in &live {
            live_by.entry(element.clone()).and_modify(|known| *known = None).or_insert(Some(*item));
        }
        let applied_by = applied.iter().map(|(element, item)| (element.clone(), *item)).collect();
        Lists { live, applied, live_by, applied_by, shape }
    }

    /// Walks both lists: live items keep their places between the items that both have, which follow the applied order.
    fn merge(&self) -> Vec<Value> {
        let mut shared =
            self.applied.iter().map(|(element, _)| element).filter(|element| self.live_by.contains_key(element));
        let mut next_shared = shared.next();
        let mut done = BTreeSet::new();
        let mut merged = Vec::new();
        let (mut left, mut right) = (0, 0);
        while left < self.live.len() || right < self.applied.len() {
            if let (Some((live, _)), Some((applied, _))) = (self.live.get(left), self.applied.get(right)) {
                if live == applied {
                    done.insert(live);
                    merged.extend(self.both(live));
                    (left, right, next_shared) = (left + 1, right + 1, shared.next());
                    continue;
                }
                if self.applied_by.contains_key(live) && next_shared.is_some_and(|next| next != live) {
                    left += 1;
                    continue;
                }
            }
            if let Some((element, item)) = self.live.get(left) {
                if !self.applied_by.contains_key(element) {
                    merged.extend(merge(Some(item), None, self.shape.item()));
                    left += 1;
                    continue;
                }
                if done.contains(element) {
                    left += 1;
                }
            }
            if let Some((element, _)) = self.applied.get(right) {
                done.insert(element);
                merged.extend(self.both(element));
                right += 1;
                if next_shared == Some(element) {
                    next_shared = shared.next();
                }
            }
        }
        merged
    }

    fn both(&self, element: &Element) -> Option<Value> {
        let live = self.live_by.get(element).copied().flatten();
        merge(live, self.applied_by.get(element).copied(), self.shape.item())
    }
}

fn indexed<'a>(items: &'a [Value], shape: &Shape) -> Vec<(Element, &'a Value)> {
    items.iter().filter_map(|item| Some((shape.element(item).ok()?, item))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rehearsal::fields::Schema;
    use serde_json::json;

    fn finalizers(live: &[&str], applied: &[&str]) -> Vec<String> {
        let schema = Schema::built_in("v1", "Pod");
        let object = |items: &[&str]| json!({"metadata": {"finalizers": items}});
        let merged = merge(Some(&object(live)), Some(&object(applied)), &schema.root).expect("merged");
        serde_json::from_value(merged["metadata"]["finalizers"].clone()).expect("list")
    }

    #[test]
    fn the_order_of_sets() {
        for (live, applied, merged) in [
            (vec!["a", "b"], vec!["a", "b"], "a b"),
            (vec!["a", "b"], vec!["b", "a"], "b a"),
            (vec!["a", "b", "c"], vec!["c", "a"], "b c a"),
            (vec!["a", "b", "c"], vec!["d"], "a b c d"),
            (vec!["a", "b"], vec!["d", "b"], "a d b"),
            (vec![], vec!["b", "a"], "b a"),
            (vec!["a"], vec![], "a"),
        ] {
            assert_eq!(finalizers(&live, &applied).join(" "), merged, "{live:?} {applied:?}");
        }
    }

    #[test]
    fn items_are_merged_by_key_and_atomic_values_replaced() {
        let schema = Schema::built_in("v1", "Pod");
        let live = json!({"spec": {"containers": [{"name": "a", "image": "1", "args": ["x"]}, {"name": "b"}], "nodeSelector": {"x": "1"}}});
        let applied =
            json!({"spec": {"containers": [{"name": "a", "image": "2"}, {"name": "c"}], "nodeSelector": {"y": "2"}}});
        assert_eq!(
            merge(Some(&live), Some(&applied), &schema.root),
            Some(json!({"spec": {
                "containers": [{"name": "a", "image": "2", "args": ["x"]}, {"name": "b"}, {"name": "c"}],
                "nodeSelector": {"y": "2"},
            }}))
        );
    }
}
