//! What kubelets answer: logs, exec, attach and port-forward of pods.
//!
//! The router calls [`serve`]; what containers say comes from the world's behaviour. Streams use the websocket
//! protocols of Kubernetes (`v5.channel.k8s.io`, `v4.channel.k8s.io`); the older SPDY is refused, as by a server behind
//! a proxy that cannot carry it.

mod channel;
mod exec;
mod forward;
mod log;
mod query;
mod shell;
mod target;

use super::status::{Outcome, Status};
use super::{ReplyBody, Server, World};
use query::Query;
use serde_json::Value;

/// A request to a pod's subresource.
pub(crate) struct Call<'a> {
    /// The pod's namespace.
    pub namespace: &'a str,
    /// The pod's name.
    pub name: &'a str,
    /// `log`, `exec`, `attach` or `portforward`.
    pub subresource: &'a str,
    /// The request without its body; an upgrade is taken from its extensions.
    pub parts: &'a mut http::request::Parts,
}

/// Answers a request to a pod's subresource.
///
/// # Errors
/// The refusal in the words of the API server or the kubelet.
pub(crate) fn serve(world: &World, server: &Server, call: Call<'_>) -> Outcome<http::Response<ReplyBody>> {
    let pod = server.get("Pod", Some(call.namespace), call.name).ok_or_else(|| missing(call.name))?;
    let query = Query::parse(call.parts.uri.query().unwrap_or_default());
    let stage = Stage { world: world.clone(), server: server.clone(), pod };
    match call.subresource {
        "log" => log::serve(stage, &query),
        "exec" => exec::serve(stage, &query, call.parts),
        "attach" => exec::attach(stage, &query, call.parts),
        "portforward" => forward::serve(stage, &query, call.parts),
        other => {
            Err(Status::new(404, "NotFound", format!("the server could not find the requested resource: {other}")))
        }
    }
}

fn missing(name: &str) -> Box<Status> {
    let mut status = Status::new(404, "NotFound", format!("pods \"{name}\" not found"));
    status.details = Some(serde_json::json!({ "name": name, "kind": "pods" }));
    status
}

/// Where a request plays: a pod of a cluster of a world.
#[derive(Clone)]
pub(crate) struct Stage {
    world: World,
    server: Server,
    pod: Value,
}

impl Stage {
    /// Asks the behaviour for something, away from the runtime's own threads, while simulated time stands still.
    async fn ask<T: Send + 'static>(&self, question: impl FnOnce(&Stage) -> T + Send + 'static) -> Option<T> {
        let stage = self.clone();
        let working = self.world.clock().working();
        let answer = tokio::task::spawn_blocking(move || question(&stage)).await;
        drop(working);
        answer.ok()
    }

    /// The pod as it is now; `None` when it is gone or was replaced.
    fn current(&self) -> Option<Value> {
        let metadata = &self.pod["metadata"];
        let (namespace, name) = (metadata["namespace"].as_str()?, metadata["name"].as_str()?);
        self.server.get("Pod", Some(namespace), name).filter(|pod| pod["metadata"]["uid"] == metadata["uid"])
    }
}
