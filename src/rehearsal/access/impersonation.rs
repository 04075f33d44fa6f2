//! Requests on behalf of somebody else: `kubectl --as`, `--as-group`, `--as-uid`.

use super::super::server::Server;
use super::super::status::{Outcome, Status};
use super::User;
use super::asked::{Asked, What};
use super::authorization::allow;
use super::user::{ANONYMOUS, AUTHENTICATED, UNAUTHENTICATED, account_groups};
use http::HeaderMap;

const EXTRA: &str = "impersonate-extra-";

/// Whom the headers name, or the user itself.
///
/// # Errors
/// 403 when the user may not impersonate one of those named, 500 when groups are named without a user.
pub(super) fn acting(server: &Server, user: User, headers: &HeaderMap) -> Outcome<User> {
    let all = |name: &str| headers.get_all(name).iter().filter_map(|value| value.to_str().ok().map(str::to_owned));
    let groups: Vec<String> = all("impersonate-group").collect();
    let uid = all("impersonate-uid").next().unwrap_or_default();
    let extra =
        headers.iter().filter_map(|(key, value)| Some((key.as_str().strip_prefix(EXTRA)?, value.to_str().ok()?)));
    let extra: Vec<(String, String)> = extra.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    let Some(name) = all("impersonate-user").next().filter(|name| !name.is_empty()) else {
        let alone = groups.is_empty() && uid.is_empty() && extra.is_empty();
        let words = "Internal Server Error: requested groups, uid or extra without impersonating a user";
        return if alone { Ok(user) } else { Err(Status::new(500, "", words)) };
    };
    let may = |group: &str, resource: &str, namespace: &str, name: &str| {
        allow(server, &user, &impersonation(group, resource, namespace, name))
    };
    match account(&name) {
        Some((namespace, account)) => may("", "serviceaccounts", namespace, account)?,
        None => may("", "users", "", &name)?,
    }
    groups.iter().try_for_each(|group| may("", "groups", "", group))?;
    extra.iter().try_for_each(|(key, value)| may("authentication.k8s.io", &format!("userextras/{key}"), "", value))?;
    if !uid.is_empty() {
        may("authentication.k8s.io", "uids", "", &uid)?;
    }
    let groups = match account(&name) {
        Some((namespace, _)) if groups.is_empty() => account_groups(namespace),
        _ => groups,
    };
    Ok(User { groups: with_usual(groups, &name), name, uid })
}

fn impersonation(group: &str, resource: &str, namespace: &str, name: &str) -> Asked {
    let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    let what = What::Resource {
        group: group.to_owned(),
        resource: resource.to_owned(),
        subresource: subresource.to_owned(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    };
    Asked { verb: "impersonate".to_owned(), what }
}

/// Namespace and name of `system:serviceaccount:NAMESPACE:NAME`.
fn account(name: &str) -> Option<(&str, &str)> {
    name.strip_prefix("system:serviceaccount:")?.split_once(':').filter(|(_, name)| !name.contains(':'))
}

/// The groups with the one that everybody, or everybody without credentials, is in.
fn with_usual(mut groups: Vec<String>, name: &str) -> Vec<String> {
    let usual = if name == ANONYMOUS { UNAUTHENTICATED } else { AUTHENTICATED };
    let known = |group: &String| group == usual || group == UNAUTHENTICATED;
    if !groups.iter().any(known) {
        groups.push(usual.to_owned());
    }
    groups
}
