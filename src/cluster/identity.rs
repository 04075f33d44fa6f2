//! Which cluster this is: version and identity.

use super::Cluster;
use super::request::request;
use crate::failure::Result;
use http::Method;

impl Cluster {
    /// The API server's version, such as `v1.34.1`.
    ///
    /// # Errors
    /// When the cluster refuses or cannot be reached.
    pub async fn version(&self) -> Result<String> {
        let version = self.send(request(Method::GET, "/version".to_owned())?).await?;
        Ok(version.str_at("gitVersion").unwrap_or_default().to_owned())
    }

    /// What tells this cluster from all others, whatever its context is called: the uid of namespace kube-system.
    /// Asked once.
    ///
    /// # Errors
    /// When the cluster refuses or cannot be reached.
    pub async fn uid(&self) -> Result<String> {
        let uid = self.0.uid.get_or_try_init(|| async {
            let namespace = self.send(request(Method::GET, "/api/v1/namespaces/kube-system".to_owned())?).await?;
            Ok(namespace.uid().to_owned())
        });
        uid.await.cloned()
    }
}
