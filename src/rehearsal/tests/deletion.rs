//! Deletions: preconditions, and what becomes of what is owned.

use super::*;
use std::time::Duration;

/// A world in which `owner` owns `owned`, one with another owner beside it.
async fn owned(clock: &Clock) -> World {
    let world = running(clock, &["east"]);
    let east = &world.servers()[0];
    let reference = |of: &Value| {
        let metadata = &of["metadata"];
        json!({
            "apiVersion": "v1", "kind": "ConfigMap", "name": metadata["name"], "uid": metadata["uid"],
            "blockOwnerDeletion": true,
        })
    };
    let owner = reference(&post(east, MAPS, config_map("owner", json!({}))).await.1);
    let second = reference(&post(east, MAPS, config_map("second", json!({}))).await.1);
    for (name, owners) in [("owned", json!([owner])), ("shared", json!([owner, second]))] {
        let mut map = config_map(name, json!({}));
        map["metadata"]["ownerReferences"] = owners;
        assert_eq!(post(east, MAPS, map).await.0, 201);
    }
    world
}

async fn delete(server: &Server, options: Value) -> (u16, Value) {
    ask(server, "DELETE", &format!("{MAPS}/owner"), "application/json", options).await
}

/// The names that are left after a while.
async fn left(server: &Server) -> Vec<String> {
    server.clock().sleep(Duration::from_secs(5)).await;
    let maps = server.list("ConfigMap", Some("default"));
    let names = maps.iter().filter_map(|map| map["metadata"]["name"].as_str()).map(str::to_owned);
    names.filter(|name| name != "kube-root-ca.crt").collect()
}

#[test]
fn in_the_background_the_owner_goes_first() {
    simulated(async |clock| {
        let world = owned(&clock).await;
        let east = &world.servers()[0];
        assert_eq!(delete(east, json!({"propagationPolicy": "Background"})).await.1["status"], "Success");
        assert!(east.get("ConfigMap", Some("default"), "owned").is_some());
        assert_eq!(left(east).await, ["second", "shared"]);
        let shared = east.get("ConfigMap", Some("default"), "shared").expect("it has another owner");
        assert_eq!(shared["metadata"]["ownerReferences"].as_array().map(Vec::len), Some(1));
    });
}

#[test]
fn in_the_foreground_the_owner_goes_last() {
    simulated(async |clock| {
        let world = owned(&clock).await;
        let east = &world.servers()[0];
        east.edit("ConfigMap", Some("default"), "owned", |map| map["metadata"]["finalizers"] = json!(["a.b/hold"]));
        let (code, ending) = delete(east, json!({"propagationPolicy": "Foreground"})).await;
        assert_eq!((code, &ending["metadata"]["finalizers"]), (200, &json!(["foregroundDeletion"])));
        assert!(left(east).await.contains(&"owner".to_owned()), "something that it owns is still there");
        east.edit("ConfigMap", Some("default"), "owned", |map| map["metadata"]["finalizers"] = Value::Null);
        assert!(!left(east).await.contains(&"owner".to_owned()));
    });
}

#[test]
fn orphans_stay() {
    simulated(async |clock| {
        let world = owned(&clock).await;
        let east = &world.servers()[0];
        assert_eq!(delete(east, json!({"propagationPolicy": "Orphan"})).await.0, 200);
        assert_eq!(left(east).await, ["owned", "second", "shared"]);
        let owned = east.get("ConfigMap", Some("default"), "owned").expect("it stays");
        assert_eq!(owned["metadata"]["ownerReferences"].as_array().map_or(0, Vec::len), 0, "{owned}");
    });
}

#[test]
fn only_the_object_that_is_meant_is_deleted() {
    simulated(async |clock| {
        let world = owned(&clock).await;
        let east = &world.servers()[0];
        let (code, refused) = delete(east, json!({"preconditions": {"uid": "another"}})).await;
        assert_eq!((code, &refused["reason"]), (409, &json!("Conflict")), "{refused}");
        let uid = east.get("ConfigMap", Some("default"), "owner").expect("there")["metadata"]["uid"].clone();
        assert_eq!(delete(east, json!({"preconditions": {"uid": uid}, "dryRun": ["All"]})).await.0, 200);
        assert!(east.get("ConfigMap", Some("default"), "owner").is_some(), "a dry run deletes nothing");
        assert_eq!(delete(east, json!({"preconditions": {"uid": uid}})).await.0, 200);
    });
}

