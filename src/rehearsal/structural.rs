//! The schema of a custom resource: the defaults it gives, what it drops, and what it refuses.

use super::status::Cause;
use serde_json::Value;

/// Fills in what the schema has defaults for.
pub(super) fn fill(schema: &Value, value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, part) in schema["properties"].as_object().into_iter().flatten() {
                match fields.get_mut(name) {
                    Some(value) => fill(part, value),
                    None if part.get("default").is_some() => {
                        let mut value = part["default"].clone();
                        fill(part, &mut value);
                        fields.insert(name.clone(), value);
                    }
                    None => {}
                }
            }
            if schema["additionalProperties"].is_object() {
                fields.values_mut().for_each(|value| fill(&schema["additionalProperties"], value));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| fill(&schema["items"], item)),
        _ => {}
    }
}

/// Drops what the schema does not describe, unless it keeps that; returns the places.
pub(super) fn pruned(schema: &Value, object: &mut Value) -> Vec<String> {
    let mut unknown = Vec::new();
    if schema.is_object() {
        prune(schema, object, "", &mut unknown);
    }
    unknown
}

fn prune(schema: &Value, value: &mut Value, place: &str, unknown: &mut Vec<String>) {
    let keeps = schema["x-kubernetes-preserve-unknown-fields"] == true;
    match value {
        Value::Object(fields) => fields.retain(|name, value| {
            if place.is_empty() && matches!(name.as_str(), "apiVersion" | "kind" | "metadata") {
                return true;
            }
            let place = if place.is_empty() { name.clone() } else { format!("{place}.{name}") };
            let own = &schema["properties"][name.as_str()];
            let part = if own.is_null() { &schema["additionalProperties"] } else { own };
            if part.is_object() || *part == true {
                prune(part, value, &place, unknown);
            } else if !keeps {
                unknown.push(place);
                return false;
            }
            true
        }),
        Value::Array(items) if schema["items"].is_object() => {
            let of = &schema["items"];
            items.iter_mut().enumerate().for_each(|(at, item)| prune(of, item, &format!("{place}[{at}]"), unknown));
        }
        _ => {}
    }
}

/// What of a value the schema refuses, in the API server's words.
pub(super) fn check(schema: &Value, value: &Value, place: &str, causes: &mut Vec<Cause>) {
    if !schema.is_object() || (value.is_null() && schema["nullable"] == true) {
        return;
    }
    if let Some(why) = wrong_type(schema, value) {
        return causes.push(Cause::invalid(place, value, &format!("{place} in body {why}")));
    }
    one_of_a_few(schema, value, place, causes);
    limits(schema, value, place, causes);
    let inside = |name: &str| if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") };
    match value {
        Value::Object(fields) => {
            let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
            required
                .filter(|name| !fields.contains_key(*name))
                .for_each(|name| causes.push(Cause::required(&inside(name), "")));
            for (name, value) in fields {
                let own = &schema["properties"][name.as_str()];
                let part = if own.is_null() { &schema["additionalProperties"] } else { own };
                check(part, value, &inside(name), causes);
            }
        }
        Value::Array(items) => {
            let of = &schema["items"];
            items.iter().enumerate().for_each(|(at, item)| check(of, item, &format!("{place}[{at}]"), causes));
        }
        _ => {}
    }
}

fn wrong_type(schema: &Value, value: &Value) -> Option<String> {
    let is_number_or_text = value.is_i64() || value.is_u64() || value.is_string();
    if schema["x-kubernetes-int-or-string"] == true && is_number_or_text {
        return None;
    }
    let wanted = schema["type"].as_str()?;
    let given = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let fits = wanted == given || (wanted, given) == ("number", "integer");
    (!fits).then(|| format!("must be of type {wanted}: \"{given}\""))
}

fn one_of_a_few(schema: &Value, value: &Value, place: &str, causes: &mut Vec<Cause>) {
    let Some(known) = schema["enum"].as_array().filter(|known| !known.contains(value)) else { return };
    let known: Vec<String> = known.iter().map(|one| one.as_str().map_or(one.to_string(), str::to_owned)).collect();
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    causes.push(Cause::unsupported(place, value.as_str().unwrap_or(&value.to_string()), &known));
}

