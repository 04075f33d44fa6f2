//! The program as a user types it.

use assert_cmd::Command;
use std::process::Stdio;

fn meshwright(args: &[&str]) -> (i32, String, String) {
    let home = tempfile::tempdir().expect("folder");
    meshwright_in(home.path(), args)
}

/// The program in a home of the test's.
fn meshwright_in(home: &std::path::Path, args: &[&str]) -> (i32, String, String) {
    let mut command = Command::cargo_bin("meshwright").expect("the program");
    command.args(args).env("HOME", home).env_remove("KUBECONFIG").env("NO_COLOR", "1").current_dir(home);
    let output = command.output().expect("started");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

#[test]
fn the_guide_is_rehearsed_with_one_command() {
    let (code, _, err) = meshwright(&["rehearse", "shared-gateways"]);
    assert_eq!(code, 0, "{err}");
    for line in ["✓ Check the clusters", "✓ Prove the path", "Done: 16 steps"] {
        assert!(err.contains(line), "`{line}` is missing in:\n{err}");
    }
}

#[test]
fn all_wrong_parameters_are_told_at_once() {
    let (code, out, err) = meshwright(&["run", "shared-gateways", "--primry", "a", "--dialect", "new"]);
    assert_eq!(code, 4);
    assert!(out.is_empty());
    for line in ["did you mean --primary?", "--remote is missing", "--dialect"] {
        assert!(err.contains(line), "`{line}` is missing in:\n{err}");
    }
}

#[test]
fn a_script_tells_its_parameters() {
    let (code, out, _) = meshwright(&["run", "shared-gateways", "--help"]);
    assert_eq!(code, 0);
    for flag in ["--primary <CONTEXT>", "--remote <CONTEXT>", "--dialect", "--timeout", "--kubeconfig"] {
        assert!(out.contains(flag), "{flag} is missing in:\n{out}");
    }
}

#[test]
fn show_prints_each_step_with_the_commands_it_stands_for() {
    let (code, out, _) = meshwright(&["show", "shared-gateways"]);
    assert_eq!(code, 0);
    assert!(
        out.contains("1. Check the clusters") && out.contains("kubectl create --context=$CTX_CLUSTER1 ns istio-system")
    );
    assert_eq!(out.matches("Guide: ").count(), 16, "every step names its place in the guide:\n{out}");
}

#[test]
fn programs_read_what_show_prints() {
    let (code, out, _) = meshwright(&["show", "shared-gateways", "-o", "json"]);
    let told: serde_json::Value = serde_json::from_str(&out).expect("json");
    assert_eq!((code, told["steps"].as_array().map(Vec::len)), (0, Some(16)));
    let step = &told["steps"][1];
    assert_eq!((&step["number"], &step["name"]), (&2.into(), &"Share one root of trust".into()));
    assert!(
        step["commands"][0].as_str().is_some_and(|line| line.starts_with("kubectl create --context=$CTX_CLUSTER1")),
        "{step}"
    );
    assert_eq!((&step["source"], &step["on"]), (&"shared-gateways/main.rhai".into(), &"mesh.clusters".into()));
    let remote = told["params"].as_array().expect("params").iter().find(|param| param["name"] == "remote_server");
    assert_eq!(remote.map(|param| &param["flag"]), Some(&"--remote-server".into()), "{out}");
    assert!(
        told["needs"].to_string().contains("start istioctl") && told["tasks"].to_string().contains("verify"),
        "{out}"
    );
}

#[test]
fn a_page_tells_how_a_script_begins() {
    let (code, out, _) = meshwright(&["doc", "header"]);
    assert!(
        code == 0 && out.contains("one_of") && out.contains("authorities") && out.contains("${parameter:-otherwise}"),
        "{out}"
    );
    let (code, out, _) = meshwright(&["doc", "needs", "-o", "json"]);
    let told: serde_json::Value = serde_json::from_str(&out).expect("json");
    assert_eq!((code, &told["tables"][0][0]["key"]), (0, &"write".into()));
    // Its example runs.
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("restart.rhai");
    std::fs::write(&file, meshwright::doc::EXAMPLE).expect("written");
    let (code, _, err) = meshwright(&["rehearse", &file.to_string_lossy()]);
    assert!(code == 0 && err.contains("✓ Restart it"), "{err}");
}

#[test]
fn list_prints_scripts_and_tasks() {
    let (code, out, _) = meshwright(&["list", "-o", "json"]);
    assert_eq!(code, 0);
    let rows: serde_json::Value = serde_json::from_str(&out).expect("json");
    let names: Vec<&str> = rows.as_array().expect("rows").iter().filter_map(|row| row["name"].as_str()).collect();
    assert_eq!(names, ["shared-gateways", "shared-gateways/cleanup", "shared-gateways/verify"]);
}

#[test]
fn eval_prints_data_on_stdout() {
    let (code, out, err) = meshwright(&[
        "eval",
        "--rehearse",
        "-o",
        "json",
        "kube.cluster(\"east\").list(\"namespaces\").map(|n| n.metadata.name)",
    ]);
    assert_eq!((code, err.as_str()), (0, ""), "{err}");
    let names: Vec<String> = serde_json::from_str(&out).expect("json");
    assert!(names.contains(&"kube-system".to_owned()), "{names:?}");
}

#[test]
fn a_mistake_is_shown_at_its_place_with_the_nearest_name() {
    let (code, _, err) = meshwright(&["eval", "--rehearse", "kube.clustr(\"east\")"]);
    assert_eq!(code, 4, "{err}");
    assert!(err.contains("kube.clustr(\"east\")") && err.contains("did you mean `cluster`"), "{err}");
}

#[test]
fn an_unknown_script_is_named_with_the_nearest() {
    let (code, _, err) = meshwright(&["rehearse", "shared-gateway"]);
    assert_eq!(code, 4, "{err}");
    assert!(err.contains("shared-gateways"), "{err}");
}

#[test]
fn a_cluster_that_cannot_be_reached_ends_with_its_own_code() {
    let home = tempfile::tempdir().expect("folder");
    let config = home.path().join("config");
    let text = "apiVersion: v1\nkind: Config\nclusters: [{name: c, cluster: {server: 'https://127.0.0.1:9'}}]\ncontexts: [{name: gone, context: {cluster: c, user: u}}]\nusers: [{name: u, user: {}}]\n";
    std::fs::write(&config, text).expect("written");
    let (code, _, err) =
        meshwright(&["eval", "--kubeconfig", &config.to_string_lossy(), "kube.cluster(\"gone\").version()"]);
    assert_eq!(code, 5, "{err}");
    assert!(err.contains("gone"), "{err}");
}

#[test]
fn the_same_cluster_twice_is_refused() {
    let (code, _, err) = meshwright(&["rehearse", "shared-gateways", "--primary", "a", "--remote", "a"]);
    assert_eq!(code, 4, "{err}");
    assert!(err.contains("both name `a`"), "{err}");
}

#[test]
fn a_wrong_command_line_ends_with_the_code_for_usage() {
    for args in [&["rehears"][..], &["list", "extra"], &["run"], &["rehearse", "--stop-after", "x"], &[]] {
        assert_eq!(meshwright(args).0, 4, "{args:?}");
    }
    for args in [&["rehearse", "--help"][..], &["run", "-h"], &["--version"]] {
        let (code, out, err) = meshwright(args);
        assert_eq!((code, err.as_str()), (0, ""), "{args:?}");
        assert!(!out.is_empty());
    }
}

#[test]
fn stopping_after_a_step_is_no_failure() {
    let (code, _, err) = meshwright(&["rehearse", "shared-gateways", "--stop-after", "Check the clusters"]);
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("Stopped after the step `Check the clusters`, as asked"), "{err}");
    let (code, _, err) = meshwright(&["rehearse", "shared-gateways", "--stop-after", "Check the clutsers", "--calls"]);
    assert_eq!(code, 4, "{err}");
    for line in ["did you mean `Check the clusters`?", "--calls lacks its value"] {
        assert!(err.contains(line), "`{line}` is missing in:\n{err}");
    }
}

