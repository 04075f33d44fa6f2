//! Runs as the program's user sees them: written down, listed, shown, gone on with, taken back.

use assert_cmd::Command;
use meshwright::clock::Clock;
use meshwright::rehearsal::{Effect, Fault, Server, World};
use serde_json::{Value, json};
use std::path::Path;

const SCRIPT: &str = r#"//! # Make two things
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
struct Stage {
    home: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
    world: World,
}

impl Stage {
    fn new() -> Stage {
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

    fn server(&self) -> &Server {
        self.world.server("east").expect("east")
    }

    fn map(&self, name: &str) -> Option<Value> {
        self.server().get("ConfigMap", Some("shop"), name).map(|object| object["data"].clone())
    }

    fn meshwright(&self, args: &[&str]) -> (i32, String, String) {
        let _inside = self.runtime.enter();
        let home: &Path = self.home.path();
        let mut command = Command::cargo_bin("meshwright").expect("the program");
        command.args(args).env("HOME", home).env("KUBECONFIG", home.join("config")).env("NO_COLOR", "1");
        command.env_remove("XDG_STATE_HOME").env_remove("XDG_DATA_HOME").current_dir(home);
        let output = command.output().expect("started");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
    }

    fn journal(&self, id: &str) -> std::path::PathBuf {
        self.home.path().join(format!(".local/state/meshwright/runs/{id}.jsonl"))
    }

    /// The id of the latest run.
    fn last(&self) -> String {
        let (_, out, _) = self.meshwright(&["runs", "-o", "json"]);
        let rows: Value = serde_json::from_str(&out).expect("json");
        rows[0]["id"].as_str().expect("a run").to_owned()
    }

    /// Runs a script and leaves of its journal what a kill leaves that comes after its last change was carried out and
    /// before anybody has heard of it. Returns the run's id.
    fn killed_after(&self, body: &str) -> String {
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

    fn run(&self, more: &[&str]) -> (i32, String, String) {
        self.meshwright(&[&["run", "./make.rhai", "--cluster", "east"], more].concat())
    }
}

#[test]
fn a_run_is_listed_shown_and_taken_back() {
    let stage = Stage::new();
    let (code, _, err) = stage.run(&[]);
    assert_eq!(code, 0, "{err}");
    let (_, out, _) = stage.meshwright(&["runs"]);
    assert!(out.contains("make.rhai") && out.contains("east") && out.contains("done"), "{out}");
    assert!(out.contains("1 created, 1 changed"), "{out}");
    let (_, out, _) = stage.meshwright(&["show-run", "last"]);
    for line in ["Make", "created   east: ConfigMap shop/new", "changed   east: ConfigMap shop/old", "make.rhai:12"] {
        assert!(out.contains(line), "`{line}` is missing in:\n{out}");
    }
    let (code, _, err) = stage.meshwright(&["undo", "last"]);
    assert_eq!(code, 4, "{err}");
    assert!(err.contains("--dry-run"), "{err}");
    let (code, out, _) = stage.meshwright(&["undo", "last", "--dry-run"]);
    assert_eq!(code, 0);
    assert!(
        out.contains("restore  east: ConfigMap shop/old") && out.contains("delete   east: ConfigMap shop/new"),
        "{out}"
    );
    assert!(stage.map("new").is_some(), "a preview changes nothing");
    let (code, _, err) = stage.meshwright(&["undo", "last", "--yes"]);
    assert_eq!(code, 0, "{err}");
    assert_eq!(stage.map("new"), None);
    assert_eq!(stage.map("old"), Some(json!({"theirs": "1"})));
    let (_, out, _) = stage.meshwright(&["runs", "-o", "json"]);
    let rows: Value = serde_json::from_str(&out).expect("json");
    assert!(rows[0]["script"].as_str().is_some_and(|name| name.starts_with("undo ")), "{out}");
}

#[test]
fn what_somebody_else_has_changed_is_not_taken_back() {
    let stage = Stage::new();
    stage.run(&[]);
    let id = stage.last();
    let write = r#"kube.cluster("east").patch("ConfigMap", "shop/old", #{data: #{other: "1"}})"#;
    let (code, _, err) = stage.meshwright(&["eval", "--write", write]);
    assert_eq!(code, 0, "{err}");
    let (code, _, err) = stage.meshwright(&["undo", &id, "--yes"]);
    assert_eq!(code, 1, "{err}");
    assert!(err.contains("ConfigMap shop/old") && err.contains("nothing was taken back"), "{err}");
    assert!(stage.map("new").is_some());
}

#[test]
fn a_failed_run_names_the_command_that_goes_on() {
    let stage = Stage::new();
    let (code, _, err) = stage.run(&["--fail"]);
    assert_eq!(code, 1, "{err}");
    let resume = err.lines().find(|line| line.contains("meshwright resume ")).expect("the command");
    let id = resume.rsplit(' ').next().expect("id");
    let (code, _, err) = stage.meshwright(&["resume", id, "--no-fail"]);
    assert_eq!(code, 0, "{err}");
    let kept = err.lines().find(|line| line.contains("✓ Make")).expect("the step");
    assert!(kept.ends_with("kept"), "{err}");
}

/// A lease that another machine holds, written now.
fn held_elsewhere(stage: &Stage) -> Value {
    stage.server().put_as("meshwright", json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": "meshwright", "namespace": "kube-system"},
        "spec": {"holderIdentity": "anna@elsewhere/1/77/abc", "leaseDurationSeconds": 60, "acquireTime": "2026-01-02T03:04:05.000000Z"},
    }))
}

