//! Quotas on the number of objects in a namespace: `pods`, `services`, `count/RESOURCE`. Amounts of CPU and memory are
//! not counted. <https://kubernetes.io/docs/concepts/policy/resource-quotas/#quota-on-object-count>

use super::kinds::Kind;
use super::server::Server;
use super::status::{Outcome, Status};
use super::tree::text;
use serde_json::Value;

/// Kinds that a quota also counts under their plain name.
const PLAIN: [&str; 7] =
    ["configmaps", "persistentvolumeclaims", "pods", "replicationcontrollers", "resourcequotas", "secrets", "services"];

/// Whether one more object of this kind fits into the quotas of its namespace.
///
/// # Errors
/// The server's refusal when it does not.
pub(super) fn allow(server: &Server, kind: &Kind, object: &Value) -> Outcome<()> {
    let metadata = &object["metadata"];
    let Some(namespace) = metadata["namespace"].as_str() else { return Ok(()) };
    for quota in server.list_shared("ResourceQuota", Some(namespace)) {
        for (key, limit) in quota["spec"]["hard"].as_object().into_iter().flatten() {
            let limited = amount(limit);
            let used = || server.list_shared(&kind.kind, Some(namespace)).iter().filter(|one| counts(one)).count();
            if names(key, kind) && used() >= limited {
                let (name, used) = (text(&quota["metadata"], "name"), used());
                let why =
                    format!("exceeded quota: {name}, requested: {key}=1, used: {key}={used}, limited: {key}={limited}");
                return Err(Status::forbidden(kind, text(metadata, "name"), &why));
            }
        }
    }
    Ok(())
}

fn amount(limit: &Value) -> usize {
    let number = limit.as_u64().or_else(|| limit.as_str()?.parse().ok());
    number.and_then(|number| usize::try_from(number).ok()).unwrap_or(usize::MAX)
}

/// The resource that a key of a quota counts; `None` for amounts.
pub(super) fn counted(key: &str) -> Option<&str> {
    key.strip_prefix("count/").or_else(|| PLAIN.contains(&key).then_some(key))
}

/// Whether a key of a quota means this kind.
fn names(key: &str, kind: &Kind) -> bool {
    counted(key) == Some(kind.resource().as_str())
}

/// Pods that have ended do not count.
pub(super) fn counts(object: &Value) -> bool {
    !matches!(object["status"]["phase"].as_str(), Some("Succeeded" | "Failed"))
}
