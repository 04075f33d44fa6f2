//! The same requests to this server and to a real kube-apiserver: code and answer must be the same.
//!
//! `MESHWRIGHT_REAL_KUBECONFIG` names the kubeconfig of a real API server whose only namespaces are its own; no
//! controllers may run there. Without it the test does nothing.

use super::World;
use crate::clock::Clock;
use serde_json::{Value, json};

/// Method, path, media type (empty for JSON), body.
pub(super) type Asked = (&'static str, String, &'static str, Value);

pub(super) const MERGE: &str = "application/merge-patch+json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";
const OPERATIONS: &str = "application/json-patch+json";
pub(super) const APPLY: &str = "application/apply-patch+yaml";

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_those_of_a_real_server() {
    let Ok(file) = std::env::var("MESHWRIGHT_REAL_KUBECONFIG") else { return };
    // Two TLS implementations may be compiled in; which one is used makes no difference here.
    let kubeconfig = kube::config::Kubeconfig::read_from(file).expect("kubeconfig");
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &Default::default()).await.expect("config");
    let real = kube::Client::try_from(config).expect("client");
    let world = World::new(Clock::simulated(), &["east"]);
    let rehearsed = kube::Client::new(world.servers()[0].transport(), "default");
    let namespace = format!("compare-{}", std::process::id());
    let mut differences = Vec::new();
    for asked in requests(&namespace) {
        if asked.0 == "WAIT" {
            // The real server has caches, and accepts a definition by itself; here a controller does, and none runs.
            tokio::time::sleep(std::time::Duration::from_secs(2)).await;
            world.servers()[0].edit("CustomResourceDefinition", None, &asked.1, |definition| {
                definition["status"] = json!({"conditions": [{"type": "Established", "status": "True"}]});
            });
            continue;
        }
        let (left, right) = (answer(&real, &asked).await, answer(&rehearsed, &asked).await);
        if asked.1.ends_with("?ignored") {
            continue;
        }
        let (mut left, mut right) = (left, right);
        for answer in [&mut left.1, &mut right.1] {
            forget(answer);
            sort_managers(answer);
        }
        let mut found = Vec::new();
        if left.0 != right.0 {
            found.push(format!("  code: real {}, rehearsed {}", left.0, right.0));
        }
        match left.1["kind"] == right.1["kind"] || left.0 == right.0 {
            true => compare(&left.1, &right.1, "", &mut found),
            false => found.push(format!("    real      {}\n    rehearsed {}", left.1, right.1)),
        }
        if !found.is_empty() {
            differences.push(format!("{} {} {}\n{}", asked.0, asked.1, asked.2, found.join("\n")));
        }
    }
    assert!(
        differences.is_empty(),
        "{} requests are answered differently:\n{}",
        differences.len(),
        differences.join("\n")
    );
}

async fn answer(client: &kube::Client, (method, path, media_type, body): &Asked) -> (u16, Value) {
    let bytes = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    let media_type = if media_type.is_empty() { "application/json" } else { media_type };
    let request = http::Request::builder().method(*method).uri(path).header("content-type", media_type);
    let accept = if path.contains("as-table") {
        "application/json;as=Table;v=v1;g=meta.k8s.io"
    } else if path.contains("as-metadata") {
        "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
    } else {
        "application/json"
    };
    let mut request = request.header("user-agent", "compare/1.0").header("accept", accept);
    for part in path.split(['?', '&']) {
        for (name, header) in [("as-user=", "impersonate-user"), ("as-group=", "impersonate-group")] {
            request = part
                .strip_prefix(name)
                .into_iter()
                .fold(request, |request, value| request.header(header, super::call::decoded(value, false)));
        }
    }
    let reply = client.send(request.body(kube::client::Body::from(bytes)).expect("request")).await.expect("answer");
    let code = reply.status().as_u16();
    let bytes = reply.into_body().collect_bytes().await.expect("body");
    (code, serde_json::from_slice(&bytes).unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into_owned().into()))
}

