//! Admission: what the webhooks of a cluster make of an object before it is stored.

use super::kinds::Kind;
use super::server::Server;
use super::status::{Outcome, Status};
use serde_json::Value;

/// The object as the webhooks want it. No lock may be held: webhooks look at the clusters.
///
/// # Errors
/// The webhook's refusal as given; words that begin with `Internal error occurred` are a webhook that cannot be reached.
pub(super) fn admit(server: &Server, _kind: &Kind, object: Value) -> Outcome<Value> {
    let Some(world) = server.world() else { return Ok(object) };
    world.behaviour().admit(&world, server.name(), object).map_err(|words| match words {
        words if words.starts_with("Internal error occurred") => Status::new(500, "InternalError", words),
        words => Status::new(400, "", words),
    })
}
