//! PUT, and what every change of a stored object goes through.

use super::allocation::{self, Allocation};
use super::call::{Call, Target};
use super::kinds::Kind;
use super::status::{Cause, Outcome, Status};
use super::transport::Reply;
use super::tree::{at, items, path, text, unset};
use super::{access, admission, complete, conversions, create, defaults, managed, metadata, read, validation};
use serde_json::Value;
use std::sync::Arc;

pub(super) fn answer(call: &Call, target: &Target) -> Outcome<Reply> {
    let mut object = call.object()?;
    validation::fields(call, target, &mut object)?;
    if text(&object["metadata"], "name").is_empty() {
        let cause = Cause::required("metadata.name", "name or generateName is required");
        return Err(Status::invalid(&target.kind, "", &[cause]));
    }
    let exists = call.server.store().get(&target.kind.resource(), &target.key()).is_some();
    if !exists && creates_on_update(target) && text(&object["metadata"], "resourceVersion").is_empty() {
        let stored = create::new(call, target, object, &|object| managed::updated(call, target, None, object))?;
        return read::present(call, target, 201, &stored);
    }
    if target.kind.is_custom() && text(&object["metadata"], "resourceVersion").is_empty() {
        let why = "must be specified for an update";
        let cause = Cause::invalid("metadata.resourceVersion", &0.into(), why);
        let plural = Kind { kind: target.kind.plural.clone(), ..(*target.kind).clone() };
        return Err(Status::invalid(&plural, target.name(), &[cause]));
    }
    let stored =
        change(call, target, &|live| managed::updated(call, target, Some(live), full(call, object.clone(), live)))?;
    read::present(call, target, 200, &stored)
}

/// A few old kinds are created by a PUT.
fn creates_on_update(target: &Target) -> bool {
    matches!(
        target.kind.resource().as_str(),
        "events" | "endpoints" | "limitranges" | "leases.coordination.k8s.io" | "endpointslices.discovery.k8s.io"
    )
}

/// The object of a PUT, complete.
fn full(_call: &Call, mut object: Value, live: &Value) -> Value {
    let metadata = at(&mut object, "metadata");
    if metadata["managedFields"].is_null() {
        *at(metadata, "managedFields") = live["metadata"]["managedFields"].clone();
    }
    object
}

/// Changes a stored object: computes the new one from the live one, admits, validates and stores it; begins again when
/// somebody else was faster and the request named no resourceVersion.
pub(super) fn change(call: &Call, target: &Target, compute: &dyn Fn(&Value) -> Outcome<Value>) -> Outcome<Arc<Value>> {
    loop {
        let (server, kind) = (&call.server, &target.kind);
        let live = server.store().get(&kind.resource(), &target.key()).cloned();
        let live = live.ok_or_else(|| Status::not_found(kind, target.name()))?;
        let mut asked = compute(&live)?;
        conversions::stored(kind, &target.version, &mut asked);
        preconditions(call, target, &live, &asked)?;
        access::escalation::check(call, target, &asked)?;
        fixed_metadata(target, &live, &asked)?;
        let (object, allocation) = completed(call, target, &live, asked)?;
        if call.is_dry() {
            return Ok(Arc::new(object));
        }
        let mut store = server.store();
        if store.get(&kind.resource(), &target.key()).is_some_and(|now| Arc::ptr_eq(now, &live)) {
            let written = server.write(&mut store, kind, target.key(), Some(&live), object);
            allocation.into_iter().for_each(Allocation::keep);
            return Ok(written);
        }
    }
}

/// What the client knew of the object must still hold.
fn preconditions(call: &Call, target: &Target, live: &Value, asked: &Value) -> Outcome<()> {
    let (kind, name) = (&target.kind, target.name());
    let (known, now) = (&asked["metadata"], &live["metadata"]);
    let (uid, live_uid) = (text(known, "uid"), text(now, "uid"));
    if !uid.is_empty() && uid != live_uid && call.method == http::Method::PUT {
        let why = format!(
            "StorageError: invalid object, Code: 4, Key: {}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: {uid}, UID in object meta: {live_uid}",
            place(target)
        );
        return Err(Status::conflict(kind, name, &why));
    }
    let version = text(known, "resourceVersion");
    if !version.is_empty() && version != "0" && version != text(now, "resourceVersion") {
        return Err(Status::stale(kind, name));
    }
    Ok(())
}

