//! Runs that are taken back.

use crate::stage::{FORCED, Stage};
use meshwright::rehearsal::{Effect, Fault, Server};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use std::io::BufRead as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

#[test]
fn what_somebody_else_has_changed_is_not_taken_back() {
    let stage = Stage::new();
    stage.run(&[]);
    let id = stage.last();
    let write = r#"kube.cluster("east").patch("ConfigMap", "shop/old", #{data: #{other: "1"}})"#;
    let (code, _, err) = stage.meshwright(&["eval", "--write", write]);
    assert_eq!(code, 0, "{err}");
    let (code, _, err) = stage.meshwright(&["undo", &id, "--yes"]);
    assert_eq!(code, 1, "{err}");
    assert!(err.contains("ConfigMap shop/old") && err.contains("nothing was taken back"), "{err}");
    let (code, out, err) = stage.meshwright(&["undo", &id, "--dry-run"]);
    assert_eq!(code, 1, "{out}{err}");
    assert!(out.contains("that stops the undo") && err.contains("--except east:ConfigMap/shop/old"), "{out}{err}");
    assert!(stage.map("new").is_some());
}

#[test]
fn former_owners_have_their_fields_again() {
    let stage = Stage::new();
    let before = stage.owned();
    let id = stage.ran(FORCED);
    assert_ne!(
        stage.server().get("ConfigMap", Some("shop"), "owned").expect("owned")["metadata"]["managedFields"],
        before["metadata"]["managedFields"]
    );
    let (code, _, err) = stage.meshwright(&["undo", &id, "--yes"]);
    assert_eq!(code, 0, "{err}");
    let after = stage.server().get("ConfigMap", Some("shop"), "owned").expect("owned");
    assert_eq!(after["data"], before["data"]);
    assert_eq!(after["metadata"]["managedFields"], before["metadata"]["managedFields"]);
    let change = |manager: &str| {
        stage.eval(&format!(
            r#"kube.cluster("east").apply(#{{apiVersion: "v1", kind: "ConfigMap", metadata: #{{name: "owned", namespace: "shop"}}, data: #{{a: "2"}}}}, #{{manager: "{manager}"}})"#
        ))
    };
    let (code, _, err) = change("somebody");
    assert!(code == 1 && err.contains("kubectl"), "a field of kubectl's again: {err}");
    let (code, _, err) = change("kubectl");
    assert_eq!(code, 0, "it owns its field: {err}");
}

#[test]
fn half_an_undo_can_be_repeated() {
    let stage = Stage::new();
    let before = stage.owned();
    let id = stage.ran(&format!(
        "{FORCED}c.apply(#{{apiVersion: \"v1\", kind: \"ConfigMap\", metadata: #{{name: \"new\", namespace: \"shop\"}}}});"
    ));
    // The last made goes first; the cluster refuses the second.
    let refused = Effect::Status { code: 403, retry_after: None };
    stage.server().faults().inject(Fault::new(refused).path("meshwright-undo").times(1));
    let (code, _, err) = stage.meshwright(&["undo", &id, "--yes"]);
    assert_eq!(code, 1, "{err}");
    assert!(err.contains(&format!("to go on: meshwright undo {id}")), "{err}");
    assert_eq!(stage.map("new"), None);
    let (_, out, _) = stage.meshwright(&["undo", &id, "--dry-run"]);
    assert!(out.contains("ConfigMap shop/new is gone"), "{out}");
    let (code, _, err) = stage.meshwright(&["undo", &id, "--yes"]);
    assert_eq!(code, 0, "{err}");
    let after = stage.server().get("ConfigMap", Some("shop"), "owned").expect("owned");
    assert_eq!(
        (&after["data"], &after["metadata"]["managedFields"]),
        (&before["data"], &before["metadata"]["managedFields"])
    );
    let (code, out, _) = stage.meshwright(&["undo", &id, "--yes"]);
    assert_eq!(code, 0);
    assert!(out.contains("is taken back already"), "{out}");
    let (_, out, _) = stage.meshwright(&["show-run", "last"]);
    assert!(out.contains("changed   east: ConfigMap shop/owned"), "an undo has a journal: {out}");
}

/// Between the values and the owners a kill may come.
#[test]
fn values_without_their_owners_are_half_an_undo() {
    let stage = Stage::new();
    let before = stage.owned();
    let id = stage.ran(FORCED);
    stage.server().put_as(&format!("meshwright-undo-{id}"), json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "owned", "namespace": "shop"}, "data": before["data"],
    }));
    let (code, _, err) = stage.meshwright(&["undo", &id, "--yes"]);
    assert_eq!(code, 0, "{err}");
    let after = stage.server().get("ConfigMap", Some("shop"), "owned").expect("owned");
    assert_eq!(after["metadata"]["managedFields"], before["metadata"]["managedFields"]);
}

