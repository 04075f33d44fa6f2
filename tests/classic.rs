//! Istio 1.4, the guide's own version, as rehearsals play it: what its istioctl is told, what it renders, and what is in
//! the clusters after the guide, compared with a table of its objects.

mod stage;

use meshwright::object::yaml;
use serde_json::{Value, json};
use stage::Guide;
use stage::rendering::{ADDRESS, by_key, is_definition, outline, rendering};
use std::collections::{BTreeMap, BTreeSet};

/// What an object is compared by: its outline, and what the guide depends on in each kind.
fn row(object: &Value) -> Value {
    let mut row = outline(object);
    if let Some(labels) = row["labels"].as_object_mut() {
        labels.remove("kubernetes.io/metadata.name");
    }
    let spec = &object["spec"];
    match object["kind"].as_str().unwrap_or_default() {
        "Service" if spec["clusterIP"] == "None" => row["headless"] = true.into(),
        "Service" => row["selector"] = spec["selector"].clone(),
        "Endpoints" => row["addresses"] = texts(&object["subsets"][0]["addresses"], |one| text(&one["ip"])),
        "Deployment" => deployment(&mut row, spec),
        "HorizontalPodAutoscaler" => {
            let target = text(&spec["scaleTargetRef"]["name"]);
            row["scales"] = format!("{target} {} to {}", spec["minReplicas"], spec["maxReplicas"]).into();
        }
        "PodDisruptionBudget" => row["minAvailable"] = spec["minAvailable"].clone(),
        "Gateway" | "VirtualService" | "DestinationRule" | "Sidecar" | "MeshPolicy" => row["spec"] = spec.clone(),
        "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration" => {
            row["webhooks"] = texts(&object["webhooks"], webhook);
        }
        "ClusterRoleBinding" => {
            let subject = text(&object["subjects"][0]["name"]);
            row["binds"] = format!("{subject} to {}", text(&object["roleRef"]["name"])).into();
        }
        "ClusterRole" if row["name"] == "istio-reader-istio-system" => row["rules"] = texts(&object["rules"], rule),
        "ConfigMap" | "Secret" => row["keys"] = keys(object),
        _ => {}
    }
    row
}

fn deployment(row: &mut Value, spec: &Value) {
    let pod = &spec["template"]["spec"];
    row["selector"] = spec["selector"]["matchLabels"].clone();
    row["account"] = pod["serviceAccountName"].clone();
    let probes = texts(&pod["containers"], |container| probe(&container["readinessProbe"]));
    row["probes"] = probes.as_array().expect("probes").iter().filter(|probe| **probe != "").cloned().collect();
    let volumes = pod["volumes"].as_array().cloned().unwrap_or_default();
    let needed = volumes.iter().filter(|volume| volume["secret"].is_object() && volume["secret"]["optional"] != true);
    let arguments = &pod["containers"][0]["args"];
    for flag in ["--discoveryAddress", "--controlPlaneAuthPolicy"] {
        let at = arguments.as_array().and_then(|words| words.iter().position(|word| word == flag));
        if let Some(at) = at {
            row[flag.trim_start_matches('-')] = arguments[at + 1].clone();
        }
    }
    row["secrets"] = needed.map(|volume| volume["secret"]["secretName"].clone()).collect();
}

fn probe(probe: &Value) -> String {
    if probe["exec"].is_object() {
        return "exec".to_owned();
    }
    let get = &probe["httpGet"];
    if !get.is_object() {
        return String::new();
    }
    let number = |name: &str, otherwise: i64| probe[name].as_i64().unwrap_or(otherwise);
    let (delay, period) = (number("initialDelaySeconds", 0), number("periodSeconds", 10));
    let (path, failures) = (text(&get["path"]), number("failureThreshold", 3));
    format!("GET :{}{path} after {delay}s, every {period}s, {failures} failures", get["port"])
}

fn webhook(webhook: &Value) -> String {
    let service = &webhook["clientConfig"]["service"];
    let selector = webhook["namespaceSelector"]["matchLabels"].as_object();
    let selector = selector.filter(|labels| !labels.is_empty()).map(|labels| format!(" where {}", json!(labels)));
    let (name, path, policy) = (text(&service["name"]), text(&service["path"]), text(&webhook["failurePolicy"]));
    format!("{}: {name}{path} {policy}{}", text(&webhook["name"]), selector.unwrap_or_default())
}

fn rule(rule: &Value) -> String {
    let list = |name: &str| {
        let items: Vec<String> = rule[name].as_array().into_iter().flatten().map(text).collect();
        items.join(", ")
    };
    format!("{} of {} in {}", list("verbs"), list("resources"), list("apiGroups"))
}

fn keys(object: &Value) -> Value {
    object["data"].as_object().into_iter().flat_map(|data| data.keys()).cloned().collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn texts(list: &Value, told: impl Fn(&Value) -> String) -> Value {
    list.as_array().into_iter().flatten().map(told).collect()
}

/// The table, with the primary's gateway at this address.
fn table(gateway: &str) -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/classic-objects.yaml");
    let text = std::fs::read_to_string(path).expect("the table");
    yaml::parse(&text.replace("${gateway}", gateway)).expect("YAML").remove(0).to_wire()
}

fn rows(table: &Value, parts: &[&str]) -> BTreeMap<String, Value> {
    by_key(parts.iter().flat_map(|part| table[part].as_array().expect("rows").clone()))
}

