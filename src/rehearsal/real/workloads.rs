//! Deployments, Services and Pods: defaults, refusals, subresources, tables.

use super::{APPLY, Asked, MERGE, STRATEGIC};
use serde_json::{Value, json};

fn deployment() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "labels": {"app": "web"}},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {
                "containers": [{
                    "name": "web", "image": "web:1", "ports": [{"containerPort": 80}], "env": [{"name": "A", "value": ""}],
                    "readinessProbe": {"httpGet": {"path": "/", "port": 80}}, "resources": {"limits": {"cpu": "2"}},
                    "volumeMounts": [{"name": "v", "mountPath": "/v"}],
                }, {"name": "side", "image": "side"}],
                "volumes": [{"name": "v", "secret": {"secretName": "s"}}],
            },
        }},
    })
}

fn service(kind: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {
        "type": kind, "selector": {"app": "web"}, "ports": [{"name": "http", "port": 80}],
    }})
}

/// What is refused.
pub(super) fn refused(root: &str, apps: &str) -> Vec<Asked> {
    let deployments = format!("{apps}/deployments");
    let mut wrong = Vec::new();
    let changes: [(&str, Value); 6] = [
        ("/spec/selector/matchLabels/app", json!("other")),
        ("/spec/template/spec/containers", json!([])),
        ("/spec/template/spec/containers/0/name", json!("side")),
        ("/spec/template/spec/containers/0/image", json!("")),
        ("/spec/template/spec/volumes", json!([])),
        ("/spec/replicas", json!("two")),
    ];
    for (place, value) in changes {
        let mut object = deployment();
        object["spec"]["replicas"] = json!(1);
        if let Some(at) = object.pointer_mut(place) {
            *at = value;
        }
        wrong.push(("POST", deployments.clone(), "", object));
    }
    let mut unknown = deployment();
    unknown["spec"]["template"]["spec"]["containers"][0]["imagePolicy"] = json!("x");
    wrong.push(("POST", format!("{deployments}?fieldValidation=Strict"), "", unknown));
    wrong.push(("POST", deployments, "", json!({"metadata": {"name": "x"}, "spec": {}})));
    let services = format!("{root}/services");
    wrong.push(("POST", services.clone(), "", json!({"metadata": {"name": "1s"}, "spec": {"ports": [{"port": 0}]}})));
    wrong.push(("POST", services.clone(), "", json!({"metadata": {"name": "s"}, "spec": {"type": "Other"}})));
    wrong.push((
        "POST",
        services,
        "",
        json!({"metadata": {"name": "s"}, "spec": {"ports": [{"port": 1}, {"port": 2}]}}),
    ));
    wrong.push((
        "POST",
        format!("{root}/secrets"),
        "",
        json!({"metadata": {"name": "t"}, "type": "kubernetes.io/tls"}),
    ));
    wrong
}

/// Requests that build on each other.
pub(super) fn requests(root: &str, apps: &str) -> Vec<Asked> {
    let none = Value::Null;
    let one = format!("{apps}/deployments/web");
    let service_path = format!("{root}/services/s");
    let mut scaled = deployment();
    scaled["metadata"]["name"] = json!("scaled");
    let image = json!({"spec": {"template": {"spec": {"containers": [{"name": "side", "image": "side:2"}]}}}});
    let selector = json!({"spec": {"selector": {"matchLabels": {"app": "other"}}, "template": {"metadata": {"labels": {"app": "other"}}}}});
    vec![
        ("POST", format!("{apps}/deployments?fieldManager=m"), "", deployment()),
        ("PATCH", format!("{one}?fieldManager=n"), STRATEGIC, image),
        ("PATCH", one.clone(), MERGE, selector),
        ("PATCH", format!("{one}?fieldManager=o"), APPLY, deployment()),
        ("POST", format!("{apps}/deployments"), "", scaled.clone()),
        ("GET", format!("{apps}/deployments/scaled/scale"), "", none.clone()),
        ("PATCH", format!("{apps}/deployments/scaled/scale"), MERGE, json!({"spec": {"replicas": 4}})),
        ("PATCH", format!("{apps}/deployments/scaled/scale"), MERGE, json!({"spec": {"replicas": -1}})),
        ("DELETE", format!("{apps}/deployments/scaled"), "", none.clone()),
        ("GET", format!("{root}/pods?fieldSelector=spec.x%3Da"), "", none.clone()),
        (
            "PATCH",
            format!("{one}/status?fieldManager=c"),
            MERGE,
            json!({"spec": {"replicas": 9}, "status": {"replicas": 4, "observedGeneration": 2}}),
        ),
        ("GET", one.clone(), "", none.clone()),
        ("GET", format!("{apps}/deployments?as-table&includeObject=None"), "", none.clone()),
        ("DELETE", format!("{one}?propagationPolicy=Foreground"), "", none.clone()),
        ("POST", format!("{root}/services"), "", service("LoadBalancer")),
        ("GET", format!("{root}/services?as-table&includeObject=None"), "", none.clone()),
        ("PATCH", service_path.clone(), MERGE, json!({"spec": {"clusterIP": "10.128.9.9"}})),
        (
            "PATCH",
            service_path.clone(),
            MERGE,
            json!({"spec": {"type": "ClusterIP", "ports": [{"port": 81, "name": "http"}]}}),
        ),
        (
            "PATCH",
            format!("{service_path}/status"),
            MERGE,
            json!({"status": {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}}}),
        ),
        ("DELETE", service_path, "", none.clone()),
        (
            "POST",
            format!("{root}/pods"),
            "",
            json!({"metadata": {"name": "p"}, "spec": {
                "serviceAccountName": "default", "containers": [{"name": "c", "image": "i"}],
            }}),
        ),
        ("GET", format!("{root}/pods?as-table&includeObject=None"), "", none.clone()),
        ("GET", format!("{root}/pods?fieldSelector=status.phase%3DPending"), "", none.clone()),
        ("DELETE", format!("{root}/pods/p"), "", none.clone()),
        ("GET", format!("{root}/pods/p"), "", none),
    ]
}
