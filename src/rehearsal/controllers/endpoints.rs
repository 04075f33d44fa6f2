//! Endpoints and EndpointSlices of Services with selectors.

use super::condition;
use super::owner;
use super::template::{is_ready, safe_name};
use super::turn::{Action, Id, Target, Turn, View, is_terminating, items, kind, name, number, text, uid};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const TAKES: Duration = Duration::from_millis(100);
/// Port numbers, and the pods in which they are the service's.
type Group = (Vec<Value>, Vec<Arc<Value>>);

const MANAGER: &str = "endpointslice-controller.k8s.io";

/// The services that a change of `object` concerns.
pub(crate) fn concerns(view: &dyn View, object: &Value) -> Vec<Id> {
    let namespace = text(object, "/metadata/namespace");
    match kind(object) {
        "Service" | "Endpoints" => vec![Id::of(object)],
        "EndpointSlice" => {
            let service = text(object, "/metadata/labels/kubernetes.io~1service-name");
            if service.is_empty() { Vec::new() } else { vec![Id::new(namespace, service)] }
        }
        "Pod" => {
            let mut services = view.list("Service", Some(namespace));
            services.retain(|service| selects(service, object));
            services.iter().map(|service| Id::of(service)).collect()
        }
        _ => Vec::new(),
    }
}

fn selects(service: &Value, pod: &Value) -> bool {
    let selector = service["spec"]["selector"].as_object();
    selector.is_some_and(|pairs| condition::matches(pairs, &pod["metadata"]["labels"]))
}

/// Brings the Endpoints and the EndpointSlices of a Service in line with its pods.
pub(crate) fn reconcile(turn: &mut Turn<'_>, id: &Id) {
    let Some(service) = turn.get("Service", id) else { return orphan(turn, id) };
    if is_terminating(&service) || service["spec"]["selector"].as_object().is_none_or(serde_json::Map::is_empty) {
        return;
    }
    let mut pods = turn.view().list("Pod", id.namespace());
    pods.retain(|pod| {
        let ended = matches!(text(pod, "/status/phase"), "Succeeded" | "Failed");
        selects(&service, pod) && !ended && !text(pod, "/status/podIP").is_empty()
    });
    let fingerprint = pods.iter().map(|pod| fingerprint(pod)).collect::<Vec<_>>().join(" ");
    let stage = format!("{} {}: {fingerprint}", service["spec"]["ports"], service["spec"]["publishNotReadyAddresses"]);
    if !turn.stayed(&stage, TAKES) {
        return;
    }
    let groups = by_ports(&service, pods);
    endpoints(turn, &service, &groups);
    slices(turn, &service, &groups);
}

/// The Endpoints object of a Service that is gone; its slices are garbage.
fn orphan(turn: &mut Turn<'_>, id: &Id) {
    let Some(endpoints) = turn.get("Endpoints", id) else { return };
    if endpoints["metadata"]["labels"].get("endpoints.kubernetes.io/managed-by").is_some() {
        turn.want(Action::Remove(Target::of(&endpoints)));
    }
}

fn fingerprint(pod: &Value) -> String {
    format!("{}/{}/{}", uid(pod), is_ready(pod), is_terminating(pod))
}

/// The pods, grouped by the port numbers that the service's target ports mean in them.
fn by_ports(service: &Value, pods: Vec<Arc<Value>>) -> Vec<Group> {
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    for pod in pods {
        let ports = resolve(service, &pod);
        let group = groups.entry(Value::from(ports.clone()).to_string()).or_insert_with(|| (ports, Vec::new()));
        group.1.push(pod);
    }
    let mut groups: Vec<_> = groups.into_values().collect();
    groups.iter_mut().for_each(|group| group.1.sort_by_key(|pod| text(pod, "/status/podIP").to_owned()));
    groups
}

fn resolve(service: &Value, pod: &Value) -> Vec<Value> {
    let ports = items(service, "/spec/ports").iter().filter_map(|port| {
        let number = match &port["targetPort"] {
            Value::String(name) => named_port(pod, name)?,
            Value::Number(number) if number.as_i64() != Some(0) => number.as_i64()?,
            _ => port["port"].as_i64()?,
        };
        let mut resolved = json!({ "port": number, "protocol": port["protocol"].as_str().unwrap_or("TCP") });
        for key in ["name", "appProtocol"] {
            if port[key].is_string() {
                resolved[key] = port[key].clone();
            }
        }
        Some(resolved)
    });
    ports.collect()
}

fn named_port(pod: &Value, port_name: &str) -> Option<i64> {
    let sidecars = items(pod, "/spec/initContainers").iter().filter(|init| init["restartPolicy"] == "Always");
    let containers = items(pod, "/spec/containers").iter().chain(sidecars);
    let mut ports = containers.flat_map(|container| items(container, "/ports"));
    ports.find(|port| port["name"] == port_name).and_then(|port| number(port, "/containerPort"))
}

