//! `rehearse … --serve`: the rehearsed clusters on loopback, for kubectl and k9s.

use super::print;
use crate::failure::{Failure, Result};
use crate::rehearsal::World;
use crate::run::Session;
use base64::Engine as _;
use serde_json::{Value, json};
use std::io::Write as _;

/// Keeps the clusters up on loopback until the process is told to end. The kubeconfig goes with it.
pub fn serve(session: &Session) -> Result<()> {
    let Some(world) = session.world() else { return Ok(()) };
    world.catch_up();
    let file = session.runtime().block_on(listen(world))?;
    world.clock().follow_real_time(1);
    let path = file.path().display();
    session.screen().line("\nThe clusters stay up until Ctrl-C. Look around in another terminal:\n");
    print(&format!("export KUBECONFIG={path}"))?;
    let context = world.servers().first().map(|server| server.name().to_owned()).unwrap_or_default();
    session.screen().line(&format!("kubectl --context={context} get pods --all-namespaces"));
    session.wait_for_interrupt();
    Ok(())
}

/// A cluster that is served.
struct Served {
    name: String,
    port: u16,
    /// The certificate of the cluster's authority, PEM.
    authority: String,
    /// The administrator's token.
    token: String,
}

/// Serves every cluster on a port of its own; returns the kubeconfig, which is removed when dropped.
async fn listen(world: &World) -> Result<tempfile::NamedTempFile> {
    let failed = |e: std::io::Error| Failure::usage(format!("cannot serve the clusters on loopback: {e}"));
    let mut served = Vec::new();
    for server in world.servers() {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.map_err(failed)?;
        served.push(Served {
            name: server.name().to_owned(),
            port: listener.local_addr().map_err(failed)?.port(),
            authority: server.ca_pem().to_owned(),
            token: server.administrator_token(),
        });
        tokio::spawn(server.clone().serve_https(listener));
    }
    // Only its owner may read a temporary file.
    let mut file = tempfile::Builder::new().prefix("meshwright-").suffix(".kubeconfig").tempfile().map_err(failed)?;
    file.write_all(kubeconfig(&served).as_bytes()).map_err(failed)?;
    Ok(file)
}

fn kubeconfig(served: &[Served]) -> String {
    let entries = |entry: &str, value: &dyn Fn(&Served) -> Value| -> Vec<Value> {
        served.iter().map(|one| json!({"name": one.name, entry: value(one)})).collect()
    };
    let cluster = |one: &Served| {
        json!({
            "server": format!("https://127.0.0.1:{}", one.port),
            "certificate-authority-data": base64::engine::general_purpose::STANDARD.encode(&one.authority),
        })
    };
    let config = json!({
        "apiVersion": "v1", "kind": "Config",
        "current-context": served.first().map(|one| one.name.as_str()).unwrap_or_default(),
        "clusters": entries("cluster", &cluster),
        "contexts": entries("context", &|one| json!({"cluster": one.name, "user": one.name})),
        "users": entries("user", &|one| json!({"token": one.token})),
    });
    crate::object::yaml::emit(&crate::object::Node::from(&config))
}
