//! The API server as kubectl sees it, over a listener on loopback.
//!
//! Without kubectl these tests do nothing; with `CI=true` in the environment its absence is a failure.

use super::tests::running;
use super::{Server, World};
use crate::clock::Clock;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};

/// kubectl, talking to one server of a world.
pub(super) struct Kubectl {
    pub world: World,
    program: PathBuf,
    url: String,
    home: tempfile::TempDir,
}

/// What a kubectl call printed.
pub(super) struct Said {
    pub ok: bool,
    pub out: String,
    pub err: String,
}

impl Kubectl {
    /// A world with one served cluster, or `None` when there is no kubectl here.
    pub async fn new(clock: &Clock) -> Option<Kubectl> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let program = std::env::split_paths(&path).map(|folder| folder.join("kubectl")).find(|file| file.is_file());
        if program.is_none() {
            assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "kubectl is needed where CI=true");
            return None;
        }
        let world = running(clock, &["east"]);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("port");
        let url = format!("http://{}", listener.local_addr().expect("address"));
        // kubectl is no part of the rehearsal: time goes on while it thinks.
        clock.follow_real_time(10);
        tokio::spawn(world.servers()[0].clone().serve(listener));
        Some(Kubectl { world, program: program?, url, home: tempfile::tempdir().expect("folder") })
    }

    fn command(&self, arguments: &[&str]) -> tokio::process::Command {
        let mut command = tokio::process::Command::new(&self.program);
        command.args(["--server", &self.url]).args(arguments).env_clear().env("HOME", self.home.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }

    pub async fn with_input(&self, arguments: &[&str], input: &str) -> Said {
        let mut child = self.command(arguments).spawn().expect("kubectl");
        let mut stdin = child.stdin.take().expect("stdin");
        stdin.write_all(input.as_bytes()).await.expect("input");
        drop(stdin);
        let output = child.wait_with_output().await.expect("output");
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Said { ok: output.status.success(), out: text(output.stdout), err: text(output.stderr) }
    }

    pub async fn said(&self, arguments: &[&str]) -> Said {
        self.with_input(arguments, "").await
    }

    /// What a call that must succeed prints.
    pub async fn run(&self, line: &str) -> String {
        let arguments: Vec<_> = line.split_whitespace().collect();
        let said = self.said(&arguments).await;
        assert!(said.ok, "kubectl {line}: {}{}", said.out, said.err);
        said.out
    }

    async fn apply(&self, more: &[&str], object: &Value) -> Said {
        let arguments = [&["apply", "-f", "-"], more].concat();
        self.with_input(&arguments, &object.to_string()).await
    }
}

fn deployment(image: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": image}, {"name": "side", "image": "side:1"}]},
            },
        },
    })
}

#[test]
fn objects_are_applied_read_and_deleted() {
    crate::clock::simulated(async |clock| {
        let Some(kubectl) = Kubectl::new(&clock).await else { return };
        let said = kubectl.apply(&[], &deployment("web:1")).await;
        assert_eq!(said.out, "deployment.apps/web created\n", "{}", said.err);
        let said = kubectl.apply(&[], &deployment("web:1")).await;
        assert_eq!(said.out, "deployment.apps/web unchanged\n", "{}", said.err);
        let said = kubectl.apply(&[], &deployment("web:2")).await;
        assert_eq!(said.out, "deployment.apps/web configured\n", "{}", said.err);
        let containers = "-o=jsonpath={.spec.template.spec.containers[*].image}";
        assert_eq!(kubectl.run(&format!("get deploy web {containers}")).await, "web:2 side:1");
        let mut smaller = deployment("web:2");
        smaller["spec"]["template"]["spec"]["containers"].as_array_mut().expect("list").truncate(1);
        assert!(kubectl.apply(&[], &smaller).await.ok);
        assert_eq!(kubectl.run(&format!("get deploy web {containers}")).await, "web:2");
        assert_eq!(kubectl.run("scale deploy web --replicas=3").await, "deployment.apps/web scaled\n");
        assert_eq!(kubectl.run("get deploy web -o=jsonpath={.spec.replicas},{.metadata.generation}").await, "3,4");
        assert!(kubectl.run("set image deploy/web web=web:3").await.contains("image updated"));
        assert!(kubectl.run("describe deploy web").await.contains("web:3"));
        let table = kubectl.run("get deploy").await;
        assert!(table.starts_with("NAME   READY   UP-TO-DATE   AVAILABLE   AGE\nweb    "), "{table}");
        let pods = kubectl.run("get pods -l app=web --no-headers").await;
        assert!(pods.lines().count() >= 3 && pods.contains("Running"), "{pods}");
        let deleted = kubectl.run("delete deploy web").await;
        assert!(deleted.starts_with("deployment.apps \"web\" deleted"), "{deleted}");
        let said = kubectl.said(&["get", "deploy", "web"]).await;
        assert_eq!(said.err, "Error from server (NotFound): deployments.apps \"web\" not found\n");
    });
}

