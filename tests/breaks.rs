//! Forks that break one link between the clusters. Each fails where the real mesh would, with the symptom that was seen
//! on real clusters.

mod stage;

use meshwright::failure::{Failure, Kind};
use stage::{Guide, job};
use std::path::Path;

/// Runs a copy of the guide in which one text of one file is replaced.
fn forked(file: &str, old: &str, new: &str) -> Failure {
    forked_in("current", file, &[(old, new)])
}

fn forked_in(dialect: &str, file: &str, changes: &[(&str, &str)]) -> Failure {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let fork = tempfile::tempdir().expect("folder");
    copy(&root.join("scripts/shared-gateways"), fork.path());
    copy(&root.join("stdlib"), &fork.path().join("stdlib"));
    let path = fork.path().join(file);
    let mut text = std::fs::read_to_string(&path).expect("the file to change");
    for (old, new) in changes {
        assert!(text.contains(old), "{file} has no `{old}`");
        text = text.replace(old, new);
    }
    std::fs::write(&path, text).expect("written");
    let name = fork.path().join("main.rhai");
    let args = ["--timeout", "2m", "--calls", "12", "--dialect", dialect];
    Guide::with(job(&name.to_string_lossy(), &args, None)).run().expect_err("the fork is broken")
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("folder");
    for entry in std::fs::read_dir(from).expect("readable") {
        let path = entry.expect("entry").path();
        let target = to.join(path.file_name().expect("name"));
        match path.is_dir() {
            true => copy(&path, &target),
            false => drop(std::fs::copy(&path, &target).expect("copied")),
        }
    }
}

fn told(failure: &Failure) -> String {
    format!("{failure}\n{}\n{}", failure.details.join("\n"), failure.hint.clone().unwrap_or_default())
}

#[test]
fn another_root_in_each_cluster_ends_in_certificate_errors() {
    // Today's istiod of the primary signs for the remotes as well; in 1.4 each cluster has its own Citadel.
    let failure = forked_in(
        "classic",
        "stdlib/istio/authority.rhai",
        &[("root.made.issue(member.name)", "secret.authority(`mesh-${member.name}`).issue(member.name)")],
    );
    assert!(matches!(failure.kind, Kind::Script | Kind::Timeout), "{}", told(&failure));
}

#[test]
fn a_secret_with_another_key_leaves_the_gateway_unready() {
    let failure = forked("stdlib/istio/registry.rhai", "data[remote.name] = config", "data[\"cluster2\"] = config");
    assert_eq!(failure.kind, Kind::Timeout, "{failure:?}");
}

#[test]
fn a_placeholder_left_in_hides_the_other_version() {
    let failure = forked_in(
        "current",
        "main.rhai",
        &[("networks::enter(mesh, remote);", ""), ("networks::check_complete(mesh);", "")],
    );
    let told = told(&failure);
    assert!(told.contains("reached v1") && told.contains("only"), "{told}");
    assert!(told.contains("Hello version: v1"), "every call answers, by the local version: {told}");
}

#[test]
fn without_the_gateway_only_the_local_version_answers() {
    let failure = forked("main.rhai", "gateway::pass_through(mesh);", "");
    let told = told(&failure);
    assert!(told.contains("only, not"), "{told}");
}

#[test]
fn without_injection_a_pod_has_no_sidecar() {
    let failure = forked("stdlib/istio/sample.rhai", "labels: #{\"istio-injection\": \"enabled\"}", "labels: #{}");
    assert!(failure.message.contains("has no sidecar"), "{failure:?}");
}
