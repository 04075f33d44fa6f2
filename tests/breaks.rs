//! Forks that break one link between the clusters. Each fails where the real mesh would, with the symptom that was seen
//! on real clusters.

mod stage;

use meshwright::failure::{Failure, Kind};
use stage::{Guide, job};
use std::path::Path;
use std::time::Duration;

const DIALECTS: [&str; 2] = ["current", "classic"];

/// How long somebody who made a mistake waits for the cause, the installation included, whatever `--timeout` says.
const EARLY: Duration = Duration::from_secs(60);

/// Runs a copy of the guide in which texts of one file are replaced; how it ended, and after how much rehearsed time.
fn run_fork(dialect: &str, file: &str, changes: &[(&str, &str)]) -> (Result<(), Failure>, Duration) {
    run_forks(dialect, &[(file, changes)])
}

/// The same with changes in several files.
fn run_forks(dialect: &str, files: &[(&str, &[(&str, &str)])]) -> (Result<(), Failure>, Duration) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let fork = tempfile::tempdir().expect("folder");
    copy(&root.join("scripts/shared-gateways"), fork.path());
    copy(&root.join("stdlib"), &fork.path().join("stdlib"));
    for (file, changes) in files {
        let path = fork.path().join(file);
        let mut text = std::fs::read_to_string(&path).expect("the file to change");
        for (old, new) in *changes {
            assert!(text.contains(old), "{file} has no `{old}`");
            text = text.replace(old, new);
        }
        std::fs::write(&path, text).expect("written");
    }
    let name = fork.path().join("main.rhai");
    let args = ["--calls", "12", "--dialect", dialect];
    let guide = Guide::with(job(&name.to_string_lossy(), &args, None));
    let ended = guide.run();
    (ended, guide.session().world().expect("a rehearsal").clock().now())
}

/// How a fork fails, soon enough and because a check says no; as the user is told.
fn broken(dialect: &str, file: &str, changes: &[(&str, &str)]) -> String {
    let (ended, after) = run_fork(dialect, file, changes);
    let failure = ended.expect_err("the fork is broken");
    let hint = failure.hint.clone().unwrap_or_default();
    let told = format!("{dialect}: {failure}\n{}\n{hint}", failure.details.join("\n"));
    assert_eq!(failure.kind, Kind::Script, "{told}");
    assert!(after <= EARLY, "told after {after:?}: {told}");
    told
}

