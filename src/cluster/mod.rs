//! A Kubernetes cluster: a pinned connection and everything that can be asked of it. Knows no Rhai.
//!
//! Every request goes through one stack of tower layers (rights, journal, retry, trace) over a transport that is either
//! kube's HTTPS client or an in-memory API server; nothing here knows which.

mod access;
pub mod apply;
mod client_config;
mod date;
mod delete;
mod discovery;
mod edit;
mod events;
mod explain;
mod identity;
pub mod kubeconfig;
mod kuberc;
pub mod layers;
pub mod lease;
mod list;
mod live;
mod login;
mod mapper;
mod patch;
pub mod path;
mod plugin;
mod proxy;
pub mod request;
mod resource;
pub mod status;
pub mod stream;
mod tree;
pub mod wait;

use crate::clock::Clock;
use crate::failure::{Failure, Result};
use crate::object::Object;
use http::{Request, Response};
use kube::client::Body;
use layers::{Counters, Settings};
use std::sync::Arc;
use tower::{BoxError, Service};

pub use access::Access;
pub use apply::{Applied, ApplyOptions, Force, Outcome};
pub use delete::{DeleteOptions, Propagation};
pub use edit::EDIT_TRIES;
pub use explain::Explanation;
pub use list::{Pager, Selection};
pub use patch::Patch;
pub use resource::{Resource, Target};

/// The field manager of everything this program changes: one name for the tool, whatever script uses it.
pub const MANAGER: &str = "meshwright";

/// A cluster, connected when first used; clones share the connection.
#[derive(Clone)]
pub struct Cluster(pub(crate) Arc<Inner>);

/// What clones of a cluster share.
pub struct Inner {
    pub(crate) client: kube::Client,
    pub(crate) settings: Settings,
    pub(crate) discovery: discovery::Discovery,
    pub(crate) uid: tokio::sync::OnceCell<String>,
    date: date::Date,
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Cluster({} at {})", self.name(), self.server())
    }
}

impl std::fmt::Display for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl Cluster {
    /// A cluster over a client whose stack is complete.
    pub fn new(name: &str, server: &str, client: kube::Client, clock: Clock) -> Cluster {
        Cluster::with(client, Settings::new(name, server, clock))
    }

    /// A cluster over a transport, with the whole stack of layers. Call it inside the run's runtime.
    pub fn over<S, B>(transport: S, settings: Settings) -> Cluster
    where
        S: Service<Request<Body>, Response = Response<B>, Error = BoxError> + Clone + Send + 'static,
        S::Future: Send,
        B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        Cluster::with(layers::stack(transport, &settings), settings)
    }

    fn with(client: kube::Client, settings: Settings) -> Cluster {
        Cluster(Arc::new(Inner {
            client,
            settings,
            discovery: discovery::Discovery::default(),
            uid: tokio::sync::OnceCell::new(),
            date: date::Date::default(),
        }))
    }

    /// The context name.
    pub fn name(&self) -> &str {
        &self.0.settings.cluster
    }

    /// The API server's URL as the kubeconfig has it.
    pub fn server(&self) -> &str {
        &self.0.settings.server
    }

    /// The client, for upgrades (exec, logs, forward) and streams (watch).
    pub fn client(&self) -> &kube::Client {
        &self.0.client
    }

    /// The clock that deadlines and intervals use.
    pub fn clock(&self) -> &Clock {
        &self.0.settings.clock
    }

    /// The cluster's own time, to the second; `None` when its answers do not tell.
    pub fn time(&self) -> Option<jiff::Timestamp> {
        self.0.date.now(self.clock())
    }

    /// How much was asked of the cluster so far.
    pub fn counters(&self) -> &Counters {
        &self.0.settings.counters
    }

    /// Fails unless the run may read the content of a Secret.
    ///
    /// # Errors
    /// `Rights`, with the right to add.
    pub fn check_open(&self, namespace: &str, name: &str) -> Result<()> {
        self.settings().rights.check_open(namespace, name).map_err(|failure| failure.on_cluster(self.name()))
    }

    /// What the cluster has sent: from here, with those Secrets closed that the run may not read.
    pub(crate) fn received(&self, object: Object) -> Object {
        let (rights, object) = (&self.settings().rights, object.from_cluster(self.name()));
        if rights.opened().is_none() && rights.may_open_all() {
            return object;
        }
        object.guarded(&|namespace, name| rights.may_open(namespace, name), rights.opened())
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// The address of an object: `name` is `"ns/name"` for namespaced kinds, `"name"` for others.
    ///
    /// # Errors
    /// When the kind is unknown, or the namespace is missing or not wanted.
    pub async fn target(&self, kind: &str, name: &str) -> Result<Target> {
        self.resource(kind).await?.target(name).map_err(|failure| failure.on_cluster(self.name()))
    }

    /// The address of the object that a manifest or a read object describes.
    ///
    /// # Errors
    /// When apiVersion, kind or name is missing or the kind is unknown.
    pub async fn target_of(&self, object: &Object) -> Result<Target> {
        for (field, value) in
            [("apiVersion", object.api_version()), ("kind", object.kind()), ("metadata.name", object.name())]
        {
            if value.is_empty() {
                return Err(Failure::usage(format!("`{field}` is missing")).about(object.title()));
            }
        }
        let resource = self.resource(&format!("{}/{}", object.api_version(), object.kind())).await?;
        let target = resource.target_in(object.namespace(), object.name());
        target.map_err(|failure| {
            failure
                .about(object.title())
                .on_cluster(self.name())
                .hint("set metadata.namespace, or the option `namespace`")
        })
    }
}

#[cfg(test)]
mod tests;
