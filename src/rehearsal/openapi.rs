//! OpenAPI: what clients explain kinds with, and see that the server validates.
//!
//! Version 3 has every kind with its operations and its whole schema. Version 2 is an empty document, in protobuf where
//! clients ask for that: those that know no version 3 fall back to the types they were built with.

use super::call::Call;
use super::discovery::{group_versions, kinds};
use super::kinds::Kind;
use super::transport::Reply;
use super::{VERSION, reply, schemas};
use serde_json::{Map, Value, json};

const API_VERSION: &str = "APIVersion defines the versioned schema of this representation of an object. Servers should convert recognized schemas to the latest internal value, and may reject unrecognized values. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#resources";
const KIND: &str = "Kind is a string value representing the REST resource this object represents. Servers may infer this from the endpoint the client submits requests to. Cannot be updated. In CamelCase. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#types-kinds";
const METADATA: &str = "Standard object's metadata. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata";

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
    let mut own = Map::new();
    let mut built_in = vec![schemas::OBJECT_META];
    for kind in of {
        let published = if kind.is_custom() { None } else { schemas::name(kind, version) };
        let schema = published.map_or_else(|| schema_name(kind, version), str::to_owned);
        for (path, named) in paths_of(kind, version) {
            paths.insert(path, path_item(kind, version, &schema, named));
        }
        match published {
            Some(name) => built_in.push(name),
            None => drop(own.insert(schema, custom_schema(kind, version))),
        }
    }
    let mut schemas = schemas::with_references(&built_in);
    schemas.append(&mut own);
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
        let reference = json!({"schema": {"$ref": format!("{}{schema}", schemas::REFERENCE)}});
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
    const PATCHES: &[&str] = &[
        "application/apply-patch+yaml",
        "application/json-patch+json",
        "application/merge-patch+json",
        "application/strategic-merge-patch+json",
    ];
    let patches = if kind.is_custom() { &PATCHES[..3] } else { PATCHES };
    let json = &["application/json"];
    match named {
        true => json!({
            "get": operation("get", &[]), "put": operation("put", json), "patch": operation("patch", patches),
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

/// The schema of a custom kind's definition, with what every object has.
fn custom_schema(kind: &Kind, version: &str) -> Value {
    let custom = kind.custom_schema(version).cloned();
    let mut schema = custom.filter(Value::is_object).unwrap_or_else(|| json!({"type": "object"}));
    for (key, words) in [("apiVersion", API_VERSION), ("kind", KIND)] {
        schema["properties"][key] = json!({"type": "string", "description": words});
    }
    schema["properties"]["metadata"] = json!({
        "allOf": [{"$ref": format!("{}{}", schemas::REFERENCE, schemas::OBJECT_META)}],
        "description": METADATA,
    });
    schema["x-kubernetes-group-version-kind"] = json!([group_version_kind(kind, version)]);
    schema
}
