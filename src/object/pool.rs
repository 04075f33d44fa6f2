//! One copy of what repeats. The objects of a list are mostly alike: keys, texts and whole parts of them are kept once.

use super::{Entries, Map, Node};
use hashbrown::hash_table::Entry;
use hashbrown::{DefaultHashBuilder, HashTable};
use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::Arc;

/// What was decoded so far, for what comes to share.
#[derive(Default)]
pub struct Pool {
    hasher: DefaultHashBuilder,
    texts: HashTable<Arc<str>>,
    lists: HashTable<Arc<Vec<Node>>>,
    maps: HashTable<Arc<Entries>>,
    /// The lists and maps that are being read, one behind the other.
    open_items: Vec<Node>,
    open_entries: Vec<(Arc<str>, Node)>,
}

impl Pool {
    /// The one copy of a text.
    pub(super) fn text(&mut self, text: &str) -> Arc<str> {
        let Pool { hasher, texts, .. } = self;
        let hash = |text: &str| hasher.hash_one(text.as_bytes());
        let at = texts.entry(hash(text), |known| **known == *text, |known| hash(known));
        at.or_insert_with(|| text.into()).get().clone()
    }

    /// Where a list begins that is read now.
    pub(super) fn begin_list(&self) -> usize {
        self.open_items.len()
    }

    pub(super) fn add_item(&mut self, item: Node) {
        self.open_items.push(item);
    }

    /// The list that began there.
    pub(super) fn end_list(&mut self, start: usize) -> Node {
        let Pool { hasher, lists, open_items: open, .. } = self;
        let read = &open[start..];
        let hash = |items: &[Node]| hash_of(hasher, items.iter().map(|item| (0, item)));
        let list = match lists.entry(hash(read), |known| all_same(known, read, same), |known| hash(known)) {
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(free) => free.insert(Arc::new(open.drain(start..).collect())).get().clone(),
        };
        open.truncate(start);
        Node::Array(list)
    }

    /// Where a map begins that is read now.
    pub(super) fn begin_map(&self) -> usize {
        self.open_entries.len()
    }

    pub(super) fn add_entry(&mut self, key: Arc<str>, value: Node) {
        self.open_entries.push((key, value));
    }

    /// The map that began there.
    pub(super) fn end_map(&mut self, start: usize) -> Node {
        let Pool { hasher, maps, open_entries: open, .. } = self;
        let read = &open[start..];
        let hash = |entries: &[(Arc<str>, Node)]| {
            hash_of(hasher, entries.iter().map(|(key, node)| (place(Arc::as_ptr(key).cast()), node)))
        };
        let alike =
            |one: &(Arc<str>, Node), other: &(Arc<str>, Node)| Arc::ptr_eq(&one.0, &other.0) && same(&one.1, &other.1);
        let map = match maps.entry(hash(read), |known| all_same(known, read, alike), |known| hash(known)) {
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(free) => free.insert(Arc::new(open.drain(start..).collect())).get().clone(),
        };
        open.truncate(start);
        Node::Map(Map(map))
    }
}

fn place(pointer: *const ()) -> u64 {
    pointer.addr() as u64
}

/// What tells a value whose parts are in the pool from all others.
fn mark(node: &Node) -> (u8, u64) {
    match node {
        Node::Null => (0, 0),
        Node::Bool(value) => (1, u64::from(*value)),
        Node::Int(number) => (2, number.cast_unsigned()),
        Node::Float(number) => (3, number.to_bits()),
        Node::Str(text) => (4, place(Arc::as_ptr(text).cast())),
        Node::Array(items) => (5, place(Arc::as_ptr(items).cast())),
        Node::Map(map) => (6, place(Arc::as_ptr(&map.0).cast())),
        Node::Secret(_) => (7, 0),
    }
}

fn same(one: &Node, other: &Node) -> bool {
    mark(one) == mark(other) && !matches!(one, Node::Secret(_))
}

fn all_same<T>(one: &[T], other: &[T], same: impl Fn(&T, &T) -> bool) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
}

fn hash_of<'n>(hasher: &DefaultHashBuilder, parts: impl Iterator<Item = (u64, &'n Node)>) -> u64 {
    let mut state = hasher.build_hasher();
    for (key, node) in parts {
        let (kind, value) = mark(node);
        state.write_u64(key);
        state.write_u64(value.rotate_left(3) ^ u64::from(kind));
    }
    state.finish()
}

#[cfg(test)]
mod tests {
    use super::super::from_json_with;
    use super::*;

    fn decoded(pool: &mut Pool, text: &str) -> Node {
        from_json_with(text.as_bytes(), pool).expect("json").node
    }

    fn map_at<'n>(node: &'n Node, key: &str) -> &'n Arc<Entries> {
        match node.get(key) {
            Some(Node::Map(map)) => &map.0,
            other => panic!("{key} is {other:?}"),
        }
    }

    #[test]
    fn equal_parts_are_kept_once_and_different_ones_are_not() {
        let mut pool = Pool::default();
        let one = decoded(&mut pool, r#"{"name":"a","spec":{"x":[1,2.5,null,true],"y":{"z":"w"}}}"#);
        let other = decoded(&mut pool, r#"{"name":"b","spec":{"x":[1,2.5,null,true],"y":{"z":"w"}}}"#);
        assert!(Arc::ptr_eq(map_at(&one, "spec"), map_at(&other, "spec")));
        assert_eq!(other.get("name").and_then(Node::as_str), Some("b"));
        for text in [
            r#"{"spec":{"x":[1,2.5,null,false],"y":{"z":"w"}}}"#,
            r#"{"spec":{"x":[1,2.5,0,true],"y":{"z":"w"}}}"#,
            r#"{"spec":{"x":["1",2.5,null,true],"y":{"z":"w"}}}"#,
            r#"{"spec":{"x":[1,2.5,null,true],"y":{"v":"w"}}}"#,
        ] {
            let third = decoded(&mut pool, text);
            assert!(!Arc::ptr_eq(map_at(&one, "spec"), map_at(&third, "spec")), "{text}");
            assert_eq!(third.to_wire(), serde_json::from_str::<serde_json::Value>(text).expect("json"));
        }
    }

    #[test]
    fn a_text_that_is_not_json_leaves_nothing_half_read() {
        let mut pool = Pool::default();
        assert!(from_json_with(br#"{"a":[1,{"b":2},"#, &mut pool).is_err());
        assert_eq!(decoded(&mut pool, r#"{"c":[3]}"#).to_wire(), serde_json::json!({"c": [3]}));
    }
}
