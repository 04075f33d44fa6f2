//! The columns of tables, kind by kind: those of `k8s.io/kubernetes/pkg/printers/internalversion`, and those that
//! definitions bring as `additionalPrinterColumns`.

use super::kinds::Kind;
use super::pod_row;
use super::tree::{items, text};
use jiff::Timestamp;
use serde_json::{Value, json};

/// One column.
pub(super) struct Column {
    pub name: String,
    /// `string`, `integer` or `date`.
    pub kind: String,
    /// 0 is always shown, 1 with `-o wide`.
    pub priority: i64,
    from: From,
}

type Cell = fn(&Value, Timestamp) -> Value;

enum From {
    Built(Cell),
    /// A simple JSON path of a definition, and whether it is a date.
    Path(String, bool),
}

impl Column {
    /// The cell of an object.
    pub fn cell(&self, object: &Value, now: Timestamp) -> Value {
        match &self.from {
            From::Built(cell) => cell(object, now),
            From::Path(path, true) => found(object, path).map_or_else(|| json!("<unknown>"), |time| age_of(&time, now)),
            From::Path(path, false) => found(object, path).map_or(Value::Null, |value| plain(&value)),
        }
    }
}

fn plain(value: &Value) -> Value {
    match value {
        Value::Array(_) | Value::Object(_) => value.to_string().into(),
        other => other.clone(),
    }
}

/// What a JSON path of a definition finds: dotted keys, `['key']`, indices and `[?(@.type=="Ready")]`, as kubectl
/// understands them.
fn found(object: &Value, path: &str) -> Option<Value> {
    let path = path.trim().trim_start_matches('{').trim_end_matches('}');
    let mut value = object;
    let mut rest = path;
    while !rest.is_empty() {
        rest = rest.trim_start_matches('.');
        if let Some(inner) = rest.strip_prefix('[') {
            let (selector, after) = inner.split_once(']')?;
            value = selected(value, selector)?;
            rest = after;
        } else {
            let end = key_end(rest);
            value = value.get(rest[..end].replace("\\.", "."))?;
            rest = &rest[end..];
        }
    }
    (!value.is_null()).then(|| value.clone())
}

/// Where a key ends: at the next dot that is not escaped, or at a bracket.
fn key_end(path: &str) -> usize {
    let bytes = path.as_bytes();
    let ends = |index: usize| bytes[index] == b'[' || bytes[index] == b'.' && (index == 0 || bytes[index - 1] != b'\\');
    (0..bytes.len()).find(|index| ends(*index)).unwrap_or(bytes.len())
}

fn selected<'v>(value: &'v Value, selector: &str) -> Option<&'v Value> {
    let unquoted = |text: &str| text.trim().trim_matches(['"', '\'']).to_owned();
    if let Some(filter) = selector.strip_prefix("?(") {
        let (key, wanted) = filter.trim_end_matches(')').split_once("==")?;
        let (key, wanted) = (key.trim().trim_start_matches("@."), unquoted(wanted));
        return items(value).iter().find(|item| text(item, key) == wanted);
    }
    match selector.parse::<usize>() {
        Ok(index) => value.get(index),
        Err(_) if selector == "*" => value.get(0),
        Err(_) => value.get(unquoted(selector)),
    }
}

/// The columns of a kind.
pub(super) fn of(kind: &Kind, version: &str) -> Vec<Column> {
    if let Some(version) = kind.custom_version(version) {
        return custom(version);
    }
    let built = |(name, kind, priority, cell): &(&str, &str, i64, Cell)| Column {
        name: (*name).to_owned(),
        kind: (*kind).to_owned(),
        priority: *priority,
        from: From::Built(*cell),
    };
    let rows = built_in(&kind.resource());
    rows.iter().map(built).collect()
}