fn definitions<'o>(objects: impl IntoIterator<Item = &'o Value>) -> BTreeSet<String> {
    objects.into_iter().filter(|object| is_definition(object)).map(|crd| text(&crd["metadata"]["name"])).collect()
}

fn assert_same(found: &BTreeMap<String, Value>, wanted: &BTreeMap<String, Value>, what: &str) {
    let names = |rows: &BTreeMap<String, Value>| rows.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(names(found), names(wanted), "{what}");
    for (key, row) in found {
        assert_eq!(row, &wanted[key], "{what}: {key}");
    }
}

fn wanted_definitions(table: &Value) -> BTreeSet<String> {
    table["customResourceDefinitions"].as_array().expect("CRDs").iter().map(text).collect()
}

#[test]
fn its_istioctl_renders_istio_1_4() {
    let table = table(ADDRESS);
    for cluster in ["primary", "remote"] {
        let objects = rendering("classic", cluster).objects;
        assert_eq!(definitions(&objects), wanted_definitions(&table), "{cluster}");
        let found = by_key(objects.iter().filter(|object| !is_definition(object)).map(row));
        assert_same(&found, &rows(&table, &[cluster]), cluster);
    }
}

/// Everything of Istio's and of the guide's that is in a cluster, without what a cluster makes of it by itself.
fn in_cluster(objects: &[Value]) -> BTreeMap<String, Value> {
    let headless = |name: &Value| {
        objects.iter().any(|one| {
            one["kind"] == "Service" && one["metadata"]["name"] == *name && one["spec"]["clusterIP"] == "None"
        })
    };
    let ours = |object: &&Value| {
        let (kind, metadata) = (text(&object["kind"]), &object["metadata"]);
        let own_namespace = match metadata["namespace"].as_str() {
            Some(namespace) => namespace == "istio-system",
            None => {
                metadata["labels"]["release"] == "istio"
                    || metadata["labels"]["istio"].is_string()
                    || kind == "Namespace" && metadata["name"] == "istio-system"
            }
        };
        let by_itself = match kind.as_str() {
            "Pod" | "ReplicaSet" | "EndpointSlice" | "Event" | "Lease" | "CustomResourceDefinition" => true,
            "Endpoints" => !headless(&metadata["name"]),
            "ServiceAccount" => metadata["name"] == "default",
            "ConfigMap" => metadata["name"] == "kube-root-ca.crt",
            _ => false,
        };
        own_namespace && !by_itself
    };
    by_key(objects.iter().filter(ours).map(row))
}

#[test]
fn the_guide_leaves_istio_1_4_and_its_own_in_the_clusters() {
    let guide = Guide::of(&["--dialect", "classic"]);
    guide.run().expect("the guide");
    let gateways = ["cluster1", "cluster2"].map(|cluster| {
        let service = guide.get(cluster, "Service", "istio-system", "istio-ingressgateway");
        text(&service["status"]["loadBalancer"]["ingress"][0]["ip"])
    });
    assert_networks(&guide.get("cluster1", "ConfigMap", "istio-system", "istio"), [&gateways[0], &gateways[1]]);
    let table = table(&gateways[0]);
    for (cluster, parts) in [("cluster1", ["primary", "primaryAdded"]), ("cluster2", ["remote", "remoteAdded"])] {
        let objects: Vec<Value> = guide.server(cluster).everything().iter().map(|object| (**object).clone()).collect();
        assert_eq!(definitions(&objects), wanted_definitions(&table), "{cluster}");
        assert_same(&in_cluster(&objects), &rows(&table, &parts), cluster);
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

/// A text of ConfigMap `istio`, parsed.
fn entry(config: &Value, key: &str) -> Value {
    yaml::parse(config["data"][key].as_str().expect("text")).expect("YAML").remove(0).to_wire()
}

fn networks(gateways: [&str; 2]) -> Value {
    let network = |registry: &str, gateway: &str| json!({"endpoints": [{"fromRegistry": registry}], "gateways": [{"address": gateway, "port": 443}]});
    json!({"network1": network("Kubernetes", gateways[0]), "network2": network("n2-k8s-config", gateways[1])})
}

fn assert_networks(config: &Value, gateways: [&str; 2]) {
    assert!(config["data"]["meshNetworks"].as_str().is_some_and(|text| text.starts_with('#')), "a comment comes first");
    assert_eq!(entry(config, "meshNetworks"), json!({"networks": networks(gateways)}));
    assert_eq!(entry(config, "values.yaml")["meshNetworks"], json!({"networks": networks(gateways)}));
}

#[test]
fn the_networks_are_in_two_places_first_as_placeholders() {
    let objects = rendering("classic", "primary").objects;
    let config = objects.iter().find(|o| o["kind"] == "ConfigMap" && o["metadata"]["name"] == "istio").expect("istio");
    assert_networks(config, ["0.0.0.0", "0.0.0.0"]);
    let mesh = entry(config, "mesh");
    for (key, wanted) in [
        ("accessLogFile", json!("/dev/stdout")),
        ("enableAutoMtls", json!(false)),
        ("disablePolicyChecks", json!(true)),
        ("localityLbSetting", json!({"enabled": true})),
        ("outboundTrafficPolicy", json!({"mode": "ALLOW_ANY"})),
        ("trustDomain", json!("cluster.local")),
    ] {
        assert_eq!(mesh[key], wanted, "{key}");
    }
    assert_eq!(mesh["defaultConfig"]["controlPlaneAuthPolicy"], "MUTUAL_TLS");
    assert_eq!(mesh["defaultConfig"]["discoveryAddress"], "istio-pilot.istio-system:15011");
}
