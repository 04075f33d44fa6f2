//! A Kubernetes cluster: a pinned connection and everything that can be asked of it. Knows no Rhai.
//!
//! Every request goes through one stack of tower layers (rights, journal, retry, trace) over a transport that is either
//! kube's HTTPS client or an in-memory API server; nothing here knows which.

pub mod wait;

use crate::clock::Clock;
use crate::failure::Result;
use crate::object::Object;
use std::sync::Arc;

/// A cluster, connected when first used; clones share the connection.
#[derive(Clone)]
pub struct Cluster(pub(crate) Arc<Inner>);

/// What clones of a cluster share.
pub struct Inner {
    pub(crate) name: String,
    pub(crate) server: String,
    pub(crate) client: kube::Client,
    pub(crate) clock: Clock,
}

/// A kind of object as a cluster serves it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Resource {
    /// API group, empty for the core group.
    pub group: String,
    /// API version, such as `v1`.
    pub version: String,
    /// Kind, such as `Deployment`.
    pub kind: String,
    /// Plural name in paths, such as `deployments`.
    pub plural: String,
    /// Singular name.
    pub singular: String,
    /// Short names, such as `deploy`.
    pub short_names: Vec<String>,
    /// Whether objects live in namespaces.
    pub namespaced: bool,
    /// Verbs the server supports.
    pub verbs: Vec<String>,
    /// Subresources, such as `status`, `scale`.
    pub subresources: Vec<String>,
}

/// One object's address in a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its kind.
    pub resource: Resource,
    /// Its namespace, for namespaced kinds.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

impl Resource {
    /// `v1` or `apps/v1`.
    pub fn api_version(&self) -> String {
        todo!()
    }

    /// The path of the collection, `/apis/apps/v1/namespaces/NS/deployments`; all namespaces when `namespace` is `None`.
    pub fn path(&self, namespace: Option<&str>) -> String {
        todo!()
    }
}

impl Target {
    /// The object's path.
    pub fn path(&self) -> String {
        todo!()
    }

    /// `Kind namespace/name`.
    pub fn title(&self) -> String {
        todo!()
    }
}

impl Cluster {
    /// A cluster over a client whose stack is complete.
    pub fn new(name: &str, server: &str, client: kube::Client, clock: Clock) -> Cluster {
        Cluster(Arc::new(Inner { name: name.into(), server: server.into(), client, clock }))
    }

    /// The context name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The API server's URL as the kubeconfig has it.
    pub fn server(&self) -> &str {
        &self.0.server
    }

    /// The client, for upgrades (exec, logs, forward) and streams (watch).
    pub fn client(&self) -> &kube::Client {
        &self.0.client
    }

    /// The clock that deadlines and intervals use.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// The kind with this name: kind, plural, singular or short name, optionally `plural.group` or `group/version/Kind`.
    ///
    /// # Errors
    /// `NotFound` with the nearest names. A name that is unknown is looked up once more with fresh discovery: CRDs appear.
    pub async fn resource(&self, name: &str) -> Result<Resource> {
        todo!()
    }

    /// The address of an object: `name` is `"ns/name"` for namespaced kinds, `"name"` for others.
    ///
    /// # Errors
    /// When the kind is unknown, or the namespace is missing or not wanted.
    pub async fn target(&self, kind: &str, name: &str) -> Result<Target> {
        todo!()
    }

    /// The address of the object that a manifest or a read object describes.
    ///
    /// # Errors
    /// When apiVersion, kind or name is missing or the kind is unknown.
    pub async fn target_of(&self, object: &Object) -> Result<Target> {
        todo!()
    }

    /// Sends one request and decodes the answer's object. Server errors become failures with the server's words, cluster,
    /// and `object` when the path names one.
    pub async fn send(&self, request: http::Request<Vec<u8>>) -> Result<Object> {
        todo!()
    }

    /// The object, or `None` when there is none.
    pub async fn find(&self, target: &Target) -> Result<Option<Object>> {
        todo!()
    }
}
