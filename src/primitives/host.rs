//! What the primitives of one run share.

use super::Grants;
use crate::clock::Clock;
use crate::cluster::Cluster;
use crate::cluster::layers::Journal;
use crate::failure::{Failure, Result};
use crate::object::{Node, Object};
use crate::rehearsal::World;
use crate::secret::Secret;
use std::path::PathBuf;
use std::sync::Arc;

/// Where clusters come from: a kubeconfig, or a rehearsal.
pub trait Clusters: Send + Sync {
    /// The names of all contexts.
    ///
    /// # Errors
    /// When the kubeconfig cannot be read.
    fn contexts(&self) -> Result<Vec<String>>;

    /// The cluster of a context; the same one each time.
    ///
    /// # Errors
    /// When there is no such context, or its entry cannot be used.
    fn connect(&self, context: &str) -> Result<Cluster>;

    /// The cluster that a kubeconfig's only context leads to, with that kubeconfig's credentials.
    ///
    /// # Errors
    /// When the text is no kubeconfig, or the name is a context's or another cluster's.
    fn connect_with(&self, name: &str, kubeconfig: &Secret) -> Result<Cluster>;

    /// The cluster that the run calls so: one of a kubeconfig in hand, or a context's.
    ///
    /// # Errors
    /// When there is none.
    fn named(&self, name: &str) -> Result<Cluster> {
        self.connect(name)
    }

    /// The addresses of a host name, where no name server may be asked; `None` where one may.
    fn resolve(&self, _host: &str) -> Option<Vec<String>> {
        None
    }

    /// Whether a connection would succeed, where none may be made; `None` where one may.
    fn dial(&self, _host: &str, _port: u16) -> Option<Result<(), String>> {
        None
    }
}

/// Where a script's certificate authorities are kept between runs.
pub trait Keeper: Send + Sync {
    /// The content kept under this name.
    ///
    /// # Errors
    /// When it exists and cannot be read.
    fn read(&self, name: &str) -> Result<Option<String>>;

    /// Keeps content under this name, for the owner only.
    ///
    /// # Errors
    /// When it cannot be written.
    fn write(&self, name: &str, content: &str) -> Result<()>;

    /// While it lives, nobody else makes what is kept below this name.
    ///
    /// # Errors
    /// When the place cannot be written.
    fn lock(&self, name: &str) -> Result<Box<dyn std::any::Any>>;

    /// Where that is, for messages.
    fn place(&self, name: &str) -> String;
}

/// A line for the user, below the step that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Worth knowing.
    Info,
    /// Worth acting on.
    Warning,
}

/// What a test has beyond a run.
pub trait Bench: Send + Sync {
    /// The test's clusters.
    fn world(&self) -> World;

    /// Rehearses a script on them, and gives its report.
    ///
    /// # Errors
    /// When there is no such script, when its parameters are wrong, and what it fails with.
    fn rehearse(&self, wanted: &Rehearsal) -> Result<rhai::Map>;

    /// Runs a script on what was recorded, and gives its report with the differences.
    ///
    /// # Errors
    /// When there is no such recording or script, when its parameters are wrong, and what it fails with.
    fn replay(&self, wanted: &Replay) -> Result<rhai::Map>;
}

/// A script to be replayed.
pub struct Replay {
    /// The recording's path from the test's folder.
    pub recording: String,
    /// The script's name, or its path from the test's folder; the one that was recorded when there is none.
    pub script: Option<String>,
    /// Parameters that take the place of those recorded, a map.
    pub params: Node,
}

/// A script to be rehearsed.
pub struct Rehearsal {
    /// Its name, or its path from the test's folder.
    pub script: String,
    /// Its parameters, a map.
    pub params: Node,
    /// The step to stop after.
    pub stop_after: Option<String>,
}

/// Shows a line to the user.
pub type Say = dyn Fn(Level, &str) + Send + Sync;

/// What the primitives of one run share.
pub struct Host {
    /// Where clusters come from.
    pub clusters: Arc<dyn Clusters>,
    /// Local programs, or their stand-ins.
    pub programs: Arc<dyn crate::process::Programs>,
    /// Where certificate authorities are kept.
    pub keeper: Arc<dyn Keeper>,
    /// The run's time.
    pub clock: Clock,
    /// The folder that relative paths of the script start from.
    pub folder: PathBuf,
    /// What the run may do.
    pub grants: Grants,
    /// Whether the clusters are rehearsed.
    pub rehearsed: bool,
    /// Who shows lines to the user.
    pub say: Arc<Say>,
    /// Who keeps what the run has waited for.
    pub journal: Arc<dyn Journal>,
    /// What a test has beyond a run.
    pub bench: Option<Arc<dyn Bench>>,
}

impl Host {
    /// The cluster that an object was read from.
    ///
    /// # Errors
    /// When it is a manifest rather than an object of a cluster.
    pub fn cluster_of(&self, object: &Object) -> Result<Cluster> {
        let Some(origin) = &object.origin else {
            return Err(Failure::usage("this object was not read from a cluster")
                .hint("read it first: `cluster.get(kind, name)`"));
        };
        self.clusters.connect(origin)
    }

    /// A script's path, made absolute.
    pub fn path(&self, path: &str) -> PathBuf {
        self.folder.join(path)
    }
}
