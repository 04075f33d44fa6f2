//! The controllers together, over a whole world with a simulated clock.

use super::condition;
use super::turn::{items, name, number, text};
use crate::clock::Clock;
use crate::rehearsal::identity::Holder;
use crate::rehearsal::{Answer, Behaviour, LoadBalancer, Server, World};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

fn world(clock: &Clock) -> (World, Server) {
    let world = World::new(clock.clone(), &["east"]);
    world.start();
    let server = world.server("east").expect("east").clone();
    (world, server)
}

/// Waits for something to hold, for at most twenty simulated minutes.
async fn until(world: &World, what: &str, holds: impl Fn() -> bool) {
    for round in 0..1_500 {
        if holds() {
            return;
        }
        world.clock().sleep(Duration::from_millis(if round < 300 { 100 } else { 1_000 })).await;
    }
    panic!("{what} did not happen");
}

fn deployment(deployment_name: &str, replicas: usize, image: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": deployment_name, "namespace": "default" },
        "spec": {
            "replicas": replicas, "selector": { "matchLabels": { "app": deployment_name } },
            "template": {
                "metadata": { "labels": { "app": deployment_name } },
                "spec": { "containers": [{ "name": "app", "image": image, "ports": [{ "name": "http", "containerPort": 80 }] }] },
            },
        },
    })
}

fn service(service_name: &str, kind: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": service_name, "namespace": "default" },
        "spec": { "type": kind, "selector": { "app": service_name }, "ports": [{ "port": 80, "targetPort": "http" }] },
    })
}

fn pods(server: &Server) -> Vec<Value> {
    server.list("Pod", Some("default"))
}

fn read(server: &Server, kind: &str, object_name: &str) -> Value {
    server.get(kind, Some("default"), object_name).unwrap_or_default()
}

fn available(server: &Server, deployment_name: &str) -> i64 {
    number(&read(server, "Deployment", deployment_name), "/status/availableReplicas").unwrap_or(0)
}

fn messages(server: &Server, about: &str, reason: &str) -> Vec<String> {
    let mut events = server.list("events", None);
    events.retain(|event| text(event, "/involvedObject/name").starts_with(about) && event["reason"] == reason);
    events.iter().map(|event| text(event, "/message").to_owned()).collect()
}

#[test]
fn a_deployment_becomes_ready_in_seconds_of_simulated_time() {
    crate::clock::simulated(async |clock| {
        let (world, server) = world(&clock);
        server.put(service("web", "ClusterIP"));
        server.put(deployment("web", 2, "nginx:1"));
        until(&world, "availability", || available(&server, "web") == 2).await;
        assert!(world.clock().now() < Duration::from_secs(10), "{:?}", world.clock().now());
        let web = read(&server, "Deployment", "web");
        assert!(condition::holds(&web, "Available") && condition::holds(&web, "Progressing"));
        let pods = pods(&server);
        let first = &pods[0];
        assert!(items(first, "/status/containerStatuses")[0]["ready"] == true, "{first:#}");
        assert_eq!(text(first, "/status/phase"), "Running");
        until(&world, "slices", || !items(&read(&server, "Endpoints", "web"), "/subsets").is_empty()).await;
        world.clock().sleep(Duration::from_secs(1)).await;
        let endpoints = read(&server, "Endpoints", "web");
        assert_eq!(items(&endpoints, "/subsets/0/addresses").len(), 2);
        assert_eq!(endpoints["subsets"][0]["ports"][0]["port"], 80);
        let slices = server.list("EndpointSlice", Some("default"));
        let mine = slices.iter().find(|slice| text(slice, "/metadata/labels/kubernetes.io~1service-name") == "web");
        assert_eq!(items(mine.expect("slice"), "/endpoints").len(), 2);
        assert_eq!(messages(&server, "web", "ScalingReplicaSet").len(), 1);
        assert_eq!(messages(&server, "web-", "Scheduled").len(), 2);
    });
}

#[test]
fn a_new_template_replaces_all_pods_and_keeps_enough_of_them() {
    crate::clock::simulated(async |clock| {
        let (world, server) = world(&clock);
        server.put(deployment("web", 4, "nginx:1"));
        until(&world, "availability", || available(&server, "web") == 4).await;
        server.edit("Deployment", Some("default"), "web", |web| {
            web["spec"]["template"]["spec"]["containers"][0]["image"] = "nginx:2".into();
        });
        let mut least = 4;
        for _ in 0..300 {
            world.clock().sleep(Duration::from_millis(100)).await;
            least = least.min(available(&server, "web"));
        }
        let images: Vec<_> = pods(&server).iter().map(|pod| text(pod, "/spec/containers/0/image").to_owned()).collect();
        assert_eq!((images, least), (vec!["nginx:2".to_owned(); 4], 3));
        let web = read(&server, "Deployment", "web");
        assert_eq!(text(&web, "/metadata/annotations/deployment.kubernetes.io~1revision"), "2");
        assert_eq!(number(&web, "/status/updatedReplicas"), Some(4));
        server.edit("Deployment", Some("default"), "web", |web| web["spec"]["replicas"] = 1.into());
        until(&world, "scaling down", || pods(&server).len() == 1).await;
    });
}

