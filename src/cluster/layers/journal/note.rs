//! What a run does beside its changes.

use serde::{Deserialize, Serialize};

/// Something else that a run does and its journal keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Note {
    /// A wait has ended.
    Wait {
        /// When it ended, RFC 3339.
        time: String,
        /// What was waited for: `Deployment istio-system/istiod ready`.
        what: String,
        /// How long it took, in milliseconds.
        ms: u64,
        /// Whether it was met.
        met: bool,
        /// The script line that asked for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        line: Option<String>,
    },
    /// A context that the run's beginning does not name is about to be changed: which cluster it is.
    Cluster {
        /// When it was asked, RFC 3339.
        time: String,
        /// The context name.
        cluster: String,
        /// The uid of namespace kube-system; empty when it does not tell.
        uid: String,
        /// Whether it is no context: the script has connected to it with a kubeconfig of its own, which is not kept.
        #[serde(default, rename = "inHand", skip_serializing_if = "std::ops::Not::not")]
        in_hand: bool,
    },
    /// The certificate of a cluster's server is not checked.
    Unchecked {
        /// When it was connected to, RFC 3339.
        time: String,
        /// The context name.
        cluster: String,
    },
    /// A local program has ended.
    Exec {
        /// When it ended, RFC 3339.
        time: String,
        /// The command, secrets masked.
        command: String,
        /// Its exit code; missing when it did not end by itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<i32>,
        /// How long it took, in milliseconds.
        ms: u64,
        /// The script line that asked for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        line: Option<String>,
    },
}