fn assert_told(told: &str, parts: &[&str]) {
    for part in parts {
        assert!(told.contains(part), "`{part}` is not in: {told}");
    }
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

const ANOTHER_ROOT: (&str, &str) =
    ("root.made.issue(member.name)", "secret.authority(`mesh-${member.name}`).issue(member.name)");

#[test]
fn another_root_in_each_cluster_ends_in_certificate_errors() {
    let told = broken("classic", "stdlib/istio/authority.rhai", &[ANOTHER_ROOT]);
    let symptom = "x509: certificate signed by unknown authority";
    assert_told(&told, &["istio-ingressgateway", symptom, "cluster2 has another root certificate than cluster1"]);
}

#[test]
fn todays_control_plane_signs_for_a_remote_with_another_root() {
    let (ended, _) = run_fork("current", "stdlib/istio/authority.rhai", &[ANOTHER_ROOT]);
    ended.expect("nobody reads the remote's cacerts");
}

#[test]
fn a_root_that_did_not_sign_keeps_the_control_plane_from_starting() {
    let file = "stdlib/istio/authority.rhai";
    let old = "stringData: files_for(member, root),";
    let new = r#"stringData: files_for(member, root) + #{"root-cert.pem": secret.authority("mesh-another").root},"#;
    for dialect in DIALECTS {
        let told = broken(dialect, file, &[(old, new)]);
        assert_told(&told, &["cannot verify the cert with the provided root chain"]);
    }
}

#[test]
fn a_secret_with_another_key_leaves_the_remote_unknown() {
    for (dialect, symptom) in [
        ("current", "istiod says that it watches n2-k8s-config"),
        ("classic", "Pilot says that it watches n2-k8s-config"),
    ] {
        let change = ("data[remote.name] = config", "data[\"cluster2\"] = config");
        let told = broken(dialect, "stdlib/istio/registry.rhai", &[change]);
        assert_told(&told, &[symptom, "has the key cluster2, not the cluster's name n2-k8s-config"]);
    }
}

/// Every pod takes a minute to get ready: the waits look for causes meanwhile, and there are none.
#[test]
fn a_slow_installation_is_no_mistake() {
    let old = "fn unready(world, cluster, pod) {";
    let new = r#"fn unready(world, cluster, pod) {
        let asked = `asked about ${cluster.name} ${pod.metadata.name}`;
        world.note(asked, "not yet");
        if world.notes(asked).len() < 60 { return "it starts slowly"; }"#;
    for dialect in DIALECTS {
        let (ended, after) = run_fork(dialect, "rehearsal.rhai", &[(old, new)]);
        ended.unwrap_or_else(|failure| panic!("{dialect}: {failure:?}"));
        assert!(after > Duration::from_secs(180), "{dialect}: {after:?}");
    }
}

/// Seen on real clusters: a remote has no ConfigMap `istio`, and gateways look for the control plane in istio-system then.
#[test]
fn a_remotes_gateway_that_is_not_told_the_namespace_finds_no_control_plane() {
    let change = [("default: istio-system,", "default: mesh,"), ("default: 5m,", "default: 30s,")];
    let fork =
        [("main.rhai", &change[..]), ("stdlib/istio/dialect.rhai", &[("env.PROXY_CONFIG", "env.ELSEWHERE")][..])];
    let (ended, _) = run_forks("current", &fork);
    let failure = ended.expect_err("not found");
    assert_eq!(failure.kind, Kind::Timeout);
    assert_told(&failure.details.join("\n"), &["lookup istiod.istio-system.svc: no such host"]);
}

#[test]
fn a_placeholder_left_in_hides_the_other_version() {
    for dialect in DIALECTS {
        let changes = [("networks::enter(mesh, mesh.remotes);", ""), ("networks::check_complete(mesh);", "")];
        let told = broken(dialect, "main.rhai", &changes);
        // Every call answers, and always the local version.
        assert_told(&told, &["cluster1: 8 calls reached v1 (8×) only", "last answer: Hello version: v1"]);
        assert_told(&told, &["the mesh networks still have the placeholder 0.0.0.0 for network2"]);
    }
}

#[test]
fn the_script_itself_looks_for_placeholders() {
    for dialect in DIALECTS {
        let told = broken(dialect, "main.rhai", &[("networks::enter(mesh, mesh.remotes);", "")]);
        assert_told(&told, &["still has the placeholder 0.0.0.0", "network2: the gateway is at", "kubectl --context="]);
    }
}

#[test]
fn without_the_gateway_only_the_local_version_answers() {
    for dialect in DIALECTS {
        let told = broken(dialect, "main.rhai", &[("gateway::pass_through(mesh);", "")]);
        assert_told(&told, &["8 calls reached v1 (8×) only", "8 calls reached v2 (8×) only"]);
        assert_told(&told, &["Gateway istio-system/cluster-aware-gateway is missing in cluster1"]);
    }
}

#[test]
fn without_injection_a_pod_has_no_sidecar() {
    for dialect in DIALECTS {
        let change = ("labels: #{\"istio-injection\": \"enabled\"}", "labels: #{}");
        let told = broken(dialect, "stdlib/istio/sample.rhai", &[change]);
        assert_told(&told, &["has no sidecar", "namespace sample has no label istio-injection=enabled"]);
        assert_told(&told, &["kubectl --context=cluster1 label ns sample istio-injection=enabled"]);
    }
}

#[test]
fn a_mistake_in_what_pods_answer_is_what_they_answer() {
    let begins = "fn exec(world, cluster, pod, container, argv, stdin) {";
    let throws = format!("{begins} if argv[0] == \"curl\" {{ throw \"out of order\"; }}");
    let told = broken("current", "rehearsal.rhai", &[(begins, &throws)]);
    assert_told(&told, &["last answer: rehearsal.rhai: exec: out of order"]);
}
