//! Pods from templates: their hash, their names, and what their owner adds.

use super::condition::holds;
use super::owner;
use super::turn::{is_terminating, name, text, uid};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The characters that Kubernetes uses in generated names: no vowels, no digits that look like letters.
const SAFE: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// `length` characters that look random and follow from `seed` alone.
pub(crate) fn safe_name(seed: &str, length: usize) -> String {
    let digest = Sha256::digest(seed.as_bytes());
    digest.iter().take(length).map(|byte| char::from(SAFE[usize::from(*byte) % SAFE.len()])).collect()
}

/// The hash of a pod template, as labels and names carry it.
pub(crate) fn hash(template: &Value) -> String {
    safe_name(&template.to_string(), 10)
}

/// A pod from the template of `owner`, in its namespace.
pub(crate) fn pod(owner: &Value, template: &Value, pod_name: &str) -> Value {
    let mut metadata = json!({
        "name": pod_name, "namespace": text(owner, "/metadata/namespace"),
        "ownerReferences": [owner::reference(owner)],
    });
    for key in ["labels", "annotations", "finalizers"] {
        if let Some(value) = template["metadata"].get(key).filter(|value| !value.is_null()) {
            metadata[key] = value.clone();
        }
    }
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"].clone() })
}

/// Adds labels to a pod.
pub(crate) fn label(pod: &mut Value, pairs: &[(&str, &str)]) {
    for (key, value) in pairs {
        pod["metadata"]["labels"][*key] = (*value).into();
    }
}

/// A name under `owner` that has not been given out: the owner's name and five characters.
pub(crate) fn child_name(owner: &Value, number: u64) -> String {
    let seed = format!("{}/{number}", uid(owner));
    format!("{}-{}", name(owner), safe_name(&seed, 5))
}

/// Whether a pod still counts: neither finished nor on its way out.
pub(crate) fn is_active(pod: &Value) -> bool {
    !is_terminating(pod) && !matches!(text(pod, "/status/phase"), "Succeeded" | "Failed")
}

/// Whether a pod is ready for traffic.
pub(crate) fn is_ready(pod: &Value) -> bool {
    holds(pod, "Ready")
}