fn custom(version: &Value) -> Vec<Column> {
    let mut columns = vec![Column { name: "Name".into(), kind: "string".into(), priority: 0, from: From::Built(NAME) }];
    let own = items(&version["additionalPrinterColumns"]);
    columns.extend(own.iter().map(|column| Column {
        name: text(column, "name").to_owned(),
        kind: text(column, "type").to_owned(),
        priority: column["priority"].as_i64().unwrap_or(0),
        from: From::Path(text(column, "jsonPath").to_owned(), column["type"] == "date"),
    }));
    if own.is_empty() {
        let age = Column { name: "Age".into(), kind: "date".into(), priority: 0, from: From::Built(AGE) };
        columns.push(age);
    }
    columns
}

const NAME: Cell = |object, _| object["metadata"]["name"].clone();
const AGE: Cell = |object, now| age_of(&object["metadata"]["creationTimestamp"], now);
/// When it was made, for kinds whose AGE column is a date.
const CREATED: Cell = |object, _| object["metadata"]["creationTimestamp"].clone();

type Row = (&'static str, &'static str, i64, Cell);

const N: Row = ("Name", "string", 0, NAME);
const A: Row = ("Age", "string", 0, AGE);

#[rustfmt::skip]
fn built_in(resource: &str) -> &'static [Row] {
    match resource {
        "pods" => &[
            N, ("Ready", "string", 0, |o, _| pod_row::ready(o)), ("Status", "string", 0, |o, _| pod_row::status(o)),
            ("Restarts", "string", 0, pod_row::restarts), A,
            ("IP", "string", 1, |o, _| or_none(&o["status"]["podIP"])), ("Node", "string", 1, |o, _| or_none(&o["spec"]["nodeName"])),
            ("Nominated Node", "string", 1, |o, _| or_none(&o["status"]["nominatedNodeName"])),
            ("Readiness Gates", "string", 1, |_, _| json!("<none>")),
        ],
        "deployments.apps" => &[
            N, ("Ready", "string", 0, |o, _| ratio(count(o, "status", "readyReplicas"), count(o, "spec", "replicas"))),
            ("Up-to-date", "string", 0, |o, _| count(o, "status", "updatedReplicas").into()),
            ("Available", "string", 0, |o, _| count(o, "status", "availableReplicas").into()), A,
            ("Containers", "string", 1, |o, _| containers(o, "name")), ("Images", "string", 1, |o, _| containers(o, "image")),
            ("Selector", "string", 1, |o, _| selector(&o["spec"]["selector"]["matchLabels"])),
        ],
        "replicasets.apps" => &[
            N, ("Desired", "integer", 0, |o, _| count(o, "spec", "replicas").into()),
            ("Current", "integer", 0, |o, _| count(o, "status", "replicas").into()),
            ("Ready", "integer", 0, |o, _| count(o, "status", "readyReplicas").into()), A,
            ("Containers", "string", 1, |o, _| containers(o, "name")), ("Images", "string", 1, |o, _| containers(o, "image")),
            ("Selector", "string", 1, |o, _| selector(&o["spec"]["selector"]["matchLabels"])),
        ],
        "statefulsets.apps" => &[
            N, ("Ready", "string", 0, |o, _| ratio(count(o, "status", "readyReplicas"), count(o, "spec", "replicas"))), A,
            ("Containers", "string", 1, |o, _| containers(o, "name")), ("Images", "string", 1, |o, _| containers(o, "image")),
        ],
        "daemonsets.apps" => &[
            N, ("Desired", "integer", 0, |o, _| count(o, "status", "desiredNumberScheduled").into()),
            ("Current", "integer", 0, |o, _| count(o, "status", "currentNumberScheduled").into()),
            ("Ready", "integer", 0, |o, _| count(o, "status", "numberReady").into()),
            ("Up-to-date", "integer", 0, |o, _| count(o, "status", "updatedNumberScheduled").into()),
            ("Available", "integer", 0, |o, _| count(o, "status", "numberAvailable").into()),
            ("Node Selector", "string", 0, |o, _| selector(&o["spec"]["template"]["spec"]["nodeSelector"])), A,
        ],
        "jobs.batch" => &[
            N, ("Status", "string", 0, |o, _| job_status(o)),
            ("Completions", "string", 0, |o, _| ratio(count(o, "status", "succeeded"), o["spec"]["completions"].as_i64().unwrap_or(1))),
            ("Duration", "string", 0, job_duration), A,
        ],
        "cronjobs.batch" => &[
            N, ("Schedule", "string", 0, |o, _| o["spec"]["schedule"].clone()), ("Timezone", "string", 0, |o, _| or_none(&o["spec"]["timeZone"])),
            ("Suspend", "boolean", 0, |o, _| json!(if o["spec"]["suspend"] == true { "True" } else { "False" })),
            ("Active", "integer", 0, |o, _| items(&o["status"]["active"]).len().into()),
            ("Last Schedule", "string", 0, |o, now| time(&o["status"]["lastScheduleTime"]).map_or_else(|| json!("<none>"), |_| age_of(&o["status"]["lastScheduleTime"], now))), A,
        ],
        "services" => &[
            N, ("Type", "string", 0, |o, _| o["spec"]["type"].clone()), ("Cluster-IP", "string", 0, |o, _| or_none(&o["spec"]["clusterIP"])),
            ("External-IP", "string", 0, |o, _| external_ip(o)), ("Port(s)", "string", 0, |o, _| ports(o)), A,
            ("Selector", "string", 1, |o, _| selector(&o["spec"]["selector"])),
        ],
        "namespaces" => &[N, ("Status", "string", 0, |o, _| o["status"]["phase"].clone()), A],
        "secrets" => &[N, ("Type", "string", 0, |o, _| o["type"].clone()), ("Data", "string", 0, |o, _| size(&o["data"]).into()), A],
        "configmaps" => &[N, ("Data", "string", 0, |o, _| (size(&o["data"]) + size(&o["binaryData"])).into()), A],
        "serviceaccounts" => &[N, ("Secrets", "integer", 0, |o, _| items(&o["secrets"]).len().into()), A],
        "nodes" => &[
            N, ("Status", "string", 0, |o, _| node_status(o)), ("Roles", "string", 0, |o, _| roles(o)), A,
            ("Version", "string", 0, |o, _| o["status"]["nodeInfo"]["kubeletVersion"].clone()),
            ("Internal-IP", "string", 1, |o, _| node_address(o, "InternalIP")), ("External-IP", "string", 1, |o, _| node_address(o, "ExternalIP")),
            ("OS-Image", "string", 1, |o, _| o["status"]["nodeInfo"]["osImage"].clone()),
            ("Kernel-Version", "string", 1, |o, _| o["status"]["nodeInfo"]["kernelVersion"].clone()),
            ("Container-Runtime", "string", 1, |o, _| o["status"]["nodeInfo"]["containerRuntimeVersion"].clone()),
        ],
        "events" => &[
            ("Last Seen", "string", 0, last_seen), ("Type", "string", 0, |o, _| o["type"].clone()), ("Reason", "string", 0, |o, _| o["reason"].clone()),
            ("Object", "string", 0, |o, _| event_object(o)), ("Subobject", "string", 1, |o, _| json!(text(&o["involvedObject"], "fieldPath"))),
            ("Source", "string", 1, |o, _| json!(text(&o["source"], "component"))),
            ("Message", "string", 0, |o, _| json!(text(o, "message").trim())), ("First Seen", "string", 1, |o, now| age_of(&o["firstTimestamp"], now)),
            ("Count", "string", 1, |o, _| o["count"].as_i64().unwrap_or(1).into()), ("Name", "string", 1, NAME),
        ],
        "endpoints" => &[N, ("Endpoints", "string", 0, |o, _| endpoints(o)), A],
        "endpointslices.discovery.k8s.io" => &[
            N, ("AddressType", "string", 0, |o, _| o["addressType"].clone()), ("Ports", "string", 0, |o, _| slice_ports(o)),
            ("Endpoints", "string", 0, |o, _| slice_addresses(o)), A,
        ],
        "ingresses.networking.k8s.io" => &[
            N, ("Class", "string", 0, |o, _| or_none(&o["spec"]["ingressClassName"])), ("Hosts", "string", 0, |o, _| hosts(o)),
            ("Address", "string", 0, |o, _| json!(addresses(&o["status"]["loadBalancer"]))),
            ("Ports", "string", 0, |o, _| json!(if items(&o["spec"]["tls"]).is_empty() { "80" } else { "80, 443" })), A,
        ],
        "horizontalpodautoscalers.autoscaling" => &[
            N, ("Reference", "string", 0, |o, _| json!(format!("{}/{}", text(&o["spec"]["scaleTargetRef"], "kind"), text(&o["spec"]["scaleTargetRef"], "name")))),
            ("Targets", "string", 0, |_, _| json!("<unknown>")), ("MinPods", "string", 0, |o, _| o["spec"]["minReplicas"].as_i64().unwrap_or(1).into()),
            ("MaxPods", "string", 0, |o, _| o["spec"]["maxReplicas"].clone()), ("Replicas", "string", 0, |o, _| count(o, "status", "currentReplicas").into()), A,
        ],
        "poddisruptionbudgets.policy" => &[
            N, ("Min Available", "string", 0, |o, _| or_na(&o["spec"]["minAvailable"])), ("Max Unavailable", "string", 0, |o, _| or_na(&o["spec"]["maxUnavailable"])),
            ("Allowed Disruptions", "integer", 0, |o, _| count(o, "status", "disruptionsAllowed").into()), A,
        ],
        "mutatingwebhookconfigurations.admissionregistration.k8s.io" | "validatingwebhookconfigurations.admissionregistration.k8s.io" => &[
            N, ("Webhooks", "integer", 0, |o, _| items(&o["webhooks"]).len().into()), A,
        ],
        "rolebindings.rbac.authorization.k8s.io" | "clusterrolebindings.rbac.authorization.k8s.io" => &[
            N, ("Role", "string", 0, |o, _| json!(format!("{}/{}", text(&o["roleRef"], "kind"), text(&o["roleRef"], "name")))), A,
        ],
        "roles.rbac.authorization.k8s.io" | "clusterroles.rbac.authorization.k8s.io" | "customresourcedefinitions.apiextensions.k8s.io" => {
            &[N, ("Created At", "date", 0, CREATED)]
        }
        "leases.coordination.k8s.io" => &[N, ("Holder", "string", 0, |o, _| json!(text(&o["spec"], "holderIdentity"))), A],
        _ => &[N, A],
    }
}

