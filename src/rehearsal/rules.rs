//! What makes an object of a kind valid: the rules that scripts run into.

use super::controllers::selects;
use super::kinds::Kind;
use super::status::Cause;
use super::tree::{items, text};
use serde_json::Value;

/// What is wrong with an object.
pub(super) fn of_kind(kind: &Kind, object: &Value, causes: &mut Vec<Cause>) {
    let spec = &object["spec"];
    match kind.resource().as_str() {
        "pods" => pod(spec, "spec", causes),
        "deployments.apps" | "replicasets.apps" | "statefulsets.apps" | "daemonsets.apps" => workload(spec, causes),
        "jobs.batch" => job(spec, "spec", causes),
        "cronjobs.batch" => cron_job(spec, causes),
        "services" => service(spec, causes),
        "secrets" => {
            keys(object, &["data"], causes);
            secret(object, causes);
        }
        "configmaps" => keys(object, &["data", "binaryData"], causes),
        "customresourcedefinitions.apiextensions.k8s.io" => definition(object, causes),
        "rolebindings.rbac.authorization.k8s.io" => role_reference(object, &["Role", "ClusterRole"], causes),
        "clusterrolebindings.rbac.authorization.k8s.io" => role_reference(object, &["ClusterRole"], causes),
        _ => {}
    }
}

/// Keys of Secrets and ConfigMaps become names of files.
fn keys(object: &Value, places: &[&str], causes: &mut Vec<Cause>) {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    for place in places {
        for key in object[*place].as_object().into_iter().flat_map(serde_json::Map::keys) {
            if key.is_empty() || key.len() > 253 || key == "." || key.starts_with("..") || !key.chars().all(fits) {
                causes.push(Cause::invalid(&format!("{place}[{key}]"), &key.as_str().into(), KEYS));
            }
        }
    }
}

const KEYS: &str = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or \
                    'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

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
    if spec["selector"].is_null() || !selects(&spec["selector"], labels) {
        let none = Value::Object(serde_json::Map::new());
        // A selector that is missing is told with the labels as they are.
        let shown = if labels.is_null() && !spec["selector"].is_null() { &none } else { labels };
        let why = "`selector` does not match template `labels`";
        causes.push(Cause::invalid("spec.template.metadata.labels", shown, why));
    }
    if let Some(replicas) = spec["replicas"].as_i64().filter(|replicas| *replicas < 0) {
        causes.push(Cause::invalid("spec.replicas", &replicas.into(), "must be greater than or equal to 0"));
    }
    let policy = text(&spec["template"]["spec"], "restartPolicy");
    if !matches!(policy, "" | "Always") {
        causes.push(Cause::unsupported("spec.template.spec.restartPolicy", policy, &["Always"]));
    }
    pod(&spec["template"]["spec"], "spec.template.spec", causes);
}

/// Pods of Jobs come to an end.
fn job(spec: &Value, place: &str, causes: &mut Vec<Cause>) {
    let template = &spec["template"]["spec"];
    pod(template, &format!("{place}.template.spec"), causes);
    if !matches!(text(template, "restartPolicy"), "OnFailure" | "Never") {
        let why = "valid values: \"OnFailure\", \"Never\"";
        causes.push(Cause::required(&format!("{place}.template.spec.restartPolicy"), why));
    }
}

fn cron_job(spec: &Value, causes: &mut Vec<Cause>) {
    let schedule = text(spec, "schedule");
    if schedule.is_empty() {
        causes.push(Cause::required("spec.schedule", ""));
    } else if let Err(why) = super::schedule::Schedule::parse(schedule) {
        causes.push(Cause::invalid("spec.schedule", &schedule.into(), &why));
    }
    job(&spec["jobTemplate"]["spec"], "spec.jobTemplate.spec", causes);
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
