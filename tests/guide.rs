//! The guide, rehearsed: from the first step to the proof, again without a write, stopped anywhere and finished, taken
//! down; and every link that can be broken, with the symptom that a real mesh shows.

mod stage;

use meshwright::failure::Kind;
use serde_json::json;
use stage::{Guide, STEPS};

#[test]
fn the_guide_ends_in_the_proof() {
    for dialect in ["current", "classic"] {
        let guide = Guide::of(&["--dialect", dialect]);
        guide.run().unwrap_or_else(|failure| panic!("{dialect}: {failure:?}"));
        let config = guide.get("cluster1", "ConfigMap", "istio-system", "istio");
        let networks = config["data"]["meshNetworks"].as_str().expect("networks");
        assert!(!networks.contains("0.0.0.0"), "{dialect}: {networks}");
    }
}

/// The same guide in shell sends more than 270 requests to real clusters. A rehearsal asks as a live run does, apart from
/// how often its waits look around, so this bound holds that lead: whatever asks more has to be worth it.
#[test]
fn a_run_asks_less_than_the_guide_in_shell() {
    let guide = Guide::of(&[]);
    guide.run().expect("the guide");
    let asked = guide.asked();
    assert!(asked.iter().sum::<usize>() <= 250, "{asked:?}");
}

#[test]
fn a_second_run_sends_no_write() {
    let remotes = ["--remote", "cluster2", "--remote", "cluster3", "--remote", "cluster4"];
    for dialect in ["current", "classic"] {
        for remotes in [&remotes[..2], &remotes] {
            let args = [&["--dialect", dialect], remotes].concat();
            let guide = Guide::of(&args);
            guide.run().expect("first run");
            let (before, sent) = (guide.contents_at_rest(), guide.asked());
            guide.again(&args).expect("second run");
            assert_eq!(guide.writes_since(&sent), [] as [String; 0], "{args:?}");
            assert_eq!(guide.contents_at_rest(), before, "{args:?}");
        }
    }
}

#[test]
fn stopped_after_any_step_the_same_command_finishes() {
    for step in STEPS {
        let guide = Guide::stopping_after(step);
        assert_eq!(guide.run().expect_err("stopped").kind, Kind::Cancelled, "{step}");
        guide.again(&[]).unwrap_or_else(|failure| panic!("after `{step}`: {failure:?}"));
    }
}

#[test]
fn classic_stopped_after_a_step_that_changes_something_finishes_too() {
    for step in STEPS
        .into_iter()
        .filter(|step| ["Share", "Install", "Enter", "Let", "Deploy"].iter().any(|word| step.starts_with(word)))
    {
        let guide = Guide::stopping_in(step, &["--dialect", "classic"]);
        assert_eq!(guide.run().expect_err("stopped").kind, Kind::Cancelled, "{step}");
        guide.again(&["--dialect", "classic"]).unwrap_or_else(|failure| panic!("after `{step}`: {failure:?}"));
    }
}

#[test]
fn three_remotes_join_at_once() {
    let guide = Guide::of(&["--remote", "cluster2", "--remote", "cluster3", "--remote", "cluster4"]);
    guide.run().expect("four clusters");
    let config = guide.get("cluster1", "ConfigMap", "istio-system", "istio");
    let networks = config["data"]["meshNetworks"].as_str().expect("networks");
    for network in ["network1", "network2", "network3", "network4"] {
        assert!(networks.contains(network), "{networks}");
    }
}

#[test]
fn verify_proves_the_mesh_and_changes_nothing() {
    for dialect in ["current", "classic"] {
        let guide = Guide::of(&["--dialect", dialect]);
        guide.run().expect("the guide");
        let before = guide.contents();
        guide.task("verify", &["--dialect", dialect]).unwrap_or_else(|failure| panic!("{dialect}: {failure:?}"));
        assert_eq!(guide.contents(), before, "{dialect}");
    }
}

/// Newer API servers warn of kinds that they will not always have.
#[test]
fn today_nothing_is_asked_for_that_servers_warn_of() {
    let guide = Guide::of(&[]);
    guide.run().expect("the guide");
    guide.task("verify", &[]).expect("proven");
    guide.task("cleanup", &["--crds"]).expect("taken down");
    for cluster in ["cluster1", "cluster2"] {
        let log = guide.server(cluster).log();
        let warned: Vec<_> = log.iter().filter(|sent| !sent.warnings.is_empty()).collect();
        assert!(warned.is_empty(), "{cluster}: {warned:#?}");
    }
}

#[test]
fn cleanup_leaves_nothing_of_ours() {
    for dialect in ["current", "classic"] {
        let guide = Guide::of(&["--dialect", dialect]);
        let before = guide.everything();
        guide.run().expect("installed");
        guide.task("cleanup", &["--crds"]).expect("taken down");
        assert_eq!(guide.everything(), before, "{dialect}");
    }
}

#[test]
fn cleanup_works_on_a_half_finished_install() {
    let guide = Guide::stopping_after("Install the remote clusters");
    let before = guide.everything();
    guide.run().expect_err("stopped");
    guide.task("cleanup", &["--crds"]).expect("taken down");
    assert_eq!(guide.everything(), before);
}

#[test]
fn cleanup_leaves_another_istio_alone() {
    let guide = Guide::of(&[]);
    guide.run().expect("installed");
    let (name, labels) = ("istiod-clusterrole-istio-other", json!({"app.kubernetes.io/part-of": "istio"}));
    guide.server("cluster1").put(json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": name, "labels": labels}, "rules": [],
    }));
    guide.task("cleanup", &[]).expect("taken down");
    let roles = guide.server("cluster1").list("ClusterRole", None);
    let left: Vec<_> = roles.iter().filter(|role| role["metadata"]["labels"] == labels).collect();
    assert!(left.iter().any(|role| role["metadata"]["name"] == name), "{left:?}");
}

#[test]
fn cleanup_keeps_the_crds_unless_asked() {
    let guide = Guide::of(&[]);
    guide.run().expect("installed");
    guide.task("cleanup", &[]).expect("taken down");
    let left = guide.server("cluster1").list("CustomResourceDefinition", None);
    assert!(left.iter().any(|crd| crd["metadata"]["name"] == "gateways.networking.istio.io"));
}

#[test]
fn another_root_in_a_cluster_is_not_overwritten() {
    let guide = Guide::of(&[]);
    guide.foreign_cacerts("cluster2");
    let failure = guide.run().expect_err("refused");
    assert!(failure.message.contains("another root"), "{failure:?}");
    assert!(failure.hint.expect("hint").contains("--ca-files"));
}

#[test]
fn the_sample_can_be_left_out() {
    let guide = Guide::of(&["--no-sample"]);
    guide.run().expect("installed");
    assert!(guide.server("cluster1").get("Namespace", None, "sample").is_none());
}