fn count(object: &Value, part: &str, key: &str) -> i64 {
    object[part][key].as_i64().unwrap_or(0)
}

fn size(map: &Value) -> usize {
    map.as_object().map_or(0, serde_json::Map::len)
}

fn ratio(ready: i64, wanted: i64) -> Value {
    format!("{ready}/{wanted}").into()
}

pub(super) fn or_none(value: &Value) -> Value {
    json!(value.as_str().filter(|text| !text.is_empty()).unwrap_or("<none>"))
}

fn or_na(value: &Value) -> Value {
    if value.is_null() { json!("N/A") } else { plain(value) }
}

fn selector(labels: &Value) -> Value {
    let pairs = labels.as_object().into_iter().flatten();
    let shown: Vec<_> = pairs.map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())).collect();
    if shown.is_empty() { json!("<none>") } else { shown.join(",").into() }
}

fn containers(object: &Value, key: &str) -> Value {
    let all = items(&object["spec"]["template"]["spec"]["containers"]).iter();
    all.map(|one| text(one, key)).collect::<Vec<_>>().join(",").into()
}

fn job_status(job: &Value) -> Value {
    let holds = |kind: &str| {
        items(&job["status"]["conditions"]).iter().any(|one| one["type"] == kind && one["status"] == "True")
    };
    let status = ["Complete", "Failed", "Suspended"].into_iter().find(|kind| holds(kind));
    json!(status.unwrap_or("Running"))
}

