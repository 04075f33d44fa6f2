//! The columns of tables, kind by kind: those of `k8s.io/kubernetes/pkg/printers/internalversion`, and those that
//! definitions bring as `additionalPrinterColumns`.

use super::cells::{
    addresses, age_of, containers, count, endpoints, event_object, external_ip, hosts, job_duration, job_status,
    last_seen, node_address, node_status, or_na, or_none, plain, ports, quota, ratio, roles, selector, size,
    slice_addresses, slice_ports, targets, time,
};
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
            ("Containers", "string", 1, |o, _| containers(o, "name")), ("Images", "string", 1, |o, _| containers(o, "image")),
            ("Selector", "string", 1, |o, _| selector(&o["spec"]["selector"]["matchLabels"])),
        ],
        "jobs.batch" => &[
            N, ("Status", "string", 0, |o, _| job_status(o)),
            ("Completions", "string", 0, |o, _| ratio(count(o, "status", "succeeded"), o["spec"]["completions"].as_i64().unwrap_or(1))),
            ("Duration", "string", 0, job_duration), A,
            ("Containers", "string", 1, |o, _| containers(o, "name")), ("Images", "string", 1, |o, _| containers(o, "image")),
            ("Selector", "string", 1, |o, _| selector(&o["spec"]["selector"]["matchLabels"])),
        ],
        "cronjobs.batch" => &[
            N, ("Schedule", "string", 0, |o, _| o["spec"]["schedule"].clone()), ("Timezone", "string", 0, |o, _| or_none(&o["spec"]["timeZone"])),
            ("Suspend", "boolean", 0, |o, _| json!(if o["spec"]["suspend"] == true { "True" } else { "False" })),
            ("Active", "integer", 0, |o, _| items(&o["status"]["active"]).len().into()),
            ("Last Schedule", "string", 0, |o, now| time(&o["status"]["lastScheduleTime"]).map_or_else(|| json!("<none>"), |_| age_of(&o["status"]["lastScheduleTime"], now))), A,
            ("Containers", "string", 1, |o, _| containers(&o["spec"]["jobTemplate"], "name")),
            ("Images", "string", 1, |o, _| containers(&o["spec"]["jobTemplate"], "image")),
            ("Selector", "string", 1, |o, _| selector(&o["spec"]["jobTemplate"]["spec"]["selector"]["matchLabels"])),
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
            ("Targets", "string", 0, |o, _| targets(o)), ("MinPods", "string", 0, |o, _| o["spec"]["minReplicas"].as_i64().unwrap_or(1).into()),
            ("MaxPods", "string", 0, |o, _| o["spec"]["maxReplicas"].clone()), ("Replicas", "string", 0, |o, _| count(o, "status", "currentReplicas").into()), A,
        ],
        "resourcequotas" => &[N, ("Request", "string", 0, |o, _| quota(o, false)), ("Limit", "string", 0, |o, _| quota(o, true)), A],
        "priorityclasses.scheduling.k8s.io" => &[
            N, ("Value", "integer", 0, |o, _| o["value"].clone()), ("Global-Default", "boolean", 0, |o, _| json!(o["globalDefault"] == true)), A,
            ("PreemptionPolicy", "string", 0, |o, _| json!(text(o, "preemptionPolicy"))),
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
            ("Users", "string", 1, |o, _| subjects(o, "User")), ("Groups", "string", 1, |o, _| subjects(o, "Group")),
            ("ServiceAccounts", "string", 1, |o, _| subjects(o, "ServiceAccount")),
        ],
        "roles.rbac.authorization.k8s.io" | "clusterroles.rbac.authorization.k8s.io" | "customresourcedefinitions.apiextensions.k8s.io" => {
            &[N, ("Created At", "date", 0, CREATED)]
        }
        "leases.coordination.k8s.io" => &[N, ("Holder", "string", 0, |o, _| json!(text(&o["spec"], "holderIdentity"))), A],
        "persistentvolumeclaims" => &[
            N, ("Status", "string", 0, |o, _| phase(o)), ("Volume", "string", 0, |o, _| json!(text(&o["spec"], "volumeName"))),
            ("Capacity", "string", 0, |o, _| json!(text(&o["status"]["capacity"], "storage"))), ("Access Modes", "string", 0, |o, _| access_modes(&o["status"])),
            ("StorageClass", "string", 0, |o, _| json!(text(&o["spec"], "storageClassName"))), ("VolumeAttributesClass", "string", 0, |o, _| or_unset(&o["spec"]["volumeAttributesClassName"])), A,
            ("VolumeMode", "string", 1, |o, _| or_unset(&o["spec"]["volumeMode"])),
        ],
        "persistentvolumes" => &[
            N, ("Capacity", "string", 0, |o, _| json!(text(&o["spec"]["capacity"], "storage"))), ("Access Modes", "string", 0, |o, _| access_modes(&o["spec"])),
            ("Reclaim Policy", "string", 0, |o, _| json!(text(&o["spec"], "persistentVolumeReclaimPolicy"))), ("Status", "string", 0, |o, _| phase(o)),
            ("Claim", "string", 0, |o, _| claim(&o["spec"]["claimRef"])), ("StorageClass", "string", 0, |o, _| json!(text(&o["spec"], "storageClassName"))),
            ("VolumeAttributesClass", "string", 0, |o, _| or_unset(&o["spec"]["volumeAttributesClassName"])),
            ("Reason", "string", 0, |o, _| json!(text(&o["status"], "reason"))), A, ("VolumeMode", "string", 1, |o, _| or_unset(&o["spec"]["volumeMode"])),
        ],
        "storageclasses.storage.k8s.io" => &[
            ("Name", "string", 0, |o, _| class_name(o)), ("Provisioner", "string", 0, |o, _| o["provisioner"].clone()),
            ("ReclaimPolicy", "string", 0, |o, _| json!(o["reclaimPolicy"].as_str().unwrap_or("Delete"))),
            ("VolumeBindingMode", "string", 0, |o, _| json!(o["volumeBindingMode"].as_str().unwrap_or("Immediate"))),
            ("AllowVolumeExpansion", "string", 0, |o, _| json!((o["allowVolumeExpansion"] == true).to_string())), A,
        ],
        "networkpolicies.networking.k8s.io" => &[N, ("Pod-Selector", "string", 0, |o, _| selector(&o["spec"]["podSelector"]["matchLabels"])), A],
        "ingressclasses.networking.k8s.io" => &[
            N, ("Controller", "string", 0, |o, _| json!(text(&o["spec"], "controller"))), ("Parameters", "string", 0, |o, _| or_none(&o["spec"]["parameters"]["name"])), A,
        ],
        "runtimeclasses.node.k8s.io" => &[N, ("Handler", "string", 0, |o, _| o["handler"].clone()), A],
        "controllerrevisions.apps" => &[N, ("Controller", "string", 0, |o, _| controller(o)), ("Revision", "string", 0, |o, _| o["revision"].clone()), A],
        "limitranges" => &[N, ("Created At", "date", 0, CREATED)],
        "apiservices.apiregistration.k8s.io" => &[
            N, ("Service", "string", 0, |o, _| api_service(o)), ("Available", "string", 0, |o, _| api_service_available(o)), A,
        ],
        _ => &[N, A],
    }
}

