//! What kubelets answer: logs, exec, attach and port-forward of pods.
//!
//! The router calls [`answer`]; what containers say comes from the world's behaviour. Streams use the websocket
//! protocols of Kubernetes (`v5.channel.k8s.io`, `v4.channel.k8s.io`) or SPDY, by itself or in a websocket.

mod channel;
mod environment;
mod exec;
mod files;
mod forward;
mod log;
mod programs;
mod shell;
mod spdy;
mod target;
#[cfg(test)]
mod tests;

use super::call::{Call, Target};
use super::status::{Outcome, Status};
use super::transport::Reply;
use super::{Server, World};
use http::request::Parts;
use serde_json::Value;

/// The subresources that are answered here.
pub(super) const SERVED: &[&str] = &["log", "exec", "attach", "portforward"];

/// Answers a log request, or an upgrade of which `parts.extensions` holds the `hyper::upgrade::OnUpgrade`.
///
/// # Errors
/// The refusal in the words of the API server or the kubelet.
pub(super) fn answer(call: &Call, target: &Target, mut parts: Parts) -> Outcome<Reply> {
    let pod = call.server.get("pods", target.namespace.as_deref(), target.name());
    let pod = pod.ok_or_else(|| Status::not_found(&target.kind, target.name()))?;
    let world = call.server.world().ok_or_else(|| target::internal("the rehearsal has ended".into()))?;
    let stage = Stage { world, server: call.server.clone(), pod };
    match target.subresource.as_deref() {
        Some("log") => log::serve(stage, &call.query),
        Some("exec") => exec::serve(stage, &call.query, &mut parts),
        Some("attach") => exec::attach(stage, &call.query, &mut parts),
        _ => forward::serve(stage, &call.query, &mut parts),
    }
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
