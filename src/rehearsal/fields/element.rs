//! One step of a field path, in the notation of `fieldsV1`; only the field sets and walkers of this module use it.
//!
//! Order, text and encoding follow `fieldpath.PathElement` of sigs.k8s.io/structured-merge-diff.

use serde_json::{Map, Value};
use std::cmp::Ordering;
use std::fmt;

/// A path from the root of an object.
pub(super) type Path = Vec<Element>;

/// How to get from a value to one of its parts. The order of the variants is the API server's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Element {
    /// The value of a map under a name.
    Field(String),
    /// The item of a list that has these values under these keys, sorted by key.
    Key(Vec<(String, Scalar)>),
    /// The item of a set with this value.
    Value(Scalar),
    /// The item of a list at this index.
    Index(i64),
}

/// A JSON value with the order that the API server gives it.
#[derive(Debug, Clone)]
pub(super) struct Scalar(pub Value);

impl Element {
    /// Reads `f:name`, `k:{…}`, `v:…` or `i:0`; `None` for kinds that are not known, which the API server ignores too.
    pub fn parse(text: &str) -> Option<Element> {
        let (kind, rest) = text.split_once(':')?;
        match kind {
            "f" => Some(Element::Field(rest.to_owned())),
            "k" => Some(Element::Key(parse_keys(rest)?)),
            "v" => Some(Element::Value(Scalar(serde_json::from_str(rest).ok()?))),
            "i" => Some(Element::Index(rest.parse().ok()?)),
            _ => None,
        }
    }

    /// The form that [`Element::parse`] reads.
    pub fn encode(&self) -> String {
        match self {
            Element::Field(name) => format!("f:{name}"),
            Element::Key(keys) => {
                let name = |name: &str| Scalar(Value::from(name)).encode();
                let keys: Vec<_> =
                    keys.iter().map(|(key, value)| format!("{}:{}", name(key), value.encode())).collect();
                format!("k:{{{}}}", keys.join(","))
            }
            Element::Value(value) => format!("v:{}", value.encode()),
            Element::Index(index) => format!("i:{index}"),
        }
    }

    /// The path element of a field.
    pub fn field(name: &str) -> Element {
        Element::Field(name.to_owned())
    }
}

fn parse_keys(text: &str) -> Option<Vec<(String, Scalar)>> {
    let keys: Map<String, Value> = serde_json::from_str(text).ok()?;
    let mut keys: Vec<_> = keys.into_iter().map(|(name, value)| (name, Scalar(value))).collect();
    keys.sort();
    Some(keys)
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Element::Field(name) => write!(f, ".{name}"),
            Element::Key(keys) => {
                let keys: Vec<_> = keys.iter().map(|(name, value)| format!("{name}={value}")).collect();
                write!(f, "[{}]", keys.join(","))
            }
            Element::Value(value) => write!(f, "[={value}]"),
            Element::Index(index) => write!(f, "[{index}]"),
        }
    }
}

/// A path as messages show it: `.spec.containers[name="a"].image`.
pub(super) fn path_text(path: &[Element]) -> String {
    path.iter().map(Element::to_string).collect()
}

impl Scalar {
    /// JSON as Go's encoder writes it: `<`, `>` and `&` escaped.
    fn encode(&self) -> String {
        let json = self.0.to_string();
        let escaped = json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026");
        escaped.replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
    }

    fn rank(&self) -> u8 {
        match &self.0 {
            Value::Number(_) => 0,
            Value::String(_) => 1,
            Value::Bool(_) => 2,
            Value::Array(_) => 3,
            Value::Object(_) => 4,
            Value::Null => 5,
        }
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl PartialEq for Scalar {
    fn eq(&self, other: &Scalar) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Scalar {}

impl PartialOrd for Scalar {
    fn partial_cmp(&self, other: &Scalar) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Scalar {
    fn cmp(&self, other: &Scalar) -> Ordering {
        match (&self.0, &other.0) {
            (Value::Number(one), Value::Number(two)) => compare_numbers(one, two),
            (Value::String(one), Value::String(two)) => one.cmp(two),
            (Value::Bool(one), Value::Bool(two)) => one.cmp(two),
            (Value::Array(_), Value::Array(_)) | (Value::Object(_), Value::Object(_)) => {
                self.0.to_string().cmp(&other.0.to_string())
            }
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

fn compare_numbers(one: &serde_json::Number, two: &serde_json::Number) -> Ordering {
    match (one.as_i64(), two.as_i64()) {
        (Some(one), Some(two)) => one.cmp(&two),
        _ => one.as_f64().unwrap_or_default().total_cmp(&two.as_f64().unwrap_or_default()),
    }
}

/// Whether two values mean the same: numbers by value, maps without regard to order.
pub(super) fn same(one: &Value, two: &Value) -> bool {
    match (one, two) {
        (Value::Number(one), Value::Number(two)) => compare_numbers(one, two) == Ordering::Equal,
        (Value::Array(one), Value::Array(two)) => {
            one.len() == two.len() && one.iter().zip(two).all(|(one, two)| same(one, two))
        }
        (Value::Object(one), Value::Object(two)) => {
            one.len() == two.len() && one.iter().all(|(key, value)| two.get(key).is_some_and(|two| same(value, two)))
        }
        _ => one == two,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn elements_read_what_they_write() {
        for text in [
            "f:spec",
            "f:app.kubernetes.io/name",
            r#"k:{"containerPort":80,"protocol":"TCP"}"#,
            r#"v:"a b""#,
            r#"v:"\u003ca\u003e\u0026""#,
            "v:3",
            "i:0",
        ] {
            let element = Element::parse(text).expect(text);
            assert_eq!(element.encode(), text);
        }
        for text in ["", "f", "x:y", "k:{", "v:nope", "i:first"] {
            assert_eq!(Element::parse(text), None, "{text}");
        }
    }

    #[test]
    fn keys_are_sorted_and_shown_as_the_server_shows_them() {
        let element = Element::parse(r#"k:{"protocol":"TCP","containerPort":80}"#).expect("key");
        assert_eq!(element.to_string(), r#"[containerPort=80,protocol="TCP"]"#);
        assert_eq!(Element::Value(Scalar(json!("f"))).to_string(), r#"[="f"]"#);
    }

    #[test]
    fn the_order_is_the_servers() {
        let sorted = ["f:a", "f:b", r#"k:{"name":"a"}"#, r#"k:{"name":"b"}"#, "v:2", "v:10", r#"v:"a""#, "i:1"];
        let elements: Vec<_> = sorted.iter().filter_map(|text| Element::parse(text)).collect();
        assert!(elements.is_sorted());
        assert_eq!(elements.len(), sorted.len());
    }

    #[test]
    fn numbers_are_the_same_by_value() {
        assert!(same(&json!({"a": 1, "b": [1.0]}), &json!({"b": [1], "a": 1.0})));
        assert!(!same(&json!([1, 2]), &json!([2, 1])));
        assert!(!same(&json!("1"), &json!(1)));
    }
}
