//! Whether a pod fits a node, in the scheduler's order and words.
//!
//! A pod is held against the whole node: what other pods ask for is not added up, so that a rehearsal of many pods needs
//! no bigger machine than one of few.

use super::condition;
use super::turn::{items, name, text};
use serde_json::Value;

/// Why a pod does not fit a node; several reasons for resources only.
pub(crate) fn obstacles(pod: &Value, node: &Value) -> Vec<String> {
    let one = |words: &str| vec![format!("node(s) {words}")];
    if node["spec"]["unschedulable"] == true && !tolerates(pod, &cordon()) {
        return one("were unschedulable");
    }
    if items(node, "/spec/taints").iter().any(|taint| repels(taint) && !tolerates(pod, taint)) {
        return one("had untolerated taint(s)");
    }
    if !is_chosen(pod, node) {
        return one("didn't match Pod's node affinity/selector");
    }
    let lacks = |resource: &str| {
        let has = amount(&node["status"]["allocatable"][resource]);
        has.is_some_and(|has| asked(pod, resource) > has)
    };
    ["cpu", "memory"].into_iter().filter(|one| lacks(one)).map(|one| format!("Insufficient {one}")).collect()
}

fn cordon() -> Value {
    serde_json::json!({ "key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule" })
}

fn repels(taint: &Value) -> bool {
    matches!(text(taint, "/effect"), "NoSchedule" | "NoExecute")
}

fn tolerates(pod: &Value, taint: &Value) -> bool {
    items(pod, "/spec/tolerations").iter().any(|toleration| {
        let (key, effect) = (text(toleration, "/key"), text(toleration, "/effect"));
        let any = text(toleration, "/operator") == "Exists";
        (effect.is_empty() || effect == text(taint, "/effect"))
            && (key == text(taint, "/key") || any && key.is_empty())
            && (any || text(toleration, "/value") == text(taint, "/value"))
    })
}

/// Whether the pod's node selector and its required affinity allow a node.
pub(crate) fn is_chosen(pod: &Value, node: &Value) -> bool {
    let labels = &node["metadata"]["labels"];
    let selected = pod["spec"]["nodeSelector"]
        .as_object()
        .is_none_or(|pairs| pairs.is_empty() || condition::matches(pairs, labels));
    let required = "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms";
    let terms = items(pod, required);
    selected && (terms.is_empty() || terms.iter().any(|term| takes(term, node)))
}

fn takes(term: &Value, node: &Value) -> bool {
    let labels = items(term, "/matchExpressions");
    let fields = items(term, "/matchFields");
    let by_name = serde_json::json!({ "metadata.name": name(node) });
    !(labels.is_empty() && fields.is_empty())
        && labels.iter().all(|expression| holds_for(expression, &node["metadata"]["labels"]))
        && fields.iter().all(|expression| holds_for(expression, &by_name))
}

/// Whether one expression of a node selector holds: one of label selectors, or a comparison of whole numbers.
fn holds_for(expression: &Value, labels: &Value) -> bool {
    let compare: fn(&i64, &i64) -> bool = match text(expression, "/operator") {
        "Gt" => i64::gt,
        "Lt" => i64::lt,
        _ => return condition::holds_for(expression, labels),
    };
    let number = |value: &Value| value.as_str()?.parse::<i64>().ok();
    let has = labels.get(text(expression, "/key")).and_then(number);
    let limit = expression.pointer("/values/0").and_then(number);
    has.zip(limit).is_some_and(|(has, limit)| compare(&has, &limit))
}

/// What a pod asks for of a resource: its containers together, or its hungriest init container.
fn asked(pod: &Value, resource: &str) -> f64 {
    let of = |container: &Value| amount(&container["resources"]["requests"][resource]).unwrap_or(0.0);
    let all: f64 = items(pod, "/spec/containers").iter().map(of).sum();
    items(pod, "/spec/initContainers").iter().map(of).fold(all, f64::max)
}

/// A quantity as a number: `500m`, `2`, `1Gi`.
pub(crate) fn amount(quantity: &Value) -> Option<f64> {
    const UNITS: &[(&str, f64)] = &[
        ("Ki", 1024.0),
        ("Mi", 1_048_576.0),
        ("Gi", 1_073_741_824.0),
        ("Ti", 1_099_511_627_776.0),
        ("Pi", 1_125_899_906_842_624.0),
        ("m", 0.001),
        ("k", 1e3),
        ("M", 1e6),
        ("G", 1e9),
        ("T", 1e12),
    ];
    if let Some(number) = quantity.as_f64() {
        return Some(number);
    }
    let text = quantity.as_str()?;
    let unit = UNITS.iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, *factor)));
    let (number, factor) = unit.unwrap_or((text, 1.0));
    Some(number.parse::<f64>().ok()? * factor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn pods_are_kept_from_nodes_for_the_reasons_of_the_scheduler() {
        let node = json!({
            "metadata": { "name": "n", "labels": { "disk": "ssd" } },
            "spec": { "taints": [{ "key": "k", "value": "v", "effect": "NoSchedule" }] },
            "status": { "allocatable": { "cpu": "8", "memory": "32Gi" } },
        });
        let tolerant = json!([{ "key": "k", "operator": "Exists" }]);
        let requests = json!({ "requests": { "cpu": "9000m", "memory": "33Gi" } });
        let term = |key: &str| {
            json!({ "nodeAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [{ "matchExpressions": [{ "key": key, "operator": "Exists" }] }] } } })
        };
        let affinity = "node(s) didn't match Pod's node affinity/selector";
        for (spec, words) in [
            (json!({}), vec!["node(s) had untolerated taint(s)"]),
            (json!({ "tolerations": tolerant }), vec![]),
            (json!({ "tolerations": tolerant, "nodeSelector": { "disk": "hdd" } }), vec![affinity]),
            (json!({ "tolerations": tolerant, "affinity": term("gpu") }), vec![affinity]),
            (json!({ "tolerations": tolerant, "affinity": term("disk") }), vec![]),
            (
                json!({ "tolerations": tolerant, "containers": [{ "resources": requests }] }),
                vec!["Insufficient cpu", "Insufficient memory"],
            ),
        ] {
            assert_eq!(obstacles(&json!({ "spec": spec }), &node), words, "{spec}");
        }
    }

    #[test]
    fn affinity_compares_whole_numbers() {
        let node = json!({ "metadata": { "name": "n", "labels": { "cores": "8", "disk": "ssd" } } });
        for (key, operator, value, fits) in [
            ("cores", "Gt", "7", true),
            ("cores", "Gt", "8", false),
            ("cores", "Lt", "10", true),
            ("cores", "Lt", "8", false),
            ("cores", "Gt", "x", false),
            ("disk", "Lt", "9", false),
            ("none", "Lt", "9", false),
        ] {
            let term = json!({ "matchExpressions": [{ "key": key, "operator": operator, "values": [value] }] });
            assert_eq!(takes(&term, &node), fits, "{term}");
        }
    }
}
