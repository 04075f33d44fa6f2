//! The scheduler: gives pods a node.

use super::condition::{self, Condition};
use super::fitting;
use super::turn::{Action, Event, Id, Target, Turn, is_terminating, items, name, text};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const COMPONENT: &str = "default-scheduler";
const TAKES: Duration = Duration::from_millis(200);
/// How long a claim usually takes to be bound.
const BINDING: Duration = Duration::from_secs(2);

/// Gives a pod without a node the first one that fits, or says why none does.
pub(crate) fn schedule(turn: &mut Turn<'_>, pod: &Value) {
    let waits = turn.is_in("unbound");
    if is_terminating(pod) || !is_ours(pod) || !waits && !turn.stayed("unscheduled", TAKES) {
        return;
    }
    match choose(turn, pod) {
        Ok(Some(node)) => bind(turn, pod, &node),
        Ok(None) => {}
        Err(words) => refuse(turn, pod, &words),
    }
}

/// Pods that name another scheduler wait for that one.
fn is_ours(pod: &Value) -> bool {
    matches!(text(pod, "/spec/schedulerName"), "" | COMPONENT)
}

/// The node for a pod; nothing while a claim is being bound.
fn choose(turn: &mut Turn<'_>, pod: &Value) -> Result<Option<Arc<Value>>, String> {
    let nodes = turn.view().list("Node", None);
    if nodes.is_empty() {
        return Err("no nodes available to schedule pods".into());
    }
    let total = nodes.len();
    for volume in items(pod, "/spec/volumes") {
        let claim = text(volume, "/persistentVolumeClaim/claimName");
        if claim.is_empty() {
            continue;
        }
        let id = Id::new(text(pod, "/metadata/namespace"), claim);
        let words = match turn.get("PersistentVolumeClaim", &id) {
            None => format!("persistentvolumeclaim \"{claim}\" not found"),
            Some(found) if text(&found, "/status/phase") == "Bound" => continue,
            Some(_) if !turn.stayed("unbound", BINDING) => return Ok(None),
            Some(_) => "pod has unbound immediate PersistentVolumeClaims".to_owned(),
        };
        return Err(format!("0/{total} nodes are available: {words}. not found"));
    }
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    for node in &nodes {
        let obstacles = fitting::obstacles(pod, node);
        if obstacles.is_empty() {
            return Ok(Some(node.clone()));
        }
        obstacles.into_iter().for_each(|reason| *reasons.entry(reason).or_default() += 1);
    }
    let reasons: Vec<_> = reasons.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
    Err(format!(
        "0/{total} nodes are available: {}. no new claims to deallocate, preemption: 0/{total} nodes are available: \
         {total} Preemption is not helpful for scheduling.",
        reasons.join(", ")
    ))
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