#[test]
fn production_is_named_before_it_is_undone() {
    let stage = Stage::new();
    let id = stage.ran(FORCED);
    let folder = stage.home.path().join(".config/meshwright");
    std::fs::create_dir_all(&folder).expect("folder");
    std::fs::write(folder.join("config.yaml"), "production: [\"ea*\"]\n").expect("written");
    let (code, _, err) = stage.meshwright(&["undo", &id, "--yes"]);
    assert_eq!(code, 4, "{err}");
    assert!(err.contains("looks like production") && err.contains("--confirm east"), "{err}");
    assert!(stage.map("owned").is_some());
    let (code, _, err) = stage.meshwright(&["undo", &id, "--yes", "--confirm", "east"]);
    assert_eq!(code, 0, "{err}");
    assert_eq!(stage.map("owned"), None);
}

#[test]
fn secrets_that_were_made_go_and_those_that_were_changed_are_told_first() {
    let stage = Stage::new();
    stage.server().put(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "theirs", "namespace": "shop"}, "data": {"k": "b2xk"}}));
    let id = stage.ran(
        r#"for name in ["theirs", "made"] { c.apply(#{apiVersion: "v1", kind: "Secret", metadata: #{name: name, namespace: "shop"}, stringData: #{k: "planted-undo-secret"}}, #{force: true}); }"#,
    );
    let (code, out, err) = stage.meshwright(&["undo", &id, "--dry-run"]);
    assert_eq!(code, 0, "{err}");
    let lost = out.find("! east: Secret shop/theirs: the former contents of a Secret are not kept").expect("told");
    assert!(lost < out.find("delete   east: Secret shop/made").expect("deleted"), "{out}");
    let (code, _, err) = stage.meshwright(&["undo", &id, "--yes"]);
    assert_eq!(code, 0, "{err}");
    let there = |name| stage.server().get("Secret", Some("shop"), name).is_some();
    assert!(there("theirs") && !there("made"));
    assert!(!std::fs::read_to_string(stage.journal(&id)).expect("journal").contains("planted-undo"));
}

#[test]
fn the_last_made_goes_first_and_another_object_of_the_name_stays() {
    let stage = Stage::new();
    let id = stage.ran(
        r#"c.apply(#{apiVersion: "v1", kind: "Namespace", metadata: #{name: "other"}});
for name in ["one", "two", "three"] { c.apply(#{apiVersion: "v1", kind: "ConfigMap", metadata: #{name: name, namespace: "other"}}); }"#,
    );
    let server = stage.server();
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "two", "namespace": "other"}});
    server.remove("ConfigMap", Some("other"), "two");
    server.put(map);
    let (_, out, _) = stage.meshwright(&["undo", &id, "--dry-run"]);
    assert!(out.contains("delete   east: Namespace other, with everything in it"), "{out}");
    assert!(out.contains("ConfigMap other/two is gone"), "{out}");
    let asked = server.log().len();
    let (code, _, err) = stage.meshwright(&["undo", &id, "--yes", "--except", "Namespace/other"]);
    assert_eq!(code, 0, "{err}");
    let log = server.log();
    let deleted = log.iter().skip(asked).filter(|sent| sent.method == "DELETE" && !sent.path.contains("leases"));
    let deleted: Vec<&str> = deleted.map(|sent| sent.path.rsplit('/').next().unwrap_or_default()).collect();
    assert_eq!(deleted, ["three", "one"]);
    server.remove("ConfigMap", Some("other"), "two");
    stage.lives();
    let (code, _, err) = stage.meshwright(&["undo", &id, "--yes"]);
    assert_eq!(code, 0, "{err}");
    assert_eq!(server.get("Namespace", None, "other"), None);
}

#[test]
fn an_undo_on_another_cluster_of_the_name_is_refused() {
    let stage = Stage::new();
    let id = stage.ran(FORCED);
    let path = stage.journal(&id);
    let text = std::fs::read_to_string(&path).expect("journal");
    let uid = stage.server().get("Namespace", None, "kube-system").expect("namespace")["metadata"]["uid"].clone();
    std::fs::write(&path, text.replacen(uid.as_str().expect("uid"), "another", 1)).expect("written");
    let (code, _, err) = stage.meshwright(&["undo", &id, "--yes"]);
    assert_eq!(code, 4, "{err}");
    assert!(err.contains("is not the cluster that run"), "{err}");
    assert!(stage.map("owned").is_some());
}

