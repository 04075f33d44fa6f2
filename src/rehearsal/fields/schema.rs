//! How the values of a kind merge: which lists are sets or keyed, which maps are atomic. The server makes one per kind.

use super::built_in;
use super::element::{Element, Scalar};
use super::open_api;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How lists and maps of a kind merge: by path, from a table for built-in kinds and from
/// `x-kubernetes-list-type`, `x-kubernetes-list-map-keys`, `x-kubernetes-map-type` of a CRD's schema.
#[derive(Debug, Clone)]
pub struct Schema {
    pub(super) root: Arc<Shape>,
    /// Whether the server knows the kind as a Go type rather than as a custom resource.
    pub(super) typed: bool,
    /// Whether the kind has a status subresource.
    pub(super) status: bool,
    /// The kind, when it is built in.
    pub(super) kind: String,
}

/// How the value at one place merges.
#[derive(Debug, Clone, Default)]
pub(super) struct Shape {
    /// How a list at this place merges.
    pub list: List,
    /// How the items of a list merge.
    pub item: Option<Box<Shape>>,
    /// Whether a map at this place is replaced as a whole.
    pub atomic: bool,
    /// The declared fields of a map.
    pub fields: BTreeMap<String, Shape>,
    /// The type in the table of built-in types that declares more fields.
    pub of: Option<&'static str>,
    /// The fields of a map that are not declared.
    pub others: Others,
    /// How a strategic merge patch merges here.
    pub patch: Patch,
    /// Whether the server's typed object always has this field.
    pub present: bool,
}

/// How a list merges.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum List {
    /// Replaced as a whole.
    #[default]
    Atomic,
    /// A set of primitives.
    Set,
    /// Items are identified by these keys; a key may have a default.
    Keyed(Vec<(String, Option<Value>)>),
}

/// How the fields of a map merge that are not declared one by one.
#[derive(Debug, Clone, Default)]
pub(super) enum Others {
    /// Declared fields without rules of their own: the fields of built-in types that the table leaves out.
    #[default]
    Plain,
    /// Anything: maps are granular, lists are atomic.
    Anything,
    /// The values of a map with free keys.
    Each(Box<Shape>),
}

/// How a strategic merge patch merges a list or map.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Patch {
    /// Lists are replaced, maps merged.
    #[default]
    Default,
    /// A list is merged by this key; primitives when it is empty.
    Merge(String),
    /// Replaced, a map too.
    Replace,
}

static PLAIN: Shape = Shape::new(Others::Plain);
static ANYTHING: Shape = Shape::new(Others::Anything);

impl Schema {
    /// The schema of a built-in kind; unknown kinds have atomic lists and granular maps.
    pub fn built_in(api_version: &str, kind: &str) -> Schema {
        let root = built_in::kind(api_version, kind);
        let typed = root.is_some();
        let root = root.unwrap_or_else(|| Shape::new(Others::Anything).with_metadata());
        Schema { root: root.into(), typed, status: true, kind: kind.to_owned() }
    }

    /// The schema from an OpenAPI v3 schema of a CRD version. A schema with a `status` is taken to have the status
    /// subresource; [`Schema::with_status_subresource`] says otherwise.
    pub fn from_open_api(schema: &Value) -> Schema {
        let root = open_api::shape(schema).with_metadata();
        let status = root.fields.contains_key("status");
        Schema { root: root.into(), typed: false, status, kind: String::new() }
    }

    /// The same schema, with or without a status subresource: with one, writes to the object never touch `status`.
    pub fn with_status_subresource(mut self, status: bool) -> Schema {
        self.status = status;
        self
    }

    /// The object with what the server's Go type always has.
    pub(super) fn filled(&self, object: &Value) -> Value {
        let mut filled = object.clone();
        if self.typed {
            fill(&mut filled, self.root.zero());
        }
        filled
    }

    /// The object that the server compares a new one with.
    pub(super) fn zero(&self, object: &Value) -> Value {
        self.filled(&json!({"apiVersion": object["apiVersion"], "kind": object["kind"]}))
    }
}

impl Shape {
    /// A granular map with an atomic list, and these undeclared fields.
    pub const fn new(others: Others) -> Shape {
        Shape {
            list: List::Atomic,
            item: None,
            atomic: false,
            fields: BTreeMap::new(),
            of: None,
            others,
            patch: Patch::Default,
            present: false,
        }
    }

    /// The fields of a built-in type.
    pub fn named(name: &'static str) -> Shape {
        Shape { of: Some(name), ..Shape::default() }
    }

    /// The same shape with the metadata, version and kind that every object has.
    pub fn with_metadata(mut self) -> Shape {
        let metadata = Shape { present: true, ..Shape::named("ObjectMeta") };
        self.fields.insert("metadata".to_owned(), metadata);
        for field in ["apiVersion", "kind"] {
            self.fields.entry(field.to_owned()).or_default();
        }
        self
    }

    /// The declared field of this name that has rules.
    fn declared(&self, name: &str) -> Option<&Shape> {
        self.fields.get(name).or_else(|| built_in::fields(self.of?)?.get(name))
    }

    /// Whether this is a field of a type rather than a key of a map.
    pub fn declares(&self, name: &str) -> bool {
        matches!(self.others, Others::Plain) || self.declared(name).is_some()
    }

