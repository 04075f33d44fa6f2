//! The lease of a cluster that nobody has named beforehand: taken before its first change, and which cluster it is,
//! written down.

use super::{Around, Leases};
use crate::cluster::Cluster;
use crate::cluster::layers::journal::{Note, now};
use crate::cluster::layers::{Doorkeeper, Journal};
use crate::failure::Result;
use crate::primitives::host::Clusters;
use futures::future::BoxFuture;
use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock, Weak};
use tokio::sync::Mutex;

/// Lets a change pass when the run holds its cluster's lease.
pub(in crate::run) struct Door {
    leases: Leases,
    around: Box<dyn Fn() -> Option<Around> + Send + Sync>,
    clusters: OnceLock<Weak<dyn Clusters>>,
    journal: Arc<dyn Journal>,
    /// Whose identity the journal knows, as far as they tell it. Locked while one is asked: no change may overtake that.
    named: Mutex<BTreeSet<String>>,
}

impl Door {
    /// A door for a run with these leases and this journal; `around` is known once the run has a screen.
    pub(in crate::run) fn new(
        leases: Leases,
        journal: Arc<dyn Journal>,
        around: impl Fn() -> Option<Around> + Send + Sync + 'static,
    ) -> Arc<Door> {
        let (around, clusters, named) = (Box::new(around), OnceLock::new(), Mutex::default());
        Arc::new(Door { leases, around, clusters, journal, named })
    }

    /// From now on the door knows the clusters that it leads to.
    pub(in crate::run) fn leads_to(&self, clusters: &Arc<dyn Clusters>) {
        self.clusters.get_or_init(|| Arc::downgrade(clusters));
    }

    /// Writes down which cluster this is, so that `resume` and `undo` go to no other. One that does not tell it is used
    /// all the same.
    async fn name(&self, cluster: &Cluster, in_hand: bool) {
        let mut named = self.named.lock().await;
        if !named.insert(cluster.name().to_owned()) {
            return;
        }
        let uid = cluster.uid().await.unwrap_or_default();
        if in_hand || !uid.is_empty() {
            self.journal.note(&Note::Cluster { time: now(), cluster: cluster.name().to_owned(), uid, in_hand });
        }
    }
}

impl Doorkeeper for Door {
    fn enter<'a>(&'a self, cluster: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let (clusters, around) = (self.clusters.get().and_then(Weak::upgrade), (self.around)());
            let (Some(clusters), Some(around)) = (clusters, around) else { return Ok(()) };
            let cluster = clusters.named(cluster)?;
            self.leases.take(vec![cluster.clone()], || around).await?;
            let contexts = clusters.contexts()?;
            self.name(&cluster, !contexts.iter().any(|context| context == cluster.name())).await;
            Ok(())
        })
    }
}
