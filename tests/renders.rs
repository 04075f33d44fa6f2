//! The stand-in for istioctl that rehearsals use: it renders what the real one renders. Istio 1.4 is compared with a table
//! of its objects, today's with an istioctl on this machine (`ISTIOCTL`, or the lab's), where there is one.

mod stage;

use meshwright::engine::value::to_node;
use meshwright::object::yaml;
use meshwright::run::Session;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

const ADDRESS: &str = "192.0.2.10";

/// What the guide hands to istioctl for a cluster, and what the stand-in makes of it.
struct Rendering {
    document: String,
    set: Vec<String>,
    objects: Vec<Value>,
}

fn rendering(dialect: &str, cluster: &str) -> Rendering {
    let job = stage::job("shared-gateways", &["--dialect", dialect], None);
    let session = Session::rehearsal(&job, &["cluster1", "cluster2"]).expect("a rehearsal");
    let wanted = match cluster {
        "primary" => "dialects::primary(mesh, networks::placeholders(mesh))".to_owned(),
        _ => format!("dialects::remote(mesh, mesh.remotes[0], {ADDRESS:?})"),
    };
    let script = format!(
        r#"
        import "std:istio/mesh" as mesh_of;
        import "std:istio/dialect" as dialects;
        import "std:istio/networks" as networks;
        import "std:istio/control_plane" as control_plane;
        let mesh = mesh_of::from(params);
        let wanted = {wanted};
        let document = if "file" in wanted {{ text.yaml(wanted.file) }} else {{ "" }};
        #{{document: document, set: wanted.set, objects: control_plane::render(wanted)}}
        "#
    );
    let value = session.evaluate("test", &script, session.scope(&job).expect("scope")).expect("rendered");
    let value = to_node(&value).expect("a tree").to_wire();
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    Rendering {
        document: text(&value["document"]),
        set: value["set"].as_array().expect("flags").iter().map(text).collect(),
        objects: value["objects"].as_array().expect("objects").clone(),
    }
}

/// What a rendered object is compared by.
fn outline(object: &Value) -> Value {
    let mut row = json!({"kind": object["kind"], "name": object["metadata"]["name"]});
    row["labels"] = object["metadata"].get("labels").cloned().unwrap_or_else(|| json!({}));
    let ports = [&object["spec"]["ports"], &object["subsets"][0]["ports"]];
    if let Some(ports) = ports.iter().find_map(|ports| ports.as_array()) {
        row["ports"] = ports.iter().map(port).collect();
    }
    if object["kind"] == "Service" && object["spec"]["type"].is_string() {
        row["type"] = object["spec"]["type"].clone();
    }
    if object["kind"] == "Deployment" {
        let template = &object["spec"]["template"];
        row["pods"] = template["metadata"]["labels"].clone();
        let containers = template["spec"]["containers"].as_array().expect("containers");
        row["containers"] = containers.iter().map(|container| container["name"].clone()).collect();
    }
    row
}

fn port(port: &Value) -> Value {
    let name = port["name"].as_str().unwrap_or_default();
    let target = port.get("targetPort").map(|target| format!("->{target}")).unwrap_or_default();
    format!("{name} {}{target}", port["port"]).into()
}

fn key(object: &Value) -> String {
    format!("{} {}", object["kind"], object["name"])
}

fn by_key(rows: impl IntoIterator<Item = Value>) -> BTreeMap<String, Value> {
    rows.into_iter().map(|row| (key(&row), row)).collect()
}

fn is_definition(object: &Value) -> bool {
    object["kind"] == "CustomResourceDefinition"
}

#[test]
fn classic_is_istio_1_4() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/classic-objects.yaml");
    let text = std::fs::read_to_string(path).expect("the table");
    let table = yaml::parse(&text).expect("YAML").remove(0).to_wire();
    for cluster in ["primary", "remote"] {
        let (definitions, others): (Vec<_>, Vec<_>) =
            rendering("classic", cluster).objects.into_iter().partition(is_definition);
        let names: BTreeSet<_> = definitions.iter().map(|crd| crd["metadata"]["name"].to_string()).collect();
        let wanted: BTreeSet<_> =
            table["customResourceDefinitions"].as_array().expect("CRDs").iter().map(Value::to_string).collect();
        assert_eq!(names, wanted, "{cluster}");
        let wanted = by_key(table[cluster].as_array().expect("rows").clone());
        assert_eq!(by_key(others.iter().map(outline)), wanted, "{cluster}");
    }
}

