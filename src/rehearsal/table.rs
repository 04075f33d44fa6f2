//! Tables: what `kubectl get` prints.

use super::call::{Call, Target};
use serde_json::{Value, json};
use std::sync::Arc;

/// What a client wants to have in a table.
pub(super) struct Options {
    include: String,
    now: jiff::Timestamp,
}

impl Options {
    pub fn of(call: &Call) -> Options {
        let include = call.query.filled("includeObject").unwrap_or("Metadata").to_owned();
        Options { include, now: call.server.time() }
    }
}

pub(super) fn of_one(call: &Call, target: &Target, object: &Arc<Value>) -> Value {
    let metadata = json!({"resourceVersion": object["metadata"]["resourceVersion"]});
    of_list(call, target, std::slice::from_ref(object), metadata)
}

pub(super) fn of_list(call: &Call, target: &Target, objects: &[Arc<Value>], metadata: Value) -> Value {
    table(&Options::of(call), target, objects, metadata, true)
}

/// The table in a watch event.
pub(super) fn event(options: &Options, target: &Target, object: &Arc<Value>, headed: bool) -> Value {
    let metadata = json!({"resourceVersion": object["metadata"]["resourceVersion"]});
    table(options, target, std::slice::from_ref(object), metadata, headed)
}

fn table(options: &Options, target: &Target, objects: &[Arc<Value>], metadata: Value, headed: bool) -> Value {
    let _ = (options, target, headed, &options.include, options.now);
    json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata, "columnDefinitions": [], "rows": objects.len()})
}
