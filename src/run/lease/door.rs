//! The lease of a cluster that nobody has named beforehand: taken before its first change.

use super::{Around, Leases};
use crate::cluster::layers::Doorkeeper;
use crate::failure::Result;
use crate::primitives::host::Clusters;
use futures::future::BoxFuture;
use std::sync::{Arc, OnceLock, Weak};

/// Lets a change pass when the run holds its cluster's lease.
pub(in crate::run) struct Door {
    leases: Leases,
    around: Box<dyn Fn() -> Option<Around> + Send + Sync>,
    clusters: OnceLock<Weak<dyn Clusters>>,
}

impl Door {
    /// A door for a run with these leases; `around` is known once the run has a screen.
    pub(in crate::run) fn new(
        leases: Leases,
        around: impl Fn() -> Option<Around> + Send + Sync + 'static,
    ) -> Arc<Door> {
        Arc::new(Door { leases, around: Box::new(around), clusters: OnceLock::new() })
    }

    /// From now on the door knows the clusters that it leads to.
    pub(in crate::run) fn leads_to(&self, clusters: &Arc<dyn Clusters>) {
        self.clusters.get_or_init(|| Arc::downgrade(clusters));
    }
}

impl Doorkeeper for Door {
    fn enter<'a>(&'a self, cluster: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let (clusters, around) = (self.clusters.get().and_then(Weak::upgrade), (self.around)());
            let (Some(clusters), Some(around)) = (clusters, around) else { return Ok(()) };
            self.leases.take(vec![clusters.connect(cluster)?], || around).await
        })
    }
}