/// A map that names `second` its owner, as a kind of this group.
async fn stray(server: &Server, name: &str, api_version: &str) {
    let second = server.get("ConfigMap", Some("default"), "second").expect("second");
    let mut map = config_map(name, json!({}));
    map["metadata"]["ownerReferences"] = json!([{
        "apiVersion": api_version, "kind": "ConfigMap", "name": "second", "uid": second["metadata"]["uid"],
    }]);
    assert_eq!(post(server, MAPS, map).await.0, 201);
}

async fn define_maps(server: &Server) {
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "configmaps.example.com"},
        "spec": {
            "group": "example.com", "scope": "Namespaced", "names": {"kind": "ConfigMap", "plural": "configmaps"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object"}}}],
        },
    });
    assert_eq!(post(server, DEFINITIONS, definition).await.0, 201);
    server.clock().sleep(Duration::from_secs(2)).await;
}

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/// Two groups may have a kind of the same name.
#[test]
fn an_owner_of_another_group_with_the_same_kind_is_no_owner() {
    simulated(async |clock| {
        let world = owned(&clock).await;
        let east = &world.servers()[0];
        define_maps(east).await;
        stray(east, "stray", "example.com/v1").await;
        assert!(!left(east).await.contains(&"stray".to_owned()));
    });
}

/// The real collector cannot look it up, and tries again and again.
#[test]
fn an_owner_of_a_kind_that_is_not_served_counts_as_living() {
    simulated(async |clock| {
        let world = owned(&clock).await;
        let east = &world.servers()[0];
        stray(east, "stray", "example.com/v1").await;
        stray(east, "other", "v2").await;
        let still = left(east).await;
        assert!(["stray", "other"].iter().all(|name| still.contains(&(*name).to_owned())), "{still:?}");
    });
}

#[test]
fn what_the_objects_of_a_definition_own_goes_with_the_definition() {
    simulated(async |clock| {
        let world = owned(&clock).await;
        let east = &world.servers()[0];
        define_maps(east).await;
        let path = "/apis/example.com/v1/namespaces/default/configmaps";
        let owner = json!({"apiVersion": "example.com/v1", "kind": "ConfigMap", "metadata": {"name": "own"}});
        let (code, owner) = post(east, path, owner).await;
        assert_eq!(code, 201, "{owner}");
        let mut map = config_map("leaf", json!({}));
        map["metadata"]["ownerReferences"] = json!([{
            "apiVersion": "example.com/v1", "kind": "ConfigMap", "name": "own", "uid": owner["metadata"]["uid"],
        }]);
        assert_eq!(post(east, MAPS, map).await.0, 201);
        assert!(left(east).await.contains(&"leaf".to_owned()));
        let definition = format!("{DEFINITIONS}/configmaps.example.com");
        assert_eq!(ask(east, "DELETE", &definition, "application/json", Value::Null).await.0, 200);
        assert!(!left(east).await.contains(&"leaf".to_owned()));
        assert_eq!(get(east, path).await.0, 404);
    });
}

#[test]
fn in_the_foreground_dependents_wait_for_their_own() {
    simulated(async |clock| {
        let world = owned(&clock).await;
        let east = &world.servers()[0];
        let middle = east.get("ConfigMap", Some("default"), "owned").expect("owned");
        let mut leaf = config_map("leaf", json!({}));
        leaf["metadata"]["finalizers"] = json!(["a.b/hold"]);
        leaf["metadata"]["ownerReferences"] = json!([{
            "apiVersion": "v1", "kind": "ConfigMap", "name": "owned", "uid": middle["metadata"]["uid"],
            "blockOwnerDeletion": true,
        }]);
        post(east, MAPS, leaf).await;
        delete(east, json!({"propagationPolicy": "Foreground"})).await;
        let still = left(east).await;
        assert!(["owner", "owned", "leaf"].iter().all(|name| still.contains(&(*name).to_owned())), "{still:?}");
        east.edit("ConfigMap", Some("default"), "leaf", |map| map["metadata"]["finalizers"] = Value::Null);
        assert_eq!(left(east).await, ["second", "shared"]);
    });
}