/// Puts managed fields in an order that does not depend on whether a second passed between two requests, and the rules of
/// a review in one that does not depend on the order of bindings, which no server has.
fn sort_managers(value: &mut Value) {
    match value {
        Value::Object(map) => {
            if let Some(Value::Array(managers)) = map.get_mut("managedFields") {
                managers.sort_by_key(|one| format!("{}{}{}", one["manager"], one["operation"], one["subresource"]));
            }
            for key in ["resourceRules", "nonResourceRules"] {
                if let Some(Value::Array(rules)) = map.get_mut(key) {
                    rules.sort_by_key(Value::to_string);
                }
            }
            map.values_mut().for_each(sort_managers);
        }
        Value::Array(list) => list.iter_mut().for_each(sort_managers),
        _ => {}
    }
}

/// Takes out what nobody looks at: the managed fields of what is not stored, and addresses and ages in tables.
fn forget(answer: &mut Value) {
    let kind = answer["kind"].as_str().unwrap_or_default().to_owned();
    if kind.ends_with("Review") || kind == "TokenRequest" {
        answer["metadata"] = Value::Null;
    }
    // Addresses, and ages: the two servers are asked one after the other.
    let is_own = |cell: &&mut Value| {
        let is_age = |text: &str| text.strip_suffix('s').is_some_and(|number| number.parse::<u32>().is_ok());
        cell.as_str().is_some_and(|text| text.starts_with("10.") || text.contains("/TCP") || is_age(text))
    };
    for row in answer.get_mut("rows").and_then(Value::as_array_mut).into_iter().flatten() {
        let cells = row.get_mut("cells").and_then(Value::as_array_mut).into_iter().flatten();
        cells.filter(is_own).for_each(|cell| *cell = Value::Null);
    }
}

/// Fields whose values differ between any two servers.
const OWN: &[&str] = &[
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "deletionTimestamp",
    "time",
    "clusterIP",
    "clusterIPs",
    "nodePort",
    "token",
    "expirationTimestamp",
    "remainingItemCount",
    "continue",
    "description",
];
/// Fields that no client looks at.
const IGNORED: &[&str] = &["storageVersionHash", "serverAddress"];

/// Go's words for what does not fit a type name Go's types; these messages are compared up to here.
const UP_TO: &[&str] = &["json: cannot unmarshal", "continue key is not valid"];

/// A message without the uids and versions in it, which are each server's own.
fn plain(message: &str) -> String {
    let end = UP_TO.iter().find_map(|words| message.find(words)).unwrap_or(message.len());
    let is_own = |word: &str| word.len() == 36 && word.matches('-').count() == 4 || word.parse::<u64>().is_ok();
    let words = message[..end].split(' ').map(|word| {
        let bare = word.trim_matches(['(', ')', '.']);
        if is_own(bare) { word.replace(bare, "OWN") } else { word.to_owned() }
    });
    words.collect::<Vec<_>>().join(" ")
}

fn compare(real: &Value, rehearsed: &Value, place: &str, found: &mut Vec<String>) {
    match (real, rehearsed) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: std::collections::BTreeSet<_> = a.keys().chain(b.keys()).collect();
            for key in keys {
                let (a, b) = (a.get(key).unwrap_or(&Value::Null), b.get(key).unwrap_or(&Value::Null));
                if let (Some(a), Some(b), "message") = (a.as_str(), b.as_str(), key.as_str())
                    && plain(a) == plain(b)
                {
                    continue;
                }
                if IGNORED.contains(&key.as_str()) {
                    continue;
                }
                if OWN.contains(&key.as_str()) && a.is_null() == b.is_null() {
                    continue;
                }
                compare(a, b, &format!("{place}.{key}"), found);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).enumerate().for_each(|(index, (a, b))| compare(a, b, &format!("{place}[{index}]"), found));
        }
        (a, b) if a != b => found.push(format!("  {place}:\n    real      {a}\n    rehearsed {b}")),
        _ => {}
    }
}

fn map(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": "1"}})
}

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

