//! Changes whose answer nobody has heard.

use crate::stage::Stage;
use serde_json::json;

#[test]
fn a_creation_whose_answer_nobody_heard_is_found_and_can_be_taken_back() {
    let stage = Stage::new();
    let id = stage.killed_after(
        r#"if c.find("ConfigMap", "shop/new") == () { c.create(#{apiVersion: "v1", kind: "ConfigMap", metadata: #{name: "new", namespace: "shop"}}); }"#,
    );
    let (_, out, _) = stage.meshwright(&["show-run", &id]);
    assert!(out.contains("unknown   east: ConfigMap shop/new"), "{out}");
    let (code, _, err) = stage.meshwright(&["resume", &id, "--yes"]);
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("east: ConfigMap shop/new: applied: it was made"), "{err}");
    let (_, out, _) = stage.meshwright(&["show-run", &id]);
    assert!(out.contains("created   east: ConfigMap shop/new"), "the journal knows it now: {out}");
    let (code, _, err) = stage.meshwright(&["undo", &id, "--yes"]);
    assert_eq!(code, 0, "{err}");
    assert_eq!(stage.map("new"), None);
}

#[test]
fn changes_of_a_run_that_goes_on_are_not_judged() {
    let stage = Stage::new();
    let make = r#"c.apply(#{apiVersion: "v1", kind: "ConfigMap", metadata: #{name: "new", namespace: "shop"}});"#;
    let id = stage.killed_after(make);
    stage.server().remove("ConfigMap", Some("shop"), "new");
    let journal = std::fs::read_to_string(stage.journal(&id)).expect("journal");
    // As its process has it while it lasts.
    let open = std::fs::File::open(stage.journal(&id)).expect("journal");
    open.lock().expect("locked");
    let (code, out, err) = stage.meshwright(&["undo", &id, "--dry-run"]);
    assert_eq!(code, 1, "{out}{err}");
    assert!(err.contains("is still running: changes under way: 1"), "{err}");
    assert!(out.contains("nobody knows") && !format!("{out}{err}").contains("not applied"), "{out}{err}");
    assert_eq!(std::fs::read_to_string(stage.journal(&id)).expect("journal"), journal, "the journal is the run's own");
}

#[test]
fn a_context_that_is_another_cluster_now_is_left_alone() {
    let stage = Stage::new();
    let make = r#"c.apply(#{apiVersion: "v1", kind: "ConfigMap", metadata: #{name: "new", namespace: "shop"}});"#;
    let id = stage.killed_after(make);
    let now = stage.server().get("Namespace", None, "kube-system").expect("namespace")["metadata"]["uid"].clone();
    let (now, then) = (now.as_str().expect("uid"), "00000000-aaaa-4bbb-8ccc-dddddddddddd");
    let journal = std::fs::read_to_string(stage.journal(&id)).expect("journal").replace(now, then);
    std::fs::write(stage.journal(&id), &journal).expect("written");
    let asked = stage.server().log().len();
    for args in [&["resume", &id, "--yes"][..], &["undo", &id, "--yes"], &["undo", &id, "--dry-run"]] {
        let (code, out, err) = stage.meshwright(args);
        assert_eq!(code, 4, "{args:?}: {out}{err}");
        assert!(err.contains("`east` is not the cluster that run") && err.contains("--kubeconfig FILE"), "{err}");
        assert!(err.contains(now) && err.contains(then), "both are told: {err}");
    }
    let log = stage.server().log();
    let told: Vec<&str> = log.iter().skip(asked).map(|sent| sent.path.as_str()).collect();
    assert!(told.iter().all(|path| *path == "/api/v1/namespaces/kube-system"), "nothing else is asked of it: {told:?}");
    assert_eq!(std::fs::read_to_string(stage.journal(&id)).expect("journal"), journal, "nothing was settled there");
}

#[test]
fn a_creation_that_never_arrived_is_told() {
    let stage = Stage::new();
    let id = stage.killed_after(
        r#"c.apply(#{apiVersion: "v1", kind: "ConfigMap", metadata: #{name: "new", namespace: "shop"}});"#,
    );
    stage.server().remove("ConfigMap", Some("shop"), "new");
    let (code, _, err) = stage.meshwright(&["resume", &id, "--yes"]);
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("east: ConfigMap shop/new: not applied: it is not there"), "{err}");
    assert!(stage.map("new").is_some(), "made by the resumed run");
    let (_, out, _) = stage.meshwright(&["show-run", &id]);
    assert!(out.contains("not applied"), "{out}");
}

