//! Kubernetes API servers in memory: what kube-rs, kubectl and the scripts see is what a real one would show.
//!
//! A [`World`] has one clock and one [`Server`] per cluster. What the software inside the pods would do is not known
//! here: a [`Behaviour`] decides it from the state of all clusters.

pub mod fields;

use crate::clock::Clock;
use serde_json::Value;
use std::sync::{Arc, RwLock};

/// All rehearsed clusters and their common clock; clones share them.
#[derive(Clone)]
pub struct World(Arc<Inner>);

struct Inner {
    clock: Clock,
    servers: Vec<Server>,
    behaviour: RwLock<Arc<dyn Behaviour>>,
}

/// One rehearsed cluster's API server; clones share it.
#[derive(Clone)]
pub struct Server(Arc<ServerInner>);

struct ServerInner {}

/// What a program in a container answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// Exit code.
    pub code: i32,
}

/// What the software in the pods does. Called without any lock held; may read and write the world's servers directly.
pub trait Behaviour: Send + Sync {
    /// A program run in a container by `exec`.
    fn exec(&self, world: &World, cluster: &str, pod: &Value, container: &str, argv: &[String], stdin: &str) -> Answer;
    /// A container's log so far.
    fn logs(&self, world: &World, cluster: &str, pod: &Value, container: &str) -> String;
    /// Why a running pod is not ready yet; `None` when it is. Asked about once a simulated second until it is ready.
    fn unready(&self, world: &World, cluster: &str, pod: &Value) -> Option<String>;
    /// Admission: the object as mutating webhooks would change it, or the words of the refusal.
    fn admit(&self, world: &World, cluster: &str, object: Value) -> Result<Value, String>;
    /// Called after anything has changed in any cluster, at most once per simulated half second: what installed
    /// controllers would write (root certificates into namespaces, CA bundles into webhooks).
    fn reconcile(&self, world: &World);
}

/// Pods that are ready at once, answer nothing and log nothing.
pub struct Inert;

impl Behaviour for Inert {
    fn exec(&self, _: &World, _: &str, _: &Value, _: &str, argv: &[String], _: &str) -> Answer {
        let program = argv.first().cloned().unwrap_or_default();
        Answer { code: 127, stderr: format!("{program}: not found\n"), ..Answer::default() }
    }

    fn logs(&self, _: &World, _: &str, _: &Value, _: &str) -> String {
        String::new()
    }

    fn unready(&self, _: &World, _: &str, _: &Value) -> Option<String> {
        None
    }

    fn admit(&self, _: &World, _: &str, object: Value) -> Result<Value, String> {
        Ok(object)
    }

    fn reconcile(&self, _: &World) {}
}

/// One request that a server answered.
#[derive(Debug, Clone)]
pub struct Logged {
    /// HTTP method.
    pub method: String,
    /// Path with query.
    pub path: String,
    /// Status code of the answer.
    pub status: u16,
    /// The User-Agent header.
    pub user_agent: String,
}

impl Logged {
    /// Whether the request changed what is stored: a successful POST, PUT, PATCH or DELETE without `dryRun` that is not
    /// a review, token or exec call.
    pub fn is_write(&self) -> bool {
        todo!()
    }
}

impl World {
    /// Fresh clusters with these context names. Each has namespaces default, kube-system, kube-public and
    /// kube-node-lease, one node, its own uid, pod, service and load-balancer addresses.
    pub fn new(clock: Clock, names: &[&str]) -> World {
        todo!()
    }

    /// The clusters.
    pub fn servers(&self) -> &[Server] {
        &self.0.servers
    }

    /// The cluster with this context name.
    pub fn server(&self, name: &str) -> Option<&Server> {
        self.0.servers.iter().find(|server| server.name() == name)
    }

    /// The common clock.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// What the pods do from now on.
    pub fn set_behaviour(&self, behaviour: Arc<dyn Behaviour>) {
        todo!()
    }

    /// What the pods do.
    pub fn behaviour(&self) -> Arc<dyn Behaviour> {
        todo!()
    }

    /// Starts the controllers of all servers on the current tokio runtime, and drives the clock.
    pub fn start(&self) {
        todo!()
    }
}

/// How requests reach a server: the same shape as kube's HTTPS client has.
pub type Transport = tower::util::BoxCloneSyncService<
    http::Request<kube::client::Body>,
    http::Response<kube::client::Body>,
    tower::BoxError,
>;

impl Server {
    /// The context name.
    pub fn name(&self) -> &str {
        todo!()
    }

    /// A transport for `kube::Client`: requests are answered in this process; upgrades (exec, logs, port-forward) go
    /// through an in-memory connection that a hyper server answers.
    pub fn transport(&self) -> Transport {
        todo!()
    }

    /// Serves HTTP/1.1 on this listener until the runtime ends: for kubectl and k9s.
    pub async fn serve(self, listener: tokio::net::TcpListener) -> std::io::Result<()> {
        todo!()
    }

    /// A stored object: kind or plural name, namespace (`None` for cluster-scoped kinds), name.
    pub fn get(&self, kind: &str, namespace: Option<&str>, name: &str) -> Option<Value> {
        todo!()
    }

    /// Stored objects of a kind, in one namespace or in all.
    pub fn list(&self, kind: &str, namespace: Option<&str>) -> Vec<Value> {
        todo!()
    }

    /// Creates or replaces an object as a controller of the cluster would: no admission, no managed fields; an equal
    /// object is left alone. Returns it as stored.
    pub fn put(&self, object: Value) -> Value {
        todo!()
    }

    /// Removes an object as the garbage collector would, finalizers ignored. Returns what was stored.
    pub fn remove(&self, kind: &str, namespace: Option<&str>, name: &str) -> Option<Value> {
        todo!()
    }

    /// A receiver that gets a message after every stored change.
    pub fn changes(&self) -> tokio::sync::broadcast::Receiver<Change> {
        todo!()
    }

    /// Every request answered so far.
    pub fn log(&self) -> Vec<Logged> {
        todo!()
    }
}

/// A stored change.
#[derive(Debug, Clone)]
pub struct Change {
    /// `ADDED`, `MODIFIED` or `DELETED`.
    pub event: &'static str,
    /// The object after the change, or as it was before it was deleted.
    pub object: Arc<Value>,
}
