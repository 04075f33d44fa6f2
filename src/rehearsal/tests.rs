//! The API server as kube's client sees it.

mod deletion;
mod paging;
mod refusals;
mod schedules;
mod services;
mod shown;
mod volumes;
mod writing;

use super::{Server, World};
use crate::clock::{Clock, simulated};
use serde_json::{Value, json};

/// A world of these clusters that runs.
pub(super) fn running(clock: &Clock, names: &[&str]) -> World {
    let world = World::new(clock.clone(), names);
    world.start();
    world
}

fn client(server: &Server) -> kube::Client {
    kube::Client::new(server.transport(), "default")
}

/// Status code and answer of one request.
async fn ask(server: &Server, method: &str, path: &str, media_type: &str, body: Value) -> (u16, Value) {
    let bytes = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    let request = http::Request::builder().method(method).uri(path).header("content-type", media_type);
    let request = request.header("user-agent", "tests/1.0").body(kube::client::Body::from(bytes)).expect("request");
    let reply = client(server).send(request).await.expect("answer");
    let code = reply.status().as_u16();
    let bytes = reply.into_body().collect_bytes().await.expect("body");
    (code, serde_json::from_slice(&bytes).unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into_owned().into()))
}

async fn get(server: &Server, path: &str) -> (u16, Value) {
    ask(server, "GET", path, "application/json", Value::Null).await
}

async fn post(server: &Server, path: &str, body: Value) -> (u16, Value) {
    ask(server, "POST", path, "application/json", body).await
}

fn config_map(name: &str, data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})
}

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

#[test]
fn objects_are_created_read_changed_and_deleted() {
    crate::clock::simulated(async |clock| {
        let world = running(&clock, &["east"]);
        let east = &world.servers()[0];
        let (code, made) = post(east, MAPS, config_map("a", json!({"k": "1"}))).await;
        assert_eq!(code, 201, "{made}");
        assert!(made["metadata"]["uid"].is_string() && made["metadata"]["creationTimestamp"].is_string());
        let path = format!("{MAPS}/a");
        assert_eq!(get(east, &path).await, (200, made.clone()));
        let mut wanted = made.clone();
        wanted["data"]["k"] = json!("2");
        let (code, changed) = ask(east, "PUT", &path, "application/json", wanted.clone()).await;
        assert_eq!((code, &changed["data"]["k"]), (200, &json!("2")), "{changed}");
        let (code, stale) = ask(east, "PUT", &path, "application/json", wanted).await;
        assert_eq!(code, 409);
        assert_eq!(
            stale["message"],
            "Operation cannot be fulfilled on configmaps \"a\": the object has been modified; please apply your changes to the latest version and try again"
        );
        let (code, patched) =
            ask(east, "PATCH", &path, "application/merge-patch+json", json!({"data": {"k": null, "l": "3"}})).await;
        assert_eq!((code, &patched["data"]), (200, &json!({"l": "3"})));
        let operations =
            json!([{"op": "test", "path": "/data/l", "value": "3"}, {"op": "add", "path": "/data/m", "value": "4"}]);
        let (code, patched) = ask(east, "PATCH", &path, "application/json-patch+json", operations).await;
        assert_eq!((code, &patched["data"]), (200, &json!({"l": "3", "m": "4"})), "{patched}");
        let (code, status) = ask(east, "DELETE", &path, "application/json", Value::Null).await;
        assert_eq!((code, &status["status"]), (200, &json!("Success")));
        let (code, missing) = get(east, &path).await;
        assert_eq!((code, &missing["message"]), (404, &json!("configmaps \"a\" not found")));
    });
}

#[test]
fn kubes_own_types_read_what_is_served() {
    crate::clock::simulated(async |clock| {
        use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
        use kube::api::{Api, ListParams, Patch, PatchParams};
        let world = running(&clock, &["east"]);
        let client = client(&world.servers()[0]);
        let namespaces: Api<Namespace> = Api::all(client.clone());
        let names: Vec<_> = namespaces
            .list(&ListParams::default())
            .await
            .expect("list")
            .into_iter()
            .filter_map(|one| one.metadata.name)
            .collect();
        assert_eq!(names, ["default", "kube-node-lease", "kube-public", "kube-system"]);
        let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
        let patch = Patch::Merge(config_map("a", json!({})));
        let error = maps.patch("a", &PatchParams::default(), &patch).await.expect_err("missing");
        assert!(matches!(error, kube::Error::Api(status) if status.is_not_found()));
        let version = client.apiserver_version().await.expect("version");
        assert_eq!((version.major.as_str(), version.minor.as_str()), ("1", "34"));
        let discovery = kube::Discovery::new(client).run_aggregated().await.expect("discovery");
        assert!(discovery.groups().count() > 15);
    });
}

