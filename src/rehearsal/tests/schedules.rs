//! What comes by itself and what waits: CronJobs, revisions, claims, evictions.

use super::*;
use std::time::Duration;

const BATCH: &str = "/apis/batch/v1/namespaces/default";
const MERGE: &str = "application/merge-patch+json";

fn template(image: &str) -> Value {
    json!({"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [{"name": "a", "image": image}]}})
}

#[test]
fn cron_jobs_make_a_job_when_they_are_due() {
    simulated(async |clock| {
        let world = running(&clock, &["east"]);
        let east = &world.servers()[0];
        let mut pods = template("a");
        pods["spec"]["restartPolicy"] = json!("Never");
        let spec = json!({"schedule": "*/5 * * * *", "jobTemplate": {"spec": {"template": pods}}});
        let cron = json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "c"}, "spec": spec});
        let (code, made) = post(east, &format!("{BATCH}/cronjobs"), cron).await;
        assert_eq!((code, &made["spec"]["concurrencyPolicy"]), (201, &json!("Allow")), "{made}");
        let before = clock.now();
        clock.sleep(Duration::from_millis(1)).await;
        assert!(clock.now() - before < Duration::from_secs(1), "a schedule drives no clock");
        for _ in 0..8 {
            clock.sleep(Duration::from_secs(300)).await;
            clock.sleep(Duration::from_secs(20)).await;
        }
        let jobs = east.list("Job", Some("default"));
        assert_eq!(jobs.len(), 3, "as many as are kept");
        let owner = &jobs[0]["metadata"]["ownerReferences"][0];
        assert_eq!((&owner["kind"], &owner["name"]), (&json!("CronJob"), &json!("c")));
        let stored = east.get("CronJob", Some("default"), "c").expect("c");
        assert!(stored["status"]["lastScheduleTime"].is_string() && stored["status"]["lastSuccessfulTime"].is_string());
        ask(east, "PATCH", &format!("{BATCH}/cronjobs/c"), MERGE, json!({"spec": {"suspend": true}})).await;
        let last = stored["status"]["lastScheduleTime"].clone();
        clock.sleep(Duration::from_secs(900)).await;
        let stored = east.get("CronJob", Some("default"), "c").expect("c");
        assert_eq!(stored["status"]["lastScheduleTime"], last);
    });
}

fn cron_job(schedule: &str) -> Value {
    let mut pods = template("a");
    pods["spec"]["restartPolicy"] = json!("Never");
    let spec = json!({
        "schedule": schedule, "successfulJobsHistoryLimit": 100, "jobTemplate": {"spec": {"template": pods}},
    });
    json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "c"}, "spec": spec})
}

#[test]
fn a_pause_of_an_hour_holds_sixty_minutes() {
    simulated(async |clock| {
        let world = running(&clock, &["east"]);
        let east = &world.servers()[0];
        post(east, &format!("{BATCH}/cronjobs"), cron_job("* * * * *")).await;
        clock.sleep(Duration::from_secs(3600)).await;
        assert_eq!(east.list("Job", Some("default")).len(), 60);
    });
}

#[test]
fn a_schedule_is_kept_when_it_becomes_today() {
    simulated(async |clock| {
        let world = running(&clock, &["east"]);
        let east = &world.servers()[0];
        let soon = east.time() + jiff::SignedDuration::from_mins(15 + 3);
        let schedule = format!("{} * * * *", soon.to_zoned(jiff::tz::TimeZone::UTC).minute());
        post(east, &format!("{BATCH}/cronjobs"), cron_job(&schedule)).await;
        clock.sleep(Duration::from_secs(1)).await;
        world.catch_up();
        clock.sleep(Duration::from_secs(240)).await;
        assert_eq!(east.list("Job", Some("default")).len(), 1);
    });
}

