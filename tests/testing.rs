//! `meshwright test`: the tests that come with scripts and modules pass, and those of users fail as they should.

use assert_cmd::Command;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::Stdio;

fn test(folder: &Path, args: &[&str]) -> (i32, String, String) {
    let mut command = Command::cargo_bin("meshwright").expect("the program");
    command.arg("test").args(args).env("HOME", folder).env("NO_COLOR", "1").current_dir(folder);
    let output = command.output().expect("started");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

fn project(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("parent")).expect("folder");
        std::fs::write(path, text).expect("written");
    }
    folder
}

const MIXED: &str = r#"
let base = 40;
fn double(n) { n * 2 }

test "helpers and variables are there" { assert_eq(double(base + 2), 84); }
test "clusters are its own" {
    let east = kube.cluster("east");
    assert(!east.exists("Namespace", "mine"));
    east.apply(#{apiVersion: "v1", kind: "Namespace", metadata: #{name: "mine"}});
}
test "and nobody else's" on ["north", "east"] {
    assert(!kube.cluster("east").exists("Namespace", "mine"));
    assert_eq(kube.contexts(), ["north", "east"]);
}
for n in [1, 2] {
    test `made in a loop: ${n}` { assert(n > 1, `${n} is too small`); }
}
test "maps differ" {
    print("on the way");
    assert_eq(#{a: 1, b: [1, 2]}, #{a: 1, b: [1, 3]}, "the answer is wrong");
}
"#;

#[test]
fn everything_that_comes_with_the_program_passes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (code, out, err) = test(root, &["stdlib", "scripts"]);
    assert_eq!(code, 0, "{out}\n{err}");
    for file in ["stdlib/istio/networks_test: ", "scripts/shared-gateways/main_test: it ends in the proof"] {
        assert!(out.contains(file), "`{file}` is missing in:\n{out}");
    }
}

#[test]
fn the_tests_inside_the_program_are_found_by_the_scripts_name() {
    let folder = tempfile::tempdir().expect("folder");
    let (code, out, err) = test(folder.path(), &["shared-gateways", "without the sample"]);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(out.contains("1 test passed"), "{out}");
}

#[test]
fn failures_show_the_line_the_difference_and_what_was_said() {
    let folder = project(&[("mine_test.rhai", MIXED)]);
    let (code, out, err) = test(folder.path(), &[]);
    assert_eq!(code, 1, "{out}");
    assert!(err.contains("2 of 6 tests failed"), "{err}");
    for part in [
        "✓ mine_test: helpers and variables are there",
        "✓ mine_test: and nobody else's",
        "✗ mine_test: made in a loop: 1",
        "✓ mine_test: made in a loop: 2",
        "1 is too small",
        "the answer is wrong",
        "- - 2",
        "+ - 3",
        "mine_test.rhai:20:5",
        "on the way",
    ] {
        assert!(out.contains(part), "`{part}` is missing in:\n{out}");
    }
}

#[test]
fn tests_are_listed_and_chosen_by_a_part_of_their_name() {
    let folder = project(&[("mine_test.rhai", MIXED), ("target/not_test.rhai", "test \"no\" { assert(false); }")]);
    let (code, out, _) = test(folder.path(), &["--list"]);
    assert_eq!((code, out.lines().count()), (0, 6), "{out}");
    let (code, out, _) = test(folder.path(), &["loop: 2"]);
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("1 test passed"), "{out}");
    let (code, _, err) = test(folder.path(), &["--filter", "maps difer"]);
    assert_eq!(code, 4);
    assert!(err.contains("did you mean `maps differ`?"), "{err}");
    let (code, _, err) = test(folder.path(), &["nowhere/"]);
    assert_eq!((code, err.contains("there is no file or folder nowhere/")), (4, true), "{err}");
}

#[test]
fn files_that_are_no_tests_fail_and_the_others_run() {
    let files = [
        ("a_test.rhai", "test \"fine\" { }"),
        ("b_test.rhai", "let x = ;"),
        ("c_test.rhai", "test \"t\" {}\ntest \"t\" {}"),
    ];
    let folder = project(&files);
    let (code, out, err) = test(folder.path(), &[]);
    assert_eq!(code, 1, "{out}");
    for part in ["✓ a_test: fine", "b_test.rhai cannot be run", "there are two tests `t`: the other one is in line 1"]
    {
        assert!(out.contains(part), "`{part}` is missing in:\n{out}");
    }
    assert!(err.contains("0 of 1 test failed, 2 files cannot be run"), "{err}");
    let (code, _, err) = test(tempfile::tempdir().expect("folder").path(), &[]);
    assert_eq!((code, err.contains("there are no tests here")), (4, true), "{err}");
}