/// The guide's own flags, and the one that it forgets; the values file as Istio 1.4 ships it.
#[test]
fn classic_is_told_what_the_guide_says() {
    let remote = rendering("classic", "remote");
    assert_eq!(remote.document, "");
    assert_eq!(
        remote.set,
        [
            "profile=remote",
            "values.gateways.enabled=true",
            "values.security.selfSigned=false",
            "values.global.createRemoteSvcEndpoints=true",
            "values.global.remotePilotCreateSvcEndpoint=true",
            "values.global.remotePilotAddress=192.0.2.10",
            "values.global.remotePolicyAddress=192.0.2.10",
            "values.global.remoteTelemetryAddress=192.0.2.10",
            "values.gateways.istio-ingressgateway.env.ISTIO_META_NETWORK=network2",
            "values.global.network=network2",
            "values.global.multiCluster.clusterName=n2-k8s-config",
            "autoInjection.enabled=true",
        ]
    );
    let primary = rendering("classic", "primary");
    assert_eq!(primary.set, [] as [&str; 0]);
    let network = |registry| json!({"endpoints": [{"fromRegistry": registry}], "gateways": [{"address": "0.0.0.0", "port": 443}]});
    let spec = json!({"values": {
        "security": {"selfSigned": false},
        "gateways": {"istio-ingressgateway": {"env": {"ISTIO_META_NETWORK": "network1"}}},
        "global": {
            "mtls": {"enabled": true},
            "controlPlaneSecurityEnabled": true,
            "proxy": {"accessLogFile": "/dev/stdout"},
            "network": "network1",
            "meshExpansion": {"enabled": true},
        },
        "pilot": {"meshNetworks": {"networks": {"network1": network("Kubernetes"), "network2": network("n2-k8s-config")}}},
    }});
    let wanted = json!({"apiVersion": "install.istio.io/v1alpha2", "kind": "IstioControlPlane", "spec": spec});
    assert_eq!(yaml::parse(&primary.document).expect("YAML").remove(0).to_wire(), wanted);
}

/// What the values are for: the environment of gateways, Citadel's arguments, the mesh's settings.
#[test]
fn classic_values_arrive_in_the_objects() {
    for (cluster, network, name) in [("primary", "network1", None), ("remote", "network2", Some("n2-k8s-config"))] {
        let objects = rendering("classic", cluster).objects;
        let find = |kind: &str, name: &str| {
            let same = |object: &&Value| object["kind"] == kind && object["metadata"]["name"] == name;
            objects.iter().find(same).unwrap_or_else(|| panic!("{cluster}: {kind} {name}"))
        };
        let container = |name: &str| find("Deployment", name)["spec"]["template"]["spec"]["containers"][0].clone();
        let gateway = container("istio-ingressgateway");
        let says = |name: &str| {
            let env = gateway["env"].as_array().expect("environment");
            env.iter().find(|entry| entry["name"] == name).map(|entry| entry["value"].clone()).unwrap_or_default()
        };
        assert_eq!(says("ISTIO_META_NETWORK"), network);
        assert_eq!(says("ISTIO_META_ROUTER_MODE"), "sni-dnat");
        assert_eq!(says("ISTIO_META_CLUSTER_ID"), name.unwrap_or("Kubernetes"));
        let arguments = container("istio-citadel")["args"].to_string();
        for argument in [
            "--self-signed-ca=false",
            "--signing-cert=/etc/cacerts/ca-cert.pem",
            "--cert-chain=/etc/cacerts/cert-chain.pem",
        ] {
            assert!(arguments.contains(argument), "{cluster}: {arguments}");
        }
        let reader = find("ServiceAccount", "istio-reader-service-account");
        assert_eq!(reader["metadata"]["labels"], json!({"app": "istio-reader", "release": "istio"}));
    }
}

