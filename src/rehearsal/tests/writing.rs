//! Creations and patches: names, trials, tests, subresources.

use super::*;

const OPERATIONS: &str = "application/json-patch+json";
const MERGE: &str = "application/merge-patch+json";
const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";

fn deployment() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": {
            "metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": "web:1"}]},
        }},
    })
}

#[test]
fn names_are_made_and_trials_leave_nothing() {
    simulated(async |clock| {
        let world = World::new(clock.clone(), &["east"]);
        let east = &world.servers()[0];
        let generated = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "a-"}});
        let (_, one) = post(east, MAPS, generated.clone()).await;
        let (_, other) = post(east, MAPS, generated).await;
        let name = |map: &Value| map["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        assert!(name(&one).len() == 7 && name(&one).starts_with("a-") && name(&one) != name(&other), "{one}");
        let (code, tried) = post(east, &format!("{MAPS}?dryRun=All"), config_map("b", json!({}))).await;
        assert!(code == 201 && tried["metadata"]["uid"].is_string(), "{tried}");
        assert_eq!(get(east, &format!("{MAPS}/b")).await.0, 404);
        let path = format!("{MAPS}/{}?dryRun=All", name(&one));
        assert_eq!(ask(east, "PATCH", &path, MERGE, json!({"data": {"k": "v"}})).await.1["data"], json!({"k": "v"}));
        assert_eq!(get(east, &format!("{MAPS}/{}", name(&one))).await.1.get("data"), None);
    });
}

#[test]
fn an_apply_that_names_an_item_twice_is_refused() {
    simulated(async |clock| {
        let world = World::new(clock.clone(), &["east"]);
        let east = &world.servers()[0];
        let mut twice = deployment();
        let variable = |value: &str| json!({"name": "A", "value": value});
        twice["spec"]["template"]["spec"]["containers"][0]["env"] = json!([variable("1"), variable("2")]);
        let path = format!("{DEPLOYMENTS}/web?fieldManager=me");
        let (code, refused) = ask(east, "PATCH", &path, "application/apply-patch+yaml", twice).await;
        let said = refused["message"].as_str().unwrap_or_default();
        assert_eq!(code, 500, "{refused}");
        assert!(
            said.starts_with("failed to create typed patch object (")
                && said.contains("duplicate entries for key [name=\"A\"]"),
            "{said}"
        );
        assert_eq!(get(east, &format!("{DEPLOYMENTS}/web")).await.0, 404);
    });
}

#[test]
fn operations_that_do_not_apply_change_nothing() {
    simulated(async |clock| {
        let world = World::new(clock.clone(), &["east"]);
        let east = &world.servers()[0];
        east.put(config_map("a", json!({"k": "1"})));
        let path = format!("{MAPS}/a");
        let set = json!({"op": "replace", "path": "/data/k", "value": "2"});
        let test = json!({"op": "test", "path": "/data/k", "value": "9"});
        let (code, failed) = ask(east, "PATCH", &path, OPERATIONS, json!([set, test])).await;
        assert_eq!((code, &failed["reason"]), (422, &json!("Invalid")), "{failed}");
        let (code, failed) = ask(east, "PATCH", &path, OPERATIONS, json!([{"op": "remove", "path": "/data/x"}])).await;
        assert_eq!((code, &failed["reason"]), (422, &json!("Invalid")), "{failed}");
        assert_eq!(ask(east, "PATCH", &path, OPERATIONS, json!({"op": "remove"})).await.0, 400);
        assert_eq!(get(east, &path).await.1["data"]["k"], "1");
        let stale = json!([{"op": "test", "path": "/metadata/resourceVersion", "value": "0"}, set]);
        assert_eq!(ask(east, "PATCH", &path, OPERATIONS, stale).await.0, 422);
    });
}

#[test]
fn status_and_scale_change_their_part_only() {
    simulated(async |clock| {
        let world = World::new(clock.clone(), &["east"]);
        let east = &world.servers()[0];
        assert_eq!(post(east, DEPLOYMENTS, deployment()).await.0, 201);
        let one = format!("{DEPLOYMENTS}/web");
        let both = json!({"spec": {"replicas": 7}, "status": {"replicas": 5, "observedGeneration": 1}});
        assert_eq!(ask(east, "PATCH", &format!("{one}/status"), MERGE, both.clone()).await.0, 200);
        let (_, web) = get(east, &one).await;
        assert_eq!((&web["spec"]["replicas"], &web["status"]["replicas"]), (&json!(1), &json!(5)));
        assert_eq!(web["metadata"]["generation"], 1);
        assert_eq!(
            ask(east, "PATCH", &one, MERGE, json!({"status": {"replicas": 9}})).await.1["status"]["replicas"],
            5
        );
        let (_, mut scale) = get(east, &format!("{one}/scale")).await;
        assert_eq!(
            (&scale["spec"]["replicas"], &scale["status"]),
            (&json!(1), &json!({"replicas": 5, "selector": "app=web"}))
        );
        scale["spec"]["replicas"] = json!(3);
        assert_eq!(ask(east, "PUT", &format!("{one}/scale"), "application/json", scale.clone()).await.0, 200);
        let (_, web) = get(east, &one).await;
        assert_eq!((&web["spec"]["replicas"], &web["metadata"]["generation"]), (&json!(3), &json!(2)));
        let late = ask(east, "PUT", &format!("{one}/scale"), "application/json", scale).await;
        assert_eq!(late.0, 409, "{}", late.1);
    });
}

#[test]
fn a_faulty_server_says_so_as_often_as_it_was_told() {
    simulated(async |clock| {
        use crate::rehearsal::{Effect, Fault};
        let world = World::new(clock.clone(), &["east"]);
        let east = &world.servers()[0];
        for (code, reason) in
            [(409, "Conflict"), (429, "TooManyRequests"), (500, "InternalError"), (503, "ServiceUnavailable")]
        {
            east.faults().inject(Fault::new(Effect::Status { code, retry_after: None }).method("POST").times(1));
            let (answered, status) = post(east, MAPS, config_map("a", json!({}))).await;
            assert_eq!((answered, &status["reason"]), (code, &json!(reason)), "{status}");
        }
        assert_eq!(post(east, MAPS, config_map("a", json!({}))).await.0, 201);
    });
}

#[test]
fn calls_by_proxy_are_refused_with_the_way_that_works() {
    crate::clock::simulated(async |clock| {
        let world = running(&clock, &["east"]);
        for of in ["services/kubernetes", "services/https:kubernetes:443", "pods/p"] {
            let path = format!("/api/v1/namespaces/default/{of}/proxy/healthz");
            let (code, refused) = get(&world.servers()[0], &path).await;
            let words = refused["message"].as_str().unwrap_or_default();
            assert!(code == 501 && words.contains("use port-forward or exec"), "{code} {refused}");
        }
    });
}
