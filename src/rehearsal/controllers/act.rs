//! Reading and writing a server as controllers do: what a turn sees, and what becomes of what it wants.

use super::super::identity::{AUDIENCE, Token};
use super::super::{Server, World};
use super::address::{LoadBalancer, Pool};
use super::events;
use super::turn::{Action, Event, Memo, Target, View, is_terminating, items, kind, name, number, text, uid};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// What a turn sees of a server.
impl View for Server {
    fn get(&self, kind: &str, namespace: Option<&str>, name: &str) -> Option<Arc<Value>> {
        self.get_shared(kind, namespace, name)
    }

    fn list(&self, kind: &str, namespace: Option<&str>) -> Vec<Arc<Value>> {
        self.list_shared(kind, namespace)
    }

    fn all(&self, namespace: Option<&str>) -> Vec<Arc<Value>> {
        Server::all(self, namespace)
    }

    fn address(&self, pool: Pool) -> String {
        match pool {
            Pool::Pod => self.addresses().pod(),
            Pool::LoadBalancer => self.addresses().load_balancer(),
        }
    }

    fn load_balancer(&self) -> LoadBalancer {
        Server::load_balancer(self)
    }

    fn authority(&self) -> String {
        self.ca_pem().to_owned()
    }

    fn token(&self, account: &Value, secret: &Value) -> String {
        let token = Token {
            namespace: text(account, "/metadata/namespace").into(),
            account: name(account).into(),
            uid: uid(account).into(),
            secret: Some(name(secret).into()),
            expires: None,
            audiences: vec![AUDIENCE.into()],
        };
        self.identity().issue(token, self.time().as_second())
    }
}

/// Carries out what a controller wanted.
pub(crate) fn carry_out(world: &World, server: &Server, action: Action, memo: &mut Memo) {
    match action {
        Action::Create(object) => memo.refusal = create(world, server, object).err().or(memo.refusal.take()),
        Action::Patch(target, merge) => patch(server, &target, &merge),
        Action::Delete(target) => delete(server, &target),
        Action::Remove(target) => {
            if stored(server, &target).is_some() {
                server.remove(&target.resource(), target.id.namespace(), &target.id.name);
            }
        }
        Action::Event(about, event) => record(server, &about, &event),
        Action::Probe(pod) => memo.probe = Some(world.behaviour().unready(world, server.name(), &pod)),
    }
}

fn stored(server: &Server, target: &Target) -> Option<Value> {
    server.get(&target.resource(), target.id.namespace(), &target.id.name).filter(|object| uid(object) == target.uid)
}

/// Creates an object; the words of the API server when it refuses.
fn create(world: &World, server: &Server, object: Value) -> Result<(), String> {
    let namespace = text(&object, "/metadata/namespace");
    if !namespace.is_empty() {
        welcome(server, &object, namespace)?;
    }
    if server.get(&Target::of(&object).resource(), Some(namespace), name(&object)).is_some() {
        return Ok(());
    }
    let object = match kind(&object) {
        "Pod" => world.behaviour().admit(world, server.name(), with_account(server, object)?)?,
        _ => object,
    };
    server.put(object);
    Ok(())
}

fn plural(object: &Value) -> String {
    format!("{}s", kind(object).to_lowercase())
}

fn welcome(server: &Server, object: &Value, namespace: &str) -> Result<(), String> {
    match server.get("Namespace", None, namespace) {
        None => Err(format!("namespaces \"{namespace}\" not found")),
        Some(found) if is_terminating(&found) => Err(format!(
            "{} \"{}\" is forbidden: unable to create new content in namespace {namespace} because it is being terminated",
            plural(object),
            name(object)
        )),
        Some(_) => Ok(()),
    }
}

/// The pod with its service account, which must exist.
fn with_account(server: &Server, mut pod: Value) -> Result<Value, String> {
    if text(&pod, "/spec/serviceAccountName").is_empty() {
        pod["spec"]["serviceAccountName"] = "default".into();
    }
    let account = text(&pod, "/spec/serviceAccountName").to_owned();
    pod["spec"]["serviceAccount"] = account.as_str().into();
    let namespace = text(&pod, "/metadata/namespace");
    if server.get("ServiceAccount", Some(namespace), &account).is_none() {
        return Err(format!(
            "pods \"{}\" is forbidden: error looking up service account {namespace}/{account}: serviceaccount \
             \"{account}\" not found",
            name(&pod)
        ));
    }
    Ok(pod)
}

fn patch(server: &Server, target: &Target, merge: &Value) {
    server.edit(&target.resource(), target.id.namespace(), &target.id.name, |object| {
        if uid(object) == target.uid {
            json_patch::merge(object, merge);
        }
    });
}

/// Deletes as the API does without further options: pods on a node get their time, finalizers hold, the rest goes.
fn delete(server: &Server, target: &Target) {
    let Some(object) = stored(server, target).filter(|object| !is_terminating(object)) else { return };
    let grace = grace(&object);
    if grace == 0 && items(&object, "/metadata/finalizers").is_empty() {
        server.remove(&target.resource(), target.id.namespace(), &target.id.name);
        return;
    }
    let end = server.time() + Duration::from_secs(u64::try_from(grace).unwrap_or_default());
    let end = end.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let metadata = json!({ "deletionTimestamp": end, "deletionGracePeriodSeconds": grace });
    patch(server, target, &json!({ "metadata": metadata }));
}

/// Seconds that an object gets to end.
fn grace(object: &Value) -> i64 {
    let ended = matches!(text(object, "/status/phase"), "Succeeded" | "Failed");
    if kind(object) != "Pod" || text(object, "/spec/nodeName").is_empty() || ended {
        return 0;
    }
    number(object, "/spec/terminationGracePeriodSeconds").unwrap_or(30)
}

fn record(server: &Server, about: &Value, event: &Event) {
    let namespace = match text(about, "/metadata/namespace") {
        "" => "default",
        namespace => namespace,
    };
    if events::is_welcome(server.get("Namespace", None, namespace).as_ref()) {
        let find = |namespace: &str, name: &str| server.get("events", Some(namespace), name);
        server.put(events::record(about, event, &server.now(), find));
    }
}
