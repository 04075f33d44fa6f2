//! Forks as their owner types them.

use assert_cmd::Command;
use std::path::Path;

fn meshwright(folder: &Path, args: &[&str]) -> (i32, String, String) {
    let mut command = Command::cargo_bin("meshwright").expect("the program");
    command.args(args).env("HOME", folder).env_remove("KUBECONFIG").env("NO_COLOR", "1").current_dir(folder);
    let output = command.output().expect("started");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_fork_is_made_changed_looked_at_and_merged() {
    let folder = tempfile::tempdir().expect("folder");
    let at = folder.path();
    let (code, out, err) = meshwright(at, &["fork", "shared-gateways", "mine"]);
    assert_eq!((code, out.as_str()), (0, "./mine\n"), "{err}");
    assert!(err.contains("meshwright rehearse ./mine"), "{err}");
    let (code, out, _) = meshwright(at, &["fork", "status", "mine"]);
    assert!(code == 0 && out.contains("files as they came") && !out.contains("by you"), "{out}");
    assert_eq!(meshwright(at, &["fork", "shared-gateways", "mine"]).0, 1, "the folder is taken");

    let main = at.join("mine/main.rhai");
    let text = std::fs::read_to_string(&main).expect("main").replace("\"Prove the path\"", "\"Prove it\"");
    std::fs::write(&main, text).expect("written");
    let (code, out, _) = meshwright(at, &["fork", "status", "mine"]);
    assert!(code == 0 && out.contains("main.rhai") && out.contains("changed by you"), "{out}");
    let (code, out, _) = meshwright(at, &["fork", "diff", "mine"]);
    assert!(code == 0 && out.contains("+    step \"Prove it\" on mesh.clusters {"), "{out}");

    // As if the fork had been made from an older version, in which a task was another one.
    let older = "//! # Older\n";
    for path in ["mine/verify.rhai", "mine/.meshwright/origin/verify.rhai"] {
        std::fs::write(at.join(path), older).expect("written");
    }
    let lineage = at.join("mine/.meshwright/origin.yaml");
    let hash = |text: &str| {
        use sha2::Digest as _;
        sha2::Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let shipped = meshwright::script::bundled("shared-gateways/verify.rhai").expect("shipped");
    let text = std::fs::read_to_string(&lineage).expect("lineage").replace(&hash(shipped), &hash(older));
    std::fs::write(&lineage, text).expect("written");
    let (code, out, err) = meshwright(at, &["fork", "status", "mine"]);
    assert!(code == 2 && out.contains("changed upstream") && err.contains("fork merge"), "{out}{err}");
    let (code, out, _) = meshwright(at, &["fork", "status", "mine", "-o", "json"]);
    let told: serde_json::Value = serde_json::from_str(&out).expect("json");
    let file = told["files"].as_array().expect("files").iter().find(|file| file["path"] == "verify.rhai");
    assert_eq!((code, file.map(|file| file["to_take"].clone())), (2, Some(true.into())));
    let (code, out, _) = meshwright(at, &["fork", "merge", "mine"]);
    assert_eq!((code, out.as_str()), (0, "changed  verify.rhai\n"));
    assert_eq!(std::fs::read_to_string(at.join("mine/verify.rhai")).expect("verify"), shipped);
    assert_eq!(meshwright(at, &["fork", "status", "mine"]).0, 0);
}

#[test]
fn a_small_fork_replaces_one_function_and_follows_the_shipped_script_otherwise() {
    let folder = tempfile::tempdir().expect("folder");
    let at = folder.path();
    let (code, _, err) = meshwright(at, &["fork", "shared-gateways", "mine", "--only", "std:istio/sample"]);
    assert_eq!(code, 0, "{err}");
    let own = "import \"std:istio/sample\" as shipped;\n\
               fn deploy(mesh, member) { log.info(`ours for ${member.cluster}`); shipped::deploy(mesh, member) }\n\
               fn wait_for(mesh, member) { shipped::wait_for(mesh, member) }\n";
    std::fs::write(at.join("mine/stdlib/istio/sample.rhai"), own).expect("written");
    // Both from outside and from inside the folder.
    for (start, name) in [(at.to_owned(), "mine"), (at.join("mine"), ".")] {
        let (code, _, err) = meshwright(&start, &["rehearse", name]);
        assert_eq!(code, 0, "{err}");
        assert!(err.contains("ours for cluster1") && err.contains("✓ Prove the path"), "{err}");
    }
    assert_eq!(meshwright(at, &["fork", "status", "mine"]).0, 0);
}

#[test]
fn parameters_come_from_a_file_or_stdin_and_flags_win() {
    let folder = tempfile::tempdir().expect("folder");
    let at = folder.path();
    std::fs::write(at.join("p.yaml"), "primry: a\ncalls: many\ndialect: new\n").expect("written");
    let (code, _, err) = meshwright(at, &["rehearse", "shared-gateways", "--params", "p.yaml", "--sampl"]);
    assert_eq!(code, 4);
    for line in ["`primry` in the parameter file", "did you mean --primary?", "`calls`", "`dialect`", "--sampl"] {
        assert!(err.contains(line), "`{line}` is missing in:\n{err}");
    }
    let mut command = Command::cargo_bin("meshwright").expect("the program");
    command.args([
        "rehearse",
        "shared-gateways",
        "--params",
        "-",
        "--primary",
        "north",
        "--stop-after",
        "Check the clusters",
    ]);
    let output = command.env("HOME", at).write_stdin("primary: east\nremote: [west]\n").output().expect("started");
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && err.contains("on north, west"), "{err}");
}