#[test]
fn server_side_apply_knows_the_owners() {
    crate::clock::simulated(async |clock| {
        let Some(kubectl) = Kubectl::new(&clock).await else { return };
        let said = kubectl.apply(&["--server-side", "--field-manager=one"], &deployment("web:1")).await;
        assert_eq!(said.out, "deployment.apps/web serverside-applied\n", "{}", said.err);
        let said = kubectl.apply(&["--server-side", "--field-manager=two"], &deployment("web:2")).await;
        assert!(!said.ok);
        let expected =
            "Apply failed with 1 conflict: conflict with \"one\": .spec.template.spec.containers[name=\"web\"].image";
        assert!(said.err.contains(expected), "{}", said.err);
        let said =
            kubectl.apply(&["--server-side", "--field-manager=two", "--force-conflicts"], &deployment("web:2")).await;
        assert!(said.ok, "{}", said.err);
        let fields = kubectl.run("get deploy web -o yaml --show-managed-fields").await;
        assert!(fields.contains("manager: one") && fields.contains("manager: two"), "{fields}");
    });
}

#[test]
fn nodes_and_cron_jobs_are_shown_whole() {
    crate::clock::simulated(async |clock| {
        let Some(kubectl) = Kubectl::new(&clock).await else { return };
        let node = kubectl.run("describe node").await;
        assert!(node.contains("HolderIdentity:  east-node-1"), "{node}");
        assert!(kubectl.run("create cronjob c --image=i --schedule=@daily").await.contains("created"));
        let table = kubectl.run("get cronjob").await;
        let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
        let expected = ["NAME", "SCHEDULE", "TIMEZONE", "SUSPEND", "ACTIVE", "LAST", "SCHEDULE", "AGE"];
        assert_eq!(rows[0], expected, "{table}");
        assert_eq!(rows[1][..6], ["c", "@daily", "<none>", "False", "0", "<none>"], "{table}");
    });
}

