//! Volumes that somebody made, and the claims that they fit.

use super::*;
use std::time::Duration;

fn volume(name: &str, class: &str, size: &str, modes: Value) -> Value {
    let spec = json!({
        "storageClassName": class, "capacity": {"storage": size}, "accessModes": modes, "hostPath": {"path": "/v"},
    });
    json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": spec})
}

fn claim(name: &str, class: &str) -> Value {
    let spec = json!({
        "storageClassName": class, "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}},
    });
    json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": spec})
}

/// Phase and volume of each claim after a while.
async fn bound(server: &Server) -> Vec<(String, String)> {
    server.clock().sleep(Duration::from_secs(5)).await;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let claims = server.list("PersistentVolumeClaim", Some("default"));
    claims.iter().map(|claim| (text(&claim["status"]["phase"]), text(&claim["spec"]["volumeName"]))).collect()
}

fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter().map(|(phase, volume)| ((*phase).to_owned(), (*volume).to_owned())).collect()
}

const VOLUMES: &str = "/api/v1/persistentvolumes";
const CLAIMS: &str = "/api/v1/namespaces/default/persistentvolumeclaims";

#[test]
fn claims_are_bound_to_the_smallest_volume_that_fits() {
    simulated(async |clock| {
        let world = running(&clock, &["east"]);
        let east = &world.servers()[0];
        clock.sleep(Duration::from_secs(2)).await;
        let (once, many) = (json!(["ReadWriteOnce"]), json!(["ReadOnlyMany"]));
        let mut foreign = volume("foreign", "manual", "1Gi", once.clone());
        foreign["spec"]["claimRef"] = json!({"namespace": "other", "name": "a"});
        for made in [
            foreign,
            volume("large", "manual", "5Gi", once.clone()),
            volume("fits", "manual", "1500Mi", once.clone()),
            volume("small", "manual", "500Mi", once.clone()),
            volume("modes", "manual", "1Gi", many),
            volume("plain", "", "1Gi", once),
        ] {
            assert_eq!(post(east, VOLUMES, made).await.0, 201);
        }
        for (name, class) in [("a", "manual"), ("b", ""), ("c", "")] {
            assert_eq!(post(east, CLAIMS, claim(name, class)).await.0, 201);
        }
        assert_eq!(bound(east).await, pairs(&[("Bound", "fits"), ("Bound", "plain"), ("Pending", "")]));
        let (_, first) = get(east, &format!("{CLAIMS}/a")).await;
        assert_eq!(first["status"]["capacity"], json!({"storage": "1500Mi"}));
        let (_, fits) = get(east, &format!("{VOLUMES}/fits")).await;
        assert_eq!((&fits["spec"]["claimRef"]["name"], &fits["status"]["phase"]), (&json!("a"), &json!("Bound")));
        assert_eq!(fits["spec"]["claimRef"]["uid"], first["metadata"]["uid"]);
    });
}

#[test]
fn a_volume_that_comes_later_is_taken() {
    simulated(async |clock| {
        let world = running(&clock, &["east"]);
        let east = &world.servers()[0];
        clock.sleep(Duration::from_secs(2)).await;
        post(east, CLAIMS, claim("a", "manual")).await;
        assert_eq!(bound(east).await, pairs(&[("Pending", "")]));
        post(east, VOLUMES, volume("v", "manual", "1Gi", json!(["ReadWriteOnce", "ReadOnlyMany"]))).await;
        assert_eq!(bound(east).await, pairs(&[("Bound", "v")]));
    });
}
