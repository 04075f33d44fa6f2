//! Runs as the program's user sees them: written down, listed, shown, gone on with, taken back.

#[path = "../apiserver/mod.rs"]
mod apiserver;
mod approved;
mod connected;
mod controlled;
mod paused;
mod real;
mod sessions;
mod settled;
mod stage;
mod typed;
mod undone;

use serde_json::{Value, json};
use stage::{Stage, held_elsewhere};

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
fn a_failed_run_names_the_command_that_goes_on() {
    let stage = Stage::new();
    let (code, _, err) = stage.run(&["--fail"]);
    assert_eq!(code, 1, "{err}");
    let resume = err.lines().find(|line| line.contains("meshwright resume ")).expect("the command");
    let id = resume.rsplit(' ').next().expect("id");
    let (code, _, err) = stage.meshwright(&["resume", id, "--no-fail", "--yes"]);
    assert_eq!(code, 0, "{err}");
    let kept = err.lines().find(|line| line.contains("✓ Make")).expect("the step");
    assert!(kept.ends_with("kept"), "{err}");
    let (code, out, err) = stage.meshwright(&["undo", "last", "--dry-run"]);
    assert!(code == 0 && out.contains("left nothing"), "{out}{err}");
    assert!(out.contains(&format!("An earlier run of the script did: meshwright undo {id} --dry-run")), "{out}");
}

#[test]
fn what_was_denied_then_is_denied_when_the_run_goes_on() {
    let stage = Stage::new();
    let (code, _, err) = stage.run(&["--deny", "write=shop"]);
    assert!(code != 0 && err.contains("may not"), "{err}");
    let id = stage.last();
    for more in [&[][..], &["--allow", "write=shop"]] {
        let (code, _, err) = stage.meshwright(&[&["resume", &id, "--yes"], more].concat());
        assert!(code != 0 && err.contains("may not"), "{err}");
        assert!(err.contains("as then: --deny write=shop; to lift that"), "{err}");
        assert_eq!(stage.map("new"), None, "nothing was made");
    }
}

#[test]
fn a_run_that_was_to_stop_goes_on_to_its_end_and_says_so() {
    let stage = Stage::new();
    let (_, _, err) = stage.run(&["--fail", "--stop-after", "Make"]);
    assert!(err.contains("Stopped after the step `Make`"), "{err}");
    let id = stage.last();
    assert!(err.contains(&format!("to go on: meshwright resume {id}")), "{err}");
    for args in [&["runs"][..], &["show-run", &id]] {
        let (_, out, _) = stage.meshwright(args);
        assert!(out.contains("stopped") && !out.contains("cancelled"), "{out}");
    }
    let (code, _, err) = stage.meshwright(&["resume", &id, "--yes", "--stop-after", "Make"]);
    assert!(code == 0 && err.contains("Stopped after the step `Make`"), "{err}");
    for meant in ["1", "mak"] {
        let (code, _, err) = stage.meshwright(&["resume", &id, "--yes", "--stop-after", meant]);
        assert!(code == 0 && err.contains("Stopped after the step `Make`"), "{meant}: {err}");
    }
    let (code, _, err) = stage.meshwright(&["resume", &id, "--stop-after", "Makes"]);
    assert!(code == 4 && err.contains("did you mean `Make`"), "{err}");
    let (code, _, err) = stage.meshwright(&["resume", &id, "--yes"]);
    assert!(code == 1 && err.contains("it was to stop after `Make`; now it goes on to its end"), "{err}");
}

#[test]
fn a_list_has_the_latest_runs_and_says_how_many_more_there_are() {
    let stage = Stage::new();
    stage.run(&[]);
    let (_, out, err) = stage.meshwright(&["runs"]);
    assert!(out.lines().count() == 2 && err.is_empty(), "{out}{err}");
    let journal = stage.journal(&stage.last());
    for number in 10..32 {
        std::fs::copy(&journal, stage.journal(&format!("copy{number}"))).expect("copied");
    }
    let (_, out, err) = stage.meshwright(&["runs"]);
    assert_eq!((out.lines().count(), err.trim()), (21, "and 3 earlier: meshwright runs --all"), "{out}");
    let (_, out, err) = stage.meshwright(&["runs", "--all"]);
    assert!(out.lines().count() == 24 && err.is_empty(), "{out}{err}");
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
