//! The objects of one server, its resourceVersion, and what has changed lately.
//!
//! Only [`super::server::Server`] holds a store, behind its lock; nothing here blocks or calls out.

use super::custom;
use super::kinds::{self, Kind};
use super::metadata;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use tokio::sync::watch;

/// Namespace (empty for cluster-scoped kinds) and name.
pub(crate) type Key = (String, String);

/// Changes kept per kind for watches that resume. A watch that is further behind gets 410 Gone.
const HISTORY: usize = 4096;

/// One stored change.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    /// The resourceVersion of the change.
    pub version: u64,
    /// The object after the change; when it was deleted, as it was with the resourceVersion of the deletion.
    pub object: Arc<Value>,
    /// The object before the change.
    pub before: Option<Arc<Value>>,
    /// Whether the change was its deletion.
    pub deleted: bool,
}

impl Event {
    /// `ADDED`, `MODIFIED` or `DELETED`.
    pub fn name(&self) -> &'static str {
        match (&self.before, self.deleted) {
            (_, true) => "DELETED",
            (None, _) => "ADDED",
            (Some(_), _) => "MODIFIED",
        }
    }
}

/// The objects of one kind.
struct Shelf {
    objects: BTreeMap<Key, Arc<Value>>,
    history: VecDeque<Event>,
    /// The version of the last change that is no longer in the history.
    forgotten: u64,
    signal: watch::Sender<u64>,
}

impl Default for Shelf {
    fn default() -> Shelf {
        Shelf { objects: BTreeMap::new(), history: VecDeque::new(), forgotten: 0, signal: watch::Sender::new(0) }
    }
}

/// The objects of one server.
pub(super) struct Store {
    version: u64,
    shelves: BTreeMap<String, Shelf>,
    /// By the name of their definition.
    custom: BTreeMap<String, Arc<Kind>>,
    /// By the uid of an owner: where its dependents are.
    owned: HashMap<String, BTreeSet<(String, Key)>>,
    /// The uids of removed owners.
    gone: HashSet<String>,
}

impl Store {
    pub fn new() -> Store {
        Store {
            version: 0,
            shelves: BTreeMap::new(),
            custom: BTreeMap::new(),
            owned: HashMap::new(),
            gone: HashSet::new(),
        }
    }

    /// The resourceVersion of the last change.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Every kind that is served: built-in kinds, then custom ones.
    pub fn kinds(&self) -> impl Iterator<Item = &Arc<Kind>> {
        kinds::all_built_in().iter().chain(self.custom.values())
    }

    pub fn get(&self, resource: &str, key: &Key) -> Option<&Arc<Value>> {
        self.shelves.get(resource)?.objects.get(key)
    }

    /// Objects of a kind in key order, of one namespace or of all.
    pub fn list(&self, resource: &str, namespace: Option<&str>) -> Vec<Arc<Value>> {
        let Some(shelf) = self.shelves.get(resource) else { return Vec::new() };
        match namespace {
            None => shelf.objects.values().cloned().collect(),
            Some(namespace) => {
                let all = shelf.objects.range((namespace.to_owned(), String::new())..);
                all.take_while(|((of, _), _)| of == namespace).map(|(_, object)| object.clone()).collect()
            }
        }
    }

    /// Objects of a kind in a namespace whose names begin so.
    pub fn list_named(&self, resource: &str, namespace: &str, start: &str) -> Vec<Arc<Value>> {
        let Some(shelf) = self.shelves.get(resource) else { return Vec::new() };
        let all = shelf.objects.range((namespace.to_owned(), start.to_owned())..);
        let named = all.take_while(|((of, name), _)| of == namespace && name.starts_with(start));
        named.map(|(_, object)| object.clone()).collect()
    }

    /// Objects of a kind as they were at an earlier version, as long as that is not forgotten.
    pub fn list_at(&self, resource: &str, namespace: Option<&str>, version: u64) -> Vec<Arc<Value>> {
        let Some(shelf) = self.shelves.get(resource) else { return Vec::new() };
        let mut objects = shelf.objects.clone();
        for event in shelf.history.iter().rev().take_while(|event| event.version > version) {
            let key = metadata::key_of(&event.object);
            match &event.before {
                Some(before) => objects.insert(key, before.clone()),
                None => objects.remove(&key),
            };
        }
        let is_in = |(of, _): &Key| namespace.is_none_or(|namespace| namespace == of);
        objects.into_iter().filter(|(key, _)| is_in(key)).map(|(_, object)| object).collect()
    }

