//! PATCH: JSON patch, merge patch, strategic merge patch and server-side apply.

use super::call::{Call, Target};
use super::status::{Cause, Outcome, Status};
use super::transport::Reply;
use super::tree::{at, text};
use super::{access, conversions, create, kinds, managed, read, update, validation};
use serde_json::{Value, json};
use std::sync::Arc;

/// Custom kinds have no strategic merge.
const CUSTOM: &[&str] =
    &["application/json-patch+json", "application/merge-patch+json", "application/apply-patch+yaml"];
/// The media types of patches.
const KINDS: &[&str] = &[
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
];

pub(super) fn answer(call: &Call, target: &Target) -> Outcome<Reply> {
    if call.media_type() == "application/apply-patch+yaml" {
        let (code, stored) = apply(call, target)?;
        return read::present(call, target, code, &stored);
    }
    let patch = Patch::parse(call, target)?;
    let stored = update::change(call, target, &|live| {
        let mut patched = patch.on(target, &shown(target, live))?;
        validation::fields(call, target, &mut patched)?;
        managed::updated(call, target, Some(live), patched)
    })?;
    read::present(call, target, 200, &stored)
}

/// A patch of something that is not stored as such, such as a scale.
pub(super) fn of(call: &Call, target: &Target, live: &Value) -> Outcome<Value> {
    match call.media_type().as_str() {
        // These documents have no lists: merging and applying them is the same.
        "application/strategic-merge-patch+json" | "application/apply-patch+yaml" => {
            let mut object = live.clone();
            json_patch::merge(&mut object, &call.yaml()?);
            Ok(object)
        }
        _ => Patch::parse(call, target)?.on(target, live),
    }
}

/// The live object in the version that the path names.
fn shown(target: &Target, live: &Value) -> Value {
    read::as_version(target, live)
}

enum Change {
    Json(json_patch::Patch),
    Merge(Value),
    Strategic(Value),
}

struct Patch {
    change: Change,
}

impl Patch {
    fn parse(call: &Call, target: &Target) -> Outcome<Patch> {
        let change = match call.media_type().as_str() {
            "application/json-patch+json" => {
                let patch = call.json()?;
                if !patch.is_array() {
                    return Err(undecodable(&patch, "[]handlers.jsonPatchOp"));
                }
                let patch = serde_json::from_value(patch);
                Change::Json(patch.map_err(|e| Status::bad_request(format!("error decoding patch: {e}")))?)
            }
            "application/merge-patch+json" => Change::Merge(object(call)?),
            "application/strategic-merge-patch+json" if !target.kind.is_custom() => Change::Strategic(object(call)?),
            other if KINDS.contains(&other) => return Err(Status::unsupported_media_type(CUSTOM)),
            _ => return Err(unsupported()),
        };
        Ok(Patch { change })
    }

    fn on(&self, target: &Target, live: &Value) -> Outcome<Value> {
        match &self.change {
            Change::Json(patch) => {
                let mut object = live.clone();
                json_patch::patch(&mut object, patch).map_err(|_| misfit())?;
                Ok(object)
            }
            Change::Merge(patch) => {
                let mut object = live.clone();
                json_patch::merge(&mut object, patch);
                Ok(object)
            }
            Change::Strategic(patch) => managed::merged(target, live, patch),
        }
    }
}

fn object(call: &Call) -> Outcome<Value> {
    match call.json()? {
        patch @ Value::Object(_) => Ok(patch),
        other => Err(undecodable(&other, "map[string]interface {}")),
    }
}

/// A patch that is not what its media type says, in Go's words.
fn undecodable(patch: &Value, wanted: &str) -> Box<Status> {
    let found = match patch {
        Value::Array(_) => "array",
        Value::Object(_) => "object",
        Value::String(_) => "string",
        Value::Number(_) => "number",
        _ => "bool",
    };
    Status::bad_request(format!("error decoding patch: json: cannot unmarshal {found} into Go value of type {wanted}"))
}

/// A media type that no patch has.
fn unsupported() -> Box<Status> {
    let mut status = Status::new(415, "UnsupportedMediaType", "415: Unsupported Media Type");
    status.details = Some(json!({}));
    status
}

/// A JSON patch that does not fit: a failed test or a path that does not exist.
fn misfit() -> Box<Status> {
    let mut status = Status::new(422, "Invalid", "the server rejected our request due to an error in our request");
    status.details = Some(json!({}));
    status
}

/// Server-side apply: creates the object when it does not exist.
fn apply(call: &Call, target: &Target) -> Outcome<(u16, Arc<Value>)> {
    if call.query.filled("fieldManager").is_none() {
        let options = kinds::guessed("meta.k8s.io/v1", "PatchOptions", false);
        let cause = Cause::required("fieldManager", "is required for apply patch");
        return Err(Status::invalid(&options, "", &[cause]));
    }
    let mut applied = call.yaml()?;
    let (kind, api_version) = (text(&applied, "kind"), text(&applied, "apiVersion"));
    if kind.is_empty() || api_version.is_empty() {
        let (group, version) = kinds::split_api_version(api_version);
        return Err(Status::bad_request(format!("invalid object type: {group}/{version}, Kind={kind}")));
    }
    validation::fields(call, target, &mut applied)?;
    if !applied["metadata"]["managedFields"].is_null() {
        return Err(Status::bad_request("metadata.managedFields must be nil"));
    }
    // Merged and owned are the fields of the client's version.
    let asked = conversions::shown(&target.kind, &target.version, &applied);
    managed::check(target, &asked)?;
    let exists = call.server.store().get(&target.kind.resource(), &target.key()).is_some();
    if exists || target.subresource.is_some() {
        let stored =
            update::change(call, target, &|live| managed::applied(call, target, Some(&shown(target, live)), &asked))?;
        return Ok((200, stored));
    }
    access::check_creation(call, target)?;
    if !text(&applied["metadata"], "uid").is_empty() {
        let why = format!(
            "uid mismatch: the provided object specified uid {}, and no existing object was found",
            text(&applied["metadata"], "uid")
        );
        return Err(Status::conflict(&target.kind, target.name(), &why));
    }
    let mut object = applied.clone();
    *at(at(&mut object, "metadata"), "name") = target.name().into();
    let stored = create::new(call, target, object, &|object| managed::created_by_apply(call, target, object, &asked))?;
    Ok((201, stored))
}
