//! Everything else that reads and changes objects. Each test runs against any server.

use super::{Bench, object};
use meshwright::cluster::{DeleteOptions, Outcome, Patch, Selection};
use meshwright::failure::{Failure, Kind};
use meshwright::object::{Node, Object};
use serde_json::json;
use std::time::Duration;

fn node(value: serde_json::Value) -> Node {
    Node::from(&value)
}

fn config_map(name: &str) -> String {
    format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: {name}, labels: {{made: here}}}}, data: {{a: '1'}}}}")
}

pub async fn an_edit_starts_again_when_somebody_was_quicker(bench: &Bench) {
    bench.apply(&config_map("edited")).await;
    let cluster = &bench.cluster;
    let target = cluster.target("ConfigMap", "default/edited").await.expect("target");
    let before = cluster.get(&target).await.expect("read");
    cluster.label(&target, &node(json!({"other": "writer"}))).await.expect("labelled");
    let mut wanted = before.to_wire();
    wanted["data"]["a"] = json!("2");
    let late = cluster.replace(&target, &before, &Object::new(node(wanted))).await.expect("asked");
    assert_eq!(late, None, "somebody else was quicker");
    let mut runs = 0;
    let edited = cluster.edit(&target, |object| {
        runs += 1;
        let mut value = object.to_wire();
        value["data"]["a"] = json!("2");
        Ok(Object { node: node(value), ..object })
    });
    let edited = edited.await.expect("edited");
    assert_eq!((edited.outcome, runs, edited.object.label("other")), (Outcome::Changed, 1, Some("writer")));
    let changes = bench.changes();
    assert_eq!(cluster.edit(&target, Ok).await.expect("same").outcome, Outcome::Unchanged);
    assert_eq!(bench.changes(), changes);
    let renamed = cluster.edit(&target, |object| Ok(Object::new(node(json!({"kind": object.kind()}))))).await;
    assert_eq!(renamed.expect_err("another object").kind, Kind::Usage);
    let thrown = cluster.edit(&target, |_| Err(Failure::new(Kind::Script, "no"))).await;
    assert_eq!(thrown.expect_err("thrown").kind, Kind::Script);
}

pub async fn patches_that_change_nothing_are_not_sent(bench: &Bench) {
    bench.apply(&config_map("patched")).await;
    let cluster = &bench.cluster;
    let target = cluster.target("ConfigMap", "default/patched").await.expect("target");
    let patches = [
        (Patch::Merge, json!({"data": {"b": "2"}})),
        (Patch::Strategic, json!({"data": {"c": "3"}})),
        (Patch::Json, json!([{"op": "replace", "path": "/data/a", "value": "4"}])),
    ];
    for (kind, body) in patches {
        let first = cluster.patch(&target, kind, &node(body.clone())).await.expect("patched");
        assert_eq!(first.outcome, Outcome::Changed, "{kind:?}");
        let changes = bench.changes();
        let second = cluster.patch(&target, kind, &node(body)).await.expect("patched");
        assert_eq!((second.outcome, bench.changes()), (Outcome::Unchanged, changes), "{kind:?}");
    }
    let data = cluster.get(&target).await.expect("read").to_wire()["data"].clone();
    assert_eq!(data, json!({"a": "4", "b": "2", "c": "3"}));
    let labelled = cluster.label(&target, &node(json!({"made": null, "x": "y"}))).await.expect("labelled").object;
    assert_eq!((labelled.label("made"), labelled.label("x")), (None, Some("y")));
}

pub async fn only_the_object_that_was_seen_is_deleted(bench: &Bench) {
    let seen = bench.apply(&config_map("deleted")).await.object;
    let cluster = &bench.cluster;
    let target = cluster.target("ConfigMap", "default/deleted").await.expect("target");
    let wait = DeleteOptions { wait: Some(Duration::from_secs(10)), ..DeleteOptions::default() };
    assert!(cluster.delete(&target, &wait).await.expect("deleted"));
    bench.apply(&config_map("deleted")).await;
    let old = DeleteOptions { uid: Some(seen.uid().to_owned()), ..DeleteOptions::default() };
    assert_eq!(cluster.delete(&target, &old).await.expect_err("a namesake").kind, Kind::Conflict);
    assert!(cluster.find(&target).await.expect("asked").is_some(), "the namesake is still there");
    assert!(cluster.delete(&target, &DeleteOptions::default()).await.expect("deleted"));
    assert_eq!(cluster.delete(&target, &DeleteOptions::default()).await.expect_err("gone").kind, Kind::NotFound);
    let missing_ok = DeleteOptions { missing_ok: true, ..DeleteOptions::default() };
    assert!(!cluster.delete(&target, &missing_ok).await.expect("fine"));
}

