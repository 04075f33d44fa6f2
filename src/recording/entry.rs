//! The lines of a recording.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The format of the file, in its first line.
pub(super) const FORMAT: u32 = 1;

/// What was run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Start {
    /// The format of the file.
    #[serde(rename = "meshwrightRecording")]
    pub format: u32,
    /// The version of meshwright.
    pub program: String,
    /// The script's name.
    pub script: String,
    /// Where the script is, seen from the recording's folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// The parameters; secrets by name only.
    pub params: serde_json::Map<String, Value>,
    /// Whether the clusters were rehearsed ones.
    pub rehearsed: bool,
}

/// A line of a recording after the first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Entry {
    /// A cluster was connected.
    Cluster(Named),
    /// A request was answered.
    Request(Request),
    /// A local program ran.
    Program(Program),
    /// A program ran in a container.
    Container(Container),
}

/// A cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Named {
    /// The context name.
    pub name: String,
    /// Its API server's URL.
    pub server: String,
}

/// A request and its answer. Bodies are JSON; text where they are none, a list of events where they are a watch.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Request {
    pub cluster: String,
    pub number: u64,
    pub method: String,
    pub path: String,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub sent: Value,
    pub status: u16,
    #[serde(default, rename = "type", skip_serializing_if = "String::is_empty")]
    pub content_type: String,
    pub answer: Value,
    /// Whether it is the end of a watch that broke off, of which parts stand before.
    #[serde(default, skip_serializing_if = "is_false")]
    pub broken: bool,
}

fn is_false(value: &bool) -> bool {
    !value
}

/// A program that ran.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Program {
    pub tool: String,
    pub argv: Vec<String>,
    #[serde(flatten)]
    pub printed: Printed,
}

/// A program that ran in a container.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Container {
    pub cluster: String,
    pub pod: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    pub argv: Vec<String>,
    #[serde(flatten)]
    pub printed: Printed,
}

/// What a program printed and how it ended.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Printed {
    pub code: i32,
    pub stdout: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stderr: String,
}
