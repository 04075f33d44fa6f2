//! PersistentVolumes that somebody made, and which of them a claim gets.

use super::condition;
use super::fitting::amount;
use super::turn::{View, is_terminating, items, text};
use serde_json::Value;
use std::sync::Arc;

/// The volume that a claim names, or the smallest one of its class that fits it.
pub(crate) fn found(view: &dyn View, claim: &Value) -> Option<Arc<Value>> {
    let named = text(claim, "/spec/volumeName");
    if !named.is_empty() {
        return view.get("PersistentVolume", None, named).filter(|volume| is_free(volume, claim));
    }
    let class = claim["spec"]["storageClassName"].as_str()?;
    let mut fitting = view.list("PersistentVolume", None);
    fitting.retain(|volume| text(volume, "/spec/storageClassName") == class && fits(volume, claim));
    // One that was made for this claim goes before smaller ones.
    let rank = |volume: &Value| (volume["spec"]["claimRef"].is_null(), size(volume));
    fitting.into_iter().min_by(|one, other| {
        let ((one, small), (other, large)) = (rank(one), rank(other));
        one.cmp(&other).then(small.total_cmp(&large))
    })
}

fn size(volume: &Value) -> f64 {
    amount(&volume["spec"]["capacity"]["storage"]).unwrap_or(0.0)
}

/// Whether no other claim has the volume, or has been promised it.
fn is_free(volume: &Value, claim: &Value) -> bool {
    let (promised, own) = (&volume["spec"]["claimRef"], &claim["metadata"]);
    let is_own = promised["name"] == own["name"] && promised["namespace"] == own["namespace"];
    promised.is_null() || is_own && (promised["uid"].is_null() || promised["uid"] == own["uid"])
}

fn fits(volume: &Value, claim: &Value) -> bool {
    let modes = items(volume, "/spec/accessModes");
    let asked = amount(&claim["spec"]["resources"]["requests"]["storage"]).unwrap_or(0.0);
    let selector = &claim["spec"]["selector"];
    !is_terminating(volume)
        && is_free(volume, claim)
        && size(volume) >= asked
        && items(claim, "/spec/accessModes").iter().all(|mode| modes.contains(mode))
        && mode(volume) == mode(claim)
        && (selector.is_null() || condition::selects(selector, &volume["metadata"]["labels"]))
}

fn mode(object: &Value) -> &str {
    match text(object, "/spec/volumeMode") {
        "" => "Filesystem",
        mode => mode,
    }
}
