//! A cluster on loopback, and a home with a kubeconfig and a script.

use meshwright::clock::Clock;
use meshwright::rehearsal::{Server, World};
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Stdio};

pub const SCRIPT: &str = r#"//! # Make two things
//!
//! ---
//! params:
//!   cluster: {type: cluster, help: "where"}
//!   fail: {type: bool, default: false, help: "fail at the end"}
//! needs:
//!   write: [shop]
//! ---

step "Make" {
    params.cluster.apply(#{apiVersion: "v1", kind: "ConfigMap", metadata: #{name: "new", namespace: "shop"}, data: #{a: "1"}});
    params.cluster.apply(#{apiVersion: "v1", kind: "ConfigMap", metadata: #{name: "old", namespace: "shop"}, data: #{mine: "1"}});
}
step "Check" {
    if params.fail { throw "as asked"; }
}
"#;

/// A cluster on loopback, and a home with a kubeconfig and a script.
pub struct Stage {
    pub home: tempfile::TempDir,
    pub runtime: tokio::runtime::Runtime,
    pub world: World,
}

/// Takes fields of somebody else.
pub const FORCED: &str = r#"
c.apply(#{apiVersion: "v1", kind: "ConfigMap", metadata: #{name: "owned", namespace: "shop"}, data: #{a: "ours", b: "new"}}, #{force: true});
"#;

impl Stage {
    pub fn new() -> Stage {
        let runtime = tokio::runtime::Runtime::new().expect("runtime");
        let inside = runtime.enter();
        let world = World::new(Clock::real(), &["east"]);
        let home = tempfile::tempdir().expect("folder");
        let server = world.server("east").expect("east").clone();
        server.put(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}));
        server.put(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "old", "namespace": "shop"}, "data": {"theirs": "1"}}));
        let listener = runtime.block_on(tokio::net::TcpListener::bind(("127.0.0.1", 0))).expect("a port");
        let port = listener.local_addr().expect("address").port();
        runtime.spawn(server.serve(listener));
        let config = json!({
            "apiVersion": "v1", "kind": "Config",
            "clusters": [{"name": "east", "cluster": {"server": format!("http://127.0.0.1:{port}")}}],
            "contexts": [{"name": "east", "context": {"cluster": "east", "user": "east"}}],
            "users": [{"name": "east", "user": {}}],
        });
        std::fs::write(home.path().join("config"), config.to_string()).expect("written");
        std::fs::write(home.path().join("make.rhai"), SCRIPT).expect("written");
        drop(inside);
        Stage { home, runtime, world }
    }

    pub fn server(&self) -> &Server {
        self.world.server("east").expect("east")
    }

    /// From now on controllers work in the cluster: a namespace that is deleted goes.
    pub fn lives(&self) {
        let _inside = self.runtime.enter();
        self.world.start();
    }

    pub fn map(&self, name: &str) -> Option<Value> {
        self.server().get("ConfigMap", Some("shop"), name).map(|object| object["data"].clone())
    }

    /// The program in this home.
    pub fn command(&self, args: &[&str]) -> Command {
        let home: &Path = self.home.path();
        let mut command = Command::new(assert_cmd::cargo::cargo_bin("meshwright"));
        command.args(args).env("HOME", home).env("KUBECONFIG", home.join("config")).env("NO_COLOR", "1");
        command.env_remove("XDG_STATE_HOME").env_remove("XDG_DATA_HOME").current_dir(home).stdin(Stdio::null());
        command
    }

    pub fn meshwright(&self, args: &[&str]) -> (i32, String, String) {
        let _inside = self.runtime.enter();
        let output = self.command(args).output().expect("started");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
    }

    pub fn journal(&self, id: &str) -> std::path::PathBuf {
        self.home.path().join(format!(".local/state/meshwright/runs/{id}.jsonl"))
    }

    /// The id of the latest run.
    pub fn last(&self) -> String {
        let (_, out, _) = self.meshwright(&["runs", "-o", "json"]);
        let rows: Value = serde_json::from_str(&out).expect("json");
        rows[0]["id"].as_str().expect("a run").to_owned()
    }

    /// Runs a script and leaves of its journal what a kill leaves that comes after its last change was carried out and
    /// before anybody has heard of it. Returns the run's id.
    pub fn killed_after(&self, body: &str) -> String {
        let script = format!(
            "//! # Test\n//! ---\n//! params: {{cluster: {{type: cluster}}}}\n//! needs: {{write: [shop]}}\n//! ---\nlet c = params.cluster;\nstep \"Make\" {{\n{body}\n}}\n"
        );
        std::fs::write(self.home.path().join("make.rhai"), script).expect("written");
        let (code, _, err) = self.run(&[]);
        assert_eq!(code, 0, "{err}");
        let id = self.last();
        let text = std::fs::read_to_string(self.journal(&id)).expect("journal");
        let last = text.lines().collect::<Vec<_>>().iter().rposition(|line| line.contains("\"event\":\"intent\""));
        let kept: Vec<&str> = text.lines().take(1 + last.expect("a change")).collect();
        std::fs::write(self.journal(&id), format!("{}\n{{\"event\":\"outc", kept.join("\n"))).expect("written");
        id
    }

    pub fn run(&self, more: &[&str]) -> (i32, String, String) {
        self.meshwright(&[&["run", "./make.rhai", "--cluster", "east", "--yes"], more].concat())
    }
}

/// A lease that another machine holds, written now.
pub fn held_elsewhere(stage: &Stage) -> Value {
    stage.server().put_as("meshwright", json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": "meshwright", "namespace": "kube-system"},
        "spec": {"holderIdentity": "anna@elsewhere/1/77/abc", "leaseDurationSeconds": 60, "acquireTime": "2026-01-02T03:04:05.000000Z"},
    }))
}

impl Stage {
    /// Puts a ConfigMap that two others have written to.
    pub fn owned(&self) -> Value {
        let apply = |manager: &str, data: &str| {
            let object = format!(
                r#"#{{apiVersion: "v1", kind: "ConfigMap", metadata: #{{name: "owned", namespace: "shop"}}, data: #{{{data}}}}}"#
            );
            self.eval(&format!("kube.cluster(\"east\").apply({object}, #{{manager: \"{manager}\"}}).outcome"))
        };
        apply("kubectl", "a: \"1\"");
        apply("helm", "c: \"3\"");
        self.server().get("ConfigMap", Some("shop"), "owned").expect("owned")
    }

    pub fn eval(&self, expression: &str) -> (i32, String, String) {
        self.meshwright(&["eval", "--write", expression])
    }

    /// A run of this body, which is in order.
    pub fn ran(&self, body: &str) -> String {
        let script = format!(
            "//! # Test\n//! ---\n//! params: {{cluster: {{type: cluster}}}}\n//! needs: {{write: [shop, other, cluster-scoped]}}\n//! ---\nlet c = params.cluster;\nstep \"Make\" {{\n{body}\n}}\n"
        );
        std::fs::write(self.home.path().join("make.rhai"), script).expect("written");
        let (code, _, err) = self.run(&[]);
        assert_eq!(code, 0, "{err}");
        self.last()
    }
}
