//! Replays what a real API server (Kubernetes 1.34) answered to applies, updates and patches, and compares.
//!
//! The environment variable `RECORDING` names another recording than the one that comes with the code.

use super::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The recording: per step what was sent and the answer. The object before a step is what the last successful step
/// with it has answered, unless the step says otherwise.
const RECORDING: &str = include_str!("recorded.json");

/// What the server keeps about an object by itself.
const BOOKKEEPING: [&str; 5] = ["uid", "resourceVersion", "creationTimestamp", "generation", "managedFields"];

struct Step<'a> {
    step: &'a Value,
    live: Option<Value>,
    schema: Schema,
}

impl Step<'_> {
    fn text(&self, key: &str) -> &str {
        self.step[key].as_str().unwrap_or_default()
    }

    fn live(&self) -> Option<&Value> {
        self.live.as_ref()
    }

    fn succeeded(&self) -> bool {
        self.step["code"].as_u64().is_some_and(|code| code < 300)
    }

    /// When the answer's newest entry was written.
    fn time(&self) -> &str {
        let entries = self.step["result"]["metadata"]["managedFields"].as_array().into_iter().flatten();
        entries.filter_map(|entry| entry["time"].as_str()).max().unwrap_or("2026-01-01T00:00:00Z")
    }

    fn apply(&self) -> Result<Value, Vec<Conflict>> {
        apply(&Apply {
            live: self.live(),
            applied: &self.step["sent"],
            manager: self.text("manager"),
            force: self.step["force"] == json!(true),
            subresource: self.text("subresource"),
            time: self.time(),
            schema: &self.schema,
        })
    }

    fn check(&self) -> Result<(), String> {
        match self.text("step") {
            "apply" => self.check_apply(),
            "strategic" => self.check_strategic().and_then(|()| self.check_update()),
            _ => self.check_update(),
        }
    }

    fn check_apply(&self) -> Result<(), String> {
        let result = &self.step["result"];
        match self.apply() {
            Ok(_) if !self.succeeded() => Err("should conflict".to_owned()),
            Ok(object) => self.managed(&object).and_then(|()| covers(&bare(&object), &bare(result), "")),
            Err(conflicts) if self.succeeded() => Err(format!("should succeed: {conflicts:?}")),
            Err(conflicts) => {
                let mut causes: Vec<_> = conflicts.iter().map(|conflict| conflict.cause().to_string()).collect();
                let real = result["details"]["causes"].as_array().into_iter().flatten();
                let mut real: Vec<_> = real.map(Value::to_string).collect();
                causes.sort();
                real.sort();
                same(json!(causes), json!(real))?;
                same(json!(Conflict::message(&conflicts)), result["message"].clone())
            }
        }
    }

    fn check_update(&self) -> Result<(), String> {
        if !self.succeeded() {
            return Ok(());
        }
        let mut new = self.step["result"].clone();
        self.before_allocation(&mut new);
        if self.text("kind") == "Thing" && self.text("subresource") == "status" {
            new["metadata"] = self.step["sent"]["metadata"].clone();
        }
        new["metadata"].as_object_mut().map(|metadata| metadata.remove("managedFields"));
        if let (true, Some(sent)) = (self.text("step") == "update", self.step["sent"]["metadata"].get("managedFields"))
        {
            new["metadata"]["managedFields"] = sent.clone();
        }
        self.managed(&update(
            self.live(),
            new,
            self.text("manager"),
            self.text("subresource"),
            self.time(),
            &self.schema,
        ))
    }

    /// What the server allocates for a service comes after the books.
    fn before_allocation(&self, new: &mut Value) {
        if self.text("kind") != "Service" || self.live().is_some() {
            return;
        }
        for field in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
            new["spec"].as_object_mut().map(|spec| spec.remove(field));
        }
    }

    fn check_strategic(&self) -> Result<(), String> {
        let live = self.live().expect("live");
        match strategic_merge(live, &self.step["sent"], &self.schema) {
            Ok(_) if !self.succeeded() => Err("should be refused".to_owned()),
            Ok(object) => covers(&bare(&object), &bare(&self.step["result"]), ""),
            Err(refusal) if self.succeeded() => Err(format!("should succeed: {refusal}")),
            Err(refusal) => same(json!(refusal), self.step["result"]["message"].clone()),
        }
    }

    fn managed(&self, object: &Value) -> Result<(), String> {
        let entries = |object: &Value| object["metadata"]["managedFields"].clone();
        same(entries(object), entries(&self.step["result"]))
    }
}

