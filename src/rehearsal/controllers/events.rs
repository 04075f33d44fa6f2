//! Events as objects: what `kubectl describe` shows, counted when something is said again.

use super::template::safe_name;
use super::turn::{Event, is_terminating, kind, name, text, uid};
use serde_json::{Value, json};

/// The event as stored: a new one, or the one that said the same before, counted up. `find` reads an Event by name.
pub(crate) fn record(about: &Value, event: &Event, time: &str, find: impl Fn(&str, &str) -> Option<Value>) -> Value {
    let namespace = match text(about, "/metadata/namespace") {
        "" => "default",
        namespace => namespace,
    };
    let seed = format!("{}/{}/{}/{}/{}", uid(about), event.component, event.reason, event.field, event.message);
    let event_name = format!("{}.{}", name(about), safe_name(&seed, 16));
    match find(namespace, &event_name) {
        Some(mut old) => {
            old["count"] = (old["count"].as_i64().unwrap_or(1) + 1).into();
            old["lastTimestamp"] = time.into();
            old
        }
        None => render(about, event, time, namespace, &event_name),
    }
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