#[test]
fn two_runs_do_not_work_on_a_cluster_at_once() {
    let stage = Stage::new();
    held_elsewhere(&stage);
    let (code, _, err) = stage.run(&[]);
    // Long messages are wrapped.
    let err = err.replace("\n  │ ", " ");
    assert_eq!(code, 1, "{err}");
    assert!(err.contains("another run works on this cluster: run abc of anna@elsewhere (process 77)"), "{err}");
    assert!(err.contains("since 2026-01-02 03:04:05 UTC") && err.contains("expires after 60 s"), "{err}");
    assert_eq!(stage.map("new"), None, "nothing was done");
    let (_, out, _) = stage.meshwright(&["runs"]);
    assert!(out.contains("conflict"), "{out}");
    let (code, _, err) = stage.meshwright(&["eval", r#"kube.cluster("east").version()"#]);
    assert_eq!(code, 0, "who only reads is not kept away: {err}");
    stage.server().remove("Lease", Some("kube-system"), "meshwright");
    let (code, _, err) = stage.run(&[]);
    assert_eq!(code, 0, "{err}");
    assert_eq!(stage.server().get("Lease", Some("kube-system"), "meshwright"), None, "given back");
}

#[test]
fn the_journal_knows_which_cluster_it_was() {
    let stage = Stage::new();
    stage.run(&[]);
    let folder = stage.home.path().join(".local/state/meshwright/runs");
    let journal = std::fs::read_dir(folder).expect("folder").next().expect("a run").expect("entry").path();
    let first = std::fs::read_to_string(journal).expect("journal");
    let started: Value = serde_json::from_str(first.lines().next().expect("a line")).expect("json");
    let uid = stage.server().get("Namespace", None, "kube-system").expect("namespace")["metadata"]["uid"].clone();
    assert_eq!(started["uids"], json!({"east": uid}));
}

#[test]
fn the_journal_is_for_its_owner_and_an_unknown_run_is_told() {
    use std::os::unix::fs::PermissionsExt as _;
    let stage = Stage::new();
    stage.run(&[]);
    let folder = stage.home.path().join(".local/state/meshwright/runs");
    for entry in std::fs::read_dir(folder).expect("folder") {
        let metadata = entry.expect("entry").metadata().expect("metadata");
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    }
    let (code, _, err) = stage.meshwright(&["show-run", "nothing"]);
    assert_eq!(code, 4);
    assert!(err.contains("there is no run `nothing`") && err.contains("meshwright runs"), "{err}");
}

#[test]
fn a_creation_whose_answer_nobody_heard_is_found_and_can_be_taken_back() {
    let stage = Stage::new();
    let id = stage.killed_after(
        r#"if c.find("ConfigMap", "shop/new") == () { c.create(#{apiVersion: "v1", kind: "ConfigMap", metadata: #{name: "new", namespace: "shop"}}); }"#,
    );
    let (_, out, _) = stage.meshwright(&["show-run", &id]);
    assert!(out.contains("unknown   east: ConfigMap shop/new"), "{out}");
    let (code, _, err) = stage.meshwright(&["resume", &id]);
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("east: ConfigMap shop/new: applied: it was made"), "{err}");
    let (_, out, _) = stage.meshwright(&["show-run", &id]);
    assert!(out.contains("created   east: ConfigMap shop/new"), "the journal knows it now: {out}");
    let (code, _, err) = stage.meshwright(&["undo", &id, "--yes"]);
    assert_eq!(code, 0, "{err}");
    assert_eq!(stage.map("new"), None);
}

#[test]
fn a_creation_that_never_arrived_is_told() {
    let stage = Stage::new();
    let id = stage.killed_after(
        r#"c.apply(#{apiVersion: "v1", kind: "ConfigMap", metadata: #{name: "new", namespace: "shop"}});"#,
    );
    stage.server().remove("ConfigMap", Some("shop"), "new");
    let (code, _, err) = stage.meshwright(&["resume", &id]);
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("east: ConfigMap shop/new: not applied: it is not there"), "{err}");
    assert!(stage.map("new").is_some(), "made by the resumed run");
    let (_, out, _) = stage.meshwright(&["show-run", &id]);
    assert!(out.contains("not applied"), "{out}");
}