#[test]
fn lists_come_in_pages_and_watches_go_on_from_them() {
    crate::clock::simulated(async |clock| {
        let world = World::new(clock.clone(), &["east"]);
        let east = &world.servers()[0];
        for name in ["a", "b", "c"] {
            east.put(config_map(name, json!({})));
        }
        let (_, first) = get(east, &format!("{MAPS}?limit=2")).await;
        assert_eq!(
            (first["items"].as_array().map(Vec::len), &first["metadata"]["remainingItemCount"]),
            (Some(2), &json!(1))
        );
        let token = first["metadata"]["continue"].as_str().expect("token");
        let (_, rest) = get(east, &format!("{MAPS}?limit=2&continue={token}")).await;
        assert_eq!(rest["items"][0]["metadata"]["name"], "c");
        assert_eq!((&rest["items"][0]["kind"], &rest["metadata"]["continue"]), (&Value::Null, &Value::Null));
        let version = first["metadata"]["resourceVersion"].as_str().expect("version");
        east.put(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "b", "labels": {"x": "y"}}}));
        east.remove("ConfigMap", Some("default"), "c");
        let path = format!("{MAPS}?watch=true&resourceVersion={version}&timeoutSeconds=5");
        assert_eq!(watched(east, &path).await, ["MODIFIED b", "DELETED c"]);
        assert_eq!(watched(east, &format!("{path}&labelSelector=x")).await, ["ADDED b"]);
        east.compact();
        east.put(config_map("d", json!({})));
        assert_eq!(watched(east, &path).await, ["ERROR "]);
    });
}

/// The events of a watch until it ends, as `EVENT NAME`.
async fn watched(server: &Server, path: &str) -> Vec<String> {
    let request = http::Request::get(path).body(kube::client::Body::empty()).expect("request");
    let reply = client(server).send(request).await.expect("answer");
    let bytes = reply.into_body().collect_bytes().await.expect("body");
    let events = serde_json::Deserializer::from_slice(&bytes).into_iter::<Value>();
    events
        .map(|event| {
            let event = event.expect("event");
            let name = event["object"]["metadata"]["name"].as_str().unwrap_or_default();
            format!("{} {name}", event["type"].as_str().expect("type"))
        })
        .collect()
}

#[test]
fn namespaces_end_with_what_is_in_them() {
    crate::clock::simulated(async |clock| {
        let world = running(&clock, &["east"]);
        let east = &world.servers()[0];
        let lost = post(east, "/api/v1/namespaces/app/configmaps", config_map("a", json!({}))).await;
        assert_eq!((lost.0, &lost.1["message"]), (404, &json!("namespaces \"app\" not found")));
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "app"}});
        assert_eq!(post(east, "/api/v1/namespaces", namespace).await.0, 201);
        let mut held = config_map("held", json!({}));
        held["metadata"]["finalizers"] = json!(["example.com/hold"]);
        assert_eq!(post(east, "/api/v1/namespaces/app/configmaps", held).await.0, 201);
        let (code, ending) = ask(east, "DELETE", "/api/v1/namespaces/app", "application/json", Value::Null).await;
        assert_eq!((code, &ending["status"]["phase"]), (200, &json!("Terminating")), "{ending}");
        world.clock().sleep(std::time::Duration::from_secs(5)).await;
        let late = post(east, "/api/v1/namespaces/app/configmaps", config_map("b", json!({}))).await;
        assert_eq!(late.0, 403, "{}", late.1);
        assert_eq!(
            late.1["message"],
            "configmaps \"b\" is forbidden: unable to create new content in namespace app because it is being terminated"
        );
        let path = "/api/v1/namespaces/app/configmaps/held";
        assert_eq!(get(east, path).await.0, 200);
        let release = json!({"metadata": {"finalizers": null}});
        assert_eq!(ask(east, "PATCH", path, "application/merge-patch+json", release).await.0, 200);
        world.clock().sleep(std::time::Duration::from_secs(5)).await;
        assert_eq!(get(east, "/api/v1/namespaces/app").await.0, 404);
    });
}

