//! What makes an object of a kind valid, and what of it never changes: the rules that scripts run into.

use super::kinds::Kind;
use super::status::Cause;
use super::tree::{items, text};
use serde_json::{Value, json};

/// What is wrong with an object.
pub(super) fn of_kind(kind: &Kind, object: &Value, causes: &mut Vec<Cause>) {
    let spec = &object["spec"];
    match kind.resource().as_str() {
        "pods" => pod(spec, "spec", causes),
        "deployments.apps" | "replicasets.apps" | "statefulsets.apps" | "daemonsets.apps" => workload(spec, causes),
        "jobs.batch" => pod(&spec["template"]["spec"], "spec.template.spec", causes),
        "services" => service(spec, causes),
        "secrets" => secret(object, causes),
        "customresourcedefinitions.apiextensions.k8s.io" => definition(object, causes),
        "rolebindings.rbac.authorization.k8s.io" => role_reference(object, &["Role", "ClusterRole"], causes),
        "clusterrolebindings.rbac.authorization.k8s.io" => role_reference(object, &["ClusterRole"], causes),
        _ => {}
    }
}

fn role_reference(binding: &Value, kinds: &[&str], causes: &mut Vec<Cause>) {
    let kind = text(&binding["roleRef"], "kind");
    if !kinds.contains(&kind) {
        causes.push(Cause::unsupported("roleRef.kind", kind, kinds));
    }
    if text(&binding["roleRef"], "name").is_empty() {
        causes.push(Cause::required("roleRef.name", ""));
    }
}

fn workload(spec: &Value, causes: &mut Vec<Cause>) {
    let wanted = &spec["selector"]["matchLabels"];
    let labels = &spec["template"]["metadata"]["labels"];
    let is_empty = wanted.as_object().is_none_or(serde_json::Map::is_empty)
        && items(&spec["selector"]["matchExpressions"]).is_empty();
    if spec["selector"].is_null() {
        causes.push(Cause::required("spec.selector", ""));
    } else if is_empty {
        causes.push(Cause::invalid("spec.selector", &spec["selector"], "empty selector is invalid for deployment"));
    }
    if spec["selector"].is_null() {
        causes.push(Cause::invalid(
            "spec.template.metadata.labels",
            labels,
            "`selector` does not match template `labels`",
        ));
    }
    let fits = |(key, value): (&String, &Value)| labels[key.as_str()] == *value;
    if !wanted.as_object().into_iter().flatten().all(fits) {
        let labels = if labels.is_null() { &Value::Object(serde_json::Map::new()) } else { labels };
        causes.push(Cause::invalid(
            "spec.template.metadata.labels",
            labels,
            "`selector` does not match template `labels`",
        ));
    }
    if let Some(replicas) = spec["replicas"].as_i64().filter(|replicas| *replicas < 0) {
        causes.push(Cause::invalid("spec.replicas", &replicas.into(), "must be greater than or equal to 0"));
    }
    pod(&spec["template"]["spec"], "spec.template.spec", causes);
}

fn pod(spec: &Value, place: &str, causes: &mut Vec<Cause>) {
    if items(&spec["containers"]).is_empty() {
        causes.push(Cause::required(&format!("{place}.containers"), ""));
    }
    let mut names = Vec::new();
    for list in ["initContainers", "containers"] {
        for (index, container) in items(&spec[list]).iter().enumerate() {
            let place = format!("{place}.{list}[{index}]");
            for key in ["name", "image"] {
                // Istio's injection template lets webhooks fill in the image: it is checked after admission.
                if text(container, key).is_empty() {
                    causes.push(Cause::required(&format!("{place}.{key}"), ""));
                }
            }
            let name = text(container, "name");
            if names.contains(&name) {
                causes.push(Cause::duplicate(&format!("{place}.name"), &name.into()));
            }
            names.push(name);
            mounts(spec, container, &place, causes);
        }
    }
}

/// Every mount needs its volume.
fn mounts(spec: &Value, container: &Value, place: &str, causes: &mut Vec<Cause>) {
    let volumes = items(&spec["volumes"]);
    for (index, mount) in items(&container["volumeMounts"]).iter().enumerate() {
        let name = text(mount, "name");
        if !volumes.iter().any(|volume| volume["name"] == name) {
            causes.push(Cause::missing(&format!("{place}.volumeMounts[{index}].name"), name));
        }
    }
}

fn service(spec: &Value, causes: &mut Vec<Cause>) {
    let ports = items(&spec["ports"]);
    if ports.is_empty() && spec["type"] != "ExternalName" && spec["clusterIP"] != "None" {
        causes.push(Cause::required("spec.ports", ""));
    }
    let kinds = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
    if !kinds.contains(&text(spec, "type")) {
        causes.push(Cause::unsupported("spec.type", text(spec, "type"), &kinds));
    }
    if spec["type"] == "ExternalName" && text(spec, "externalName").is_empty() {
        causes.push(Cause::required("spec.externalName", ""));
    }
    let mut names = Vec::new();
    for (index, port) in ports.iter().enumerate() {
        let (place, name) = (format!("spec.ports[{index}]"), text(port, "name"));
        if name.is_empty() && ports.len() > 1 {
            causes.push(Cause::required(&format!("{place}.name"), ""));
        } else if !name.is_empty() && names.contains(&name) {
            causes.push(Cause::duplicate(&format!("{place}.name"), &name.into()));
        }
        names.push(name);
        for key in ["port", "targetPort"] {
            let number = port[key].as_i64().or_else(|| (key == "port").then_some(0));
            if let Some(number) = number.filter(|number| !(1..=65535).contains(number)) {
                let why = "must be between 1 and 65535, inclusive";
                causes.push(Cause::invalid(&format!("{place}.{key}"), &number.into(), why));
            }
        }
    }
}

