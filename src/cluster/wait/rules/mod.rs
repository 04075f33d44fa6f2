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
#[cfg(test)]
mod traps;
mod webhook;

use crate::object::Object;

pub use claim::waits_for_consumer;
pub use conditions::{Condition, condition, conditions, judge as judge_condition};
pub use namespace::holders as namespace_holders;
pub(super) use secret::missing_key;
pub use service::{Address, AddressKind, address, reachable as reachable_from_outside};
pub use webhook::{BackingService, backing_services};

/// What an object's state means for somebody who waits for it. The text says what was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is as wanted.
    Done(String),
    /// Not yet; it may get there by itself.
    Progressing(String),
    /// Not yet, and something looks broken; it may still heal.
    Suspect(String),
    /// It will not get there unless somebody changes something.
    Failed(String),
    /// It is being deleted.
    Terminating(String),
    /// There is no such object.
    Absent,
    /// Another object has taken its name.
    Replaced(String),
}

impl Verdict {
    /// What was seen.
    pub fn text(&self) -> &str {
        match self {
            Verdict::Absent => "does not exist",
            Verdict::Done(text)
            | Verdict::Progressing(text)
            | Verdict::Suspect(text)
            | Verdict::Failed(text)
            | Verdict::Terminating(text)
            | Verdict::Replaced(text) => text,
        }
    }

