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
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": name, "labels": labels(&[
            ("kubernetes.io/hostname", &name), ("kubernetes.io/os", "linux"), ("kubernetes.io/arch", "amd64"),
            ("topology.kubernetes.io/region", "region1"), ("topology.kubernetes.io/zone", "zone1"),
        ])},
        "spec": {"podCIDR": server.addresses().pod_network(), "podCIDRs": [server.addresses().pod_network()]},
        "status": {
            "capacity": capacity, "allocatable": capacity,
            "addresses": [
                {"type": "InternalIP", "address": server.addresses().node()}, {"type": "Hostname", "address": name},
            ],
            "conditions": [{
                "type": "Ready", "status": "True", "reason": "KubeletReady",
                "message": "kubelet is posting ready status", "lastHeartbeatTime": now, "lastTransitionTime": now,
            }],
            "nodeInfo": {
                "kubeletVersion": super::VERSION, "kubeProxyVersion": "", "operatingSystem": "linux",
                "architecture": "amd64", "osImage": "Debian GNU/Linux 12 (bookworm)", "kernelVersion": "6.1.0",
                "containerRuntimeVersion": "containerd://2.1.4", "machineID": "", "systemUUID": "", "bootID": "",
            },
        },
    })
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
