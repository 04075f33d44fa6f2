//! The controllers of a rehearsed cluster: what kube-controller-manager, the scheduler, the kubelets and a cloud
//! would do.
//!
//! Each controller is a file with a pure function from a [`turn::Turn`] to actions. [`TABLE`] says which changes each
//! one looks at; [`dispatch`] gives the turns, in the order of the world's clock; [`act`] carries out what they want.
//! Timers exist only while something is pending, so that a simulated clock becomes quiet.

mod act;
mod address;
pub(super) mod aggregate;
mod autoscaler;
mod budget;
mod claim;
mod condition;
mod container;
mod crd;
mod cronjob;
mod daemonset;
mod deployment;
mod dispatch;
mod endpoints;
mod events;
mod fitting;
mod garbage;
mod job;
mod mounts;
mod namespace;
mod owner;
mod pod;
mod quota;
mod replicaset;
mod revisions;
mod scheduler;
mod service;
mod start;
mod statefulset;
mod template;
#[cfg(test)]
mod tests;
mod token;
mod turn;
mod volume;
mod workload;

pub use address::LoadBalancer;
pub(super) use condition::selects;
pub(super) use dispatch::start;
pub(super) use template::safe_name;

use serde_json::Value;
use turn::{Id, Turn, View, kind, text};

/// One controller: the kind its turns are about, the objects of that kind that a change concerns, and a turn.
pub(crate) struct Controller {
    /// The kind.
    pub kind: &'static str,
    /// The objects of that kind that a change of an object concerns.
    pub concerns: fn(&dyn View, &Value) -> Vec<Id>,
    /// One turn.
    pub reconcile: fn(&mut Turn<'_>, &Id),
}

/// All controllers but the garbage collector, whose turns are about every kind.
pub(crate) const TABLE: [Controller; 17] = [
    Controller {
        kind: "Namespace",
        concerns: |view, object| namespace::concerns(view, object).into_iter().collect(),
        reconcile: namespace::reconcile,
    },
    Controller { kind: "CustomResourceDefinition", concerns: crd::concerns, reconcile: crd::reconcile },
    Controller { kind: "ClusterRole", concerns: aggregate::concerns, reconcile: aggregate::reconcile },
    Controller { kind: "PodDisruptionBudget", concerns: budget::concerns, reconcile: budget::reconcile },
    Controller { kind: "ResourceQuota", concerns: quota::concerns, reconcile: quota::reconcile },
    Controller { kind: "HorizontalPodAutoscaler", concerns: autoscaler::concerns, reconcile: autoscaler::reconcile },
    Controller { kind: "Secret", concerns: token::concerns, reconcile: token::reconcile },
    Controller {
        kind: "Deployment",
        concerns: |_, object| own_or_owner(object, "Deployment"),
        reconcile: deployment::reconcile,
    },
    Controller {
        kind: "ReplicaSet",
        concerns: |_, object| own_or_owner(object, "ReplicaSet"),
        reconcile: replicaset::reconcile,
    },
    Controller {
        kind: "StatefulSet",
        concerns: |_, object| own_or_owner(object, "StatefulSet"),
        reconcile: statefulset::reconcile,
    },
    Controller { kind: "DaemonSet", concerns: daemonsets, reconcile: daemonset::reconcile },
    Controller { kind: "Job", concerns: |_, object| own_or_owner(object, "Job"), reconcile: job::reconcile },
    Controller { kind: "Pod", concerns: pods, reconcile: pod::reconcile },
    Controller { kind: "PersistentVolumeClaim", concerns: claim::concerns, reconcile: claim::reconcile },
    Controller { kind: "CronJob", concerns: |_, object| cronjob::concerns(object), reconcile: cronjob::reconcile },
    Controller { kind: "Service", concerns: endpoints::concerns, reconcile: endpoints::reconcile },
    Controller { kind: "Service", concerns: |_, object| own(object, "Service"), reconcile: service::reconcile },
];

fn own(object: &Value, wanted: &str) -> Vec<Id> {
    if kind(object) == wanted { vec![Id::of(object)] } else { Vec::new() }
}

fn own_or_owner(object: &Value, wanted: &str) -> Vec<Id> {
    match owner::controller_id(object, wanted) {
        Some(id) => vec![id],
        None => own(object, wanted),
    }
}

fn daemonsets(view: &dyn View, object: &Value) -> Vec<Id> {
    if kind(object) == "Node" {
        return view.list("DaemonSet", None).iter().map(|set| Id::of(set)).collect();
    }
    own_or_owner(object, "DaemonSet")
}

/// The pod itself, or the pods that wait for what has changed.
fn pods(view: &dyn View, object: &Value) -> Vec<Id> {
    let namespace = match kind(object) {
        "Secret" | "ConfigMap" | "PersistentVolumeClaim" => Some(text(object, "/metadata/namespace")),
        "Node" => None,
        _ => return own(object, "Pod"),
    };
    let mut waiting = view.list("Pod", namespace);
    waiting.retain(|pod| pod::waits(pod));
    waiting.iter().map(|pod| Id::of(pod)).collect()
}