#[test]
fn a_step_to_stop_after_is_named_as_in_explain() {
    for meant in ["1", "check the CLUSTERS", "the clusters"] {
        let (code, _, err) = meshwright(&["rehearse", "shared-gateways", "--stop-after", meant]);
        assert_eq!(code, 0, "{meant}: {err}");
        assert!(err.contains("Stopped after the step `Check the clusters`, as asked"), "{meant}: {err}");
    }
    let (code, _, err) = meshwright(&["rehearse", "shared-gateways", "--stop-after", "wait"]);
    assert!(code == 4 && err.contains("which one? Wait for the control"), "{err}");
}

#[test]
fn clusters_that_nobody_names_are_others_than_those_that_are_named() {
    let rehearsed = |more: &[&str]| {
        let args = [&["rehearse", "shared-gateways", "--stop-after", "1"], more].concat();
        let (code, _, err) = meshwright(&args);
        assert_eq!(code, 0, "{err}");
        err.lines().next().unwrap_or_default().to_owned()
    };
    assert!(rehearsed(&["--primary", "cluster2"]).contains("on cluster2, cluster1:"));
    assert!(rehearsed(&["--remote", "cluster1,cluster2"]).contains("on cluster3, cluster1, cluster2:"));
}

/// A kubeconfig in a home of its own, with contexts `east` and `west` that lead to ports where nothing listens.
fn nowhere() -> tempfile::TempDir {
    let home = tempfile::tempdir().expect("folder");
    let text = "apiVersion: v1\nkind: Config\nclusters: [{name: e, cluster: {server: 'http://127.0.0.1:9'}}, {name: w, cluster: {server: 'http://127.0.0.1:7'}}]\ncontexts: [{name: east, context: {cluster: e, user: u}}, {name: west, context: {cluster: w, user: u}}]\nusers: [{name: u, user: {}}]\n";
    std::fs::create_dir(home.path().join(".kube")).expect("made");
    std::fs::write(home.path().join(".kube/config"), text).expect("written");
    home
}

