//! What people look at: ages, API services, the pods of a Job.

use super::*;
use std::time::Duration;

/// The ages that a watched table of pods shows, line by line.
#[test]
fn ages_of_a_watched_table_are_those_of_the_moment() {
    simulated(async |clock| {
        let world = running(&clock, &["east"]);
        let east = &world.servers()[0];
        post(east, MAPS, config_map("a", json!({}))).await;
        let request = http::Request::builder()
            .uri(format!("{MAPS}?watch=true&timeoutSeconds=60&fieldSelector=metadata.name%3Da"))
            .header("accept", "application/json;as=Table;v=v1;g=meta.k8s.io")
            .body(Vec::new())
            .expect("request");
        let mut lines = Box::pin(client(east).request_events::<Value>(request).await.expect("watch"));
        use futures::TryStreamExt as _;
        let mut age = async || {
            let event = lines.try_next().await.expect("a line").expect("a line");
            let (kube::core::WatchEvent::Added(table) | kube::core::WatchEvent::Modified(table)) = event else {
                panic!("{event:?}")
            };
            table["rows"][0]["cells"][2].as_str().unwrap_or_default().to_owned()
        };
        assert_eq!(age().await, "0s");
        clock.sleep(Duration::from_secs(30)).await;
        ask(east, "PATCH", &format!("{MAPS}/a"), "application/merge-patch+json", json!({"data": {"k": "v"}})).await;
        assert_eq!(age().await, "30s");
    });
}

#[test]
fn groups_have_their_api_services_as_long_as_they_are_served() {
    simulated(async |clock| {
        let world = running(&clock, &["east"]);
        let east = &world.servers()[0];
        let available = |name: &str| {
            let service = east.get("APIService", None, name)?;
            Some(service["status"]["conditions"][0]["status"] == "True")
        };
        assert_eq!((available("v1."), available("v2.autoscaling")), (Some(true), Some(true)));
        let definition = json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "widgets.ex.com"},
            "spec": {
                "group": "ex.com", "scope": "Namespaced", "names": {"plural": "widgets", "kind": "Widget"},
                "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object"}}}],
            },
        });
        let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
        assert_eq!(post(east, definitions, definition).await.0, 201);
        clock.sleep(Duration::from_secs(2)).await;
        assert_eq!(available("v1.ex.com"), Some(true));
        ask(east, "DELETE", &format!("{definitions}/widgets.ex.com"), "application/json", Value::Null).await;
        clock.sleep(Duration::from_secs(2)).await;
        assert_eq!(available("v1.ex.com"), None);
    });
}

#[test]
fn a_job_finds_its_pods_by_its_uid() {
    simulated(async |clock| {
        let world = running(&clock, &["east"]);
        let east = &world.servers()[0];
        clock.sleep(Duration::from_secs(2)).await;
        let spec =
            json!({"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": "a"}]}}});
        let job = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j"}, "spec": spec});
        let (code, job) = post(east, "/apis/batch/v1/namespaces/default/jobs", job).await;
        assert_eq!(code, 201, "{job}");
        let uid = &job["metadata"]["uid"];
        assert_eq!(job["spec"]["selector"], json!({"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}));
        clock.sleep(Duration::from_secs(20)).await;
        let pods = east.list("Pod", Some("default"));
        let labels = &pods[0]["metadata"]["labels"];
        assert_eq!((&labels["batch.kubernetes.io/controller-uid"], &labels["job-name"]), (uid, &json!("j")));
        let container = &pods[0]["status"]["containerStatuses"][0];
        assert_eq!((&container["ready"], &pods[0]["status"]["phase"]), (&json!(false), &json!("Succeeded")));
    });
}

