//! What a run has asked and been answered is replayed without a cluster, and holds a fork to it.

use assert_cmd::Command;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

fn meshwright(folder: &Path, args: &[&str]) -> (i32, String, String) {
    let mut command = Command::cargo_bin("meshwright").expect("the program");
    command.args(args).env("HOME", folder).env("NO_COLOR", "1").env("PATH", "/nowhere").current_dir(folder);
    let output = command.output().expect("started");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).expect("written");
}

/// A folder with a recording of this script.
fn recorded(script: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("folder");
    write(folder.path(), "main.rhai", script);
    let (code, out, err) = meshwright(folder.path(), &["rehearse", "./main.rhai", "--record", "run.jsonl"]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(err.contains("Recorded in run.jsonl"), "{out}{err}");
    folder
}

const SCRIPT: &str = r#"//! # Two objects
//!
//! ---
//! params:
//!   east: {type: cluster, help: "a cluster"}
//!   colour: {type: string, default: blue, help: "a colour"}
//! needs:
//!   write: [default]
//! ---
let east = params.east;
step "Write" on east {
    if !east.exists("ConfigMap", "default/paint") {
        east.apply(#{apiVersion: "v1", kind: "ConfigMap", metadata: #{name: "paint", namespace: "default"}, data: #{colour: params.colour}});
    }
    east.apply(#{apiVersion: "v1", kind: "Secret", metadata: #{name: "key", namespace: "default"},
        stringData: #{planted: "planted-in-a-secret"}});
}
step "Run" on east {
    east.apply(#{apiVersion: "apps/v1", kind: "Deployment", metadata: #{name: "web", namespace: "default"}, spec: #{
        selector: #{matchLabels: #{app: "web"}},
        template: #{metadata: #{labels: #{app: "web"}}, spec: #{containers: [#{name: "web", image: "web:1"}]}},
    }});
    wait.ready(east.get("Deployment", "default/web"));
    print(east.get("ConfigMap", "default/paint").data.colour);
}
"#;

#[test]
fn a_recording_is_replayed_and_the_secret_is_not_in_it() {
    let folder = recorded(SCRIPT);
    let path = folder.path().join("run.jsonl");
    let text = std::fs::read_to_string(&path).expect("a recording");
    assert!(!text.contains("planted-in-a-secret") && !text.contains("cGxhbnRlZC1pbi1hLXNlY3JldA"), "{text}");
    assert!(text.contains("‹secret planted›"), "{text}");
    assert_eq!(std::fs::metadata(&path).expect("metadata").permissions().mode() & 0o777, 0o600);
    let test = r#"
        test "as recorded" {
            let again = replay("run.jsonl");
            assert_eq(again.steps, ["Write", "Run"]);
            assert_eq(again.printed, ["blue"]);
            assert_eq(again.differences, []);
        }"#;
    write(folder.path(), "main_test.rhai", test);
    let (code, out, err) = meshwright(folder.path(), &["test"]);
    assert_eq!(code, 0, "{out}{err}");
}

#[test]
fn a_fork_that_changes_something_else_is_told_what() {
    let folder = recorded(SCRIPT);
    let looked = SCRIPT.replace("step \"Write\"", "step \"Look\" on east { east.exists(\"ConfigMap\", \"default/paint\"); east.list(\"nodes\"); }\nstep \"Write\"");
    write(folder.path(), "looks.rhai", &looked);
    let changed = SCRIPT.replace("image: \"web:1\"", "image: \"web:2\"");
    let changed = changed.replace("step \"Run\"", "step \"More\" on east { east.apply(#{apiVersion: \"v1\", kind: \"ConfigMap\", metadata: #{name: \"more\", namespace: \"default\"}}); east.delete(\"Secret\", \"default/key\"); }\nstep \"Run\"");
    write(folder.path(), "changed.rhai", &changed);
    let test = r#"
        test "a further look is no difference" {
            assert_eq(replay("run.jsonl", #{script: "./looks.rhai"}).differences, []);
        }
        test "a parameter is told" {
            let lines = replay("run.jsonl", #{params: #{colour: "red"}, differences: true});
            assert_eq(lines.printed, ["red"]);
            assert("  -   colour: blue" in lines.differences, `${lines.differences}`);
        }
        test "the fork is told" { replay("run.jsonl", #{script: "./changed.rhai"}); }"#;
    write(folder.path(), "main_test.rhai", test);
    let (code, out, err) = meshwright(folder.path(), &["test"]);
    assert_eq!(code, 1, "{out}{err}");
    assert!(err.contains("1 of 3 tests failed"), "{out}{err}");
    for part in [
        "the script does not do what run.jsonl says",
        "east: configmaps default/more is changed now and was not",
        "east: secrets default/key is changed otherwise",
        "DELETE /api/v1/namespaces/default/secrets/key",
        "east: deployments.apps default/web is changed otherwise",
        "image: web:1",
        "image: web:2",
        "record it again",
    ] {
        assert!(out.contains(part), "`{part}` is missing in:\n{out}");
    }
}

#[test]
fn a_recording_beside_a_fork_names_the_script_as_its_tests_do() {
    let folder = tempfile::tempdir().expect("folder");
    std::fs::create_dir(folder.path().join("mine")).expect("folder");
    write(folder.path(), "mine/main.rhai", SCRIPT);
    let (code, out, err) = meshwright(folder.path(), &["rehearse", "mine", "--record", "./mine/run.jsonl"]);
    assert_eq!(code, 0, "{out}{err}");
    write(folder.path(), "mine/main_test.rhai", "test \"as before\" { replay(\"run.jsonl\"); }");
    let (code, out, err) = meshwright(folder.path(), &["test"]);
    assert_eq!(code, 0, "{out}{err}");
}

#[test]
fn the_guide_is_replayed_without_clusters_and_without_istioctl() {
    for dialect in ["current", "classic"] {
        let folder = tempfile::tempdir().expect("folder");
        let (code, out, err) = meshwright(
            folder.path(),
            &["rehearse", "shared-gateways", "--dialect", dialect, "--record", "guide.jsonl"],
        );
        assert_eq!(code, 0, "{out}{err}");
        let text = std::fs::read_to_string(folder.path().join("guide.jsonl")).expect("a recording");
        assert!(!text.contains("PRIVATE KEY-----") && !text.contains("LS0tLS1CRUdJTi"), "{dialect}: a key is in it");
        write(
            folder.path(),
            "guide_test.rhai",
            "test \"the guide\" { assert_eq(replay(\"guide.jsonl\").steps.len(), 16); }",
        );
        let (code, out, err) = meshwright(folder.path(), &["test"]);
        assert_eq!(code, 0, "{dialect}: {out}{err}");
    }
}

/// Talks with clusters behind HTTPS: a change, a watch, a program in a pod, a log.
const TRAFFIC: &str = r#"//! # Traffic
//! ---
//! params: {east: {type: cluster, help: "a cluster of the mesh"}}
//! needs: {write: [default], pods: [sample]}
//! ---
let east = params.east;
step "Deploy" on east {
    east.apply(#{apiVersion: "apps/v1", kind: "Deployment", metadata: #{name: "web", namespace: "default"}, spec: #{
        selector: #{matchLabels: #{app: "web"}},
        template: #{metadata: #{labels: #{app: "web"}}, spec: #{containers: [#{name: "web", image: "web:1"}]}},
    }});
    wait.ready(east, "Deployment", "default/web");
}
step "Call" on east {
    let pod = east.list("pods", #{namespace: "sample", labels: "app=sleep"})[0];
    let said = east.exec(pod, ["curl", "-s", "helloworld.sample:5000/hello"], #{container: "sleep"});
    print(said.stdout.contains("Hello version"));
    print(east.logs(pod, #{container: "istio-proxy"}).contains("helloworld"));
}
"#;

#[test]
fn a_run_on_served_clusters_with_watches_programs_and_logs_holds_a_fork() {
    use std::io::BufRead as _;
    let folder = tempfile::tempdir().expect("folder");
    let mut serve = std::process::Command::new(env!("CARGO_BIN_EXE_meshwright"));
    serve.args(["rehearse", "shared-gateways", "--serve"]).env("HOME", folder.path()).current_dir(folder.path());
    let pipes = serve.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::null());
    let mut served = pipes.stdin(std::process::Stdio::null()).spawn().expect("started");
    let mut line = String::new();
    std::io::BufReader::new(served.stdout.take().expect("stdout")).read_line(&mut line).expect("a line");
    let kubeconfig = line.trim().trim_start_matches("export KUBECONFIG=").to_owned();
    write(folder.path(), "main.rhai", TRAFFIC);
    let run =
        ["run", "./main.rhai", "--east", "cluster1", "--yes", "--record", "run.jsonl", "--kubeconfig", &kubeconfig];
    let (code, out, err) = meshwright(folder.path(), &run);
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(served.id().try_into().expect("pid")),
        nix::sys::signal::Signal::SIGTERM,
    )
    .expect("ended");
    served.wait().expect("ended");
    assert_eq!((code, out.as_str()), (0, "true\ntrue\n"), "{err}");
    let text = std::fs::read_to_string(folder.path().join("run.jsonl")).expect("a recording");
    for part in ["watch=", "\"curl\"", "/log?", "Hello version"] {
        assert!(text.contains(part), "the recording has no `{part}`");
    }
    let looks = TRAFFIC.replace("step \"Call\"", "step \"Look\" on east { east.list(\"deploy\"); }\nstep \"Call\"");
    write(folder.path(), "fork.rhai", &looks);
    write(folder.path(), "changed.rhai", &TRAFFIC.replace("web:1", "web:2"));
    let test = r#"
        test "as it was" {
            let again = replay("run.jsonl", #{script: "./fork.rhai"});
            assert_eq(again.printed, ["true", "true"]);
            assert_eq(again.steps, ["Deploy", "Look", "Call"]);
        }
        test "another image" { assert_fails(|| replay("run.jsonl", #{script: "./changed.rhai"}), "does not do"); }"#;
    write(folder.path(), "main_test.rhai", test);
    let (code, out, err) = meshwright(folder.path(), &["test"]);
    assert_eq!(code, 0, "{out}{err}");
}

#[test]
fn a_parameter_that_was_a_secret_needs_none_in_a_replay() {
    let folder = tempfile::tempdir().expect("folder");
    let script = r#"//! # Key
//! ---
//! params:
//!   east: {type: cluster}
//!   token: {type: secret, help: "a token"}
//! needs: {write: [default]}
//! ---
step "Write" on params.east {
    params.east.apply(#{apiVersion: "v1", kind: "Secret", metadata: #{name: "key", namespace: "default"}, stringData: #{token: params.token}});
}
"#;
    write(folder.path(), "main.rhai", script);
    write(folder.path(), "token", "planted-in-a-parameter");
    let args = ["rehearse", "./main.rhai", "--token", "file:token", "--record", "run.jsonl"];
    let (code, out, err) = meshwright(folder.path(), &args);
    assert_eq!(code, 0, "{out}{err}");
    let text = std::fs::read_to_string(folder.path().join("run.jsonl")).expect("a recording");
    assert!(!text.contains("planted-in-a-parameter"), "{text}");
    write(
        folder.path(),
        "main_test.rhai",
        "test \"as recorded\" { assert_eq(replay(\"run.jsonl\").differences, []); }",
    );
    let (code, out, err) = meshwright(folder.path(), &["test"]);
    assert_eq!(code, 0, "{out}{err}");
}
