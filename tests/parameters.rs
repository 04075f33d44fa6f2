//! Every parameter of the guide does in a rehearsal what its help says, in both dialects: one rehearsal for each case.

mod stage;

use meshwright::failure::{Failure, Kind};
use serde_json::Value;
use stage::Guide;

/// Parameters, and what is so afterwards.
type Case = (&'static [&'static str], fn(&Guide, &str));

const CASES: &[Case] = &[
    (&["--namespace", "mesh-root"], the_control_plane_is_elsewhere),
    (&["--sample-namespace", "demo"], the_sample_is_elsewhere),
    (&["--no-sample"], nothing_is_deployed),
    (&["--network", "blue", "--network", "green"], networks_have_other_names),
    (&["--cluster-name", "", "--cluster-name", "west"], remotes_have_other_names),
    (&["--hub", "example.com/istio", "--tag", "9.9", "--pull-policy", "Never"], images_come_from_elsewhere),
    (&["--helloworld-image", "example.com/hello-{version}:2", "--sleep-image", "example.com/sleep:2"], other_samples),
    (&["--set", "values.gateways.istio-ingressgateway.serviceAnnotations.one=two"], settings_reach_istioctl),
    (&["--gateway-address", "172.18.0.1:443", "--gateway-address", "172.18.1.1"], addresses_are_taken_as_given),
    (&["--remote-server", "https://10.1.0.12:6443/"], the_server_is_the_one_given),
];

#[test]
fn each_parameter_does_what_it_says_today() {
    each_parameter_does_what_it_says("current");
}

#[test]
fn each_parameter_does_what_it_says_in_classic() {
    each_parameter_does_what_it_says("classic");
}

#[test]
fn todays_primary_may_have_another_name_too() {
    let guide = Guide::of(&["--cluster-name", "east", "--cluster-name", "west"]);
    guide.run().unwrap_or_else(|failure| panic!("{}", told(&failure)));
    assert!(networks(&guide).contains("fromRegistry: east"), "{}", networks(&guide));
    assert_eq!(gateway_says(&guide, "cluster1", "ISTIO_META_CLUSTER_ID"), "east");
    remotes_have_other_names(&guide, "current");
}

fn each_parameter_does_what_it_says(dialect: &str) {
    for (args, holds) in CASES {
        let guide = Guide::of(&[&["--dialect", dialect], *args].concat());
        guide.run().unwrap_or_else(|failure| panic!("{dialect} {args:?}: {}", told(&failure)));
        holds(&guide, dialect);
    }
}

/// Parameters with which the guide ends early, and how.
const LIMITS: &[(&[&str], Kind, &str)] = &[
    (&["--timeout", "1s"], Kind::Timeout, "after 1s"),
    (&["--calls", "1"], Kind::Script, "1 calls reached"),
    (&["--network", "one", "--network", "one"], Kind::Script, "both have network one"),
    (&["--dialect", "classic", "--cluster-name", "east"], Kind::Script, "always called Kubernetes, not east"),
    (&["--cluster-name", "", "--cluster-name", "cluster1"], Kind::Script, "two clusters have the name cluster1"),
];

#[test]
fn each_limit_ends_the_guide() {
    for (args, kind, words) in LIMITS {
        let failure = Guide::of(args).run().expect_err("a limit");
        let told = told(&failure);
        assert_eq!(failure.kind, *kind, "{args:?}: {told}");
        assert!(told.contains(words), "{args:?}: {told}");
    }
}

