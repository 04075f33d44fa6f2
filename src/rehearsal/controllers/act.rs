//! Reading and writing a server as controllers do: what a turn sees, and what becomes of what it wants.

use super::super::identity::{AUDIENCE, Token};
use super::super::kinds::split_api_version;
use super::super::{Server, World};
use super::address::{LoadBalancer, Pool};
use super::events;
use super::turn::{Action, Event, Memo, Target, View, is_terminating, kind, name, text, uid};
use serde_json::Value;
use std::sync::Arc;

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

    fn owned(&self, uid: &str) -> Vec<Arc<Value>> {
        Server::owned(self, uid)
    }

    fn is_gone(&self, uid: &str) -> bool {
        self.store().is_gone(uid)
    }

    fn serves(&self, api_version: &str, kind: &str) -> bool {
        let (group, version) = split_api_version(api_version);
        let has = |versions: &[String]| versions.iter().any(|served| served == version);
        self.store().kinds().any(|one| one.group == group && one.kind == kind && has(&one.versions))
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

    fn has_forgotten_definitions(&self) -> bool {
        Server::has_forgotten_definitions(self)
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
        Action::Create(object) => memo.refusal = create(server, object).err().or(memo.refusal.take()),
        Action::Patch(target, merge) => patch(server, &target, &merge),
        Action::Delete(target) => delete(server, &target, ""),
        Action::DeleteInForeground(target) => delete(server, &target, "Foreground"),
        Action::Remove(target) => {
            if stored(server, &target).is_some() {
                server.remove(&target.resource(), target.id.namespace(), &target.id.name);
            }
        }
        Action::Event(about, event) => record(server, &about, &event),
        Action::Probe(pod) => memo.probe = Some(world.behaviour().unready(world, server.name(), &pod)),
    }
}

fn stored(server: &Server, target: &Target) -> Option<Arc<Value>> {
    server
        .get_shared(&target.resource(), target.id.namespace(), &target.id.name)
        .filter(|object| uid(object) == target.uid)
}

/// What controllers create through the whole API, with admission; the rest is written directly.
const ADMITTED: [&str; 3] = ["Pod", "ReplicaSet", "PersistentVolumeClaim"];

/// Who controllers say they are: what they make is nobody's work.
const MANAGER: &str = "kube-controller-manager";

/// Creates an object; the words of the API server when it refuses.
fn create(server: &Server, object: Value) -> Result<(), String> {
    let target = Target::of(&object);
    if server.get_shared(&target.resource(), target.id.namespace(), &target.id.name).is_some() {
        return Ok(());
    }
    if ADMITTED.contains(&kind(&object)) {
        return server.create(object).map(drop);
    }
    let namespace = server.get_shared("Namespace", None, &target.id.namespace);
    if namespace.is_some_and(|namespace| !is_terminating(&namespace)) {
        server.put_as(MANAGER, object);
    }
    Ok(())
}

fn patch(server: &Server, target: &Target, merge: &Value) {
    server.edit(&target.resource(), target.id.namespace(), &target.id.name, |object| {
        if uid(object) == target.uid {
            json_patch::merge(object, merge);
        }
    });
}

/// Deletes as the API does without further options: pods on a node get their time, finalizers hold, the rest goes.
fn delete(server: &Server, target: &Target, propagation: &str) {
    if stored(server, target).is_some_and(|object| !is_terminating(&object)) {
        // Refused only where the object is gone meanwhile, or a namespace that no cluster can do without.
        let _ = server.delete_with(&target.resource(), target.id.namespace(), &target.id.name, propagation);
    }
}

/// How many events are kept; of more, the older half goes, as elsewhere those of more than an hour ago.
const EVENTS: usize = 8192;

fn forget_old_events(server: &Server) {
    if server.store().count("events") < EVENTS {
        return;
    }
    let mut all = server.list_shared("Event", None);
    all.sort_by_key(|event| text(event, "/lastTimestamp").to_owned());
    for event in &all[..all.len() / 2] {
        server.remove("Event", Some(text(event, "/metadata/namespace")), name(event));
    }
}

fn record(server: &Server, about: &Value, event: &Event) {
    let namespace = events::namespace(about);
    if events::is_welcome(server.get_shared("Namespace", None, namespace).as_deref()) {
        let earlier = server.store().list_named("events", namespace, &events::name_start(about));
        forget_old_events(server);
        // Time may stand still; versions do not.
        let stamp = server.time().as_nanosecond() + i128::from(server.store().version());
        server.put(events::record(about, event, &server.now(), &earlier, stamp));
    }
}
