//! The scheduler: gives pods a node.

use super::condition::{self, Condition};
use super::turn::{Action, Event, Target, Turn, is_terminating, items, name, text};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

const COMPONENT: &str = "default-scheduler";
const TAKES: Duration = Duration::from_millis(200);

/// Gives a pod without a node the first one that fits, or says why none does.
pub(crate) fn schedule(turn: &mut Turn<'_>, pod: &Value) {
    if is_terminating(pod) || !is_ours(pod) || !turn.stayed("unscheduled", TAKES) {
        return;
    }
    match choose(turn, pod) {
        Ok(node) => bind(turn, pod, &node),
        Err(words) => refuse(turn, pod, &words),
    }
}

/// Pods that name another scheduler wait for that one.
fn is_ours(pod: &Value) -> bool {
    matches!(text(pod, "/spec/schedulerName"), "" | COMPONENT)
}

fn choose(turn: &Turn<'_>, pod: &Value) -> Result<Arc<Value>, String> {
    let namespace = Some(text(pod, "/metadata/namespace"));
    let nodes = turn.view().list("Node", None);
    for volume in items(pod, "/spec/volumes") {
        let claim = text(volume, "/persistentVolumeClaim/claimName");
        if !claim.is_empty() && turn.view().get("PersistentVolumeClaim", namespace, claim).is_none() {
            return Err(format!("persistentvolumeclaim \"{claim}\" not found"));
        }
    }
    let node = nodes.iter().find(|node| node["spec"]["unschedulable"] != true && fits(pod, node));
    node.cloned().ok_or_else(|| unschedulable(pod, &nodes))
}

/// Whether a pod's node selector allows a node.
pub(crate) fn fits(pod: &Value, node: &Value) -> bool {
    let Some(pairs) = pod["spec"]["nodeSelector"].as_object() else { return true };
    pairs.is_empty() || condition::matches(pairs, &node["metadata"]["labels"])
}

fn unschedulable(pod: &Value, nodes: &[Arc<Value>]) -> String {
    if nodes.is_empty() {
        return "no nodes available to schedule pods".into();
    }
    let total = nodes.len();
    let misfits = nodes.iter().filter(|node| !fits(pod, node)).count();
    let mut reasons = Vec::new();
    if misfits > 0 {
        reasons.push(format!("{misfits} node(s) didn't match Pod's node affinity/selector"));
    }
    if misfits < total {
        reasons.push(format!("{} node(s) were unschedulable", total - misfits));
    }
    format!(
        "0/{total} nodes are available: {}. preemption: 0/{total} nodes are available: {total} Preemption is not \
         helpful for scheduling.",
        reasons.join(", ")
    )
}

fn bind(turn: &mut Turn<'_>, pod: &Value, node: &Value) {
    let scheduled = Condition { name: "PodScheduled", holds: true, reason: "", message: "" };
    let conditions = condition::set(pod, &[scheduled], turn.time(), false);
    let merge =
        json!({ "spec": { "nodeName": name(node) }, "status": { "phase": "Pending", "conditions": conditions } });
    turn.want(Action::Patch(Target::of(pod), merge));
    let message = format!("Successfully assigned {}/{} to {}", text(pod, "/metadata/namespace"), name(pod), name(node));
    turn.event(pod, Event::normal("Scheduled", message, COMPONENT));
}

fn refuse(turn: &mut Turn<'_>, pod: &Value, words: &str) {
    let before = condition::find(pod, "PodScheduled").map(|condition| text(condition, "/message"));
    if before == Some(words) {
        return;
    }
    let refused = Condition { name: "PodScheduled", holds: false, reason: "Unschedulable", message: words };
    let conditions = condition::set(pod, &[refused], turn.time(), false);
    turn.patch(pod, json!({ "status": { "phase": "Pending", "conditions": conditions } }));
    turn.event(pod, Event::warning("FailedScheduling", words, COMPONENT));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rehearsal::World;

    #[test]
    fn pods_of_another_scheduler_wait_for_it() {
        crate::clock::simulated(async |clock| {
            let world = World::new(clock.clone(), &["east"]);
            world.start();
            let east = world.server("east").expect("east").clone();
            let pod = |name: &str, scheduler: &str| {
                json!({
                    "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name, "namespace": "default" },
                    "spec": { "schedulerName": scheduler, "containers": [{ "name": "a", "image": "a" }] },
                })
            };
            east.put(pod("theirs", "another"));
            east.put(pod("ours", COMPONENT));
            clock.sleep(Duration::from_secs(60)).await;
            let seen = |name: &str| east.get("Pod", Some("default"), name).unwrap_or_default();
            assert_eq!(text(&seen("ours"), "/status/phase"), "Running");
            assert_eq!(
                (text(&seen("theirs"), "/spec/nodeName"), text(&seen("theirs"), "/status/phase")),
                ("", "Pending")
            );
        });
    }
}
