//! Writing past the API, as controllers, kubelets and rehearsed software do.

use super::kinds::Kind;
use super::server::Server;
use super::store::{Key, Store};
use super::{allocation, complete, defaults, managed, metadata};
use serde_json::Value;
use std::sync::Arc;

impl Server {
    /// Creates or replaces an object as a controller of the cluster would: no admission, no managed fields; an equal
    /// object is left alone. Returns it as stored.
    pub fn put(&self, object: Value) -> Value {
        self.put_by(None, object)
    }

    /// Like [`Server::put`] for software that runs in the cluster: what it changes is its own from then on, as after an
    /// update through the API.
    pub fn put_as(&self, manager: &str, object: Value) -> Value {
        self.put_by(Some(manager), object)
    }

    fn put_by(&self, manager: Option<&str>, mut object: Value) -> Value {
        let kind = self.kind_of(&object);
        let key = metadata::key(&kind, &mut object);
        let mut store = self.store();
        let live = store.get(&kind.resource(), &key).cloned();
        if let Some(live) = &live {
            defaults::keep(&kind, live, &mut object);
        }
        defaults::apply(&kind, &mut object);
        complete::apply(&kind, live.as_deref(), &mut object);
        if let Some(manager) = manager {
            object = managed::put(&kind, live.as_deref(), object, manager, &self.now());
        }
        // Whoever puts objects past the API gets what it asks for.
        let before = live.as_deref().unwrap_or(&Value::Null);
        allocation::grant(self, &kind, before, &mut object);
        let object = match &live {
            None => {
                let mut object = metadata::created(self, &kind, object);
                complete::identified(&kind, &mut object);
                object
            }
            Some(live) => metadata::updated(&kind, live, object),
        };
        self.commit(&mut store, &kind, key, live.as_ref(), object)
    }

    /// Changes a stored object as a controller would, with nothing in between; `None` when it does not exist.
    pub fn edit(
        &self,
        kind: &str,
        namespace: Option<&str>,
        name: &str,
        change: impl FnOnce(&mut Value),
    ) -> Option<Value> {
        let kind = self.kind(kind)?;
        let key = (namespace.unwrap_or_default().to_owned(), name.to_owned());
        let mut store = self.store();
        let live = store.get(&kind.resource(), &key).cloned()?;
        let mut object = (*live).clone();
        change(&mut object);
        let object = metadata::updated(&kind, &live, object);
        Some(self.commit(&mut store, &kind, key, Some(&live), object))
    }

    fn commit(&self, store: &mut Store, kind: &Kind, key: Key, live: Option<&Arc<Value>>, object: Value) -> Value {
        (*self.write(store, kind, key, live, object)).clone()
    }

    /// Removes an object as the garbage collector would, finalizers ignored. Returns what was stored.
    pub fn remove(&self, kind: &str, namespace: Option<&str>, name: &str) -> Option<Value> {
        let kind = self.kind(kind)?;
        let key = (namespace.unwrap_or_default().to_owned(), name.to_owned());
        let mut store = self.store();
        self.erase(&mut store, &kind, &key).map(|object| (*object).clone())
    }
}
