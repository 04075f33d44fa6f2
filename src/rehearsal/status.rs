//! Refusals, worded as kube-apiserver words them: a `Status` with code, reason, message and details.
//!
//! The wording comes from `k8s.io/apimachinery/pkg/api/errors`; clients match on it, so it is kept to the letter.

use super::kinds::Kind;
use serde_json::{Value, json};

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Status {
    /// HTTP status code.
    pub code: u16,
    /// Machine-readable reason, such as `NotFound`; empty when the server gives none.
    pub reason: &'static str,
    /// The words that a user sees.
    pub message: String,
    /// What it is about: name, group, kind, causes.
    pub details: Option<Value>,
    /// The token with which a list that has expired goes on.
    pub more: Option<String>,
}

/// What a handler gives back.
pub(crate) type Outcome<T> = Result<T, Box<Status>>;

/// One wrong field of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cause {
    reason: &'static str,
    message: String,
    field: String,
}

impl Cause {
    /// `FIELD: Required value[: WHY]`.
    pub fn required(field: &str, why: &str) -> Cause {
        let message = if why.is_empty() { "Required value".to_owned() } else { format!("Required value: {why}") };
        Cause { reason: "FieldValueRequired", message, field: field.to_owned() }
    }

    /// `FIELD: Invalid value: VALUE: WHY`.
    pub fn invalid(field: &str, value: &Value, why: &str) -> Cause {
        let message = format!("Invalid value: {value}: {why}");
        Cause { reason: "FieldValueInvalid", message, field: field.to_owned() }
    }

    /// `FIELD: Unsupported value: VALUE: supported values: …`.
    pub fn unsupported(field: &str, value: &str, supported: &[&str]) -> Cause {
        let supported: Vec<_> = supported.iter().map(|one| format!("{one:?}")).collect();
        let message = format!("Unsupported value: {value:?}: supported values: {}", supported.join(", "));
        Cause { reason: "FieldValueNotSupported", message, field: field.to_owned() }
    }

    /// `FIELD: Not found: VALUE`.
    pub fn missing(field: &str, value: &str) -> Cause {
        Cause { reason: "FieldValueNotFound", message: format!("Not found: {value:?}"), field: field.to_owned() }
    }

    /// `FIELD: Forbidden: WHY`.
    pub fn forbidden(field: &str, why: &str) -> Cause {
        Cause { reason: "FieldValueForbidden", message: format!("Forbidden: {why}"), field: field.to_owned() }
    }

    /// `FIELD: Duplicate value: VALUE`.
    pub fn duplicate(field: &str, value: &Value) -> Cause {
        Cause { reason: "FieldValueDuplicate", message: format!("Duplicate value: {value}"), field: field.to_owned() }
    }
}

impl Status {
    /// A refusal with these words.
    pub fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Box<Status> {
        Box::new(Status { code, reason, message: message.into(), details: None, more: None })
    }

    /// The object does not exist.
    pub fn not_found(kind: &Kind, name: &str) -> Box<Status> {
        Status::about(404, "NotFound", kind, name, format!("{} {name:?} not found", kind.resource()))
    }

    /// The name is taken.
    pub fn already_exists(kind: &Kind, name: &str) -> Box<Status> {
        Status::about(409, "AlreadyExists", kind, name, format!("{} {name:?} already exists", kind.resource()))
    }

    /// The operation cannot be carried out on the object as it is.
    pub fn conflict(kind: &Kind, name: &str, why: &str) -> Box<Status> {
        let message = format!("Operation cannot be fulfilled on {} {name:?}: {why}", kind.resource());
        Status::about(409, "Conflict", kind, name, message)
    }

    /// The object has changed since the client read it.
    pub fn stale(kind: &Kind, name: &str) -> Box<Status> {
        let why = "the object has been modified; please apply your changes to the latest version and try again";
        Status::conflict(kind, name, why)
    }

    /// Not allowed.
    pub fn forbidden(kind: &Kind, name: &str, why: &str) -> Box<Status> {
        let message = match name {
            "" => format!("{} is forbidden: {why}", kind.resource()),
            _ => format!("{} {name:?} is forbidden: {why}", kind.resource()),
        };
        Status::about(403, "Forbidden", kind, name, message)
    }

    /// The user may not do this: what is empty is not named.
    pub fn denied(group: &str, resource: &str, name: &str, why: &str) -> Box<Status> {
        let qualified = if group.is_empty() { resource.to_owned() } else { format!("{resource}.{group}") };
        let message = match (resource, name) {
            ("", _) => format!("forbidden: {why}"),
            (_, "") => format!("{qualified} is forbidden: {why}"),
            _ => format!("{qualified} {name:?} is forbidden: {why}"),
        };
        let details = details(&[("name", name), ("group", group), ("kind", resource)], Vec::new());
        Box::new(Status { code: 403, reason: "Forbidden", message, details: Some(details), more: None })
    }