const RUN: [&str; 5] = ["run", "shared-gateways", "--yes", "--dialect", "current"];

fn run_on(home: &std::path::Path, primary: &str, remote: &str) -> (i32, String, String) {
    meshwright_in(home, &[&RUN[..], &["--primary", primary, "--remote", remote]].concat())
}

#[test]
fn all_unknown_contexts_are_told_before_anything_is_sent() {
    let home = nowhere();
    let (code, out, err) = run_on(home.path(), "nope", "wst");
    assert_eq!((code, out.as_str()), (4, ""), "{err}");
    for line in ["--primary: there is no context `nope`", "`wst`; did you mean `west`?", "there are: east, west"] {
        assert!(err.contains(line), "`{line}` is missing in:\n{err}");
    }
    assert!(!err.contains("This run may") && !err.contains("show-run"), "{err}");
    assert!(!home.path().join(".local").exists(), "a run that cannot begin leaves no journal");
}

#[test]
fn a_kubeconfig_that_is_missing_empty_or_broken_is_told() {
    let home = tempfile::tempdir().expect("folder");
    let file = home.path().join(".kube/config");
    let told = |wanted: &str| {
        let (code, _, err) = run_on(home.path(), "east", "west");
        assert_eq!(code, 4, "{err}");
        assert!(err.replace("\n  │ ", " ").contains(wanted), "`{wanted}` is missing in:\n{err}");
        assert!(!home.path().join(".local").exists(), "{err}");
    };
    told("does not exist");
    std::fs::create_dir(home.path().join(".kube")).expect("made");
    std::fs::write(&file, "").expect("written");
    told("names no contexts");
    std::fs::write(&file, "contexts: [a\nusers: []\n").expect("written");
    told("is not YAML");
}

#[test]
fn clusters_that_cannot_be_reached_are_told_together() {
    let home = nowhere();
    let (code, _, err) = run_on(home.path(), "east", "west");
    assert_eq!(code, 5, "{err}");
    for line in ["east: cannot talk to http://127.0.0.1:9", "also: west: cannot talk to http://127.0.0.1:7"] {
        assert!(err.contains(line), "`{line}` is missing in:\n{err}");
    }
    assert!(err.contains("nothing was changed; to try again: meshwright resume"), "{err}");
    assert_eq!(err.matches("next try").count(), 2, "one line for each cluster:\n{err}");
}

