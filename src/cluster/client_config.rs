//! What kube needs to know to connect to a cluster of a kubeconfig.
//!
//! kube can read that itself, but takes proxies from the environment by rules of its own, and fails where `NO_PROXY` has
//! an empty item; and it takes an empty token for a token.

use crate::failure::{Failure, Result};
use kube::Config;
use kube::config::{AuthInfo, Cluster, ExecAuthCluster};
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;

/// The configuration for this server and user, without a proxy.
///
/// # Errors
/// In the words of whoever asks for a context.
pub(super) fn of(server: &str, cluster: &Cluster, user: AuthInfo, authority: Option<&str>) -> Result<Config> {
    let url = server.parse().map_err(|e| Failure::usage(format!("the server {server:?} is not a URL: {e}")))?;
    let mut config = Config::new(url);
    config.root_cert = authority.map(certificates).transpose()?;
    config.accept_invalid_certs = cluster.insecure_skip_tls_verify.unwrap_or(false);
    config.disable_compression = cluster.disable_compression.unwrap_or(false);
    config.tls_server_name = cluster.tls_server_name.clone().filter(|name| !name.is_empty());
    config.auth_info = filled(user);
    if let Some(exec) = config.auth_info.exec.as_mut().filter(|exec| exec.provide_cluster_info) {
        let told = ExecAuthCluster::try_from(cluster);
        exec.cluster = Some(told.map_err(|e| Failure::usage(super::kubeconfig::causes(&e)))?);
    }
    config.default_retry = false;
    Ok(config)
}

fn certificates(pem: &str) -> Result<Vec<Vec<u8>>> {
    let all: std::result::Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    let all = all.map_err(|e| Failure::usage(format!("its certificate authority is not PEM: {e}")))?;
    if all.is_empty() {
        return Err(Failure::usage("its certificate authority holds no certificate"));
    }
    Ok(all.into_iter().map(|certificate| certificate.to_vec()).collect())
}

/// Whether a field names a file: the kubeconfig's folder stands before every name, an empty one as well.
pub(super) fn is_set(value: &str) -> bool {
    !value.is_empty() && !value.ends_with('/')
}

/// The user entry without what is empty: that is not set, as kubectl sees it.
fn filled(mut user: AuthInfo) -> AuthInfo {
    let exec = user.exec.take();
    let Ok(serde_json::Value::Object(mut fields)) = serde_json::to_value(&user) else {
        return AuthInfo { exec, ..user };
    };
    let is_file = |name: &str| ["tokenFile", "client-certificate", "client-key"].contains(&name);
    fields.retain(|name, value| match value.as_str() {
        Some(file) if is_file(name) => is_set(file),
        text => text != Some(""),
    });
    let user = serde_json::from_value(fields.into()).unwrap_or(user);
    AuthInfo { exec, ..user }
}