    /// The object is wrong in these fields.
    pub fn invalid(kind: &Kind, name: &str, causes: &[Cause]) -> Box<Status> {
        let lines: Vec<_> = causes.iter().map(|cause| format!("{}: {}", cause.field, cause.message)).collect();
        let shown = match lines.as_slice() {
            [one] => one.clone(),
            several => format!("[{}]", several.join(", ")),
        };
        let qualified = match kind.group.as_str() {
            "" => kind.kind.clone(),
            group => format!("{}.{group}", kind.kind),
        };
        let causes: Vec<_> = causes
            .iter()
            .map(|cause| json!({"reason": cause.reason, "message": cause.message, "field": cause.field}))
            .collect();
        let mut status = Status::new(422, "Invalid", format!("{qualified} {name:?} is invalid: {shown}"));
        status.details = Some(details(&[("name", name), ("group", &kind.group), ("kind", &kind.kind)], causes));
        status
    }

    /// No such kind on this path.
    pub fn no_resource() -> Box<Status> {
        let mut status = Status::new(404, "NotFound", "the server could not find the requested resource");
        status.details = Some(json!({}));
        status
    }

    /// What the client knows of the object, in a precondition, is not so.
    pub fn precondition(kind: &Kind, name: &str, why: &str) -> Box<Status> {
        let qualified = match kind.group.as_str() {
            "" => kind.kind.clone(),
            group => format!("{}.{group}", kind.kind),
        };
        let message = format!("Operation cannot be fulfilled on {qualified} {name:?}: {why}");
        let details = details(&[("name", name), ("group", &kind.group), ("kind", &kind.kind)], Vec::new());
        Box::new(Status { code: 409, reason: "Conflict", message, details: Some(details), more: None })
    }

    /// The request makes no sense.
    pub fn bad_request(message: impl Into<String>) -> Box<Status> {
        Status::new(400, "BadRequest", message)
    }

    /// The method is not known on this path.
    pub fn method_not_allowed() -> Box<Status> {
        let message = "the server does not allow this method on the requested resource";
        let mut status = Status::new(405, "MethodNotAllowed", message);
        status.details = Some(json!({}));
        status
    }

    /// The body's content type is not understood.
    pub fn unsupported_media_type(supported: &[&str]) -> Box<Status> {
        let message = format!(
            "the body of the request was in an unknown format - accepted media types include: {}",
            supported.join(", ")
        );
        Status::new(415, "UnsupportedMediaType", message)
    }

    /// The watch or the list asks for history that is gone.
    pub fn expired(message: impl Into<String>) -> Box<Status> {
        Status::new(410, "Expired", message)
    }

    /// A version that has not come yet.
    pub fn too_large(asked: u64, now: u64) -> Box<Status> {
        let message = format!("Timeout: Too large resource version: {asked}, current: {now}");
        let mut status = Status::new(504, "Timeout", message);
        let cause = json!({"reason": "ResourceVersionTooLarge", "message": "Too large resource version"});
        status.details = Some(json!({"causes": [cause], "retryAfterSeconds": 1}));
        status
    }

    /// The token is not known here.
    pub fn unauthorized() -> Box<Status> {
        Status::new(401, "Unauthorized", "Unauthorized")
    }

    /// The same refusal with a token to go on with.
    pub fn to_go_on_with(mut self: Box<Status>, token: String) -> Box<Status> {
        self.more = Some(token);
        self
    }

    /// The same refusal with these causes in its details.
    pub fn with_causes(mut self: Box<Status>, causes: Vec<Value>) -> Box<Status> {
        let details = self.details.get_or_insert_with(|| json!({}));
        details["causes"] = causes.into();
        self
    }

    fn about(code: u16, reason: &'static str, kind: &Kind, name: &str, message: String) -> Box<Status> {
        let details = details(&[("name", name), ("group", &kind.group), ("kind", &kind.plural)], Vec::new());
        Box::new(Status { code, reason, message, details: Some(details), more: None })
    }

    /// The `Status` object as it is sent.
    pub fn to_json(&self) -> Value {
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "code": self.code,
        });
        if !self.reason.is_empty() {
            status["reason"] = self.reason.into();
        }
        if let Some(details) = &self.details {
            status["details"] = details.clone();
        }
        if let Some(token) = &self.more {
            status["metadata"]["continue"] = token.as_str().into();
        }
        status
    }
}

fn details(fields: &[(&str, &str)], causes: Vec<Value>) -> Value {
    let mut details = json!({});
    for (key, value) in fields.iter().filter(|(_, value)| !value.is_empty()) {
        details[*key] = (*value).into();
    }
    if !causes.is_empty() {
        details["causes"] = causes.into();
    }
    details
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rehearsal::kinds;

    #[test]
    fn refusals_are_worded_as_the_real_server_words_them() {
        let deployments = kinds::built_in("apps", "deployments").expect("deployments");
        assert_eq!(Status::not_found(&deployments, "x").message, "deployments.apps \"x\" not found");
        let causes = [Cause::required("metadata.name", "name or generateName is required")];
        let invalid = Status::invalid(&deployments, "", &causes).to_json();
        assert_eq!(
            invalid["message"],
            "Deployment.apps \"\" is invalid: metadata.name: Required value: name or generateName is required"
        );
        assert_eq!(invalid["details"]["causes"][0]["reason"], "FieldValueRequired");
        assert_eq!(invalid["details"]["kind"], "Deployment");
    }
}
