//! Sessions that become scripts.

use super::*;
use serde_json::json;

#[test]
fn an_export_needs_what_the_session_made_use_of_beside_the_clusters() {
    let mut bench = Bench::new(true);
    bench.good("secret.authority(\"ours\");");
    bench.good("attempt(|| secret.file(\"none-here.pem\"))");
    bench.good("attempt(|| secret.env(\"MESHWRIGHT_NO_SUCH_VARIABLE\"))");
    let file = bench.folder.path().join("session.rhai").to_string_lossy().into_owned();
    bench.good(&format!(":export {file}"));
    let script = crate::script::find(&file, bench.folder.path()).expect("script");
    let needs = script.header().expect("header").needs;
    assert_eq!(
        (needs.authorities, needs.env),
        (vec!["ours".to_owned()], vec!["MESHWRIGHT_NO_SUCH_VARIABLE".to_owned()])
    );
    assert_eq!(needs.files, ["none-here.pem"]);
}

#[test]
fn an_export_needs_the_secrets_it_opened_and_the_pods_it_ran_programs_in() {
    let furnish = |session: &Session| {
        let east = session.world().expect("world").server("east").expect("east");
        for name in ["read", "copied", "listed"] {
            east.put(
                json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "kube-system"},
                "data": {"key": "cGxhbnRlZA=="}}),
            );
        }
        east.put(json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "kube-public"},
            "spec": {"containers": [{"name": "c", "image": "x", "env": [{"name": "COLOUR", "value": "red"}]}]}}));
    };
    let mut bench = Bench::new(true);
    furnish(bench.repl.session());
    bench.good("let cluster = kube.cluster(\"east\");");
    bench.good("cluster.list(\"secrets\", #{namespace: \"kube-system\"}).map(|secret| secret.metadata.name);");
    bench.good("let key = secret.read(cluster, \"kube-system/read\", \"key\");");
    bench.good("let other = cluster.get(\"Secret\", \"kube-system/copied\").data.key;");
    bench.good("wait.ready(cluster, \"Pod\", \"kube-public/p\");");
    bench.good("let colour = cluster.exec(\"kube-public/p\", [\"env\"]).stdout;");
    let copy = "cluster.apply(#{apiVersion: \"v1\", kind: \"Secret\", metadata: #{name: \"copy\", namespace: \"default\"}, data: #{key: other}, stringData: #{read: key}})";
    bench.good(copy);
    let file = bench.folder.path().join("session.rhai").to_string_lossy().into_owned();
    bench.good(&format!(":export {file}"));
    let text = std::fs::read_to_string(&file).expect("written");
    let script = crate::script::find(&file, bench.folder.path()).expect("script");
    let header = script.header().expect("header");
    assert_eq!(
        (&header.needs.pods[..], &header.needs.write[..]),
        (&["kube-public".to_owned()][..], &["default".to_owned()][..])
    );
    assert_eq!(header.needs.secrets, ["kube-system/copied", "kube-system/read"], "{text}");
    let values = Values::check(&header, &crate::script::Given::default()).expect("defaults");
    let style = Style { quiet: true, ..Style::default() };
    let job = Job::new(script, header, values, style);
    let session = Session::rehearsal(&job, &["east", "west"]).expect("session");
    furnish(&session);
    session.run(&job).unwrap_or_else(|failure| panic!("{text}\n{failure:?}"));
    let copy = session.world().expect("world").server("east").expect("east").get("Secret", Some("default"), "copy");
    assert_eq!(copy.expect("the same effect")["data"], json!({"key": "cGxhbnRlZA==", "read": "cGxhbnRlZA=="}));
}

#[test]
fn an_export_does_what_the_session_did() {
    let mut bench = Bench::new(true);
    bench.good("let cluster = kube.cluster(\"east\");");
    bench.line("no_such_thing()");
    bench.good(&format!("cluster.apply(#{SETTINGS})"));
    bench.good("_.created + 0");
    bench.good("if _2 == 1 { kube.cluster(\"west\").label(\"Namespace\", \"default\", #{seen: \"yes\"}); }");
    bench.good("fn twice(n) { n * 2 }\ntwice(_2)");
    let file = bench.folder.path().join("session.rhai").to_string_lossy().into_owned();
    bench.good(&format!(":export {file}"));
    let text = std::fs::read_to_string(&file).expect("written");
    assert!(!text.contains("no_such_thing") && !text.contains("kube.cluster(\"west\")"), "{text}");
    let script = crate::script::find(&file, bench.folder.path()).expect("script");
    let header = script.header().expect("header");
    assert_eq!(header.needs.write, ["default"]);
    let values = Values::check(&header, &crate::script::Given::default()).expect("defaults");
    let style = Style { quiet: true, ..Style::default() };
    let job = Job::new(script, header, values, style);
    let session = Session::rehearsal(&job, &["east", "west"]).expect("session");
    session.run(&job).unwrap_or_else(|failure| panic!("{text}\n{failure:?}"));
    let world = session.world().expect("world");
    let east = world.server("east").expect("east").get("ConfigMap", Some("default"), "c");
    assert!(east.is_some_and(|made| made["data"]["a"] == "1"));
    let west = world.server("west").expect("west").get("Namespace", None, "default").expect("namespace");
    assert_eq!(west["metadata"]["labels"]["seen"], "yes");
}

