//! Undo against a real kube-apiserver, where one is installed; elsewhere the test says that it did nothing.

use crate::apiserver::ApiServer;
use assert_cmd::Command;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// What each way to change something is carried out on: made by kubectl and by helm.
const THEIRS: &str = r#"
let c = kube.cluster("real");
let map = #{apiVersion: "v1", kind: "ConfigMap", metadata: #{name: "owned", namespace: "default"}};
c.apply(map + #{data: #{a: "1"}}, #{manager: "kubectl"});
c.apply(map + #{data: #{c: "3"}}, #{manager: "helm"});
c.apply(#{apiVersion: "v1", kind: "Service", metadata: #{name: "web", namespace: "default", labels: #{app: "web"}},
    spec: #{selector: #{app: "web"}, ports: [#{name: "http", port: 80}]}}, #{manager: "kubectl"});
c.apply(#{apiVersion: "apps/v1", kind: "Deployment", metadata: #{name: "web", namespace: "default", labels: #{app: "web"}}, spec: #{
    replicas: 1, selector: #{matchLabels: #{app: "web"}},
    template: #{metadata: #{labels: #{app: "web"}}, spec: #{containers: [#{name: "web", image: "web:1"}]}},
}}, #{manager: "kubectl"});
"#;

/// Every way to change something, on what others have made; and something new.
const OURS: &str = r#"
c.apply(#{apiVersion: "v1", kind: "ConfigMap", metadata: #{name: "owned", namespace: "default"}, data: #{a: "ours", b: "new"}}, #{force: true});
c.apply(#{apiVersion: "v1", kind: "ConfigMap", metadata: #{name: "made", namespace: "default"}, data: #{a: "1"}});
c.apply(#{apiVersion: "v1", kind: "Service", metadata: #{name: "web", namespace: "default"},
    spec: #{ports: [#{name: "https", port: 443}]}});
c.label("Service", "default/web", #{app: "other", team: "mesh"});
c.patch("Deployment", "default/web", #{spec: #{template: #{spec: #{containers: [#{name: "web", image: "web:2"}]}}}}, #{type: "strategic"});
c.edit("Deployment", "default/web", |d| { d.spec.minReadySeconds = 5; d });
c.annotate("Deployment", "default/web", #{"a.b/c": "1"});
c.scale("Deployment", "default/web", 3);
c.restart("Deployment", "default/web");
"#;

/// A user of the server.
struct User {
    server: ApiServer,
    home: tempfile::TempDir,
}

impl User {
    fn meshwright(&self, args: &[&str]) -> (i32, String, String) {
        let mut command = Command::cargo_bin("meshwright").expect("the program");
        command.args(args).env("HOME", self.home.path()).env("KUBECONFIG", self.server.kubeconfig());
        command.env("NO_COLOR", "1").env_remove("XDG_STATE_HOME").env_remove("XDG_DATA_HOME");
        let output = command.current_dir(self.home.path()).output().expect("started");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
    }

    fn eval(&self, text: &str) -> Value {
        let (code, out, err) = self.meshwright(&["eval", "--write", "-o", "json", text]);
        assert_eq!(code, 0, "{text}: {err}");
        serde_json::from_str(&out).unwrap_or_default()
    }

    fn ready(&self) {
        let start = Instant::now();
        let asks = r#"kube.cluster("real").exists("Namespace", "default")"#;
        while !self.server.has_certificate() || !self.meshwright(&["eval", asks]).1.contains("true") {
            assert!(start.elapsed() < Duration::from_secs(90), "the API server does not start");
            std::thread::sleep(Duration::from_millis(300));
        }
    }

    /// What is said of an object that others have made, without what a server counts.
    fn look(&self) -> Vec<Value> {
        let objects = [("ConfigMap", "owned"), ("Service", "web"), ("Deployment", "web")];
        let read = objects.map(|(kind, name)| {
            let mut live = self.eval(&format!("kube.cluster(\"real\").get(\"{kind}\", \"default/{name}\")"));
            for counted in ["resourceVersion", "generation"] {
                live["metadata"][counted] = json!(null);
            }
            live
        });
        read.into()
    }
}

#[test]
fn former_fields_and_owners_come_back_on_a_real_server() {
    let Some(server) = ApiServer::start() else {
        eprintln!("no etcd or kube-apiserver here: nothing was tested");
        return;
    };
    let user = User { server, home: tempfile::tempdir().expect("folder") };
    user.ready();
    user.eval(THEIRS);
    let before = user.look();
    let head = "//! # Test\n//! ---\n//! params: {c: {type: cluster}}\n//! needs: {write: [default]}\n//! ---\nlet c = params.c;\n";
    std::fs::write(user.home.path().join("ours.rhai"), format!("{head}{OURS}")).expect("written");
    let (code, _, err) = user.meshwright(&["run", "./ours.rhai", "--c", "real", "--yes"]);
    assert_eq!(code, 0, "{err}");
    let changed = user.look();
    assert!(before.iter().zip(&changed).all(|(before, after)| before != after), "{changed:#?}");
    let (_, runs, _) = user.meshwright(&["runs", "-o", "json"]);
    let runs: Value = serde_json::from_str(&runs).expect("json");
    let id = runs[0]["id"].as_str().expect("a run");
    let (code, _, err) = user.meshwright(&["undo", id, "--yes"]);
    assert_eq!(code, 0, "{err}");
    for (before, after) in before.iter().zip(user.look()) {
        assert_eq!(after, *before, "{before:#}");
    }
    let there = r#"kube.cluster("real").exists("ConfigMap", "default/made")"#;
    assert_eq!(user.eval(there), json!(false), "what was made is gone");
    let (code, out, err) = user.meshwright(&["undo", id, "--yes"]);
    assert!(code == 0 && out.contains("is taken back already"), "{out}{err}");
    // Each of them owns its fields again: it changes them without asking, and others may not.
    let apply = |manager: &str| {
        format!(
            r#"kube.cluster("real").apply(#{{apiVersion: "v1", kind: "ConfigMap", metadata: #{{name: "owned", namespace: "default"}}, data: #{{a: "2"}}}}, #{{manager: "{manager}"}}).changed == 1"#
        )
    };
    let (code, _, err) = user.meshwright(&["eval", "--write", &apply("somebody")]);
    assert!(code == 1 && err.contains("kubectl"), "{err}");
    assert_eq!(user.eval(&apply("kubectl")), json!(true));
}
