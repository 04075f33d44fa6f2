//! What a real API server refuses, in its words: fields that never change, what others have, pods that would never end.

use super::*;

const MERGE: &str = "application/merge-patch+json";

/// Refusals of changes: path of the object, patch, the words.
async fn refused(server: &Server, rows: &[(&str, Value, &str)]) {
    for (path, patch, words) in rows {
        let (code, answer) = ask(server, "PATCH", path, MERGE, patch.clone()).await;
        let said = answer["message"].as_str().unwrap_or_default();
        assert_eq!((code, said), (422, *words), "{path} {patch}");
    }
}

async fn made(server: &Server, path: &str, object: Value) -> Value {
    let (code, made) = post(server, path, object).await;
    assert_eq!(code, 201, "{made}");
    made
}

fn template(labels: &Value, policy: &str) -> Value {
    let containers = json!([{"name": "a", "image": "a"}]);
    json!({"metadata": {"labels": labels}, "spec": {"restartPolicy": policy, "containers": containers}})
}

fn object(api_version: &str, kind: &str, name: &str, spec: Value) -> Value {
    json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, "spec": spec})
}

#[test]
fn what_never_changes_is_not_changed() {
    simulated(async |clock| {
        let world = World::new(clock.clone(), &["east"]);
        let east = &world.servers()[0];
        let (labels, default) = (json!({"app": "x"}), "/api/v1/namespaces/default");
        let apps = "/apis/apps/v1/namespaces/default";
        let jobs = "/apis/batch/v1/namespaces/default/jobs";
        made(east, jobs, object("batch/v1", "Job", "j", json!({"template": template(&json!({}), "Never")}))).await;
        let set =
            json!({"serviceName": "s", "selector": {"matchLabels": labels}, "template": template(&labels, "Always")});
        made(east, &format!("{apps}/statefulsets"), object("apps/v1", "StatefulSet", "s", set)).await;
        let claim = json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}});
        let claims = format!("{default}/persistentvolumeclaims");
        made(east, &claims, object("v1", "PersistentVolumeClaim", "c", claim)).await;
        let class = json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "c"}, "provisioner": "x"});
        made(east, "/apis/storage.k8s.io/v1/storageclasses", class).await;
        made(east, MAPS, config_map("m", json!({}))).await;
        let sealed = "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";
        let claimed =
            "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";
        refused(
            east,
            &[
                (
                    &format!("{jobs}/j"),
                    json!({"spec": {"completions": 4}}),
                    "Job.batch \"j\" is invalid: spec.completions: Invalid value: 4: field is immutable",
                ),
                (
                    &format!("{apps}/statefulsets/s"),
                    json!({"spec": {"serviceName": "t"}}),
                    &format!("StatefulSet.apps \"s\" is invalid: spec: Forbidden: {sealed}"),
                ),
                (
                    &format!("{claims}/c"),
                    json!({"spec": {"accessModes": ["ReadWriteMany"]}}),
                    &format!("PersistentVolumeClaim \"c\" is invalid: spec: Forbidden: {claimed}"),
                ),
                (
                    "/apis/storage.k8s.io/v1/storageclasses/c",
                    json!({"provisioner": "y"}),
                    "StorageClass.storage.k8s.io \"c\" is invalid: provisioner: Forbidden: updates to provisioner are forbidden.",
                ),
                (
                    &format!("{MAPS}/m"),
                    json!({"metadata": {"uid": "abc"}}),
                    "ConfigMap \"m\" is invalid: metadata.uid: Invalid value: \"abc\": field is immutable",
                ),
                (
                    &format!("{MAPS}/m"),
                    json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}),
                    "ConfigMap \"m\" is invalid: metadata.deletionTimestamp: Invalid value: \"2026-01-01T00:00:00Z\": field is immutable",
                ),
            ],
        )
        .await;
        let (code, scaled) =
            ask(east, "PATCH", &format!("{apps}/statefulsets/s"), MERGE, json!({"spec": {"replicas": 2}})).await;
        assert_eq!((code, &scaled["spec"]["replicas"]), (200, &json!(2)));
        let (code, changed) = ask(
            east,
            "PATCH",
            &format!("{jobs}/j"),
            MERGE,
            json!({"spec": {"template": template(&json!({}), "OnFailure")}}),
        )
        .await;
        let said = changed["message"].as_str().unwrap_or_default();
        assert!(code == 422 && said.contains("spec.template: Invalid value") && said.ends_with("field is immutable"));
    });
}

#[test]
fn a_namespace_is_not_torn_out_of_its_contents() {
    simulated(async |clock| {
        let world = running(&clock, &["east"]);
        let east = &world.servers()[0];
        post(east, "/api/v1/namespaces", json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}}))
            .await;
        let (code, kept) = ask(east, "PATCH", "/api/v1/namespaces/n", MERGE, json!({"spec": {"finalizers": []}})).await;
        assert_eq!((code, &kept["spec"]["finalizers"]), (200, &json!(["kubernetes"])));
        let (code, all) = ask(east, "DELETE", "/api/v1/namespaces", "application/json", Value::Null).await;
        assert_eq!(code, 405, "{all}");
        assert!(east.get("Namespace", None, "n").is_some());
    });
}