#[test]
fn every_exit_code_says_who_can_mend_it() {
    let eval = |text: &str| meshwright(&["eval", text]).0;
    let rehearsed = |text: &str| meshwright(&["eval", "--rehearse", text]).0;
    assert_eq!(eval("1 + 1"), 0);
    assert_eq!(eval("fail(\"no\")"), 1);
    assert_eq!(rehearsed("kube.cluster(\"east\").get(\"pods\", \"default/missing\")"), 1);
    assert_eq!(
        rehearsed("wait.ready(kube.cluster(\"east\"), \"Deployment\", \"default/missing\", #{timeout: \"2s\"})"),
        3
    );
    assert_eq!(eval("exec.run(\"true\", [])"), 4);
    assert_eq!(rehearsed("fail(\"dial\", #{kind: \"unreachable\"})"), 5);
}

#[test]
fn what_clusters_say_stands_in_the_order_of_the_script_and_looking_is_no_change() {
    let args =
        ["rehearse", "shared-gateways", "--remote", "r1", "--remote", "r2", "--stop-after", "Share one root of trust"];
    let (code, _, err) = meshwright(&args);
    assert_eq!(code, 0, "{err}");
    let said: Vec<&str> = err.lines().filter_map(|line| line.split(": Kubernetes").next()).map(str::trim).collect();
    let said: Vec<&&str> = said.iter().filter(|name| ["cluster1", "r1", "r2"].contains(name)).collect();
    assert_eq!(said, [&"cluster1", &"r1", &"r2"], "{err}");
    assert!(!err.contains("unchanged") && err.contains(" 6 created"), "{err}");
}

#[test]
fn nobody_who_reads_is_no_reason_to_stop() {
    for gone in ["stdout", "stderr"] {
        let home = tempfile::tempdir().expect("folder");
        let script = home.path().join("talk.rhai");
        std::fs::write(&script, "//! # Talk\nfor n in 0..3 { print(n); log.info(`${n}`); }\n").expect("written");
        let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin("meshwright"));
        command.args(["rehearse", "./talk.rhai"]).env("HOME", home.path()).current_dir(home.path());
        let mut program = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started");
        match gone {
            "stdout" => drop(program.stdout.take()),
            _ => drop(program.stderr.take()),
        }
        let ended = program.wait_with_output().expect("ended");
        assert_eq!(ended.status.code(), Some(0), "without {gone}: {}", String::from_utf8_lossy(&ended.stderr));
    }
}

#[test]
fn values_that_cannot_work_are_refused_before_anything_happens() {
    let wrong = ["--calls", "0", "--namespace", "Bad_Name", "--sample-namespace", "", "--set", "a", "--timeout", "5"];
    let (code, _, err) = meshwright(&[&["rehearse", "shared-gateways", "--sample", "maybe"], &wrong[..]].concat());
    assert_eq!(code, 4, "{err}");
    for line in [
        "6 parameters are wrong",
        "--sample must be true or false, not `maybe`",
        "--calls must be at least 1, not 0",
        "which `Bad_Name` does not",
        "--sample-namespace must match",
        "--set must match",
        "--timeout must be a duration such as 500ms, 90s, 5m or 1h30m, not `5`",
    ] {
        assert!(err.contains(line), "`{line}` is missing in:\n{err}");
    }
}

#[test]
fn what_is_no_script_is_called_what_it_is() {
    let home = tempfile::tempdir().expect("folder");
    std::fs::create_dir(home.path().join("empty")).expect("folder");
    std::fs::write(home.path().join("binary.rhai"), [0xff, 0xfe, 0]).expect("written");
    let (code, _, err) = meshwright_in(home.path(), &["rehearse", "./empty"]);
    assert!(code == 4 && err.contains("the folder ./empty has no main.rhai"), "{err}");
    let (code, _, err) = meshwright_in(home.path(), &["rehearse", "./binary.rhai"]);
    assert!(code == 4 && err.contains("it is not text in UTF-8"), "{err}");
}

