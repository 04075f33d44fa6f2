//! Tables: what `kubectl get` prints.

use super::call::{Call, Target};
use super::columns::{self, Column};
use super::read;
use serde_json::{Value, json};
use std::sync::Arc;

/// What a client wants to have in a table.
pub(super) struct Options {
    include: String,
    /// The moment at which ages are counted.
    pub now: jiff::Timestamp,
}

impl Options {
    pub fn of(call: &Call) -> Options {
        let include = call.query.filled("includeObject").unwrap_or("Metadata").to_owned();
        Options { include, now: call.server.time() }
    }
}

/// The table of one object.
pub(super) fn of_one(call: &Call, target: &Target, object: &Arc<Value>) -> Value {
    let metadata = json!({"resourceVersion": object["metadata"]["resourceVersion"]});
    of_list(call, target, std::slice::from_ref(object), metadata)
}

/// The table of a list.
pub(super) fn of_list(call: &Call, target: &Target, objects: &[Arc<Value>], metadata: Value) -> Value {
    table(&Options::of(call), target, objects, metadata, true)
}

/// The table in a watch event; only the first of a watch names its columns.
pub(super) fn event(options: &Options, target: &Target, object: &Arc<Value>, headed: bool) -> Value {
    let metadata = json!({"resourceVersion": object["metadata"]["resourceVersion"]});
    table(options, target, std::slice::from_ref(object), metadata, headed)
}

fn table(options: &Options, target: &Target, objects: &[Arc<Value>], metadata: Value, headed: bool) -> Value {
    let columns = columns::of(&target.kind, &target.version);
    let rows: Vec<_> = objects.iter().map(|object| row(options, target, &columns, object)).collect();
    let definitions = if headed { columns.iter().map(definition).collect() } else { Value::Null };
    json!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
        "columnDefinitions": definitions, "rows": rows,
    })
}

fn row(options: &Options, target: &Target, columns: &[Column], object: &Arc<Value>) -> Value {
    let cells: Vec<_> = columns.iter().map(|column| column.cell(object, options.now)).collect();
    let mut row = json!({"cells": cells});
    match options.include.as_str() {
        "None" => {}
        "Object" => row["object"] = read::as_version(target, object),
        _ => row["object"] = read::metadata_only(object),
    }
    row
}

fn definition(column: &Column) -> Value {
    let is_name = column.name == "Name";
    json!({
        "name": column.name, "type": column.kind, "format": if is_name { "name" } else { "" },
        "description": "", "priority": column.priority,
    })
}