    /// The objects that name this uid among their owners, in the order of their kinds and names.
    pub fn owned(&self, uid: &str) -> Vec<Arc<Value>> {
        let places = self.owned.get(uid).into_iter().flatten();
        places.filter_map(|(resource, key)| self.get(resource, key).cloned()).collect()
    }

    /// Whether an object of this uid was removed while others named it their owner.
    pub fn is_gone(&self, uid: &str) -> bool {
        self.gone.contains(uid)
    }

    fn own(&mut self, resource: &str, key: &Key, before: Option<&Value>, now: Option<&Value>) {
        let (before, now) = (owners(before), owners(now));
        if before == now {
            return;
        }
        let place = (resource.to_owned(), key.clone());
        for uid in before {
            if let Some(places) = self.owned.get_mut(uid) {
                places.remove(&place);
                if places.is_empty() {
                    self.owned.remove(uid);
                }
            }
        }
        for uid in now {
            self.owned.entry(uid.to_owned()).or_default().insert(place.clone());
        }
    }

    /// How many objects of a kind there are.
    pub fn count(&self, resource: &str) -> usize {
        self.shelves.get(resource).map_or(0, |shelf| shelf.objects.len())
    }

    /// The resources of which something is stored.
    pub fn resources(&self) -> Vec<String> {
        self.shelves.iter().filter(|(_, shelf)| !shelf.objects.is_empty()).map(|(name, _)| name.clone()).collect()
    }

    /// Stores an object under a new resourceVersion.
    pub fn insert(&mut self, resource: &str, key: Key, mut object: Value) -> Event {
        self.version += 1;
        object["metadata"]["resourceVersion"] = self.version.to_string().into();
        let object = Arc::new(object);
        let shelf = self.shelves.entry(resource.to_owned()).or_default();
        let before = shelf.objects.insert(key.clone(), object.clone());
        self.own(resource, &key, before.as_deref(), Some(&object));
        let event = Event { version: self.version, object, before, deleted: false };
        self.remember(resource, event)
    }

    /// Removes an object.
    pub fn remove(&mut self, resource: &str, key: &Key) -> Option<Event> {
        let before = self.shelves.get_mut(resource)?.objects.remove(key)?;
        self.own(resource, key, Some(&before), None);
        if let Some(uid) = before["metadata"]["uid"].as_str().filter(|uid| self.owned.contains_key(*uid)) {
            self.gone.insert(uid.to_owned());
        }
        self.version += 1;
        let mut last = (*before).clone();
        last["metadata"]["resourceVersion"] = self.version.to_string().into();
        let event = Event { version: self.version, object: Arc::new(last), before: Some(before), deleted: true };
        Some(self.remember(resource, event))
    }

    fn remember(&mut self, resource: &str, event: Event) -> Event {
        let shelf = self.shelves.entry(resource.to_owned()).or_default();
        shelf.history.push_back(event.clone());
        if shelf.history.len() > HISTORY
            && let Some(oldest) = shelf.history.pop_front()
        {
            shelf.forgotten = oldest.version;
        }
        shelf.signal.send_replace(event.version);
        if resource == custom::DEFINITIONS {
            self.define(&event);
        }
        event
    }

    /// Serves the kind of a definition as it stands now, or no more.
    fn define(&mut self, event: &Event) {
        let (_, name) = metadata::key_of(&event.object);
        match custom::kind(&event.object).filter(|_| !event.deleted) {
            Some(kind) => drop(self.custom.insert(name, Arc::new(kind))),
            None => drop(self.custom.remove(&name)),
        }
    }

    /// The changes of a kind after this version, or the version from which on there are any.
    pub fn since(&self, resource: &str, version: u64) -> Result<Vec<Event>, u64> {
        let Some(shelf) = self.shelves.get(resource) else { return Ok(Vec::new()) };
        if version < shelf.forgotten {
            return Err(shelf.forgotten);
        }
        let first = shelf.history.partition_point(|event| event.version <= version);
        Ok(shelf.history.range(first..).cloned().collect())
    }

    /// Whether the history of this version is gone.
    pub fn is_forgotten(&self, version: u64) -> bool {
        self.shelves.values().any(|shelf| version < shelf.forgotten)
    }

