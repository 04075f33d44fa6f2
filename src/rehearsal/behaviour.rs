//! What the software in the pods does, as the rehearsal asks for it.

use super::World;
use serde_json::Value;

/// What a program in a container answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// Exit code.
    pub code: i32,
}

/// What the software in the pods does. Called without any lock held; may read and write the world's servers directly.
pub trait Behaviour: Send + Sync {
    /// A program run in a container by `exec`.
    fn exec(&self, world: &World, cluster: &str, pod: &Value, container: &str, argv: &[String], stdin: &str) -> Answer;
    /// A container's log so far.
    fn logs(&self, world: &World, cluster: &str, pod: &Value, container: &str) -> String;
    /// Why a running pod is not ready yet; `None` when it is. Asked about once a simulated second until it is ready.
    fn unready(&self, world: &World, cluster: &str, pod: &Value) -> Option<String>;
    /// Admission: the object as mutating webhooks would change it, or the words of the refusal.
    fn admit(&self, world: &World, cluster: &str, object: Value) -> Result<Value, String>;
    /// Called after anything has changed in any cluster, at most once per simulated half second: what installed
    /// controllers would write (root certificates into namespaces, CA bundles into webhooks).
    fn reconcile(&self, world: &World);
}

/// Pods that are ready at once, answer nothing and log nothing.
pub struct Inert;

impl Behaviour for Inert {
    fn exec(&self, _: &World, _: &str, _: &Value, _: &str, argv: &[String], _: &str) -> Answer {
        let program = argv.first().cloned().unwrap_or_default();
        let why = "this pod is rehearsed, no program runs in it; what its programs answer is written in rehearsal.rhai";
        Answer { code: 127, stderr: format!("{program}: not found: {why}\n"), ..Answer::default() }
    }

    fn logs(&self, _: &World, _: &str, _: &Value, _: &str) -> String {
        String::new()
    }

    fn unready(&self, _: &World, _: &str, _: &Value) -> Option<String> {
        None
    }

    fn admit(&self, _: &World, _: &str, object: Value) -> Result<Value, String> {
        Ok(object)
    }

    fn reconcile(&self, _: &World) {}
}
