//! Subresources that stream: a pod's log, exec, attach and port-forward.

use super::call::{Call, Target};
use super::status::{Outcome, Status};
use super::transport::Reply;
use http::request::Parts;

/// The subresources that are answered here.
pub(super) const SERVED: &[&str] = &["log", "exec", "attach", "portforward"];

/// Answers a log request, or an upgrade of which `parts.extensions` holds the `hyper::upgrade::OnUpgrade`.
pub(super) async fn answer(call: Call, target: Target, _parts: Parts) -> Outcome<Reply> {
    let pod = call.server.store().get(&target.kind.resource(), &target.key()).cloned();
    let _pod = pod.ok_or_else(|| Status::not_found(&target.kind, target.name()))?;
    Err(Status::method_not_allowed())
}