const GIVEN: &str = r#"//! # Given
//! ---
//! params:
//!   primary: {type: cluster, help: "the first"}
//!   name: {type: string, default: one, help: "of the settings"}
//! needs: {write: [default]}
//! ---
import "./part" as part;
step "Make" on params.primary { params.primary.apply(part::named(params.name)); }
"#;

const NAMED: &str =
    r#"fn named(name) { #{apiVersion: "v1", kind: "ConfigMap", metadata: #{name: name, namespace: "default"}} }"#;

#[test]
fn an_export_has_by_default_what_the_open_script_was_given() {
    let mut bench = Bench::new(true);
    let folder = bench.folder.path().join("mine");
    std::fs::create_dir(&folder).expect("folder");
    std::fs::write(folder.join("main.rhai"), GIVEN).expect("written");
    std::fs::write(folder.join("part.rhai"), NAMED).expect("written");
    bench.good(&format!(":load {} --primary west --name two", folder.display()));
    bench.good(":use west");
    bench.good(":run");
    bench.good("kube.cluster(\"east\").label(\"Namespace\", \"default\", #{seen: \"yes\"});");
    let outside = bench.folder.path().join("session.rhai");
    let told = bench.good(&format!(":export {}", outside.display()));
    assert!(told.contains("is found only from there"), "its import leads nowhere: {told}");
    assert!(bench.line(&format!(":export {}", outside.display())).contains("is there already"));
    let inside = folder.join("session.rhai");
    let told = bench.good(&format!(":export {}", inside.display()));
    assert!(!told.contains("only from there"), "{told}");
    let text = std::fs::read_to_string(&inside).expect("written");
    assert!(text.contains("let cluster = params.primary;") && text.contains("params.east.label"), "{text}");
    let working = std::env::current_dir().expect("folder");
    let script = crate::script::find(&inside.to_string_lossy(), &working).expect("script");
    let header = script.header().expect("header");
    let values = Values::check(&header, &crate::script::Given::default()).expect("defaults");
    let style = Style { quiet: true, ..Style::default() };
    let job = Job::new(script, header, values, style);
    let session = Session::rehearsal(&job, &["east", "west"]).expect("session");
    session.run(&job).unwrap_or_else(|failure| panic!("{text}\n{failure:?}"));
    let west = session.world().expect("world").server("west").expect("west");
    assert!(west.get("ConfigMap", Some("default"), "two").is_some(), "the same effect:\n{text}");
}

const OWN: &str = r#"import "std:istio/mesh" as mesh_of;
import "std:istio/authority" as authority;
import "../words" as words;

step "Share one root of trust" on mesh.clusters {
    let root = authority::root(mesh);
    parallel(mesh_of::members(mesh), |member| authority::install(mesh, member, root));
    parallel(mesh.clusters, |cluster| cluster.label("Namespace", "default", labels(words::site())));
}

fn labels(site) { #{site: site} }
"#;

#[test]
fn an_export_of_a_small_fork_has_its_own_steps_and_runs_beside_it() {
    let mut bench = Bench::new(true);
    let folder = bench.folder.path().join("mine");
    std::fs::create_dir_all(folder.join("steps")).expect("folder");
    std::fs::write(folder.join("main.rhai"), "//! # Mine\n//! ---\n//! origin: shared-gateways\n//! ---\n")
        .expect("main");
    std::fs::write(folder.join("steps/root.rhai"), OWN).expect("step");
    std::fs::write(folder.join("words.rhai"), "fn site() { \"ours\" }\n").expect("module");
    bench.good(&format!(":load {}", folder.display()));
    bench.good(":run \"Install the control plane\"");
    bench.good(":run \"Share one root of trust\"");
    let file = folder.join("session.rhai");
    let told = bench.good(&format!(":export {}", file.display()));
    assert!(told.contains("does it again"), "{told}");
    let text = std::fs::read_to_string(&file).expect("written");
    assert!(
        text.contains("    import \"./words\" as words;\n    step \"Share one")
            && text.matches("fn labels(site)").count() == 1,
        "{text}"
    );
    for line in [
        "primary: {type: cluster, default: east, help: \"context of the cluster that runs the control plane\"}",
        "write: [cluster-scoped, default, \"{namespace}\"]",
        "authorities: [\"mesh-*\"]",
        "exec: [istioctl]",
    ] {
        assert!(text.contains(line), "`{line}` is missing in:\n{text}");
    }
    let working = std::env::current_dir().expect("folder");
    let script = crate::script::find(&file.to_string_lossy(), &working).expect("script");
    let header = script.header().expect("header");
    let values = Values::check(&header, &crate::script::Given::default()).expect("defaults");
    let job = Job::new(script, header, values, Style { quiet: true, ..Style::default() });
    let session = Session::rehearsal(&job, &["east", "west"]).expect("session");
    session.run(&job).unwrap_or_else(|failure| panic!("{text}\n{failure:?}"));
    let west = session.world().expect("world").server("west").expect("west");
    let namespace = west.get("Namespace", None, "default").expect("namespace");
    assert_eq!(namespace["metadata"]["labels"]["site"], "ours", "{text}");
    let east = session.world().expect("world").server("east").expect("east");
    assert!(east.get("Deployment", Some("istio-system"), "istiod").is_some(), "{text}");
}