/// Secrets of these types need these keys.
fn secret(secret: &Value, causes: &mut Vec<Cause>) {
    let needed: &[&str] = match text(secret, "type") {
        "kubernetes.io/tls" => &["tls.crt", "tls.key"],
        "kubernetes.io/dockerconfigjson" => &[".dockerconfigjson"],
        "kubernetes.io/service-account-token" => {
            if secret["metadata"]["annotations"]["kubernetes.io/service-account.name"].is_null() {
                causes.push(Cause::required("metadata.annotations[kubernetes.io/service-account.name]", ""));
            }
            &[]
        }
        _ => &[],
    };
    for key in needed.iter().filter(|key| secret["data"].get(**key).is_none()) {
        causes.push(Cause::required(&format!("data[{key}]"), ""));
    }
}

fn definition(definition: &Value, causes: &mut Vec<Cause>) {
    let spec = &definition["spec"];
    let wanted = format!("{}.{}", text(&spec["names"], "plural"), text(spec, "group"));
    let name = text(&definition["metadata"], "name");
    if name != wanted {
        let why = "must be spec.names.plural+\".\"+spec.group";
        causes.push(Cause::invalid("metadata.name", &name.into(), why));
    }
    let stored = items(&spec["versions"]).iter().filter(|one| one["storage"] == true).count();
    if stored != 1 {
        let why = "must have exactly one version marked as storage version";
        causes.push(Cause::invalid("spec.versions", &spec["versions"], why));
    }
}

/// What of a live object never changes.
pub(super) fn immutable(kind: &Kind, object: &Value, live: &Value, causes: &mut Vec<Cause>) {
    let mut fixed = |field: &str, now: &Value, before: &Value, why: &str| {
        if now != before {
            causes.push(Cause::invalid(field, now, why));
        }
    };
    match kind.resource().as_str() {
        "deployments.apps" | "replicasets.apps" | "daemonsets.apps" | "jobs.batch" => {
            fixed("spec.selector", &object["spec"]["selector"], &live["spec"]["selector"], "field is immutable");
        }
        "pods" => fixed_pod(object, live, causes),
        "secrets" => fixed("type", &object["type"], &live["type"], "field is immutable"),
        "services" => {
            let (now, before) = (&object["spec"], &live["spec"]);
            let had_address = before["type"] != "ExternalName" && now["type"] != "ExternalName";
            if had_address && now["clusterIP"] != before["clusterIP"] {
                let addresses = Value::from(vec![now["clusterIP"].clone()]);
                fixed("spec.clusterIPs[0]", &addresses, &Value::Null, "may not change once set");
            }
        }
        "rolebindings.rbac.authorization.k8s.io" | "clusterrolebindings.rbac.authorization.k8s.io" => {
            // Written as the Go type has it.
            let go = |role: &Value| json!({"APIGroup": role["apiGroup"], "Kind": role["kind"], "Name": role["name"]});
            fixed("roleRef", &go(&object["roleRef"]), &go(&live["roleRef"]), "cannot change roleRef");
        }
        _ => {}
    }
    if matches!(kind.resource().as_str(), "secrets" | "configmaps") && live["immutable"] == true {
        sealed(object, live, causes);
    }
}

/// Of a pod's specification little more than its images may change.
fn fixed_pod(object: &Value, live: &Value, causes: &mut Vec<Cause>) {
    let fixed = |pod: &Value| {
        let mut spec = pod["spec"].clone();
        for list in ["containers", "initContainers"] {
            for container in spec[list].as_array_mut().into_iter().flatten() {
                container["image"] = Value::Null;
            }
        }
        for field in ["activeDeadlineSeconds", "terminationGracePeriodSeconds", "tolerations", "ephemeralContainers"] {
            spec[field] = Value::Null;
        }
        spec
    };
    // The scheduler of a rehearsal writes the node by the same way.
    if live["spec"]["nodeName"].is_string() && fixed(object) != fixed(live) {
        let why = "pod updates may not change fields other than `spec.containers[*].image`,\
                   `spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to \
                   existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was \
                   previously negative)";
        causes.push(Cause::forbidden("spec", why));
    }
}

/// Secrets and ConfigMaps that were made immutable.
fn sealed(object: &Value, live: &Value, causes: &mut Vec<Cause>) {
    for key in ["data", "binaryData", "immutable"].into_iter().filter(|key| object[*key] != live[*key]) {
        causes.push(Cause::forbidden(key, "field is immutable when `immutable` is set"));
    }
}