fn job_duration(job: &Value, now: Timestamp) -> Value {
    let Some(start) = time(&job["status"]["startTime"]) else { return json!("") };
    let end = time(&job["status"]["completionTime"]).unwrap_or(now);
    human(end.as_second() - start.as_second()).into()
}

/// The addresses of a load balancer.
fn addresses(balancer: &Value) -> String {
    let shown = |one: &Value| {
        [text(one, "ip"), text(one, "hostname")].into_iter().find(|text| !text.is_empty()).map(str::to_owned)
    };
    items(&balancer["ingress"]).iter().filter_map(shown).collect::<Vec<_>>().join(",")
}

fn external_ip(service: &Value) -> Value {
    let spec = &service["spec"];
    let given: Vec<_> = items(&spec["externalIPs"]).iter().filter_map(Value::as_str).collect();
    let balanced = addresses(&service["status"]["loadBalancer"]);
    match text(spec, "type") {
        "ExternalName" => spec["externalName"].clone(),
        "LoadBalancer" if balanced.is_empty() && given.is_empty() => json!("<pending>"),
        "LoadBalancer" if !balanced.is_empty() => [vec![balanced.as_str()], given].concat().join(",").into(),
        _ if given.is_empty() => json!("<none>"),
        _ => given.join(",").into(),
    }
}