#[test]
fn what_the_server_has_named_is_found_by_who_made_it_and_when() {
    let stage = Stage::new();
    stage
        .server()
        .put(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "gen-theirs", "namespace": "shop"}}));
    let make =
        r#"c.create(#{apiVersion: "v1", kind: "ConfigMap", metadata: #{generateName: "gen-", namespace: "shop"}});"#;
    let id = stage.killed_after(&format!("{make}\n{make}"));
    let names = || -> Vec<String> {
        let all = stage.server().everything();
        let names = all.iter().filter_map(|object| object["metadata"]["name"].as_str().map(str::to_owned));
        names.filter(|name| name.starts_with("gen-")).collect()
    };
    assert_eq!(names().len(), 3);
    let (code, _, err) = stage.meshwright(&["undo", &id, "--yes"]);
    assert_eq!(code, 0, "{err}");
    assert_eq!(names(), ["gen-theirs"]);
}

#[test]
fn a_json_patch_whose_answer_nobody_heard_is_told_by_who_has_written() {
    let stage = Stage::new();
    let id = stage.killed_after(
        r#"c.patch("ConfigMap", "shop/old", [#{op: "add", path: "/data/mine", value: "1"}], #{type: "json"});"#,
    );
    let (code, _, err) = stage.meshwright(&["resume", &id]);
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("east: ConfigMap shop/old: applied: it was changed"), "{err}");
    let (code, _, err) = stage.meshwright(&["undo", &id, "--yes"]);
    assert_eq!(code, 0, "{err}");
    assert_eq!(stage.map("old"), Some(json!({"theirs": "1"})));
}

