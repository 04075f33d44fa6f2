//! Sets of field paths: what `fieldsV1` of a `managedFields` entry says; only this module uses them.
//!
//! A tree: an element can be a member itself, have members below it, or both. The operations are those of
//! `fieldpath.Set` of sigs.k8s.io/structured-merge-diff.

use super::element::{Element, Path};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// A set of field paths.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Set {
    /// Elements that are in the set themselves.
    pub members: BTreeSet<Element>,
    /// Elements with members below them.
    pub children: BTreeMap<Element, Set>,
}

impl Set {
    /// The set of these paths.
    #[cfg(test)]
    pub fn of(paths: impl IntoIterator<Item = Path>) -> Set {
        let mut set = Set::default();
        paths.into_iter().for_each(|path| set.insert(&path));
        set
    }

    /// The set of these paths of fields.
    pub fn of_fields(paths: &[&[&str]]) -> Set {
        let mut set = Set::default();
        for path in paths {
            let path: Path = path.iter().map(|name| Element::field(name)).collect();
            set.insert(&path);
        }
        set
    }

    /// Whether nothing is in the set.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty() && self.children.values().all(Set::is_empty)
    }

    /// Whether the path is in the set.
    #[cfg(test)]
    pub fn contains(&self, path: &[Element]) -> bool {
        match path {
            [] => false,
            [last] => self.members.contains(last),
            [first, rest @ ..] => self.children.get(first).is_some_and(|child| child.contains(rest)),
        }
    }

    /// Adds a path; the root itself can't be a member.
    pub fn insert(&mut self, path: &[Element]) {
        match path {
            [] => {}
            [last] => {
                self.members.insert(last.clone());
            }
            [first, rest @ ..] => self.children.entry(first.clone()).or_default().insert(rest),
        }
    }

    /// What is in either set.
    pub fn union(&self, other: &Set) -> Set {
        let mut union = self.clone();
        union.members.extend(other.members.iter().cloned());
        for (element, child) in &other.children {
            let mine = union.children.entry(element.clone()).or_default();
            *mine = mine.union(child);
        }
        union
    }

    /// What is in both sets.
    pub fn intersection(&self, other: &Set) -> Set {
        let members = self.members.intersection(&other.members).cloned().collect();
        let both =
            self.children.iter().filter_map(|(element, child)| Some((element, child, other.children.get(element)?)));
        let children = both.map(|(element, one, two)| (element.clone(), one.intersection(two)));
        Set { members, children: children.filter(|(_, child)| !child.is_empty()).collect() }
    }

    /// What is in this set and not in the other; paths below a member of the other stay.
    pub fn difference(&self, other: &Set) -> Set {
        self.subtract(other, false)
    }

    /// What is in this set and neither in the other nor below one of its members.
    pub fn recursive_difference(&self, other: &Set) -> Set {
        self.subtract(other, true)
    }

    fn subtract(&self, other: &Set, with_below: bool) -> Set {
        let members = self.members.difference(&other.members).cloned().collect();
        let kept = self.children.iter().filter(|(element, _)| !(with_below && other.members.contains(element)));
        let children = kept.map(|(element, child)| match other.children.get(element) {
            Some(minus) => (element.clone(), child.subtract(minus, with_below)),
            None => (element.clone(), child.clone()),
        });
        Set { members, children: children.filter(|(_, child)| !child.is_empty()).collect() }
    }

    /// All paths in the API server's order: the members of a level before what lies below them.
    pub fn paths(&self) -> Vec<Path> {
        let mut paths = Vec::new();
        self.collect(&mut Vec::new(), &mut paths);
        paths
    }

    fn collect(&self, prefix: &mut Path, paths: &mut Vec<Path>) {
        for member in &self.members {
            paths.push(prefix.iter().chain([member]).cloned().collect());
        }
        for (element, child) in &self.children {
            prefix.push(element.clone());
            child.collect(prefix, paths);
            prefix.pop();
        }
    }

    /// Reads `fieldsV1`; what is not understood is ignored.
    pub fn from_json(fields: &Value) -> Set {
        Set::read(fields).0.unwrap_or_default()
    }

    /// The set below an element, and whether the element itself is a member.
    fn read(fields: &Value) -> (Option<Set>, bool) {
        let mut set = Set::default();
        let mut is_member = false;
        for (key, below) in fields.as_object().into_iter().flatten() {
            if key == "." {
                is_member = true;
                continue;
            }
            let Some(element) = Element::parse(key) else { continue };
            let (child, child_is_member) = Set::read(below);
            if child_is_member {
                set.members.insert(element.clone());
            }
            if let Some(child) = child {
                set.children.insert(element, child);
            }
        }
        let empty = set.members.is_empty() && set.children.is_empty();
        (Some(set).filter(|_| !empty), is_member || empty)
    }

    /// `fieldsV1` of this set.
    pub fn to_json(&self) -> Value {
        Value::Object(self.write())
    }

    fn write(&self) -> Map<String, Value> {
        let mut fields = Map::new();
        for member in &self.members {
            fields.insert(member.encode(), Value::Object(Map::new()));
        }
        for (element, child) in &self.children {
            let mut below = child.write();
            if self.members.contains(element) && !below.is_empty() {
                below.insert(".".to_owned(), Value::Object(Map::new()));
            }
            fields.insert(element.encode(), Value::Object(below));
        }
        fields
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    /// Any small set.
    pub fn any_set() -> impl Strategy<Value = Set> {
        let element = prop::sample::select(vec!["f:a", "f:b", r#"k:{"name":"a"}"#, r#"k:{"name":"b"}"#, "v:1"]);
        let path = prop::collection::vec(element, 1..4);
        prop::collection::vec(path, 0..8).prop_map(|paths| {
            Set::of(paths.into_iter().map(|path| path.into_iter().filter_map(Element::parse).collect()))
        })
    }

    #[test]
    fn fields_v1_reads_and_writes() {
        let fields = json!({"f:metadata": {"f:labels": {".": {}, "f:app": {}}},
            "f:spec": {"f:containers": {r#"k:{"name":"a"}"#: {".": {}, "f:image": {}, "f:name": {}}}, "f:replicas": {}}});
        let set = Set::from_json(&fields);
        assert_eq!(set.to_json(), fields);
        let paths: Vec<_> = set.paths().iter().map(|path| super::super::element::path_text(path)).collect();
        assert_eq!(
            paths,
            [
                ".metadata.labels",
                ".metadata.labels.app",
                ".spec.replicas",
                ".spec.containers[name=\"a\"]",
                ".spec.containers[name=\"a\"].image",
                ".spec.containers[name=\"a\"].name"
            ]
        );
    }

    #[test]
    fn what_is_not_understood_is_ignored() {
        assert_eq!(Set::from_json(&json!({"z:new": {}, "f:a": {}})), Set::of_fields(&[&["a"]]));
        assert!(Set::from_json(&json!(null)).is_empty());
    }

    #[test]
    fn only_the_recursive_difference_takes_what_lies_below() {
        let set = Set::of_fields(&[&["status"], &["status", "phase"], &["spec", "a"]]);
        let status = Set::of_fields(&[&["status"]]);
        assert_eq!(set.difference(&status), Set::of_fields(&[&["status", "phase"], &["spec", "a"]]));
        assert_eq!(set.recursive_difference(&status), Set::of_fields(&[&["spec", "a"]]));
    }

    proptest! {
        #[test]
        fn json_round_trip(set in any_set()) {
            prop_assert_eq!(Set::from_json(&set.to_json()), set);
        }

        #[test]
        fn laws(a in any_set(), b in any_set(), c in any_set()) {
            prop_assert_eq!(a.union(&b), b.union(&a));
            prop_assert_eq!(a.intersection(&b), b.intersection(&a));
            prop_assert_eq!(a.union(&a), a.clone());
            prop_assert_eq!(a.union(&b).union(&c), a.union(&b.union(&c)));
            prop_assert_eq!(a.union(&b).difference(&b), a.difference(&b));
            prop_assert_eq!(a.difference(&b).union(&a.intersection(&b)), a.clone());
            prop_assert!(a.difference(&a).is_empty());
            prop_assert!(a.difference(&b).intersection(&b).is_empty());
            prop_assert!(a.recursive_difference(&b).difference(&a).is_empty());
        }

        #[test]
        fn paths_are_members(set in any_set()) {
            let paths = set.paths();
            prop_assert!(paths.iter().all(|path| set.contains(path)));
            prop_assert_eq!(Set::of(paths), set);
        }
    }
}
