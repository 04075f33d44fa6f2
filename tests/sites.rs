//! Sites that are not the guide's: no load balancer, one with host names, certificates of one's own, edited networks.

mod stage;

use meshwright::failure::{Failure, Kind};
use meshwright::primitives::Authority;
use meshwright::primitives::keeper::Memory;
use meshwright::rehearsal::{LoadBalancer, Logged};
use serde_json::Value;
use stage::Guide;
use std::path::Path;

fn told(failure: &Failure) -> String {
    format!("{failure}\n{}\n{}", failure.details.join("\n"), failure.hint.clone().unwrap_or_default())
}

fn networks(guide: &Guide) -> String {
    let config = guide.get("cluster1", "ConfigMap", "istio-system", "istio");
    config["data"]["meshNetworks"].as_str().expect("networks").to_owned()
}

/// The guide on clusters whose load balancers are of this kind.
fn with_load_balancers(args: &[&str], kind: &LoadBalancer) -> Guide {
    let guide = Guide::of(args);
    for cluster in ["cluster1", "cluster2"] {
        guide.server(cluster).set_load_balancer(kind.clone());
    }
    guide
}

#[test]
fn without_load_balancers_node_ports_carry_the_mesh() {
    let guide = with_load_balancers(&["--node-ports"], &LoadBalancer::Never);
    guide.run().unwrap_or_else(|failure| panic!("{}", told(&failure)));
    let gateway = guide.get("cluster1", "Service", "istio-system", "istio-ingressgateway");
    assert_eq!(gateway["spec"]["type"], "NodePort");
    let node_port = |number: u64| {
        let ports = gateway["spec"]["ports"].as_array().expect("ports");
        ports.iter().find(|port| port["port"] == number).expect("the port")["nodePort"].clone()
    };
    assert!(networks(&guide).contains(&format!("port: {}", node_port(443))), "{}", networks(&guide));
    let slice = guide.get("cluster2", "EndpointSlice", "istio-system", "istiod");
    let ends: Vec<&Value> = slice["ports"].as_array().expect("ports").iter().map(|port| &port["port"]).collect();
    assert_eq!(ends, [&node_port(15012), &node_port(15017)]);
    let asked = guide.asked();
    guide.again(&["--node-ports"]).expect("second run");
    assert_eq!(guide.writes_since(&asked), [] as [String; 0]);
}

#[test]
fn classic_says_at_once_that_node_ports_are_not_enough() {
    let guide = Guide::of(&["--node-ports", "--dialect", "classic"]);
    let failure = guide.run().expect_err("refused");
    assert!(told(&failure).contains("needs a load balancer rather than --node-ports"), "{}", told(&failure));
    assert!(guide.writes_since(&[0, 0]).is_empty());
}

#[test]
fn load_balancers_may_have_host_names() {
    for dialect in ["current", "classic"] {
        let names = LoadBalancer::Hostname("lb.example.com".to_owned());
        let guide = with_load_balancers(&["--dialect", dialect], &names);
        guide.run().unwrap_or_else(|failure| panic!("{dialect}: {}", told(&failure)));
        assert!(networks(&guide).contains("lb.example.com"), "{dialect}: {}", networks(&guide));
    }
}

#[test]
fn a_load_balancer_that_never_comes_is_the_cause_given() {
    let guide = with_load_balancers(&["--timeout", "20s"], &LoadBalancer::Never);
    let failure = guide.run().expect_err("no address");
    assert_eq!(failure.kind, Kind::Timeout);
    let told = told(&failure);
    assert!(told.contains("istio-ingressgateway") && told.contains("no load balancer address yet"), "{told}");
}

/// Not every controller says that it works on it.
#[test]
fn a_load_balancer_may_take_as_long_as_the_timeout_says() {
    let guide = with_load_balancers(&[], &LoadBalancer::After(std::time::Duration::from_secs(150)));
    guide.run().unwrap_or_else(|failure| panic!("{}", told(&failure)));
}

#[test]
fn node_ports_are_those_of_a_node_that_works() {
    let guide = with_load_balancers(&["--node-ports"], &LoadBalancer::Never);
    guide.server("cluster2").edit("Node", None, "cluster2-node-1", |node| node["spec"]["unschedulable"] = true.into());
    let mut second = guide.server("cluster2").get("Node", None, "cluster2-node-1").expect("node");
    second["metadata"] = serde_json::json!({"name": "cluster2-node-2"});
    second["spec"] = serde_json::json!({});
    second["status"]["addresses"] = serde_json::json!([{"type": "InternalIP", "address": "10.1.0.99"}]);
    guide.server("cluster2").put(second);
    guide.run().unwrap_or_else(|failure| panic!("{}", told(&failure)));
    assert!(networks(&guide).contains("address: 10.1.0.99"), "{}", networks(&guide));
}

