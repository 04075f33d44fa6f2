//! One rehearsed cluster's API server: its store, its log, and direct access for controllers and tests.

use super::addresses::Addresses;
use super::calendar::Calendar;
use super::identity::{AUDIENCE, Identity, Token};
use super::kinds::{self, Kind};
use super::store::{Event, Key, Store};
use super::tree::text;
use super::world::{Around, World};
use super::{Faults, LoadBalancer, Logged, access, allocation, api_services, furniture, metadata, moved};
use crate::clock::Clock;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tokio::sync::broadcast;

/// One rehearsed cluster's API server; clones share it.
#[derive(Clone)]
pub struct Server(Arc<ServerInner>);

pub(super) struct ServerInner {
    name: String,
    clock: Clock,
    calendar: Arc<Calendar>,
    around: Around,
    store: Mutex<Store>,
    changes: broadcast::Sender<Change>,
    log: Mutex<Vec<Logged>>,
    made: AtomicU64,
    addresses: Addresses,
    identity: Identity,
    load_balancer: Mutex<LoadBalancer>,
    forgotten_definitions: AtomicBool,
    faults: Faults,
}

/// A stored change.
#[derive(Debug, Clone)]
pub struct Change {
    /// `ADDED`, `MODIFIED` or `DELETED`.
    pub event: &'static str,
    /// The object after the change, or as it was before it was deleted.
    pub object: Arc<Value>,
}

/// Changes that a slow receiver of [`Server::changes`] may be behind before it misses some.
const BEHIND: usize = 4096;

/// Requests that are remembered; of more, the older half is forgotten.
const LOGGED: usize = 200_000;

impl ServerInner {
    pub fn new(name: &str, index: usize, clock: Clock, calendar: Arc<Calendar>, around: Around) -> ServerInner {
        ServerInner {
            name: name.to_owned(),
            clock,
            calendar,
            around,
            store: Mutex::new(Store::new()),
            changes: broadcast::Sender::new(BEHIND),
            log: Mutex::default(),
            made: AtomicU64::new(0),
            addresses: Addresses::new(index),
            identity: Identity::new(),
            load_balancer: Mutex::default(),
            forgotten_definitions: AtomicBool::default(),
            faults: Faults::default(),
        }
    }
}

impl Server {
    /// The server with what every fresh cluster has.
    pub(super) fn furnished(inner: ServerInner) -> Server {
        let server = Server(Arc::new(inner));
        for object in furniture::objects(&server) {
            server.put(object);
        }
        for role in access::defaults::objects() {
            server.furnish(role.clone());
        }
        let fixed = furniture::priority_classes().into_iter().chain(furniture::own_endpoints(&server));
        for object in fixed.chain(api_services::built_in(&server.now())) {
            server.furnish(object);
        }
        server
    }

    /// The context name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The API server's address in its world, such as `https://10.1.0.11:6443`: what kubeconfigs of this cluster name.
    pub fn url(&self) -> String {
        format!("https://{}:6443", self.0.addresses.node())
    }

    /// The certificate of the authority that signed the API server's certificate, as PEM.
    pub fn ca_pem(&self) -> &str {
        self.0.identity.ca_pem()
    }

    /// Its addresses, to give to pods, services and load balancers.
    pub fn addresses(&self) -> &Addresses {
        &self.0.addresses
    }

    /// Tokens and keys.
    pub(super) fn identity(&self) -> &Identity {
        &self.0.identity
    }

    /// A token with which requests are the administrator's.
    pub fn administrator_token(&self) -> String {
        self.0.identity.issue_to_administrator()
    }

    /// A token of a service account that lasts until the account, or the Secret that keeps the token, is gone.
    pub fn token(&self, account: &Value, secret: Option<&str>) -> String {
        let metadata = &account["metadata"];
        let token = Token {
            namespace: text(metadata, "namespace").to_owned(),
            account: text(metadata, "name").to_owned(),
            uid: text(metadata, "uid").to_owned(),
            secret: secret.map(str::to_owned),
            expires: None,
            audiences: vec![AUDIENCE.to_owned()],
        };
        self.0.identity.issue(token, self.time().as_second())
    }

    /// The clock of its world.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// The world it is in; `None` when nobody holds that any more.
    pub fn world(&self) -> Option<World> {
        self.0.around.world()
    }