#[test]
fn what_is_owned_goes_with_its_owner() {
    crate::clock::simulated(async |clock| {
        let world = running(&clock, &["east"]);
        let east = &world.servers()[0];
        let owner = east.put(config_map("owner", json!({})));
        let mut owned = config_map("owned", json!({}));
        let reference =
            json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]});
        owned["metadata"]["ownerReferences"] = json!([reference]);
        east.put(owned.clone());
        world.clock().sleep(std::time::Duration::from_secs(2)).await;
        assert!(east.get("cm", Some("default"), "owned").is_some());
        ask(east, "DELETE", &format!("{MAPS}/owner"), "application/json", Value::Null).await;
        world.clock().sleep(std::time::Duration::from_secs(2)).await;
        assert_eq!(east.get("cm", Some("default"), "owned"), None);
    });
}

#[test]
fn a_definition_brings_its_kind() {
    crate::clock::simulated(async |clock| {
        let world = running(&clock, &["east"]);
        let east = &world.servers()[0];
        let path = "/apis/networking.istio.io/v1/namespaces/default/gateways";
        assert_eq!(get(east, path).await, (404, json!("404 page not found\n")));
        let definition = json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": "gateways.networking.istio.io"},
            "spec": {
                "group": "networking.istio.io", "scope": "Namespaced", "names": {"kind": "Gateway", "plural": "gateways"},
                "versions": [
                    {"name": "v1", "served": true, "storage": false, "schema": {"openAPIV3Schema": {"type": "object"}}},
                    {"name": "v1alpha3", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object"}}},
                ],
            },
        });
        assert_eq!(post(east, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition).await.0, 201);
        world.clock().sleep(std::time::Duration::from_secs(2)).await;
        let gateway =
            json!({"apiVersion": "networking.istio.io/v1", "kind": "Gateway", "metadata": {"name": "g"}, "spec": {}});
        let (code, made) = post(east, path, gateway).await;
        assert_eq!(
            (code, &made["apiVersion"], &made["metadata"]["generation"]),
            (201, &json!("networking.istio.io/v1"), &json!(1)),
            "{made}"
        );
        let (_, old) = get(east, "/apis/networking.istio.io/v1alpha3/namespaces/default/gateways/g").await;
        assert_eq!(old["apiVersion"], "networking.istio.io/v1alpha3");
        let (code, _) = ask(
            east,
            "DELETE",
            "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/gateways.networking.istio.io",
            "application/json",
            Value::Null,
        )
        .await;
        assert_eq!(code, 200);
        world.clock().sleep(std::time::Duration::from_secs(2)).await;
        assert_eq!(get(east, path).await.0, 404);
    });
}

#[test]
fn tokens_open_their_own_cluster_only() {
    crate::clock::simulated(async |clock| {
        let world = running(&clock, &["east", "west"]);
        let (east, west) = (&world.servers()[0], &world.servers()[1]);
        east.put(json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "reader"}}));
        let path = "/api/v1/namespaces/default/serviceaccounts/reader/token";
        let (code, answer) = post(east, path, json!({"spec": {"expirationSeconds": 3600}})).await;
        assert_eq!(code, 201, "{answer}");
        let token = answer["status"]["token"].as_str().expect("token").to_owned();
        let with_token = async |server: &Server| {
            let request = http::Request::get("/api").header("authorization", format!("Bearer {token}"));
            let reply = client(server).send(request.body(kube::client::Body::empty()).expect("request")).await;
            reply.expect("answer").status().as_u16()
        };
        assert_eq!((with_token(east).await, with_token(west).await), (200, 401));
        assert_eq!(world.by_url(&west.url()).map(Server::name), Some("west"));
        east.remove("ServiceAccount", Some("default"), "reader");
        assert_eq!(with_token(east).await, 401);
        assert_ne!(east.ca_pem(), west.ca_pem());
    });
}

#[test]
fn only_requests_that_change_something_are_logged_as_writes() {
    crate::clock::simulated(async |clock| {
        let world = running(&clock, &["east"]);
        let east = &world.servers()[0];
        post(east, &format!("{MAPS}?dryRun=All"), config_map("a", json!({}))).await;
        assert_eq!(east.get("cm", Some("default"), "a"), None);
        post(east, MAPS, config_map("a", json!({}))).await;
        get(east, MAPS).await;
        let writes: Vec<_> = east.log().into_iter().filter(super::Logged::is_write).collect();
        assert_eq!(writes.len(), 1);
        assert_eq!((writes[0].path.as_str(), writes[0].user_agent.as_str()), (MAPS, "tests/1.0"));
    });
}

