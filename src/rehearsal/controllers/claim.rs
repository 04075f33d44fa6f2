//! PersistentVolumeClaims: bound at once, as a cluster with a default storage class does for the first consumer.

use super::turn::{Id, Turn, is_terminating, text};
use serde_json::json;
use std::time::Duration;

const TAKES: Duration = Duration::from_millis(500);

/// Binds a claim to a volume made for it.
pub(crate) fn reconcile(turn: &mut Turn<'_>, id: &Id) {
    let Some(claim) = turn.get("PersistentVolumeClaim", id) else { return };
    if is_terminating(&claim) || text(&claim, "/status/phase") == "Bound" {
        return;
    }
    if !turn.stayed("binding", TAKES) {
        return turn.patch(&claim, json!({ "status": { "phase": "Pending" } }));
    }
    let volume = format!("pvc-{}", text(&claim, "/metadata/uid"));
    let status = json!({
        "phase": "Bound", "accessModes": claim["spec"]["accessModes"],
        "capacity": claim["spec"]["resources"]["requests"],
    });
    turn.patch(&claim, json!({ "spec": { "volumeName": volume }, "status": status }));
}
