//! Clusters that a script connects to with a kubeconfig in hand.

use crate::stage::Stage;

/// What a script starts with that knows kubeconfigs of a server.
const CONFIG: &str = r#"
let url = kube.cluster("east").server;
let config = |server, user| text.yaml(#{apiVersion: "v1", kind: "Config", "current-context": "x", users: [#{name: user, user: #{}}],
    clusters: [#{name: "x", cluster: #{server: server}}], contexts: [#{name: "x", context: #{cluster: "x", user: user}}]});
"#;

fn eval(stage: &Stage, body: &str) -> (i32, String, String) {
    stage.eval(&format!("{CONFIG}{body}"))
}

#[test]
fn a_kubeconfig_in_hand_is_never_taken_for_a_context() {
    let stage = Stage::new();
    for body in [
        r#"kube.connect("east", config.call("http://127.0.0.1:1", "a")).version()"#,
        r#"kube.cluster("east").version(); kube.connect("east", config.call(url, "a")).version()"#,
    ] {
        let (code, out, err) = eval(&stage, body);
        assert_eq!(code, 4, "{out}{err}");
        assert!(err.contains("`east` is a context") && err.contains("reader of east"), "{err}");
    }
    let (code, _, err) = eval(&stage, r#"kube.connect("mine", config.call(url, "a")); kube.cluster("mine").version()"#);
    assert!(code != 0 && err.contains("no context `mine`"), "{err}");
}

#[test]
fn a_name_stays_with_its_server_and_writes_take_that_server_s_lease() {
    let stage = Stage::new();
    let (code, out, err) = eval(
        &stage,
        r#"let one = kube.connect("mine", config.call(url, "a"));
        let other = kube.connect("mine", config.call(url, "b"));
        one.patch("ConfigMap", "shop/old", #{data: #{mine: "1"}});
        kube.connect("mine", config.call("http://127.0.0.1:1", "a"))"#,
    );
    assert_eq!(code, 4, "{out}{err}");
    assert!(err.contains("`mine` is the cluster at http://127.0.0.1:") && err.contains("a name of its own"), "{err}");
    let leases = stage.server().log().iter().filter(|sent| sent.is_write() && sent.path.contains("/leases")).count();
    assert_eq!(leases, 2, "taken and given back");
    assert_eq!(stage.map("old"), Some(serde_json::json!({"theirs": "1", "mine": "1"})));
}

#[test]
fn a_run_that_has_connected_by_itself_is_gone_on_with_and_taken_back_as_far_as_that_goes() {
    let stage = Stage::new();
    let header = "//! # Test\n//! ---\n//! needs: {write: [shop], contexts: [east], hosts: ['*']}\n//! ---\n";
    let body = r#"
step "Make" {
    let mine = kube.connect("reader", config.call(url, "a"));
    let map = |name| #{apiVersion: "v1", kind: "ConfigMap", metadata: #{name: name, namespace: "shop"}};
    mine.apply(map.call("there"));
    kube.cluster("east").apply(map.call("here"));
    throw "as asked";
}"#;
    std::fs::write(stage.home.path().join("make.rhai"), format!("{header}{CONFIG}{body}")).expect("written");
    let (code, _, err) = stage.meshwright(&["run", "./make.rhai", "--yes"]);
    assert!(code == 1 && err.contains("as asked"), "{err}");
    let id = stage.last();
    let (code, _, err) = stage.meshwright(&["resume", &id, "--yes"]);
    assert!(code == 1 && err.contains("as asked"), "the script connects again: {err}");
    let (code, out, err) = stage.meshwright(&["undo", &id, "--yes"]);
    assert_eq!(code, 0, "{out}{err}");
    let lost = "! reader: ConfigMap shop/there: the kubeconfig that the script connected with is not kept";
    assert!(err.contains("This cannot be taken back:") && err.contains(lost), "{err}");
    assert!(stage.map("here").is_none() && stage.map("there").is_some(), "{err}");
}
