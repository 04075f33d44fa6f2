//! A request that is sent again.

use serde::{Deserialize, Serialize};

/// A request that is sent again: a change, or a read on the way.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Repetition {
    /// The intent's number, for changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<u64>,
    /// When, RFC 3339.
    pub time: String,
    /// The context name.
    pub cluster: String,
    /// HTTP method.
    pub method: String,
    /// Path with query.
    pub path: String,
    /// `Kind namespace/name`.
    pub object: String,
    /// Which repetition this is, from 1.
    pub number: u32,
    /// Why.
    pub reason: String,
}
