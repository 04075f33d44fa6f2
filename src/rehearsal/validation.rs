//! What the server refuses: wrong names, missing namespaces, immutable fields, unknown fields.

use super::call::{Call, Target};
use super::kinds::Kind;
use super::server::Server;
use super::status::{Outcome, Status};
use super::tree::text;
use super::{names, rules, typed};
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

/// The object must fit its kind. Fields that its kind does not know are dropped; with `fieldValidation=Strict` they are
/// refused.
pub(super) fn fields(call: &Call, target: &Target, object: &mut Value) -> Outcome<()> {
    let kind = &target.kind;
    let refused = |why: String| {
        let (kind, version) = (&kind.kind, &target.version);
        Status::bad_request(format!("{kind} in version {version:?} cannot be handled as a {kind}: {why}"))
    };
    if !object.is_object() || target.subresource.as_deref().is_some_and(|one| one != "status") {
        return Ok(());
    }
    let unknown = match kind.custom_version(&target.version) {
        Some(version) => {
            let mut unknown = Vec::new();
            typed::undescribed(object, &version["schema"]["openAPIV3Schema"], "", &mut unknown);
            unknown
        }
        None => typed::checked(kind, &target.version, object).map_err(|e| refused(format!("json: cannot unmarshal: {e}")))?,
    };
    if unknown.is_empty() || call.query.get("fieldValidation") != Some("Strict") {
        return Ok(());
    }
    let listed: Vec<_> = unknown.iter().map(|field| format!("unknown field {field:?}")).collect();
    Err(refused(format!("strict decoding error: {}", listed.join(", "))))
}

/// The rules of the kind, for a new object or for the change of a live one.
pub(super) fn object(kind: &Kind, object: &Value, live: Option<&Value>) -> Outcome<()> {
    let mut causes = names::causes(kind, object);
    rules::of_kind(kind, object, &mut causes);
    if let Some(live) = live {
        rules::immutable(kind, object, live, &mut causes);
    }
    match causes.is_empty() {
        true => Ok(()),
        false => Err(Status::invalid(kind, text(&object["metadata"], "name"), &causes)),
    }
}
