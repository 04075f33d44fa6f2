//! Events as objects: what `kubectl describe` shows, counted when something is said again.

use super::turn::{Event, is_terminating, kind, name, text, uid};
use serde_json::{Value, json};
use std::sync::Arc;

/// The namespace of events about an object.
pub(crate) fn namespace(about: &Value) -> &str {
    match text(about, "/metadata/namespace") {
        "" => "default",
        namespace => namespace,
    }
}

/// What the names of all events about an object begin with.
pub(crate) fn name_start(about: &Value) -> String {
    format!("{}.", name(about))
}

/// The event as stored: a new one, or the one among the earlier ones that says the same, counted up. `stamp` grows, so
/// that names sort as the events have happened: that is how clients show those of one second.
pub(crate) fn record(about: &Value, event: &Event, time: &str, earlier: &[Arc<Value>], stamp: i128) -> Value {
    match earlier.iter().find(|old| says_the_same(old, about, event)) {
        Some(old) => {
            let mut again = Value::clone(old);
            again["count"] = (old["count"].as_i64().unwrap_or(1) + 1).into();
            again["lastTimestamp"] = time.into();
            again
        }
        None => render(about, event, time, namespace(about), &format!("{}{stamp:x}", name_start(about))),
    }
}

fn says_the_same(old: &Value, about: &Value, event: &Event) -> bool {
    text(old, "/involvedObject/uid") == uid(about)
        && text(old, "/involvedObject/fieldPath") == event.field
        && text(old, "/reason") == event.reason
        && text(old, "/source/component") == event.component
        && text(old, "/message") == event.message
}

fn render(about: &Value, event: &Event, time: &str, namespace: &str, event_name: &str) -> Value {
    let mut involved = json!({
        "apiVersion": text(about, "/apiVersion"), "kind": kind(about), "name": name(about), "uid": uid(about),
    });
    for (key, value) in [
        ("namespace", text(about, "/metadata/namespace")),
        ("resourceVersion", text(about, "/metadata/resourceVersion")),
        ("fieldPath", event.field.as_str()),
    ] {
        if !value.is_empty() {
            involved[key] = value.into();
        }
    }
    let mut source = json!({ "component": event.component });
    let host = text(about, "/spec/nodeName");
    if event.component == "kubelet" && !host.is_empty() {
        source["host"] = host.into();
    }
    json!({
        "apiVersion": "v1", "kind": "Event", "metadata": { "name": event_name, "namespace": namespace },
        "involvedObject": involved, "reason": event.reason, "message": event.message, "type": event.severity,
        "source": source, "firstTimestamp": time, "lastTimestamp": time, "count": 1, "eventTime": null,
        "reportingComponent": event.component, "reportingInstance": host,
    })
}

/// Whether an event about this object may be stored: a terminating namespace takes none.
pub(crate) fn is_welcome(namespace: Option<&Value>) -> bool {
    namespace.is_some_and(|namespace| !is_terminating(namespace))
}