/// Requests that build on each other.
fn requests(namespace: &str) -> Vec<Asked> {
    let root = format!("/api/v1/namespaces/{namespace}");
    let maps = format!("{root}/configmaps");
    let apps = format!("/apis/apps/v1/namespaces/{namespace}");
    let ns = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
    let none = Value::Null;
    let path = |path: &str| path.to_owned();
    let mut all: Vec<Asked> = vec![
        ("POST", maps.clone(), "", map("early")),
        ("POST", path("/api/v1/namespaces?fieldManager=compare"), "", ns.clone()),
        ("POST", path("/api/v1/namespaces"), "", ns),
        ("GET", root.clone(), "", none.clone()),
        ("GET", path("/api/v1/nothing"), "", none.clone()),
        ("GET", path("/apis/nothing/v1/things"), "", none.clone()),
        ("POST", path("/api/v1/configmaps"), "", map("a")),
        ("PATCH", maps.clone(), MERGE, json!({})),
        ("PUT", maps.clone(), "", map("a")),
    ];
    all.extend(map_requests(&maps));
    all.extend(refused_requests(&root, &apps));
    all.extend(workload_requests(&root, &apps));
    all.extend(access_requests(&root));
    all.extend(super::access::real::requests(namespace));
    all.extend(custom_requests(namespace));
    for path in [
        "/api/v1",
        "/apis/apps/v1",
        "/apis/networking.k8s.io/v1",
        "/apis/autoscaling/v2",
        "/apis/policy/v1",
        "/api",
        "/apis/apps",
    ] {
        all.push(("GET", path.to_owned(), "", Value::Null));
    }
    all.push(("DELETE", format!("{root}?as-end"), "", none));
    all
}

