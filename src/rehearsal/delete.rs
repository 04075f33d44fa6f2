//! DELETE: one object or a collection; grace, finalizers and propagation.

use super::call::{Call, Target};
use super::custom::DEFINITIONS;
use super::kinds::Kind;
use super::server::Server;
use super::status::{Outcome, Status};
use super::transport::Reply;
use super::tree::{at, items, text};
use super::{metadata, read, reply, selectors::Selection};
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) fn answer(call: &Call, target: &Target) -> Outcome<Reply> {
    let options = options(call)?;
    let namespace = target.namespace.as_deref();
    match object(&call.server, &target.kind, namespace, target.name(), &options)? {
        Deleted::Gone(last) if RETURNED.contains(&target.kind.resource().as_str()) => {
            read::present(call, target, 200, &last)
        }
        Deleted::Gone(last) => Ok(reply::json(200, &success(&target.kind, &last))),
        Deleted::Ending(object) => read::present(call, target, 200, &object),
    }
}

/// Kinds of which a deletion answers with the object rather than with a Status.
const RETURNED: &[&str] = &[
    "persistentvolumeclaims",
    "persistentvolumes",
    "pods",
    "podtemplates",
    "resourcequotas",
    "serviceaccounts",
    "services",
];

/// Deletes every object that the selectors choose.
pub(super) fn collection(call: &Call, target: &Target) -> Outcome<Reply> {
    if target.kind.namespaced && target.namespace.is_none() {
        return Err(Status::method_not_allowed());
    }
    let options = options(call)?;
    let selection = Selection::parse(call, target)?;
    let all = call.server.store().list(&target.kind.resource(), target.namespace.as_deref());
    let chosen: Vec<_> = all.into_iter().filter(|one| selection.takes(one)).collect();
    for one in &chosen {
        let name = text(&one["metadata"], "name");
        match object(&call.server, &target.kind, one["metadata"]["namespace"].as_str(), name, &options) {
            Err(status) if status.code != 404 => return Err(status),
            _ => {}
        }
    }
    let version = call.server.store().version().to_string();
    read::present_list(call, target, chosen, &version, json!({}))
}

/// DeleteOptions from the body and the query; the body wins.
fn options(call: &Call) -> Outcome<Value> {
    let mut options = if call.body.is_empty() { json!({}) } else { call.object()? };
    if !options.is_object() {
        return Err(Status::bad_request("DeleteOptions must be an object"));
    }
    let take = |options: &mut Value, key: &str, value: Option<Value>| {
        if let (true, Some(value)) = (options[key].is_null(), value) {
            *at(options, key) = value;
        }
    };
    let grace = call.query.number("gracePeriodSeconds")?.map(Value::from);
    take(&mut options, "gracePeriodSeconds", grace);
    take(&mut options, "propagationPolicy", call.query.filled("propagationPolicy").map(Value::from));
    if call.is_dry() {
        *at(&mut options, "dryRun") = json!(["All"]);
    }
    Ok(options)
}

/// What is left of a deleted object.
pub(super) enum Deleted {
    /// Nothing; this is how it was.
    Gone(Arc<Value>),
    /// It waits for its grace period, its finalizers or its contents.
    Ending(Arc<Value>),
}

/// Deletes an object as `options` say.
pub(super) fn object(
    server: &Server,
    kind: &Arc<Kind>,
    namespace: Option<&str>,
    name: &str,
    options: &Value,
) -> Outcome<Deleted> {
    let key = (namespace.unwrap_or_default().to_owned(), name.to_owned());
    let mut store = server.store();
    let live = store.get(&kind.resource(), &key).cloned().ok_or_else(|| Status::not_found(kind, name))?;
    preconditions(kind, name, &live, &options["preconditions"])?;
    if kind.resource() == "namespaces" && matches!(name, "default" | "kube-system" | "kube-public") {
        return Err(Status::forbidden(kind, name, "this namespace may not be deleted"));
    }
    let dry = !items(&options["dryRun"]).is_empty();
    let object = ending(server, kind, &live, options);
    if metadata::is_finished(kind, &object) {
        if !dry {
            server.erase(&mut store, kind, &key);
        }
        let last = if kind.resource() == "pods" { Arc::new(object) } else { live };
        return Ok(Deleted::Gone(last));
    }
    if dry {
        return Ok(Deleted::Ending(Arc::new(object)));
    }
    Ok(Deleted::Ending(server.write(&mut store, kind, key, Some(&live), object)))
}

