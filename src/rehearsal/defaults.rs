//! What the server fills in: defaults that clients can see.
//!
//! Values are those of `k8s.io/kubernetes/pkg/apis/*/v1/defaults.go`.

use super::kinds::Kind;
use super::structural;
use super::tree::{at, each, path, set};
use serde_json::{Value, json};

/// Fills in what the object does not say.
pub(super) fn apply(kind: &Kind, object: &mut Value) {
    if !object["metadata"].is_object() {
        *at(object, "metadata") = json!({});
    }
    match kind.resource().as_str() {
        "namespaces" => namespace(object),
        "services" => service(object),
        "secrets" => secret(object),
        "pods" => pod(at(object, "spec")),
        "deployments.apps" => deployment(object),
        "replicasets.apps" => replicas_and_template(object),
        "statefulsets.apps" => stateful_set(object),
        "daemonsets.apps" => daemon_set(object),
        "jobs.batch" => job(object),
        "cronjobs.batch" => cron_job(at(object, "spec")),
        "persistentvolumeclaims" => claim(object),
        "storageclasses.storage.k8s.io" => {
            set(object, "reclaimPolicy", json!("Delete"));
            set(object, "volumeBindingMode", json!("Immediate"));
        }
        "networkpolicies.networking.k8s.io" => network_policy(at(object, "spec")),
        "rolebindings.rbac.authorization.k8s.io" | "clusterrolebindings.rbac.authorization.k8s.io" => binding(object),
        "mutatingwebhookconfigurations.admissionregistration.k8s.io" => webhooks(object, true),
        "validatingwebhookconfigurations.admissionregistration.k8s.io" => webhooks(object, false),
        "horizontalpodautoscalers.autoscaling" => autoscaler(at(object, "spec")),
        "customresourcedefinitions.apiextensions.k8s.io" => definition(object),
        _ => {
            if let Some(schema) = kind.schema_of(object) {
                structural::fill(schema, object);
            }
        }
    }
}

fn namespace(object: &mut Value) {
    let name = object["metadata"]["name"].clone();
    if name.is_string() {
        *path(object, &["metadata", "labels", "kubernetes.io/metadata.name"]) = name;
    }
    set(object, "spec", json!({}));
}

fn secret(object: &mut Value) {
    use base64::Engine as _;
    set(object, "type", json!("Opaque"));
    let Some(plain) = object.as_object_mut().and_then(|fields| fields.remove("stringData")) else { return };
    for (key, value) in plain.as_object().cloned().unwrap_or_default() {
        let text = value.as_str().unwrap_or_default();
        *path(object, &["data", &key]) = base64::engine::general_purpose::STANDARD.encode(text).into();
    }
}

fn service(object: &mut Value) {
    set(object, "spec", json!({}));
    let spec = at(object, "spec");
    set(spec, "type", json!("ClusterIP"));
    set(spec, "sessionAffinity", json!("None"));
    if spec["type"] != "ExternalName" {
        set(spec, "internalTrafficPolicy", json!("Cluster"));
    }
    if has_node_ports(spec) {
        set(spec, "externalTrafficPolicy", json!("Cluster"));
    }
    if spec["type"] == "LoadBalancer" {
        set(spec, "allocateLoadBalancerNodePorts", json!(true));
    }
    for port in each(spec, "ports") {
        set(port, "protocol", json!("TCP"));
        let same = port["port"].as_i64().unwrap_or(0);
        set(port, "targetPort", json!(same));
    }
}

/// Without a word about what is measured, it is the use of CPU.
fn autoscaler(spec: &mut Value) {
    set(spec, "minReplicas", json!(1));
    let cpu = json!({"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}});
    set(spec, "metrics", json!([{"type": "Resource", "resource": cpu}]));
}

fn has_node_ports(spec: &Value) -> bool {
    spec["type"] == "NodePort" || spec["type"] == "LoadBalancer"
}

/// Keeps what the server has allocated when an update leaves it out.
pub(super) fn keep(kind: &Kind, live: &Value, object: &mut Value) {
    if kind.resource() != "services" || object["spec"]["type"] == "ExternalName" {
        return;
    }
    for key in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "healthCheckNodePort"] {
        if let Some(value) = live["spec"].get(key) {
            set(at(object, "spec"), key, value.clone());
        }
    }
    let spec = at(object, "spec");
    if !has_node_ports(spec) {
        return;
    }
    for port in each(spec, "ports") {
        let mut ports_before = live["spec"]["ports"].as_array().into_iter().flatten();
        let same = ports_before.find(|one| one["port"] == port["port"] && !one["nodePort"].is_null());
        if let Some(before) = same {
            set(port, "nodePort", before["nodePort"].clone());
        }
    }
}

fn replicas_and_template(object: &mut Value) {
    set(object, "status", json!({"replicas": 0}));
    set(at(object, "spec"), "replicas", json!(1));
    template(object);
}

fn template(object: &mut Value) {
    let template = path(object, &["spec", "template"]);
    pod_template(at(template, "spec"));
}

fn deployment(object: &mut Value) {
    set(object, "status", json!({}));
    let spec = at(object, "spec");
    set(spec, "replicas", json!(1));
    set(spec, "revisionHistoryLimit", json!(10));
    set(spec, "progressDeadlineSeconds", json!(600));
    set(spec, "strategy", json!({}));
    let strategy = at(spec, "strategy");
    set(strategy, "type", json!("RollingUpdate"));
    if strategy["type"] == "RollingUpdate" {
        set(strategy, "rollingUpdate", json!({}));
        set(at(strategy, "rollingUpdate"), "maxSurge", json!("25%"));
        set(at(strategy, "rollingUpdate"), "maxUnavailable", json!("25%"));
    }
    template(object);
}

fn stateful_set(object: &mut Value) {
    set(object, "status", json!({"replicas": 0, "availableReplicas": 0}));
    let spec = at(object, "spec");
    set(spec, "replicas", json!(1));
    set(spec, "revisionHistoryLimit", json!(10));
    set(spec, "podManagementPolicy", json!("OrderedReady"));
    set(spec, "updateStrategy", json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}));
    set(spec, "persistentVolumeClaimRetentionPolicy", json!({"whenDeleted": "Retain", "whenScaled": "Retain"}));
    for template in each(spec, "volumeClaimTemplates") {
        set(template, "apiVersion", json!("v1"));
        set(template, "kind", json!("PersistentVolumeClaim"));
        claim(template);
    }
    template(object);
}

