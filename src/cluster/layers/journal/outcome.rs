//! What became of a change.

use super::managers;
use crate::object::Object;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The failure of a change that was written down and not sent: it has certainly not been carried out.
pub const NOT_SENT: &str = "not sent";

/// What became of a change.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The intent's number.
    pub id: u64,
    /// When, RFC 3339.
    pub time: String,
    /// The server's HTTP status; missing when there was no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Why there was no answer. `interrupted`: the run ended while the request was under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// What a later look at the object has shown, when there was no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<Found>,
    /// How long it took, repetitions included, in milliseconds.
    #[serde(default)]
    pub ms: u64,
    /// The object's own path.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// The object's uid.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub uid: String,
    /// The object's resourceVersion after the change.
    #[serde(default, rename = "resourceVersion", skip_serializing_if = "String::is_empty")]
    pub resource_version: String,
    /// Who had written fields of the object by then: manager, operation, time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub writers: Vec<String>,
    /// A digest of the fields that were the change's manager's own by then.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub owned: String,
    /// The merge patch that takes the change back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub back: Option<Value>,
    /// Whether contents of a Secret were changed, which are not kept.
    #[serde(default, skip_serializing_if = "is_false")]
    pub lost: bool,
}

/// What a later look shows of a change that nobody has heard the answer of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Found {
    /// It was carried out.
    Applied,
    /// It was not.
    NotApplied,
}

fn is_false(value: &bool) -> bool {
    !value
}

/// Who has written fields of an object that are not its status, as `manager operation time`.
pub fn writers(object: &Object) -> Vec<String> {
    writers_in(&managers(object))
}

/// The same of its `metadata.managedFields`.
pub fn writers_in(managers: &Value) -> Vec<String> {
    writers_by(managers, None)
}

/// A digest of the fields that a manager owns, whenever it has written them; empty when it owns none.
pub fn owned_by(managers: &Value, manager: &str) -> String {
    use sha2::Digest as _;
    let entries = managers.as_array().into_iter().flatten();
    let own = entries.filter(|entry| entry["manager"] == manager && entry.get("subresource").is_none());
    let mut own: Vec<String> =
        own.map(|entry| format!("{} {} {}", entry["operation"], entry["apiVersion"], entry["fieldsV1"])).collect();
    own.sort();
    match own.is_empty() {
        true => String::new(),
        false => sha2::Sha256::digest(own.join("\n")).iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}

/// Who has set the number of replicas through the subresource `scale`.
pub fn scalers_in(managers: &Value) -> Vec<String> {
    writers_by(managers, Some("scale"))
}

fn writers_by(managers: &Value, subresource: Option<&str>) -> Vec<String> {
    let entries = managers.as_array().into_iter().flatten();
    let fitting = entries.filter(|entry| entry.get("subresource").and_then(Value::as_str) == subresource);
    let text = |entry: &Value, key: &str| entry[key].as_str().unwrap_or_default().to_owned();
    fitting
        .map(|entry| format!("{} {} {}", text(entry, "manager"), text(entry, "operation"), text(entry, "time")))
        .collect()
}