fn same(ours: Value, real: Value) -> Result<(), String> {
    match difference(&ours, &real, "") {
        Some(difference) => Err(difference),
        None => Ok(()),
    }
}

/// The first place where two values differ.
fn difference(ours: &Value, real: &Value, path: &str) -> Option<String> {
    match (ours, real) {
        (Value::Object(one), Value::Object(two)) => {
            one.keys().chain(two.keys()).find_map(|key| difference(&ours[key], &real[key], &format!("{path} {key}")))
        }
        (Value::Array(one), Value::Array(two)) if one.len() == two.len() => {
            one.iter().zip(two).enumerate().find_map(|(i, (one, two))| difference(one, two, &format!("{path} {i}")))
        }
        _ => (ours != real).then(|| format!("{path}: ours {ours}, real {real}")),
    }
}

fn bare(object: &Value) -> Value {
    let mut object = object.clone();
    for field in BOOKKEEPING {
        object["metadata"].as_object_mut().map(|metadata| metadata.remove(field));
    }
    object
}

/// Whether the real object is ours with defaults added.
fn covers(ours: &Value, real: &Value, path: &str) -> Result<(), String> {
    match (ours, real) {
        (Value::Object(ours), _) => ours
            .iter()
            .filter(|(key, _)| *key != "serviceAccount")
            .filter(|(_, value)| **value != json!({}) && !value.is_null() && **value != json!([]))
            .try_for_each(|(key, value)| covers(value, &real[key], &format!("{path}.{key}"))),
        (Value::Array(ours), Value::Array(real)) if ours.len() == real.len() => {
            ours.iter().zip(real).try_for_each(|(ours, real)| covers(ours, real, &format!("{path}[]")))
        }
        _ if ours == real => Ok(()),
        _ => Err(format!("{path}: ours {ours}, real {real}")),
    }
}

#[test]
fn a_real_server_does_the_same() {
    let text = std::env::var("RECORDING").map(|path| std::fs::read_to_string(path).expect("recording"));
    let recording: Value = serde_json::from_str(text.as_deref().unwrap_or(RECORDING)).expect("json");
    let thing = Schema::from_open_api(&recording["thing"]);
    let mut failures = Vec::new();
    let steps = recording["steps"].as_array().expect("steps");
    let mut stored: BTreeMap<&str, Value> = BTreeMap::new();
    for (index, step) in steps.iter().enumerate() {
        let object = step["object"].as_str().expect("object");
        let live = step.get("live").or(stored.get(object)).filter(|live| !live.is_null()).cloned();
        let kind = step["kind"].as_str().expect("kind");
        let version = step["version"].as_str().expect("version");
        let schema = if kind == "Thing" { thing.clone() } else { Schema::built_in(version, kind) };
        if let Err(why) = (Step { step, live, schema }).check() {
            failures.push(format!("step {index}, {} {kind}: {why}", step["step"]));
        }
        if step["code"].as_u64().is_some_and(|code| code < 300) {
            stored.insert(object, step["result"].clone());
        }
    }
    let shown: Vec<_> = failures.iter().take(12).map(String::as_str).collect();
    assert!(failures.is_empty(), "{} of {} steps differ:\n{}", failures.len(), steps.len(), shown.join("\n"));
}