#[test]
fn a_version_that_has_not_come_is_too_large() {
    simulated(async |clock| {
        let world = World::new(clock.clone(), &["east"]);
        let east = &world.servers()[0];
        let (code, answer) = get(east, &format!("{MAPS}?resourceVersion=99999999")).await;
        let said = answer["message"].as_str().unwrap_or_default();
        assert!(
            code == 504 && said.starts_with("Timeout: Too large resource version: 99999999, current: "),
            "{answer}"
        );
        assert_eq!(answer["details"]["causes"][0]["reason"], "ResourceVersionTooLarge");
        assert_eq!(get(east, &format!("{MAPS}?resourceVersion=abc")).await.0, 400);
        let (_, before) = get(east, MAPS).await;
        post(east, MAPS, config_map("a", json!({}))).await;
        let then = before["metadata"]["resourceVersion"].as_str().unwrap_or_default();
        let (code, exact) = get(east, &format!("{MAPS}?resourceVersion={then}&resourceVersionMatch=Exact")).await;
        assert_eq!((code, exact["items"].as_array().map(Vec::len)), (200, Some(0)));
    });
}

#[test]
fn autoscalers_of_old_clients_are_those_of_new_ones() {
    simulated(async |clock| {
        let world = World::new(clock.clone(), &["east"]);
        let east = &world.servers()[0];
        let spec = json!({
            "scaleTargetRef": {"kind": "Deployment", "name": "d", "apiVersion": "apps/v1"}, "maxReplicas": 4,
            "targetCPUUtilizationPercentage": 55,
        });
        let old = json!({"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "h"}, "spec": spec});
        let path = |version: &str| format!("/apis/autoscaling/{version}/namespaces/default/horizontalpodautoscalers");
        let (code, made) = post(east, &path("v1"), old).await;
        assert_eq!((code, &made["spec"]["targetCPUUtilizationPercentage"]), (201, &json!(55)), "{made}");
        let (_, new) = get(east, &format!("{}/h", path("v2"))).await;
        assert_eq!(new["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"], 55, "{new}");
        assert_eq!(new["spec"].get("targetCPUUtilizationPercentage"), None);
    });
}

#[test]
fn old_clients_apply_another_target() {
    simulated(async |clock| {
        let world = World::new(clock.clone(), &["east"]);
        let east = &world.servers()[0];
        let path = |version: &str| format!("/apis/autoscaling/{version}/namespaces/default/horizontalpodautoscalers/h");
        for target in [50, 70] {
            let spec = json!({
                "scaleTargetRef": {"kind": "Deployment", "name": "d", "apiVersion": "apps/v1"}, "maxReplicas": 4,
                "targetCPUUtilizationPercentage": target,
            });
            let metadata = json!({"name": "h"});
            let old = json!({
                "apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": metadata, "spec": spec,
            });
            let apply = format!("{}?fieldManager=me", path("v1"));
            let (_, applied) = ask(east, "PATCH", &apply, "application/apply-patch+yaml", old).await;
            assert_eq!(applied["spec"]["targetCPUUtilizationPercentage"], target, "{applied}");
            let owned = &applied["metadata"]["managedFields"][0]["fieldsV1"];
            assert_eq!(owned["f:spec"]["f:targetCPUUtilizationPercentage"], json!({}), "{owned}");
            assert_eq!((owned.get("f:status"), owned["f:spec"].get("f:metrics")), (None, None), "{owned}");
            let (_, new) = get(east, &path("v2")).await;
            let metrics = new["spec"]["metrics"].as_array().expect("metrics");
            assert_eq!(metrics.len(), 1, "{new}");
            assert_eq!(metrics[0]["resource"]["target"]["averageUtilization"], target, "{new}");
        }
    });
}

/// Fields of a definition's schema may be called as amounts are.
#[test]
fn numbers_in_the_schema_of_a_definition_stay_numbers() {
    simulated(async |clock| {
        let world = World::new(clock.clone(), &["east"]);
        let east = &world.servers()[0];
        let limits = json!({"type": "object", "maxProperties": 5, "additionalProperties": {"type": "integer"}});
        let schema = json!({"type": "object", "properties": {"limits": limits}});
        let definition = json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "widgets.ex.com"},
            "spec": {
                "group": "ex.com", "scope": "Namespaced", "names": {"plural": "widgets", "kind": "Widget"},
                "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}],
            },
        });
        let (code, made) = post(east, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition).await;
        assert_eq!(code, 201, "{made}");
        assert_eq!(made["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["limits"], limits);
    });
}