fn ports(service: &Value) -> Value {
    let shown = |port: &Value| {
        let node =
            port["nodePort"].as_i64().filter(|port| *port > 0).map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}{node}/{}", port["port"], text(port, "protocol"))
    };
    let all: Vec<_> = items(&service["spec"]["ports"]).iter().map(shown).collect();
    if all.is_empty() { json!("<none>") } else { all.join(",").into() }
}

fn node_status(node: &Value) -> Value {
    let ready =
        items(&node["status"]["conditions"]).iter().any(|one| one["type"] == "Ready" && one["status"] == "True");
    let closed = if node["spec"]["unschedulable"] == true { ",SchedulingDisabled" } else { "" };
    format!("{}{closed}", if ready { "Ready" } else { "NotReady" }).into()
}

fn roles(node: &Value) -> Value {
    let labels = node["metadata"]["labels"].as_object().into_iter().flatten();
    let roles: Vec<_> = labels.filter_map(|(key, _)| key.strip_prefix("node-role.kubernetes.io/")).collect();
    if roles.is_empty() { json!("<none>") } else { roles.join(",").into() }
}

fn node_address(node: &Value, kind: &str) -> Value {
    let address = items(&node["status"]["addresses"]).iter().find(|one| one["type"] == kind);
    address.map_or_else(|| json!("<none>"), |one| one["address"].clone())
}

fn event_object(event: &Value) -> Value {
    let about = &event["involvedObject"];
    format!("{}/{}", text(about, "kind").to_lowercase(), text(about, "name")).into()
}

fn last_seen(event: &Value, now: Timestamp) -> Value {
    let times =
        [&event["series"]["lastObservedTime"], &event["lastTimestamp"], &event["eventTime"], &event["firstTimestamp"]];
    times.into_iter().find(|time| time.is_string()).map_or_else(|| json!("<unknown>"), |time| age_of(time, now))
}

/// At most three of these, then how many more there are.
fn some(all: &[String]) -> Value {
    match all {
        [] => json!("<none>"),
        few if few.len() <= 3 => few.join(",").into(),
        many => format!("{} + {} more...", many[..3].join(","), many.len() - 3).into(),
    }
}

fn endpoints(object: &Value) -> Value {
    let mut all = Vec::new();
    for subset in items(&object["subsets"]) {
        let ports = items(&subset["ports"]);
        for address in items(&subset["addresses"]) {
            match ports {
                [] => all.push(text(address, "ip").to_owned()),
                ports => all.extend(ports.iter().map(|port| format!("{}:{}", text(address, "ip"), port["port"]))),
            }
        }
    }
    some(&all)
}

