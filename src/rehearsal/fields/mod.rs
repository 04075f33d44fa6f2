//! Who owns which field, and how patches merge: server-side apply and strategic merge as pure functions over JSON.

use serde_json::Value;

/// A server-side apply request.
pub struct Apply<'a> {
    /// The object as stored; `None` when it does not exist.
    pub live: Option<&'a Value>,
    /// The configuration that the manager applies.
    pub applied: &'a Value,
    /// The field manager.
    pub manager: &'a str,
    /// Take fields that others own.
    pub force: bool,
    /// The subresource, such as `status`; empty for the object itself.
    pub subresource: &'a str,
    /// Now, RFC 3339 with seconds.
    pub time: &'a str,
    /// The merge schema of the kind.
    pub schema: &'a Schema,
}

/// A field that another manager owns and the apply would change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The owner, with its operation when it isn't Apply, as the API server words it: `kubectl-client-side-apply` using apps/v1.
    pub manager: String,
    /// The owner's apiVersion and operation time, for the message.
    pub details: String,
    /// The field, as the API server writes it: `.spec.replicas`, `.spec.containers[name="a"].image`.
    pub field: String,
}

/// How lists and maps of a kind merge: by path, from a table for built-in kinds and from
/// `x-kubernetes-list-type`, `x-kubernetes-list-map-keys`, `x-kubernetes-map-type` of a CRD's schema.
pub struct Schema {}

impl Schema {
    /// The schema of a built-in kind; unknown kinds have atomic lists and granular maps.
    pub fn built_in(api_version: &str, kind: &str) -> Schema {
        todo!()
    }

    /// The schema from an OpenAPI v3 schema of a CRD version.
    pub fn from_open_api(schema: &Value) -> Schema {
        todo!()
    }
}

/// Applies a configuration: the object to store, with `metadata.managedFields` brought up to date.
///
/// # Errors
/// The conflicts, when others own fields that would change and `force` is off.
pub fn apply(request: &Apply<'_>) -> Result<Value, Vec<Conflict>> {
    todo!()
}

/// Brings `metadata.managedFields` up to date after a create, update or patch by `manager`.
pub fn update(
    live: Option<&Value>,
    new: Value,
    manager: &str,
    subresource: &str,
    time: &str,
    schema: &Schema,
) -> Value {
    todo!()
}

/// A strategic merge patch (`$patch`, `$retainKeys`, `$deleteFromPrimitiveList`, `$setElementOrder`, merge keys).
///
/// # Errors
/// When the patch has a directive that makes no sense, in the API server's words.
pub fn strategic_merge(live: &Value, patch: &Value, schema: &Schema) -> Result<Value, String> {
    todo!()
}
