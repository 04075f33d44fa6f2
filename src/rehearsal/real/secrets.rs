//! Secrets, tokens, roles and reviews.

use super::{Asked, MERGE};
use serde_json::{Value, json};

/// Requests that build on each other.
pub(super) fn requests(root: &str) -> Vec<Asked> {
    let none = Value::Null;
    let roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles".to_owned();
    vec![
        ("POST", format!("{root}/secrets"), "", json!({"metadata": {"name": "s"}, "stringData": {"a": "b"}})),
        ("PATCH", format!("{root}/secrets/s"), MERGE, json!({"type": "other"})),
        ("PATCH", format!("{root}/secrets/s"), MERGE, json!({"immutable": true})),
        ("PATCH", format!("{root}/secrets/s"), MERGE, json!({"data": {"a": "eA=="}})),
        ("GET", format!("{root}/secrets?as-table&includeObject=None"), "", none),
        ("POST", format!("{root}/serviceaccounts"), "", json!({"metadata": {"name": "r"}})),
        (
            "POST",
            format!("{root}/serviceaccounts/r/token"),
            "",
            json!({"spec": {"expirationSeconds": 3600, "audiences": ["a"]}}),
        ),
        ("POST", format!("{root}/serviceaccounts/r/token"), "", json!({"spec": {"expirationSeconds": 5}})),
        ("POST", format!("{root}/serviceaccounts/missing/token"), "", json!({"spec": {}})),
        (
            "POST",
            roles.clone(),
            "",
            json!({"metadata": {"name": "compare:x"}, "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]}),
        ),
        ("DELETE", format!("{roles}/compare:x"), "", Value::Null),
        (
            "POST",
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews".to_owned(),
            "",
            json!({"spec": {"resourceAttributes": {"verb": "get", "resource": "pods"}}}),
        ),
        ("DELETE", "/api/v1/namespaces/default".to_owned(), "", Value::Null),
    ]
}