#[test]
fn junit_has_every_test_with_its_failure() {
    let folder = project(&[("mine_test.rhai", MIXED)]);
    let (code, ..) = test(folder.path(), &["--junit", "results.xml"]);
    assert_eq!(code, 1);
    let xml = std::fs::read_to_string(folder.path().join("results.xml")).expect("written");
    assert!(xml.contains(r#"tests="6""#) && xml.contains(r#"failures="2""#), "{xml}");
    assert!(xml.contains("made in a loop: 1") && xml.contains("the answer is wrong"), "{xml}");
}

#[test]
fn a_file_for_the_results_that_cannot_be_written_is_told_before_the_tests_run() {
    let folder = project(&[("mine_test.rhai", MIXED)]);
    let (code, out, err) = test(folder.path(), &["--junit", "nowhere/results.xml"]);
    assert_eq!((code, out.as_str()), (4, ""), "{err}");
    assert!(err.contains("cannot write the results to nowhere/results.xml"), "{err}");
    std::fs::write(folder.path().join("mine_test.rhai"), "let x = ;").expect("written");
    assert_eq!(test(folder.path(), &["--list", "--junit", "results.xml"]).0, 4);
    assert!(!folder.path().join("results.xml").exists(), "an empty file is left");
}

#[test]
fn programs_read_the_results_as_json() {
    let folder = project(&[("mine_test.rhai", MIXED), ("wrong_test.rhai", "let x = ;")]);
    let (code, out, err) = test(folder.path(), &["-o", "json"]);
    let rows: serde_json::Value = serde_json::from_str(&out).expect("json and nothing else");
    assert!(code == 1 && err.contains("2 of 6 tests failed, 1 file cannot be run"), "{err}");
    let rows = rows.as_array().expect("a list");
    assert!(rows.len() == 7 && rows[0]["name"].is_null() && rows[0]["result"] == "failed", "{out}");
    let row = rows.iter().find(|row| row["name"] == "maps differ").expect("the test");
    assert_eq!(
        (&row["file"], &row["line"], &row["result"]),
        (&"./mine_test.rhai".into(), &18.into(), &"failed".into())
    );
    assert!(
        row["message"].as_str().is_some_and(|said| said.contains("the answer is wrong")) && row["ms"].is_u64(),
        "{row}"
    );
    assert_eq!((&row["said"], &row["at"]), (&serde_json::json!(["on the way"]), &"./mine_test.rhai:20:5".into()));
    let passed = rows.iter().filter(|row| row["result"] == "passed" && row["message"].is_null()).count();
    assert_eq!(passed, 4, "{out}");
    let (code, out, err) = test(folder.path(), &["-o", "json", "loop: 2", "mine_test.rhai"]);
    assert!(code == 0 && serde_json::from_str::<serde_json::Value>(&out).is_ok() && err.is_empty(), "{out}{err}");
    let (_, out, _) = test(folder.path(), &["-o", "json", "--list", "mine_test.rhai"]);
    let rows: serde_json::Value = serde_json::from_str(&out).expect("json");
    assert_eq!((rows.as_array().map(Vec::len), &rows[0]["line"]), (Some(6), &5.into()));
}

#[test]
fn a_rehearsed_script_must_have_the_rights_that_it_uses() {
    let script = "//! # Write\n//!\n//! ---\n//! params:\n//!   cluster: {type: cluster, help: where}\n//! ---\n\
                  step \"Write\" on params.cluster {\n    params.cluster.apply(#{apiVersion: \"v1\", kind: \"Namespace\", metadata: #{name: \"n\"}});\n}\n";
    let tests = "test \"it may\" { rehearse(\"./main.rhai\"); }\n\
                 test \"it may not\" { assert_eq(assert_fails(|| rehearse(\"./main.rhai\")).kind, \"rights\"); }\n\
                 test \"no such step\" { assert_fails(|| rehearse(\"./main.rhai\", #{clutser: \"east\"}), \"cluster\"); }";
    let folder = project(&[("main.rhai", script), ("main_test.rhai", tests)]);
    let (code, out, err) = test(folder.path(), &[]);
    assert_eq!(code, 1, "{out}");
    assert!(err.contains("1 of 3 tests failed"), "{out}");
    for part in ["✗ main_test: it may ", "main.rhai:8:20", "called from ./main_test.rhai:1:17", "✗ Write"] {
        assert!(out.contains(part), "`{part}` is missing in:\n{out}");
    }
}

#[test]
fn outside_of_tests_their_words_are_told_as_what_they_are() {
    let folder = project(&[("main.rhai", "//! # M\ntest \"x\" { }")]);
    let mut command = Command::cargo_bin("meshwright").expect("the program");
    command.args(["rehearse", "./main.rhai"]).env("HOME", folder.path()).current_dir(folder.path());
    let output = command.output().expect("started");
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(4), "{err}");
    assert!(err.contains("`meshwright test` runs it"), "{err}");
}

#[test]
fn watching_runs_again_at_a_change() {
    use std::io::{BufRead as _, BufReader};
    let folder = project(&[("mine_test.rhai", "test \"first\" { }")]);
    let program = assert_cmd::cargo::cargo_bin("meshwright");
    let mut child = std::process::Command::new(program)
        .args(["test", "--watch"])
        .env("HOME", folder.path())
        .env("NO_COLOR", "1")
        .current_dir(folder.path())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("started");
    let mut lines = BufReader::new(child.stdout.take().expect("stdout")).lines().map_while(Result::ok);
    assert!(lines.by_ref().any(|line| line.contains("1 test passed")));
    std::fs::write(folder.path().join("mine_test.rhai"), "test \"first\" { }\ntest \"second\" { }").expect("written");
    assert!(lines.by_ref().any(|line| line.contains("2 tests passed")));
    child.kill().expect("ended");
    child.wait().expect("ended");
}

/// The first ends, the second never does, the third never begins.
const ENDLESS: &str = r#"
test "one that ends" {}
test "one that never ends" { try { wait.until(|| false, #{timeout: "100000h"}); } catch {} loop {} }
test "one that never begins" {}
"#;

/// Ends `meshwright test` by a signal while a test is under way: its exit code, what it printed, and what it left.
fn interrupted(signal: Signal, args: &[&str]) -> (Option<i32>, String) {
    let folder = project(&[("a_test.rhai", ENDLESS), ("tmp/.keep", "")]);
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_meshwright"));
    command.arg("test").args(args).env("HOME", folder.path()).env("NO_COLOR", "1").current_dir(folder.path());
    command.env("TMPDIR", folder.path().join("tmp")).stdin(Stdio::null());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started");
    let (mut out, mut first) = (BufReader::new(child.stdout.take().expect("out")), String::new());
    out.read_line(&mut first).expect("the first test");
    assert!(first.contains("✓ a_test: one that ends"), "{first}");
    kill(Pid::from_raw(child.id().try_into().expect("pid")), signal).expect("sent");
    let output = child.wait_with_output().expect("ended");
    out.read_to_string(&mut first).expect("the rest");
    let left = std::fs::read_dir(folder.path().join("tmp")).expect("folder").count();
    assert_eq!(left, 1, "temporary files are gone");
    let marker = format!("TMPDIR={}", folder.path().join("tmp").display());
    let environments = std::fs::read_dir("/proc").expect("processes").flatten();
    let texts = environments.filter_map(|entry| std::fs::read(entry.path().join("environ")).ok());
    assert!(!texts.into_iter().any(|text| String::from_utf8_lossy(&text).contains(&marker)), "a process is left");
    (output.status.code(), first + &String::from_utf8_lossy(&output.stderr))
}

#[test]
fn an_interrupt_cuts_tests_short() {
    for (signal, code) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143)] {
        for args in [&["--jobs", "1"][..], &["--jobs", "1", "--watch"]] {
            let (ended, shown) = interrupted(signal, args);
            assert_eq!(ended, Some(code), "{args:?}: {shown}");
            assert!(shown.contains("interrupted: 2 of 3 tests did not end"), "{args:?}: {shown}");
            assert!(!shown.contains("one that never begins"), "{args:?}: {shown}");
        }
    }
}