#[test]
fn a_node_port_has_one_service() {
    simulated(async |clock| {
        let world = World::new(clock.clone(), &["east"]);
        let east = &world.servers()[0];
        let services = "/api/v1/namespaces/default/services";
        let asking = |name: &str, port: Value| {
            object("v1", "Service", name, json!({"type": "NodePort", "ports": [{"port": 80, "nodePort": port}]}))
        };
        let dry = format!("{services}?dryRun=All");
        assert_eq!(post(east, &dry, asking("a", json!(30777))).await.0, 201, "a trial takes nothing");
        made(east, services, asking("a", json!(30777))).await;
        let words = |name: &str, port: u32, why: &str| {
            format!("Service {name:?} is invalid: spec.ports[0].nodePort: Invalid value: {port}: {why}")
        };
        let taken = "provided port is already allocated";
        for (port, why) in
            [(30777, taken), (20, "provided port is not in the valid range. The range of valid ports is 30000-32767")]
        {
            let (code, answer) = post(east, services, asking("b", json!(port))).await;
            assert_eq!((code, answer["message"].as_str().unwrap_or_default()), (422, &*words("b", port, why)));
        }
        made(east, services, asking("b", Value::Null)).await;
        let patch = json!({"spec": {"ports": [{"port": 80, "nodePort": 30777}]}});
        refused(east, &[(&format!("{services}/b"), patch.clone(), &words("b", 30777, taken))]).await;
        ask(east, "DELETE", &format!("{services}/a"), "application/json", Value::Null).await;
        assert_eq!(ask(east, "PATCH", &format!("{services}/b"), MERGE, patch).await.0, 200, "it is free again");
        let mut address = object("v1", "Service", "c", json!({"ports": [{"port": 80}]}));
        address["spec"]["clusterIP"] =
            east.get("Service", Some("default"), "b").expect("b")["spec"]["clusterIP"].clone();
        let (code, answer) = post(east, services, address).await;
        let said = answer["message"].as_str().unwrap_or_default();
        assert!(code == 422 && said.ends_with("provided IP is already allocated"), "{answer}");
    });
}

#[test]
fn pods_end_where_they_must_and_belong_to_who_makes_them() {
    simulated(async |clock| {
        let world = running(&clock, &["east"]);
        let east = &world.servers()[0];
        let selector =
            |values: Value| json!({"matchExpressions": [{"key": "app", "operator": "In", "values": values}]});
        let deployment = |values: Value, policy: &str| {
            let spec = json!({"selector": selector(values), "template": template(&json!({"app": "y"}), policy)});
            object("apps/v1", "Deployment", "d", spec)
        };
        let deployments = "/apis/apps/v1/namespaces/default/deployments";
        let job = object("batch/v1", "Job", "j", json!({"template": template(&json!({}), "Always")}));
        let cron = json!({"schedule": "bad", "jobTemplate": {"spec": {"template": template(&json!({}), "Never")}}});
        let mut pod = object("v1", "Pod", "p", template(&json!({}), "Always")["spec"].clone());
        pod["spec"]["serviceAccountName"] = json!("ghost");
        for (path, object, code, words) in [
            (
                "/apis/batch/v1/namespaces/default/jobs",
                job,
                422,
                "Job.batch \"j\" is invalid: spec.template.spec.restartPolicy: Required value: valid values: \"OnFailure\", \"Never\"",
            ),
            (
                deployments,
                deployment(json!(["y"]), "Never"),
                422,
                "Deployment.apps \"d\" is invalid: spec.template.spec.restartPolicy: Unsupported value: \"Never\": supported values: \"Always\"",
            ),
            (
                deployments,
                deployment(json!(["x"]), "Always"),
                422,
                "Deployment.apps \"d\" is invalid: spec.template.metadata.labels: Invalid value: {\"app\":\"y\"}: `selector` does not match template `labels`",
            ),
            (
                "/apis/batch/v1/namespaces/default/cronjobs",
                self::object("batch/v1", "CronJob", "c", cron),
                422,
                "CronJob.batch \"c\" is invalid: spec.schedule: Invalid value: \"bad\": expected exactly 5 fields, found 1: [bad]",
            ),
            (
                "/api/v1/namespaces/default/pods",
                pod,
                403,
                "pods \"p\" is forbidden: error looking up service account default/ghost: serviceaccount \"ghost\" not found",
            ),
        ] {
            let (answered, answer) = post(east, path, object).await;
            assert_eq!((answered, answer["message"].as_str().unwrap_or_default()), (code, words));
        }
    });
}

#[test]
fn keys_of_config_maps_and_secrets_are_names_of_files() {
    simulated(async |clock| {
        let world = World::new(clock.clone(), &["east"]);
        let secrets = "/api/v1/namespaces/default/secrets";
        for (path, kind) in [(MAPS, "ConfigMap"), (secrets, "Secret")] {
            let made = json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": "m"}, "data": {"west/1": "eA=="}});
            let (code, answer) = post(&world.servers()[0], path, made).await;
            let said = answer["message"].as_str().unwrap_or_default();
            let begin = format!(
                "{kind} \"m\" is invalid: data[west/1]: Invalid value: \"west/1\": a valid config key must consist of"
            );
            assert!(code == 422 && said.starts_with(&begin), "{kind}: {code} {said}");
        }
    });
}
