//! Kinds that are served in a version that says the same in other words: autoscalers of `autoscaling/v1`.

use super::kinds::Kind;
use super::tree::{at, items, path, unset};
use serde_json::{Value, json};
use std::borrow::Cow;

/// Where old clients find what their version has no words for.
const METRICS: &str = "autoscaling.alpha.kubernetes.io/metrics";
const CPU: &str = "targetCPUUtilizationPercentage";

fn is_old_autoscaler(kind: &Kind, version: &str) -> bool {
    version == "v1" && kind.resource() == "horizontalpodautoscalers.autoscaling"
}

/// What a client sends in this version, as it is stored.
pub(super) fn stored(kind: &Kind, version: &str, object: &mut Value) {
    if !is_old_autoscaler(kind, version) {
        return;
    }
    let kept = object.get_mut("metadata").and_then(|metadata| unset(metadata.get_mut("annotations")?, METRICS));
    let kept = kept.and_then(|text| serde_json::from_str(text.as_str()?).ok());
    let mut metrics: Vec<Value> = kept.unwrap_or_default();
    let spec = at(object, "spec");
    if let Some(percent) = unset(spec, CPU).filter(Value::is_number) {
        let target = json!({"type": "Utilization", "averageUtilization": percent});
        metrics.push(json!({"type": "Resource", "resource": {"name": "cpu", "target": target}}));
    }
    if !metrics.is_empty() {
        *at(spec, "metrics") = metrics.into();
    }
}

/// What is stored, as a client reads it in this version.
pub(super) fn shown<'v>(kind: &Kind, version: &str, object: &'v Value) -> Cow<'v, Value> {
    if !is_old_autoscaler(kind, version) {
        return Cow::Borrowed(object);
    }
    let mut object = object.clone();
    let percent = |metric: &Value| {
        let resource = &metric["resource"];
        resource["target"]["averageUtilization"].as_i64().filter(|_| resource["name"] == "cpu")
    };
    let metrics = unset(at(&mut object, "spec"), "metrics").unwrap_or_default();
    let (cpu, others): (Vec<_>, Vec<_>) = items(&metrics).iter().partition(|metric| percent(metric).is_some());
    if let Some(cpu) = cpu.first().and_then(|metric| percent(metric)) {
        object["spec"][CPU] = cpu.into();
    }
    if !others.is_empty() {
        *path(&mut object, &["metadata", "annotations", METRICS]) = json!(others).to_string().into();
    }
    for key in ["conditions", "currentMetrics"] {
        object.get_mut("status").and_then(|status| unset(status, key));
    }
    Cow::Owned(object)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rehearsal::kinds;

    #[test]
    fn an_autoscaler_says_the_same_in_both_versions() {
        let kind = kinds::built_in("autoscaling", "horizontalpodautoscalers").expect("autoscalers");
        let old = json!({"spec": {"maxReplicas": 4, CPU: 55}, "status": {}});
        let mut object = old.clone();
        stored(&kind, "v1", &mut object);
        assert_eq!(object["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"], 55);
        assert_eq!(*shown(&kind, "v1", &object), old);
        assert!(matches!(shown(&kind, "v2", &object), Cow::Borrowed(_)));
        let memory = json!({"type": "Resource", "resource": {"name": "memory"}});
        object["spec"]["metrics"] = json!([memory]);
        let mut old = shown(&kind, "v1", &object).into_owned();
        assert_eq!(old["spec"].get("metrics"), None);
        stored(&kind, "v1", &mut old);
        assert_eq!(old["spec"]["metrics"], json!([memory]));
    }
}
