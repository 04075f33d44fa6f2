//! Pods as kube's client and kubectl see them.

use crate::clock::Clock;
use crate::rehearsal::kubectl::Kubectl;
use crate::rehearsal::{Answer, Behaviour, Effect, Fault, Server, World};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, AttachParams, LogParams};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Containers with a small shell and a web server on port 80.
struct Small;

impl Behaviour for Small {
    fn exec(&self, _: &World, cluster: &str, _: &Value, container: &str, argv: &[String], stdin: &str) -> Answer {
        let words: Vec<&str> = argv.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["hostname"] => Answer { stdout: format!("{cluster}/{container}\n"), ..Answer::default() },
            ["cat"] => Answer { stdout: stdin.into(), ..Answer::default() },
            ["sh", "-c", "exit 3"] => Answer { stderr: "no\n".into(), code: 3, ..Answer::default() },
            ["curl", .., "http://127.0.0.1:80/hello"] => Answer { stdout: "hello".into(), ..Answer::default() },
            _ => Answer { code: 7, ..Answer::default() },
        }
    }

    fn logs(&self, world: &World, _: &str, _: &Value, container: &str) -> String {
        let seconds = world.clock().now().as_secs().min(20);
        (0..=seconds).map(|second| format!("{container} {second}\n")).collect()
    }

    fn unready(&self, _: &World, _: &str, _: &Value) -> Option<String> {
        None
    }

    fn admit(&self, _: &World, _: &str, object: Value) -> Result<Value, String> {
        Ok(object)
    }

    fn reconcile(&self, _: &World) {}
}

fn pod(pod_name: &str, containers: &[&str]) -> Value {
    let containers: Vec<Value> = containers.iter().map(|name| json!({ "name": name, "image": "small:1" })).collect();
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": pod_name, "namespace": "default" },
        "spec": { "containers": containers },
    })
}

/// Time may be paced: a slow machine does less in it.
async fn until_running(world: &World, server: &Server, pod_name: &str) {
    for _ in 0..3000 {
        let pod = server.get("Pod", Some("default"), pod_name).unwrap_or_default();
        if pod["status"]["phase"] == "Running" {
            return;
        }
        world.clock().sleep(Duration::from_millis(200)).await;
    }
    panic!("{pod_name} does not run");
}

async fn running(clock: &Clock) -> (World, Api<Pod>) {
    let world = World::new(clock.clone(), &["east"]);
    world.set_behaviour(Arc::new(Small));
    world.start();
    let server = &world.servers()[0];
    server.put(pod("web", &["a", "b"]));
    until_running(&world, server, "web").await;
    let client = kube::Client::new(server.transport(), "default");
    (world.clone(), Api::default_namespaced(client))
}

#[test]
fn a_program_gets_its_input_and_gives_its_output_and_exit_code() {
    crate::clock::simulated(async |clock| {
        let (_world, pods) = running(&clock).await;
        let asked = AttachParams::default().container("b").stdin(true);
        let mut process = pods.exec("web", ["cat"], &asked).await.expect("exec");
        let mut stdin = process.stdin().expect("stdin");
        stdin.write_all(b"one\ntwo\n").await.expect("input");
        stdin.shutdown().await.expect("end");
        drop(stdin);
        let mut text = String::new();
        process.stdout().expect("stdout").read_to_string(&mut text).await.expect("output");
        assert_eq!(text, "one\ntwo\n");
        let asked = AttachParams::default().container("a");
        let mut process = pods.exec("web", ["sh", "-c", "exit 3"], &asked).await.expect("exec");
        let status = process.take_status().expect("status").await.expect("final");
        let status = serde_json::to_value(status).expect("status");
        assert_eq!(status["reason"], "NonZeroExitCode");
        assert_eq!(status["details"]["causes"], json!([{ "reason": "ExitCode", "message": "3" }]));
        let mut process = pods.exec("web", ["hostname"], &asked).await.expect("exec");
        let mut text = String::new();
        process.stdout().expect("stdout").read_to_string(&mut text).await.expect("output");
        assert_eq!(text, "east/a\n");
    });
}

#[test]
fn logs_are_told_by_container_and_followed() {
    crate::clock::simulated(async |clock| {
        let (world, pods) = running(&clock).await;
        let error = pods.logs("web", &LogParams::default()).await.expect_err("ambiguous");
        let expected = "a container name must be specified for pod web, choose one of: [a b]";
        assert!(
            matches!(&error, kube::Error::Api(status) if status.message == expected && status.code == 400),
            "{error:?}"
        );
        let mut asked = LogParams { container: Some("a".into()), tail_lines: Some(1), ..LogParams::default() };
        let seconds = world.clock().now().as_secs();
        assert_eq!(pods.logs("web", &asked).await.expect("log"), format!("a {seconds}\n"));
        asked.previous = true;
        assert!(
            pods.logs("web", &asked).await.expect_err("none").to_string().contains("previous terminated container")
        );
        let asked = LogParams { container: Some("a".into()), follow: true, ..LogParams::default() };
        let mut lines = futures::AsyncBufReadExt::lines(pods.log_stream("web", &asked).await.expect("stream"));
        let mut last = None;
        while last.as_deref() != Some("a 20") {
            last = futures::StreamExt::next(&mut lines).await.transpose().expect("line");
        }
        assert!(world.clock().now() >= Duration::from_secs(20));
    });
}

