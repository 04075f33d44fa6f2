//! Webhooks that answer, that cannot be called, and that nobody calls.

use meshwright::cluster::Cluster;
use meshwright::cluster::wait::{Rule, until};
use meshwright::failure::Result;
use meshwright::rehearsal::{Answer, Behaviour, World};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// What the webhooks of a cluster do.
#[derive(Clone, Copy)]
enum Webhooks {
    /// Their failures are ignored, and nobody reaches them.
    Ignored,
    /// They cannot be called, and that counts.
    Failing,
    /// They do their work.
    Working,
    /// They do it from the third second on.
    Late,
}

impl Behaviour for Webhooks {
    fn exec(&self, _: &World, _: &str, _: &Value, _: &str, _: &[String], _: &str) -> Answer {
        Answer::default()
    }

    fn logs(&self, _: &World, _: &str, _: &Value, _: &str) -> String {
        String::new()
    }

    fn unready(&self, _: &World, _: &str, _: &Value) -> Option<String> {
        None
    }

    fn admit(&self, world: &World, _: &str, mut object: Value) -> Result<Value, String> {
        let does = match self {
            Webhooks::Late if world.clock().now() < Duration::from_secs(3) => &Webhooks::Failing,
            Webhooks::Late => &Webhooks::Working,
            does => does,
        };
        match (does, object["kind"].as_str()) {
            (Webhooks::Failing, Some("Pod" | "Gateway")) => Err(
                "Internal error occurred: failed calling webhook \"a.example.com\": failed to call webhook: Post \"https://hook.default.svc:443\": connection refused".into(),
            ),
            (Webhooks::Working, Some("Pod")) => {
                let containers = object["spec"]["containers"].as_array_mut().expect("containers");
                containers.push(json!({"name": "proxy", "image": "proxy"}));
                Ok(object)
            }
            (Webhooks::Working, Some("Gateway")) if object["spec"]["servers"].is_null() => {
                Err("admission webhook \"a.example.com\" denied the request: configuration is invalid: gateway must have at least one server".into())
            }
            _ => Ok(object),
        }
    }

    fn reconcile(&self, _: &World) {}
}

const INJECTOR: &str = "MutatingWebhookConfiguration";
const VALIDATOR: &str = "ValidatingWebhookConfiguration";

/// Waits for a configuration in a cluster whose webhooks do this, for some seconds.
async fn waited(world: &World, webhooks: Webhooks, kind: &str) -> std::result::Result<(), String> {
    let server = world.server("east").expect("east");
    world.set_behaviour(Arc::new(webhooks));
    server.put(json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {"name": "hook-1", "namespace": "default", "labels": {"kubernetes.io/service-name": "hook"}},
        "endpoints": [{"addresses": ["10.16.0.9"], "conditions": {"ready": true}}],
    }));
    server.put(json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "gateways.networking.istio.io"},
        "status": {"conditions": [{"type": "Established", "status": "True"}]},
        "spec": {"group": "networking.istio.io", "names": {"kind": "Gateway", "plural": "gateways"}, "scope": "Namespaced", "versions": [
            {"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}},
        ]},
    }));
    let (group, plural, path) =
        if kind == INJECTOR { ("", "pods", "/inject") } else { ("networking.istio.io", "*", "/validate") };
    server.put(json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": {"name": "hook"},
        "webhooks": [{
            "name": "a.example.com", "sideEffects": "None", "admissionReviewVersions": ["v1"], "failurePolicy": "Ignore",
            "clientConfig": {"service": {"namespace": "default", "name": "hook", "path": path}, "caBundle": "Y2E="},
            "rules": [{"apiGroups": [group], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": [plural]}],
        }],
    }));
    let settings = super::Settings::new("east", &server.url(), world.clock().clone());
    let cluster = Cluster::over(server.transport(), settings);
    let target = cluster.target(kind, "hook").await.expect("target");
    let outcome = until(&cluster, &target, Rule::ready(), Duration::from_secs(8)).await;
    assert_eq!(
        server.list_shared("Pod", None).len() + server.list_shared("Gateway", None).len(),
        0,
        "nothing is stored"
    );
    outcome.map(drop).map_err(|failure| format!("{} {}", failure.message, failure.details.join(" ")))
}

fn outcome(webhooks: Webhooks, kind: &str) -> std::result::Result<(), String> {
    let mut outcome = Ok(());
    super::simulated(async |clock| {
        let world = World::new(clock, &["east"]);
        world.start();
        outcome = waited(&world, webhooks, kind).await;
    });
    outcome
}

#[test]
fn an_injector_must_give_a_pod_its_sidecar() {
    assert_eq!(outcome(Webhooks::Working, INJECTOR), Ok(()));
    let ignored = outcome(Webhooks::Ignored, INJECTOR).expect_err("nobody injects");
    assert!(ignored.contains("a Pod in default comes out without a sidecar"), "{ignored}");
    let failing = outcome(Webhooks::Failing, INJECTOR).expect_err("nobody answers");
    assert!(failing.contains("failed calling webhook") && failing.contains("connection refused"), "{failing}");
}

#[test]
fn a_webhook_that_comes_late_is_asked_until_it_answers() {
    super::simulated(async |clock| {
        let world = World::new(clock, &["east"]);
        world.start();
        assert_eq!(waited(&world, Webhooks::Late, INJECTOR).await, Ok(()));
        assert!(world.clock().now() < Duration::from_secs(5), "{:?}", world.clock().now());
    });
}

#[test]
fn a_validator_must_deny_what_is_wrong() {
    assert_eq!(outcome(Webhooks::Working, VALIDATOR), Ok(()));
    let ignored = outcome(Webhooks::Ignored, VALIDATOR).expect_err("nobody denies");
    assert!(ignored.contains("an empty Gateway in default goes through"), "{ignored}");
    let failing = outcome(Webhooks::Failing, VALIDATOR).expect_err("nobody answers");
    assert!(failing.contains("failed calling webhook"), "{failing}");
}
