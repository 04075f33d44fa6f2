//! Field ownership of the objects that clients change: where the HTTP verbs meet [`super::fields`].

use super::call::{Call, Target};
use super::defaults;
use super::fields::{self, Apply, Conflict, Schema};
use super::kinds::{self, Kind};
use super::read::as_version;
use super::schemas::Known;
use super::status::{Outcome, Status};
use super::tree::{at, path, text};
use serde_json::Value;

/// The object with `metadata.managedFields` brought up to date after a create, update or patch. Defaults come first:
/// the server counts them as set by whoever left them out.
pub(super) fn updated(call: &Call, target: &Target, live: Option<&Value>, mut object: Value) -> Outcome<Value> {
    if target.subresource.is_none() {
        if let Some(live) = live {
            defaults::keep(&target.kind, live, &mut object);
        }
        defaults::apply(&target.kind, &mut object);
    }
    let live = live.map(|live| as_version(target, live));
    let object = as_version(target, &object);
    let (manager, now) = (call.manager(), call.server.now());
    Ok(fields::update(live.as_ref(), object, &manager, subresource(target), &now, &schema(target)))
}

/// Refuses a configuration for a server-side apply whose lists name an item twice.
///
/// # Errors
/// 500, as the API server says it.
pub(super) fn check(target: &Target, applied: &Value) -> Outcome<()> {
    fields::check(applied, &schema(target)).map_err(|refusal| Status::new(500, "", refusal))
}

/// The object after a server-side apply.
///
/// # Errors
/// 409 with a cause per field that others own.
pub(super) fn applied(call: &Call, target: &Target, live: Option<&Value>, applied: &Value) -> Outcome<Value> {
    let request = Apply {
        live,
        applied,
        manager: &call.manager(),
        force: call.query.is("force"),
        subresource: subresource(target),
        time: &call.server.now(),
        schema: &schema(target),
    };
    fields::apply(&request).map_err(|conflicts| {
        let causes = conflicts.iter().map(Conflict::cause).collect();
        Status::new(409, "Conflict", Conflict::message(&conflicts)).with_causes(causes)
    })
}

/// A new object with the ownership that its apply gives.
pub(super) fn created_by_apply(call: &Call, target: &Target, mut object: Value, asked: &Value) -> Outcome<Value> {
    let mut new = applied(call, target, None, asked)?;
    let owned = path(&mut new, &["metadata", "managedFields"]).take();
    *at(at(&mut object, "metadata"), "managedFields") = owned;
    Ok(object)
}

/// An object that software in the cluster writes, whose kind's defaults are set.
pub(super) fn put(kind: &Kind, live: Option<&Value>, object: Value, manager: &str, now: &str) -> Value {
    let version = kinds::split_api_version(text(&object, "apiVersion")).1.to_owned();
    let api_version = object["apiVersion"].clone();
    let live = live.map(|live| {
        let mut live = live.clone();
        *at(&mut live, "apiVersion") = api_version;
        live
    });
    let schema = schema_of(kind, text(&object, "apiVersion"), &version);
    fields::update(live.as_ref(), object, manager, "", now, &schema)
}

/// The object after a strategic merge patch.
///
/// # Errors
/// 400 in the server's words when the patch makes no sense.
pub(super) fn merged(target: &Target, live: &Value, patch: &Value) -> Outcome<Value> {
    fields::strategic_merge(live, patch, &schema(target)).map_err(Status::bad_request)
}

fn subresource(target: &Target) -> &str {
    target.subresource.as_deref().unwrap_or_default()
}

/// How the target's kind merges.
fn schema(target: &Target) -> Schema {
    schema_of(&target.kind, &target.api_version(), &target.version)
}

fn schema_of(kind: &Kind, api_version: &str, version: &str) -> Schema {
    match (kind.custom_schema(version), kind.custom_version(version)) {
        (Some(schema), Some(version)) => {
            let merging = kind.known_schema.map_or_else(|| Schema::from_open_api(schema), Known::merging);
            merging.with_status_subresource(version["subresources"].get("status").is_some())
        }
        _ => Schema::built_in(api_version, &kind.kind).with_status_subresource(kind.has("status")),
    }
}