fn is_serving(service: &Value, pod: &Value) -> bool {
    is_ready(pod) || service["spec"]["publishNotReadyAddresses"] == true
}

fn reference(pod: &Value) -> Value {
    json!({ "kind": "Pod", "namespace": text(pod, "/metadata/namespace"), "name": name(pod), "uid": uid(pod) })
}

fn endpoints(turn: &mut Turn<'_>, service: &Value, groups: &[Group]) {
    let subsets: Vec<Value> = groups.iter().filter_map(|(ports, pods)| subset(service, ports, pods)).collect();
    let mut labels = service["metadata"].get("labels").cloned().unwrap_or_else(|| json!({}));
    labels["endpoints.kubernetes.io/managed-by"] = "endpoint-controller".into();
    let wanted = json!({
        "apiVersion": "v1", "kind": "Endpoints",
        "metadata": { "name": name(service), "namespace": text(service, "/metadata/namespace"), "labels": labels },
        "subsets": if subsets.is_empty() { Value::Null } else { subsets.into() },
    });
    bring(turn, "Endpoints", wanted);
}

fn subset(service: &Value, ports: &[Value], pods: &[Arc<Value>]) -> Option<Value> {
    let address = |pod: &Value| {
        let (ip, node) = (text(pod, "/status/podIP"), text(pod, "/spec/nodeName"));
        json!({ "ip": ip, "nodeName": node, "targetRef": reference(pod) })
    };
    let alive = || pods.iter().filter(|pod| !is_terminating(pod));
    let (ready, rest): (Vec<_>, Vec<_>) = alive().partition(|pod| is_serving(service, pod));
    if ready.is_empty() && rest.is_empty() {
        return None;
    }
    let mut subset = json!({ "ports": ports });
    for (key, pods) in [("addresses", ready), ("notReadyAddresses", rest)] {
        if !pods.is_empty() {
            subset[key] = pods.into_iter().map(|pod| address(pod)).collect();
        }
    }
    Some(subset)
}

fn slices(turn: &mut Turn<'_>, service: &Value, groups: &[Group]) {
    let mut wanted: Vec<Value> = groups.iter().map(|(ports, pods)| slice(service, ports, pods)).collect();
    if wanted.is_empty() {
        wanted.push(slice(service, &[], &[]));
    }
    let namespace = text(service, "/metadata/namespace");
    for old in turn.view().list("EndpointSlice", Some(namespace)) {
        let mine = owner::controller(&old).is_some_and(|controller| controller["uid"] == uid(service));
        if mine && !wanted.iter().any(|wanted| name(wanted) == name(&old)) {
            turn.want(Action::Remove(Target::of(&old)));
        }
    }
    wanted.into_iter().for_each(|slice| bring(turn, "EndpointSlice", slice));
}

fn slice(service: &Value, ports: &[Value], pods: &[Arc<Value>]) -> Value {
    let ports = Value::from(ports.to_vec());
    // One slice per set of ports; an empty one takes the name that the plain case has.
    let plain = ports.as_array().is_none_or(Vec::is_empty) || items(service, "/spec/ports").iter().all(is_numeric);
    let seed = format!("{}/{}", uid(service), if plain { String::new() } else { ports.to_string() });
    let mut labels = service["metadata"].get("labels").cloned().unwrap_or_else(|| json!({}));
    labels["kubernetes.io/service-name"] = name(service).into();
    labels["endpointslice.kubernetes.io/managed-by"] = MANAGER.into();
    if text(service, "/spec/clusterIP") == "None" {
        labels["service.kubernetes.io/headless"] = "".into();
    }
    let endpoints: Vec<Value> = pods.iter().map(|pod| endpoint(service, pod)).collect();
    json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {
            "name": format!("{}-{}", name(service), safe_name(&seed, 5)), "generateName": format!("{}-", name(service)),
            "namespace": text(service, "/metadata/namespace"), "labels": labels,
            "ownerReferences": [owner::reference(service)],
        },
        "endpoints": endpoints, "ports": ports,
    })
}

fn is_numeric(port: &Value) -> bool {
    !port["targetPort"].is_string()
}

fn endpoint(service: &Value, pod: &Value) -> Value {
    let (serving, terminating) = (is_serving(service, pod), is_terminating(pod));
    json!({
        "addresses": [text(pod, "/status/podIP")], "nodeName": text(pod, "/spec/nodeName"), "targetRef": reference(pod),
        "conditions": { "ready": serving && !terminating, "serving": serving, "terminating": terminating },
    })
}

/// Creates the object or merges what is wanted into the one that is there.
fn bring(turn: &mut Turn<'_>, kind: &str, wanted: Value) {
    match turn.get(kind, &Id::of(&wanted)) {
        Some(old) => turn.patch(&old, wanted),
        None => {
            let mut wanted = wanted;
            wanted.as_object_mut().into_iter().for_each(|fields| fields.retain(|_, value| !value.is_null()));
            turn.want(Action::Create(wanted));
        }
    }
}
