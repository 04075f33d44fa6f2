//! Where the keys of a YAML text stand.

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_yaml::Spanned;
use std::fmt;

/// Where a key or an item stands: the keys that lead to it (an item's is its number, from 0), and its line, from 1.
pub type KeyLine = (Vec<String>, usize);

/// Every key and every item of a text's first document, in its order; nothing when it is no YAML.
pub fn key_lines(text: &str) -> Vec<KeyLine> {
    let mut found = Vec::new();
    if let Ok(tree) = serde_yaml::from_str::<Tree>(text) {
        tree.walk(&mut Vec::new(), &mut found);
    }
    found
}

/// What stands below a key: further keys, or items by their number. All else is no matter here.
struct Tree(Vec<(String, usize, Tree)>);

impl Tree {
    fn walk(&self, path: &mut Vec<String>, found: &mut Vec<KeyLine>) {
        for (key, line, below) in &self.0 {
            path.push(key.clone());
            found.push((path.clone(), *line));
            below.walk(path, found);
            path.pop();
        }
    }
}

fn line_of<T>(spanned: &Spanned<T>) -> usize {
    usize::try_from(spanned.referenced.line()).unwrap_or_default()
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Tree, D::Error> {
        deserializer.deserialize_any(Whole)
    }
}

struct Whole;

impl<'de> Visitor<'de> for Whole {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
        let mut all = Vec::new();
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            let line = line_of(&key);
            all.push((key.value, line, map.next_value()?));
        }
        Ok(Tree(all))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Tree, A::Error> {
        let mut all = Vec::new();
        while let Some(item) = seq.next_element::<Spanned<Tree>>()? {
            all.push((all.len().to_string(), line_of(&item), item.value));
        }
        Ok(Tree(all))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Tree, E> {
        Ok(Tree(Vec::new()))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Tree, E> {
        Ok(Tree(Vec::new()))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Tree, E> {
        Ok(Tree(Vec::new()))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Tree, E> {
        Ok(Tree(Vec::new()))
    }

    fn visit_str<E>(self, _: &str) -> Result<Tree, E> {
        Ok(Tree(Vec::new()))
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree(Vec::new()))
    }

    fn visit_none<E>(self) -> Result<Tree, E> {
        Ok(Tree(Vec::new()))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tree, D::Error> {
        Tree::deserialize(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_items_have_their_lines_however_they_are_written() {
        let text = "a:\n  b: {c: 1, d: [x,\n    y]}\n\"e\":\n  - f: yes\n  - 2\n";
        let told: Vec<_> = key_lines(text).into_iter().map(|(path, line)| (path.join("."), line)).collect();
        let wanted =
            [("a", 1), ("a.b", 2), ("a.b.c", 2), ("a.b.d", 2), ("a.b.d.0", 2), ("a.b.d.1", 3), ("e", 4), ("e.0", 5)];
        assert_eq!(told[..8], wanted.map(|(path, line)| (path.to_owned(), line)));
        assert_eq!(told.last(), Some(&("e.1".to_owned(), 6)));
        assert!(key_lines("a: [").is_empty());
    }
}
