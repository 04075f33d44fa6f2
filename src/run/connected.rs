//! The clusters that a run is connected to. A name means one cluster for the whole run: journal, leases and recordings
//! tell clusters apart by it.

use crate::cluster::Cluster;
use crate::failure::{Failure, Result};
use crate::secret::Secret;
use sha2::Digest as _;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Clusters by name: connected when first asked for, the same ones afterwards.
#[derive(Default)]
pub(super) struct Connected {
    contexts: Mutex<BTreeMap<String, Cluster>>,
    in_hand: Mutex<BTreeMap<String, InHand>>,
}

/// What the kubeconfigs of one name lead to.
struct InHand {
    latest: Cluster,
    /// By digest of the kubeconfig.
    all: BTreeMap<[u8; 32], Cluster>,
}

impl Connected {
    /// The cluster of a context.
    pub(super) fn get_or(&self, context: &str, connect: impl FnOnce() -> Result<Cluster>) -> Result<Cluster> {
        let mut known = self.contexts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cluster) = known.get(context) {
            return Ok(cluster.clone());
        }
        let cluster = connect()?;
        known.insert(context.to_owned(), cluster.clone());
        Ok(cluster)
    }

    /// The cluster that a kubeconfig in hand leads to. The name is no context's, and stays with its server; another
    /// kubeconfig with this name and server is a connection of its own.
    pub(super) fn with(
        &self,
        contexts: &[String],
        (name, kubeconfig): (&str, &Secret),
        connect: impl FnOnce() -> Result<Cluster>,
    ) -> Result<Cluster> {
        if contexts.iter().any(|context| context == name) {
            let message =
                format!("`{name}` is a context: a cluster that a kubeconfig in hand leads to needs a name of its own");
            return Err(Failure::usage(message).hint(format!("for example kube.connect(\"reader of {name}\", …)")));
        }
        let mut known = self.in_hand.lock().unwrap_or_else(PoisonError::into_inner);
        let digest = sha2::Sha256::digest(kubeconfig.reveal().as_bytes()).into();
        if let Some(cluster) = known.get(name).and_then(|named| named.all.get(&digest)) {
            return Ok(cluster.clone());
        }
        let cluster = connect()?;
        if let Some(named) = known.get(name).filter(|named| named.latest.server() != cluster.server()) {
            let (first, second) = (named.latest.server(), cluster.server());
            let message =
                format!("`{name}` is the cluster at {first} in this run, and this kubeconfig leads to {second}");
            return Err(Failure::usage(message).hint("give each cluster a name of its own"));
        }
        let named =
            known.entry(name.to_owned()).or_insert_with(|| InHand { latest: cluster.clone(), all: BTreeMap::new() });
        named.latest = cluster.clone();
        named.all.insert(digest, cluster.clone());
        Ok(cluster)
    }

    /// The cluster that a kubeconfig in hand has led to.
    pub(super) fn in_hand(&self, name: &str) -> Option<Cluster> {
        let known = self.in_hand.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(name).map(|named| named.latest.clone())
    }
}