fn preconditions(kind: &Kind, name: &str, live: &Value, wanted: &Value) -> Outcome<()> {
    let rules = [
        ("uid", "UID", "The object might have been deleted and then recreated"),
        ("resourceVersion", "ResourceVersion", "The object might have been modified"),
    ];
    for (key, shown, hint) in rules {
        let (wanted, now) = (text(wanted, key), text(&live["metadata"], key));
        if !wanted.is_empty() && wanted != now {
            let why = format!(
                "the {shown} in the precondition ({wanted}) does not match the {shown} in record ({now}). {hint}"
            );
            return Err(Status::precondition(kind, name, &why));
        }
    }
    Ok(())
}

/// The object as it is from the beginning of its deletion on.
fn ending(server: &Server, kind: &Kind, live: &Value, options: &Value) -> Value {
    let mut object = live.clone();
    let grace = grace(kind, live, options);
    let metadata = at(&mut object, "metadata");
    propagate(metadata, options);
    let was_ending = metadata["deletionTimestamp"].is_string();
    let sooner = metadata["deletionGracePeriodSeconds"].as_i64().is_none_or(|before| grace < before);
    if !was_ending || sooner {
        let grace_time = jiff::SignedDuration::from_secs(grace);
        let until = server.time().checked_add(grace_time).unwrap_or(jiff::Timestamp::MAX);
        *at(metadata, "deletionTimestamp") = until.strftime("%Y-%m-%dT%H:%M:%SZ").to_string().into();
        let is_graceful = !matches!(kind.resource().as_str(), "namespaces" | DEFINITIONS);
        if is_graceful {
            *at(metadata, "deletionGracePeriodSeconds") = grace.into();
        }
        if let Some(generation) = metadata["generation"].as_i64().filter(|_| is_graceful && !was_ending) {
            *at(metadata, "generation") = (generation + 1).into();
        }
    }
    if kind.resource() == "namespaces" && !items(&object["spec"]["finalizers"]).is_empty() {
        *at(at(&mut object, "status"), "phase") = json!("Terminating");
    }
    if kind.resource() == DEFINITIONS {
        hold(at(&mut object, "metadata"), "customresourcecleanup.apiextensions.k8s.io", was_ending);
    }
    object
}

/// Seconds that the object may take to end: only pods that run somewhere get any.
fn grace(kind: &Kind, live: &Value, options: &Value) -> i64 {
    let runs = kind.resource() == "pods"
        && !text(&live["spec"], "nodeName").is_empty()
        && !matches!(text(&live["status"], "phase"), "Failed" | "Succeeded");
    if !runs {
        return 0;
    }
    let usual = live["spec"]["terminationGracePeriodSeconds"].as_i64().unwrap_or(30);
    options["gracePeriodSeconds"].as_i64().unwrap_or(usual).max(0)
}

/// The finalizers that the propagation policy asks for.
fn propagate(metadata: &mut Value, options: &Value) {
    let ending = metadata["deletionTimestamp"].is_string();
    match text(options, "propagationPolicy") {
        "Foreground" => hold(metadata, "foregroundDeletion", ending),
        "Orphan" => hold(metadata, "orphan", ending),
        _ if options["orphanDependents"] == true => hold(metadata, "orphan", ending),
        _ => {}
    }
}

fn hold(metadata: &mut Value, finalizer: &str, was_ending: bool) {
    let finalizers = at(metadata, "finalizers");
    if was_ending || items(finalizers).iter().any(|one| one == finalizer) {
        return;
    }
    match finalizers.as_array_mut() {
        Some(all) => all.push(finalizer.into()),
        None => *finalizers = json!([finalizer]),
    }
}

/// The answer to a deletion that is complete.
fn success(kind: &Kind, last: &Value) -> Value {
    let mut details = json!({"name": last["metadata"]["name"], "kind": kind.plural, "uid": last["metadata"]["uid"]});
    if !kind.group.is_empty() {
        details["group"] = kind.group.as_str().into();
    }
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})
}

impl Server {
    /// Deletes an object as a client inside the cluster would: gracefully, with finalizers.
    ///
    /// # Errors
    /// The server's words when it refuses.
    pub fn delete(&self, kind: &str, namespace: Option<&str>, name: &str) -> Result<(), String> {
        self.delete_with(kind, namespace, name, "")
    }

    /// Like [`Server::delete`], with a propagation policy.
    pub(super) fn delete_with(
        &self,
        kind: &str,
        namespace: Option<&str>,
        name: &str,
        propagation: &str,
    ) -> Result<(), String> {
        let Some(kind) = self.kind(kind) else {
            return Err(format!("the server doesn't have a resource type {kind:?}"));
        };
        let options = json!({ "propagationPolicy": propagation });
        object(self, &kind, namespace, name, &options).map(drop).map_err(|status| status.message)
    }
}
