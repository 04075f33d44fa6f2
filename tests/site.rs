//! The worked example in docs/customize.md: three clusters, own certificates, own images, node ports, a proxy.

mod stage;

use meshwright::primitives::Authority;
use meshwright::primitives::keeper::Memory;
use meshwright::rehearsal::LoadBalancer;
use serde_json::Value;
use stage::Guide;
use std::path::Path;

const CLUSTERS: [&str; 3] = ["hub", "edge1", "edge2"];

fn certificates(folder: &Path) {
    let root = Authority::open("corp", &Memory::default()).expect("authority");
    for cluster in CLUSTERS {
        let folder = folder.join(cluster);
        std::fs::create_dir_all(&folder).expect("folder");
        for (file, content) in root.issue(cluster, "istiod.istio-system.svc", 30).expect("files") {
            std::fs::write(folder.join(file), content.to_wire().as_str().expect("text")).expect("written");
        }
    }
}

fn variable(container: &Value, name: &str) -> Option<String> {
    let env = container["env"].as_array()?;
    Some(env.iter().find(|one| one["name"] == name)?["value"].as_str()?.to_owned())
}

#[test]
fn the_example_is_rehearsed() {
    let folder = tempfile::tempdir().expect("folder");
    certificates(folder.path());
    let args = ["--primary", "hub", "--remote", "edge1,edge2", "--ca-files", &folder.path().to_string_lossy()];
    let guide = Guide::with(stage::job("./docs/site", &args, None));
    CLUSTERS.iter().for_each(|cluster| guide.server(cluster).set_load_balancer(LoadBalancer::Never));
    guide.run().unwrap_or_else(|failure| panic!("{failure}\n{}", failure.details.join("\n")));
    let istiod = guide.get("hub", "Deployment", "istio-system", "istiod");
    let container = &istiod["spec"]["template"]["spec"]["containers"][0];
    assert!(
        container["image"].as_str().is_some_and(|image| image.starts_with("registry.corp.example/istio/")),
        "{container}"
    );
    assert_eq!(variable(container, "HTTPS_PROXY").as_deref(), Some("http://proxy.corp.example:3128"), "{container}");
    for cluster in CLUSTERS {
        let sleep = guide.get(cluster, "Deployment", "sample", "sleep");
        let container = &sleep["spec"]["template"]["spec"]["containers"][0];
        assert_eq!(container["image"], "registry.corp.example/samples/curl:8.16.0");
        assert!(variable(container, "HTTPS_PROXY").is_some(), "{cluster}: {container}");
        let stored = guide.get(cluster, "Secret", "istio-system", "cacerts");
        let ours = std::fs::read_to_string(folder.path().join(cluster).join("ca-cert.pem")).expect("file");
        assert_eq!(stage::decoded(&stored["data"]["ca-cert.pem"]), ours);
        let gateway = guide.get(cluster, "Service", "istio-system", "istio-ingressgateway");
        assert!(gateway["status"]["loadBalancer"]["ingress"].as_array().is_none_or(Vec::is_empty), "{gateway}");
    }
    guide.task_of("./docs/site/verify", &args[..4]).expect("verified");
    let asked = guide.asked();
    guide.repeat().expect("a second run");
    assert_eq!(guide.writes_since(&asked), [] as [String; 0]);
}

#[test]
fn the_example_is_right() {
    use meshwright::engine::Callables;
    use meshwright::primitives::{MODEL, TABLES};
    let words = meshwright::script::check::Vocabulary {
        scripts: Callables::of(TABLES),
        tests: Callables::of(meshwright::primitives::TEST_TABLES),
        rehearsals: Callables::of(MODEL),
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let checked = meshwright::script::check::check_all("./docs/site", root, &words).expect("checked");
    assert_eq!(checked.len(), 2);
    assert!(checked.iter().all(|file| file.found.is_empty()), "{checked:?}");
}

#[test]
fn the_example_is_short() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/site");
    let lines = |file: &str| std::fs::read_to_string(folder.join(file)).expect(file).lines().count();
    assert!(lines("main.rhai") + lines("stdlib/istio/sample.rhai") < 40);
}
