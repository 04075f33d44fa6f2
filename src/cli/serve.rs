//! `rehearse … --serve`: the rehearsed clusters on loopback, for kubectl and k9s.

use super::print;
use crate::failure::{Failure, Result};
use crate::rehearsal::World;
use crate::run::Session;
use std::io::Write as _;

/// Keeps the clusters up on loopback until the process is told to end. The kubeconfig goes with it.
pub fn serve(session: &Session) -> Result<()> {
    let Some(world) = session.world() else { return Ok(()) };
    let file = session.runtime().block_on(listen(world))?;
    world.catch_up();
    world.clock().follow_real_time(1);
    let path = file.path().display();
    session.screen().line("\nThe clusters stay up until Ctrl-C. Look around in another terminal:\n");
    print(&format!("export KUBECONFIG={path}"))?;
    let context = world.servers().first().map(|server| server.name().to_owned()).unwrap_or_default();
    session.screen().line(&format!("kubectl --context={context} get pods --all-namespaces"));
    session.wait_for_interrupt();
    Ok(())
}

/// Serves every cluster on a port of its own; returns the kubeconfig, which is removed when dropped.
async fn listen(world: &World) -> Result<tempfile::NamedTempFile> {
    let failed = |e: std::io::Error| Failure::usage(format!("cannot serve the clusters on loopback: {e}"));
    let mut ports = Vec::new();
    for server in world.servers() {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.map_err(failed)?;
        ports.push((server.name().to_owned(), listener.local_addr().map_err(failed)?.port()));
        tokio::spawn(server.clone().serve(listener));
    }
    let mut file = tempfile::Builder::new().prefix("meshwright-").suffix(".kubeconfig").tempfile().map_err(failed)?;
    file.write_all(kubeconfig(&ports).as_bytes()).map_err(failed)?;
    Ok(file)
}

fn kubeconfig(ports: &[(String, u16)]) -> String {
    use serde_json::json;
    let named = |entry: &str, value: &dyn Fn(u16, &str) -> serde_json::Value| -> Vec<serde_json::Value> {
        ports.iter().map(|(name, port)| json!({"name": name, entry: value(*port, name)})).collect()
    };
    let config = json!({
        "apiVersion": "v1", "kind": "Config",
        "current-context": ports.first().map(|(name, _)| name.as_str()).unwrap_or_default(),
        "clusters": named("cluster", &|port, _| json!({"server": format!("http://127.0.0.1:{port}")})),
        "contexts": named("context", &|_, name| json!({"cluster": name, "user": name})),
        "users": named("user", &|_, _| json!({})),
    });
    crate::object::yaml::emit(&crate::object::Node::from(&config))
}
