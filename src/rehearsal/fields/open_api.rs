//! Reads how a custom resource merges from its CRD's OpenAPI v3 schema; only [`super::schema`] uses it.

use super::schema::{List, Others, Shape};
use serde_json::Value;

/// The shape of what a schema describes.
pub(super) fn shape(schema: &Value) -> Shape {
    match schema.get("type").and_then(Value::as_str) {
        Some("array") => list(schema),
        Some("object") | None => map(schema),
        Some(_) => Shape::default(),
    }
}

fn list(schema: &Value) -> Shape {
    let list = match text(schema, "x-kubernetes-list-type") {
        "set" => List::Set,
        "map" => List::Keyed(keys(schema)),
        _ => List::Atomic,
    };
    Shape { list, item: schema.get("items").map(|items| Box::new(shape(items))), ..Shape::default() }
}

fn keys(schema: &Value) -> Vec<(String, Option<Value>)> {
    let names = schema["x-kubernetes-list-map-keys"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let default = |name| schema["items"]["properties"][name].get("default").cloned();
    names.map(|name| (name.to_owned(), default(name))).collect()
}

fn map(schema: &Value) -> Shape {
    let properties = schema.get("properties").and_then(Value::as_object);
    let fields = properties.into_iter().flatten().map(|(name, schema)| (name.clone(), shape(schema))).collect();
    let atomic = text(schema, "x-kubernetes-map-type") == "atomic";
    let shape = Shape { fields, atomic, ..Shape::new(others(schema)) };
    if flag(schema, "x-kubernetes-embedded-resource") { shape.with_metadata() } else { shape }
}

fn others(schema: &Value) -> Others {
    match schema.get("additionalProperties") {
        Some(additional @ Value::Object(_)) => Others::Each(Box::new(shape(additional))),
        Some(Value::Bool(true)) => Others::Anything,
        _ if flag(schema, "x-kubernetes-preserve-unknown-fields") => Others::Anything,
        _ if schema.get("type").is_none() && schema.get("properties").is_none() => Others::Anything,
        _ => Others::Plain,
    }
}

fn text<'a>(schema: &'a Value, key: &str) -> &'a str {
    schema.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn flag(schema: &Value, key: &str) -> bool {
    schema.get(key).and_then(Value::as_bool).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn markers_are_read() {
        let shape = shape(&json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {
            "listeners": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
                "items": {"type": "object", "properties": {"name": {"type": "string", "default": "http"}}}},
            "hosts": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
            "routes": {"type": "array", "items": {"type": "object"}},
            "selector": {"type": "object", "x-kubernetes-map-type": "atomic", "additionalProperties": {"type": "string"}},
            "values": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
        }}}}));
        let spec = shape.field("spec");
        assert_eq!(spec.field("listeners").element(&json!({})).expect("key").to_string(), r#"[name="http"]"#);
        assert_eq!(spec.field("hosts").list, List::Set);
        assert_eq!(spec.field("routes").list, List::Atomic);
        assert!(spec.field("selector").atomic);
        assert!(spec.declares("values") && !spec.field("values").declares("anything"));
    }
}
