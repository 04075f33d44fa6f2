//! PersistentVolumeClaims: bound at once, as by a cluster with a default storage class; those that name a class or a volume
//! which does not exist wait for it.

use super::turn::{Event, Id, Turn, View, is_terminating, kind, text};
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

/// Binds a claim to a volume made for it.
pub(crate) fn reconcile(turn: &mut Turn<'_>, id: &Id) {
    let Some(claim) = turn.get("PersistentVolumeClaim", id) else { return };
    if is_terminating(&claim) || text(&claim, "/status/phase") == "Bound" {
        return;
    }
    let waits = ["FailedBinding", "ProvisioningFailed"].iter().any(|stage| turn.is_in(stage));
    if !waits && !turn.stayed("binding", TAKES) {
        return turn.patch(&claim, json!({ "status": { "phase": "Pending" } }));
    }
    let own = format!("pvc-{}", text(&claim, "/metadata/uid"));
    let volume = match text(&claim, "/spec/volumeName") {
        "" if is_provided(turn, &claim) => own,
        "" => return,
        named if turn.view().get("PersistentVolume", None, named).is_none() => return,
        named => named.to_owned(),
    };
    let status = json!({
        "phase": "Bound", "accessModes": claim["spec"]["accessModes"],
        "capacity": claim["spec"]["resources"]["requests"],
    });
    turn.patch(&claim, json!({ "spec": { "volumeName": volume }, "status": status }));
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