#[test]
fn a_rollout_that_does_not_move_is_reported_after_its_deadline() {
    crate::clock::simulated(async |clock| {
        let (world, server) = world(&clock);
        server.put(deployment("web", 1, "nginx:missing"));
        let late = || {
            let web = read(&server, "Deployment", "web");
            condition::find(&web, "Progressing").is_some_and(|found| found["reason"] == "ProgressDeadlineExceeded")
        };
        until(&world, "the deadline", late).await;
        let waiting = pods(&server)[0]["status"]["containerStatuses"][0]["state"]["waiting"].clone();
        assert_eq!(waiting["reason"], "ImagePullBackOff");
        assert!((600..630).contains(&world.clock().now().as_secs()), "{:?}", world.clock().now());
        assert_eq!(messages(&server, "web-", "BackOff"), ["Back-off pulling image \"nginx:missing\""]);
    });
}

#[test]
fn a_pod_waits_for_what_it_mounts() {
    crate::clock::simulated(async |clock| {
        let (world, server) = world(&clock);
        let mut web = deployment("web", 1, "nginx:1");
        web["spec"]["template"]["spec"]["volumes"] = json!([{ "name": "root", "configMap": { "name": "root-cert" } }]);
        server.put(web);
        until(&world, "the event", || !messages(&server, "web-", "FailedMount").is_empty()).await;
        let expected = "MountVolume.SetUp failed for volume \"root\" : configmap \"root-cert\" not found";
        assert_eq!(messages(&server, "web-", "FailedMount"), [expected]);
        world.clock().sleep(Duration::from_secs(30)).await;
        assert_eq!(available(&server, "web"), 0);
        let metadata = json!({ "name": "root-cert", "namespace": "default" });
        server.put(json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata }));
        let start = world.clock().now();
        until(&world, "availability", || available(&server, "web") == 1).await;
        assert!(world.clock().now() - start < Duration::from_secs(5));
    });
}

#[test]
fn deleting_a_deployment_takes_its_pods_and_deleting_a_namespace_everything() {
    crate::clock::simulated(async |clock| {
        let (world, server) = world(&clock);
        server.put(deployment("web", 2, "nginx:1"));
        server.put(json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "shop" } }));
        let mut shop = deployment("shop", 1, "nginx:1");
        shop["metadata"]["namespace"] = "shop".into();
        server.put(shop);
        until(&world, "availability", || available(&server, "web") == 2).await;
        until(&world, "furniture", || server.get("ServiceAccount", Some("shop"), "default").is_some()).await;
        server.remove("Deployment", Some("default"), "web");
        until(&world, "collection", || pods(&server).is_empty()).await;
        assert!(server.list("ReplicaSet", Some("default")).is_empty());
        server.edit("Namespace", None, "shop", |shop| {
            shop["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
        });
        until(&world, "the end", || server.get("Namespace", None, "shop").is_none()).await;
        assert!(server.all(Some("shop")).is_empty());
    });
}

#[test]
fn a_finalizer_holds_a_namespace_and_its_status_says_so() {
    crate::clock::simulated(async |clock| {
        let (world, server) = world(&clock);
        server.put(json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "shop" } }));
        let metadata = json!({ "name": "held", "namespace": "shop", "finalizers": ["example.com/hold"] });
        server.put(json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata }));
        server.edit("Namespace", None, "shop", |shop| {
            shop["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
        });
        let shop = || server.get("Namespace", None, "shop").unwrap_or_default();
        until(&world, "the condition", || condition::holds(&shop(), "NamespaceFinalizersRemaining")).await;
        let words = "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances";
        assert_eq!(condition::find(&shop(), "NamespaceFinalizersRemaining").expect("condition")["message"], words);
        server.edit("ConfigMap", Some("shop"), "held", |map| map["metadata"]["finalizers"] = json!([]));
        until(&world, "the end", || server.get("Namespace", None, "shop").is_none()).await;
    });
}

