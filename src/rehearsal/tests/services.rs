//! Services: node ports and cluster addresses that change, and the endpoints of old clients.

use super::*;
use crate::rehearsal::{Answer, Behaviour};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const SERVICES: &str = "/api/v1/namespaces/default/services";
const MERGE: &str = "application/merge-patch+json";

fn service(name: &str, port: Value) -> Value {
    let ports = json!([{"port": 80, "nodePort": port}]);
    let spec = json!({"type": "NodePort", "selector": {"app": name}, "ports": ports});
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "default"}, "spec": spec})
}

fn ports(port: Value) -> Value {
    json!({"spec": {"ports": [{"port": 80, "nodePort": port}]}})
}

/// While a change is admitted, somebody else writes the status, once.
#[derive(Default)]
struct Racing(AtomicBool);

impl Behaviour for Racing {
    fn exec(&self, _: &World, _: &str, _: &Value, _: &str, _: &[String], _: &str) -> Answer {
        Answer::default()
    }

    fn logs(&self, _: &World, _: &str, _: &Value, _: &str) -> String {
        String::new()
    }

    fn unready(&self, _: &World, _: &str, _: &Value) -> Option<String> {
        None
    }

    fn admit(&self, world: &World, _: &str, object: Value) -> Result<Value, String> {
        if self.0.swap(false, Ordering::SeqCst) {
            world.servers()[0].edit("Service", Some("default"), "a", |service| {
                service["status"] = json!({"conditions": [{
                    "type": "Raced", "status": "True", "reason": "Test", "message": "",
                    "lastTransitionTime": "2026-01-01T00:00:00Z",
                }]});
            });
        }
        Ok(object)
    }

    fn reconcile(&self, _: &World) {}
}

#[test]
fn a_change_that_begins_again_has_its_own_ports() {
    simulated(async |clock| {
        let world = World::new(clock.clone(), &["east"]);
        let east = &world.servers()[0];
        let race = Arc::new(Racing::default());
        world.set_behaviour(race.clone());
        assert_eq!(post(east, SERVICES, service("a", json!(30100))).await.0, 201);
        race.0.store(true, Ordering::SeqCst);
        let path = format!("{SERVICES}/a");
        let (code, changed) = ask(east, "PATCH", &path, MERGE, ports(json!(30200))).await;
        assert_eq!((code, &changed["spec"]["ports"][0]["nodePort"]), (200, &json!(30200)), "{changed}");
        assert_eq!(changed["status"]["conditions"][0]["type"], "Raced", "{changed}");
        assert_eq!(post(east, SERVICES, service("b", json!(30200))).await.0, 422);
        assert_eq!(post(east, SERVICES, service("b", json!(30100))).await.0, 201);
    });
}

#[test]
fn a_change_that_begins_again_leaks_no_ports() {
    simulated(async |clock| {
        let world = World::new(clock.clone(), &["east"]);
        let east = &world.servers()[0];
        let race = Arc::new(Racing::default());
        world.set_behaviour(race.clone());
        assert_eq!(post(east, SERVICES, service("a", json!(32000))).await.0, 201);
        race.0.store(true, Ordering::SeqCst);
        let two = json!({"spec": {"ports": [{"name": "x", "port": 80, "nodePort": 32000}, {"name": "y", "port": 81}]}});
        let (code, changed) = ask(east, "PATCH", &format!("{SERVICES}/a"), MERGE, two).await;
        assert_eq!(code, 200, "{changed}");
        let given = changed["spec"]["ports"][1]["nodePort"].as_u64().expect("a port");
        for other in [30001, 30002] {
            let expected = if other == given { 422 } else { 201 };
            let made = post(east, SERVICES, service(&format!("s{other}"), json!(other))).await;
            assert_eq!(made.0, expected, "{}", made.1);
        }
    });
}

#[test]
fn a_refused_change_takes_nothing_from_anybody() {
    simulated(async |clock| {
        let world = World::new(clock.clone(), &["east"]);
        let east = &world.servers()[0];
        assert_eq!(post(east, SERVICES, service("a", json!(30100))).await.0, 201);
        assert_eq!(post(east, SERVICES, service("b", json!(30200))).await.0, 201);
        let path = format!("{SERVICES}/a");
        assert_eq!(ask(east, "PATCH", &path, MERGE, ports(json!(30200))).await.0, 422);
        let tried = ask(east, "PATCH", &format!("{path}?dryRun=All"), MERGE, ports(json!(30300))).await;
        assert_eq!(tried.0, 200, "{}", tried.1);
        assert_eq!(post(east, SERVICES, service("c", json!(30100))).await.0, 422);
        assert_eq!(post(east, SERVICES, service("c", json!(30300))).await.0, 201);
    });
}

#[test]
fn what_is_put_past_the_api_keeps_its_address() {
    simulated(async |clock| {
        let world = World::new(clock.clone(), &["east"]);
        let east = &world.servers()[0];
        assert_eq!(post(east, SERVICES, service("a", json!(30100))).await.0, 201);
        let put = east.put(service("b", json!(30100)));
        let mut other = service("c", json!(30300));
        other["spec"]["clusterIP"] = put["spec"]["clusterIP"].clone();
        let (code, refused) = post(east, SERVICES, other).await;
        assert_eq!(code, 422, "{refused}");
    });
}

#[test]
fn endpoints_are_answered_with_a_warning_even_when_there_are_none() {
    simulated(async |clock| {
        let world = World::new(clock, &["east"]);
        let server = world.server("east").expect("east");
        for path in ["/api/v1/endpoints", "/api/v1/namespaces/default/endpoints/none"] {
            let request = http::Request::get(path).body(kube::client::Body::empty()).expect("request");
            let reply = client(server).send(request).await.expect("answer");
            let warning = "299 - \"v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice\"";
            assert_eq!(reply.headers()["warning"], warning, "{path}");
        }
        assert!(server.log().iter().all(|sent| sent.warnings.len() == 1));
        get(server, "/api/v1/services").await;
        assert!(server.log().last().is_some_and(|sent| sent.warnings.is_empty()));
    });
}