/// What of the metadata only the server writes, and what an ending object no longer gets.
fn fixed_metadata(target: &Target, live: &Value, asked: &Value) -> Outcome<()> {
    let (asked, live) = (&asked["metadata"], &live["metadata"]);
    let mut causes = Vec::new();
    let ends = live["deletionTimestamp"].is_string();
    let added = || items(&asked["finalizers"]).iter().filter(|one| !items(&live["finalizers"]).contains(one));
    if ends && added().next().is_some() {
        let shown: Vec<_> = added().map(Value::to_string).collect();
        let why = format!(
            "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
            shown.join(", ")
        );
        causes.push(Cause::forbidden("metadata.finalizers", &why));
    }
    for key in ["uid", "deletionTimestamp", "deletionGracePeriodSeconds"] {
        let is_free = key != "uid" && ends;
        if !is_free && !asked[key].is_null() && asked[key] != live[key] {
            causes.push(Cause::invalid(&format!("metadata.{key}"), &asked[key], "field is immutable"));
        }
    }
    if causes.is_empty() { Ok(()) } else { Err(Status::invalid(&target.kind, target.name(), &causes)) }
}

/// Where etcd would keep the object.
fn place(target: &Target) -> String {
    let kind = &target.kind;
    let folder = match (kind.is_custom(), kind.plural.as_str()) {
        (true, plural) => format!("{}/{plural}", kind.group),
        (_, "services") => "services/specs".to_owned(),
        (_, plural) => plural.to_owned(),
    };
    let namespace = target.namespace.as_ref().map(|namespace| format!("{namespace}/")).unwrap_or_default();
    format!("/registry/{folder}/{namespace}{}", target.name())
}

/// The new object with what the request cannot change, after defaults, admission and validation; and what it got.
fn completed<'c>(
    call: &'c Call,
    target: &Target,
    live: &Value,
    asked: Value,
) -> Outcome<(Value, Option<Allocation<'c>>)> {
    let kind = &target.kind;
    let mut object = metadata::updated(kind, live, only_its_part(target, live, asked));
    if target.subresource.is_some() {
        validation::status(kind, &object)?;
        return Ok((object, None));
    }
    defaults::keep(kind, live, &mut object);
    defaults::apply(kind, &mut object);
    object = admission::admit(&call.server, kind, object)?;
    object = metadata::updated(kind, live, object);
    defaults::apply(kind, &mut object);
    complete::apply(kind, Some(live), &mut object);
    validation::object(kind, &object, Some(live))?;
    let allocation = allocation::change(&call.server, kind, live, &mut object)?;
    Ok((object, Some(allocation)))
}

/// The status endpoint changes the status only; the main endpoint changes everything else.
fn only_its_part(target: &Target, live: &Value, mut asked: Value) -> Value {
    if target.subresource.as_deref() == Some("status") {
        let mut object = live.clone();
        for key in ["status"] {
            match unset(&mut asked, key) {
                Some(value) => *at(&mut object, key) = value,
                None => drop(unset(&mut object, key)),
            }
        }
        if let Some(managed) = unset(at(&mut asked, "metadata"), "managedFields") {
            *at(at(&mut object, "metadata"), "managedFields") = managed;
        }
        return object;
    }
    if target.kind.resource() == "namespaces" && target.subresource.as_deref() != Some("finalize") {
        // What empties a namespace before it goes: only its own endpoint takes that away.
        *path(&mut asked, &["spec", "finalizers"]) = live["spec"]["finalizers"].clone();
    }
    if target.subresource.is_none() && target.kind.has("status") {
        match live.get("status") {
            Some(status) => *at(&mut asked, "status") = status.clone(),
            None => drop(unset(&mut asked, "status")),
        }
    }
    asked
}
