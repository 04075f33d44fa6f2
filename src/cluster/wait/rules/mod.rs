//! When an object is ready: pure functions from an object to a [`Verdict`], one file per kind.
//!
//! The rules follow kubectl's rollout status and kstatus where those agree, and correct them where they call things
//! ready that are not: load balancers without an address, failed pods, running jobs, unobserved generations.

mod api_service;
mod claim;
mod conditions;
mod crd;
mod daemon_set;
mod deployment;
mod gateway;
mod job;
mod namespace;
mod pod;
mod replica_set;
mod secret;
mod service;
mod stateful_set;
mod webhook;

use crate::object::Object;

pub use conditions::{Condition, condition, conditions, judge as judge_condition};
pub use namespace::holders as namespace_holders;
pub use service::{Address, AddressKind, address};
pub use webhook::{BackingService, backing_services};

/// What an object's state means for somebody who waits for it. The text says what was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is as wanted.
    Done(String),
    /// Not yet; it may get there by itself.
    Progressing(String),
    /// It will not get there unless somebody changes something.
    Failed(String),
}

impl Verdict {
    /// What was seen.
    pub fn text(&self) -> &str {
        match self {
            Verdict::Done(text) | Verdict::Progressing(text) | Verdict::Failed(text) => text,
        }
    }

    /// Whether nothing is left to wait for.
    pub fn is_done(&self) -> bool {
        matches!(self, Verdict::Done(_))
    }
}

fn done(text: impl Into<String>) -> Verdict {
    Verdict::Done(text.into())
}

fn progressing(text: impl Into<String>) -> Verdict {
    Verdict::Progressing(text.into())
}

fn failed(text: impl Into<String>) -> Verdict {
    Verdict::Failed(text.into())
}

/// Whether this object is ready, by the rule of its kind.
pub fn verdict(object: &Object) -> Verdict {
    before_all(object).unwrap_or_else(|| of_kind(object))
}

/// What holds for every kind: being deleted, not yet observed by its controller, stalled.
fn before_all(object: &Object) -> Option<Verdict> {
    if let Some(since) = object.str_at("metadata.deletionTimestamp") {
        return Some(progressing(format!("is being deleted since {since}{}", held_by(object))));
    }
    let generation = object.int_at("metadata.generation").unwrap_or_default();
    match object.int_at("status.observedGeneration") {
        Some(observed) if observed < generation => {
            return Some(progressing(format!(
                "its controller has not seen the change yet (generation {generation}, seen {observed})"
            )));
        }
        None if must_observe(object) => return Some(progressing("its controller has not seen it yet")),
        _ => {}
    }
    let stalled = condition(object, "Stalled").filter(Condition::is_true);
    stalled.map(|stalled| failed(stalled.said()))
}

fn held_by(object: &Object) -> String {
    let finalizers: Vec<_> = object.items_at("metadata.finalizers").iter().filter_map(|f| f.as_str()).collect();
    if finalizers.is_empty() { String::new() } else { format!(", held by finalizers {}", finalizers.join(", ")) }
}

/// Kinds whose controllers always report the generation they have seen.
fn must_observe(object: &Object) -> bool {
    matches!(group_kind(object), ("apps", "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet"))
}

/// API group and kind.
pub fn group_kind(object: &Object) -> (&str, &str) {
    (object.api_version().split_once('/').map_or("", |(group, _)| group), object.kind())
}

fn of_kind(object: &Object) -> Verdict {
    match group_kind(object) {
        ("apps", "Deployment") => deployment::verdict(object),
        ("apps", "StatefulSet") => stateful_set::verdict(object),
        ("apps", "DaemonSet") => daemon_set::verdict(object),
        ("apps", "ReplicaSet") => replica_set::verdict(object),
        ("", "Pod") => pod::verdict(object),
        ("batch", "Job") => job::verdict(object),
        ("", "Service") => service::verdict(object),
        ("", "PersistentVolumeClaim") => claim::verdict(object),
        ("", "Namespace") => namespace::verdict(object),
        ("", "Secret") => secret::verdict(object),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => crd::verdict(object),
        ("apiregistration.k8s.io", "APIService") => api_service::verdict(object),
        ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration") => {
            webhook::verdict(object)
        }
        ("gateway.networking.k8s.io", "Gateway") => gateway::verdict(object),
        _ => conditions::verdict(object),
    }
}

/// The wanted number of replicas: Kubernetes' default is one.
fn wanted_replicas(object: &Object) -> i64 {
    object.int_at("spec.replicas").unwrap_or(1)
}

fn status(object: &Object, field: &str) -> i64 {
    object.at_keys(["status", field]).and_then(|node| node.as_int()).unwrap_or_default()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The object in a YAML text.
    pub fn object(yaml: &str) -> Object {
        crate::object::yaml::parse(yaml).expect("yaml").remove(0)
    }

    /// Checks a kind's fixtures: `D`one, `P`rogressing or `F`ailed, a piece of the text, and the object.
    pub fn check(fixtures: &[(char, &str, String)]) {
        for (letter, piece, yaml) in fixtures {
            let verdict = verdict(&object(yaml));
            let found = match verdict {
                Verdict::Done(_) => 'D',
                Verdict::Progressing(_) => 'P',
                Verdict::Failed(_) => 'F',
            };
            assert_eq!(found, *letter, "{verdict:?} for\n{yaml}");
            assert!(verdict.text().contains(piece), "{verdict:?} lacks {piece:?}");
        }
    }

    #[test]
    fn what_is_being_deleted_is_not_ready_and_names_its_finalizers() {
        check(&[(
            'P',
            "held by finalizers a/b, c",
            "{kind: ConfigMap, metadata: {name: x, deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: [a/b, c]}}"
                .into(),
        )]);
    }

    #[test]
    fn a_stalled_object_fails() {
        let status = "status: {conditions: [{type: Stalled, status: 'True', reason: Broken, message: no way}]}";
        check(&[('F', "Stalled: Broken: no way", format!("kind: X\nmetadata: {{name: x}}\n{status}"))]);
    }
}
