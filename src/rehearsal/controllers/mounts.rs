//! What a pod needs before it can start: config maps and secrets that it mounts or reads variables from.

use super::turn::{View, items, text};
use serde_json::Value;

/// Why the kubelet cannot mount a volume yet, in its words; `None` when all can be mounted.
pub(crate) fn missing(view: &dyn View, pod: &Value) -> Option<String> {
    items(pod, "/spec/volumes").iter().find_map(|volume| {
        let words = missing_source(view, pod, volume)?;
        Some(format!("MountVolume.SetUp failed for volume \"{}\" : {words}", text(volume, "/name")))
    })
}

fn missing_source(view: &dyn View, pod: &Value, volume: &Value) -> Option<String> {
    let secret = source(view, pod, "Secret", &volume["secret"], "secretName");
    let map = source(view, pod, "ConfigMap", &volume["configMap"], "name");
    let projected = items(volume, "/projected/sources").iter().find_map(|part| {
        let map = source(view, pod, "ConfigMap", &part["configMap"], "name");
        map.or_else(|| source(view, pod, "Secret", &part["secret"], "name"))
    });
    secret.or(map).or(projected)
}

fn source(view: &dyn View, pod: &Value, kind: &str, source: &Value, key: &str) -> Option<String> {
    let name = source[key].as_str()?;
    if source["optional"] == true {
        return None;
    }
    let Some(object) = view.get(kind, Some(text(pod, "/metadata/namespace")), name) else {
        return Some(format!("{} \"{name}\" not found", kind.to_lowercase()));
    };
    let wanted = items(source, "/items").iter().map(|item| text(item, "/key"));
    let lacking = wanted.into_iter().find(|key| !has_key(&object, key))?;
    Some(if kind == "Secret" {
        format!("references non-existent secret key: {lacking}")
    } else {
        format!("configmap references non-existent config key: {lacking}")
    })
}

fn has_key(object: &Value, key: &str) -> bool {
    ["data", "binaryData"].iter().any(|part| object[part].get(key).is_some())
}

/// Why a container's environment cannot be made yet, in the kubelet's words.
pub(crate) fn missing_variable(view: &dyn View, pod: &Value, container: &Value) -> Option<String> {
    let single = items(container, "/env").iter().find_map(|variable| {
        let from = &variable["valueFrom"];
        let secret = variable_source(view, pod, "Secret", &from["secretKeyRef"]);
        secret.or_else(|| variable_source(view, pod, "ConfigMap", &from["configMapKeyRef"]))
    });
    single.or_else(|| {
        items(container, "/envFrom").iter().find_map(|from| {
            let secret = variable_source(view, pod, "Secret", &from["secretRef"]);
            secret.or_else(|| variable_source(view, pod, "ConfigMap", &from["configMapRef"]))
        })
    })
}

fn variable_source(view: &dyn View, pod: &Value, kind: &str, source: &Value) -> Option<String> {
    let name = source["name"].as_str()?;
    if source["optional"] == true {
        return None;
    }
    let namespace = text(pod, "/metadata/namespace");
    let Some(object) = view.get(kind, Some(namespace), name) else {
        return Some(format!("{} \"{name}\" not found", kind.to_lowercase()));
    };
    let key = source["key"].as_str().filter(|key| !has_key(&object, key))?;
    Some(format!("couldn't find key {key} in {kind} {namespace}/{name}"))
}
