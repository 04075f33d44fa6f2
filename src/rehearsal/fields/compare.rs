//! What has changed between two objects, field by field: `Compare` of sigs.k8s.io/structured-merge-diff.

use super::element::{Element, Path, same};
use super::form::{Form, entries, form, items, names};
use super::schema::{List, Shape};
use super::set::Set;
use serde_json::Value;
use std::collections::BTreeMap;

/// The fields that differ between two objects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Comparison {
    /// Only in the old object.
    pub removed: Set,
    /// In both, with different values.
    pub modified: Set,
    /// Only in the new object.
    pub added: Set,
}

impl Comparison {
    /// The same comparison without these fields and what lies below them.
    pub fn without(&self, fields: &Set) -> Comparison {
        Comparison {
            removed: self.removed.recursive_difference(fields),
            modified: self.modified.recursive_difference(fields),
            added: self.added.recursive_difference(fields),
        }
    }

    /// The fields that have a new value.
    pub fn changed(&self) -> Set {
        self.modified.union(&self.added)
    }
}

/// Compares an old with a new object.
pub(super) fn compare(old: &Value, new: &Value, shape: &Shape) -> Comparison {
    let mut walk = Walk::default();
    walk.compare(Some(old), Some(new), shape);
    walk.found
}

#[derive(Default)]
struct Walk {
    path: Path,
    found: Comparison,
}

impl Walk {
    fn compare(&mut self, old: Option<&Value>, new: Option<&Value>, shape: &Shape) {
        let (old_form, new_form) = (form(old), form(new));
        if let (Some(one), Some(two)) = (old_form, new_form)
            && one != two
        {
            self.compare_as(one, old, new, shape);
        }
        let form = new_form.or(old_form).unwrap_or(Form::Leaf);
        self.compare_as(form, old, new, shape);
    }

    fn compare_as(&mut self, form: Form, old: Option<&Value>, new: Option<&Value>, shape: &Shape) {
        let granular = match form {
            Form::Map => !shape.atomic && (entries(old).is_some() || entries(new).is_some()),
            Form::List => shape.list != List::Atomic && !(items(old).is_empty() && items(new).is_empty()),
            Form::Leaf => false,
        };
        match form {
            _ if !granular => return self.leaf(old, new),
            Form::Map => self.map(old, new, shape),
            _ => self.list(old, new, shape),
        }
        if old.is_none() {
            self.found.added.insert(&self.path);
        } else if new.is_none() {
            self.found.removed.insert(&self.path);
        }
    }

    fn leaf(&mut self, old: Option<&Value>, new: Option<&Value>) {
        match (old, new) {
            (None, _) => self.found.added.insert(&self.path),
            (_, None) => self.found.removed.insert(&self.path),
            (Some(old), Some(new)) if !same(old, new) => self.found.modified.insert(&self.path),
            _ => {}
        }
    }

    fn map(&mut self, old: Option<&Value>, new: Option<&Value>, shape: &Shape) {
        let (old, new) = (entries(old), entries(new));
        for name in names(old, new) {
            let (old, new) = (old.and_then(|map| map.get(name)), new.and_then(|map| map.get(name)));
            self.below(Element::field(name), |walk| walk.compare(old, new, shape.field(name)));
        }
    }

    fn list(&mut self, old: Option<&Value>, new: Option<&Value>, shape: &Shape) {
        let (old, new) = (by_element(items(old), shape), by_element(items(new), shape));
        let only_new = new.keys().filter(|element| !old.contains_key(element));
        for element in old.keys().chain(only_new) {
            let (old, new) = (old.get(element), new.get(element));
            let (old, new) = (old.map_or(&[][..], Vec::as_slice), new.map_or(&[][..], Vec::as_slice));
            self.below(element.clone(), |walk| walk.items(old, new, shape.item()));
        }
    }

    /// The items with the same element; several are compared as if they were one atomic list.
    fn items(&mut self, old: &[&Value], new: &[&Value], shape: &Shape) {
        match (old, new) {
            ([] | [_], [] | [_]) => self.compare(old.first().copied(), new.first().copied(), shape),
            ([_, _, ..], [_, _, ..]) => {
                if old.len() != new.len() || !old.iter().zip(new).all(|(old, new)| same(old, new)) {
                    self.found.modified.insert(&self.path);
                }
            }
            ([_, _, ..], _) => {
                if let Some(new) = new.first() {
                    self.compare(None, Some(new), shape);
                }
                self.found.removed.insert(&self.path);
            }
            _ => {
                if let Some(old) = old.first() {
                    self.compare(Some(old), None, shape);
                }
                self.found.added.insert(&self.path);
            }
        }
    }

    fn below(&mut self, element: Element, walk: impl FnOnce(&mut Walk)) {
        self.path.push(element);
        walk(self);
        self.path.pop();
    }
}

fn by_element<'a>(items: &'a [Value], shape: &Shape) -> BTreeMap<Element, Vec<&'a Value>> {
    let mut elements: BTreeMap<Element, Vec<&Value>> = BTreeMap::new();
    for item in items {
        if let Ok(element) = shape.element(item) {
            elements.entry(element).or_default().push(item);
        }
    }
    elements
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rehearsal::fields::Schema;
    use serde_json::json;

    fn changes(old: Value, new: Value) -> [Vec<String>; 3] {
        let found = compare(&old, &new, &Schema::built_in("v1", "Pod").root);
        let text = |set: Set| set.paths().iter().map(|path| super::super::element::path_text(path)).collect();
        [text(found.removed), text(found.modified), text(found.added)]
    }

    #[test]
    fn leaves_items_and_atomic_values() {
        let [removed, modified, added] = changes(
            json!({"spec": {"containers": [{"name": "a", "image": "1"}], "nodeSelector": {"x": "1"}}}),
            json!({"spec": {"containers": [{"name": "a", "image": "2"}, {"name": "b"}], "nodeSelector": {"x": "1", "y": "2"}}}),
        );
        assert_eq!(removed, [""; 0]);
        assert_eq!(modified, [".spec.nodeSelector", ".spec.containers[name=\"a\"].image"]);
        assert_eq!(added, [".spec.containers[name=\"b\"]", ".spec.containers[name=\"b\"].name"]);
    }

    #[test]
    fn a_new_map_counts_itself_and_the_order_of_keyed_lists_does_not_count() {
        let [removed, modified, added] = changes(
            json!({"metadata": {"finalizers": ["a", "b"], "annotations": {"x": "y"}}}),
            json!({"metadata": {"finalizers": ["b", "a"], "labels": {"x": "y"}}}),
        );
        assert_eq!(removed, [".metadata.annotations", ".metadata.annotations.x"]);
        assert_eq!(modified, [""; 0]);
        assert_eq!(added, [".metadata.labels", ".metadata.labels.x"]);
    }

    #[test]
    fn items_that_become_duplicates_count_as_one() {
        let [removed, _, added] = changes(
            json!({"spec": {"containers": [{"name": "a"}]}}),
            json!({"spec": {"containers": [{"name": "a"}, {"name": "a"}]}}),
        );
        assert_eq!(removed, [".spec.containers[name=\"a\"]", ".spec.containers[name=\"a\"].name"]);
        assert_eq!(added, [".spec.containers[name=\"a\"]"]);
    }
}