    /// A receiver that wakes up after changes of a kind.
    pub fn signal(&mut self, resource: &str) -> watch::Receiver<u64> {
        self.shelves.entry(resource.to_owned()).or_default().signal.subscribe()
    }

    /// Rewrites every object where it stands. Nobody may be watching: it is no change that anybody hears of.
    pub fn rewrite(&mut self, change: impl Fn(&mut Value)) {
        for object in self.shelves.values_mut().flat_map(|shelf| shelf.objects.values_mut()) {
            change(Arc::make_mut(object));
        }
        self.forget();
    }

    /// Forgets all changes so far, as etcd's compaction does: watches that resume from before get 410 Gone.
    pub fn forget(&mut self) {
        let version = self.version;
        for shelf in self.shelves.values_mut() {
            shelf.history.clear();
            shelf.forgotten = version;
        }
    }
}

/// The uids of an object's owners.
fn owners(object: Option<&Value>) -> Vec<&str> {
    let references = object.and_then(|object| object["metadata"]["ownerReferences"].as_array());
    references.into_iter().flatten().filter_map(|reference| reference["uid"].as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn key(name: &str) -> Key {
        ("a".to_owned(), name.to_owned())
    }

    #[test]
    fn every_change_has_its_own_version() {
        let mut store = Store::new();
        store.insert("pods", key("x"), json!({"metadata": {"name": "x"}}));
        store.insert("pods", key("x"), json!({"metadata": {"name": "x"}, "spec": {}}));
        store.remove("pods", &key("x"));
        let names: Vec<_> = store.since("pods", 0).expect("history").iter().map(Event::name).collect();
        assert_eq!(names, ["ADDED", "MODIFIED", "DELETED"]);
        assert_eq!(store.since("pods", 2).expect("history").len(), 1);
        assert_eq!(store.version(), 3);
    }

    #[test]
    fn what_is_too_long_ago_is_gone() {
        let mut store = Store::new();
        store.insert("pods", key("x"), json!({"metadata": {}}));
        store.insert("pods", key("y"), json!({"metadata": {}}));
        store.forget();
        assert_eq!(store.since("pods", 1).expect_err("gone"), 2);
        assert!(store.since("pods", 2).expect("nothing new").is_empty());
        assert!(store.since("secrets", 0).expect("never stored").is_empty());
    }

    #[test]
    fn lists_keep_to_their_namespace() {
        let mut store = Store::new();
        for (namespace, name) in [("a", "2"), ("b", "1"), ("a", "1"), ("ab", "3")] {
            store.insert("pods", (namespace.into(), name.into()), json!({"metadata": {"name": name}}));
        }
        let names: Vec<_> = store.list("pods", Some("a")).iter().map(|pod| pod["metadata"]["name"].clone()).collect();
        assert_eq!(names, ["1", "2"]);
        assert_eq!(store.list("pods", None).len(), 4);
    }

    #[test]
    fn dependents_are_found_by_the_uid_of_their_owner() {
        let mut store = Store::new();
        let of = |owner: &str| json!({"metadata": {"name": "x", "ownerReferences": [{"uid": owner}]}});
        let names = |store: &Store, uid: &str| store.owned(uid).len();
        store.insert("pods", key("x"), of("one"));
        store.insert("secrets", key("x"), of("one"));
        assert_eq!(names(&store, "one"), 2);
        store.insert("pods", key("x"), of("two"));
        assert_eq!((names(&store, "one"), names(&store, "two")), (1, 1));
        store.remove("pods", &key("x"));
        assert_eq!((names(&store, "one"), names(&store, "two")), (1, 0));
    }

    #[test]
    fn objects_are_found_by_how_their_names_begin() {
        let mut store = Store::new();
        for (namespace, name) in [("a", "x"), ("a", "x.1"), ("a", "x.2"), ("a", "xy.1"), ("b", "x.1")] {
            store.insert("events", (namespace.into(), name.into()), json!({"metadata": {"name": name}}));
        }
        let found = store.list_named("events", "a", "x.");
        let names: Vec<_> = found.iter().map(|event| event["metadata"]["name"].clone()).collect();
        assert_eq!(names, ["x.1", "x.2"]);
        assert!(store.list_named("pods", "a", "").is_empty());
    }
}
