//! What every fresh cluster has: its namespaces, a node, and the service of its API server.

use super::server::Server;
use serde_json::{Map, Value, json};

/// The objects of a fresh cluster.
pub(super) fn objects(server: &Server) -> Vec<Value> {
    let mut objects: Vec<Value> = ["kube-system", "default", "kube-public", "kube-node-lease"]
        .into_iter()
        .map(|name| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}))
        .collect();
    let node = node(server);
    objects.push(lease(server, &node));
    objects.push(node);
    objects.push(kubernetes_service(server));
    objects
}

/// The priority classes that API servers make.
pub(super) fn priority_classes() -> [Value; 2] {
    let class = |name: &str, value: i64, words: &str| {
        json!({
            "apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": name, "generation": 1},
            "value": value, "description": words, "preemptionPolicy": "PreemptLowerPriority",
        })
    };
    let movable =
        "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.";
    let fixed = "Used for system critical pods that must not be moved from their current node.";
    [class("system-cluster-critical", 2_000_000_000, movable), class("system-node-critical", 2_000_001_000, fixed)]
}

/// Where the service of the API server leads: the server writes that itself.
pub(super) fn own_endpoints(server: &Server) -> [Value; 2] {
    let address = server.addresses().node();
    let ports = json!([{"name": "https", "port": 6443, "protocol": "TCP"}]);
    let metadata =
        |key: &str, value: &str| json!({"name": "kubernetes", "namespace": "default", "labels": {key: value}});
    let mut slice = json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": metadata("kubernetes.io/service-name", "kubernetes"), "ports": ports,
        "endpoints": [{"addresses": [address], "conditions": {"ready": true}}],
    });
    slice["metadata"]["generation"] = json!(1);
    let endpoints = json!({
        "apiVersion": "v1", "kind": "Endpoints", "metadata": metadata("endpointslice.kubernetes.io/skip-mirror", "true"),
        "subsets": [{"addresses": [{"ip": address}], "ports": ports}],
    });
    [endpoints, slice]
}

fn kubernetes_service(server: &Server) -> Value {
    let network = server.addresses().service_network();
    let first = network.split('/').next().and_then(|base| base.strip_suffix(".0")).unwrap_or_default();
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {
            "name": "kubernetes", "namespace": "default",
            "labels": {"component": "apiserver", "provider": "kubernetes"},
        },
        "spec": {
            "clusterIP": format!("{first}.1"),
            "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443}],
        },
    })
}

/// What a kubelet renews to say that its node lives.
fn lease(server: &Server, node: &Value) -> Value {
    let name = &node["metadata"]["name"];
    json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": name, "namespace": "kube-node-lease"},
        "spec": {
            "holderIdentity": name, "leaseDurationSeconds": 40,
            "renewTime": server.time().strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string(),
        },
    })
}

fn node(server: &Server) -> Value {
    let name = format!("{}-node-1", node_prefix(server.name()));
    let capacity = json!({"cpu": "8", "memory": "32Gi", "pods": "250", "ephemeral-storage": "200Gi"});
    let now = server.now();
    let own = |part: &str| server.named_uid(&format!("{name} {part}"));
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": name, "labels": labels(&[
            ("kubernetes.io/hostname", &name), ("kubernetes.io/os", "linux"), ("kubernetes.io/arch", "amd64"),
            ("beta.kubernetes.io/os", "linux"), ("beta.kubernetes.io/arch", "amd64"),
            ("topology.kubernetes.io/region", "region1"), ("topology.kubernetes.io/zone", "zone1"),
        ])},
        "spec": {"podCIDR": server.addresses().pod_network(), "podCIDRs": [server.addresses().pod_network()]},
        "status": {
            "capacity": capacity, "allocatable": capacity,
            "addresses": [
                {"type": "InternalIP", "address": server.addresses().node()}, {"type": "Hostname", "address": name},
            ],
            "conditions": conditions(&now),
            "nodeInfo": {
                "kubeletVersion": super::VERSION, "kubeProxyVersion": "", "operatingSystem": "linux",
                "architecture": "amd64", "osImage": "Debian GNU/Linux 12 (bookworm)", "kernelVersion": "6.1.0",
                "containerRuntimeVersion": "containerd://2.1.4", "machineID": own("machine").replace('-', ""),
                "systemUUID": own("system"), "bootID": own("boot"),
            },
        },
    })
}

fn conditions(now: &str) -> Value {
    let condition = |kind: &str, status: &str, reason: &str, message: &str| {
        json!({
            "type": kind, "status": status, "reason": reason, "message": message,
            "lastHeartbeatTime": now, "lastTransitionTime": now,
        })
    };
    json!([
        condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        condition("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
    ])
}

/// A context name as part of a DNS name.
fn node_prefix(context: &str) -> String {
    let plain: String =
        context.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    let plain = plain.trim_matches('-');
    if plain.is_empty() { "cluster".to_owned() } else { plain.chars().take(40).collect() }
}

fn labels(pairs: &[(&str, &str)]) -> Value {
    Value::Object(pairs.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    use crate::rehearsal::World;
    use serde_json::json;
    use std::time::Duration;

    #[test]
    fn pods_may_choose_nodes_by_the_labels_of_old_kubelets() {
        crate::clock::simulated(async |clock| {
            let world = World::new(clock.clone(), &["east"]);
            world.start();
            let east = &world.servers()[0];
            let chosen = json!({"beta.kubernetes.io/os": "linux", "beta.kubernetes.io/arch": "amd64"});
            let spec = json!({"nodeSelector": chosen, "containers": [{"name": "a", "image": "a"}]});
            let metadata = json!({"name": "p", "namespace": "default"});
            east.put(json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}));
            clock.sleep(Duration::from_secs(20)).await;
            assert_eq!(east.get("Pod", Some("default"), "p").expect("p")["status"]["phase"], "Running");
        });
    }
}