#[test]
fn sets_remember_the_templates_they_have_had() {
    simulated(async |clock| {
        let world = running(&clock, &["east"]);
        let east = &world.servers()[0];
        let sets = "/apis/apps/v1/namespaces/default/statefulsets";
        let spec = json!({"serviceName": "s", "selector": {"matchLabels": {"app": "x"}}, "template": template("one")});
        post(
            east,
            sets,
            json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "s"}, "spec": spec}),
        )
        .await;
        let revisions = || {
            let all = east.list("ControllerRevision", Some("default"));
            let mut all: Vec<_> = all
                .iter()
                .map(|one| {
                    let image = &one["data"]["spec"]["template"]["spec"]["containers"][0]["image"];
                    (one["revision"].as_i64().unwrap_or(0), image.as_str().unwrap_or_default().to_owned())
                })
                .collect();
            all.sort();
            all
        };
        let named =
            |all: &[(i64, &str)]| all.iter().map(|(number, image)| (*number, (*image).to_owned())).collect::<Vec<_>>();
        clock.sleep(Duration::from_secs(20)).await;
        assert_eq!(revisions(), named(&[(1, "one")]));
        for (image, expected) in [("two", named(&[(1, "one"), (2, "two")])), ("one", named(&[(2, "two"), (3, "one")]))]
        {
            let patch = json!({"spec": {"template": {"spec": {"containers": [{"name": "a", "image": image}]}}}});
            assert_eq!(ask(east, "PATCH", &format!("{sets}/s"), MERGE, patch).await.0, 200);
            clock.sleep(Duration::from_secs(20)).await;
            assert_eq!(revisions(), expected);
        }
    });
}

#[test]
fn a_deployment_hands_its_change_cause_on() {
    simulated(async |clock| {
        let world = running(&clock, &["east"]);
        let east = &world.servers()[0];
        let spec = json!({"selector": {"matchLabels": {"app": "x"}}, "template": template("one")});
        let metadata = json!({"name": "d", "annotations": {"kubernetes.io/change-cause": "because"}});
        let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec});
        post(east, "/apis/apps/v1/namespaces/default/deployments", deployment).await;
        clock.sleep(Duration::from_secs(5)).await;
        let sets = east.list("ReplicaSet", Some("default"));
        assert_eq!(sets[0]["metadata"]["annotations"]["kubernetes.io/change-cause"], "because");
    });
}

#[test]
fn a_claim_of_a_class_that_does_not_exist_waits_for_it() {
    simulated(async |clock| {
        let world = running(&clock, &["east"]);
        let east = &world.servers()[0];
        clock.sleep(Duration::from_secs(2)).await;
        let spec = json!({"accessModes": ["ReadWriteOnce"], "storageClassName": "fast", "resources": {"requests": {"storage": "1Gi"}}});
        let claim =
            json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "c"}, "spec": spec});
        post(east, "/api/v1/namespaces/default/persistentvolumeclaims", claim).await;
        let mut pod =
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": template("a")["spec"]});
        pod["spec"]["volumes"] = json!([{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]);
        assert_eq!(post(east, "/api/v1/namespaces/default/pods", pod).await.0, 201);
        clock.sleep(Duration::from_secs(30)).await;
        let events = east.list("Event", Some("default"));
        let said = |words: &str| events.iter().any(|event| event["message"] == words);
        assert!(said("storageclass.storage.k8s.io \"fast\" not found"), "{events:#?}");
        assert!(
            said("0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found"),
            "{events:#?}"
        );
        let class = json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "fast"}, "provisioner": "x"});
        assert_eq!(post(east, "/apis/storage.k8s.io/v1/storageclasses", class).await.0, 201);
        clock.sleep(Duration::from_secs(30)).await;
        let phase = |kind: &str, name: &str| {
            east.get(kind, Some("default"), name).unwrap_or_default()["status"]["phase"].clone()
        };
        assert_eq!((phase("PersistentVolumeClaim", "c"), phase("Pod", "p")), (json!("Bound"), json!("Running")));
    });
}

#[test]
fn evictions_heed_budgets_that_choose_by_expressions() {
    simulated(async |clock| {
        let world = running(&clock, &["east"]);
        let east = &world.servers()[0];
        clock.sleep(Duration::from_secs(2)).await;
        let mut pod =
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": template("a")["spec"]});
        pod["metadata"]["labels"] = json!({"app": "x"});
        post(east, "/api/v1/namespaces/default/pods", pod).await;
        let selector = json!({"matchExpressions": [{"key": "app", "operator": "In", "values": ["x"]}]});
        let budget = json!({
            "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "b"},
            "spec": {"minAvailable": 1, "selector": selector},
        });
        post(east, "/apis/policy/v1/namespaces/default/poddisruptionbudgets", budget).await;
        clock.sleep(Duration::from_secs(20)).await;
        let eviction = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "p"}});
        let (code, answer) = post(east, "/api/v1/namespaces/default/pods/p/eviction", eviction).await;
        assert_eq!(code, 429, "{answer}");
    });
}
