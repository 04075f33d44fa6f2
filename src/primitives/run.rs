//! `run`: what a script can know about its own run.

use super::Host;
use crate::engine::{Call, Effect, Outcome, Primitive};

/// The table of `run`.
pub const RUN: &[Primitive<Host>] = &[Primitive {
    on: "run",
    name: "rehearsed",
    params: "",
    options: &[],
    returns: "bool",
    doc: "Whether the clusters are rehearsed, in memory.",
    example: "run.rehearsed()",
    effect: Effect::None,
    since: "0.1.0",
    call: rehearsed,
}];

fn rehearsed(call: &Call<'_, Host>) -> Outcome {
    Ok(call.host().rehearsed.into())
}