#[test]
fn classic_enters_the_networks_twice() {
    let objects = rendering("classic", "primary").objects;
    let config = objects.iter().find(|o| o["kind"] == "ConfigMap" && o["metadata"]["name"] == "istio").expect("istio");
    for key in ["meshNetworks", "values.yaml"] {
        assert_eq!(config["data"][key].as_str().expect("text").matches("0.0.0.0").count(), 2, "{key}");
    }
}

#[test]
fn classic_remotes_lead_to_the_primary() {
    for name in ["istio-pilot", "istio-policy", "istio-telemetry"] {
        let objects = rendering("classic", "remote").objects;
        let endpoints = objects.iter().find(|o| o["kind"] == "Endpoints" && o["metadata"]["name"] == name);
        assert_eq!(endpoints.expect(name)["subsets"][0]["addresses"][0]["ip"], ADDRESS);
    }
}

/// An istioctl of today, if this machine has one.
fn istioctl() -> Option<PathBuf> {
    let lab = || std::env::home_dir().map(|home| home.join(".cache/meshwright-lab/bin/istioctl"));
    std::env::var_os("ISTIOCTL").map(PathBuf::from).or_else(lab).filter(|path| path.is_file())
}

fn really_rendered(istioctl: &PathBuf, rendering: &Rendering) -> Vec<Value> {
    let mut command = Command::new(istioctl);
    command.args(["manifest", "generate", "-f", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    for flag in &rendering.set {
        command.args(["--set", flag]);
    }
    let mut child = command.spawn().expect("istioctl starts");
    child.stdin.take().expect("stdin").write_all(rendering.document.as_bytes()).expect("written");
    let output = child.wait_with_output().expect("istioctl ends");
    assert!(output.status.success());
    let objects = yaml::parse(&String::from_utf8(output.stdout).expect("text")).expect("YAML");
    objects.iter().map(meshwright::object::Object::to_wire).collect()
}

/// What an object of today's Istio is compared by, beside its outline: environment, volumes, webhooks, versions.
fn details(object: &Value) -> Value {
    let names = |list: &Value| -> BTreeSet<String> {
        list.as_array().into_iter().flatten().map(|item| item["name"].to_string()).collect()
    };
    let pod = &object["spec"]["template"]["spec"];
    json!({
        "apiVersion": object["apiVersion"],
        "outline": outline(object),
        "selector": object["spec"]["selector"],
        "environment": names(&pod["containers"][0]["env"]),
        "volumes": names(&pod["volumes"]),
        "webhooks": object["webhooks"],
        "endpoints": object["endpoints"],
        "rules": object["rules"],
        "keys": object["data"].as_object().map(|data| data.keys().cloned().collect::<Vec<_>>()),
        "group": object["spec"]["group"],
        "versions": names(&object["spec"]["versions"]),
        "short": object["spec"]["names"]["shortNames"],
    })
}

#[test]
fn current_is_what_istioctl_renders() {
    let Some(istioctl) = istioctl() else { return eprintln!("skipped: no istioctl; set ISTIOCTL") };
    for cluster in ["primary", "remote"] {
        let ours = rendering("current", cluster);
        let real = really_rendered(&istioctl, &ours);
        let kinds = |objects: &[Value]| {
            let mut kinds: Vec<Value> = objects.iter().map(|object| object["kind"].clone()).collect();
            kinds.dedup();
            kinds
        };
        assert_eq!(kinds(&ours.objects), kinds(&real), "{cluster}: the order of kinds");
        let detailed = |objects: &[Value]| -> BTreeMap<String, Value> {
            objects.iter().map(|object| (key(&outline(object)), details(object))).collect()
        };
        assert_eq!(detailed(&ours.objects), detailed(&real), "{cluster}");
    }
}

#[test]
fn what_todays_istioctl_does_not_know_is_refused_in_its_words() {
    let job = stage::job("shared-gateways", &["--set", "values.security.selfSigned=false"], None);
    let session = Session::rehearsal(&job, &["cluster1", "cluster2"]).expect("a rehearsal");
    let failure = session.run(&job).expect_err("refused");
    let told = format!("{failure} {}", failure.details.join(" "));
    assert!(told.contains(r#"unknown field "security" in istio.operator.v1alpha1.Values"#), "{told}");
}
