//! The volume by which the programs of a pod get the token of its ServiceAccount.

use super::controllers::safe_name;
use super::kinds::Kind;
use super::server::Server;
use super::status::{Outcome, Status};
use super::tree::{at, each, items, text};
use serde_json::{Value, json};

/// Where containers find it.
pub(super) const FOLDER: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// Mounts the token into every container of a new pod, unless the pod or its account is against it, or there is
/// something else in the place. A real server is patient with clients that are faster than a new namespace's own account.
///
/// # Errors
/// When there is no such account.
pub(super) fn mount(server: &Server, kind: &Kind, pod: &mut Value, patient: bool) -> Outcome<()> {
    if kind.resource() != "pods" {
        return Ok(());
    }
    let namespace = text(&pod["metadata"], "namespace");
    let name = text(&pod["spec"], "serviceAccountName");
    let account = server.get_shared("serviceaccounts", Some(namespace), name);
    let Some(account) = account.or_else(|| (patient && name == "default").then(Default::default)) else {
        let why = format!("error looking up service account {namespace}/{name}: serviceaccount {name:?} not found");
        return Err(Status::forbidden(kind, text(&pod["metadata"], "name"), &why));
    };
    if !is_wanted(&account, pod) {
        return Ok(());
    }
    let volume = format!("kube-api-access-{}", safe_name(text(&pod["metadata"], "name"), 5));
    let spec = at(pod, "spec");
    let mut used = false;
    for list in ["initContainers", "containers"] {
        for container in each(spec, list).filter(|one| !has_own(one)) {
            let mount = json!({"name": volume, "readOnly": true, "mountPath": FOLDER});
            push(at(container, "volumeMounts"), mount);
            used = true;
        }
    }
    if used {
        push(at(spec, "volumes"), projected(&volume));
    }
    Ok(())
}

/// The pod's own word counts more than its account's.
fn is_wanted(account: &Value, pod: &Value) -> bool {
    let word = |object: &Value| object["automountServiceAccountToken"].as_bool();
    word(&pod["spec"]).or_else(|| word(account)).unwrap_or(true)
}

fn has_own(container: &Value) -> bool {
    items(&container["volumeMounts"]).iter().any(|mount| mount["mountPath"] == FOLDER)
}

fn push(list: &mut Value, item: Value) {
    match list.as_array_mut() {
        Some(all) => all.push(item),
        None => *list = json!([item]),
    }
}

/// The volume as it is added to pods.
pub(super) fn projected(volume: &str) -> Value {
    let namespace = json!({"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}, "path": "namespace"});
    json!({"name": volume, "projected": {"defaultMode": 420, "sources": [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [namespace]}},
    ]}})
}

#[cfg(test)]
mod tests {
    use super::super::tests::running;
    use super::*;
    use std::time::Duration;

    #[test]
    fn pods_get_the_token_of_their_account_unless_somebody_is_against_it() {
        crate::clock::simulated(async |clock| {
            let world = running(&clock, &["east"]);
            let east = &world.servers()[0];
            clock.sleep(Duration::from_secs(5)).await;
            let made = |name: &str, automount: Value, mounts: Value| {
                let volumes = if mounts == json!([]) { Value::Null } else { json!([{"name": "v", "emptyDir": {}}]) };
                let spec = json!({"automountServiceAccountToken": automount, "volumes": volumes, "containers": [
                    {"name": "a", "image": "i", "volumeMounts": mounts}, {"name": "b", "image": "i"},
                ]});
                let metadata = json!({"name": name, "namespace": "default"});
                let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec});
                east.create(pod).expect("created")["spec"].clone()
            };
            let usual = made("usual", Value::Null, json!([]));
            let volume = &usual["volumes"][0];
            assert!(text(volume, "name").starts_with("kube-api-access-"), "{usual}");
            let mount = json!({"name": volume["name"], "readOnly": true, "mountPath": FOLDER});
            assert_eq!(usual["containers"][0]["volumeMounts"], json!([mount]));
            assert_eq!(usual["containers"][1]["volumeMounts"], json!([mount]));
            let own = made("own", Value::Null, json!([{"name": "v", "mountPath": FOLDER}]));
            assert_eq!(own["containers"][0]["volumeMounts"][0]["name"], "v");
            assert_eq!(own["containers"][1]["volumeMounts"][0]["mountPath"], FOLDER);
            assert_eq!(made("against", json!(false), json!([]))["volumes"], Value::Null);
            east.edit("ServiceAccount", Some("default"), "default", |account| {
                account["automountServiceAccountToken"] = json!(false);
            });
            assert_eq!(made("account-against", Value::Null, json!([]))["volumes"], Value::Null);
        });
    }
}