fn told(failure: &Failure) -> String {
    format!("{failure}\n{}\n{}", failure.details.join("\n"), failure.hint.clone().unwrap_or_default())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

const CLUSTERS: [&str; 2] = ["cluster1", "cluster2"];

/// The tasks look in the same namespace, and nothing of Istio's is in the usual one.
fn the_control_plane_is_elsewhere(guide: &Guide, dialect: &str) {
    for cluster in CLUSTERS {
        guide.get(cluster, "Deployment", "mesh-root", "istio-ingressgateway");
        assert!(guide.server(cluster).get("Namespace", None, "istio-system").is_none(), "{dialect} {cluster}");
        for object in guide.server(cluster).everything() {
            let ours = object["metadata"]["labels"]["release"] == "istio";
            assert!(!ours || !object.to_string().contains("istio-system"), "{dialect} {cluster}: {object}");
        }
    }
    let args = ["--dialect", dialect, "--namespace", "mesh-root"];
    let asked = guide.asked();
    guide.again(&args).unwrap_or_else(|failure| panic!("{dialect} again: {}", told(&failure)));
    assert_eq!(guide.writes_since(&asked), [] as [String; 0]);
    guide.task("verify", &args).unwrap_or_else(|failure| panic!("{dialect} verify: {}", told(&failure)));
    guide.task("cleanup", &[&args[2..], &["--crds"]].concat()).expect("taken down");
    for object in guide.everything() {
        assert!(!object.contains("istio") && !object.contains("mesh-root"), "{dialect} is left: {object}");
    }
}

fn the_sample_is_elsewhere(guide: &Guide, _: &str) {
    for cluster in CLUSTERS {
        guide.get(cluster, "Deployment", "demo", "sleep");
        assert!(guide.server(cluster).get("Namespace", None, "sample").is_none());
    }
}

fn nothing_is_deployed(guide: &Guide, _: &str) {
    for cluster in CLUSTERS {
        assert!(guide.server(cluster).get("Namespace", None, "sample").is_none());
        guide.get(cluster, "Deployment", "istio-system", "istio-ingressgateway");
    }
}

fn networks_have_other_names(guide: &Guide, dialect: &str) {
    let networks = networks(guide);
    assert!(networks.contains("blue:") && networks.contains("green:"), "{dialect}: {networks}");
    assert!(!networks.contains("network1") && !networks.contains("network2"), "{dialect}: {networks}");
    assert_eq!(CLUSTERS.map(|cluster| gateway_says(guide, cluster, "ISTIO_META_NETWORK")), ["blue", "green"]);
}

fn remotes_have_other_names(guide: &Guide, dialect: &str) {
    let networks = networks(guide);
    assert!(networks.contains("fromRegistry: west"), "{dialect}: {networks}");
    let secret = guide.get("cluster1", "Secret", "istio-system", "n2-k8s-secret");
    let keys: Vec<_> = secret["data"].as_object().expect("data").keys().collect();
    assert_eq!(keys, ["west"], "{dialect}");
    assert_eq!(gateway_says(guide, "cluster2", "ISTIO_META_CLUSTER_ID"), "west", "{dialect}");
}

/// Prometheus has an image of its own.
fn images_come_from_elsewhere(guide: &Guide, dialect: &str) {
    for cluster in CLUSTERS {
        for pod in guide.server(cluster).list("Pod", None) {
            let lists = ["initContainers", "containers"].map(|list| pod["spec"][list].as_array().cloned());
            for container in lists.into_iter().flatten().flatten() {
                let (name, image) = (text(&container["name"]), text(&container["image"]));
                if ["helloworld", "sleep", "prometheus"].contains(&name) {
                    continue;
                }
                assert!(
                    image.starts_with("example.com/istio/") && image.ends_with(":9.9"),
                    "{dialect} {name}: {image}"
                );
                assert_eq!(container["imagePullPolicy"], "Never", "{dialect} {cluster} {name}");
            }
        }
    }
}

fn other_samples(guide: &Guide, dialect: &str) {
    let image = |name: &str| {
        let deployment = guide.get("cluster2", "Deployment", "sample", name);
        text(&deployment["spec"]["template"]["spec"]["containers"][0]["image"]).to_owned()
    };
    assert_eq!(image("helloworld-v2"), "example.com/hello-v2:2", "{dialect}");
    assert_eq!(image("sleep"), "example.com/sleep:2", "{dialect}");
}

fn settings_reach_istioctl(guide: &Guide, dialect: &str) {
    for cluster in CLUSTERS {
        let service = guide.get(cluster, "Service", "istio-system", "istio-ingressgateway");
        assert_eq!(service["metadata"]["annotations"]["one"], "two", "{dialect} {cluster}");
    }
}

fn addresses_are_taken_as_given(guide: &Guide, dialect: &str) {
    let networks = networks(guide);
    assert!(networks.contains("address: 172.18.0.1") && networks.contains("172.18.1.1"), "{dialect}: {networks}");
}

fn the_server_is_the_one_given(guide: &Guide, dialect: &str) {
    let secret = guide.get("cluster1", "Secret", "istio-system", "n2-k8s-secret");
    let config = stage::decoded(&secret["data"]["n2-k8s-config"]);
    assert!(config.contains("server: https://10.1.0.12:6443/"), "{dialect}");
}

fn networks(guide: &Guide) -> String {
    let config = guide.get("cluster1", "ConfigMap", "istio-system", "istio");
    text(&config["data"]["meshNetworks"]).to_owned()
}

/// What a cluster's gateway says about itself in an environment variable.
fn gateway_says(guide: &Guide, cluster: &str, name: &str) -> String {
    let gateway = guide.get(cluster, "Deployment", "istio-system", "istio-ingressgateway");
    let env = gateway["spec"]["template"]["spec"]["containers"][0]["env"].as_array().cloned().unwrap_or_default();
    let entry = env.iter().rfind(|entry| entry["name"] == name);
    entry.map(|entry| text(&entry["value"]).to_owned()).unwrap_or_default()
}