#[test]
fn an_undo_goes_on_without_what_somebody_else_has_changed() {
    let stage = Stage::new();
    let make = |name: &str| {
        format!(
            r#"c.apply(#{{apiVersion: "v1", kind: "ConfigMap", metadata: #{{name: "{name}", namespace: "shop"}}, data: #{{a: "1"}}}});"#
        )
    };
    let id = stage.ran(&format!("{}{}", make("one"), make("two")));
    for (name, field) in [("one", "data"), ("two", "metadata")] {
        let mut live = stage.server().get("ConfigMap", Some("shop"), name).expect("there");
        match field {
            "data" => live["data"]["theirs"] = json!("1"),
            _ => live["metadata"]["annotations"] = json!({"some-operator/seen": "1"}),
        }
        stage.server().put_as("some-operator", live);
    }
    let (code, _, err) = stage.meshwright(&["undo", &id, "--yes"]);
    assert_eq!(code, 1, "{err}");
    assert!(err.contains("stops the undo: 1 object") && err.contains("ConfigMap/shop/one"), "{err}");
    let (code, _, err) = stage.meshwright(&["undo", &id, "--yes", "--except", "ConfigMap/three"]);
    assert!(code == 4 && err.contains("no such object"), "{err}");
    let (code, _, err) = stage.meshwright(&["undo", &id, "--yes", "--except", "ConfigMap/one"]);
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("is taken back, but for ConfigMap/one."), "{err}");
    assert!(stage.map("one").is_some() && stage.map("two").is_none(), "{err}");
}