const FORCED: &str = r#"
c.apply(#{apiVersion: "v1", kind: "ConfigMap", metadata: #{name: "owned", namespace: "shop"}, data: #{a: "ours", b: "new"}}, #{force: true});
"#;

impl Stage {
    /// Puts a ConfigMap that two others have written to.
    fn owned(&self) -> Value {
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

    fn eval(&self, expression: &str) -> (i32, String, String) {
        self.meshwright(&["eval", "--write", expression])
    }

    /// A run of this body, which is in order.
    fn ran(&self, body: &str) -> String {
        let script = format!(
            "//! # Test\n//! ---\n//! params: {{cluster: {{type: cluster}}}}\n//! needs: {{write: [shop, other, cluster-scoped]}}\n//! ---\nlet c = params.cluster;\nstep \"Make\" {{\n{body}\n}}\n"
        );
        std::fs::write(self.home.path().join("make.rhai"), script).expect("written");
        let (code, _, err) = self.run(&[]);
        assert_eq!(code, 0, "{err}");
        self.last()
    }
}

#[test]
fn former_owners_have_their_fields_again() {
    let stage = Stage::new();
    let before = stage.owned();
    let id = stage.ran(FORCED);
    assert_ne!(
        stage.server().get("ConfigMap", Some("shop"), "owned").expect("owned")["metadata"]["managedFields"],
        before["metadata"]["managedFields"]
    );
    let (code, _, err) = stage.meshwright(&["undo", &id, "--yes"]);
    assert_eq!(code, 0, "{err}");
    let after = stage.server().get("ConfigMap", Some("shop"), "owned").expect("owned");
    assert_eq!(after["data"], before["data"]);
    assert_eq!(after["metadata"]["managedFields"], before["metadata"]["managedFields"]);
    let change = |manager: &str| {
        stage.eval(&format!(
            r#"kube.cluster("east").apply(#{{apiVersion: "v1", kind: "ConfigMap", metadata: #{{name: "owned", namespace: "shop"}}, data: #{{a: "2"}}}}, #{{manager: "{manager}"}})"#
        ))
    };
    let (code, _, err) = change("somebody");
    assert!(code == 1 && err.contains("kubectl"), "a field of kubectl's again: {err}");
    let (code, _, err) = change("kubectl");
    assert_eq!(code, 0, "it owns its field: {err}");
}

#[test]
fn half_an_undo_can_be_repeated() {
    let stage = Stage::new();
    let before = stage.owned();
    let id = stage.ran(&format!(
        "{FORCED}c.apply(#{{apiVersion: \"v1\", kind: \"ConfigMap\", metadata: #{{name: \"new\", namespace: \"shop\"}}}});"
    ));
    // The last made goes first; the cluster refuses the second.
    let refused = Effect::Status { code: 403, retry_after: None };
    stage.server().faults().inject(Fault::new(refused).path("meshwright-undo").times(1));
    let (code, _, err) = stage.meshwright(&["undo", &id, "--yes"]);
    assert_eq!(code, 1, "{err}");
    assert!(err.contains(&format!("to go on: meshwright undo {id}")), "{err}");
    assert_eq!(stage.map("new"), None);
    let (_, out, _) = stage.meshwright(&["undo", &id, "--dry-run"]);
    assert!(out.contains("ConfigMap shop/new is gone"), "{out}");
    let (code, _, err) = stage.meshwright(&["undo", &id, "--yes"]);
    assert_eq!(code, 0, "{err}");
    let after = stage.server().get("ConfigMap", Some("shop"), "owned").expect("owned");
    assert_eq!(
        (&after["data"], &after["metadata"]["managedFields"]),
        (&before["data"], &before["metadata"]["managedFields"])
    );
    let (code, out, _) = stage.meshwright(&["undo", &id, "--yes"]);
    assert_eq!(code, 0);
    assert!(out.contains("is taken back already"), "{out}");
    let (_, out, _) = stage.meshwright(&["show-run", "last"]);
    assert!(out.contains("changed   east: ConfigMap shop/owned"), "an undo has a journal: {out}");
}

/// Between the values and the owners a kill may come.
#[test]
fn values_without_their_owners_are_half_an_undo() {
    let stage = Stage::new();
    let before = stage.owned();
    let id = stage.ran(FORCED);
    stage.server().put_as(&format!("meshwright-undo-{id}"), json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "owned", "namespace": "shop"}, "data": before["data"],
    }));
    let (code, _, err) = stage.meshwright(&["undo", &id, "--yes"]);
    assert_eq!(code, 0, "{err}");
    let after = stage.server().get("ConfigMap", Some("shop"), "owned").expect("owned");
    assert_eq!(after["metadata"]["managedFields"], before["metadata"]["managedFields"]);
}