#[test]
fn fields_that_a_kind_does_not_know_are_dropped_with_a_warning() {
    crate::clock::simulated(async |clock| {
        let world = running(&clock, &["east"]);
        let east = &world.servers()[0];
        let mut odd = config_map("a", json!({"k": "1"}));
        odd["dat"] = json!({});
        let body = kube::client::Body::from(odd.to_string().into_bytes());
        let reply = client(east).send(http::Request::post(MAPS).body(body).expect("request")).await.expect("answer");
        assert_eq!(reply.headers()["warning"], "299 - \"unknown field \\\"dat\\\"\"");
        assert_eq!(east.get("cm", Some("default"), "a").expect("stored").get("dat"), None);
    });
}

#[test]
fn a_watch_can_begin_with_what_is_there() {
    crate::clock::simulated(async |clock| {
        let world = World::new(clock.clone(), &["east"]);
        let east = &world.servers()[0];
        east.put(config_map("a", json!({})));
        let path = format!(
            "{MAPS}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=90"
        );
        assert_eq!(watched(east, &path).await, ["ADDED a", "BOOKMARK ", "BOOKMARK "]);
        let (code, refusal) = get(east, &format!("{MAPS}?watch=1&sendInitialEvents=true")).await;
        assert_eq!((code, &refusal["reason"]), (422, &json!("Invalid")), "{refusal}");
        assert_eq!(world.clock().now(), std::time::Duration::from_secs(90));
    });
}

#[test]
fn webhooks_change_and_refuse_what_clients_write() {
    crate::clock::simulated(async |clock| {
        /// Adds a label; refuses objects that are called so.
        struct Webhook;
        impl super::Behaviour for Webhook {
            fn exec(
                &self,
                world: &World,
                cluster: &str,
                pod: &Value,
                container: &str,
                argv: &[String],
                stdin: &str,
            ) -> super::Answer {
                super::Inert.exec(world, cluster, pod, container, argv, stdin)
            }
            fn logs(&self, _: &World, _: &str, _: &Value, _: &str) -> String {
                String::new()
            }
            fn unready(&self, _: &World, _: &str, _: &Value) -> Option<String> {
                None
            }
            fn admit(&self, world: &World, cluster: &str, mut object: Value) -> Result<Value, String> {
                // Webhooks look at the clusters: no lock may be held here.
                assert!(world.server(cluster).is_some_and(|server| server.get("ns", None, "default").is_some()));
                match object["metadata"]["name"].as_str() {
                    Some("refused") => Err("admission webhook \"w\" denied the request: no".to_owned()),
                    Some("lost") => Err("Internal error occurred: failed calling webhook \"w\"".to_owned()),
                    _ => {
                        object["metadata"]["labels"]["seen"] = json!("yes");
                        Ok(object)
                    }
                }
            }
            fn reconcile(&self, _: &World) {}
        }
        let world = World::new(clock.clone(), &["east"]);
        world.set_behaviour(std::sync::Arc::new(Webhook));
        let east = &world.servers()[0];
        let (_, made) = post(east, MAPS, config_map("a", json!({}))).await;
        assert_eq!(made["metadata"]["labels"]["seen"], "yes");
        let (code, refused) = post(east, MAPS, config_map("refused", json!({}))).await;
        assert_eq!((code, &refused["message"]), (400, &json!("admission webhook \"w\" denied the request: no")));
        let (code, lost) = post(east, MAPS, config_map("lost", json!({}))).await;
        assert_eq!((code, &lost["reason"]), (500, &json!("InternalError")));
        assert_eq!(east.put(config_map("b", json!({})))["metadata"]["labels"]["seen"], Value::Null);
    });
}

#[test]
fn what_software_in_the_cluster_changes_is_its_own() {
    crate::clock::simulated(async |clock| {
        let world = running(&clock, &["east"]);
        let east = &world.servers()[0];
        let path = format!("{MAPS}/a?fieldManager=guide");
        let apply = "application/apply-patch+yaml";
        ask(east, "PATCH", &path, apply, config_map("a", json!({"ours": "1", "theirs": "1"}))).await;
        let changed = east.put_as("istiod", config_map("a", json!({"ours": "1", "theirs": "2"})));
        let (code, same) = ask(east, "PATCH", &path, apply, config_map("a", json!({"ours": "1"}))).await;
        assert_eq!((code, &same), (200, &changed), "there is nothing to give up");
        assert_eq!(east.put_as("istiod", config_map("a", json!({"ours": "1", "theirs": "2"}))), changed);
        let (code, refused) = ask(east, "PATCH", &path, apply, config_map("a", json!({"theirs": "1"}))).await;
        assert_eq!(code, 409, "{refused}");
        assert!(refused["message"].as_str().is_some_and(|why| why.contains("\"istiod\"")), "{refused}");
    });
}