#[test]
fn what_others_have_put_into_a_namespace_does_not_go_with_it() {
    let stage = Stage::new();
    let id = stage.ran(
        r#"c.apply(#{apiVersion: "v1", kind: "Namespace", metadata: #{name: "other"}});
        c.apply(#{apiVersion: "v1", kind: "ConfigMap", metadata: #{name: "x", namespace: "other"}, data: #{a: "1"}});"#,
    );
    let put = |manager: &str, kind: &str, name: &str, owners: Value| {
        let metadata = json!({"name": name, "namespace": "other", "ownerReferences": owners});
        stage
            .server()
            .put_as(manager, json!({"apiVersion": "v1", "kind": kind, "metadata": metadata, "data": {"k": "YQ=="}}));
    };
    put("kube-controller-manager", "ConfigMap", "kube-root-ca.crt", json!([]));
    put(
        "some-operator",
        "Pod",
        "a-pod",
        json!([{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": "1"}]),
    );
    put("kubectl-create", "Secret", "precious", json!([]));
    let told = "Namespace other holds what this run has not made: Secret precious";
    let (_, out, err) = stage.meshwright(&["undo", &id, "--dry-run"]);
    assert!(out.contains(&format!("{told}; that stops the undo")), "{out}{err}");
    let (code, _, err) = stage.meshwright(&["undo", &id, "--yes"]);
    assert!(code == 1 && err.contains(told) && err.contains("--except east:Namespace/other"), "{err}");
    assert!(stage.server().get("ConfigMap", Some("other"), "x").is_some(), "nothing is taken back");
    stage.server().remove("Secret", Some("other"), "precious");
    stage.lives();
    let (code, _, err) = stage.meshwright(&["undo", &id, "--yes"]);
    assert!(code == 0 && stage.server().get("Namespace", None, "other").is_none(), "{err}");
}

#[test]
fn an_undo_that_can_take_nothing_back_has_failed() {
    let stage = Stage::new();
    let id = stage.ran(r#"c.delete("ConfigMap", "shop/old");"#);
    for more in ["--dry-run", "--yes"] {
        let (code, out, err) = stage.meshwright(&["undo", &id, more]);
        assert_eq!(code, 1, "{more}: {out}{err}");
        assert!(out.contains("! east: ConfigMap shop/old was deleted"), "{out}");
        let told = format!("nothing of run {id} can be taken back: 1 change");
        assert!(err.contains(&told) && err.contains(&format!("meshwright show-run {id}")), "{err}");
    }
}

/// A run has made a namespace, and in it what nobody lets go.
fn held() -> (Stage, String) {
    let stage = Stage::new();
    stage.lives();
    let id = stage.ran(
        r#"c.apply(#{apiVersion: "v1", kind: "Namespace", metadata: #{name: "other"}});
        c.apply(#{apiVersion: "v1", kind: "ConfigMap", metadata: #{name: "x", namespace: "other", finalizers: ["example.com/guard"]}});"#,
    );
    (stage, id)
}

#[test]
fn what_does_not_go_is_told_with_what_holds_it() {
    let (stage, id) = held();
    // Twice: the second one finds it on its way out.
    for _ in 0..2 {
        let (code, out, err) = stage.meshwright(&["undo", &id, "--yes", "--timeout", "3s"]);
        let err = err.replace("\n  │ ", " ");
        assert_eq!(code, 3, "{out}{err}");
        assert!(err.contains("still being deleted after 3s") && err.contains("east: Namespace other"), "{err}");
        assert!(err.contains("example.com/guard") && err.contains("look: kubectl --context=east"), "{err}");
        assert!(err.contains(&format!("to go on: meshwright undo {id}")), "{err}");
        assert!(!err.contains("is taken back.") && !err.contains("✓ deleted  east: Namespace other"), "{err}");
    }
    let (code, out, _) = stage.meshwright(&["undo", &id, "--dry-run"]);
    assert!(code == 0 && out.contains("Namespace other is being deleted"), "{out}");
    let mut map = stage.server().get("ConfigMap", Some("other"), "x").expect("held");
    map["metadata"]["finalizers"] = json!([]);
    stage.server().put_as("example-operator", map);
    let (code, out, err) = stage.meshwright(&["undo", &id, "--yes"]);
    assert!(code == 0 && stage.server().get("Namespace", None, "other").is_none(), "{out}{err}");
}

#[test]
fn the_wait_for_what_goes_can_be_interrupted() {
    let (stage, id) = held();
    let mut command = stage.command(&["undo", &id, "--yes"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("started");
    let mut lines = std::io::BufReader::new(child.stderr.take().expect("stderr")).lines().map_while(Result::ok);
    let before: Vec<String> = lines.by_ref().take_while(|line| !line.contains("waiting until it is gone")).collect();
    kill(Pid::from_raw(i32::try_from(child.id()).expect("pid")), Signal::SIGINT).expect("told");
    let after = lines.collect::<Vec<_>>().join("\n");
    assert_eq!(child.wait().expect("it ends").code(), Some(130), "{before:?}{after}");
    assert!(before.iter().any(|line| line.contains("going    east: Namespace other")), "{before:?}");
    assert!(after.contains(&format!("to go on: meshwright undo {id}")), "{after}");
}

#[test]
fn objects_of_others_do_not_go_with_the_definition_of_their_kind() {
    let stage = Stage::new();
    let id = stage.ran(
        r#"c.create(#{apiVersion: "apiextensions.k8s.io/v1", kind: "CustomResourceDefinition", metadata: #{name: "gadgets.example.com"}, spec: #{
            group: "example.com", scope: "Namespaced", names: #{plural: "gadgets", singular: "gadget", kind: "Gadget"},
            versions: [#{name: "v1", served: true, storage: true, schema: #{openAPIV3Schema: #{type: "object", "x-kubernetes-preserve-unknown-fields": true}}}],
        }});"#,
    );
    let mut live = stage.server().get("CustomResourceDefinition", None, "gadgets.example.com").expect("made");
    live["status"] = json!({"conditions": [{"type": "Established", "status": "True"}], "acceptedNames": live["spec"]["names"], "storedVersions": ["v1"]});
    stage.server().put_as("kube-apiserver", live);
    stage.server().put_as(
        "kubectl-create",
        json!({
            "apiVersion": "example.com/v1", "kind": "Gadget", "metadata": {"name": "theirs", "namespace": "shop"},
        }),
    );
    let (code, _, err) = stage.meshwright(&["undo", &id, "--yes"]);
    assert_eq!(code, 1, "{err}");
    assert!(err.contains("gadgets.example.com holds what this run has not made: Gadget theirs"), "{err}");
}

/// Each way to change an object, on one that somebody else has made.
#[test]
fn every_way_to_change_an_object_is_taken_back() {
    let ways = [
        r#"c.scale("Deployment", "shop/web", 3);"#,
        r#"c.restart("Deployment", "shop/web");"#,
        r#"c.label("Deployment", "shop/web", #{team: "mesh", app: "other"});"#,
        r#"c.annotate("Deployment", "shop/web", #{"a.b/c": "1"});"#,
        r#"c.patch("Deployment", "shop/web", #{spec: #{template: #{spec: #{containers: [#{name: "web", image: "web:2"}]}}}}, #{type: "strategic"});"#,
        r#"c.patch("Deployment", "shop/web", [#{op: "replace", path: "/spec/replicas", value: 4}], #{type: "json"});"#,
        r#"c.edit("Deployment", "shop/web", |d| { d.spec.minReadySeconds = 5; d });"#,
    ];
    // What has no replicas has some later.
    for (way, replicas) in ways.into_iter().map(|way| (way, 1)).chain([(ways[0], 0)]) {
        let stage = Stage::new();
        stage.server().put_as("kubectl", json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "namespace": "shop", "labels": {"app": "web"}},
            "spec": {
                "replicas": replicas, "selector": {"matchLabels": {"app": "web"}},
                "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": "web:1"}]}},
            },
        }));
        let look = || {
            let mut live = stage.server().get("Deployment", Some("shop"), "web").expect("web");
            for noted in ["resourceVersion", "generation"] {
                live["metadata"][noted] = json!(null);
            }
            (live["spec"].clone(), live["metadata"].clone())
        };
        let before = look();
        let id = stage.ran(way);
        assert_ne!(look(), before, "{way}");
        let (code, _, err) = stage.meshwright(&["undo", &id, "--yes"]);
        assert_eq!(code, 0, "{way}: {err}");
        assert_eq!(look(), before, "{way}");
    }
}

