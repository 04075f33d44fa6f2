//! Fields that others own: who, which, and the ways out.

use super::Force;
use crate::cluster::status::{Cause, Status};
use crate::failure::{Failure, Kind};
use crate::object::{Node, Object};

/// Whether the server refuses because others own fields.
pub(super) fn is_conflict(status: &Status) -> bool {
    status.code == 409 && conflicts(status).next().is_some()
}

fn conflicts(status: &Status) -> impl Iterator<Item = &Cause> {
    status.causes.iter().filter(|cause| cause.reason == "FieldManagerConflict")
}

/// Whether every field in conflict may be taken.
pub(super) fn all_given(status: &Status, force: &Force) -> bool {
    match force {
        Force::Never => false,
        Force::Always => true,
        Force::Fields(given) => conflicts(status).all(|cause| given.iter().any(|path| covers(path, &cause.field))),
    }
}

/// Whether a path, with or without the leading dot, is the field or lies above it.
fn covers(path: &str, field: &str) -> bool {
    let (path, field) = (path.trim_start_matches('.'), field.trim_start_matches('.'));
    field.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// The failure that lists each field with its owner.
pub(super) fn failure(status: &Status, live: Option<&Object>, title: &str) -> Failure {
    let fields: Vec<&str> = conflicts(status).map(|cause| cause.field.as_str()).collect();
    let message = match fields.as_slice() {
        [field] => format!("{field} belongs to another field manager"),
        fields => format!("{} fields belong to other field managers", fields.len()),
    };
    let quoted: Vec<String> = fields.iter().map(|field| format!("{field:?}")).collect();
    let hint = format!(
        "take the fields with the option `force: [{}]`, leave them out of the manifest, or change them where they are kept",
        quoted.join(", ")
    );
    let failure = Failure::new(Kind::Conflict, message).about(title).hint(hint);
    conflicts(status).fold(failure, |failure, cause| failure.detail(owner_of(cause, live)))
}

/// `.spec.replicas: owned by "helm", Update at 2026-11-23T10:00:00Z`.
fn owner_of(cause: &Cause, live: Option<&Object>) -> String {
    // The server says: conflict with "MANAGER" with subresource "…" using VERSION at TIME
    let Some(manager) = cause.message.split('"').nth(1) else { return format!("{}: {}", cause.field, cause.message) };
    let entries = live.map_or(&[][..], |live| live.items_at("metadata.managedFields"));
    let text = |entry: &Node, key: &str| entry.get(key).and_then(Node::as_str).unwrap_or_default().to_owned();
    let entry = entries.iter().rev().find(|entry| text(entry, "manager") == manager);
    let how =
        entry.map(|entry| format!(", {} at {}", text(entry, "operation"), text(entry, "time"))).unwrap_or_default();
    format!("{}: owned by {manager:?}{how}", cause.field)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn status() -> Status {
        let cause = |field: &str| Cause {
            field: field.into(),
            reason: "FieldManagerConflict".into(),
            message: "conflict with \"helm\" using apps/v1".into(),
        };
        Status { code: 409, causes: vec![cause(".spec.replicas"), cause(".spec.template.spec.x")], ..Status::default() }
    }

    #[test]
    fn every_field_is_listed_with_its_owner() {
        let live = json!({"metadata": {"managedFields": [{"manager": "helm", "operation": "Update", "time": "T"}]}});
        let failure = failure(&status(), Some(&Object::new(Node::from(&live))), "Deployment a/b");
        assert_eq!(failure.message, "2 fields belong to other field managers");
        assert_eq!(failure.details[0], ".spec.replicas: owned by \"helm\", Update at T");
        assert!(
            failure.hint.is_some_and(|hint| hint.contains(r#"force: [".spec.replicas", ".spec.template.spec.x"]"#))
        );
    }

    #[test]
    fn only_given_fields_are_taken() {
        let fields = |paths: &[&str]| Force::Fields(paths.iter().map(|path| path.to_string()).collect());
        assert!(all_given(&status(), &fields(&["spec.replicas", ".spec.template"])));
        assert!(!all_given(&status(), &fields(&[".spec.replicas"])));
        assert!(!all_given(&status(), &fields(&[".spec.repl", ".spec.template"])));
        assert!(!all_given(&status(), &Force::Never));
    }
}