#[test]
fn the_control_plane_may_be_in_another_namespace() {
    let guide = Guide::of(&["--namespace", "mesh"]);
    guide.run().unwrap_or_else(|failure| panic!("{}", told(&failure)));
    let asked = guide.asked();
    guide.again(&["--namespace", "mesh"]).unwrap_or_else(|failure| panic!("{}", told(&failure)));
    assert_eq!(guide.writes_since(&asked), [] as [String; 0]);
}

#[test]
fn a_loopback_api_server_is_refused_before_anything_is_written() {
    let guide = Guide::of(&["--remote-server", "https://127.0.0.1:6443"]);
    let told = told(&guide.run().expect_err("refused"));
    assert!(told.contains("loopback") && told.contains("--remote-server"), "{told}");
    assert!(guide.writes_since(&[0, 0]).is_empty());
}

#[test]
fn a_remote_whose_api_server_the_primary_does_not_reach_is_told_before_anything_is_installed_there() {
    for (server, why) in [
        ("https://192.0.2.9:6443", "curl: (28) Connection timed out"),
        ("https://west.example.com:6443", "curl: (6) Could not resolve host: west.example.com"),
    ] {
        for dialect in ["current", "classic"] {
            let guide = Guide::of(&["--dialect", dialect, "--remote-server", server]);
            let failure = guide.run().expect_err("not reached");
            let told = told(&failure);
            assert!(told.contains("pods of cluster1 do not reach the API server of cluster2"), "{dialect}: {told}");
            assert!(
                told.contains(server) && told.contains(why) && told.contains("--remote-server"),
                "{dialect}: {told}"
            );
            let after = guide.session().world().expect("a rehearsal").clock().now();
            assert!(after < std::time::Duration::from_secs(60), "{dialect}: told after {after:?}");
            let secrets = guide.server("cluster1").list("Secret", Some("istio-system"));
            assert!(secrets.iter().all(|secret| secret["metadata"]["name"] != "n2-k8s-secret"), "{dialect}");
            assert!(guide.server("cluster2").list("Deployment", None).is_empty(), "{dialect}");
            guide.again(&["--dialect", dialect]).unwrap_or_else(|failure| panic!("{dialect}: {failure:?}"));
        }
    }
}

#[test]
fn the_primary_is_given_the_address_that_its_pods_reach() {
    let guide = Guide::of(&["--remote-server", "https://10.1.0.12:6443/"]);
    guide.run().unwrap_or_else(|failure| panic!("{}", told(&failure)));
    let secret = guide.get("cluster1", "Secret", "istio-system", "n2-k8s-secret");
    assert!(stage::decoded(&secret["data"]["n2-k8s-config"]).contains("server: https://10.1.0.12:6443/"));
    let token = guide.server("cluster2").list("Secret", Some("istio-system"));
    assert!(token.iter().any(|secret| secret["type"] == "kubernetes.io/service-account-token"));
}

#[test]
fn certificates_of_ones_own_are_taken_when_they_have_one_root() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().to_string_lossy().into_owned();
    let root = Authority::open("ours", &Memory::default()).expect("authority");
    write_files(folder.path(), "cluster1", &root);
    write_files(folder.path(), "n2-k8s-config", &root);
    let guide = Guide::of(&["--ca-files", &path]);
    guide.run().unwrap_or_else(|failure| panic!("{}", told(&failure)));
    let stored = guide.get("cluster2", "Secret", "istio-system", "cacerts");
    let ours = std::fs::read_to_string(folder.path().join("n2-k8s-config/ca-cert.pem")).expect("file");
    assert_eq!(stage::decoded(&stored["data"]["ca-cert.pem"]), ours);
    drop(guide);

    write_files(folder.path(), "n2-k8s-config", &Authority::open("theirs", &Memory::default()).expect("authority"));
    let guide = Guide::of(&["--ca-files", &path]);
    let told = told(&guide.run().expect_err("two roots"));
    assert!(told.contains("has different roots") && told.contains("n2-k8s-config: "), "{told}");
    assert!(guide.writes_since(&[0, 0]).is_empty());
}

fn write_files(folder: &Path, name: &str, authority: &Authority) {
    let folder = folder.join(name);
    std::fs::create_dir_all(&folder).expect("folder");
    for (file, content) in authority.issue(name, "istiod.istio-system.svc", 30).expect("files") {
        std::fs::write(folder.join(file), content.to_wire().as_str().expect("text")).expect("written");
    }
}

