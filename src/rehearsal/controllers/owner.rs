//! Owner references: who controls an object, and how controllers mark what they made.

use super::turn::{Id, View, items, kind, name, text, uid};
use serde_json::{Value, json};
use std::sync::Arc;

/// The reference that makes `owner` the controller of what carries it.
pub(crate) fn reference(owner: &Value) -> Value {
    json!({
        "apiVersion": text(owner, "/apiVersion"), "kind": kind(owner), "name": name(owner), "uid": uid(owner),
        "controller": true, "blockOwnerDeletion": true,
    })
}

/// The reference to an object's controller.
pub(crate) fn controller(object: &Value) -> Option<&Value> {
    items(object, "/metadata/ownerReferences").iter().find(|owner| owner["controller"] == true)
}

/// The controller's identity, when it is of this kind.
pub(crate) fn controller_id(object: &Value, kind_of_owner: &str) -> Option<Id> {
    let owner = controller(object)?;
    (owner["kind"] == kind_of_owner).then(|| Id::new(text(object, "/metadata/namespace"), text(owner, "/name")))
}

/// The objects of a kind that `owner` controls.
pub(crate) fn controlled(view: &dyn View, kind: &str, owner: &Value) -> Vec<Arc<Value>> {
    let mut objects = view.owned(uid(owner));
    let is_controlled = |object: &Value| controller(object).is_some_and(|reference| reference["uid"] == uid(owner));
    let namespace = text(owner, "/metadata/namespace");
    objects.retain(|object| {
        object["kind"] == kind && text(object, "/metadata/namespace") == namespace && is_controlled(object)
    });
    objects
}