fn slice_ports(slice: &Value) -> Value {
    let all: Vec<_> = items(&slice["ports"]).iter().map(|port| port["port"].to_string()).collect();
    if all.is_empty() { json!("<unset>") } else { some(&all) }
}

fn slice_addresses(slice: &Value) -> Value {
    let all = items(&slice["endpoints"]).iter().flat_map(|one| items(&one["addresses"]));
    let all: Vec<_> = all.filter_map(Value::as_str).map(str::to_owned).collect();
    if all.is_empty() { json!("<unset>") } else { some(&all) }
}

fn hosts(ingress: &Value) -> Value {
    let all: Vec<_> = items(&ingress["spec"]["rules"])
        .iter()
        .map(|rule| text(rule, "host").to_owned())
        .filter(|host| !host.is_empty())
        .collect();
    if all.is_empty() { json!("*") } else { some(&all) }
}

fn time(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

/// How long ago a time was.
pub(super) fn age_of(value: &Value, now: Timestamp) -> Value {
    time(value).map_or_else(|| json!("<unknown>"), |then| human(now.as_second() - then.as_second()).into())
}

/// Seconds as `k8s.io/apimachinery/pkg/util/duration.HumanDuration` writes them.
fn human(seconds: i64) -> String {
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    let days = hours / 24;
    let with = |big: i64, unit: &str, rest: i64, small: &str| {
        if rest == 0 { format!("{big}{unit}") } else { format!("{big}{unit}{rest}{small}") }
    };
    match seconds {
        i64::MIN..=-2 => "<invalid>".to_owned(),
        -1 => "0s".to_owned(),
        0..120 => format!("{seconds}s"),
        120..600 => with(minutes, "m", seconds % 60, "s"),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => with(hours, "h", minutes % 60, "m"),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => with(days, "d", hours % 24, "h"),
        691_200..63_072_000 => format!("{days}d"),
        63_072_000..252_288_000 => with(days / 365, "y", days % 365, "d"),
        _ => format!("{}y", days / 365),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_read_as_kubectl_writes_them() {
        let cases = [
            (5, "5s"),
            (119, "119s"),
            (125, "2m5s"),
            (600, "10m"),
            (7200, "120m"),
            (10_860, "3h1m"),
            (90_000, "25h"),
            (200_000, "2d7h"),
        ];
        for (seconds, shown) in cases {
            assert_eq!(human(seconds), shown);
        }
    }

    #[test]
    fn definitions_bring_their_columns() {
        let version = json!({"additionalPrinterColumns": [
            {"name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status"},
            {"name": "Host", "type": "string", "jsonPath": ".metadata.annotations.a\\.b/c"},
            {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
        ]});
        let object = json!({
            "metadata": {"name": "x", "creationTimestamp": "2026-01-01T00:00:00Z", "annotations": {"a.b/c": "h"}},
            "status": {"conditions": [{"type": "Other", "status": "False"}, {"type": "Ready", "status": "True"}]},
        });
        let now = "2026-01-01T00:01:00Z".parse().expect("time");
        let cells: Vec<_> = custom(&version).iter().map(|column| column.cell(&object, now)).collect();
        assert_eq!(cells, ["x", "True", "h", "60s"]);
    }

    #[test]
    fn services_show_their_addresses_and_ports() {
        let mut service =
            json!({"spec": {"type": "LoadBalancer", "ports": [{"port": 443, "nodePort": 30001, "protocol": "TCP"}]}});
        assert_eq!((external_ip(&service), ports(&service)), (json!("<pending>"), json!("443:30001/TCP")));
        service["status"] = json!({"loadBalancer": {"ingress": [{"ip": "172.18.0.1"}]}});
        assert_eq!(external_ip(&service), "172.18.0.1");
    }
}
