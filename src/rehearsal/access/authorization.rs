//! What a user may do on a server: its roles and bindings are asked, and refusals are worded as the API server words
//! them.

use super::super::call::{Call, Target};
use super::super::server::Server;
use super::super::status::{Outcome, Status};
use super::User;
use super::asked::{Asked, What};
use super::policy::{Decision, Policy};
use super::user::MASTERS;
use serde_json::Value;

/// The group of roles and bindings.
pub(super) const GROUP: &str = "rbac.authorization.k8s.io";

/// Refuses a request that its user may not make.
///
/// # Errors
/// 403 with what was asked for.
pub(in super::super) fn check(call: &Call) -> Outcome<()> {
    let asked = Asked::of(&call.method, &call.path, &call.query);
    allow(&call.server, &call.user, &asked)
}

/// Refuses a patch that would create its object to those who may not create it.
///
/// # Errors
/// 403 with what was asked for.
pub(in super::super) fn check_creation(call: &Call, target: &Target) -> Outcome<()> {
    let what = What::Resource {
        group: target.kind.group.clone(),
        resource: target.kind.plural.clone(),
        subresource: String::new(),
        namespace: target.namespace.clone().unwrap_or_default(),
        name: target.name().to_owned(),
    };
    allow(&call.server, &call.user, &Asked { verb: "create".to_owned(), what })
}

/// Refuses what the user may not do.
pub(super) fn allow(server: &Server, user: &User, asked: &Asked) -> Outcome<()> {
    let decision = decide(server, user, asked);
    if decision.allowed {
        return Ok(());
    }
    let words = format!("User {:?} {}", user.name, asked.denied());
    let mut words = words.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    if !decision.reason.is_empty() {
        words = format!("{words}: {}", decision.reason);
    }
    Err(match &asked.what {
        What::Path(_) => Status::denied("", "", "", &words),
        What::Resource { group, resource, name, .. } => Status::denied(group, resource, name, &words),
    })
}

/// Whether a user may do this, and why.
pub(in super::super) fn decide(server: &Server, user: &User, asked: &Asked) -> Decision {
    // Most requests of a rehearsal are the administrator's: no roles are read for them.
    let policy = match user.groups.iter().any(|group| group == MASTERS) {
        true => Policy::default(),
        false => policy(server, asked.namespace()),
    };
    policy.decide(user, asked)
}

/// Every rule that holds for a user in a namespace.
pub(in super::super) fn rules(server: &Server, user: &User, namespace: &str) -> Vec<Value> {
    policy(server, namespace).rules(user)
}

fn policy(server: &Server, namespace: &str) -> Policy {
    let of = |plural: &str, namespace: Option<&str>| server.list_shared(&format!("{plural}.{GROUP}"), namespace);
    let inside = |plural: &str| if namespace.is_empty() { Vec::new() } else { of(plural, Some(namespace)) };
    Policy {
        cluster_roles: of("clusterroles", None),
        cluster_role_bindings: of("clusterrolebindings", None),
        roles: inside("roles"),
        role_bindings: inside("rolebindings"),
    }
}
