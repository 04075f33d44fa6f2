//! `rehearse`: a script on clusters in memory.

use super::script_args::{ScriptArgs, finish};
use crate::failure::{Failure, Result};
use crate::rehearsal::World;
use crate::run::screen::Style;
use crate::run::{Desk, Job, Session};
use crate::script::{Given, Header, Kind, Param, Values};
use clap::Args;
use std::io::Write as _;

/// Arguments of `rehearse`.
#[derive(Args)]
#[command(disable_help_flag = true)]
pub struct Rehearse {
    #[command(flatten)]
    script: ScriptArgs,
}

impl Rehearse {
    /// Carries the command out.
    pub fn go(self, style: Style) -> Result<()> {
        let Some(asked) = self.script.job("rehearse", style, stand_in)? else { return Ok(()) };
        let contexts = unique(asked.job.values.clusters());
        let contexts: Vec<&str> = contexts.iter().map(String::as_str).collect();
        if asked.pause {
            let desk = Desk::new(true);
            // A prompt and spinners cannot share the screen.
            let job = Job { style: Style { live: false, ..style }, ..asked.job };
            let session = Session::rehearsal_at(&job, &contexts, Some(desk.clone()))?;
            return super::repl::carry_out(session, desk, &job);
        }
        let session = Session::rehearsal(&asked.job, &contexts)?;
        let names = contexts.join(", ");
        session.screen().line(&format!(
            "Rehearsing {} on {names}: clusters in memory, nothing real is touched.\n",
            asked.job.script.name
        ));
        let outcome = finish(&session, &asked.job);
        if asked.serve {
            if let Err(failure) = &outcome {
                super::report(failure, style);
            }
            serve(&session)?;
        }
        outcome
    }
}

/// The parameters of a script that is rehearsed without any given.
///
/// # Errors
/// When one has neither a default nor a stand-in.
pub fn stand_ins(header: &Header) -> Result<Values> {
    let flags = header.params.iter().filter_map(|param| Some((param.name.clone(), stand_in(param)?)));
    Values::check(header, &Given { flags: flags.collect(), ..Given::default() })
}

/// What a rehearsal takes for clusters that were not named, and for the dialect that no istioctl was asked about.
fn stand_in(param: &Param) -> Option<String> {
    match (param.kind, param.name.as_str()) {
        (Kind::Cluster | Kind::Clusters, _) if param.default.is_some() => None,
        (Kind::Cluster | Kind::Clusters, "primary") => Some("cluster1".into()),
        (Kind::Cluster | Kind::Clusters, "remote") => Some("cluster2".into()),
        (Kind::Cluster | Kind::Clusters, other) => Some(other.into()),
        (_, "dialect") => Some("current".into()),
        _ => None,
    }
}

/// Each name once, in order.
fn unique(mut names: Vec<String>) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}

/// Keeps the clusters up on loopback until Ctrl-C.
fn serve(session: &Session) -> Result<()> {
    let Some(world) = session.world() else { return Ok(()) };
    let file = session.runtime().block_on(listen(world))?;
    world.clock().follow_real_time(1);
    let path = file.path().display();
    session.screen().line("\nThe clusters stay up until Ctrl-C. Look around in another terminal:\n");
    super::print(&format!("export KUBECONFIG={path}"))?;
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
