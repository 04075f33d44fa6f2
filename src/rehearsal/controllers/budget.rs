//! PodDisruptionBudgets: how many pods may be evicted now.

use super::condition::{self, Condition};
use super::template::{is_active, is_ready};
use super::turn::{Id, Turn, View, kind, number, text};
use super::workload::share;
use serde_json::{Value, json};

/// The budgets that a change of `object` concerns.
pub(crate) fn concerns(view: &dyn View, object: &Value) -> Vec<Id> {
    match kind(object) {
        "PodDisruptionBudget" => vec![Id::of(object)],
        "Pod" => {
            let mut budgets = view.list("PodDisruptionBudget", Some(text(object, "/metadata/namespace")));
            budgets.retain(|budget| condition::selects(&budget["spec"]["selector"], &object["metadata"]["labels"]));
            budgets.iter().map(|budget| Id::of(budget)).collect()
        }
        _ => Vec::new(),
    }
}

/// Counts the healthy pods of a budget.
pub(crate) fn reconcile(turn: &mut Turn<'_>, id: &Id) {
    let Some(budget) = turn.get("PodDisruptionBudget", id) else { return };
    let mut pods = turn.view().list("Pod", id.namespace());
    let selector = &budget["spec"]["selector"];
    pods.retain(|pod| is_active(pod) && condition::selects(selector, &pod["metadata"]["labels"]));
    let expected = i64::try_from(pods.len()).unwrap_or_default();
    let healthy = i64::try_from(pods.iter().filter(|pod| is_ready(pod)).count()).unwrap_or_default();
    let desired = desired(&budget, expected);
    let allowed = if expected == 0 { 0 } else { (healthy - desired).max(0) };
    let reason = if allowed > 0 { "SufficientPods" } else { "InsufficientPods" };
    let allows = Condition { name: "DisruptionAllowed", holds: allowed > 0, reason, message: "" };
    let status = json!({
        "observedGeneration": number(&budget, "/metadata/generation").unwrap_or(1), "expectedPods": expected,
        "currentHealthy": healthy, "desiredHealthy": desired, "disruptionsAllowed": allowed,
        "conditions": condition::set(&budget, &[allows], turn.time(), false),
    });
    turn.patch(&budget, json!({ "status": status }));
}

/// How many pods must stay healthy; percentages are rounded up.
fn desired(budget: &Value, expected: i64) -> i64 {
    let spec = &budget["spec"];
    match spec.get("maxUnavailable").filter(|bound| !bound.is_null()) {
        Some(most) => (expected - share(most, expected, true)).max(0),
        None => share(spec.get("minAvailable").unwrap_or(&json!(1)), expected, true),
    }
}
