//! Aggregated ClusterRoles: one that selects others by label has their rules.

use super::condition;
use super::turn::{Id, Turn, View, items, kind, name};
use serde_json::{Value, json};

/// The aggregated roles that a change of a ClusterRole may concern: all of them.
pub(crate) fn concerns(view: &dyn View, object: &Value) -> Vec<Id> {
    if kind(object) != "ClusterRole" {
        return Vec::new();
    }
    let roles = view.list("ClusterRole", None);
    roles.iter().filter(|role| is_aggregated(role)).map(|role| Id::of(role)).collect()
}

/// Writes the rules of the selected roles into one.
pub(crate) fn reconcile(turn: &mut Turn<'_>, id: &Id) {
    let Some(role) = turn.get("ClusterRole", id) else { return };
    let roles = turn.view().list("ClusterRole", None);
    if let Some(rules) = rules(&role, roles.iter().map(|role| &**role)) {
        turn.patch(&role, json!({ "rules": rules }));
    }
}

fn is_aggregated(role: &Value) -> bool {
    role["aggregationRule"].is_object()
}

/// The rules that an aggregated role has among these; `None` for other objects.
pub(crate) fn rules<'r>(role: &Value, roles: impl Iterator<Item = &'r Value>) -> Option<Vec<Value>> {
    let selectors = is_aggregated(role).then(|| items(role, "/aggregationRule/clusterRoleSelectors"))?;
    let chosen = |other: &&Value| {
        let labels = &other["metadata"]["labels"];
        name(other) != name(role) && selectors.iter().any(|selector| condition::selects(selector, labels))
    };
    let mut rules: Vec<Value> = Vec::new();
    for rule in roles.filter(|other| kind(other) == "ClusterRole").filter(chosen).flat_map(|role| items(role, "/rules"))
    {
        if !rules.contains(rule) {
            rules.push(rule.clone());
        }
    }
    Some(rules)
}