    /// How the value under a name merges.
    pub fn field(&self, name: &str) -> &Shape {
        self.declared(name).unwrap_or(match &self.others {
            Others::Plain => &PLAIN,
            Others::Anything => &ANYTHING,
            Others::Each(shape) => shape,
        })
    }

    /// How the items of a list merge.
    pub fn item(&self) -> &Shape {
        match &self.item {
            Some(item) => item,
            None if matches!(self.others, Others::Anything) => &ANYTHING,
            None => &PLAIN,
        }
    }

    /// How the value behind a path element merges.
    pub fn below(&self, element: &Element) -> &Shape {
        match element {
            Element::Field(name) => self.field(name),
            _ => self.item(),
        }
    }

    /// What identifies an item of a set or keyed list.
    ///
    /// # Errors
    /// When it is not a primitive of a set, or has none of the keys; in the API server's words.
    pub fn element(&self, item: &Value) -> Result<Element, String> {
        match &self.list {
            List::Atomic => Err("invalid indexing of non-associative list".to_owned()),
            List::Set => set_element(item),
            List::Keyed(keys) => keyed_element(keys, item),
        }
    }

    fn zero(&self) -> Value {
        if self.atomic || self.list != List::Atomic || !matches!(self.others, Others::Plain) {
            return Value::Null;
        }
        let named = self.of.and_then(built_in::fields).into_iter().flatten();
        let present = self.fields.iter().chain(named).filter(|(_, shape)| shape.present);
        Value::Object(present.map(|(name, shape)| (name.clone(), shape.zero())).collect::<Map<_, _>>())
    }
}

/// Adds what is missing.
fn fill(object: &mut Value, zero: Value) {
    let (Value::Object(object), Value::Object(zero)) = (object, zero) else { return };
    for (name, zero) in zero {
        match object.get_mut(&name) {
            Some(value) => fill(value, zero),
            None => drop(object.insert(name, zero)),
        }
    }
}

fn set_element(item: &Value) -> Result<Element, String> {
    match item {
        Value::Object(_) => Err("associative list without keys has an element that's a map type".to_owned()),
        Value::Array(_) => Err("not supported: associative list with lists as elements".to_owned()),
        Value::Null => Err("associative list without keys has an element that's an explicit null".to_owned()),
        primitive => Ok(Element::Value(Scalar(primitive.clone()))),
    }
}

fn keyed_element(keys: &[(String, Option<Value>)], item: &Value) -> Result<Element, String> {
    let item = match item {
        Value::Object(item) => item,
        Value::Null => return Err("associative list with keys may not have a null element".to_owned()),
        _ => return Err("associative list with keys may not have non-map elements".to_owned()),
    };
    let value = |key: &String, default: &Option<Value>| item.get(key).or(default.as_ref()).cloned();
    let found = keys.iter().filter_map(|(key, default)| Some((key.clone(), Scalar(value(key, default)?))));
    let mut found: Vec<_> = found.collect();
    if found.is_empty() {
        let names: Vec<_> = keys.iter().map(|(key, _)| format!("{key:?}")).collect();
        return Err(format!(
            "associative list with keys has an element that omits all key fields [{}] (and doesn't have default values for any key fields)",
            names.join(" ")
        ));
    }
    found.sort();
    Ok(Element::Key(found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_kinds_know_their_lists() {
        let pod = Schema::built_in("apps/v1", "Deployment").root;
        let pod = pod.field("spec").field("template").field("spec");
        let container = pod.field("containers").item();
        let port = container.field("ports").element(&json!({"containerPort": 80})).expect("port");
        assert_eq!(port.to_string(), r#"[containerPort=80,protocol="TCP"]"#);
        assert_eq!(container.field("ports").patch, Patch::Merge("containerPort".to_owned()));
        assert!(pod.field("nodeSelector").atomic);
        assert_eq!(pod.field("tolerations").list, List::Atomic);
        assert_eq!(pod.field("volumes").patch, Patch::Merge("name".to_owned()));
        let service = Schema::built_in("v1", "Service").root;
        assert_eq!(service.field("spec").field("ports").patch, Patch::Merge("port".to_owned()));
        assert_eq!(service.field("metadata").field("finalizers").list, List::Set);
    }

    #[test]
    fn the_zero_object_is_that_of_the_go_type() {
        let zero =
            Schema::built_in("apps/v1", "Deployment").zero(&json!({"apiVersion": "apps/v1", "kind": "Deployment"}));
        let template = json!({"metadata": {}, "spec": {"containers": null}});
        assert_eq!(
            zero,
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {},
                "spec": {"selector": null, "strategy": {}, "template": template}, "status": {}})
        );
    }

    #[test]
    fn items_without_keys_are_refused_when_the_keys_have_no_default() {
        let items = json!({"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]});
        let thing = Schema::from_open_api(&json!({"type": "object", "properties": {"items": items}})).root;
        let refusal = thing.field("items").element(&json!({"image": "x"})).expect_err("no name");
        assert!(refusal.contains(r#"omits all key fields ["name"]"#), "{refusal}");
        let pod = Schema::built_in("v1", "Pod").root;
        let nameless = pod.field("spec").field("containers").element(&json!({"image": "x"})).expect("default");
        assert_eq!(nameless.to_string(), r#"[name=""]"#);
        assert!(pod.field("metadata").field("finalizers").element(&json!({})).is_err());
    }
}