fn or_unset(value: &Value) -> Value {
    json!(value.as_str().unwrap_or("<unset>"))
}

/// The phase of a claim or volume; one that is deleted and held says that.
fn phase(object: &Value) -> Value {
    let ends = object["metadata"]["deletionTimestamp"].is_string();
    if ends { json!("Terminating") } else { json!(text(&object["status"], "phase")) }
}

fn access_modes(part: &Value) -> Value {
    let short = |mode: &Value| match mode.as_str().unwrap_or_default() {
        "ReadWriteOnce" => "RWO",
        "ReadOnlyMany" => "ROX",
        "ReadWriteMany" => "RWX",
        "ReadWriteOncePod" => "RWOP",
        _ => "",
    };
    json!(items(&part["accessModes"]).iter().map(short).collect::<Vec<_>>().join(","))
}

fn claim(reference: &Value) -> Value {
    if !reference.is_object() {
        return json!("");
    }
    json!(format!("{}/{}", text(reference, "namespace"), text(reference, "name")))
}

fn class_name(class: &Value) -> Value {
    let name = text(&class["metadata"], "name");
    let is_default = class["metadata"]["annotations"]["storageclass.kubernetes.io/is-default-class"] == "true";
    json!(if is_default { format!("{name} (default)") } else { name.to_owned() })
}

/// The kind and name of an object's controller.
fn controller(object: &Value) -> Value {
    let owner = items(&object["metadata"]["ownerReferences"]).iter().find(|owner| owner["controller"] == true);
    let group = |owner: &Value| {
        text(owner, "apiVersion").split_once('/').map_or_else(String::new, |(group, _)| format!(".{group}"))
    };
    let shown =
        owner.map(|owner| format!("{}{}/{}", text(owner, "kind").to_lowercase(), group(owner), text(owner, "name")));
    json!(shown.unwrap_or_else(|| "<none>".to_owned()))
}

/// The subjects of a binding that are of a kind.
fn subjects(binding: &Value, kind: &str) -> Value {
    let chosen = items(&binding["subjects"]).iter().filter(|one| one["kind"] == kind);
    let shown = chosen.map(|one| match kind {
        "ServiceAccount" => format!("{}/{}", text(one, "namespace"), text(one, "name")),
        _ => text(one, "name").to_owned(),
    });
    json!(shown.collect::<Vec<_>>().join(", "))
}

fn api_service(object: &Value) -> Value {
    let service = &object["spec"]["service"];
    json!(if service.is_object() {
        format!("{}/{}", text(service, "namespace"), text(service, "name"))
    } else {
        "Local".into()
    })
}

/// Whether an APIService answers, and why not.
fn api_service_available(object: &Value) -> Value {
    let available = items(&object["status"]["conditions"]).iter().find(|one| one["type"] == "Available");
    match available {
        Some(one) if one["status"] == "True" => json!("True"),
        Some(one) => json!(format!("{} ({})", text(one, "status"), text(one, "reason"))),
        None => json!("Unknown"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
