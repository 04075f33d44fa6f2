//! The same requests to this server and to a real kube-apiserver: code and answer must be the same.
//!
//! `MESHWRIGHT_REAL_KUBECONFIG` names the kubeconfig of a real API server whose only namespaces are its own; no
//! controllers may run there. Without it the test does nothing.

mod custom;
mod differences;
mod maps;
mod secrets;
mod workloads;

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
        let found = differences::between(left, right);
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

/// Requests that build on each other.
fn requests(namespace: &str) -> Vec<Asked> {
    let root = format!("/api/v1/namespaces/{namespace}");
    let configmaps = format!("{root}/configmaps");
    let apps = format!("/apis/apps/v1/namespaces/{namespace}");
    let ns = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
    let none = Value::Null;
    let path = |path: &str| path.to_owned();
    let mut all: Vec<Asked> = vec![
        ("POST", configmaps.clone(), "", maps::map("early")),
        ("POST", path("/api/v1/namespaces?fieldManager=compare"), "", ns.clone()),
        ("POST", path("/api/v1/namespaces"), "", ns),
        ("GET", root.clone(), "", none.clone()),
        ("GET", path("/api/v1/nothing"), "", none.clone()),
        ("GET", path("/apis/nothing/v1/things"), "", none.clone()),
        ("POST", path("/api/v1/configmaps"), "", maps::map("a")),
        ("PATCH", configmaps.clone(), MERGE, json!({})),
        ("PUT", configmaps.clone(), "", maps::map("a")),
    ];
    all.extend(maps::requests(&configmaps));
    all.extend(workloads::refused(&root, &apps));
    all.extend(workloads::requests(&root, &apps));
    all.extend(secrets::requests(&root));
    all.extend(super::access::real::requests(namespace));
    all.extend(custom::requests(namespace));
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
