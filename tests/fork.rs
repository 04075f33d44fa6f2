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

    let marked = "<<<<<<< ours\nstep \"A\" {\n=======\nstep \"B\" {\n>>>>>>> theirs\n}\n";
    std::fs::write(at.join("mine/verify.rhai"), marked).expect("written");
    let (code, out, err) = meshwright(at, &["fork", "status", "mine"]);
    assert!(code == 2 && out.contains("marks of a merge") && err.contains("until they are gone"), "{code} {out}{err}");
    let (_, _, err) = meshwright(at, &["rehearse", "./mine/verify.rhai"]);
    assert!(err.contains("a merge has left its marks here") && err.contains("verify.rhai:1:1"), "{err}");
}

#[test]
fn a_fork_with_one_more_step_passes_the_tests_that_it_was_given() {
    let folder = tempfile::tempdir().expect("folder");
    let at = folder.path();
    assert_eq!(meshwright(at, &["fork", "shared-gateways", "mine"]).0, 0);
    let main = at.join("mine/main.rhai");
    let shipped = std::fs::read_to_string(&main).expect("main");
    let middle = shipped.replacen(
        "step \"Wait for the remote clusters\"",
        "step \"Mine\" {}\n\nstep \"Wait for the remote clusters\"",
        1,
    );
    std::fs::write(&main, format!("{middle}\nstep \"Mine as well\" {{}}\n")).expect("written");
    let (code, out, err) = meshwright(at, &["test", "mine", "the proof", "same command", "now and then"]);
    assert!(code == 0 && out.contains("4 tests passed"), "{out}{err}");
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
fn a_small_fork_replaces_one_step_which_sees_what_the_shipped_one_saw() {
    let folder = tempfile::tempdir().expect("folder");
    let at = folder.path();
    let fork =
        ["fork", "shared-gateways", "mine", "--only", "step:find the remote gateways", "--only", "step:Prove the path"];
    let (code, _, err) = meshwright(at, &fork);
    assert_eq!(code, 0, "{err}");
    let file = at.join("mine/steps/find-the-remote-gateways.rhai");
    let shipped = std::fs::read_to_string(&file).expect("the step as it came");
    assert!(
        shipped.starts_with("import \"std:istio/gateway\" as gateway;\n\n// Guide: Setup cluster 2, step 3."),
        "{shipped}"
    );
    let (code, out, err) = meshwright(at, &["check", "mine"]);
    assert_eq!((code, out.as_str()), (0, ""), "{err}");

    // It changes `mesh`, which the steps after it read.
    let own = shipped.replace(
        "    mesh.remotes =",
        "    let own = \"ours\";\n    log.info(`${own}: ${mesh.remotes.len()}`);\n    mesh.remotes =",
    );
    std::fs::write(&file, own).expect("written");
    let (code, _, err) = meshwright(at, &["rehearse", "mine"]);
    assert_eq!(code, 0, "{err}");
    assert!(
        err.contains("ours: 1") && err.contains("cluster2: 172.18.1.1:443") && err.contains("✓ Prove the path"),
        "{err}"
    );
    let (code, out, _) = meshwright(at, &["fork", "status", "mine"]);
    assert!(code == 0 && out.contains("steps/find-the-remote-gateways.rhai  changed by you"), "{out}");
    assert!(meshwright(at, &["fork", "diff", "mine"]).1.contains("+    let own = \"ours\";"));
    let (code, out, err) = meshwright(at, &["check", "mine"]);
    assert_eq!((code, out.as_str()), (0, ""), "{err}");
    let (_, out, _) = meshwright(at, &["show", "mine"]);
    assert!(
        out.contains("10. Find the remote gateways\n") && out.contains("In ./mine/steps/find-the-remote-gateways.rhai"),
        "{out}"
    );
    let (_, out, _) = meshwright(at, &["explain", "mine", "Find the remote gateways"]);
    assert!(out.contains("step 10 of 16, ./mine/steps/find-the-remote-gateways.rhai:"), "{out}");
}

#[test]
fn a_return_in_a_replaced_step_ends_the_script_as_it_would_there() {
    let folder = tempfile::tempdir().expect("folder");
    let at = folder.path();
    meshwright(at, &["fork", "shared-gateways", "mine", "--only", "step:Share one root of trust"]);
    let file = at.join("mine/steps/share-one-root-of-trust.rhai");
    let own = "step \"Share one root of trust\" {\n    [1].for_each(|x| { return; });\n    if mesh.remotes.len() > 0 { return; }\n    fail(\"went on\");\n}\n";
    std::fs::write(&file, own).expect("written");
    let (code, _, err) = meshwright(at, &["rehearse", "mine"]);
    assert!(code == 0 && err.contains("✓ Share one root of trust") && err.contains("Done: 2 steps"), "{err}");
}

#[test]
fn mistakes_in_a_step_of_a_small_fork_are_told_where_they_are() {
    let folder = tempfile::tempdir().expect("folder");
    let at = folder.path();
    meshwright(at, &["fork", "shared-gateways", "mine", "--only", "step:Check the clusters"]);
    let file = at.join("mine/steps/check-the-clusters.rhai");
    let told = |text: &str, args: &[&str], wanted: &[&str]| {
        std::fs::write(&file, text).expect("written");
        let (code, out, err) = meshwright(at, args);
        assert_ne!(code, 0, "{args:?} {text}");
        wanted
            .iter()
            .for_each(|part| assert!(format!("{out}{err}").contains(part), "`{part}` is missing in:\n{out}{err}"));
    };
    let misspelled = "step \"Check the cluster\" {}\n";
    for verb in ["rehearse", "check", "show"] {
        let wanted = [
            "steps/check-the-clusters.rhai:1",
            "has no step `Check the cluster`",
            "did you mean `Check the clusters`?",
        ];
        told(misspelled, &[verb, "mine"], &wanted);
    }
    let strange = "step \"Check the clusters\" {\n    print(mash.remotes);\n    print(params.cals);\n}\n";
    let wanted = [
        "steps/check-the-clusters.rhai:2:11",
        "did you mean `mesh`?",
        "steps/check-the-clusters.rhai:3:18",
        "did you mean `calls`?",
    ];
    told(strange, &["check", "mine"], &wanted);
    told(strange, &["rehearse", "mine"], &["steps/check-the-clusters.rhai:3:18", "did you mean `calls`?"]);
    let failing = "step \"Check the clusters\" {\n    fail(\"not today\");\n}\n";
    told(
        failing,
        &["rehearse", "mine"],
        &["not today", "steps/check-the-clusters.rhai:2:5", "shared-gateways/main.rhai:"],
    );
    told(
        "step \"Check the clusters\" {",
        &["rehearse", "mine"],
        &["steps/check-the-clusters.rhai:1:27", "lacks its `}`"],
    );
    let (code, _, err) = meshwright(at, &["fork", "shared-gateways", "other", "--only", "step:Prove teh path"]);
    assert!(code == 4 && err.contains("did you mean `step:Prove the path`?"), "{err}");
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
