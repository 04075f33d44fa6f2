//! Which objects are followed: where to ask for them, and which of an answer's they are.

use crate::cluster::path::query;
use crate::cluster::{Resource, Target};
use crate::object::{Node, Object};
use std::collections::BTreeMap;

/// Which objects to follow.
#[derive(Debug, Clone)]
pub struct Selection {
    /// Their kind.
    pub resource: Resource,
    /// Their namespace; `None` for cluster-scoped kinds and for all namespaces.
    pub namespace: Option<String>,
    /// The only name wanted.
    pub name: Option<String>,
    /// A label selector, such as `app=helloworld`.
    pub labels: Option<String>,
}

impl Selection {
    /// One object, there or not.
    pub fn one(target: &Target) -> Selection {
        Selection {
            resource: target.resource.clone(),
            namespace: target.namespace.clone(),
            name: Some(target.name.clone()),
            labels: None,
        }
    }

    /// The path of the objects with the selection's own and more query parameters.
    pub(super) fn uri(&self, more: &[(&str, &str)]) -> String {
        let Selection { resource, namespace, name, labels } = self;
        let field = name.as_ref().map(|name| format!("metadata.name={name}"));
        let selectors = [("fieldSelector", field.as_deref()), ("labelSelector", labels.as_deref())];
        let selectors = selectors.into_iter().filter_map(|(key, value)| Some((key, value?)));
        let pairs: Vec<_> = selectors.chain(more.iter().copied()).collect();
        format!("{}{}", resource.path(namespace.as_deref()), query(&pairs))
    }

    /// An object as a single read would show it: list items come without `apiVersion` and `kind`.
    pub(super) fn complete(&self, node: Node) -> Object {
        let Node::Map(map) = &node else { return Object::new(node) };
        let mut complete = map.clone();
        for (key, value) in [("kind", self.resource.kind.clone()), ("apiVersion", self.resource.api_version())] {
            if map.get(key).is_none() {
                complete = complete.with(key, Node::Str(value.into()));
            }
        }
        Object::new(Node::Map(complete)).sealed()
    }

    /// The wanted ones of some objects, by namespace and name.
    pub(super) fn keyed(&self, objects: Vec<Object>) -> BTreeMap<String, Object> {
        objects.into_iter().filter(|object| self.wants(object)).map(|object| (key(&object), object)).collect()
    }

    /// A server that ignores field selectors must not make us look at somebody else's object.
    pub(super) fn wants(&self, object: &Object) -> bool {
        self.name.as_deref().is_none_or(|name| name == object.name())
    }
}

/// The name of an object among those of its kind.
pub(super) fn key(object: &Object) -> String {
    format!("{}/{}", object.namespace().unwrap_or_default(), object.name())
}
