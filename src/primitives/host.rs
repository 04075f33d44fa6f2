//! What the primitives of one run share.

use crate::clock::Clock;
use crate::cluster::Cluster;
use crate::failure::Result;
use std::path::PathBuf;
use std::sync::Arc;

/// Where clusters come from: a kubeconfig, or a rehearsal.
pub trait Clusters: Send + Sync {
    /// The names of all contexts.
    fn contexts(&self) -> Result<Vec<String>>;
    /// The cluster of a context; the same one each time.
    fn connect(&self, context: &str) -> Result<Cluster>;
}

/// What the primitives of one run share.
pub struct Host {
    /// Where clusters come from.
    pub clusters: Arc<dyn Clusters>,
    /// The run's time.
    pub clock: Clock,
    /// The folder that relative paths of the script start from.
    pub folder: PathBuf,
}

impl Host {
    /// The cluster that an object was read from.
    ///
    /// # Errors
    /// When it is a manifest rather than an object of a cluster.
    pub fn cluster_of(&self, object: &crate::object::Object) -> Result<Cluster> {
        let Some(origin) = &object.origin else {
            return Err(crate::failure::Failure::usage("this object was not read from a cluster")
                .hint("read it first: `cluster.get(kind, name)`"));
        };
        self.clusters.connect(origin)
    }
}
