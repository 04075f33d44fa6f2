//! The APIServices that a server makes for the groups it serves itself: built-in ones at its start, those of definitions
//! as they come and go.

use super::kinds::Kind;
use super::server::Server;
use super::store::{Key, Store};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const RESOURCE: &str = "apiservices.apiregistration.k8s.io";
const MANAGED: &str = "kube-aggregator.kubernetes.io/automanaged";

/// Groups of Kubernetes with their place in discovery, and the place of a version that is not 15.
#[rustfmt::skip]
const PRIORITIES: &[(&str, i64)] = &[
    ("", 18000), ("admissionregistration.k8s.io", 16700), ("apiextensions.k8s.io", 16700), ("apps", 17800),
    ("authentication.k8s.io", 17700), ("authorization.k8s.io", 17600), ("autoscaling", 17500), ("batch", 17400),
    ("certificates.k8s.io", 17300), ("coordination.k8s.io", 16500), ("discovery.k8s.io", 16200), ("events.k8s.io", 17750),
    ("flowcontrol.apiserver.k8s.io", 16100), ("networking.k8s.io", 17200), ("node.k8s.io", 16300), ("policy", 17100),
    ("rbac.authorization.k8s.io", 17000), ("scheduling.k8s.io", 16600), ("storage.k8s.io", 16800),
];

fn version_priority(group: &str, version: &str) -> i64 {
    match (group, version) {
        ("", _) => 1,
        ("autoscaling", "v2") => 30,
        ("flowcontrol.apiserver.k8s.io", _) => 21,
        _ => 15,
    }
}

/// The object for one version of a group.
fn object(group: &str, version: &str, now: &str) -> Value {
    let built_in = PRIORITIES.iter().find(|(name, _)| *name == group);
    let (managed, priority, of_version) = match built_in {
        Some((_, priority)) => ("onstart", *priority, version_priority(group, version)),
        None => ("true", 1000, 100),
    };
    let mut object = json!({
        "apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
        "metadata": {"name": format!("{version}.{group}"), "labels": {MANAGED: managed}},
        "spec": {"group": group, "groupPriorityMinimum": priority, "version": version, "versionPriority": of_version},
        "status": {"conditions": [{
            "type": "Available", "status": "True", "lastTransitionTime": now, "reason": "Local",
            "message": "Local APIServices are always available",
        }]},
    });
    if let (true, Some(spec)) = (group.is_empty(), object["spec"].as_object_mut()) {
        spec.remove("group");
    }
    object
}

/// Those of a fresh cluster.
pub(super) fn built_in(now: &str) -> Vec<Value> {
    let mut places = BTreeSet::new();
    for kind in super::kinds::all_built_in() {
        places.extend(versions(kind));
    }
    // The group of the APIServices themselves has none.
    places.retain(|(group, _)| group != "apiregistration.k8s.io");
    places.iter().map(|(group, version)| object(group, version, now)).collect()
}

fn versions(kind: &Kind) -> impl Iterator<Item = (String, String)> {
    kind.versions.iter().map(|version| (kind.group.clone(), version.clone()))
}

/// Brings those of definitions in line with the kinds that are served now.
pub(super) fn follow(server: &Server, store: &mut Store) {
    let served: BTreeSet<_> = store.kinds().filter(|kind| kind.is_custom()).flat_map(|kind| versions(kind)).collect();
    let mut wanted: BTreeSet<Key> =
        served.iter().map(|(group, version)| (String::new(), format!("{version}.{group}"))).collect();
    for listed in store.list(RESOURCE, None) {
        let key = super::metadata::key_of(&listed);
        let is_ours = listed["metadata"]["labels"][MANAGED] == "true";
        if !wanted.remove(&key) && is_ours {
            store.remove(RESOURCE, &key);
        }
    }
    for (group, version) in &served {
        let key = (String::new(), format!("{version}.{group}"));
        if wanted.contains(&key) {
            let mut object = object(group, version, &server.now());
            object["metadata"]["uid"] = server.named_uid(&format!("APIService {}", key.1)).into();
            object["metadata"]["creationTimestamp"] = server.now().into();
            store.insert(RESOURCE, key, object);
        }
    }
}
