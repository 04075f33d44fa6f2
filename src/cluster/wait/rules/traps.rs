//! The traps that other tools fall into, as far as a single object shows them. Those that need a cluster are in
//! `tests/cluster/waiting.rs`.

use super::super::Rule;
use super::tests::{check, object};
use super::{Verdict, is_silent, verdict};

fn deployment(generation: i64, spec: &str, status: &str) -> String {
    format!(
        "{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: d, uid: u, generation: {generation}}}, spec: {{{spec}}}, status: {{{status}}}}}"
    )
}

const COMPLETE: &str = "observedGeneration: 1, replicas: 1, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1";

#[test]
fn t01_load_balancer_is_not_ready_by_its_cluster_ip() {
    let pending = "{apiVersion: v1, kind: Service, spec: {type: LoadBalancer, clusterIP: 10.0.0.1}}";
    check(&[('P', "no load balancer address", pending.into())]);
}

#[test]
fn t02_failed_pod_is_not_ready() {
    let pod = "{apiVersion: v1, kind: Pod, status: {phase: Failed, reason: Evicted}}";
    check(&[('F', "Evicted", pod.into())]);
}

#[test]
fn t03_running_job_is_not_ready() {
    let job = "{apiVersion: batch/v1, kind: Job, status: {startTime: '2026-01-01T00:00:00Z', active: 1}}";
    check(&[('P', "1 pods active", job.into())]);
}

#[test]
fn t04_custom_resource_that_was_never_looked_at_is_silent() {
    let database = |status: &str| object(&format!("{{apiVersion: example.com/v1, kind: Database{status}}}"));
    assert!(is_silent(&database("")) && is_silent(&database(", status: {}")));
    assert!(!is_silent(&database(", status: {phase: Up}")));
}

#[test]
fn t05_missing_observed_generation_is_not_observed() {
    let full = COMPLETE.replace("observedGeneration: 1, ", "");
    check(&[('P', "has not seen it", deployment(1, "", &full))]);
}

#[test]
fn t06_crd_with_refused_names_fails() {
    let crd = "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, status: {conditions: [{type: Established, status: 'True'}, {type: NamesAccepted, status: 'False', reason: ListKindConflict}]}}";
    check(&[('F', "ListKindConflict", crd.into())]);
}

#[test]
fn t07_deployment_needs_every_replica_whatever_the_strategy_allows() {
    let spec = "replicas: 1, strategy: {rollingUpdate: {maxUnavailable: 1}}";
    check(&[('P', "0 of 1", deployment(1, spec, "observedGeneration: 1, replicas: 1, updatedReplicas: 1"))]);
}

#[test]
fn t08_on_delete_sets_say_that_pods_were_not_replaced() {
    let stateful = "{apiVersion: apps/v1, kind: StatefulSet, metadata: {generation: 1}, spec: {updateStrategy: {type: OnDelete}}, status: {observedGeneration: 1, replicas: 1, readyReplicas: 1, currentRevision: a, updateRevision: b}}";
    let daemon = "{apiVersion: apps/v1, kind: DaemonSet, metadata: {generation: 1}, spec: {updateStrategy: {type: OnDelete}}, status: {observedGeneration: 1, desiredNumberScheduled: 1, numberReady: 1, numberAvailable: 1}}";
    check(&[('D', "when deleted", stateful.into()), ('D', "when deleted", daemon.into())]);
}

#[test]
fn t09_old_verdict_does_not_pass_for_a_new_generation() {
    let old =
        format!("{COMPLETE}, conditions: [{{type: Progressing, status: 'True', reason: NewReplicaSetAvailable}}]");
    check(&[('P', "has not seen the change", deployment(2, "", &old))]);
}

#[test]
fn t10_empty_ingress_list_is_no_address() {
    let empty = "{apiVersion: v1, kind: Service, spec: {type: LoadBalancer, clusterIP: 10.0.0.1}, status: {loadBalancer: {ingress: []}}}";
    check(&[('P', "no load balancer address", empty.into())]);
    assert!(!Rule::address().judge(Some(&object(empty))).is_done());
}

#[test]
fn t11_daemon_set_that_matches_no_node_is_done() {
    let set = "{apiVersion: apps/v1, kind: DaemonSet, metadata: {generation: 1}, status: {observedGeneration: 1, desiredNumberScheduled: 0}}";
    check(&[('D', "no node matches", set.into())]);
}

#[test]
fn t12_paused_deployment_fails_at_once() {
    check(&[('F', "is paused", deployment(1, "paused: true, replicas: 2", COMPLETE))]);
}

#[test]
fn t14_failure_is_told_apart_from_not_yet() {
    let job = |name: &str| {
        format!("{{apiVersion: batch/v1, kind: Job, status: {{conditions: [{{type: {name}, status: 'True'}}]}}}}")
    };
    check(&[('D', "complete", job("Complete")), ('F', "Failed", job("Failed")), ('P', "of 1", job("Suspended"))]);
}

#[test]
fn t17_service_needs_no_endpoints() {
    let plain = "{apiVersion: v1, kind: Service, spec: {clusterIP: 10.0.0.1}}";
    let headless = "{apiVersion: v1, kind: Service, spec: {clusterIP: None, selector: {app: a}}}";
    check(&[('D', "10.0.0.1", plain.into()), ('D', "None", headless.into())]);
}

#[test]
fn t21_stale_read_does_not_pass_for_the_new_state() {
    let (old, new) = (object(&deployment(1, "", COMPLETE)), object(&deployment(2, "", COMPLETE)));
    assert!(verdict(&old).is_done(), "by itself the old state looks done");
    let rule = Rule::ready_since(&new);
    assert_eq!(
        rule.judge(Some(&old)),
        Verdict::Progressing("the server shows a state from before the last change".into())
    );
}
