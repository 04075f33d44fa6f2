//! HorizontalPodAutoscalers: they see how many replicas there are. Nothing is measured here, as in a cluster without
//! metrics, so they never change that.

use super::condition::{self, Condition};
use super::turn::{Id, Turn, View, kind, name, number, text};
use serde_json::{Value, json};

const NO_METRICS: &str = "the HPA was unable to compute the replica count: unable to get metrics for resource cpu: unable to fetch metrics from resource metrics API: the server could not find the requested resource (get pods.metrics.k8s.io)";

/// The autoscalers that a change of `object` concerns.
pub(crate) fn concerns(view: &dyn View, object: &Value) -> Vec<Id> {
    match kind(object) {
        "HorizontalPodAutoscaler" => vec![Id::of(object)],
        "Deployment" | "StatefulSet" | "ReplicaSet" => {
            let all = view.list("HorizontalPodAutoscaler", Some(text(object, "/metadata/namespace")));
            let own = all.iter().filter(|one| {
                let target = &one["spec"]["scaleTargetRef"];
                target["kind"] == kind(object) && target["name"] == name(object)
            });
            own.map(|one| Id::of(one)).collect()
        }
        _ => Vec::new(),
    }
}

/// Writes down how many replicas the target has.
pub(crate) fn reconcile(turn: &mut Turn<'_>, id: &Id) {
    let Some(autoscaler) = turn.get("HorizontalPodAutoscaler", id) else { return };
    let target = &autoscaler["spec"]["scaleTargetRef"];
    let target = Id::new(&id.namespace, target["name"].as_str().unwrap_or_default());
    let Some(target) = turn.get(text(&autoscaler, "/spec/scaleTargetRef/kind"), &target) else { return };
    let gets = "the HPA controller was able to get the target's current scale";
    let wanted = [
        Condition { name: "AbleToScale", holds: true, reason: "SucceededGetScale", message: gets },
        Condition { name: "ScalingActive", holds: false, reason: "FailedGetResourceMetric", message: NO_METRICS },
    ];
    let status = json!({
        "currentReplicas": number(&target, "/status/replicas").unwrap_or(0), "desiredReplicas": 0,
        "currentMetrics": null, "conditions": condition::set(&autoscaler, &wanted, turn.time(), false),
    });
    turn.patch(&autoscaler, json!({ "status": status }));
}