fn daemon_set(object: &mut Value) {
    let none =
        json!({"currentNumberScheduled": 0, "numberMisscheduled": 0, "desiredNumberScheduled": 0, "numberReady": 0});
    set(object, "status", none);
    let spec = at(object, "spec");
    set(spec, "revisionHistoryLimit", json!(10));
    let rolling = json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}});
    set(spec, "updateStrategy", rolling);
    template(object);
}

fn job(object: &mut Value) {
    set(object, "status", json!({}));
    let spec = at(object, "spec");
    for (key, value) in [("backoffLimit", json!(6)), ("completions", json!(1)), ("parallelism", json!(1))] {
        set(spec, key, value);
    }
    set(spec, "completionMode", json!("NonIndexed"));
    set(spec, "suspend", json!(false));
    pod_template(path(spec, &["template", "spec"]));
}

fn cron_job(spec: &mut Value) {
    set(spec, "concurrencyPolicy", json!("Allow"));
    set(spec, "suspend", json!(false));
    set(spec, "successfulJobsHistoryLimit", json!(3));
    set(spec, "failedJobsHistoryLimit", json!(1));
    let template = path(spec, &["jobTemplate", "spec", "template", "spec"]);
    if template.is_object() {
        pod_template(template);
    }
}

fn claim(object: &mut Value) {
    set(at(object, "spec"), "volumeMode", json!("Filesystem"));
    set(object, "status", json!({"phase": "Pending"}));
}

fn network_policy(spec: &mut Value) {
    for rules in ["ingress", "egress"] {
        each(spec, rules).for_each(|rule| each(rule, "ports").for_each(|port| set(port, "protocol", json!("TCP"))));
    }
    let outward = spec["egress"].as_array().is_some_and(|rules| !rules.is_empty());
    set(spec, "policyTypes", if outward { json!(["Ingress", "Egress"]) } else { json!(["Ingress"]) });
}

fn binding(object: &mut Value) {
    const GROUP: &str = "rbac.authorization.k8s.io";
    let role = at(object, "roleRef");
    if role["apiGroup"].as_str().is_none_or(str::is_empty) {
        role["apiGroup"] = json!(GROUP);
    }
    for subject in each(object, "subjects") {
        if subject["kind"] != "ServiceAccount" && subject["apiGroup"].as_str().is_none_or(str::is_empty) {
            *at(subject, "apiGroup") = json!(GROUP);
        }
    }
}

fn webhooks(object: &mut Value, mutating: bool) {
    for webhook in each(object, "webhooks") {
        set(webhook, "failurePolicy", json!("Fail"));
        set(webhook, "matchPolicy", json!("Equivalent"));
        set(webhook, "namespaceSelector", json!({}));
        set(webhook, "objectSelector", json!({}));
        set(webhook, "timeoutSeconds", json!(10));
        if mutating {
            set(webhook, "reinvocationPolicy", json!("Never"));
        }
        if let Some(service) = webhook["clientConfig"].get_mut("service") {
            set(service, "port", json!(443));
        }
        each(webhook, "rules").for_each(|rule| set(rule, "scope", json!("*")));
    }
}

fn definition(object: &mut Value) {
    let spec = at(object, "spec");
    set(spec, "conversion", json!({"strategy": "None"}));
    let names = at(spec, "names");
    let Some(kind) = names["kind"].as_str().map(str::to_owned) else { return };
    set(names, "singular", kind.to_lowercase().into());
    set(names, "listKind", format!("{kind}List").into());
}

