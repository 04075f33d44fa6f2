//! Built-in kinds as their types: what does not fit is refused, what they do not know is found.
//!
//! The types are those of `k8s-openapi`, generated from the Kubernetes project's own description.

use super::kinds::Kind;
use super::tree::items;
use k8s_openapi::api::{
    admissionregistration::v1 as admission, apps::v1 as apps, autoscaling::v2 as autoscaling, batch::v1 as batch,
    coordination::v1 as coordination, core::v1 as core, discovery::v1 as discovery, networking::v1 as networking,
    policy::v1 as policy, rbac::v1 as rbac, scheduling::v1 as scheduling, storage::v1 as storage,
};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1 as extensions;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// Decodes an object and writes it again.
type Round = fn(&Value) -> Result<Value, serde_json::Error>;

fn round<T: DeserializeOwned + Serialize>(object: &Value) -> Result<Value, serde_json::Error> {
    serde_json::to_value(T::deserialize(object)?)
}

/// The type of a kind, if this server knows it.
fn of(kind: &Kind, version: &str) -> Option<Round> {
    let round: Round = match (kind.resource().as_str(), version) {
        ("configmaps", _) => round::<core::ConfigMap>,
        ("endpoints", _) => round::<core::Endpoints>,
        ("events", _) => round::<core::Event>,
        ("limitranges", _) => round::<core::LimitRange>,
        ("namespaces", _) => round::<core::Namespace>,
        ("nodes", _) => round::<core::Node>,
        ("persistentvolumeclaims", _) => round::<core::PersistentVolumeClaim>,
        ("persistentvolumes", _) => round::<core::PersistentVolume>,
        ("pods", _) => round::<core::Pod>,
        ("resourcequotas", _) => round::<core::ResourceQuota>,
        ("secrets", _) => round::<core::Secret>,
        ("serviceaccounts", _) => round::<core::ServiceAccount>,
        ("services", _) => round::<core::Service>,
        ("daemonsets.apps", _) => round::<apps::DaemonSet>,
        ("deployments.apps", _) => round::<apps::Deployment>,
        ("replicasets.apps", _) => round::<apps::ReplicaSet>,
        ("statefulsets.apps", _) => round::<apps::StatefulSet>,
        ("horizontalpodautoscalers.autoscaling", "v2") => round::<autoscaling::HorizontalPodAutoscaler>,
        ("cronjobs.batch", _) => round::<batch::CronJob>,
        ("jobs.batch", _) => round::<batch::Job>,
        ("ingressclasses.networking.k8s.io", _) => round::<networking::IngressClass>,
        ("ingresses.networking.k8s.io", _) => round::<networking::Ingress>,
        ("networkpolicies.networking.k8s.io", _) => round::<networking::NetworkPolicy>,
        ("poddisruptionbudgets.policy", _) => round::<policy::PodDisruptionBudget>,
        ("clusterrolebindings.rbac.authorization.k8s.io", _) => round::<rbac::ClusterRoleBinding>,
        ("clusterroles.rbac.authorization.k8s.io", _) => round::<rbac::ClusterRole>,
        ("rolebindings.rbac.authorization.k8s.io", _) => round::<rbac::RoleBinding>,
        ("roles.rbac.authorization.k8s.io", _) => round::<rbac::Role>,
        ("storageclasses.storage.k8s.io", _) => round::<storage::StorageClass>,
        ("mutatingwebhookconfigurations.admissionregistration.k8s.io", _) => {
            round::<admission::MutatingWebhookConfiguration>
        }
        ("validatingwebhookconfigurations.admissionregistration.k8s.io", _) => {
            round::<admission::ValidatingWebhookConfiguration>
        }
        ("customresourcedefinitions.apiextensions.k8s.io", _) => round::<extensions::CustomResourceDefinition>,
        ("priorityclasses.scheduling.k8s.io", _) => round::<scheduling::PriorityClass>,
        ("leases.coordination.k8s.io", _) => round::<coordination::Lease>,
        ("endpointslices.discovery.k8s.io", _) => round::<discovery::EndpointSlice>,
        _ => return None,
    };
    Some(round)
}

/// Removes what the kind's type does not know, and says where that was.
///
/// # Errors
/// Why the object does not fit its type.
pub(super) fn checked(kind: &Kind, version: &str, object: &mut Value) -> Result<Vec<String>, String> {
    let Some(round) = of(kind, version) else { return Ok(Vec::new()) };
    // Schemas have fields of these names, with numbers in them.
    if kind.resource() != super::custom::DEFINITIONS {
        quantities(object, false);
    }
    let known = round(object).map_err(|e| e.to_string())?;
    let mut unknown = Vec::new();
    prune(object, &known, "", &mut unknown);
    Ok(unknown)
}

/// Keys of maps whose values are quantities.
const QUANTITIES: &[&str] =
    &["requests", "limits", "capacity", "allocatable", "hard", "used", "default", "defaultRequest"];

/// Writes quantities as text, as the server stores them.
fn quantities(value: &mut Value, inside: bool) {
    match value {
        Value::Number(number) if inside => *value = number.to_string().into(),
        Value::Object(map) => {
            for (key, value) in map {
                let is_map = value.is_object();
                quantities(value, inside && !is_map || is_map && QUANTITIES.contains(&key.as_str()));
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|item| quantities(item, false)),
        _ => {}
    }
}

fn prune(object: &mut Value, known: &Value, place: &str, unknown: &mut Vec<String>) {
    match (object, known) {
        (Value::Object(map), Value::Object(known)) => {
            let below = |key: &str| if place.is_empty() { key.to_owned() } else { format!("{place}.{key}") };
            map.retain(|key, value| {
                let keep = known.contains_key(key);
                if !keep && !value.is_null() && !matches!(key.as_str(), "kind" | "apiVersion") {
                    unknown.push(below(key));
                }
                keep || matches!(key.as_str(), "kind" | "apiVersion")
            });
            for (key, value) in map {
                prune(value, &known[key.as_str()], &below(key), unknown);
            }
        }
        (Value::Array(list), known) => {
            for (index, (item, known)) in list.iter_mut().zip(items(known)).enumerate() {
                prune(item, known, &format!("{place}[{index}]"), unknown);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rehearsal::kinds;
    use serde_json::json;

    #[test]
    fn unknown_fields_are_found_and_dropped() {
        let pods = kinds::built_in("", "pods").expect("pods");
        let mut pod = json!({"kind": "Pod", "metadata": {"name": "a", "creationTimestamp": null}, "spec": {"containers": [
            {"name": "c", "imagePolicy": "x", "resources": {"limits": {"cpu": 2}}},
        ]}});
        assert_eq!(checked(&pods, "v1", &mut pod), Ok(vec!["spec.containers[0].imagePolicy".to_owned()]));
        let container = json!({"name": "c", "resources": {"limits": {"cpu": "2"}}});
        assert_eq!(pod, json!({"kind": "Pod", "metadata": {"name": "a"}, "spec": {"containers": [container]}}));
        assert!(checked(&pods, "v1", &mut json!({"spec": {"containers": "c"}})).is_err());
    }

    #[test]
    fn free_maps_keep_their_keys() {
        let maps = kinds::built_in("", "configmaps").expect("configmaps");
        let mut map = json!({"data": {"limits": "x", "any.key": ""}, "metadata": {"labels": {"a/b": "c"}}});
        let before = map.clone();
        assert_eq!((checked(&maps, "v1", &mut map), map), (Ok(Vec::new()), before));
    }
}