#[test]
fn what_others_wrote_into_the_mesh_networks_stays() {
    for dialect in ["current", "classic"] {
        let args = ["--dialect", dialect];
        let guide = Guide::of(&args);
        guide.run().expect("installed");
        guide.server("cluster1").edit("ConfigMap", Some("istio-system"), "istio", |config| {
            let text = config["data"]["meshNetworks"].as_str().expect("text").replace("172.18.1.1", "172.18.9.9");
            config["data"]["meshNetworks"] =
                format!("# ours\n{text}  network9:\n    endpoints:\n    - fromCidr: 10.9.0.0/16\n").into();
        });
        guide.again(&args).unwrap_or_else(|failure| panic!("{dialect}: {}", told(&failure)));
        let networks = networks(&guide);
        assert!(networks.contains("# ours") && networks.contains("fromCidr: 10.9.0.0/16"), "{dialect}: {networks}");
        assert!(networks.contains("172.18.1.1") && !networks.contains("172.18.9.9"), "{dialect}: {networks}");
    }
}

/// Pilot of 1.4 does not look again at a Secret that it knows.
#[test]
fn classic_makes_a_changed_remote_secret_anew() {
    let guide = Guide::of(&["--dialect", "classic"]);
    guide.run().expect("installed");
    let before = guide.get("cluster1", "Secret", "istio-system", "n2-k8s-secret");
    guide
        .server("cluster2")
        .remove("Secret", Some("istio-system"), "istio-reader-service-account-token")
        .expect("token");
    let asked = guide.asked();
    guide.again(&["--dialect", "classic"]).unwrap_or_else(|failure| panic!("{}", told(&failure)));
    let after = guide.get("cluster1", "Secret", "istio-system", "n2-k8s-secret");
    assert_ne!(after["metadata"]["uid"], before["metadata"]["uid"]);
    let log: Vec<Logged> = guide.server("cluster1").log().into_iter().skip(asked[0]).collect();
    assert!(log.iter().any(|sent| sent.method == "DELETE" && sent.path.contains("secrets/n2-k8s-secret")));
}

#[test]
fn each_cluster_runs_its_own_version_and_every_pod_has_a_sidecar() {
    for dialect in ["current", "classic"] {
        let guide = Guide::of(&["--dialect", dialect]);
        guide.run().expect("installed");
        for (cluster, version) in [("cluster1", "v1"), ("cluster2", "v2")] {
            let deployments = guide.server(cluster).list("Deployment", Some("sample"));
            let names: Vec<_> = deployments.iter().map(|one| one["metadata"]["name"].as_str().expect("name")).collect();
            assert_eq!(names, [format!("helloworld-{version}").as_str(), "sleep"], "{dialect} {cluster}");
            for pod in guide.server(cluster).list("Pod", Some("sample")) {
                let statuses = ["containerStatuses", "initContainerStatuses"].map(|list| pod["status"][list].clone());
                let ready = statuses.iter().filter_map(Value::as_array).flatten();
                let lasting = ready.filter(|status| status["state"]["running"].is_object() && status["ready"] == true);
                assert_eq!(lasting.count(), 2, "{dialect}: {}", pod["status"]);
            }
        }
    }
}

#[test]
fn cleanup_works_after_any_step_that_installs() {
    for dialect in ["current", "classic"] {
        for step in
            ["Share one root of trust", "Install the control plane", "Let the primary watch the remote clusters"]
        {
            let guide = Guide::stopping_in(step, &["--dialect", dialect]);
            let before = guide.everything();
            guide.run().expect_err("stopped");
            guide.task("cleanup", &["--crds"]).unwrap_or_else(|failure| panic!("{dialect} {step}: {}", told(&failure)));
            assert_eq!(guide.everything(), before, "{dialect} {step}");
        }
    }
}

#[test]
fn verify_names_the_link_that_was_cut_afterwards() {
    for dialect in ["current", "classic"] {
        let guide = Guide::of(&["--dialect", dialect]);
        guide.run().expect("installed");
        guide.task("verify", &["--dialect", dialect]).unwrap_or_else(|failure| panic!("{dialect}: {}", told(&failure)));
        let name = "cluster-aware-gateway";
        guide.server("cluster1").remove("gateways.networking.istio.io", Some("istio-system"), name).expect("there");
        let told = told(&guide.task("verify", &["--dialect", dialect]).expect_err("cut"));
        assert!(told.contains("cluster-aware-gateway is missing in cluster1"), "{dialect}: {told}");
    }
}
