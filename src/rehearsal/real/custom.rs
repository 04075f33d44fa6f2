//! A kind that a definition adds.

use super::{APPLY, Asked, MERGE, STRATEGIC};
use serde_json::{Value, json};

/// Requests that build on each other.
pub(super) fn requests(namespace: &str) -> Vec<Asked> {
    let none = Value::Null;
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions".to_owned();
    let name = "widgets.compare.example.com";
    let things = format!("/apis/compare.example.com/v1/namespaces/{namespace}/widgets");
    let one = format!("{things}/w");
    let schema = json!({"type": "object", "properties": {
        "spec": {"type": "object", "properties": {
            "size": {"type": "integer"},
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
            "hosts": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"], "items": {
                "type": "object", "required": ["name"], "properties": {"name": {"type": "string"}, "port": {"type": "integer"}},
            }},
        }},
        "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
    }});
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": name},
        "spec": {"group": "compare.example.com", "scope": "Namespaced", "names": {"kind": "Widget", "plural": "widgets"}, "versions": [{
            "name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema},
            "subresources": {"status": {}},
            "additionalPrinterColumns": [{"name": "Size", "type": "integer", "jsonPath": ".spec.size"}],
        }]},
    });
    let widget = |spec: Value| json!({"apiVersion": "compare.example.com/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": spec});
    let host = |name: &str, port: i64| json!({"name": name, "port": port});
    vec![
        ("GET", things.clone(), "", none.clone()),
        ("POST", definitions.clone(), "", json!({"metadata": {"name": "wrong"}, "spec": definition["spec"]})),
        ("POST", definitions.clone(), "", definition),
        ("WAIT", name.to_owned(), "", none.clone()),
        ("POST", things.clone(), "", widget(json!({"size": 1, "free": {"a": 1}, "hosts": [host("a", 1)]}))),
        ("POST", format!("{things}?fieldValidation=Strict"), "", widget(json!({"siz": 1}))),
        ("POST", things.clone(), "", json!({"metadata": {"name": "x"}})),
        (
            "POST",
            things.clone(),
            "",
            json!({"apiVersion": "compare.example.com/v2", "kind": "Widget", "metadata": {"name": "x"}}),
        ),
        ("PUT", one.clone(), "", widget(json!({"size": 2}))),
        ("PATCH", one.clone(), STRATEGIC, json!({"spec": {"size": 3}})),
        ("PATCH", format!("{one}?fieldManager=m"), MERGE, json!({"spec": {"size": 3}, "status": {"a": 1}})),
        ("PATCH", format!("{one}/status?fieldManager=s"), MERGE, json!({"spec": {"size": 9}, "status": {"a": 1}})),
        ("PATCH", format!("{one}?fieldManager=b"), APPLY, widget(json!({"size": 4, "hosts": [host("b", 2)]}))),
        (
            "PATCH",
            format!("{one}?fieldManager=b&force=true"),
            APPLY,
            widget(json!({"size": 4, "hosts": [host("b", 2)]})),
        ),
        ("GET", format!("{things}?as-table&includeObject=None"), "", none.clone()),
        ("GET", things.clone(), "", none.clone()),
        ("GET", format!("{things}?fieldSelector=spec.size%3D1"), "", none.clone()),
        ("GET", format!("{one}/scale"), "", none.clone()),
        ("GET", "/apis/compare.example.com/v1".to_owned(), "", none.clone()),
        ("DELETE", one, "", none.clone()),
        ("DELETE", format!("{definitions}/{name}?ignored"), "", none),
    ]
}