pub async fn workloads_are_scaled_and_restarted(bench: &Bench) {
    let labels = "{app: scaled}";
    bench
        .apply(&format!(
            "{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: scaled}}, spec: {{replicas: 1, selector: {{matchLabels: {labels}}}, \
             template: {{metadata: {{labels: {labels}}}, spec: {{containers: [{{name: a, image: a}}]}}}}}}}}"
        ))
        .await;
    let cluster = &bench.cluster;
    let target = cluster.target("deploy", "default/scaled").await.expect("target");
    assert_eq!(cluster.scale(&target, 3).await.expect("scaled"), Outcome::Changed);
    assert_eq!(cluster.scale(&target, 3).await.expect("scaled"), Outcome::Unchanged);
    assert_eq!(cluster.get(&target).await.expect("read").int_at("spec.replicas"), Some(3));
    let restarted = cluster.restart(&target).await.expect("restarted");
    let keys = ["spec", "template", "metadata", "annotations", "kubectl.kubernetes.io/restartedAt"];
    assert!(restarted.at_keys(keys).is_some());
    let map = cluster.target("ConfigMap", "default/x").await.expect("target");
    assert_eq!(cluster.scale(&map, 1).await.expect_err("no replicas").kind, Kind::Usage);
    assert_eq!(cluster.restart(&map).await.expect_err("no pods").kind, Kind::Usage);
}

pub async fn objects_are_created_once_and_listed(bench: &Bench) {
    let cluster = &bench.cluster;
    let made = cluster.create(&object(&config_map("created")), Some("default")).await.expect("created");
    assert_eq!(made.title(), "ConfigMap default/created");
    let again = cluster.create(&object(&config_map("created")), Some("default")).await;
    assert_eq!(again.expect_err("there already").kind, Kind::AlreadyExists);
    let nameless = object("{apiVersion: v1, kind: ConfigMap, metadata: {generateName: made-}}");
    let made = cluster.create(&nameless, Some("default")).await.expect("created");
    assert!(made.name().len() > "made-".len());
    let maps = cluster.resource("cm").await.expect("kind");
    let selection = |labels: &str| Selection {
        labels: Some(labels.into()),
        namespace: Some("default".into()),
        ..Selection::default()
    };
    let found = cluster.list(&maps, &selection("made=here")).await.expect("list");
    assert!(found.iter().any(|map| map.title() == "ConfigMap default/created"));
    assert!(cluster.list(&maps, &selection("made=elsewhere")).await.expect("list").is_empty());
}

pub async fn a_cluster_says_what_it_is_and_may(bench: &Bench) {
    let cluster = &bench.cluster;
    assert!(cluster.version().await.expect("version").starts_with("v1."));
    assert_eq!(cluster.uid().await.expect("uid").len(), 36);
    let pods = cluster.resource("pods").await.expect("pods");
    assert!(cluster.can("create", &pods, Some("default")).await.expect("review").allowed);
}

pub async fn fields_are_explained(bench: &Bench) {
    let cluster = &bench.cluster;
    let explained = cluster.explain("deployments.spec.template").await.expect("explained");
    assert_eq!(explained.kind, "PodTemplateSpec");
    assert!(
        explained.fields.iter().any(|field| field.name == "spec" && field.kind == "PodSpec"),
        "{:?}",
        explained.fields
    );
    let failure = cluster.explain("deployments.spec.replica").await.expect_err("no such field");
    assert_eq!(failure.hint.as_deref(), Some("did you mean `replicas`?"));
}

#[test]
fn in_memory() {
    super::in_memory(async |bench| {
        an_edit_starts_again_when_somebody_was_quicker(bench).await;
        patches_that_change_nothing_are_not_sent(bench).await;
        only_the_object_that_was_seen_is_deleted(bench).await;
        workloads_are_scaled_and_restarted(bench).await;
        objects_are_created_once_and_listed(bench).await;
        a_cluster_says_what_it_is_and_may(bench).await;
        fields_are_explained(bench).await;
    });
}
