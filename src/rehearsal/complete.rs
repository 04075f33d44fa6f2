//! What the server adds to an object after the client's fields have been counted as the client's: its own strategies
//! and its built-in admission.

use super::custom::DEFINITIONS;
use super::kinds::Kind;
use super::tree::{at, each, items, path, set, text, unset};
use serde_json::{Value, json};

/// Completes a new object, or the change of a live one.
pub(super) fn apply(kind: &Kind, live: Option<&Value>, object: &mut Value) {
    match kind.resource().as_str() {
        "namespaces" => namespace(object),
        "services" => service(live, object),
        "pods" => pod(object),
        DEFINITIONS => definition(object),
        _ => {}
    }
}

fn namespace(object: &mut Value) {
    if object["metadata"]["deletionTimestamp"].is_null() {
        set(at(object, "spec"), "finalizers", json!(["kubernetes"]));
        set(object, "status", json!({"phase": "Active"}));
    }
}

fn service(live: Option<&Value>, object: &mut Value) {
    set(object, "status", json!({"loadBalancer": {}}));
    let spec = at(object, "spec");
    if spec["type"] != "ExternalName" {
        set(spec, "ipFamilies", json!(["IPv4"]));
        set(spec, "ipFamilyPolicy", json!("SingleStack"));
    }
    if let Some(live) = live {
        drop_what_its_type_lacks(&live["spec"], spec);
    }
    if object["spec"]["type"] != "LoadBalancer" {
        unset(path(object, &["status", "loadBalancer"]), "ingress");
    }
}

/// A service that changes its type loses the fields that only its old type has.
fn drop_what_its_type_lacks(live: &Value, spec: &mut Value) {
    let external = matches!(text(spec, "type"), "NodePort" | "LoadBalancer");
    if !external && spec["externalTrafficPolicy"] == live["externalTrafficPolicy"] {
        unset(spec, "externalTrafficPolicy");
    }
    if spec["type"] != "LoadBalancer" {
        for key in ["allocateLoadBalancerNodePorts", "loadBalancerClass", "healthCheckNodePort"] {
            if spec[key] == live[key] {
                unset(spec, key);
            }
        }
    }
    if !external {
        let before: Vec<_> = items(&live["ports"]).iter().map(|port| port["nodePort"].clone()).collect();
        each(spec, "ports")
            .filter(|port| before.contains(&port["nodePort"]))
            .for_each(|port| drop(unset(port, "nodePort")));
    }
}

/// What a new object gets because of its uid: a Job without a selector of its own finds its pods by it.
pub(super) fn identified(kind: &Kind, object: &mut Value) {
    if kind.resource() != "jobs.batch" || object["spec"]["manualSelector"] == true {
        return;
    }
    let (uid, name) = (object["metadata"]["uid"].clone(), object["metadata"]["name"].clone());
    if name.as_str().is_none_or(str::is_empty) {
        return;
    }
    let spec = at(object, "spec");
    let labels = path(spec, &["template", "metadata", "labels"]);
    for prefix in ["", "batch.kubernetes.io/"] {
        set(labels, &format!("{prefix}controller-uid"), uid.clone());
        set(labels, &format!("{prefix}job-name"), name.clone());
    }
    *path(spec, &["selector", "matchLabels", "batch.kubernetes.io/controller-uid"]) = uid;
}

fn definition(object: &mut Value) {
    let stored = items(&object["spec"]["versions"]).iter().filter(|version| version["storage"] == true);
    let stored: Vec<_> = stored.map(|version| version["name"].clone()).collect();
    let none = json!({"acceptedNames": {"kind": "", "plural": ""}, "conditions": null, "storedVersions": stored});
    set(object, "status", none);
}

fn pod(object: &mut Value) {
    let class = quality(&object["spec"]);
    set(object, "status", json!({"phase": "Pending"}));
    set(at(object, "status"), "qosClass", json!(class));
    let spec = at(object, "spec");
    set(spec, "preemptionPolicy", json!("PreemptLowerPriority"));
    set(spec, "priority", json!(0));
    set(spec, "serviceAccountName", json!("default"));
    let account = spec["serviceAccountName"].clone();
    set(spec, "serviceAccount", account);
    tolerate(spec);
}

/// Pods stay on a node that is away for five minutes, unless they say something else about that.
fn tolerate(spec: &mut Value) {
    for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
        let covers = |one: &Value| {
            let keys = text(one, "key");
            (keys.is_empty() || keys == key) && matches!(text(one, "effect"), "" | "NoExecute")
        };
        if items(&spec["tolerations"]).iter().any(covers) {
            continue;
        }
        let lasting = json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300});
        match at(spec, "tolerations").as_array_mut() {
            Some(all) => all.push(lasting),
            None => *at(spec, "tolerations") = json!([lasting]),
        }
    }
}

/// The quality of service that the containers' resources give.
fn quality(spec: &Value) -> &'static str {
    let all: Vec<_> = ["containers", "initContainers"].iter().flat_map(|list| items(&spec[*list])).collect();
    let asks = |container: &&Value| {
        let has = |part: &str| container["resources"][part].as_object().is_some_and(|map| !map.is_empty());
        has("requests") || has("limits")
    };
    let is_fixed = |container: &Value| {
        let resources = &container["resources"];
        ["cpu", "memory"].iter().all(|name| {
            let limit = &resources["limits"][*name];
            !limit.is_null() && (resources["requests"][*name].is_null() || resources["requests"][*name] == *limit)
        })
    };
    match (all.iter().any(asks), all.iter().all(|container| is_fixed(container))) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rehearsal::kinds;

    #[test]
    fn a_service_that_is_no_load_balancer_any_more_has_no_node_port() {
        let services = kinds::built_in("", "services").expect("services");
        let live = json!({"spec": {
            "type": "LoadBalancer", "allocateLoadBalancerNodePorts": true, "externalTrafficPolicy": "Cluster",
            "ports": [{"port": 80, "nodePort": 30001}],
        }, "status": {"loadBalancer": {"ingress": [{"ip": "172.18.0.1"}]}}});
        let mut service = live.clone();
        service["spec"]["type"] = json!("ClusterIP");
        apply(&services, Some(&live), &mut service);
        assert_eq!(service["spec"]["ports"], json!([{"port": 80}]));
        assert_eq!(service["spec"].get("externalTrafficPolicy"), None);
        assert_eq!(service["status"], json!({"loadBalancer": {}}));
    }

    #[test]
    fn resources_decide_the_quality_of_service() {
        let with = |resources: Value| json!({"containers": [{"name": "a", "resources": resources}]});
        assert_eq!(quality(&with(json!({}))), "BestEffort");
        assert_eq!(quality(&with(json!({"limits": {"cpu": "1"}}))), "Burstable");
        assert_eq!(quality(&with(json!({"limits": {"cpu": "1", "memory": "1Gi"}}))), "Guaranteed");
    }

    #[test]
    fn own_tolerations_are_kept() {
        let mut spec = json!({"tolerations": [{"key": "node.kubernetes.io/not-ready", "operator": "Exists"}]});
        tolerate(&mut spec);
        assert_eq!(spec["tolerations"].as_array().map(Vec::len), Some(2));
        let mut spec = json!({"tolerations": [{"operator": "Exists"}]});
        tolerate(&mut spec);
        assert_eq!(spec["tolerations"].as_array().map(Vec::len), Some(1));
    }
}