#[test]
fn production_is_named_before_it_is_undone() {
    let stage = Stage::new();
    let id = stage.ran(FORCED);
    let folder = stage.home.path().join(".config/meshwright");
    std::fs::create_dir_all(&folder).expect("folder");
    std::fs::write(folder.join("config.yaml"), "production: [\"ea*\"]\n").expect("written");
    let (code, _, err) = stage.meshwright(&["undo", &id, "--yes"]);
    assert_eq!(code, 4, "{err}");
    assert!(err.contains("looks like production") && err.contains("--confirm east"), "{err}");
    assert!(stage.map("owned").is_some());
    let (code, _, err) = stage.meshwright(&["undo", &id, "--yes", "--confirm", "east"]);
    assert_eq!(code, 0, "{err}");
    assert_eq!(stage.map("owned"), None);
}

#[test]
fn secrets_that_were_made_go_and_those_that_were_changed_are_told_first() {
    let stage = Stage::new();
    stage.server().put(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "theirs", "namespace": "shop"}, "data": {"k": "b2xk"}}));
    let id = stage.ran(
        r#"for name in ["theirs", "made"] { c.apply(#{apiVersion: "v1", kind: "Secret", metadata: #{name: name, namespace: "shop"}, stringData: #{k: "planted-undo-secret"}}, #{force: true}); }"#,
    );
    let (code, out, err) = stage.meshwright(&["undo", &id, "--dry-run"]);
    assert_eq!(code, 0, "{err}");
    let lost = out.find("! east: Secret shop/theirs: the former contents of a Secret are not kept").expect("told");
    assert!(lost < out.find("delete   east: Secret shop/made").expect("deleted"), "{out}");
    let (code, _, err) = stage.meshwright(&["undo", &id, "--yes"]);
    assert_eq!(code, 0, "{err}");
    let there = |name| stage.server().get("Secret", Some("shop"), name).is_some();
    assert!(there("theirs") && !there("made"));
    assert!(!std::fs::read_to_string(stage.journal(&id)).expect("journal").contains("planted-undo"));
}

#[test]
fn the_last_made_goes_first_and_another_object_of_the_name_stays() {
    let stage = Stage::new();
    let id = stage.ran(
        r#"c.apply(#{apiVersion: "v1", kind: "Namespace", metadata: #{name: "other"}});
for name in ["one", "two", "three"] { c.apply(#{apiVersion: "v1", kind: "ConfigMap", metadata: #{name: name, namespace: "other"}}); }"#,
    );
    let server = stage.server();
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "two", "namespace": "other"}});
    server.remove("ConfigMap", Some("other"), "two");
    server.put(map);
    let (_, out, _) = stage.meshwright(&["undo", &id, "--dry-run"]);
    assert!(out.contains("delete   east: Namespace other, with everything in it"), "{out}");
    assert!(out.contains("ConfigMap other/two is gone"), "{out}");
    let asked = server.log().len();
    let (code, _, err) = stage.meshwright(&["undo", &id, "--yes"]);
    assert_eq!(code, 0, "{err}");
    let log = server.log();
    let deleted = log.iter().skip(asked).filter(|sent| sent.method == "DELETE" && !sent.path.contains("leases"));
    let deleted: Vec<&str> = deleted.map(|sent| sent.path.rsplit('/').next().unwrap_or_default()).collect();
    assert_eq!(deleted, ["three", "one", "other"]);
}

#[test]
fn an_undo_on_another_cluster_of_the_name_is_refused() {
    let stage = Stage::new();
    let id = stage.ran(FORCED);
    let path = stage.journal(&id);
    let text = std::fs::read_to_string(&path).expect("journal");
    let uid = stage.server().get("Namespace", None, "kube-system").expect("namespace")["metadata"]["uid"].clone();
    std::fs::write(&path, text.replacen(uid.as_str().expect("uid"), "another", 1)).expect("written");
    let (code, _, err) = stage.meshwright(&["undo", &id, "--yes"]);
    assert_eq!(code, 4, "{err}");
    assert!(err.contains("is not the cluster that run"), "{err}");
    assert!(stage.map("owned").is_some());
}