#[test]
fn token_secrets_are_filled_with_tokens_that_the_server_knows() {
    crate::clock::simulated(async |clock| {
        let (world, server) = world(&clock);
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
            "metadata": {
                "name": "reader", "namespace": "default", "annotations": { "kubernetes.io/service-account.name": "default" },
            },
        });
        until(&world, "the account", || !read(&server, "ServiceAccount", "default").is_null()).await;
        server.put(secret.clone());
        until(&world, "the token", || read(&server, "Secret", "reader")["data"]["token"].is_string()).await;
        let data = read(&server, "Secret", "reader")["data"].clone();
        assert_eq!(data.as_object().expect("data").len(), 3);
        use base64::Engine as _;
        let token = base64::engine::general_purpose::STANDARD.decode(text(&data, "/token")).expect("base64");
        let known = server.identity().known(&String::from_utf8(token).expect("text"));
        assert!(matches!(known, Some(Holder::Account(token)) if token.account == "default"));
        let mut stray = secret;
        stray["metadata"]["name"] = "stray".into();
        stray["metadata"]["annotations"]["kubernetes.io/service-account.name"] = "nobody".into();
        server.put(stray);
        until(&world, "removal", || read(&server, "Secret", "stray").is_null()).await;
    });
}

#[test]
fn load_balancers_get_what_the_cluster_gives() {
    crate::clock::simulated(async |clock| {
        let (world, server) = world(&clock);
        server.put(service("ip", "LoadBalancer"));
        let ingress = |name: &str| read(&server, "Service", name)["status"]["loadBalancer"]["ingress"][0].clone();
        until(&world, "an address", || ingress("ip")["ip"].is_string()).await;
        assert_eq!(world.clock().now().as_secs(), 3);
        server.set_load_balancer(LoadBalancer::Hostname("elb.example.com".into()));
        server.put(service("name", "LoadBalancer"));
        until(&world, "a name", || text(&ingress("name"), "/hostname").ends_with(".elb.example.com")).await;
        server.set_load_balancer(LoadBalancer::Never);
        server.put(service("never", "LoadBalancer"));
        world.clock().sleep(Duration::from_secs(600)).await;
        assert_eq!(ingress("never"), Value::Null);
    });
}

/// Pods that are ready when asked for the third time; sidecars are injected; nothing may be called `evil`.
#[derive(Default)]
struct Slow(AtomicUsize);

impl Behaviour for Slow {
    fn exec(&self, _: &World, _: &str, _: &Value, _: &str, _: &[String], _: &str) -> Answer {
        Answer::default()
    }

    fn logs(&self, _: &World, _: &str, _: &Value, _: &str) -> String {
        String::new()
    }

    fn unready(&self, _: &World, _: &str, _: &Value) -> Option<String> {
        (self.0.fetch_add(1, Ordering::SeqCst) < 2).then(|| "HTTP probe failed with statuscode: 503".into())
    }

    fn admit(&self, _: &World, _: &str, mut pod: Value) -> Result<Value, String> {
        if pod["kind"] != "Pod" {
            return Ok(pod);
        }
        if name(&pod).starts_with("evil") {
            return Err("admission webhook \"guard.example.com\" denied the request: evil".into());
        }
        let probe = json!({ "httpGet": { "path": "/ready", "port": 15021 } });
        pod["spec"]["initContainers"] = json!([
            { "name": "setup", "image": "proxy:1" },
            { "name": "sidecar", "image": "proxy:1", "restartPolicy": "Always", "readinessProbe": probe },
        ]);
        Ok(pod)
    }

    fn reconcile(&self, world: &World) {
        for server in world.servers() {
            let metadata = json!({ "name": "written", "namespace": "default" });
            server.put(json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata }));
        }
    }
}

#[test]
fn the_behaviour_decides_about_sidecars_readiness_and_refusals() {
    crate::clock::simulated(async |clock| {
        let (world, server) = world(&clock);
        world.set_behaviour(Arc::new(Slow::default()));
        server.put(deployment("web", 1, "nginx:1"));
        server.put(deployment("evil", 1, "nginx:1"));
        until(&world, "availability", || available(&server, "web") == 1).await;
        let pod = &pods(&server)[0];
        let init = items(pod, "/status/initContainerStatuses");
        assert_eq!(init[0]["state"]["terminated"]["reason"], "Completed");
        assert_eq!((&init[1]["ready"], init[1]["state"]["running"].is_object()), (&json!(true), true));
        let unhealthy = messages(&server, "web-", "Unhealthy");
        assert_eq!(unhealthy, ["Readiness probe failed: HTTP probe failed with statuscode: 503"]);
        let refused = "Error creating: admission webhook \"guard.example.com\" denied the request: evil";
        assert_eq!(messages(&server, "evil-", "FailedCreate"), [refused]);
        assert!(condition::holds(&read(&server, "Deployment", "evil"), "ReplicaFailure"));
        assert!(!read(&server, "ConfigMap", "written").is_null());
    });
}

