//! OpenAPI: enough that clients validate on the server and know every kind.
//!
//! Version 2 is an empty document, in protobuf where clients ask for that: kubectl then falls back to the types it was
//! built with. Version 3 names every kind with its operations, so that clients see that `fieldValidation` is supported.

use super::call::Call;
use super::discovery::{group_versions, kinds};
use super::kinds::Kind;
use super::transport::Reply;
use super::{VERSION, reply};
use serde_json::{Map, Value, json};

/// The answer to a path below `/openapi`.
pub(super) fn answer(call: &Call, rest: &[&str]) -> Option<Reply> {
    match rest {
        ["v2"] if call.header("accept").contains("protobuf") => {
            Some(reply::whole(200, "application/com.github.proto-openapi.spec.v2.v1.0+protobuf", Vec::new()))
        }
        ["v2"] => Some(reply::json(200, &json!({"swagger": "2.0", "info": info(), "paths": {}, "definitions": {}}))),
        ["v3"] => Some(reply::json(200, &index(call))),
        ["v3", "api", version] => document(call, "", version),
        ["v3", "apis", group, version] => document(call, group, version),
        _ => None,
    }
}

fn info() -> Value {
    json!({"title": "Kubernetes", "version": VERSION})
}

fn index(call: &Call) -> Value {
    let mut paths = Map::new();
    for (group, versions) in group_versions(call) {
        for version in versions {
            let path = if group.is_empty() { format!("api/{version}") } else { format!("apis/{group}/{version}") };
            let url = format!("/openapi/v3/{path}?hash={}", call.server.store().version());
            paths.insert(path, json!({"serverRelativeURL": url}));
        }
    }
    json!({"paths": paths})
}

fn document(call: &Call, group: &str, version: &str) -> Option<Reply> {
    let all = kinds(call);
    let of: Vec<_> =
        all.iter().filter(|kind| kind.group == group && kind.versions.iter().any(|one| one == version)).collect();
    if of.is_empty() {
        return None;
    }
    let mut paths = Map::new();
    let mut schemas = Map::new();
    for kind in of {
        let schema = schema_name(kind, version);
        for (path, named) in paths_of(kind, version) {
            paths.insert(path, path_item(kind, version, &schema, named));
        }
        schemas.insert(schema, schema_of(kind, version));
    }
    let document = json!({"openapi": "3.0.0", "info": info(), "paths": paths, "components": {"schemas": schemas}});
    Some(reply::json(200, &document))
}

/// The paths of a kind, and whether they name one object.
fn paths_of(kind: &Kind, version: &str) -> Vec<(String, bool)> {
    let root = if kind.group.is_empty() { "/api".to_owned() } else { format!("/apis/{}", kind.group) };
    let namespace = if kind.namespaced { "/namespaces/{namespace}" } else { "" };
    let collection = format!("{root}/{version}{namespace}/{}", kind.plural);
    if kind.review {
        return vec![(collection, false)];
    }
    vec![(format!("{collection}/{{name}}"), true), (collection, false)]
}

fn path_item(kind: &Kind, version: &str, schema: &str, named: bool) -> Value {
    let operation = |action: &str, body: &[&str]| {
        let reference = json!({"schema": {"$ref": format!("#/components/schemas/{schema}")}});
        let mut operation = json!({
            "tags": [format!("{}_{version}", kind.group)],
            "x-kubernetes-action": action, "x-kubernetes-group-version-kind": group_version_kind(kind, version),
            "responses": {"200": {"description": "OK", "content": {"application/json": reference}}},
        });
        if !body.is_empty() {
            let content: Map<_, _> = body
                .iter()
                .map(|media_type| ((*media_type).to_owned(), json!({"schema": {"type": "object"}})))
                .collect();
            operation["requestBody"] = json!({"content": content});
            let parameters = ["dryRun", "fieldManager", "fieldValidation"];
            operation["parameters"] = parameters.iter().map(|name| parameter(name)).collect();
        }
        operation
    };
    // Strategic merge is left out on purpose: kubectl would look for merge keys in these schemas, and otherwise takes
    // them from the types it was built with.
    const PATCHES: &[&str] =
        &["application/json-patch+json", "application/merge-patch+json", "application/apply-patch+yaml"];
    let json = &["application/json"];
    match named {
        true => json!({
            "get": operation("get", &[]), "put": operation("put", json), "patch": operation("patch", PATCHES),
            "delete": operation("delete", &[]),
        }),
        false if kind.review => json!({"post": operation("post", json)}),
        false => json!({"get": operation("list", &[]), "post": operation("post", json)}),
    }
}

fn parameter(name: &str) -> Value {
    json!({"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": true}})
}

fn group_version_kind(kind: &Kind, version: &str) -> Value {
    json!({"group": kind.group, "version": version, "kind": kind.kind})
}

fn schema_name(kind: &Kind, version: &str) -> String {
    let group = if kind.group.is_empty() { "core" } else { &kind.group };
    let mut parts: Vec<_> = group.split('.').collect();
    parts.reverse();
    format!("{}.{version}.{}", parts.join("."), kind.kind)
}

/// A custom kind's own schema; built-in kinds are described as objects.
fn schema_of(kind: &Kind, version: &str) -> Value {
    let custom = kind.custom_version(version).map(|one| one["schema"]["openAPIV3Schema"].clone());
    let mut schema = custom.filter(Value::is_object).unwrap_or_else(|| json!({"type": "object"}));
    for key in ["apiVersion", "kind"] {
        schema["properties"][key] = json!({"type": "string"});
    }
    schema["properties"]["metadata"] = json!({"type": "object"});
    schema["x-kubernetes-group-version-kind"] = json!([group_version_kind(kind, version)]);
    schema
}
