//! ConfigMaps: every verb and what it refuses.

use super::{APPLY, Asked, MERGE, OPERATIONS};
use serde_json::{Value, json};

/// A ConfigMap.
pub(super) fn map(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": "1"}})
}

/// Requests that build on each other.
pub(super) fn requests(maps: &str) -> Vec<Asked> {
    let none = Value::Null;
    let one = format!("{maps}/a");
    let labelled = json!({"metadata": {"labels": {"x": "y"}}});
    vec![
        ("POST", format!("{maps}?dryRun=All"), "", map("a")),
        ("GET", one.clone(), "", none.clone()),
        ("POST", maps.to_owned(), "", map("a")),
        ("POST", maps.to_owned(), "", map("a")),
        ("POST", maps.to_owned(), "", json!({"metadata": {"generateName": ""}})),
        ("POST", maps.to_owned(), "", json!({"metadata": {"name": "untyped"}})),
        ("POST", maps.to_owned(), "", map("Bad_Name")),
        ("POST", maps.to_owned(), "", json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "b"}})),
        ("POST", maps.to_owned(), "", json!({"apiVersion": "v2", "kind": "ConfigMap", "metadata": {"name": "b"}})),
        ("POST", maps.to_owned(), "", json!({"metadata": {"name": "b", "namespace": "default"}})),
        ("POST", maps.to_owned(), "", json!({"metadata": {"name": "b", "resourceVersion": "1"}})),
        ("POST", maps.to_owned(), "", json!({"metadata": {"name": "b", "labels": {"a b": "c d"}}})),
        ("POST", maps.to_owned(), "text/plain", map("c")),
        ("POST", maps.to_owned(), "", json!([1])),
        (
            "POST",
            format!("{maps}?fieldValidation=Strict"),
            "",
            json!({"metadata": {"name": "b"}, "dat": {}, "spec": 1}),
        ),
        ("POST", maps.to_owned(), "", json!({"metadata": {"name": "b"}, "data": "text"})),
        ("GET", one.clone(), "", none.clone()),
        ("GET", format!("{maps}/missing"), "", none.clone()),
        ("PUT", one.clone(), "", map("other")),
        ("PUT", one.clone(), "", json!({"metadata": {"name": "a", "resourceVersion": "1"}})),
        ("PUT", one.clone(), "", json!({"metadata": {"name": "a", "uid": "1"}})),
        ("PUT", format!("{maps}/missing"), "", map("missing")),
        ("PUT", one.clone(), "", map("a")),
        ("PATCH", format!("{one}?fieldManager=m"), MERGE, labelled.clone()),
        ("PATCH", format!("{one}?fieldManager=m"), MERGE, labelled.clone()),
        ("PATCH", one.clone(), MERGE, json!({"metadata": {"resourceVersion": "1"}})),
        ("PATCH", one.clone(), MERGE, json!({"metadata": {"name": "b"}})),
        ("PATCH", one.clone(), MERGE, json!([])),
        ("PATCH", one.clone(), "application/json", labelled),
        ("PATCH", format!("{maps}/missing"), MERGE, json!({})),
        ("PATCH", one.clone(), OPERATIONS, json!([{"op": "replace", "path": "/data/a", "value": "2"}])),
        ("PATCH", one.clone(), OPERATIONS, json!([{"op": "test", "path": "/data/a", "value": "9"}])),
        ("PATCH", one.clone(), OPERATIONS, json!([{"op": "remove", "path": "/data/nothing"}])),
        ("PATCH", one.clone(), OPERATIONS, json!({"op": "remove"})),
        (
            "PATCH",
            format!("{one}?fieldManager=applier"),
            APPLY,
            json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "3"}}),
        ),
        (
            "PATCH",
            format!("{one}?fieldManager=applier&force=true"),
            APPLY,
            json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "3"}}),
        ),
        ("PATCH", one.clone(), APPLY, json!({"apiVersion": "v1", "kind": "ConfigMap"})),
        ("PATCH", format!("{one}?fieldManager=applier"), APPLY, json!({"data": {"a": "3"}})),
        ("PATCH", format!("{maps}/applied?fieldManager=applier"), APPLY, map("applied")),
        ("GET", format!("{maps}?labelSelector=x%3Dy"), "", none.clone()),
        ("GET", format!("{maps}?labelSelector=x%20in"), "", none.clone()),
        ("GET", format!("{maps}?fieldSelector=metadata.name%3Da"), "", none.clone()),
        ("GET", format!("{maps}?fieldSelector=spec.x%3Da"), "", none.clone()),
        ("GET", format!("{maps}?limit=1"), "", none.clone()),
        ("GET", format!("{maps}?limit=x"), "", none.clone()),
        ("GET", format!("{maps}?continue=nonsense"), "", none.clone()),
        ("GET", format!("{maps}?watch=1&resourceVersion=x&timeoutSeconds=1"), "", none.clone()),
        ("GET", format!("{maps}?as-metadata"), "", none.clone()),
        ("DELETE", one.clone(), "", json!({"preconditions": {"uid": "1"}})),
        ("DELETE", one.clone(), "", json!({"preconditions": {"resourceVersion": "1"}})),
        ("DELETE", format!("{one}?dryRun=All"), "", none.clone()),
        ("DELETE", format!("{maps}/missing"), "", none.clone()),
        ("DELETE", format!("{one}?propagationPolicy=Foreground"), "", none.clone()),
        ("POST", maps.to_owned(), "", map("e")),
        ("DELETE", format!("{maps}/e"), "", none.clone()),
        ("DELETE", maps.to_owned(), "", none),
    ]
}
