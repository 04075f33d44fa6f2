//! JSON taken apart without being read: where its parts begin and end.

use super::decode::part_of;
use super::entries::Entries;
use super::pool::Pool;
use super::{Map, Node};
use serde::de::IgnoredAny;
use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

/// A place in a JSON text.
pub(super) struct Scan<'t> {
    text: &'t str,
    at: usize,
}

/// A list of an API server whose items are read when somebody looks at them; `None` when it is no such list, or may hold
/// Secrets, which must be known at once.
pub(super) fn list(bytes: &[u8]) -> Option<Node> {
    let mut scan = Scan::new(std::str::from_utf8(bytes).ok()?);
    let pool = Arc::new(Mutex::new(Pool::default()));
    let mut entries: Vec<(Arc<str>, Node)> = Vec::new();
    let mut kind = String::new();
    scan.map(|scan, key| {
        let value = match key {
            "items" if is_open(&kind) => scan.items(&pool)?,
            _ => now(scan.value()?, &pool)?,
        };
        if key == "kind" {
            value.as_str()?.clone_into(&mut kind);
        }
        entries.push((key.into(), value));
        Some(true)
    })?;
    let whole = is_open(&kind) && scan.is_at_end();
    whole.then(|| Node::Map(Map(Arc::new(entries.into()))))
}

/// Whether a list of this kind holds nothing that must not be seen.
fn is_open(kind: &str) -> bool {
    kind.ends_with("List") && kind != "List" && kind != "SecretList"
}

/// A part that is read now.
fn now(text: &str, pool: &Mutex<Pool>) -> Option<Node> {
    part_of(text, &mut pool.lock().unwrap_or_else(PoisonError::into_inner))
}

/// A map of some size is read later, anything else now. So is what has escapes by number: not all of those mean something.
fn later(text: &str, pool: &Arc<Mutex<Pool>>) -> Option<Node> {
    const SMALL: usize = 64;
    if text.len() < SMALL || !text.starts_with('{') || has_numbered_escapes(text) || is_deep(text) {
        return now(text, pool);
    }
    Some(Node::Map(Map(Arc::new(Entries::unread(text, pool)))))
}

/// A part of a map that is read: what is large in it is read later again, in lists as well.
fn inside(text: &str, pool: &Arc<Mutex<Pool>>) -> Option<Node> {
    const SMALL: usize = 256;
    match text.as_bytes().first() {
        _ if text.len() < SMALL => now(text, pool),
        Some(b'{') => Some(Node::Map(Map(Arc::new(Entries::unread(text, pool))))),
        Some(b'[') => Scan::new(text).array(&mut |scan| inside(scan.value()?, pool)),
        _ => now(text, pool),
    }
}

/// The entries of the map in this text, which has been checked.
pub(super) fn entries(text: &str, pool: &Arc<Mutex<Pool>>) -> Option<Vec<(Arc<str>, Node)>> {
    let mut entries = Vec::new();
    Scan::new(text).map(|scan, key| {
        let value = inside(scan.value()?, pool)?;
        entries.push((shared(key, pool), value));
        Some(true)
    })?;
    Some(entries)
}

/// The one copy of a key.
fn shared(key: &str, pool: &Mutex<Pool>) -> Arc<str> {
    pool.lock().unwrap_or_else(PoisonError::into_inner).text(key)
}

/// The key in a JSON text. Those of `managedFields` have escapes: `k:{\"port\":80}`.
fn key_in(text: &str) -> Option<Cow<'_, str>> {
    let plain = text.strip_prefix('"')?.strip_suffix('"')?;
    if plain.contains('\\') { serde_json::from_str(text).ok().map(Cow::Owned) } else { Some(plain.into()) }
}

fn has_numbered_escapes(text: &str) -> bool {
    text.match_indices('\\').any(|(at, _)| text.as_bytes().get(at + 1) == Some(&b'u'))
}

/// Whether a text is nested deeper than anybody writes it: whoever went down in it would not come back.
fn is_deep(text: &str) -> bool {
    const DEEP: usize = 512;
    // `[` and `{` are one bit apart. What has few of them is not deep, and that is seen fast.
    if text.bytes().filter(|byte| byte | 0x20 == b'{').count() < DEEP {
        return false;
    }
    let (mut depth, mut is_text, mut is_escaped) = (0_usize, false, false);
    text.bytes().any(|byte| {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => is_text = !is_text,
            b'{' | b'[' if !is_text => depth += 1,
            b'}' | b']' if !is_text => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth >= DEEP
    })
}