/// Takes the run back on a cluster that answers changes of ConfigMaps late; while the first is on its way, after undo has
/// looked at the object, `meanwhile` happens.
fn undone_while(stage: &Stage, id: &str, meanwhile: impl FnOnce(&Server)) -> (i32, String) {
    let server = stage.server();
    let late = Fault::new(Effect::Latency(Duration::from_millis(1500))).path("/configmaps/");
    server.faults().inject(late.clone().method("DELETE").times(1));
    server.faults().inject(late.method("PATCH").times(1));
    let runs = stage.journal(id).parent().expect("folder").to_owned();
    let is_announced = || {
        let files = std::fs::read_dir(&runs).into_iter().flatten().flatten();
        let texts = files.filter_map(|entry| std::fs::read_to_string(entry.path()).ok());
        texts.into_iter().any(|text| text.contains(&format!("undo {id}")) && text.contains("\"event\":\"intent\""))
    };
    let outcome = std::thread::scope(|scope| {
        let undo = scope.spawn(|| stage.meshwright(&["undo", id, "--yes"]));
        let end = Instant::now() + Duration::from_secs(30);
        while !is_announced() {
            assert!(Instant::now() < end && !undo.is_finished(), "undo changes nothing: {:?}", undo.join());
            std::thread::sleep(Duration::from_millis(10));
        }
        meanwhile(server);
        undo.join().expect("undo")
    });
    server.faults().clear();
    (outcome.0, outcome.2)
}

#[test]
fn what_comes_between_the_look_and_the_change_is_not_lost() {
    let map = |name: &str, value: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "shop"}, "data": {"a": value}});
    let again = |server: &Server, name: &str| {
        server.remove("ConfigMap", Some("shop"), name);
        server.put(map(name, "another object"));
    };
    let made = format!(
        "c.apply({});",
        r#"#{apiVersion: "v1", kind: "ConfigMap", metadata: #{name: "made", namespace: "shop"}, data: #{a: "1"}}"#
    );
    let stage = Stage::new();
    let id = stage.ran(&made);
    let (code, err) = undone_while(&stage, &id, |server| again(server, "made"));
    assert_eq!((code, stage.map("made")), (0, Some(json!({"a": "another object"}))), "{err}");
    let stage = Stage::new();
    let id = stage.ran(&made);
    let (code, err) =
        undone_while(&stage, &id, |server| drop(server.put_as("kubectl", map("made", "of somebody else"))));
    assert_eq!((code, stage.map("made")), (1, Some(json!({"a": "of somebody else"}))), "{err}");
    assert!(err.contains("it was changed since by"), "{err}");
    let changed = r#"c.patch("ConfigMap", "shop/old", #{data: #{mine: "1"}});"#;
    let stage = Stage::new();
    let id = stage.ran(changed);
    let (code, err) = undone_while(&stage, &id, |server| again(server, "old"));
    assert_eq!((code, stage.map("old")), (0, Some(json!({"a": "another object"}))), "{err}");
}

#[test]
fn a_kubeconfig_is_found_from_another_folder() {
    let stage = Stage::new();
    let (code, _, err) = stage.run(&["--kubeconfig", "config"]);
    assert_eq!(code, 0, "{err}");
    let journal = std::fs::read_to_string(stage.journal(&stage.last())).expect("journal");
    let started: serde_json::Value = serde_json::from_str(journal.lines().next().expect("a line")).expect("json");
    assert_eq!(started["kubeconfig"], serde_json::json!(stage.home.path().join("config")));
}