#[test]
fn what_the_server_has_named_is_found_by_who_made_it_and_when() {
    let stage = Stage::new();
    stage
        .server()
        .put(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "gen-theirs", "namespace": "shop"}}));
    let make =
        r#"c.create(#{apiVersion: "v1", kind: "ConfigMap", metadata: #{generateName: "gen-", namespace: "shop"}});"#;
    let id = stage.killed_after(&format!("{make}\n{make}"));
    let names = || -> Vec<String> {
        let all = stage.server().everything();
        let names = all.iter().filter_map(|object| object["metadata"]["name"].as_str().map(str::to_owned));
        names.filter(|name| name.starts_with("gen-")).collect()
    };
    assert_eq!(names().len(), 3);
    let (code, _, err) = stage.meshwright(&["undo", &id, "--yes"]);
    assert_eq!(code, 0, "{err}");
    assert_eq!(names(), ["gen-theirs"]);
}

#[test]
fn a_json_patch_whose_answer_nobody_heard_is_told_by_who_has_written() {
    let stage = Stage::new();
    let id = stage.killed_after(
        r#"c.patch("ConfigMap", "shop/old", [#{op: "add", path: "/data/mine", value: "1"}], #{type: "json"});"#,
    );
    let (code, _, err) = stage.meshwright(&["resume", &id, "--yes"]);
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("east: ConfigMap shop/old: applied: it was changed"), "{err}");
    let (code, _, err) = stage.meshwright(&["undo", &id, "--yes"]);
    assert_eq!(code, 0, "{err}");
    assert_eq!(stage.map("old"), Some(json!({"theirs": "1"})));
}

#[test]
fn a_scale_whose_answer_nobody_heard_is_told_by_who_has_scaled() {
    for (before, arrived) in [(1, true), (0, true), (1, false)] {
        let stage = Stage::new();
        let web = json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"},
            "spec": {
                "replicas": before, "selector": {"matchLabels": {"app": "web"}},
                "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": "web:1"}]}},
            },
        });
        stage.server().put_as("kubectl", web.clone());
        let id = stage.killed_after(r#"c.scale("Deployment", "shop/web", 3);"#);
        let replicas =
            || stage.server().get("Deployment", Some("shop"), "web").expect("web")["spec"]["replicas"].clone();
        assert_eq!(replicas(), 3);
        if !arrived {
            stage.server().remove("Deployment", Some("shop"), "web");
            let mut web = web.clone();
            let journal = std::fs::read_to_string(stage.journal(&id)).expect("journal");
            let uid = journal.split("\"uid\":\"").last().and_then(|rest| rest.split('"').next()).expect("a uid");
            web["metadata"]["uid"] = json!(uid);
            stage.server().put_as("kubectl", web);
        }
        let (code, _, err) = stage.meshwright(&["undo", &id, "--yes"]);
        assert_eq!(code, 0, "{err}");
        let told = if arrived { "shop/web: applied: it was changed" } else { "shop/web: not applied" };
        assert!(err.contains(told), "{err}");
        assert_eq!(replicas(), before, "{err}");
    }
}

#[test]
fn what_a_later_run_has_made_is_not_taken_back_with_a_run_that_never_made_it() {
    let make = r#"c.apply(#{apiVersion: "v1", kind: "ConfigMap", metadata: #{name: "new", namespace: "shop"}});"#;
    let stage = Stage::new();
    let id = stage.killed_after(make);
    stage.server().remove("ConfigMap", Some("shop"), "new");
    let later = stage.ran(make);
    let (code, out, err) = stage.meshwright(&["undo", &id, "--yes"]);
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("east: ConfigMap shop/new: not applied: it is not there"), "{err}");
    assert!(stage.map("new").is_some(), "{out}{err}");
    let (code, _, err) = stage.meshwright(&["undo", &later, "--yes"]);
    assert_eq!((code, stage.map("new")), (0, None), "{err}");
}

#[test]
fn a_preview_needs_to_write_nothing() {
    use std::os::unix::fs::PermissionsExt as _;
    let stage = Stage::new();
    let make = r#"c.apply(#{apiVersion: "v1", kind: "ConfigMap", metadata: #{name: "new", namespace: "shop"}});"#;
    let id = stage.killed_after(make);
    let journal = std::fs::read_to_string(stage.journal(&id)).expect("journal");
    std::fs::set_permissions(stage.journal(&id), std::fs::Permissions::from_mode(0o400)).expect("locked away");
    let (code, out, err) = stage.meshwright(&["undo", &id, "--dry-run"]);
    assert!(code == 0 && out.contains("delete   east: ConfigMap shop/new"), "{out}{err}");
    assert_eq!(std::fs::read_to_string(stage.journal(&id)).expect("journal"), journal, "as root as well");
}
