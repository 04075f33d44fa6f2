//! The stand-in for istioctl that rehearsals use, compared with an istioctl of today on this machine (`ISTIOCTL`, or the
//! lab's), where there is one.

mod stage;

use meshwright::object::yaml;
use meshwright::run::Session;
use serde_json::{Value, json};
use stage::rendering::{Rendering, key, outline, rendering_with};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

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
    let elsewhere: &[&str] = &["--namespace", "mesh-root"];
    for (args, cluster) in [(&[][..], "primary"), (&[], "remote"), (elsewhere, "primary"), (elsewhere, "remote")] {
        let ours = rendering_with(args, cluster);
        let real = really_rendered(&istioctl, &ours);
        let kinds = |objects: &[Value]| {
            let mut kinds: Vec<Value> = objects.iter().map(|object| object["kind"].clone()).collect();
            kinds.dedup();
            kinds
        };
        assert_eq!(kinds(&ours.objects), kinds(&real), "{args:?} {cluster}: the order of kinds");
        let detailed = |objects: &[Value]| -> BTreeMap<String, Value> {
            objects.iter().map(|object| (key(&outline(object)), details(object))).collect()
        };
        assert_eq!(detailed(&ours.objects), detailed(&real), "{args:?} {cluster}");
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
