//! Bytes to trees.

use super::pool::Pool;
use super::{Map, Node, Object};
use crate::failure::{Failure, Result};
use crate::secret::{Secret, Witness};
use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use std::fmt;
use std::sync::Arc;

/// The object in a JSON document.
///
/// # Errors
/// When the bytes are not JSON. The message never quotes them: they may hold secrets.
pub fn from_json(bytes: &[u8]) -> Result<Object> {
    from_json_with(bytes, &mut Pool::default())
}

/// The same; what was decoded with this pool before is shared.
///
/// # Errors
/// As [`from_json`].
pub fn from_json_with(bytes: &[u8], pool: &mut Pool) -> Result<Object> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let node = NodeSeed(pool).deserialize(&mut reader);
    let node = node.map_err(|e| Failure::internal(format!("not JSON at line {} column {}", e.line(), e.column())))?;
    Ok(Object::new(node).sealed())
}

/// The same for a list: of one without Secrets, each item is read when somebody looks at it.
///
/// # Errors
/// As [`from_json`].
pub fn list_from_json(bytes: &[u8]) -> Result<Object> {
    super::scan::list(bytes).map_or_else(|| from_json(bytes), |node| Ok(Object::new(node)))
}

/// The tree of a part of a document.
pub(super) fn part_of(text: &str, pool: &mut Pool) -> Option<Node> {
    NodeSeed(pool).deserialize(&mut serde_json::Deserializer::from_str(text)).ok()
}

impl Object {
    /// The same object with the values of a `Secret`, or of each `Secret` in a list, turned into secrets.
    pub fn sealed(self) -> Object {
        Object { node: seal(self.node), origin: self.origin }
    }
}

impl Object {
    /// The same object with the values of each Secret closed that `may_open` refuses, by namespace and name, and those of
    /// the others seen by the witness.
    pub fn guarded(self, may_open: &dyn Fn(&str, &str) -> bool, witness: Option<&Witness>) -> Object {
        let guard = |secret: &Node| guarded_item(secret, may_open, witness);
        let node = match (self.kind(), &self.node) {
            ("Secret", node) => guard(node),
            (kind @ ("List" | "SecretList"), Node::Map(map)) => {
                let is_secret =
                    |item: &Node| kind == "SecretList" || item.get("kind").and_then(Node::as_str) == Some("Secret");
                let items = self.items_at("items").iter();
                let items = items.map(|item| if is_secret(item) { guard(item) } else { item.clone() });
                Node::Map(map.with("items", Node::Array(Arc::new(items.collect()))))
            }
            _ => return self,
        };
        Object { node, origin: self.origin }
    }
}

fn guarded_item(secret: &Node, may_open: &dyn Fn(&str, &str) -> bool, witness: Option<&Witness>) -> Node {
    let metadata = |key| secret.get("metadata").and_then(|m| m.get(key)).and_then(Node::as_str).unwrap_or_default();
    match (may_open(metadata("namespace"), metadata("name")), witness) {
        (false, _) => each_secret(secret, &Secret::close),
        (true, Some(witness)) => each_secret(secret, &|secret| secret.watched(witness)),
        (true, None) => secret.clone(),
    }
}

fn each_secret(node: &Node, change: &dyn Fn(&Secret) -> Secret) -> Node {
    match node {
        Node::Secret(secret) => Node::Secret(change(secret)),
        Node::Array(items) => Node::Array(Arc::new(items.iter().map(|item| each_secret(item, change)).collect())),
        Node::Map(map) => {
            let entries = map.0.iter().map(|(key, node)| (key.clone(), each_secret(node, change)));
            Node::Map(Map(Arc::new(entries.collect())))
        }
        other => other.clone(),
    }
}

fn seal(node: Node) -> Node {
    let Node::Map(map) = &node else { return node };
    let kind = map.get("kind").and_then(Node::as_str).unwrap_or_default();
    if kind == "Secret" {
        return seal_secret(map);
    }
    if !kind.ends_with("List") {
        return node;
    }
    let Some(Node::Array(items)) = map.get("items") else { return node };
    let secret_list = kind == "SecretList";
    let sealed = items.iter().map(|item| match item {
        Node::Map(item) if secret_list => seal_secret(item),
        other => seal(other.clone()),
    });
    Node::Map(map.with("items", Node::Array(Arc::new(sealed.collect()))))
}

