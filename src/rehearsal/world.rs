//! All rehearsed clusters and their common clock.

use super::calendar::Calendar;
use super::server::ServerInner;
use super::{Behaviour, Cut, Inert, Server, controllers};
use crate::clock::Clock;
use std::sync::{Arc, PoisonError, RwLock, Weak};

/// All rehearsed clusters and their common clock; clones share them.
#[derive(Clone)]
pub struct World(pub(super) Arc<Inner>);

pub(super) struct Inner {
    clock: Clock,
    calendar: Arc<Calendar>,
    servers: Vec<Server>,
    behaviour: RwLock<Arc<dyn Behaviour>>,
    cut: RwLock<Option<Cut>>,
}

/// A world that may be gone: what a server holds on to.
#[derive(Clone)]
pub(super) struct Around(Weak<Inner>);

impl Around {
    /// The world, as long as somebody else holds it.
    pub fn world(&self) -> Option<World> {
        self.0.upgrade().map(World)
    }
}

impl World {
    /// Fresh clusters with these context names. Each has namespaces default, kube-system, kube-public and
    /// kube-node-lease, one node, its own uid, pod, service and load-balancer addresses.
    pub fn new(clock: Clock, names: &[&str]) -> World {
        let calendar = Arc::new(Calendar::new(&clock));
        World(Arc::new_cyclic(|world| {
            let server = |(index, name): (usize, &&str)| {
                let server = ServerInner::new(name, index, clock.clone(), calendar.clone(), Around(world.clone()));
                Server::furnished(server)
            };
            Inner {
                servers: names.iter().enumerate().map(server).collect(),
                behaviour: RwLock::new(Arc::new(Inert)),
                cut: RwLock::default(),
                clock: clock.clone(),
                calendar: calendar.clone(),
            }
        }))
    }

    /// The clusters.
    pub fn servers(&self) -> &[Server] {
        &self.0.servers
    }

    /// The cluster with this context name.
    pub fn server(&self, name: &str) -> Option<&Server> {
        self.0.servers.iter().find(|server| server.name() == name)
    }

    /// The cluster whose API server has this URL, such as `https://10.1.0.11:6443`.
    pub fn by_url(&self, url: &str) -> Option<&Server> {
        let url = url.trim_end_matches('/');
        self.0.servers.iter().find(|server| server.url() == url)
    }

    /// The address of a load balancer's host name; `None` for names that no Service of these clusters has.
    pub fn resolve(&self, host: &str) -> Option<String> {
        let has_it =
            |server: &&Server| server.list_shared("Service", None).iter().any(|service| is_named(service, host));
        self.0.servers.iter().find(has_it).map(|server| server.addresses().named(host))
    }

    /// The common clock.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// Sets the calendar to today's time, before programs outside the rehearsal look at it: a simulated clock runs ahead,
    /// and they would see objects of the future.
    pub fn catch_up(&self) {
        let by = self.0.calendar.catch_up(&self.0.clock);
        self.servers().iter().for_each(|server| server.move_times(by));
    }

    /// What the pods do from now on.
    pub fn set_behaviour(&self, behaviour: Arc<dyn Behaviour>) {
        *self.0.behaviour.write().unwrap_or_else(PoisonError::into_inner) = behaviour;
    }

    /// What the pods do.
    pub fn behaviour(&self) -> Arc<dyn Behaviour> {
        self.0.behaviour.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Clients that come from now on die there; with `None` they live.
    pub fn set_cut(&self, cut: Option<Cut>) {
        *self.0.cut.write().unwrap_or_else(PoisonError::into_inner) = cut;
    }

    /// Where clients that come now die.
    pub(super) fn cut(&self) -> Option<Cut> {
        self.0.cut.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Starts the controllers of all servers on the current runtime, which must be the clock's.
    pub fn start(&self) {
        controllers::start(self);
    }
}

fn is_named(service: &serde_json::Value, host: &str) -> bool {
    let entries = service["status"]["loadBalancer"]["ingress"].as_array();
    entries.is_some_and(|entries| entries.iter().any(|entry| entry["hostname"] == host))
}
