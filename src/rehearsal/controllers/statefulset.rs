//! StatefulSets: numbered pods with their own claims, started and replaced in order.

use super::replicaset::none_if_zero;
use super::template::{self, is_ready};
use super::turn::{Action, Event, Id, Target, Turn, is_terminating, items, name, number, text};
use super::{owner, revisions, workload};
use serde_json::{Value, json};
use std::sync::Arc;

const COMPONENT: &str = "statefulset-controller";
const REVISION: &str = "/metadata/labels/controller-revision-hash";

/// Brings the pods of a StatefulSet, and its status, to what its spec asks for.
pub(crate) fn reconcile(turn: &mut Turn<'_>, id: &Id) {
    let Some(set) = turn.get("StatefulSet", id) else { return };
    let mut pods = owner::controlled(turn.view(), "Pod", &set);
    pods.sort_by_key(|pod| ordinal(pod));
    let revision = revision(&set);
    if !is_terminating(&set) {
        revisions::keep(turn, &set, &revision, &revision);
        match turn.refusal() {
            Some(words) => workload::refused(turn, &set, &words, COMPONENT),
            None => step(turn, &set, &pods, &revision),
        }
    }
    report(turn, &set, &pods, &revision);
}

fn revision(set: &Value) -> String {
    format!("{}-{}", name(set), template::hash(&set["spec"]["template"]))
}

fn ordinal(pod: &Value) -> usize {
    name(pod).rsplit('-').next().and_then(|number| number.parse().ok()).unwrap_or_default()
}

fn replicas(set: &Value) -> usize {
    usize::try_from(number(set, "/spec/replicas").unwrap_or(1)).unwrap_or_default()
}

/// One step at a time, unless pods are managed in parallel: create what is missing, drop what is too much, replace
/// what runs an old revision, always waiting for the pods before.
fn step(turn: &mut Turn<'_>, set: &Value, pods: &[Arc<Value>], revision: &str) {
    let parallel = text(set, "/spec/podManagementPolicy") == "Parallel";
    for index in 0..replicas(set) {
        let pod = pods.iter().find(|pod| ordinal(pod) == index);
        match pod {
            None if workload::may_create(turn) => create(turn, set, index, revision),
            Some(pod) if is_ready(pod) && !is_terminating(pod) => continue,
            _ => {}
        }
        if !parallel {
            return;
        }
    }
    let surplus = pods.iter().rev().filter(|pod| ordinal(pod) >= replicas(set));
    for pod in surplus.take(if parallel { pods.len() } else { 1 }) {
        delete(turn, set, pod);
    }
    if pods.iter().all(|pod| is_ready(pod) && !is_terminating(pod)) {
        replace(turn, set, pods, revision);
    }
}

fn replace(turn: &mut Turn<'_>, set: &Value, pods: &[Arc<Value>], revision: &str) {
    if text(set, "/spec/updateStrategy/type") == "OnDelete" {
        return;
    }
    let partition = number(set, "/spec/updateStrategy/rollingUpdate/partition").unwrap_or(0);
    let partition = usize::try_from(partition).unwrap_or_default();
    let old = |pod: &&Arc<Value>| text(pod, REVISION) != revision && ordinal(pod) >= partition;
    if let Some(pod) = pods.iter().rev().find(old) {
        delete(turn, set, pod);
    }
}

fn delete(turn: &mut Turn<'_>, set: &Value, pod: &Value) {
    if is_terminating(pod) {
        return;
    }
    turn.want(Action::Delete(Target::of(pod)));
    let message = format!("delete Pod {} in StatefulSet {} successful", name(pod), name(set));
    turn.event(set, Event::normal("SuccessfulDelete", message, COMPONENT));
}

fn create(turn: &mut Turn<'_>, set: &Value, index: usize, revision: &str) {
    let pod_name = format!("{}-{index}", name(set));
    let mut pod = template::pod(set, &set["spec"]["template"], &pod_name);
    template::label(
        &mut pod,
        &[
            ("statefulset.kubernetes.io/pod-name", &pod_name),
            ("apps.kubernetes.io/pod-index", &index.to_string()),
            ("controller-revision-hash", revision),
        ],
    );
    pod["spec"]["hostname"] = pod_name.as_str().into();
    pod["spec"]["subdomain"] = set["spec"]["serviceName"].clone();
    for claim in items(set, "/spec/volumeClaimTemplates") {
        mount_claim(turn, set, claim, &mut pod);
    }
    turn.want(Action::Create(pod));
    let message = format!("create Pod {pod_name} in StatefulSet {} successful", name(set));
    turn.event(set, Event::normal("SuccessfulCreate", message, COMPONENT));
}

fn mount_claim(turn: &mut Turn<'_>, set: &Value, template: &Value, pod: &mut Value) {
    let claim_name = format!("{}-{}", name(template), name(pod));
    let namespace = text(set, "/metadata/namespace");
    if turn.view().get("PersistentVolumeClaim", Some(namespace), &claim_name).is_none() {
        let mut claim = template.clone();
        claim["apiVersion"] = "v1".into();
        claim["kind"] = "PersistentVolumeClaim".into();
        claim["metadata"]["name"] = claim_name.as_str().into();
        claim["metadata"]["namespace"] = namespace.into();
        if let Some(claim) = claim.as_object_mut() {
            claim.remove("status");
        }
        turn.want(Action::Create(claim));
    }
    let volume = json!({ "name": name(template), "persistentVolumeClaim": { "claimName": claim_name } });
    match pod["spec"]["volumes"].as_array_mut() {
        Some(volumes) => volumes.push(volume),
        None => pod["spec"]["volumes"] = json!([volume]),
    }
}

fn report(turn: &mut Turn<'_>, set: &Value, pods: &[Arc<Value>], revision: &str) {
    let updated = pods.iter().filter(|pod| text(pod, REVISION) == revision).count();
    let ready = pods.iter().filter(|pod| is_ready(pod)).count();
    let available = pods.iter().filter(|pod| workload::is_available(turn, pod, set)).count();
    let done = updated == replicas(set) && pods.len() == updated;
    let before = text(set, "/status/currentRevision");
    let current = if done || before.is_empty() { revision } else { before };
    let on_current = pods.iter().filter(|pod| text(pod, REVISION) == current).count();
    let status = json!({
        "observedGeneration": number(set, "/metadata/generation").unwrap_or(1),
        "replicas": pods.len(), "readyReplicas": none_if_zero(ready), "availableReplicas": available,
        "currentReplicas": none_if_zero(on_current), "updatedReplicas": none_if_zero(updated),
        "currentRevision": current, "updateRevision": revision, "collisionCount": 0,
    });
    turn.patch(set, json!({ "status": status }));
}
