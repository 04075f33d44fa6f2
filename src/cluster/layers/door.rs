//! Who is asked before a change is written down and sent.

use crate::failure::Result;
use futures::future::BoxFuture;

/// Who is asked before a change: whether nobody else works on the cluster.
pub trait Doorkeeper: Send + Sync {
    /// Returns when a change of the cluster with this context name may be sent.
    ///
    /// # Errors
    /// When it may not.
    fn enter<'a>(&'a self, cluster: &'a str) -> BoxFuture<'a, Result<()>>;
}