/// Images without curl are common; the way to the remote's API server cannot be looked at from there.
#[test]
fn a_look_that_was_not_possible_is_told() {
    let home = tempfile::tempdir().expect("folder");
    assert_eq!(meshwright_in(home.path(), &["fork", "shared-gateways", "mine"]).0, 0);
    let file = home.path().join("mine/rehearsal.rhai");
    let text = std::fs::read_to_string(&file).expect("the fork");
    let played = r#"if argv[0] == "curl" &&"#;
    assert!(text.contains(played), "{text}");
    let without = text.replace(played, &format!(r#"{played} container != "istio-proxy" &&"#));
    std::fs::write(&file, without).expect("written");
    for dialect in ["current", "classic"] {
        let (code, _, err) = meshwright_in(home.path(), &["rehearse", "./mine", "--dialect", dialect]);
        let words = err.split_whitespace().collect::<Vec<_>>().join(" ");
        let told = "not known whether pods of cluster1 reach the API server of cluster2 at https://10.1.0.12:6443: the gateway's image has no curl.";
        assert!(code == 0 && words.contains(told), "{dialect}: {err}");
    }
}

#[test]
fn a_look_ahead_is_a_rehearsal() {
    let (code, _, err) = meshwright(&["run", "shared-gateways", "--dry-run"]);
    assert!(code == 4 && err.contains("meshwright rehearse shared-gateways shows what it would do"), "{err}");
}

#[test]
fn what_a_script_prints_and_nobody_can_keep_fails_the_run() {
    let home = tempfile::tempdir().expect("folder");
    let script = "//! # Say\n//! ---\n//! needs: {}\n//! ---\nprint(\"a word\");\nstep \"Go on\" {}\n";
    std::fs::write(home.path().join("say.rhai"), script).expect("written");
    for args in [&["rehearse", "./say.rhai"][..], &["eval", "--rehearse", "print(1)"]] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("a full disk");
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_meshwright"));
        command.args(args).env("HOME", home.path()).current_dir(home.path()).stdout(full).stderr(Stdio::piped());
        let output = command.output().expect("started");
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_ne!(output.status.code(), Some(0), "{err}");
        assert!(err.contains("what the script printed could not be written") && !err.contains("Done"), "{err}");
    }
}

#[test]
fn a_secret_of_a_script_s_own_is_shown_by_its_name() {
    let (code, out, err) = meshwright(&[
        "eval",
        "--rehearse",
        r#"secret.of("pw", "tomato-password-9"); print("it is tomato-password-9")"#,
    ]);
    assert_eq!((code, out.trim()), (0, "it is ‹secret pw›"), "{err}");
}

#[test]
fn an_argument_that_is_no_text_is_refused_and_no_defect() {
    use std::os::unix::ffi::OsStrExt as _;
    let home = tempfile::tempdir().expect("folder");
    let odd = std::ffi::OsStr::from_bytes(b"\xff");
    for args in [
        &[odd][..],
        &["eval".as_ref(), odd],
        &["run".as_ref(), "a".as_ref(), odd],
        &["eval".as_ref(), "x(".as_ref(), "--kubeconfig".as_ref(), odd],
    ] {
        let mut command = Command::cargo_bin("meshwright").expect("the program");
        let output = command.args(args).env("HOME", home.path()).current_dir(home.path()).output().expect("started");
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(4) && !err.contains("panicked"), "{args:?}: {:?} {err}", output.status);
    }
}

#[test]
fn what_looks_like_a_flag_may_be_what_a_parameter_is() {
    let home = tempfile::tempdir().expect("folder");
    let script =
        "//! # Say\n//! ---\n//! params: {some_text: {type: string, help: what}}\n//! ---\nprint(params.some_text);\n";
    std::fs::write(home.path().join("say.rhai"), script).expect("written");
    for value in ["-q", "-v", "-h"] {
        let (code, out, err) = meshwright_in(home.path(), &["rehearse", "./say.rhai", "--some-text", value]);
        assert_eq!((code, out.trim()), (0, value), "{err}");
    }
    let (code, out, err) = meshwright_in(home.path(), &["rehearse", "./say.rhai", "-q", "--some-text", "a"]);
    assert_eq!((code, out.trim(), err.trim()), (0, "a", ""));
}
