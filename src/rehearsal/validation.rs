//! What the server refuses: wrong names, missing namespaces, immutable fields, unknown fields.

use super::call::{Call, Target};
use super::kinds::Kind;
use super::server::Server;
use super::status::{Cause, Outcome, Status};
use super::tree::text;
use serde_json::{Value, json};

/// Kind, apiVersion, name and namespace of a body must be those of the path.
pub(super) fn identity(target: &Target, object: &Value) -> Outcome<()> {
    let (kind, api_version) = (text(object, "kind"), text(object, "apiVersion"));
    if !object.is_object() {
        return Err(Status::bad_request("the object provided is unrecognized (must be of type Object)"));
    }
    for (key, value) in [("Kind", kind), ("apiVersion", api_version)] {
        if value.is_empty() && target.kind.is_custom() {
            return Err(Status::bad_request(format!("Object '{key}' is missing in '{object}'")));
        }
    }
    let wanted = target.api_version();
    let other_kind = !kind.is_empty() && kind != target.kind.kind;
    if other_kind || !api_version.is_empty() && api_version != wanted {
        let (group, version) = wanted.split_once('/').unwrap_or(("", &wanted));
        let (own_group, own_version) = api_version.split_once('/').unwrap_or(("", api_version));
        return Err(Status::bad_request(format!(
            "{kind} in version {own_version:?} cannot be handled as a {}: no kind {kind:?} is registered for version {:?} in scheme",
            target.kind.kind,
            if own_group.is_empty() { own_version.to_owned() } else { format!("{own_group}/{own_version}") },
        ))
        .with_causes(vec![json!({"message": format!("expected {group}/{version}")})]));
    }
    let metadata = &object["metadata"];
    let (name, namespace) = (text(metadata, "name"), text(metadata, "namespace"));
    if let Some(wanted) = &target.name
        && !name.is_empty()
        && name != wanted
    {
        return Err(Status::bad_request(format!(
            "the name of the object ({name}) does not match the name on the URL ({wanted})"
        )));
    }
    if let Some(wanted) = &target.namespace
        && !namespace.is_empty()
        && namespace != wanted
    {
        return Err(Status::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    Ok(())
}

/// New objects need a namespace that exists and is not ending.
pub(super) fn namespace(server: &Server, kind: &Kind, namespace: Option<&str>, name: &str) -> Outcome<()> {
    let Some(namespace) = namespace.filter(|_| kind.namespaced) else { return Ok(()) };
    let namespaces = super::kinds::built_in("", "namespaces").unwrap_or_default();
    let Some(object) = server.get_shared("namespaces", None, namespace) else {
        return Err(Status::not_found(&namespaces, namespace));
    };
    if object["metadata"]["deletionTimestamp"].is_null() {
        return Ok(());
    }
    let why = format!("unable to create new content in namespace {namespace} because it is being terminated");
    let cause = json!({
        "reason": "NamespaceTerminating", "field": "metadata.namespace",
        "message": format!("namespace {namespace} is being terminated"),
    });
    Err(Status::forbidden(kind, name, &why).with_causes(vec![cause]))
}

/// Unknown fields, when the client asks for strictness.
pub(super) fn fields(_call: &Call, _target: &Target, _object: &Value) -> Outcome<()> {
    Ok(())
}

/// A patched object must still be one of its kind.
pub(super) fn patched(call: &Call, target: &Target, object: &Value) -> Outcome<()> {
    fields(call, target, object)?;
    let _ = Cause::required;
    Ok(())
}

/// The rules of the kind.
pub(super) fn object(_server: &Server, _kind: &Kind, _object: &Value, _live: Option<&Value>) -> Outcome<()> {
    Ok(())
}