#[test]
fn ports_are_forwarded_to_what_listens_and_refused_elsewhere() {
    crate::clock::simulated(async |clock| {
        let (_world, pods) = running(&clock).await;
        let mut forwarder = pods.portforward("web", &[80]).await.expect("forward");
        let mut stream = forwarder.take_stream(80).expect("stream");
        stream.write_all(b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("request");
        let mut answer = vec![0; 1024];
        let length = stream.read(&mut answer).await.expect("answer");
        let answer = String::from_utf8_lossy(&answer[..length]).into_owned();
        assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("\r\n\r\nhello"), "{answer}");
        let mut forwarder = pods.portforward("web", &[81]).await.expect("forward");
        let error = forwarder.take_error(81).expect("errors");
        let mut stream = forwarder.take_stream(81).expect("stream");
        stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.expect("request");
        assert!(error.await.expect("error").contains("connection refused"));
    });
}

#[test]
fn faults_meet_clients() {
    crate::clock::simulated(async |clock| {
        let (world, pods) = running(&clock).await;
        let faults = world.servers()[0].faults();
        faults.inject(
            Fault::new(Effect::Status { code: 429, retry_after: Some(2) }).method("GET").path("/pods/web").times(1),
        );
        let error = pods.get("web").await.expect_err("busy");
        assert!(matches!(error, kube::Error::Api(status) if status.code == 429));
        assert!(pods.get("web").await.is_ok());
        faults.inject(Fault::new(Effect::Reset).times(1));
        assert!(!matches!(pods.get("web").await.expect_err("broken"), kube::Error::Api(_)));
        faults.inject(Fault::new(Effect::Latency(Duration::from_secs(30))).times(1));
        let start = world.clock().now();
        pods.get("web").await.expect("late");
        assert!(world.clock().now() - start >= Duration::from_secs(30));
        let events = pods.watch(&kube::api::WatchParams::default(), "0").await.expect("watch");
        let mut events = Box::pin(events);
        assert!(futures::StreamExt::next(&mut events).await.expect("event").is_ok());
        faults.drop_watches();
        let broken = async {
            while let Some(event) = futures::StreamExt::next(&mut events).await {
                if event.is_err() {
                    return true;
                }
            }
            false
        };
        assert!(broken.await);
    });
}

fn deployment() -> Value {
    let spec = pod("web", &["web"])["spec"].clone();
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "web" },
        "spec": {
            "replicas": 2, "selector": { "matchLabels": { "app": "web" } },
            "template": { "metadata": { "labels": { "app": "web" } }, "spec": spec },
        },
    })
}

#[test]
fn kubectl_sees_a_rollout_from_beginning_to_end() {
    crate::clock::simulated(async |clock| {
        let Some(kubectl) = Kubectl::new(&clock).await else { return };
        kubectl.world.set_behaviour(Arc::new(Small));
        kubectl.run("create namespace shop").await;
        let said = kubectl.with_input(&["-n", "shop", "apply", "-f", "-"], &deployment().to_string()).await;
        assert!(said.ok, "{}", said.err);
        let said = kubectl.run("-n shop rollout status deploy/web --timeout=60s").await;
        assert!(said.contains("deployment \"web\" successfully rolled out"), "{said}");
        let table = kubectl.run("-n shop get pods").await;
        assert_eq!(table.matches("1/1     Running").count(), 2, "{table}");
        kubectl.run("-n shop scale deploy/web --replicas=3").await;
        kubectl.run("-n shop rollout status deploy/web --timeout=60s").await;
        kubectl.run("-n shop rollout restart deploy/web").await;
        kubectl.run("-n shop rollout status deploy/web --timeout=60s").await;
        assert_eq!(kubectl.run("-n shop get deploy web -o jsonpath={.status.readyReplicas}").await, "3");
        let described = kubectl.run("-n shop describe deploy web").await;
        assert!(described.contains("Scaled up replica set web-"), "{described}");
        kubectl.run("delete namespace shop --timeout=60s").await;
        assert!(kubectl.world.servers()[0].get("Namespace", None, "shop").is_none());
    });
}

#[test]
fn kubectl_runs_programs_and_reads_logs() {
    crate::clock::simulated(async |clock| {
        let Some(kubectl) = Kubectl::new(&clock).await else { return };
        kubectl.world.set_behaviour(Arc::new(Small));
        let server = kubectl.world.servers()[0].clone();
        server.put(pod("web", &["a", "b"]));
        until_running(&kubectl.world, &server, "web").await;
        assert_eq!(kubectl.run("exec web -c b -- hostname").await, "east/b\n");
        assert_eq!(kubectl.with_input(&["exec", "-i", "web", "-c", "a", "--", "cat"], "typed").await.out, "typed");
        let said = kubectl.said(&["exec", "web", "-c", "a", "--", "sh", "-c", "exit 3"]).await;
        assert!(!said.ok && said.err == "no\ncommand terminated with exit code 3\n", "{}", said.err);
        assert_eq!(kubectl.run("logs web -c a --tail=1").await.lines().count(), 1);
        let said = kubectl.said(&["logs", "web", "-c", "c"]).await;
        assert!(said.err.contains("container c is not valid for pod web"), "{}", said.err);
        kubectl.run("delete pod web").await;
        assert!(server.get("Pod", Some("default"), "web").is_none());
    });
}