    /// Whether waiting longer is in vain.
    pub fn is_hopeless(&self) -> bool {
        matches!(self, Verdict::Failed(_) | Verdict::Terminating(_) | Verdict::Replaced(_))
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

fn suspect(text: impl Into<String>) -> Verdict {
    Verdict::Suspect(text.into())
}

fn failed(text: impl Into<String>) -> Verdict {
    Verdict::Failed(text.into())
}

/// Whether this object is ready, by the rule of its kind.
pub fn verdict(object: &Object) -> Verdict {
    before_all(object).unwrap_or_else(|| of_kind(object))
}

/// Whether an object has passed its progress deadline.
pub(super) fn is_late(object: &Object) -> bool {
    object.kind() == "Deployment" && deployment::late(object).is_some()
}

/// What holds for every kind: being deleted, not yet observed by its controller, stalled.
fn before_all(object: &Object) -> Option<Verdict> {
    if let Some(since) = object.str_at("metadata.deletionTimestamp") {
        return Some(Verdict::Terminating(format!("is being deleted since {since}{}", held_by(object))));
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
    let holds = |name| condition(object, name).filter(|c| c.is_true() && c.speaks_of(generation));
    if let Some(stalled) = holds("Stalled") {
        return Some(failed(stalled.said()));
    }
    let busy = holds("Reconciling");
    busy.map(|busy| progressing(busy.said()))
}

fn held_by(object: &Object) -> String {
    let finalizers: Vec<_> = object.items_at("metadata.finalizers").iter().filter_map(|f| f.as_str()).collect();
    let held =
        if finalizers.is_empty() { String::new() } else { format!(", held by finalizers {}", finalizers.join(", ")) };
    let owner = object.items_at("metadata.ownerReferences").first().and_then(|owner| {
        Some(format!(", owned by {} {}", owner.get("kind")?.as_str()?, owner.get("name")?.as_str()?))
    });
    held + owner.unwrap_or_default().as_str()
}

/// Kinds whose controllers always report the generation they have seen. Those of the Gateway API do so in each
/// condition, see [`gateway`].
fn must_observe(object: &Object) -> bool {
    matches!(
        group_kind(object),
        ("apps", "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet") | ("policy", "PodDisruptionBudget")
    )
}

/// Whether this is a kind without a rule of its own that has reported nothing about itself: it may be ready, or its
/// controller has not looked at it yet.
pub fn is_silent(object: &Object) -> bool {
    let silent = object.at("status").is_none_or(|status| status.entries().is_empty());
    silent && matches!(group_kind(object), (group, kind) if !has_rule(group, kind))
}

fn has_rule(group: &str, kind: &str) -> bool {
    match group {
        "" => matches!(kind, "Pod" | "Service" | "PersistentVolumeClaim" | "Namespace" | "Secret" | "ConfigMap"),
        "apps" => matches!(kind, "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet"),
        "batch" => kind == "Job",
        "apiextensions.k8s.io" | "apiregistration.k8s.io" | "admissionregistration.k8s.io" => true,
        "gateway.networking.k8s.io" => kind == "Gateway",
        _ => false,
    }
}

/// What the rule of an object's kind asks for, in words.
pub fn wanted(object: &Object) -> &'static str {
    match group_kind(object) {
        ("apps", "Deployment") => "every replica updated and available, none of an older template left",
        ("apps", "StatefulSet") => "every replica ready and, down to the partition, of the newest revision",
        ("apps", "DaemonSet") => "an updated and available pod on every node that should have one",
        ("apps", "ReplicaSet") => "every replica labelled, ready and available",
        ("", "Pod") if pod::runs_to_completion(object) => "it has ended well",
        ("", "Pod") => "it is Ready",
        ("batch", "Job") => "it is Complete",
        ("", "Service") if object.str_at("spec.type") == Some("LoadBalancer") => {
            "every entry of status.loadBalancer has an ip or a hostname"
        }
        ("", "Service") => "it has a cluster IP",
        ("", "PersistentVolumeClaim") => "it is Bound",
        ("", "Namespace") => "it is Active",
        ("apiextensions.k8s.io", _) => "names accepted, Established, listed by discovery, its objects can be listed",
        ("apiregistration.k8s.io", _) => "Available, and its group answers",
        ("admissionregistration.k8s.io", _) => "a caBundle, a ready endpoint, and a dry run that shows its answer",
        ("gateway.networking.k8s.io", "Gateway") => "Accepted and Programmed, it and its listeners, with an address",
        _ => "Ready or Available, where its kind reports either",
    }
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

    /// Checks a kind's fixtures: `D`one, `P`rogressing, `S`uspect, `F`ailed or `T`erminating, a piece of the text, and the object.
    pub fn check(fixtures: &[(char, &str, String)]) {
        for (letter, piece, yaml) in fixtures {
            let verdict = verdict(&object(yaml));
            let found = match verdict {
                Verdict::Done(_) => 'D',
                Verdict::Progressing(_) => 'P',
                Verdict::Suspect(_) => 'S',
                Verdict::Failed(_) => 'F',
                Verdict::Terminating(_) => 'T',
                Verdict::Replaced(_) => 'R',
                Verdict::Absent => 'A',
            };
            assert_eq!(found, *letter, "{verdict:?} for\n{yaml}");
            assert!(verdict.text().contains(piece), "{verdict:?} lacks {piece:?}");
        }
    }

    #[test]
    fn what_is_being_deleted_is_not_ready_and_names_its_finalizers() {
        check(&[(
            'T',
            "held by finalizers a/b, c, owned by Gateway g",
            "{kind: ConfigMap, metadata: {name: x, deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: [a/b, c], ownerReferences: [{kind: Gateway, name: g}]}}"
                .into(),
        )]);
    }

    #[test]
    fn budgets_must_be_observed() {
        let budget = |status: &str| {
            format!(
                "{{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {{name: b, generation: 1}}, status: {{{status}}}}}"
            )
        };
        check(&[('P', "not seen it", budget("")), ('D', "exists", budget("observedGeneration: 1"))]);
    }

    #[test]
    fn only_kinds_without_a_rule_can_be_silent() {
        let silent = |yaml: &str| is_silent(&object(yaml));
        assert!(silent("{apiVersion: example.com/v1, kind: Database, status: {}}"));
        assert!(silent("{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute}"));
        assert!(!silent("{apiVersion: example.com/v1, kind: Database, status: {phase: Up}}"));
        assert!(!silent("{apiVersion: v1, kind: ConfigMap}"));
    }

    #[test]
    fn a_stalled_object_fails() {
        let status = "status: {conditions: [{type: Stalled, status: 'True', reason: Broken, message: no way}]}";
        check(&[('F', "Stalled: Broken: no way", format!("kind: X\nmetadata: {{name: x}}\n{status}"))]);
        let old = status.replace("reason", "observedGeneration: 1, reason");
        check(&[('D', "exists", format!("kind: X\nmetadata: {{name: x, generation: 2}}\n{old}"))]);
    }
}