fn map_requests(maps: &str) -> Vec<Asked> {
    let none = Value::Null;
    let one = format!("{maps}/a");
    let labelled = json!({"metadata": {"labels": {"x": "y"}}});
    vec![
        ("POST", format!("{maps}?dryRun=All"), "", map("a")),
        ("GET", one.clone(), "", none.clone()),
        ("POST", maps.to_owned(), "", map("a")),
        ("POST", maps.to_owned(), "", map("a")),
        ("POST", maps.to_owned(), "", json!({"metadata": {"generateName": ""}})),
        ("POST", maps.to_owned(), "", json!({"metadata": {"name": "untyped"}})),
        ("POST", maps.to_owned(), "", map("Bad_Name")),
        ("POST", maps.to_owned(), "", json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "b"}})),
        ("POST", maps.to_owned(), "", json!({"apiVersion": "v2", "kind": "ConfigMap", "metadata": {"name": "b"}})),
        ("POST", maps.to_owned(), "", json!({"metadata": {"name": "b", "namespace": "default"}})),
        ("POST", maps.to_owned(), "", json!({"metadata": {"name": "b", "resourceVersion": "1"}})),
        ("POST", maps.to_owned(), "", json!({"metadata": {"name": "b", "labels": {"a b": "c d"}}})),
        ("POST", maps.to_owned(), "text/plain", map("c")),
        ("POST", maps.to_owned(), "", json!([1])),
        (
            "POST",
            format!("{maps}?fieldValidation=Strict"),
            "",
            json!({"metadata": {"name": "b"}, "dat": {}, "spec": 1}),
        ),
        ("POST", maps.to_owned(), "", json!({"metadata": {"name": "b"}, "data": "text"})),
        ("GET", one.clone(), "", none.clone()),
        ("GET", format!("{maps}/missing"), "", none.clone()),
        ("PUT", one.clone(), "", map("other")),
        ("PUT", one.clone(), "", json!({"metadata": {"name": "a", "resourceVersion": "1"}})),
        ("PUT", one.clone(), "", json!({"metadata": {"name": "a", "uid": "1"}})),
        ("PUT", format!("{maps}/missing"), "", map("missing")),
        ("PUT", one.clone(), "", map("a")),
        ("PATCH", format!("{one}?fieldManager=m"), MERGE, labelled.clone()),
        ("PATCH", format!("{one}?fieldManager=m"), MERGE, labelled.clone()),
        ("PATCH", one.clone(), MERGE, json!({"metadata": {"resourceVersion": "1"}})),
        ("PATCH", one.clone(), MERGE, json!({"metadata": {"name": "b"}})),
        ("PATCH", one.clone(), MERGE, json!([])),
        ("PATCH", one.clone(), "application/json", labelled),
        ("PATCH", format!("{maps}/missing"), MERGE, json!({})),
        ("PATCH", one.clone(), OPERATIONS, json!([{"op": "replace", "path": "/data/a", "value": "2"}])),
        ("PATCH", one.clone(), OPERATIONS, json!([{"op": "test", "path": "/data/a", "value": "9"}])),
        ("PATCH", one.clone(), OPERATIONS, json!([{"op": "remove", "path": "/data/nothing"}])),
        ("PATCH", one.clone(), OPERATIONS, json!({"op": "remove"})),
        (
            "PATCH",
            format!("{one}?fieldManager=applier"),
            APPLY,
            json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "3"}}),
        ),
        (
            "PATCH",
            format!("{one}?fieldManager=applier&force=true"),
            APPLY,
            json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "3"}}),
        ),
        ("PATCH", one.clone(), APPLY, json!({"apiVersion": "v1", "kind": "ConfigMap"})),
        ("PATCH", format!("{one}?fieldManager=applier"), APPLY, json!({"data": {"a": "3"}})),
        ("PATCH", format!("{maps}/applied?fieldManager=applier"), APPLY, map("applied")),
        ("GET", format!("{maps}?labelSelector=x%3Dy"), "", none.clone()),
        ("GET", format!("{maps}?labelSelector=x%20in"), "", none.clone()),
        ("GET", format!("{maps}?fieldSelector=metadata.name%3Da"), "", none.clone()),
        ("GET", format!("{maps}?fieldSelector=spec.x%3Da"), "", none.clone()),
        ("GET", format!("{maps}?limit=1"), "", none.clone()),
        ("GET", format!("{maps}?limit=x"), "", none.clone()),
        ("GET", format!("{maps}?continue=nonsense"), "", none.clone()),
        ("GET", format!("{maps}?watch=1&resourceVersion=x&timeoutSeconds=1"), "", none.clone()),
        ("GET", format!("{maps}?as-metadata"), "", none.clone()),
        ("DELETE", one.clone(), "", json!({"preconditions": {"uid": "1"}})),
        ("DELETE", one.clone(), "", json!({"preconditions": {"resourceVersion": "1"}})),
        ("DELETE", format!("{one}?dryRun=All"), "", none.clone()),
        ("DELETE", format!("{maps}/missing"), "", none.clone()),
        ("DELETE", format!("{one}?propagationPolicy=Foreground"), "", none.clone()),
        ("POST", maps.to_owned(), "", map("e")),
        ("DELETE", format!("{maps}/e"), "", none.clone()),
        ("DELETE", maps.to_owned(), "", none),
    ]
}