    /// The server for a task that must not keep it alive.
    pub(super) fn downgrade(&self) -> Weak<ServerInner> {
        Arc::downgrade(&self.0)
    }

    /// The server again, while somebody else holds it.
    pub(super) fn upgrade(server: &Weak<ServerInner>) -> Option<Server> {
        server.upgrade().map(Server)
    }

    /// Now, as objects say it: RFC 3339 with seconds.
    pub fn now(&self) -> String {
        self.time().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// Now.
    pub fn time(&self) -> jiff::Timestamp {
        self.0.calendar.time(&self.0.clock)
    }

    /// A uid that no other object has. Equal worlds give equal ones in the same order, so that rehearsals can be compared.
    pub fn fresh_uid(&self) -> String {
        uid(&self.fresh())
    }

    /// The uid that belongs to a name in this cluster.
    pub(super) fn named_uid(&self, name: &str) -> String {
        uid(&Sha256::digest(format!("{} {name}", self.0.name)))
    }

    /// Five characters as `generateName` appends them.
    pub fn fresh_suffix(&self) -> String {
        const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
        self.fresh()[..5].iter().map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()])).collect()
    }

    fn fresh(&self) -> [u8; 32] {
        let number = self.0.made.fetch_add(1, Ordering::Relaxed);
        Sha256::digest(format!("{} {number}", self.0.name)).into()
    }

    pub(super) fn store(&self) -> MutexGuard<'_, Store> {
        self.0.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The kind that is meant by kind, plural or short name, with or without group (`Gateway`, `gateways.networking.istio.io`).
    pub(super) fn kind(&self, name: &str) -> Option<Arc<Kind>> {
        let store = self.store();
        let is_exact = |kind: &&Arc<Kind>| kind.kind == name || kind.is_resource(name);
        store.kinds().find(is_exact).or_else(|| store.kinds().find(|kind| kind.is_called(name))).cloned()
    }

    /// The kind of an object.
    pub(super) fn kind_of(&self, object: &Value) -> Arc<Kind> {
        let (api_version, name) = (text(object, "apiVersion"), text(object, "kind"));
        let (group, _) = kinds::split_api_version(api_version);
        let known = self.store().kinds().find(|kind| kind.group == group && kind.kind == name).cloned();
        known
            .unwrap_or_else(|| Arc::new(kinds::guessed(api_version, name, object["metadata"]["namespace"].is_string())))
    }

    /// A stored object: kind or plural name, namespace (`None` for cluster-scoped kinds), name.
    pub fn get(&self, kind: &str, namespace: Option<&str>, name: &str) -> Option<Value> {
        self.get_shared(kind, namespace, name).map(|object| (*object).clone())
    }

    /// Like [`Server::get`], without a copy.
    pub fn get_shared(&self, kind: &str, namespace: Option<&str>, name: &str) -> Option<Arc<Value>> {
        let kind = self.kind(kind)?;
        let key = (namespace.unwrap_or_default().to_owned(), name.to_owned());
        self.store().get(&kind.resource(), &key).cloned()
    }

    /// Stored objects of a kind, in one namespace or in all.
    pub fn list(&self, kind: &str, namespace: Option<&str>) -> Vec<Value> {
        self.list_shared(kind, namespace).iter().map(|object| (**object).clone()).collect()
    }

    /// Like [`Server::list`], without copies.
    pub fn list_shared(&self, kind: &str, namespace: Option<&str>) -> Vec<Arc<Value>> {
        let Some(kind) = self.kind(kind) else { return Vec::new() };
        self.store().list(&kind.resource(), namespace)
    }

    /// Every stored object.
    pub fn everything(&self) -> Vec<Arc<Value>> {
        let store = self.store();
        store.resources().iter().flat_map(|resource| store.list(resource, None)).collect()
    }

    /// Stores an object whose uid comes from its name.
    fn furnish(&self, mut object: Value) {
        let kind = self.kind_of(&object);
        let key = metadata::key(&kind, &mut object);
        object["metadata"]["uid"] = self.named_uid(&format!("{} {}", kind.kind, key.1)).into();
        object["metadata"]["creationTimestamp"] = self.now().into();
        self.store().insert(&kind.resource(), key, object);
    }

    /// Stores an object, unless it is equal to the live one; removes it when it was only waiting for its finalizers.
    pub(super) fn write(
        &self,
        store: &mut Store,
        kind: &Kind,
        key: Key,
        live: Option<&Arc<Value>>,
        mut object: Value,
    ) -> Arc<Value> {
        if let Some(live) = live {
            object["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"].clone();
            if metadata::is_same(live, &object) {
                return live.clone();
            }
        }
        let done = live.is_some() && metadata::is_finished(kind, &object);
        let event = store.insert(&kind.resource(), key.clone(), object);
        let object = event.object.clone();
        self.announce(event);
        if done && let Some(event) = store.remove(&kind.resource(), &key) {
            self.announce(event);
            self.clean_up(store, kind, &object);
        } else if kind.resource() == super::custom::DEFINITIONS {
            api_services::follow(self, store);
        }
        object
    }

    /// Removes an object whose store is locked.
    pub(super) fn erase(&self, store: &mut Store, kind: &Kind, key: &Key) -> Option<Arc<Value>> {
        let event = store.remove(&kind.resource(), key)?;
        let last = event.object.clone();
        self.announce(event);
        self.clean_up(store, kind, &last);
        Some(last)
    }

    /// What goes with a removed object: the addresses of a Service, the APIServices of a definition.
    fn clean_up(&self, store: &mut Store, kind: &Kind, object: &Value) {
        match kind.resource().as_str() {
            "services" => allocation::release(self, object),
            super::custom::DEFINITIONS => api_services::follow(self, store),
            _ => {}
        }
    }

    fn announce(&self, event: Event) {
        // Nobody listening is no failure.
        let _ = self.0.changes.send(Change { event: event.name(), object: event.object });
    }

    /// A receiver that gets a message after every stored change.
    pub fn changes(&self) -> broadcast::Receiver<Change> {
        self.0.changes.subscribe()
    }

    /// The requests answered so far, the last hundred thousand at least.
    pub fn log(&self) -> Vec<Logged> {
        self.0.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn record(&self, request: Logged) {
        let mut log = self.0.log.lock().unwrap_or_else(PoisonError::into_inner);
        if log.len() >= LOGGED {
            log.drain(..LOGGED / 2);
        }
        log.push(request);
    }

    /// Moves the times in all stored objects, and the ends of tokens; who waits for a time of the calendar counts anew.
    pub(super) fn move_times(&self, by: jiff::SignedDuration) {
        self.store().rewrite(|object| moved::moved(object, by));
        self.0.identity.move_times(by);
        for object in self.list_shared("CronJob", None) {
            let _ = self.0.changes.send(Change { event: "MODIFIED", object });
        }
    }

    /// Forgets all past changes, as a compaction does: watches that resume from before it get 410 Gone.
    pub fn compact(&self) {
        self.store().forget();
    }

    /// Every stored object, or every one in a namespace.
    pub(super) fn all(&self, namespace: Option<&str>) -> Vec<Arc<Value>> {
        let store = self.store();
        let resources = store.resources();
        resources.iter().flat_map(|resource| store.list(resource, namespace)).collect()
    }

    /// The stored objects that name this uid among their owners.
    pub(super) fn owned(&self, uid: &str) -> Vec<Arc<Value>> {
        self.store().owned(uid)
    }

    /// From now on as after a restart in the middle of an installation: new definitions are established once somebody
    /// changes them, as kube-apiserver takes them up on updates only.
    pub fn forget_definitions(&self) {
        self.0.forgotten_definitions.store(true, Ordering::Relaxed);
    }

    pub(super) fn has_forgotten_definitions(&self) -> bool {
        self.0.forgotten_definitions.load(Ordering::Relaxed)
    }

    /// What Services of type LoadBalancer get from now on.
    pub fn set_load_balancer(&self, load_balancer: LoadBalancer) {
        *self.0.load_balancer.lock().unwrap_or_else(PoisonError::into_inner) = load_balancer;
    }

    /// What Services of type LoadBalancer get.
    pub fn load_balancer(&self) -> LoadBalancer {
        self.0.load_balancer.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What goes wrong between clients and this server.
    pub fn faults(&self) -> &Faults {
        &self.0.faults
    }
}

/// A uid from a digest.
fn uid(digest: &[u8]) -> String {
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(digest).for_each(|(byte, from)| *byte = *from);
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}
