//! What the server refuses: wrong names, missing namespaces, immutable fields, unknown fields.

use super::call::{Call, Target};
use super::kinds::Kind;
use super::server::Server;
use super::status::{Cause, Outcome, Status};
use super::tree::{at, text};
use super::{conversions, fixed, kinds, names, protobuf, rules, structural, typed};
use serde_json::{Value, json};

/// Kind, apiVersion, name and namespace of a body must be those of the path.
pub(super) fn identity(target: &Target, object: &Value) -> Outcome<()> {
    let (kind, api_version) = (text(object, "kind"), text(object, "apiVersion"));
    if !object.is_object() {
        let wanted = &target.kind.kind;
        let message = format!(
            "the object provided is unrecognized (must be of type {wanted}): couldn't get version/kind; json parse error: json: cannot unmarshal"
        );
        return Err(Status::bad_request(message));
    }
    for (key, value) in [("Kind", kind), ("apiVersion", api_version)] {
        if value.is_empty() && target.kind.is_custom() {
            let why = format!("Object '{key}' is missing in '{object}' ({object})");
            let wanted = &target.kind.kind;
            return Err(Status::bad_request(format!(
                "the object provided is unrecognized (must be of type {wanted}): {why}"
            )));
        }
    }
    let wanted = target.api_version();
    let fits = |given: &str, wanted: &str| given.is_empty() || given == wanted;
    if !fits(kind, &target.kind.kind) || !fits(api_version, &wanted) {
        return Err(unfitting(target, kind, if api_version.is_empty() { &wanted } else { api_version }));
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

/// A body of another kind or version.
fn unfitting(target: &Target, kind: &str, api_version: &str) -> Box<Status> {
    let (group, version) = kinds::split_api_version(api_version);
    let known = kinds::all_built_in()
        .iter()
        .any(|one| one.group == group && one.kind == kind && one.versions.iter().any(|served| served == version));
    let own = &target.kind;
    let wanted = target.api_version();
    if own.is_custom() && api_version != wanted {
        return Status::bad_request(format!(
            "the API version in the data ({api_version}) does not match the expected API version ({wanted})"
        ));
    }
    let package = |group: &str| group.split('.').next().filter(|name| !name.is_empty()).unwrap_or("core").to_owned();
    let why = match known {
        true => format!("converting ({version}.{kind}) to ({}.{}): unknown conversion", package(&own.group), own.kind),
        false => format!(
            "no kind {kind:?} is registered for version {api_version:?} in scheme \"pkg/runtime/scheme.go:110\""
        ),
    };
    Status::bad_request(format!("{kind} in version {version:?} cannot be handled as a {}: {why}", own.kind))
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
    identity(target, object)?;
    let kind = &target.kind;
    let refused = |why: String| {
        let (kind, version) = (&kind.kind, &target.version);
        Status::bad_request(format!("{kind} in version {version:?} cannot be handled as a {kind}: {why}"))
    };
    if !object.is_object() || target.subresource.as_deref().is_some_and(|one| one != "status") {
        return Ok(());
    }
    *at(object, "kind") = kind.kind.as_str().into();
    *at(object, "apiVersion") = target.api_version().into();
    let unknown = match kind.custom_schema(&target.version) {
        Some(schema) => structural::pruned(schema, object),
        None => typed::checked(kind, &target.version, object)
            .map_err(|e| refused(format!("json: cannot unmarshal: {e}")))?,
    };
    conversions::stored(kind, &target.version, object);
    protobuf::drop_zeros(&target.api_version(), &kind.kind, object);
    let words = unknown.iter().map(|field| format!("unknown field {field:?}"));
    match call.query.get("fieldValidation") {
        Some("Ignore") => Ok(()),
        Some("Strict") if !unknown.is_empty() => {
            Err(refused(format!("strict decoding error: {}", words.collect::<Vec<_>>().join(", "))))
        }
        _ => {
            words.for_each(|warning| call.warn(warning));
            Ok(())
        }
    }
}

/// The rules for what a status says.
pub(super) fn status(kind: &Kind, object: &Value) -> Outcome<()> {
    let given = object["status"]["loadBalancer"]["ingress"].as_array().is_some_and(|all| !all.is_empty());
    if kind.resource() != "services" || object["spec"]["type"] == "LoadBalancer" || !given {
        return Ok(());
    }
    let why = "may only be used when `spec.type` is 'LoadBalancer'";
    let cause = Cause::forbidden("status.loadBalancer.ingress", why);
    Err(Status::invalid(kind, text(&object["metadata"], "name"), &[cause]))
}

/// The rules of the kind, for a new object or for the change of a live one.
pub(super) fn object(kind: &Kind, object: &Value, live: Option<&Value>) -> Outcome<()> {
    let mut causes = names::causes(kind, object);
    // In the order in which the real server finds them.
    let fixed_first = matches!(kind.resource().as_str(), "secrets" | "daemonsets.apps");
    if let Some(live) = live.filter(|_| fixed_first) {
        fixed::immutable(kind, object, live, &mut causes);
    }
    rules::of_kind(kind, object, &mut causes);
    if let Some(schema) = kind.schema_of(object) {
        structural::check(schema, object, "", &mut causes);
    }
    if let Some(live) = live.filter(|_| !fixed_first) {
        fixed::immutable(kind, object, live, &mut causes);
    }
    match causes.is_empty() {
        true => Ok(()),
        false => Err(Status::invalid(kind, text(&object["metadata"], "name"), &causes)),
    }
}
