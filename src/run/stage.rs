//! Where a run takes place: on the clusters of a kubeconfig, or in a rehearsal.

use super::tally::Tally;
use crate::clock::Clock;
use crate::cluster::kubeconfig::Kubeconfigs;
use crate::cluster::layers::{Rights, Settings, stack};
use crate::cluster::Cluster;
use crate::failure::{Failure, Kind, Result};
use crate::primitives::host::Clusters;
use crate::rehearsal::World;
use crate::secret::Secret;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What the stack of every cluster of a run shares.
#[derive(Clone)]
pub struct Shared {
    /// What the run may write.
    pub rights: Rights,
    /// Counts what it writes.
    pub tally: Tally,
    /// The run's id, for the User-Agent.
    pub run_id: String,
    /// The run's time.
    pub clock: Clock,
    /// Shows a server's `Warning:` header.
    pub warn: Arc<dyn Fn(&str) + Send + Sync>,
}

impl Shared {
    fn settings(&self, cluster: &str, server: &str) -> Settings {
        let mut settings = Settings::new(cluster, server, self.clock.clone());
        settings.rights = self.rights.clone();
        settings.run = Some(self.run_id.clone());
        let (tally, name, warn) = (self.tally.clone(), cluster.to_owned(), self.warn.clone());
        settings.journal = Arc::new(super::journal::Counting::new(name.clone(), tally));
        settings.warnings = Arc::new(move |line: &str| warn(&format!("{name}: {line}")));
        settings
    }
}
