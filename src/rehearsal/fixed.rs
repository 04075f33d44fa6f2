//! What of a stored object never changes, in the words of a real API server.

use super::kinds::Kind;
use super::status::Cause;
use serde_json::{Value, json};

const IMMUTABLE: &str = "field is immutable";

/// What of a live object never changes.
pub(super) fn immutable(kind: &Kind, object: &Value, live: &Value, causes: &mut Vec<Cause>) {
    let mut fixed = |field: &str, now: &Value, before: &Value, why: &str| {
        if now != before {
            causes.push(Cause::invalid(field, now, why));
        }
    };
    let (now, before) = (&object["spec"], &live["spec"]);
    match kind.resource().as_str() {
        "deployments.apps" | "replicasets.apps" | "daemonsets.apps" => {
            fixed("spec.selector", &now["selector"], &before["selector"], IMMUTABLE);
        }
        "jobs.batch" => job(now, live, causes),
        "statefulsets.apps" => stateful_set(now, before, causes),
        "persistentvolumeclaims" => claim(now, live, causes),
        "storageclasses.storage.k8s.io" => storage_class(object, live, causes),
        "customresourcedefinitions.apiextensions.k8s.io" if super::custom::is_established(live) => {
            fixed("spec.scope", &now["scope"], &before["scope"], IMMUTABLE);
            fixed("spec.names.kind", &now["names"]["kind"], &before["names"]["kind"], IMMUTABLE);
        }
        "pods" => fixed_pod(object, live, causes),
        "secrets" => fixed("type", &object["type"], &live["type"], IMMUTABLE),
        "services" => {
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

/// Of a Job little changes; where its pods may run, while it is suspended and has not started.
fn job(now: &Value, live: &Value, causes: &mut Vec<Cause>) {
    let before = &live["spec"];
    for key in ["selector", "completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy"]
    {
        if now[key] != before[key] {
            causes.push(Cause::invalid(&format!("spec.{key}"), &now[key], IMMUTABLE));
        }
    }
    if now["completions"] != before["completions"] && before["completionMode"] != "Indexed" {
        causes.push(Cause::invalid("spec.completions", &now["completions"], IMMUTABLE));
    }
    let waits = before["suspend"] == true && live["status"]["startTime"].is_null();
    let compared = |template: &Value| {
        let mut template = template.clone();
        if waits {
            for key in ["labels", "annotations"] {
                template["metadata"][key] = Value::Null;
            }
            for key in ["nodeSelector", "tolerations", "affinity", "schedulingGates"] {
                template["spec"][key] = Value::Null;
            }
        }
        template
    };
    if compared(&now["template"]) != compared(&before["template"]) {
        causes.push(Cause::invalid("spec.template", &now["template"], IMMUTABLE));
    }
}

fn stateful_set(now: &Value, before: &Value, causes: &mut Vec<Cause>) {
    const FREE: &[&str] = &[
        "replicas",
        "ordinals",
        "template",
        "updateStrategy",
        "revisionHistoryLimit",
        "persistentVolumeClaimRetentionPolicy",
        "minReadySeconds",
    ];
    if differ_beside(now, before, FREE) {
        let why = "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', \
                   'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and \
                   'minReadySeconds' are forbidden";
        causes.push(Cause::forbidden("spec", why));
    }
}

fn claim(now: &Value, live: &Value, causes: &mut Vec<Cause>) {
    let bound = live["status"]["phase"] == "Bound";
    let free: &[&str] = if bound { &["resources", "volumeAttributesClassName"] } else { &[] };
    // Whoever binds a claim names its volume.
    let before = &live["spec"];
    let names_volume = before["volumeName"].is_null() && !now["volumeName"].is_null();
    let free = if names_volume { &["volumeName", "resources", "volumeAttributesClassName"] } else { free };
    if differ_beside(now, before, free) {
        let why = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound \
                   claims";
        causes.push(Cause::forbidden("spec", why));
    }
}

fn storage_class(object: &Value, live: &Value, causes: &mut Vec<Cause>) {
    for key in ["parameters", "provisioner", "reclaimPolicy"].into_iter().filter(|key| object[*key] != live[*key]) {
        causes.push(Cause::forbidden(key, &format!("updates to {key} are forbidden.")));
    }
    if object["volumeBindingMode"] != live["volumeBindingMode"] {
        causes.push(Cause::invalid("volumeBindingMode", &object["volumeBindingMode"], IMMUTABLE));
    }
}

/// Whether two specifications differ in anything but these fields.
fn differ_beside(now: &Value, before: &Value, free: &[&str]) -> bool {
    let keys = |spec: &Value| spec.as_object().map(|fields| fields.keys().cloned().collect::<Vec<_>>());
    let all = [keys(now), keys(before)].into_iter().flatten().flatten();
    all.filter(|key| !free.contains(&key.as_str())).any(|key| now[key.as_str()] != before[key.as_str()])
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
