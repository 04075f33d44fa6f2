//! What is typed, and what a script waits for.

use crate::stage::{Stage, held_elsewhere};
use assert_cmd::Command;
use serde_json::json;
use std::io::Write as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

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
    assert!(out.contains(&format!("typed    {write}")), "{out}");
    let (_, out, _) = stage.meshwright(&["runs"]);
    assert!(out.contains(r#"expression: kube.cluster("east").patch("ConfigMap", …"#), "{out}");
    let (code, _, err) = stage.meshwright(&["resume", "last", "--yes"]);
    assert!(code == 4 && err.contains("was typed"), "{err}");
    let (code, _, err) = stage.meshwright(&["undo", "last", "--yes"]);
    assert_eq!(code, 0, "{err}");
    assert_eq!(stage.map("old"), Some(json!({"theirs": "1"})));
    let (_, before, _) = stage.meshwright(&["runs"]);
    stage.eval(r#"kube.cluster("east").version()"#);
    let (_, after, _) = stage.meshwright(&["runs"]);
    assert_eq!(before, after, "who changes nothing has not run");
}

/// The journal of the latest run says which cluster it changed; an undo goes to no other.
fn goes_to_no_other_cluster(stage: &Stage) {
    let id = stage.last();
    let uid = stage.server().get("Namespace", None, "kube-system").expect("namespace")["metadata"]["uid"].clone();
    let (now, then) = (uid.as_str().expect("uid"), "00000000-aaaa-4bbb-8ccc-dddddddddddd");
    let journal = std::fs::read_to_string(stage.journal(&id)).expect("journal");
    assert_eq!(journal.matches(now).count(), 1, "{journal}");
    let (told, intent) = (journal.find(now), journal.find("\"event\":\"intent\""));
    assert!(told < intent, "before the first change: {journal}");
    std::fs::write(stage.journal(&id), journal.replace(now, then)).expect("written");
    let before = stage.map("old");
    let (code, out, err) = stage.meshwright(&["undo", &id, "--yes"]);
    assert_eq!(code, 4, "{out}{err}");
    assert!(err.contains("`east` is not the cluster that run") && err.contains(now) && err.contains(then), "{err}");
    assert_eq!(stage.map("old"), before);
}

#[test]
fn what_was_typed_or_did_not_name_its_clusters_knows_which_they_were() {
    let change = r#"kube.cluster("east").patch("ConfigMap", "shop/old", #{data: #{mine: "1"}});"#;
    let stage = Stage::new();
    let (code, _, err) = stage.eval(&format!("{change}\n{}", change.replace("mine", "more")));
    assert_eq!(code, 0, "{err}");
    goes_to_no_other_cluster(&stage);
    let stage = Stage::new();
    let script = format!("//! # Test\n//! ---\n//! needs: {{write: [shop], contexts: [east]}}\n//! ---\n{change}\n");
    std::fs::write(stage.home.path().join("make.rhai"), script).expect("written");
    let (code, _, err) = stage.meshwright(&["run", "./make.rhai", "--yes"]);
    assert_eq!(code, 0, "{err}");
    goes_to_no_other_cluster(&stage);
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
    assert!(out.contains(&format!("typed    {write}")), "the input that made the first change: {out}");
}

#[test]
fn what_was_typed_is_told_without_its_secrets() {
    let stage = Stage::new();
    let secret = "planted-in-what-is-typed";
    let (code, _, err) = stage.eval(&format!(
        "kube.cluster(\"east\").apply(#{{apiVersion: \"v1\", kind: \"Secret\", metadata: #{{name: \"s\", namespace: \"shop\"}}, stringData: #{{key: \"{secret}\"}}}});\n1"
    ));
    assert_eq!(code, 0, "{err}");
    let id = stage.last();
    let journal = std::fs::read_to_string(stage.journal(&id)).expect("journal");
    let (_, shown, _) = stage.meshwright(&["show-run", &id]);
    assert!(!journal.contains(secret) && !shown.contains(secret), "{journal}\n{shown}");
    assert!(shown.contains(r#"typed    kube.cluster("east").apply("#) && shown.contains("…"), "{shown}");
}

#[test]
fn waits_that_a_script_decides_are_in_the_journal() {
    let stage = Stage::new();
    let id = stage.ran(r#"let n = 0; wait.until(|| { n += 1; n > 2 }, #{every: "10ms", want: "the third time"});"#);
    let (_, out, _) = stage.meshwright(&["show-run", &id]);
    assert!(out.contains("waited") && out.contains("the third time") && out.contains("make.rhai:8"), "{out}");
}

#[test]
fn a_paused_run_keeps_its_lease_and_its_journal_open() {
    let stage = Stage::new();
    let _inside = stage.runtime.enter();
    let terminal = nix::pty::openpty(None, None).expect("a terminal");
    let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin("meshwright"));
    command.args(["run", "./make.rhai", "--cluster", "east", "--fail", "--pause-on-failure", "--yes"]);
    command.env("HOME", stage.home.path()).env("KUBECONFIG", stage.home.path().join("config"));
    command.env_remove("XDG_STATE_HOME").env("NO_COLOR", "1").current_dir(stage.home.path());
    command.stdin(terminal.slave).stdout(Stdio::null()).stderr(Stdio::piped());
    let child = command.spawn().expect("started");
    let holder = || stage.server().get("Lease", Some("kube-system"), "meshwright");
    let folder = stage.home.path().join(".local/state/meshwright/runs");
    let journal = || -> String {
        let files = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        files.filter_map(|entry| std::fs::read_to_string(entry.path()).ok()).collect()
    };
    let end = Instant::now() + Duration::from_secs(20);
    while !journal().contains(r#""step":"Check","what":"script""#) {
        assert!(Instant::now() < end, "{}", journal());
        std::thread::sleep(Duration::from_millis(50));
    }
    std::thread::sleep(Duration::from_millis(500));
    assert!(holder().is_some(), "somebody looks at it");
    assert!(!journal().contains(r#""event":"finished""#));
    let (code, _, err) = stage.eval(r#"kube.cluster("east").patch("ConfigMap", "shop/old", #{data: #{mine: "2"}})"#);
    assert!(code == 1 && err.contains("another run works on this cluster"), "{err}");
    let mut keys = std::fs::File::from(terminal.master);
    keys.write_all(b":quit\n").expect("typed");
    let output = child.wait_with_output().expect("it ends");
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{err}");
    assert!(err.contains("to go on:      meshwright resume "), "{err}");
    assert_eq!(holder(), None);
    assert!(journal().contains(r#""event":"finished""#));
}

#[test]
fn a_run_that_pauses_on_failure_stops_as_asked_and_says_where_it_was_recorded() {
    let stage = Stage::new();
    let flags = ["run", "./make.rhai", "--cluster", "east", "--yes", "--pause-on-failure", "--record", "r.jsonl"];
    let (code, _, err) = stage.meshwright(&[&flags[..], &["--stop-after", "Make"]].concat());
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("Stopped after the step `Make`, as asked.") && err.contains("Recorded in r.jsonl"), "{err}");
    let (code, _, err) = stage.meshwright(&[&flags[..], &["--fail"]].concat());
    assert_eq!(code, 1, "{err}");
    assert!(err.contains("Recorded in r.jsonl") && err.contains("to try again: meshwright resume "), "{err}");
}