#[test]
fn small_verbs_work() {
    crate::clock::simulated(async |clock| {
        let Some(kubectl) = Kubectl::new(&clock).await else { return };
        assert_eq!(kubectl.run("create namespace app").await, "namespace/app created\n");
        assert_eq!(kubectl.run("label namespace app istio-injection=enabled").await, "namespace/app labeled\n");
        assert_eq!(kubectl.run("annotate namespace app a/b=c").await, "namespace/app annotated\n");
        let labels = kubectl.run("get ns app --show-labels").await;
        assert!(labels.contains("istio-injection=enabled,kubernetes.io/metadata.name=app"), "{labels}");
        assert!(kubectl.run("get ns -l istio-injection=enabled -o name").await == "namespace/app\n");
        assert_eq!(kubectl.run("-n app create secret generic s --from-literal=k=v").await, "secret/s created\n");
        assert_eq!(kubectl.run("-n app get secret s -o=jsonpath={.data.k}").await, "dg==");
        let table = kubectl.run("-n app get secret").await;
        assert!(table.starts_with("NAME   TYPE     DATA   AGE\ns      Opaque   1      "), "{table}");
        assert_eq!(kubectl.run("-n app create configmap c --from-literal=k=v").await, "configmap/c created\n");
        let patch = ["-n", "app", "patch", "cm", "c", "--type=merge", "-p", r#"{"data":{"k":"w"}}"#];
        assert_eq!(kubectl.said(&patch).await.out, "configmap/c patched\n");
        assert_eq!(kubectl.run("-n app create sa reader").await, "serviceaccount/reader created\n");
        assert_eq!(kubectl.run("-n app create token reader").await.split('.').count(), 3);
        assert_eq!(kubectl.run("auth can-i create pods").await, "yes\n");
        assert!(kubectl.run("auth whoami").await.contains("kubernetes-admin"));
        let again = kubectl.said(&["create", "namespace", "app"]).await;
        assert_eq!(again.err, "Error from server (AlreadyExists): namespaces \"app\" already exists\n");
        let kinds = kubectl.run("api-resources").await;
        assert!(kinds.contains("deployments") && kinds.contains("deploy") && kinds.contains("apps/v1"), "{kinds}");
        assert!(kubectl.run("version").await.contains("Server Version: v1.34.4"));
        assert_eq!(kubectl.run("delete namespace app").await, "namespace \"app\" deleted\n");
        assert_eq!(kubectl.world.servers()[0].get("ns", None, "app"), None);
    });
}

#[test]
fn unknown_fields_are_refused_before_anything_changes() {
    crate::clock::simulated(async |clock| {
        let Some(kubectl) = Kubectl::new(&clock).await else { return };
        let mut wrong = deployment("web:1");
        wrong["spec"]["replica"] = json!(2);
        let said = kubectl.apply(&[], &wrong).await;
        assert!(said.err.contains("strict decoding error: unknown field \"spec.replica\""), "{}", said.err);
        wrong["spec"]["replica"] = Value::Null;
        wrong["spec"]["replicas"] = json!("two");
        let said = kubectl.apply(&["--validate=false"], &wrong).await;
        assert!(!said.ok && said.err.contains("BadRequest"), "{}", said.err);
    });
}

/// Waits until clients have begun this many watches.
async fn until_watched(server: &Server, times: usize) {
    let begun = || server.log().iter().filter(|one| one.path.contains("watch=true")).count();
    while begun() < times {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[test]
fn waiting_and_watching_see_changes() {
    crate::clock::simulated(async |clock| {
        let Some(kubectl) = Kubectl::new(&clock).await else { return };
        let east = kubectl.world.servers()[0].clone();
        // No node takes it: nobody but this test makes it ready.
        let spec = json!({"containers": [{"name": "c", "image": "i"}], "nodeSelector": {"nowhere": "yes"}});
        east.put(json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec}));
        let changer = async {
            until_watched(&east, 1).await;
            east.edit("Pod", Some("default"), "p", |pod| {
                pod["status"] = json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]});
            });
        };
        let (waited, ()) = tokio::join!(kubectl.run("wait --for=condition=Ready pod/p --timeout=60s"), changer);
        assert_eq!(waited, "pod/p condition met\n");
        let remover = async {
            until_watched(&east, 2).await;
            east.remove("Pod", Some("default"), "p");
        };
        let (waited, ()) = tokio::join!(kubectl.run("wait --for=delete pod/p --timeout=60s"), remover);
        assert_eq!(waited, "pod/p condition met\n");
    });
}

#[test]
fn watched_tables_name_their_columns_once() {
    crate::clock::simulated(async |clock| {
        let Some(kubectl) = Kubectl::new(&clock).await else { return };
        let east = kubectl.world.servers()[0].clone();
        let map =
            |data: Value| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}, "data": data});
        east.put(map(json!({})));
        let mut watching = kubectl.command(&["get", "cm", "m", "-w"]).spawn().expect("kubectl");
        let mut lines = BufReader::new(watching.stdout.take().expect("stdout")).lines();
        until_watched(&east, 1).await;
        east.put(map(json!({"a": "1", "b": "2"})));
        for expected in ["NAME DATA", "m 0", "m 2"] {
            let line = lines.next_line().await.expect("a line").expect("no end");
            assert_eq!(line.split_whitespace().take(2).collect::<Vec<_>>().join(" "), expected);
        }
    });
}