fn refused_requests(root: &str, apps: &str) -> Vec<Asked> {
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

fn workload_requests(root: &str, apps: &str) -> Vec<Asked> {
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

fn access_requests(root: &str) -> Vec<Asked> {
    let none = Value::Null;
    let roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles".to_owned();
    vec![
        ("POST", format!("{root}/secrets"), "", json!({"metadata": {"name": "s"}, "stringData": {"a": "b"}})),
        ("PATCH", format!("{root}/secrets/s"), MERGE, json!({"type": "other"})),
        ("PATCH", format!("{root}/secrets/s"), MERGE, json!({"immutable": true})),
        ("PATCH", format!("{root}/secrets/s"), MERGE, json!({"data": {"a": "eA=="}})),
        ("GET", format!("{root}/secrets?as-table&includeObject=None"), "", none),
        ("POST", format!("{root}/serviceaccounts"), "", json!({"metadata": {"name": "r"}})),
        (
            "POST",
            format!("{root}/serviceaccounts/r/token"),
            "",
            json!({"spec": {"expirationSeconds": 3600, "audiences": ["a"]}}),
        ),
        ("POST", format!("{root}/serviceaccounts/r/token"), "", json!({"spec": {"expirationSeconds": 5}})),
        ("POST", format!("{root}/serviceaccounts/missing/token"), "", json!({"spec": {}})),
        (
            "POST",
            roles.clone(),
            "",
            json!({"metadata": {"name": "compare:x"}, "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]}),
        ),
        ("DELETE", format!("{roles}/compare:x"), "", Value::Null),
        (
            "POST",
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews".to_owned(),
            "",
            json!({"spec": {"resourceAttributes": {"verb": "get", "resource": "pods"}}}),
        ),
        ("DELETE", "/api/v1/namespaces/default".to_owned(), "", Value::Null),
    ]
}

fn custom_requests(namespace: &str) -> Vec<Asked> {
    let none = Value::Null;
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions".to_owned();
    let name = "widgets.compare.example.com";
    let things = format!("/apis/compare.example.com/v1/namespaces/{namespace}/widgets");
    let one = format!("{things}/w");
    let schema = json!({"type": "object", "properties": {
        "spec": {"type": "object", "properties": {
            "size": {"type": "integer"},
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
            "hosts": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"], "items": {
                "type": "object", "required": ["name"], "properties": {"name": {"type": "string"}, "port": {"type": "integer"}},
            }},
        }},
        "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
    }});
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": name},
        "spec": {"group": "compare.example.com", "scope": "Namespaced", "names": {"kind": "Widget", "plural": "widgets"}, "versions": [{
            "name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema},
            "subresources": {"status": {}},
            "additionalPrinterColumns": [{"name": "Size", "type": "integer", "jsonPath": ".spec.size"}],
        }]},
    });
    let widget = |spec: Value| json!({"apiVersion": "compare.example.com/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": spec});
    let host = |name: &str, port: i64| json!({"name": name, "port": port});
    vec![
        ("GET", things.clone(), "", none.clone()),
        ("POST", definitions.clone(), "", json!({"metadata": {"name": "wrong"}, "spec": definition["spec"]})),
        ("POST", definitions.clone(), "", definition),
        ("WAIT", name.to_owned(), "", none.clone()),
        ("POST", things.clone(), "", widget(json!({"size": 1, "free": {"a": 1}, "hosts": [host("a", 1)]}))),
        ("POST", format!("{things}?fieldValidation=Strict"), "", widget(json!({"siz": 1}))),
        ("POST", things.clone(), "", json!({"metadata": {"name": "x"}})),
        (
            "POST",
            things.clone(),
            "",
            json!({"apiVersion": "compare.example.com/v2", "kind": "Widget", "metadata": {"name": "x"}}),
        ),
        ("PUT", one.clone(), "", widget(json!({"size": 2}))),
        ("PATCH", one.clone(), STRATEGIC, json!({"spec": {"size": 3}})),
        ("PATCH", format!("{one}?fieldManager=m"), MERGE, json!({"spec": {"size": 3}, "status": {"a": 1}})),
        ("PATCH", format!("{one}/status?fieldManager=s"), MERGE, json!({"spec": {"size": 9}, "status": {"a": 1}})),
        ("PATCH", format!("{one}?fieldManager=b"), APPLY, widget(json!({"size": 4, "hosts": [host("b", 2)]}))),
        (
            "PATCH",
            format!("{one}?fieldManager=b&force=true"),
            APPLY,
            widget(json!({"size": 4, "hosts": [host("b", 2)]})),
        ),
        ("GET", format!("{things}?as-table&includeObject=None"), "", none.clone()),
        ("GET", things.clone(), "", none.clone()),
        ("GET", format!("{things}?fieldSelector=spec.size%3D1"), "", none.clone()),
        ("GET", format!("{one}/scale"), "", none.clone()),
        ("GET", "/apis/compare.example.com/v1".to_owned(), "", none.clone()),
        ("DELETE", one, "", none.clone()),
        ("DELETE", format!("{definitions}/{name}?ignored"), "", none),
    ]
}
