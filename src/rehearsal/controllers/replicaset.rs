//! ReplicaSets: as many pods from the template as asked for.

use super::condition::{self, Condition};
use super::template::{self, child_name, is_active, is_ready};
use super::turn::{Action, Event, Id, Target, Turn, is_terminating, name, number, text};
use super::{owner, workload};
use serde_json::{Value, json};
use std::cmp::Reverse;
use std::sync::Arc;

const COMPONENT: &str = "replicaset-controller";

/// Brings the pods of a ReplicaSet, and its status, to what its spec asks for.
pub(crate) fn reconcile(turn: &mut Turn<'_>, id: &Id) {
    let Some(set) = turn.get("ReplicaSet", id) else { return };
    let mut pods = owner::controlled(turn.view(), "Pod", &set);
    pods.retain(|pod| is_active(pod));
    let refusal = turn.refusal();
    if !is_terminating(&set) {
        match &refusal {
            Some(words) => workload::refused(turn, &set, words, COMPONENT),
            None => scale(turn, &set, &pods),
        }
    }
    let status = status(turn, &set, &pods, refusal.as_deref());
    turn.patch(&set, json!({ "status": status }));
}

fn scale(turn: &mut Turn<'_>, set: &Value, pods: &[Arc<Value>]) {
    let wanted = usize::try_from(number(set, "/spec/replicas").unwrap_or(1)).unwrap_or_default();
    for _ in pods.len()..wanted {
        if !workload::may_create(turn) {
            return;
        }
        let number = turn.next_number();
        let pod = template::pod(set, &set["spec"]["template"], &child_name(set, number));
        turn.want(Action::Create(pod));
    }
    for pod in surplus(pods, wanted) {
        turn.want(Action::Delete(Target::of(pod)));
        let message = format!("Deleted pod: {}", name(pod));
        turn.event(set, Event::normal("SuccessfulDelete", message, COMPONENT));
    }
}

/// The pods to give up first: not scheduled, not running, not ready, then the youngest.
fn surplus(pods: &[Arc<Value>], wanted: usize) -> Vec<&Value> {
    let mut order: Vec<&Value> = pods.iter().map(Arc::as_ref).collect();
    order.sort_by_key(|pod| {
        let running = text(pod, "/status/phase") == "Running";
        let created = text(pod, "/metadata/creationTimestamp");
        (
            !text(pod, "/spec/nodeName").is_empty(),
            running,
            is_ready(pod),
            Reverse(created.to_owned()),
            name(pod).to_owned(),
        )
    });
    order.truncate(pods.len().saturating_sub(wanted));
    order
}

fn status(turn: &mut Turn<'_>, set: &Value, pods: &[Arc<Value>], refusal: Option<&str>) -> Value {
    let ready = pods.iter().filter(|pod| is_ready(pod)).count();
    let available = pods.iter().filter(|pod| workload::is_available(turn, pod, set)).count();
    let mut status = json!({
        "replicas": pods.len(), "fullyLabeledReplicas": pods.len(),
        "readyReplicas": none_if_zero(ready), "availableReplicas": none_if_zero(available),
        "observedGeneration": number(set, "/metadata/generation").unwrap_or(1),
    });
    if pods.is_empty() {
        status["fullyLabeledReplicas"] = Value::Null;
    }
    if let Some(words) = refusal {
        let failure = Condition { name: "ReplicaFailure", holds: true, reason: "FailedCreate", message: words };
        status["conditions"] = condition::set(set, &[failure], turn.time(), false).into();
    } else if !pods.is_empty() && condition::find(set, "ReplicaFailure").is_some() {
        status["conditions"] = Value::Null;
    }
    status
}

/// Counts of zero are left out of a status, as the API server does.
pub(crate) fn none_if_zero(count: usize) -> Value {
    if count == 0 { Value::Null } else { count.into() }
}
