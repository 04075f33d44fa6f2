//! DaemonSets: one pod on every node that the template fits.

use super::fitting;
use super::replicaset::none_if_zero;
use super::template::{self, child_name, is_active, is_ready};
use super::turn::{Action, Event, Id, Target, Turn, is_terminating, name, number, text};
use super::{owner, revisions, workload};
use serde_json::{Value, json};
use std::sync::Arc;

const COMPONENT: &str = "daemonset-controller";
const REVISION: &str = "/metadata/labels/controller-revision-hash";

/// Brings the pods of a DaemonSet, and its status, to what its spec asks for.
pub(crate) fn reconcile(turn: &mut Turn<'_>, id: &Id) {
    let Some(set) = turn.get("DaemonSet", id) else { return };
    let mut nodes = turn.view().list("Node", None);
    nodes.retain(|node| fitting::is_chosen(&set["spec"]["template"], node));
    let pods = owner::controlled(turn.view(), "Pod", &set);
    let revision = template::hash(&set["spec"]["template"]);
    if !is_terminating(&set) {
        revisions::keep(turn, &set, &format!("{}-{revision}", name(&set)), &revision);
        match turn.refusal() {
            Some(words) => workload::refused(turn, &set, &words, COMPONENT),
            None => step(turn, &set, &nodes, &pods, &revision),
        }
    }
    report(turn, &set, &nodes, &pods, &revision);
}

fn on<'a>(pods: &'a [Arc<Value>], node: &Value) -> Option<&'a Arc<Value>> {
    pods.iter().find(|pod| text(pod, "/spec/nodeName") == name(node))
}

fn step(turn: &mut Turn<'_>, set: &Value, nodes: &[Arc<Value>], pods: &[Arc<Value>], revision: &str) {
    for node in nodes {
        if on(pods, node).is_none() && workload::may_create(turn) {
            create(turn, set, node, revision);
        }
    }
    let homeless = |pod: &&Arc<Value>| !nodes.iter().any(|node| text(pod, "/spec/nodeName") == name(node));
    for pod in pods.iter().filter(homeless).filter(|pod| is_active(pod)) {
        turn.want(Action::Delete(Target::of(pod)));
    }
    if text(set, "/spec/updateStrategy/type") != "OnDelete" && pods.iter().all(|pod| !is_terminating(pod)) {
        replace(turn, set, pods, revision);
    }
}

/// One pod of an old revision at a time; those that do not work may all go.
fn replace(turn: &mut Turn<'_>, set: &Value, pods: &[Arc<Value>], revision: &str) {
    let old: Vec<_> = pods.iter().filter(|pod| text(pod, REVISION) != revision).collect();
    let all_ready = pods.iter().all(|pod| is_ready(pod));
    let (working, broken): (Vec<_>, Vec<_>) = old.into_iter().partition(|pod| is_ready(pod));
    for pod in broken.into_iter().chain(working.into_iter().take(usize::from(all_ready))) {
        turn.want(Action::Delete(Target::of(pod)));
        let message = format!("Deleted pod: {}", name(pod));
        turn.event(set, Event::normal("SuccessfulDelete", message, COMPONENT));
    }
}

fn create(turn: &mut Turn<'_>, set: &Value, node: &Value, revision: &str) {
    let number = turn.next_number();
    let mut pod = template::pod(set, &set["spec"]["template"], &child_name(set, number));
    let generation = self::number(set, "/metadata/generation").unwrap_or(1).to_string();
    template::label(&mut pod, &[("controller-revision-hash", revision), ("pod-template-generation", &generation)]);
    pod["spec"]["nodeName"] = name(node).into();
    turn.want(Action::Create(pod));
}

fn report(turn: &mut Turn<'_>, set: &Value, nodes: &[Arc<Value>], pods: &[Arc<Value>], revision: &str) {
    let placed: Vec<_> = nodes.iter().filter_map(|node| on(pods, node)).collect();
    let ready = placed.iter().filter(|pod| is_ready(pod)).count();
    let updated = placed.iter().filter(|pod| text(pod, REVISION) == revision).count();
    let available = placed.iter().filter(|pod| workload::is_available(turn, pod, set)).count();
    let status = json!({
        "observedGeneration": number(set, "/metadata/generation").unwrap_or(1),
        "desiredNumberScheduled": nodes.len(), "currentNumberScheduled": placed.len(), "numberMisscheduled": 0,
        "numberReady": ready, "updatedNumberScheduled": none_if_zero(updated),
        "numberAvailable": none_if_zero(available), "numberUnavailable": none_if_zero(nodes.len() - available),
    });
    turn.patch(set, json!({ "status": status }));
}
