//! `doc`, `explain` and `definitions` as a user types them.

use assert_cmd::Command;

fn meshwright(args: &[&str]) -> (i32, String, String) {
    let home = tempfile::tempdir().expect("folder");
    let mut command = Command::cargo_bin("meshwright").expect("the program");
    command.args(args).env("HOME", home.path()).env("NO_COLOR", "1").env("COLUMNS", "80").current_dir(home.path());
    let output = command.output().expect("started");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

#[test]
fn doc_lists_everything_in_lines_that_fit() {
    let (code, out, err) = meshwright(&["doc"]);
    assert_eq!((code, err.as_str()), (0, ""));
    for name in ["  step ", "  kube.cluster ", "  wait.ready ", "  std:istio/networks "] {
        assert!(out.contains(name), "`{name}` is missing in:\n{out}");
    }
    let long: Vec<&str> = out.lines().filter(|line| line.chars().count() > 80).collect();
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn doc_tells_all_about_one_function() {
    let (code, out, _) = meshwright(&["doc", "wait.ready"]);
    assert_eq!(code, 0);
    assert!(out.starts_with("wait.ready("), "{out}");
    for part in ["#{timeout: ", "since 0.1.0", "fails with timeout", "Example:"] {
        assert!(out.contains(part), "`{part}` is missing in:\n{out}");
    }
    let (_, json, _) = meshwright(&["doc", "wait.ready", "-o", "json"]);
    let told: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!((&told[0]["on"], &told[0]["name"]), (&"wait".into(), &"ready".into()));
}

#[test]
fn doc_tells_of_modules_and_their_functions() {
    let (code, out, _) = meshwright(&["doc", "std:istio/networks"]);
    assert_eq!(code, 0);
    assert!(
        out.starts_with("import \"std:istio/networks\" as networks;") && out.contains("networks::enter(mesh, members)"),
        "{out}"
    );
    let (code, out, _) = meshwright(&["doc", "istio/networks::enter"]);
    assert_eq!(code, 0);
    assert!(out.contains("Comments and everything else stay"), "{out}");
}

#[test]
fn an_unknown_name_gets_the_nearest_and_code_4() {
    let (code, out, err) = meshwright(&["doc", "kube.clustr"]);
    assert_eq!((code, out.as_str()), (4, ""));
    assert!(err.contains("did you mean `kube.cluster`?"), "{err}");
}

#[test]
fn explain_fills_in_the_contexts_that_are_given() {
    let guide = ["explain", "shared-gateways", "Let the primary watch the remote clusters"];
    let (code, out, err) = meshwright(&[&guide[..], &["--primary", "east", "--remote", "west"]].concat());
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    for part in [
        "in the guide: Setup cluster 2, steps 5 and 6",
        "step 12 of 16",
        "kubectl create --context=east secret generic",
    ] {
        assert!(out.contains(part), "`{part}` is missing in:\n{out}");
    }
    assert!(!out.contains("$CTX_CLUSTER"), "{out}");
    let (_, out, _) = meshwright(&guide);
    assert!(out.contains("--context=$CTX_CLUSTER1"), "{out}");
}

#[test]
fn explain_fills_in_every_parameter_and_numbers_the_remotes() {
    let told = |step: &str, more: &[&str]| {
        let remotes = ["--primary", "one", "--remote", "two", "--remote", "three"];
        let (code, out, err) = meshwright(&[&["explain", "shared-gateways", step][..], &remotes, more].concat());
        assert_eq!((code, err.as_str()), (0, ""), "{out}");
        out
    };
    let install = told("Install the remote clusters", &[]);
    for (cluster, network) in [("two", "network2"), ("three", "network3")] {
        let line =
            install.lines().find(|line| line.contains("manifest apply") && line.contains(&format!("={cluster} ")));
        assert!(line.is_some_and(|line| line.ends_with(&format!("network={network}"))), "{install}");
    }
    let watch = told("Let the primary watch", &["--namespace", "mesh", "--cluster-name", "a", "--cluster-name", "b"]);
    for line in [
        "secret generic n2-k8s-secret --from-file b -n mesh",
        "secret generic n3-k8s-secret --from-file n3-k8s-config -n mesh",
        "label --context=one secret n3-k8s-secret istio/multiCluster=true -n mesh",
    ] {
        assert!(watch.contains(line), "`{line}` is missing in:\n{watch}");
    }
    let folder = tempfile::tempdir().expect("folder");
    let site = folder.path().join("site.yaml");
    std::fs::write(&site, "sample_namespace: hello\n").expect("written");
    let call = told("Call helloworld", &["--params", site.to_str().expect("path")]);
    assert!(call.contains("-n hello -c sleep") && call.contains("curl helloworld.hello:5000/hello"), "{call}");
}

#[test]
fn explain_finds_a_step_by_a_part_of_its_name() {
    let (code, out, _) = meshwright(&["explain", "prove the path", "-o", "json"]);
    assert_eq!(code, 0);
    let told: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((&told["step"], &told["script"]), (&"Prove the path".into(), &"shared-gateways".into()));
    let (code, _, err) = meshwright(&["explain", "shared-gateways", "Prov the path"]);
    assert_eq!(code, 4);
    assert!(err.contains("did you mean `Prove the path`?"), "{err}");
    let (code, _, err) = meshwright(&["explain", "1", "--primry", "x"]);
    assert_eq!(code, 4);
    assert!(err.contains("did you mean --primary?"), "{err}");
}

#[test]
fn definitions_are_written_once_and_again_but_not_over_other_files() {
    let home = tempfile::tempdir().expect("folder");
    let write = || {
        let mut command = Command::cargo_bin("meshwright").expect("the program");
        let output = command.arg("definitions").arg(home.path()).output().expect("started");
        (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (code, out) = write();
    assert_eq!(code, 0);
    assert!(out.contains("Rhai.toml") && out.contains("definitions/meshwright.d.rhai"), "{out}");
    assert!(home.path().join("definitions/istio-networks.d.rhai").is_file());
    assert_eq!(write(), (0, out));
    std::fs::write(home.path().join("Rhai.toml"), "[source]\n").expect("written");
    assert_eq!(write().0, 4);
}

/// The names of a shipped script's steps.
fn steps_of(script: &str) -> Vec<String> {
    let script = meshwright::script::find(script, std::path::Path::new("/nowhere")).expect("shipped");
    script.steps().into_iter().map(|step| step.name).collect()
}

#[test]
fn what_explain_prints_can_be_pasted_into_a_shell() {
    let mut count = 0;
    for script in ["shared-gateways", "shared-gateways/verify", "shared-gateways/cleanup"] {
        for step in steps_of(script) {
            let contexts = ["--primary", "east", "--remote", "west", "--remote", "north"];
            let (code, out, err) = meshwright(&[&["explain", script, &step, "-o", "json"][..], &contexts].concat());
            assert_eq!(code, 0, "{step}: {err}");
            let told: serde_json::Value = serde_json::from_str(&out).expect("JSON");
            let commands = told["commands"].as_array().expect("commands").iter().filter_map(|line| line.as_str());
            let commands = commands.collect::<Vec<_>>().join("\n");
            for unresolved in ["…", "<", "$CTX", "${", "POD"] {
                assert!(!commands.contains(unresolved), "{step}: `{unresolved}` in:\n{commands}");
            }
            for cluster in ["east", "west", "north"].iter().filter(|_| commands.contains(" in east ")) {
                assert!(commands.contains(cluster), "{step}: {commands}");
            }
            let is_aimed = |line: &str| !line.contains("kubectl") || line.contains("--context=");
            assert!(commands.lines().all(is_aimed), "{step}: the current context is nobody's: {commands}");
            let shell = std::process::Command::new("bash").args(["-n", "-c", &commands]).output().expect("bash");
            assert!(shell.status.success(), "{step}: {}\n{commands}", String::from_utf8_lossy(&shell.stderr));
            count += commands.lines().count();
        }
    }
    assert!(count > 25, "{count} lines");
}