#[test]
fn what_is_typed_takes_the_lease_and_is_a_run() {
    let stage = Stage::new();
    let write = r#"kube.cluster("east").patch("ConfigMap", "shop/old", #{data: #{mine: "1"}})"#;
    held_elsewhere(&stage);
    let (code, _, err) = stage.eval(write);
    assert_eq!(code, 1, "{err}");
    assert!(err.contains("another run works on this cluster"), "{err}");
    assert_eq!(stage.map("old"), Some(json!({"theirs": "1"})));
    stage.server().remove("Lease", Some("kube-system"), "meshwright");
    let asked = stage.server().log().len();
    let (code, _, err) = stage.eval(write);
    assert_eq!(code, 0, "{err}");
    let log = stage.server().log();
    let leases = log.iter().skip(asked).filter(|sent| sent.is_write() && sent.path.contains("/leases")).count();
    assert_eq!(leases, 2, "taken and given back");
    let (_, out, _) = stage.meshwright(&["show-run", "last"]);
    assert!(out.contains("changed   east: ConfigMap shop/old"), "{out}");
    let (code, _, err) = stage.meshwright(&["resume", "last"]);
    assert!(code == 4 && err.contains("was typed"), "{err}");
    let (code, _, err) = stage.meshwright(&["undo", "last", "--yes"]);
    assert_eq!(code, 0, "{err}");
    assert_eq!(stage.map("old"), Some(json!({"theirs": "1"})));
    let (_, before, _) = stage.meshwright(&["runs"]);
    stage.eval(r#"kube.cluster("east").version()"#);
    let (_, after, _) = stage.meshwright(&["runs"]);
    assert_eq!(before, after, "who changes nothing has not run");
}

#[test]
fn a_prompt_that_writes_takes_the_lease_until_it_no_longer_does() {
    let stage = Stage::new();
    let lines = |text: &str| {
        let _inside = stage.runtime.enter();
        let mut command = Command::cargo_bin("meshwright").expect("the program");
        command.args(["repl"]).env("HOME", stage.home.path()).env("KUBECONFIG", stage.home.path().join("config"));
        command.env("NO_COLOR", "1").env_remove("XDG_STATE_HOME").current_dir(stage.home.path());
        let output = command.write_stdin(text).output().expect("started");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let write = r#"kube.cluster("east").patch("ConfigMap", "shop/old", #{data: #{mine: "1"}})"#;
    let lease = r#"kube.cluster("east").list("leases", #{namespace: "kube-system"}).map(|l| print("leases: " + l.spec.holderIdentity))"#;
    held_elsewhere(&stage);
    assert!(lines(&format!(":write\n{write}\n")).contains("another run works on this cluster"));
    stage.server().remove("Lease", Some("kube-system"), "meshwright");
    let asked = stage.server().log().len();
    lines(&format!("{lease}\n:write\n{write}\n{lease}\n:read-only\n{lease}\n"));
    let log = stage.server().log();
    let log = log.iter().skip(asked).filter(|sent| sent.path.contains("/leases"));
    let told: Vec<&str> = log.map(|sent| sent.method.as_str()).collect();
    // Looked at, made before the change, looked at, given back at once, looked at.
    assert_eq!(told, ["GET", "GET", "POST", "GET", "GET", "DELETE", "GET"]);
    let (_, out, _) = stage.meshwright(&["show-run", "last"]);
    assert!(out.contains("changed   east: ConfigMap shop/old") && out.contains("outcome  done"), "{out}");
}

#[test]
fn waits_that_a_script_decides_are_in_the_journal() {
    let stage = Stage::new();
    let id = stage.ran(r#"let n = 0; wait.until(|| { n += 1; n > 2 }, #{every: "10ms", want: "the third time"});"#);
    let (_, out, _) = stage.meshwright(&["show-run", &id]);
    assert!(out.contains("waited") && out.contains("the third time") && out.contains("make.rhai:8"), "{out}");
}