/// A pod's own spec.
fn pod(spec: &mut Value) {
    pod_template(spec);
    set(spec, "enableServiceLinks", json!(true));
    if spec["serviceAccountName"].is_string() {
        let account = spec["serviceAccountName"].clone();
        set(spec, "serviceAccount", account);
    }
}

/// A pod's spec in a template.
fn pod_template(spec: &mut Value) {
    set(spec, "restartPolicy", json!("Always"));
    set(spec, "dnsPolicy", json!("ClusterFirst"));
    set(spec, "schedulerName", json!("default-scheduler"));
    set(spec, "securityContext", json!({}));
    set(spec, "terminationGracePeriodSeconds", json!(30));
    for list in ["containers", "initContainers"] {
        each(spec, list).for_each(container);
    }
    each(spec, "volumes").for_each(volume);
}

fn container(container: &mut Value) {
    let image = container["image"].as_str().unwrap_or_default();
    let tag = image.rsplit('/').next().and_then(|last| last.split_once(':'));
    let is_moving = !image.contains('@') && tag.is_none_or(|(_, tag)| tag == "latest");
    set(container, "imagePullPolicy", json!(if is_moving { "Always" } else { "IfNotPresent" }));
    set(container, "terminationMessagePath", json!("/dev/termination-log"));
    set(container, "terminationMessagePolicy", json!("File"));
    set(container, "resources", json!({}));
    each(container, "ports").for_each(|port| set(port, "protocol", json!("TCP")));
    for name in ["readinessProbe", "livenessProbe", "startupProbe"] {
        if container[name].is_object() {
            probe(&mut container[name]);
        } else if let Some(fields) = container.as_object_mut() {
            fields.remove(name);
        }
    }
    for variable in each(container, "env") {
        let field = path(variable, &["valueFrom", "fieldRef"]);
        if field.is_object() {
            set(field, "apiVersion", json!("v1"));
        } else {
            tidy(variable);
        }
    }
}

/// Takes back the nulls that looking for a nested field has left.
fn tidy(variable: &mut Value) {
    let Some(fields) = variable.as_object_mut() else { return };
    if let Some(from) = fields.get_mut("valueFrom").and_then(Value::as_object_mut) {
        from.retain(|_, value| !value.is_null());
        if from.is_empty() {
            fields.remove("valueFrom");
        }
    }
}

fn probe(probe: &mut Value) {
    let usual = [("failureThreshold", 3), ("periodSeconds", 10), ("successThreshold", 1), ("timeoutSeconds", 1)];
    for (key, value) in usual {
        set(probe, key, json!(value));
    }
    if let Some(get) = probe.get_mut("httpGet") {
        set(get, "scheme", json!("HTTP"));
    }
}

fn volume(volume: &mut Value) {
    let Some(sources) = volume.as_object_mut() else { return };
    for (name, source) in sources {
        let mode = matches!(name.as_str(), "secret" | "configMap" | "downwardAPI" | "projected");
        if mode && source.is_object() {
            set(source, "defaultMode", json!(420));
        }
        if name == "hostPath" && source.is_object() {
            set(source, "type", json!(""));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rehearsal::kinds;

    fn defaulted(group: &str, plural: &str, mut object: Value) -> Value {
        apply(&kinds::built_in(group, plural).expect("kind"), &mut object);
        object
    }

    #[test]
    fn a_deployment_shows_its_defaults() {
        let bare = json!({"metadata": {"name": "a"}, "spec": {"template": {"spec": {"containers": [
            {"name": "c", "image": "docker.io/istio/proxyv2:1.24.0", "ports": [{"containerPort": 1}], "env": [{"name": "A", "value": "1"}]},
        ]}}}});
        let full = defaulted("apps", "deployments", bare);
        assert_eq!(full["spec"]["replicas"], 1);
        assert_eq!(full["spec"]["strategy"]["rollingUpdate"]["maxSurge"], "25%");
        let container = &full["spec"]["template"]["spec"]["containers"][0];
        assert_eq!(container["imagePullPolicy"], "IfNotPresent");
        assert_eq!(container["ports"][0]["protocol"], "TCP");
        assert_eq!(container["env"], json!([{"name": "A", "value": "1"}]));
        assert_eq!(container.get("readinessProbe"), None);
    }

    #[test]
    fn what_is_set_stays() {
        let full = defaulted("apps", "deployments", json!({"spec": {"replicas": 0, "strategy": {"type": "Recreate"}}}));
        assert_eq!(full["spec"]["replicas"], 0);
        assert_eq!(full["spec"]["strategy"], json!({"type": "Recreate"}));
    }

    #[test]
    fn string_data_becomes_data() {
        let secret = defaulted("", "secrets", json!({"data": {"a": "MQ=="}, "stringData": {"b": "2"}}));
        assert_eq!(secret["data"], json!({"a": "MQ==", "b": "Mg=="}));
        assert_eq!((secret.get("stringData"), &secret["type"]), (None, &json!("Opaque")));
    }
}