fn limits(schema: &Value, value: &Value, place: &str, causes: &mut Vec<Cause>) {
    let mut refuse = |why: String| causes.push(Cause::invalid(place, value, &format!("{place} in body {why}")));
    if let Some(number) = value.as_f64() {
        let limit = |key: &str| schema[key].as_f64();
        if let Some(least) = limit("minimum").filter(|least| number < *least) {
            refuse(format!("should be greater than or equal to {least}"));
        }
        if let Some(most) = limit("maximum").filter(|most| number > *most) {
            refuse(format!("should be less than or equal to {most}"));
        }
    }
    let count = |key: &str| schema[key].as_u64().and_then(|count| usize::try_from(count).ok());
    if let Some(text) = value.as_str() {
        let length = text.chars().count();
        if let Some(least) = count("minLength").filter(|least| length < *least) {
            refuse(format!("should be at least {least} chars long"));
        }
        if let Some(most) = count("maxLength").filter(|most| length > *most) {
            refuse(format!("may not be more than {most} chars long"));
        }
        let pattern = schema["pattern"]
            .as_str()
            .filter(|pattern| regex::Regex::new(pattern).is_ok_and(|pattern| !pattern.is_match(text)));
        pattern.into_iter().for_each(|pattern| refuse(format!("should match '{pattern}'")));
    }
    if let Some(items) = value.as_array() {
        if let Some(least) = count("minItems").filter(|least| items.len() < *least) {
            refuse(format!("should have at least {least} items"));
        }
        if let Some(most) = count("maxItems").filter(|most| items.len() > *most) {
            refuse(format!("should have at most {most} items"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn schema() -> Value {
        json!({"type": "object", "properties": {"spec": {"type": "object", "required": ["size"], "properties": {
            "size": {"type": "integer", "minimum": 1},
            "color": {"type": "string", "enum": ["red", "blue"], "default": "red"},
            "port": {"x-kubernetes-int-or-string": true},
            "hosts": {"type": "array", "minItems": 1, "items": {"type": "string", "pattern": "^[a-z]+$"}},
        }}}})
    }

    fn refused(spec: Value) -> Vec<String> {
        let mut causes = Vec::new();
        check(&schema(), &json!({"spec": spec}), "", &mut causes);
        causes.iter().map(|cause| format!("{cause:?}").replace("\\\"", "\"")).collect()
    }

    #[test]
    fn defaults_are_filled_in() {
        let mut object = json!({"spec": {"size": 3}});
        fill(&schema(), &mut object);
        assert_eq!(object, json!({"spec": {"size": 3, "color": "red"}}));
    }

    #[test]
    fn what_the_schema_does_not_describe_is_dropped() {
        let schema = json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {
            "closed": {"type": "object"},
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
            "texts": {"type": "object", "additionalProperties": {"type": "string"}},
            "list": {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "integer"}}}},
        }}}});
        let mut object = json!({"kind": "K", "metadata": {"name": "n"}, "spec": {
            "closed": {"x": 1}, "free": {"x": {"y": 1}}, "texts": {"x": "1"}, "list": [{"a": 1, "b": 2}], "other": 1,
        }});
        let unknown = pruned(&schema, &mut object);
        assert_eq!(unknown, ["spec.closed.x", "spec.list[0].b", "spec.other"]);
        let left = json!({"closed": {}, "free": {"x": {"y": 1}}, "texts": {"x": "1"}, "list": [{"a": 1}]});
        assert_eq!(object, json!({"kind": "K", "metadata": {"name": "n"}, "spec": left}));
    }

    #[test]
    fn what_the_schema_refuses_is_told_field_by_field() {
        assert!(refused(json!({"size": 3, "port": "http", "hosts": ["a"]})).is_empty());
        let wrong = refused(json!({"size": 0, "color": "green", "hosts": ["A", 1]})).join("\n");
        for words in [
            "spec.size in body should be greater than or equal to 1",
            "Unsupported value: \"green\"",
            "spec.hosts[0] in body should match '^[a-z]+$'",
            "spec.hosts[1] in body must be of type string: \"integer\"",
        ] {
            assert!(wrong.contains(words), "`{words}` is missing in:\n{wrong}");
        }
        let missing = refused(json!({})).join("");
        assert!(missing.contains("Required value") && missing.contains("spec.size"), "{missing}");
    }
}