fn seal_secret(map: &Map) -> Node {
    let metadata = |key| map.get("metadata").and_then(|m| m.get(key)).and_then(Node::as_str).unwrap_or_default();
    let title = match (metadata("namespace"), metadata("name")) {
        ("", name) => name.to_owned(),
        (namespace, name) => format!("{namespace}/{name}"),
    };
    let mut sealed = map.clone();
    for field in ["data", "stringData"] {
        let Some(Node::Map(values)) = map.get(field) else { continue };
        let entries = values.0.iter().map(|(key, value)| (key.clone(), seal_value(&title, key, value)));
        sealed = sealed.with(field, Node::Map(Map(Arc::new(entries.collect()))));
    }
    Node::Map(seal_last_applied(&title, sealed))
}

/// kubectl keeps the whole manifest, contents included, in an annotation.
fn seal_last_applied(title: &str, object: Map) -> Map {
    const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
    let Some(Node::Map(metadata)) = object.get("metadata") else { return object };
    let Some(Node::Map(annotations)) = metadata.get("annotations") else { return object.clone() };
    let Some(Node::Str(text)) = annotations.get(LAST_APPLIED) else { return object.clone() };
    let sealed = Node::Secret(Secret::unlearned(format!("{title} as applied"), &**text));
    let metadata = metadata.with("annotations", Node::Map(annotations.with(LAST_APPLIED, sealed)));
    object.with("metadata", Node::Map(metadata))
}

fn seal_value(title: &str, key: &str, value: &Node) -> Node {
    let Node::Str(text) = value else { return value.clone() };
    let name = format!("{title}:{key}");
    let decoded = decoded(text);
    if is_public(key, decoded.as_deref().unwrap_or(text)) {
        return Node::Secret(Secret::unlearned(name, &**text));
    }
    // The base64 form, which stands here, is learned with the content.
    crate::secret::Redactor::global().learn(&name, decoded.as_deref().unwrap_or(text));
    Node::Secret(Secret::unlearned(name, &**text))
}

/// Token Secrets hold their namespace and a certificate as well. Masking those wherever they stand would ruin all output.
fn is_public(key: &str, content: &str) -> bool {
    key == "namespace" || is_pem_certificate(content)
}

fn is_pem_certificate(text: &str) -> bool {
    text.contains("-----BEGIN CERTIFICATE-----") && !text.contains("PRIVATE KEY-----")
}

/// Whether a text, or what it stands for in base64, is a certificate without its key.
pub(super) fn is_certificate(text: &str) -> bool {
    is_pem_certificate(decoded(text).as_deref().unwrap_or(text))
}

fn decoded(text: &str) -> Option<String> {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD.decode(text.as_bytes()).ok()?;
    String::from_utf8(bytes).ok()
}

/// Deserializes into a [`Node`], sharing what is alike.
struct NodeSeed<'a>(&'a mut Pool);

impl<'de> DeserializeSeed<'de> for NodeSeed<'_> {
    type Value = Node;

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for NodeSeed<'_> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON or YAML value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(i64::try_from(value).map_or(Node::Float(value as f64), Node::Int))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Str(self.0.text(value)))
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_some<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        let start = self.0.begin_list();
        while let Some(item) = seq.next_element_seed(NodeSeed(self.0))? {
            self.0.add_item(item);
        }
        Ok(self.0.end_list(start))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let start = self.0.begin_map();
        while let Some(key) = map.next_key_seed(KeySeed(self.0))? {
            let value = map.next_value_seed(NodeSeed(self.0))?;
            self.0.add_entry(key, value);
        }
        Ok(self.0.end_map(start))
    }
}

/// Keys are read as they are written: in YAML `n`, `on` and `8080` could be something else than text.
struct KeySeed<'a>(&'a mut Pool);

impl<'de> DeserializeSeed<'de> for KeySeed<'_> {
    type Value = Arc<str>;

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<Arc<str>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed<'_> {
    type Value = Arc<str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map key")
    }

    fn visit_str<E>(self, value: &str) -> Result<Arc<str>, E> {
        Ok(self.0.text(value))
    }
}

impl<'de> de::Deserialize<'de> for Node {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Node, D::Error> {
        NodeSeed(&mut Pool::default()).deserialize(deserializer)
    }
}

impl From<&serde_json::Value> for Node {
    fn from(value: &serde_json::Value) -> Node {
        use serde_json::Value;
        match value {
            Value::Null => Node::Null,
            Value::Bool(value) => Node::Bool(*value),
            Value::Number(number) => {
                number.as_i64().map_or_else(|| Node::Float(number.as_f64().unwrap_or_default()), Node::Int)
            }
            Value::String(text) => Node::Str(text.as_str().into()),
            Value::Array(items) => Node::Array(Arc::new(items.iter().map(Node::from).collect())),
            Value::Object(map) => {
                Node::Map(Map(Arc::new(map.iter().map(|(key, value)| (key.as_str().into(), value.into())).collect())))
            }
        }
    }
}
