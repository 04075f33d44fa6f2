//! Field ownership of the objects that clients change: where the HTTP verbs meet [`super::fields`].

use super::call::{Call, Target};
use super::kinds::Kind;
use super::status::{Outcome, Status};
use serde_json::Value;

/// The object with `metadata.managedFields` brought up to date after a create, update or patch.
pub(super) fn updated(_call: &Call, _target: &Target, _live: Option<&Value>, object: Value) -> Outcome<Value> {
    Ok(object)
}

/// The object after a server-side apply.
pub(super) fn applied(_call: &Call, _target: &Target, _live: Option<&Value>, _applied: &Value) -> Outcome<Value> {
    Err(Status::new(415, "UnsupportedMediaType", "apply patches are not served"))
}

/// The object after a strategic merge patch.
pub(super) fn merged(_kind: &Kind, _live: &Value, _patch: &Value) -> Outcome<Value> {
    Err(Status::new(415, "UnsupportedMediaType", "strategic merge patches are not served"))
}

/// A new object with the ownership that its apply gives.
pub(super) fn created_by_apply(_call: &Call, _target: &Target, object: Value, _applied: &Value) -> Outcome<Value> {
    Ok(object)
}