#[test]
fn other_workloads_come_to_their_end() {
    crate::clock::simulated(async |clock| {
        let (world, server) = world(&clock);
        let template = json!({
            "metadata": { "labels": { "app": "x" } }, "spec": { "containers": [{ "name": "app", "image": "x:1" }] },
        });
        let selector = json!({ "matchLabels": { "app": "x" } });
        let metadata = json!({ "name": "x", "namespace": "default" });
        let spec = json!({ "replicas": 2, "serviceName": "x", "selector": selector, "template": template });
        server.put(json!({ "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": metadata, "spec": spec }));
        let spec = json!({ "selector": selector, "template": template });
        server.put(json!({ "apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": metadata, "spec": spec }));
        let mut once = template.clone();
        once["spec"]["restartPolicy"] = "Never".into();
        let spec = json!({ "template": once });
        server.put(json!({ "apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec }));
        let status =
            |kind: &str, field: &str| number(&read(&server, kind, "x"), &format!("/status/{field}")).unwrap_or(0);
        until(&world, "the stateful set", || status("StatefulSet", "readyReplicas") == 2).await;
        until(&world, "the daemon set", || status("DaemonSet", "numberReady") == 1).await;
        until(&world, "the job", || condition::holds(&read(&server, "Job", "x"), "Complete")).await;
        assert_eq!(status("Job", "succeeded"), 1);
        assert!(!read(&server, "Pod", "x-0").is_null() && !read(&server, "Pod", "x-1").is_null());
    });
}

#[test]
fn a_job_whose_pods_fail_has_failed() {
    crate::clock::simulated(async |clock| {
        let (world, server) = world(&clock);
        let container = json!({ "name": "app", "image": "x:1", "command": ["sh", "-c", "sleep 2m; exit 3"] });
        let template = json!({ "spec": { "restartPolicy": "Never", "containers": [container] } });
        server
            .put(json!({ "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": "x", "namespace": "default" },
            "spec": { "backoffLimit": 0, "template": template } }));
        until(&world, "the job", || condition::holds(&read(&server, "Job", "x"), "Failed")).await;
        assert!(world.clock().now() >= Duration::from_secs(120), "{:?}", world.clock().now());
        let status = &server.list_shared("Pod", None)[0]["status"];
        let container = &status["containerStatuses"][0];
        let seen = [&status["phase"], &container["state"]["terminated"]["exitCode"], &container["ready"]];
        assert_eq!(seen, [&json!("Failed"), &json!(3), &json!(false)]);
    });
}

#[test]
fn an_idle_world_has_no_timers() {
    crate::clock::simulated(async |clock| {
        let (world, server) = world(&clock);
        server.put(deployment("web", 1, "nginx:1"));
        until(&world, "availability", || available(&server, "web") == 1).await;
        world.clock().sleep(Duration::from_secs(5)).await;
        let before = world.clock().now();
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(world.clock().now(), before);
    });
}

#[test]
fn quotas_and_autoscalers_tell_what_there_is() {
    crate::clock::simulated(async |clock| {
        let (world, server) = world(&clock);
        server.put(deployment("web", 2, "web:1"));
        let of = |api_version: &str, kind: &str, spec: Value| {
            let metadata = json!({ "name": "own", "namespace": "default" });
            json!({ "apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec })
        };
        server.put(of("v1", "ResourceQuota", json!({ "hard": { "pods": "5", "count/deployments.apps": "3" } })));
        let target = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "name": "web" });
        server.put(of(
            "autoscaling/v2",
            "HorizontalPodAutoscaler",
            json!({ "scaleTargetRef": target, "maxReplicas": 3 }),
        ));
        until(&world, "rollout", || available(&server, "web") == 2).await;
        clock.sleep(Duration::from_secs(1)).await;
        let quota = read(&server, "ResourceQuota", "own");
        assert_eq!(quota["status"]["used"], json!({ "pods": "2", "count/deployments.apps": "1" }), "{quota}");
        let autoscaler = read(&server, "HorizontalPodAutoscaler", "own");
        assert_eq!(autoscaler["status"]["currentReplicas"], 2, "{autoscaler}");
        assert!(!condition::holds(&autoscaler, "ScalingActive"));
        assert_eq!(autoscaler["spec"]["metrics"][0]["resource"]["name"], "cpu");
    });
}

#[test]
fn events_of_a_moment_are_named_in_the_order_in_which_they_happened() {
    crate::clock::simulated(async |clock| {
        let (world, server) = world(&clock);
        server.put(deployment("web", 1, "web:1"));
        until(&world, "rollout", || available(&server, "web") == 1).await;
        let mut events = server.list("Event", Some("default"));
        events.retain(|event| text(event, "/involvedObject/kind") == "Pod");
        let reasons: Vec<&str> = events.iter().map(|event| text(event, "/reason")).collect();
        assert_eq!(reasons, ["Scheduled", "Pulled", "Created", "Started"]);
    });
}
