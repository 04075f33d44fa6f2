//! PersistentVolumeClaims: bound at once, as by a cluster with a default storage class; those that name a class get a volume
//! of it that somebody made, or wait for one, for the class, or for the volume that they name.

use super::turn::{Event, Id, Turn, View, is_terminating, kind, text};
use super::volume;
use serde_json::{Value, json};
use std::time::Duration;

const TAKES: Duration = Duration::from_millis(500);

/// The claim itself, or the claims that wait for a class or a volume.
pub(crate) fn concerns(view: &dyn View, object: &Value) -> Vec<Id> {
    match kind(object) {
        "PersistentVolumeClaim" => vec![Id::of(object)],
        "StorageClass" | "PersistentVolume" => {
            let mut claims = view.list("PersistentVolumeClaim", None);
            claims.retain(|claim| text(claim, "/status/phase") != "Bound");
            claims.iter().map(|claim| Id::of(claim)).collect()
        }
        _ => Vec::new(),
    }
}

/// Binds a claim to a volume that is there, or to one made for it.
pub(crate) fn reconcile(turn: &mut Turn<'_>, id: &Id) {
    let Some(claim) = turn.get("PersistentVolumeClaim", id) else { return };
    if is_terminating(&claim) || text(&claim, "/status/phase") == "Bound" {
        return;
    }
    let waits = ["FailedBinding", "ProvisioningFailed"].iter().any(|stage| turn.is_in(stage));
    if !waits && !turn.stayed("binding", TAKES) {
        return turn.patch(&claim, json!({ "status": { "phase": "Pending" } }));
    }
    if let Some(volume) = volume::found(turn.view(), &claim) {
        return bind(turn, &claim, &volume);
    }
    if text(&claim, "/spec/volumeName").is_empty() && is_provided(turn, &claim) {
        let own = format!("pvc-{}", text(&claim, "/metadata/uid"));
        turn.patch(&claim, bound(&claim, &own, &claim["spec"]["accessModes"], &claim["spec"]["resources"]["requests"]));
    }
}

/// The claim and the volume name each other.
fn bind(turn: &mut Turn<'_>, claim: &Value, volume: &Value) {
    let owner = json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "name": claim["metadata"]["name"],
        "namespace": claim["metadata"]["namespace"], "uid": claim["metadata"]["uid"],
    });
    turn.patch(volume, json!({ "spec": { "claimRef": owner }, "status": { "phase": "Bound" } }));
    let spec = &volume["spec"];
    turn.patch(claim, bound(claim, text(volume, "/metadata/name"), &spec["accessModes"], &spec["capacity"]));
}

fn bound(claim: &Value, volume: &str, modes: &Value, capacity: &Value) -> Value {
    let asked = &claim["spec"]["accessModes"];
    let modes = if modes.is_array() { modes } else { asked };
    let status = json!({ "phase": "Bound", "accessModes": modes, "capacity": capacity });
    json!({ "spec": { "volumeName": volume }, "status": status })
}

/// Whether a volume is made for the claim: by its class, or by the default one of the cluster when it names none.
fn is_provided(turn: &mut Turn<'_>, claim: &Value) -> bool {
    let (reason, words, severity) = match claim["spec"]["storageClassName"].as_str() {
        None => return true,
        Some("") => {
            let words = "no persistent volumes available for this claim and no storage class is set".to_owned();
            ("FailedBinding", words, "Normal")
        }
        Some(class) if turn.view().get("StorageClass", None, class).is_some() => return true,
        Some(class) => ("ProvisioningFailed", format!("storageclass.storage.k8s.io \"{class}\" not found"), "Warning"),
    };
    if !turn.is_in(reason) {
        turn.enter(reason);
        let event = Event { severity, ..Event::normal(reason, words, "persistentvolume-controller") };
        turn.event(claim, event);
    }
    false
}