impl<'t> Scan<'t> {
    pub fn new(text: &'t str) -> Scan<'t> {
        Scan { text, at: 0 }
    }

    /// The text under a key of the map that stands here.
    pub fn text_at(&mut self, wanted: &str) -> Option<String> {
        let mut found = None;
        self.map(|scan, key| {
            let value = scan.value()?;
            if key != wanted {
                return Some(true);
            }
            found = serde_json::from_str(value).ok();
            Some(false)
        });
        found
    }

    fn items(&mut self, pool: &Arc<Mutex<Pool>>) -> Option<Node> {
        self.array(&mut |scan| {
            let mut entries: Vec<(Arc<str>, Node)> = Vec::new();
            scan.map(|scan, key| {
                let value = later(scan.value()?, pool)?;
                let named = |kind: &str| kind == "Secret" || kind.ends_with("List");
                (key != "kind" || !value.as_str().is_some_and(named)).then_some(())?;
                entries.push((shared(key, pool), value));
                Some(true)
            })?;
            Some(Node::Map(Map(Arc::new(entries.into()))))
        })
    }

    /// The list that stands here, each item taken by `item`.
    fn array(&mut self, item: &mut dyn FnMut(&mut Scan<'t>) -> Option<Node>) -> Option<Node> {
        let mut items = Vec::new();
        self.eat(b'[').then_some(())?;
        while !self.eat(b']') {
            (items.is_empty() || self.eat(b',')).then_some(())?;
            items.push(item(self)?);
        }
        Some(Node::Array(Arc::new(items)))
    }

    /// Goes through the map that stands here: `entry` takes the value behind each key and says whether to go on.
    fn map(&mut self, mut entry: impl FnMut(&mut Scan<'t>, &str) -> Option<bool>) -> Option<()> {
        self.eat(b'{').then_some(())?;
        let mut first = true;
        while !self.eat(b'}') {
            (first || self.eat(b',')).then_some(())?;
            first = false;
            let key = key_in(self.value()?)?;
            self.eat(b':').then_some(())?;
            if !entry(self, &key)? {
                return Some(());
            }
        }
        Some(())
    }

    /// The JSON of the value that stands here, checked.
    fn value(&mut self) -> Option<&'t str> {
        self.space();
        let rest = &self.text[self.at..];
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<IgnoredAny>();
        values.next()?.ok()?;
        let end = values.byte_offset();
        self.at += end;
        Some(&rest[..end])
    }

    fn eat(&mut self, wanted: u8) -> bool {
        self.space();
        let is_here = self.text.as_bytes().get(self.at) == Some(&wanted);
        self.at += usize::from(is_here);
        is_here
    }

    fn space(&mut self) {
        let rest = &self.text.as_bytes()[self.at..];
        self.at += rest.iter().take_while(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t')).count();
    }

    fn is_at_end(&mut self) -> bool {
        self.space();
        self.at == self.text.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::{Object, from_json, list_from_json};

    const SPEC: &str = r#"{"nodeName":"n1","containers":[{"name":"a","image":"i"},{"name":"b","image":"i"}]}"#;

    fn pods(items: &str) -> String {
        format!(r#"{{ "kind": "PodList", "apiVersion":"v1", "metadata":{{"continue":"x"}}, "items":[{items}] }}"#)
    }

    fn part<'n>(node: &'n Node, index: usize, key: &str) -> &'n Map {
        match node.get("items").and_then(|items| items.items()[index].get(key)) {
            Some(Node::Map(map)) => map,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn items_are_read_when_somebody_looks() {
        let long = format!(
            r#"{{"metadata":{{"name":"p","uid":"u-1","labels":{{"a\"b":"{}"}}}},"spec":{SPEC}}}"#,
            "x".repeat(80)
        );
        let text = pods(&format!("{long} , {long}"));
        let object = list_from_json(text.as_bytes()).expect("a list");
        let metadata = part(&object.node, 0, "metadata");
        assert!(metadata.0.is_unread() && part(&object.node, 1, "spec").0.is_unread());
        assert_eq!(metadata.peek("uid").as_deref(), Some("u-1"));
        assert!(metadata.0.is_unread(), "nobody has looked yet");
        let pod = Object::new(object.items_at("items")[0].clone());
        assert_eq!((pod.name(), pod.str_at("spec.containers.1.name")), ("p", Some("b")));
        assert!(!metadata.0.is_unread() && part(&object.node, 1, "spec").0.is_unread());
        assert_eq!(metadata.peek("uid").as_deref(), Some("u-1"));
        let large =
            format!(r#"{{"spec":{{"list":[1,{{"a":"{0}"}},[{{"b":"{0}"}}]],"map":{{"c":"{0}"}}}}}}"#, "x".repeat(300));
        let large = pods(&large);
        let deep = list_from_json(large.as_bytes()).expect("a list");
        let (Some(Node::Map(map)), list) = (part(&deep.node, 0, "spec").get("map"), deep.items_at("items.0.spec.list"))
        else {
            panic!("{deep:?}")
        };
        assert!(map.0.is_unread() && matches!(&list[1], Node::Map(map) if map.0.is_unread()), "large parts wait again");
        assert_eq!(deep, from_json(large.as_bytes()).expect("the same"));
        assert_eq!(object, from_json(text.as_bytes()).expect("the same"));
        assert_eq!(object.to_wire(), serde_json::from_str::<serde_json::Value>(&text).expect("json"));
    }

    #[test]
    fn a_glance_leaves_the_original_unread_and_a_changed_copy_as_well() {
        let metadata = format!(r#"{{"name":"p","managedFields":[{{"manager":"{}"}}]}}"#, "m".repeat(80));
        let text = pods(&format!(r#"{{"metadata":{metadata},"spec":{SPEC}}}"#));
        let object = list_from_json(text.as_bytes()).expect("list");
        let seen = Object::new(object.items_at("items")[0].glance());
        assert_eq!((seen.name(), seen.str_at("spec.nodeName")), ("p", Some("n1")));
        assert_eq!(seen.str_at("metadata.managedFields.0.manager").map(str::len), Some(80));
        let spec = part(&object.node, 0, "spec");
        assert!(spec.0.is_unread());
        let changed = spec.with("nodeName", Node::Str("n2".into()));
        assert_eq!(changed.get("nodeName").and_then(Node::as_str), Some("n2"));
        assert_eq!(changed.0.len(), 2);
        let mut own = (*spec.0).clone();
        own.clear();
        assert_eq!(spec.0.len(), 2);
    }

    #[test]
    fn keys_with_escapes_are_keys_wherever_they_stand() {
        let ports = format!(r#"{{"f:ports":{{"k:{{\"port\":80}}":{{"f:name":"{}"}}}}}}"#, "x".repeat(400));
        let text = pods(&format!(r#"{{"metadata":{{"managedFields":[{{"fieldsV1":{ports}}}]}}}}"#));
        let (lazy, eager) = (list_from_json(text.as_bytes()).expect("list"), from_json(text.as_bytes()).expect("list"));
        assert_eq!(lazy.to_wire(), eager.to_wire());
        assert_eq!(lazy.to_wire(), serde_json::from_str::<serde_json::Value>(&text).expect("json"));
    }

    #[test]
    fn what_is_no_plain_list_is_read_at_once() {
        let secret = r#"{"metadata":{"name":"s","namespace":"n"},"data":{"key":"cGxhbnRlZC1pbi1hLWxpc3Qtb2Ytc2VjcmV0cw==","other":"cGxhbnRlZC1pbi1hLWxpc3Qtb2Ytc2VjcmV0cw=="}}"#;
        for kind in ["SecretList", "List"] {
            let secret =
                if kind == "List" { secret.replacen('{', r#"{"kind":"Secret","#, 1) } else { secret.to_owned() };
            let text = pods(&secret).replace("PodList", kind);
            assert_eq!(list(text.as_bytes()).map(drop), None, "{kind}");
            assert!(!list_from_json(text.as_bytes()).expect("list").to_json().contains("cGxhbnRl"), "{kind}");
        }
        for text in ["[]", "{}", "{", r#"{"items":[],"kind":"PodList"}"#, r#"{"kind":"PodList","items":[1]}"#] {
            let (lazy, eager) = (list_from_json(text.as_bytes()), from_json(text.as_bytes()));
            assert_eq!(lazy.ok(), eager.ok(), "{text}");
        }
        for broken in [r#"{"spec":{"a":tru}}"#, r#"{"spec":"a"#, r#"{"spec":{"a":"\x"}}"#, "{\"spec\":1}]"] {
            assert!(list_from_json(pods(broken).as_bytes()).is_err(), "{broken}");
        }
        let lone = pods(&format!(r#"{{"spec":{{"text":"\ud800","more":"{}"}}}}"#, "x".repeat(80)));
        assert!(list_from_json(lone.as_bytes()).is_err(), "half a character is none");
    }

    #[test]
    fn what_is_nested_deeply_is_read_right_or_refused() {
        let nested = |levels: usize, [open, close]: [&str; 2]| {
            let text = format!("{}\"{}\"{}", open.repeat(levels), "x".repeat(300), close.repeat(levels));
            pods(&format!(r#"{{"spec":{{"deep":{text}}}}}"#))
        };
        let kinds = [["{\"a\":", "}"], ["[", "]"], ["{\"a\":[", "]}"]];
        for kind in kinds {
            for levels in [60, 125, 200, 600] {
                let Ok(object) = list_from_json(nested(levels, kind).as_bytes()) else { continue };
                let text = object.to_json();
                assert!(text.contains(&"x".repeat(300)), "{levels} of {kind:?} are empty: {text}");
            }
            assert!(list_from_json(nested(60, kind).as_bytes()).is_ok(), "{kind:?}");
            let failure = list_from_json(nested(100_000, kind).as_bytes()).expect_err("too deep");
            assert!(failure.message.contains("JSON"), "{failure}");
        }
    }
}
