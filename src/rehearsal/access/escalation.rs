//! Roles and bindings give nothing that whoever writes them does not have, unless they may `escalate` or `bind`.

use super::super::call::{Call, Target};
use super::super::status::{Outcome, Status};
use super::super::tree::{items, text};
use super::asked::{Asked, What};
use super::authorization::{GROUP, decide, rules};
use super::cover;
use super::user::MASTERS;
use serde_json::{Value, json};

/// Refuses a role or binding that gives more than its writer has.
///
/// # Errors
/// 403 with the rules that are lacking, 404 for a binding to a role that does not exist.
pub(in super::super) fn check(call: &Call, target: &Target, object: &Value) -> Outcome<()> {
    if target.kind.group != GROUP || call.user.groups.iter().any(|group| group == MASTERS) {
        return Ok(());
    }
    let namespace = target.namespace.as_deref().unwrap_or_default();
    let (verb, resource, name, wanted) = match target.kind.plural.as_str() {
        "roles" | "clusterroles" => ("escalate", target.kind.plural.as_str(), target.name(), None),
        _ if object["roleRef"]["kind"] == "Role" => ("bind", "roles", text(&object["roleRef"], "name"), Some("Role")),
        _ => ("bind", "clusterroles", text(&object["roleRef"], "name"), Some("ClusterRole")),
    };
    if is_authorized(call, verb, resource, namespace, name) {
        return Ok(());
    }
    let wanted = match wanted {
        None => given_by(object),
        Some(kind) => {
            let place = (kind == "Role").then_some(namespace);
            let role = call.server.get_shared(&format!("{kind}.{GROUP}"), place, name);
            // The server speaks of the binding here.
            let missing = || Status::not_found(&target.kind, name);
            items(&role.ok_or_else(missing)?["rules"]).to_vec()
        }
    };
    let lacking = cover::missing(&rules(&call.server, &call.user, namespace), &wanted);
    if lacking.is_empty() {
        return Ok(());
    }
    let groups: Vec<String> = call.user.groups.iter().map(|group| format!("{group:?}")).collect();
    let why = format!(
        "user {:?} (groups=[{}]) is attempting to grant RBAC permissions not currently held:\n{}",
        call.user.name,
        groups.join(" "),
        lacking.join("\n")
    );
    Err(Status::forbidden(&target.kind, text(&object["metadata"], "name"), &why))
}

/// The rules of a role; whoever aggregates others' rules may gather anything.
fn given_by(role: &Value) -> Vec<Value> {
    match items(&role["aggregationRule"]["clusterRoleSelectors"]) {
        [] => items(&role["rules"]).to_vec(),
        _ => vec![
            json!({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}),
            json!({"verbs": ["*"], "nonResourceURLs": ["*"]}),
        ],
    }
}

fn is_authorized(call: &Call, verb: &str, resource: &str, namespace: &str, name: &str) -> bool {
    let what = What::Resource {
        group: GROUP.to_owned(),
        resource: resource.to_owned(),
        subresource: String::new(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    };
    decide(&call.server, &call.user, &Asked { verb: verb.to_owned(), what }).allowed
}
