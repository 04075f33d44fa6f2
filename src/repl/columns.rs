//! What of an object stands in a row: name and age always, and what kubectl shows of the kinds that people list most.

use crate::object::{Node, Object};

/// A column: its header, and the cell of an object.
type Column = (&'static str, fn(&Object) -> String);

/// The columns between name and age, by kind.
const KINDS: &[(&str, &[Column])] = &[
    ("Pod", &[("READY", ready_containers), ("STATUS", pod_status), ("RESTARTS", restarts)]),
    ("Deployment", &[("READY", ready_replicas), ("UP-TO-DATE", updated), ("AVAILABLE", available)]),
    ("StatefulSet", &[("READY", ready_replicas)]),
    ("ReplicaSet", &[("READY", ready_replicas)]),
    ("DaemonSet", &[("DESIRED", desired), ("READY", number_ready)]),
    ("Service", &[("TYPE", service_type), ("CLUSTER-IP", cluster_ip), ("EXTERNAL-IP", external_ip), ("PORTS", ports)]),
    ("Namespace", &[("STATUS", phase)]),
    ("Node", &[("STATUS", node_status), ("VERSION", kubelet)]),
    ("ConfigMap", &[("DATA", data_count)]),
    ("Secret", &[("TYPE", secret_type), ("DATA", data_count)]),
    ("Event", &[("TYPE", event_type), ("REASON", reason), ("OBJECT", involved), ("MESSAGE", message)]),
    ("Job", &[("COMPLETIONS", completions)]),
    ("CustomResourceDefinition", &[("KIND", crd_kind), ("SCOPE", crd_scope)]),
    ("Gateway", &[("HOSTS", gateway_hosts)]),
];

/// Columns behind the age.
const LAST: &[(&str, &[Column])] = &[("Pod", &[("NODE", node_name)])];

/// Header and rows of these objects; `None` when one is no object. There may be very many: each is looked at and dropped.
pub fn rows(items: &[Node], now: jiff::Timestamp) -> Option<(Vec<String>, Vec<Vec<String>>)> {
    let kind = |item: &Node| item.get("kind").and_then(Node::as_str).unwrap_or_default().to_owned();
    let kinds: std::collections::BTreeSet<String> = items.iter().map(kind).collect();
    let one = if kinds.len() == 1 { kinds.first().map(String::as_str).unwrap_or_default() } else { "" };
    let of = |table: &[(&str, &'static [Column])]| {
        table.iter().find(|(kind, _)| *kind == one).map_or(&[][..], |(_, columns)| columns)
    };
    let (middle, last) = (of(KINDS), of(LAST));
    let row = |item: &Node| {
        let object = Object::new(item.glance());
        let is_one = !object.name().is_empty() && !object.kind().is_empty();
        let mut cells = vec![object.kind().to_owned(), object.namespace().unwrap_or_default().to_owned()];
        cells.push(object.name().to_owned());
        cells.extend(middle.iter().map(|(_, cell)| cell(&object)));
        cells.push(age(&object, now));
        cells.extend(last.iter().map(|(_, cell)| cell(&object)));
        is_one.then_some(cells)
    };
    let mut rows = items.iter().map(row).collect::<Option<Vec<_>>>()?;
    let names = ["KIND", "NAMESPACE", "NAME"].into_iter().chain(middle.iter().map(|(name, _)| *name));
    let names = names.chain(["AGE"]).chain(last.iter().map(|(name, _)| *name));
    let mut header: Vec<String> = names.map(str::to_owned).collect();
    let namespaced = rows.iter().any(|cells| !cells[1].is_empty());
    for (column, shown) in [(1, namespaced), (0, kinds.len() > 1)] {
        if !shown {
            std::iter::once(&mut header).chain(&mut rows).for_each(|cells| drop(cells.remove(column)));
        }
    }
    Some((header, rows))
}

/// How long ago an object was made, as kubectl says it.
fn age(object: &Object, now: jiff::Timestamp) -> String {
    let made = object.str_at("metadata.creationTimestamp").and_then(|time| time.parse::<jiff::Timestamp>().ok());
    let Some(made) = made else { return String::new() };
    let seconds = (now.as_second() - made.as_second()).max(0);
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7_200 => format!("{}m", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

fn text(object: &Object, path: &str) -> String {
    object.str_at(path).unwrap_or_default().to_owned()
}

fn number(object: &Object, path: &str) -> i64 {
    object.int_at(path).unwrap_or_default()
}

fn is_true(node: &Node, key: &str) -> bool {
    node.get(key).and_then(Node::as_bool).unwrap_or_default()
}

fn ready_containers(pod: &Object) -> String {
    let ready = pod.items_at("status.containerStatuses").iter().filter(|status| is_true(status, "ready")).count();
    format!("{ready}/{}", pod.items_at("spec.containers").len())
}

fn pod_status(pod: &Object) -> String {
    if pod.at("metadata.deletionTimestamp").is_some() {
        return "Terminating".to_owned();
    }
    let waiting = |status: &Node| Some(status.get("state")?.get("waiting")?.get("reason")?.as_str()?.to_owned());
    let reason = pod.items_at("status.containerStatuses").iter().find_map(waiting);
    reason.unwrap_or_else(|| text(pod, "status.phase"))
}

fn restarts(pod: &Object) -> String {
    let count = |status: &Node| status.get("restartCount").and_then(Node::as_int).unwrap_or_default();
    pod.items_at("status.containerStatuses").iter().map(count).sum::<i64>().to_string()
}

fn node_name(pod: &Object) -> String {
    text(pod, "spec.nodeName")
}

fn ready_replicas(object: &Object) -> String {
    let wanted = object.int_at("spec.replicas").unwrap_or(1);
    format!("{}/{wanted}", number(object, "status.readyReplicas"))
}

fn updated(object: &Object) -> String {
    number(object, "status.updatedReplicas").to_string()
}

fn available(object: &Object) -> String {
    number(object, "status.availableReplicas").to_string()
}

fn desired(object: &Object) -> String {
    number(object, "status.desiredNumberScheduled").to_string()
}

fn number_ready(object: &Object) -> String {
    number(object, "status.numberReady").to_string()
}

fn service_type(service: &Object) -> String {
    text(service, "spec.type")
}

fn cluster_ip(service: &Object) -> String {
    text(service, "spec.clusterIP")
}

fn external_ip(service: &Object) -> String {
    let address = |entry: &Node| entry.get("ip").or_else(|| entry.get("hostname"))?.as_str().map(str::to_owned);
    let addresses: Vec<String> = service.items_at("status.loadBalancer.ingress").iter().filter_map(address).collect();
    match (addresses.is_empty(), service.str_at("spec.type")) {
        (false, _) => addresses.join(","),
        (true, Some("LoadBalancer")) => "<pending>".to_owned(),
        _ => "<none>".to_owned(),
    }
}

fn ports(service: &Object) -> String {
    let port = |entry: &Node| {
        let number = entry.get("port").and_then(Node::as_int)?;
        let node = entry.get("nodePort").and_then(Node::as_int).map(|node| format!(":{node}")).unwrap_or_default();
        Some(format!("{number}{node}"))
    };
    service.items_at("spec.ports").iter().filter_map(port).collect::<Vec<_>>().join(",")
}

fn phase(object: &Object) -> String {
    text(object, "status.phase")
}

fn node_status(node: &Object) -> String {
    let is = |entry: &Node, key: &str, value: &str| entry.get(key).and_then(Node::as_str) == Some(value);
    let ready = node.items_at("status.conditions").iter().any(|c| is(c, "type", "Ready") && is(c, "status", "True"));
    if ready { "Ready".to_owned() } else { "NotReady".to_owned() }
}

fn kubelet(node: &Object) -> String {
    text(node, "status.nodeInfo.kubeletVersion")
}

fn data_count(object: &Object) -> String {
    let count = |key: &str| object.at(key).map_or(0, |data| data.entries().len());
    (count("data") + count("binaryData")).to_string()
}

fn secret_type(object: &Object) -> String {
    text(object, "type")
}

fn event_type(event: &Object) -> String {
    text(event, "type")
}

fn reason(event: &Object) -> String {
    text(event, "reason")
}

fn involved(event: &Object) -> String {
    format!("{}/{}", text(event, "involvedObject.kind"), text(event, "involvedObject.name"))
}

fn message(event: &Object) -> String {
    text(event, "message").lines().next().unwrap_or_default().to_owned()
}

fn completions(job: &Object) -> String {
    format!("{}/{}", number(job, "status.succeeded"), job.int_at("spec.completions").unwrap_or(1))
}

fn crd_kind(crd: &Object) -> String {
    text(crd, "spec.names.kind")
}

fn crd_scope(crd: &Object) -> String {
    text(crd, "spec.scope")
}

fn gateway_hosts(gateway: &Object) -> String {
    let servers = gateway.items_at("spec.servers").iter();
    let hosts = servers.flat_map(|server| server.get("hosts").map_or(&[][..], Node::items));
    hosts.filter_map(Node::as_str).collect::<Vec<_>>().join(",")
}
