//! POST: a new object.

use super::call::{Call, Target};
use super::kinds::Kind;
use super::server::Server;
use super::status::{Cause, Outcome, Status};
use super::transport::Reply;
use super::tree::{at, text, unset};
use super::{
    access, account, admission, allocation, complete, conversions, defaults, managed, metadata, quota, read, validation,
};
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) fn answer(call: &Call, target: &Target) -> Outcome<Reply> {
    let mut object = call.object()?;
    validation::fields(call, target, &mut object)?;
    let stored = new(call, target, object, &|object| managed::updated(call, target, None, object))?;
    read::present(call, target, 201, &stored)
}

/// Creates an object: everything between its decoding and its answer.
pub(super) fn new(
    call: &Call,
    target: &Target,
    object: Value,
    manage: &dyn Fn(Value) -> Outcome<Value>,
) -> Outcome<Arc<Value>> {
    access::escalation::check(call, target, &object)?;
    let manage = |object| {
        let mut managed = manage(object)?;
        conversions::stored(&target.kind, &target.version, &mut managed);
        Ok(managed)
    };
    let object = prepared(call, target, object, &manage)?;
    store(&call.server, &target.kind, object, call.is_dry(), true)
}

/// The object with defaults, after admission, complete and valid.
fn prepared(
    call: &Call,
    target: &Target,
    mut object: Value,
    manage: &dyn Fn(Value) -> Outcome<Value>,
) -> Outcome<Value> {
    let kind = &target.kind;
    if !text(at(&mut object, "metadata"), "resourceVersion").is_empty() {
        return Err(Status::new(500, "", "resourceVersion should not be set on objects to be created"));
    }
    if let Some(namespace) = &target.namespace {
        *at(at(&mut object, "metadata"), "namespace") = namespace.clone().into();
    }
    drop_what_servers_write(kind, &mut object);
    admitted(&call.server, kind, object, manage)
}

/// Defaults, admission, names and validation of a new object.
fn admitted(
    server: &Server,
    kind: &Arc<Kind>,
    mut object: Value,
    manage: &dyn Fn(Value) -> Outcome<Value>,
) -> Outcome<Value> {
    let metadata = &object["metadata"];
    validation::namespace(server, kind, metadata["namespace"].as_str(), text(metadata, "name"))?;
    defaults::apply(kind, &mut object);
    let mut object = admission::admit(server, kind, manage(object)?)?;
    name(server, kind, &mut object)?;
    quota::allow(server, kind, &object)?;
    defaults::apply(kind, &mut object);
    complete::apply(kind, None, &mut object);
    let mut object = metadata::created(server, kind, object);
    complete::identified(kind, &mut object);
    validation::object(kind, &object, None)?;
    Ok(object)
}

/// The parts of a new object that only the server writes.
fn drop_what_servers_write(kind: &Kind, object: &mut Value) {
    let metadata = at(object, "metadata");
    for key in [
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generation",
        "selfLink",
        "managedFields",
    ] {
        unset(metadata, key);
    }
    if kind.has("status") {
        unset(object, "status");
    }
}

/// The name, made from `generateName` when there is none.
fn name(server: &Server, kind: &Kind, object: &mut Value) -> Outcome<()> {
    let metadata = at(object, "metadata");
    if !text(metadata, "name").is_empty() {
        return Ok(());
    }
    let prefix = text(metadata, "generateName").to_owned();
    if prefix.is_empty() {
        let cause = Cause::required("metadata.name", "name or generateName is required");
        return Err(Status::invalid(kind, "", &[cause]));
    }
    let short: String = prefix.chars().take(58).collect();
    *at(metadata, "name") = format!("{short}{}", server.fresh_suffix()).into();
    Ok(())
}

/// Stores a new object, if its place is free.
fn store(server: &Server, kind: &Arc<Kind>, mut object: Value, dry: bool, patient: bool) -> Outcome<Arc<Value>> {
    let key = metadata::key(kind, &mut object);
    let taken = || Status::already_exists(kind, &key.1);
    if server.store().get(&kind.resource(), &key).is_some() {
        return Err(taken());
    }
    let allocation = allocation::allocate(server, kind, &mut object)?;
    account::mount(server, kind, &mut object, patient)?;
    if dry {
        return Ok(Arc::new(object));
    }
    let mut store = server.store();
    if store.get(&kind.resource(), &key).is_some() {
        return Err(taken());
    }
    let written = server.write(&mut store, kind, key, None, object);
    allocation.keep();
    Ok(written)
}

impl Server {
    /// Creates an object as a client inside the cluster would: with defaults, admission and validation. Returns it as
    /// stored.
    ///
    /// # Errors
    /// The server's words when it refuses.
    pub fn create(&self, mut object: Value) -> Result<Value, String> {
        let kind = self.kind_of(&object);
        metadata::key(&kind, &mut object);
        drop_what_servers_write(&kind, &mut object);
        let created = admitted(self, &kind, object, &Ok).and_then(|object| store(self, &kind, object, false, false));
        created.map(|object| (*object).clone()).map_err(|status| status.message)
    }
}

/// The answer to a creation that stores nothing.
pub(super) fn success() -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201})
}
