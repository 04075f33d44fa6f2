//! The time that a step may take: `within` after its name.
//!
//! Everything in the step knows it ([`crate::here::due`]): waits and programs end by then, changes no longer begin, and
//! what only looks for causes ends soon after. Here the failure of what was cut short becomes that of the step.

use super::bridge::LATE;
use super::{errors, flow};
use crate::clock::Clock;
use crate::failure::{Failure, Kind};
use crate::here;
use rhai::{Dynamic, EvalAltResult};
use std::time::Duration;

/// The time of one step, from its beginning to when this is dropped.
pub(super) struct Deadline {
    step: String,
    limit: Duration,
    end: Duration,
    clock: Clock,
    _due: here::Until,
}

impl Deadline {
    /// The step begins now.
    pub(super) fn begin(step: &str, limit: Duration, clock: &Clock) -> Deadline {
        let end = clock.now() + limit;
        Deadline { step: step.to_owned(), limit, end, clock: clock.clone(), _due: here::due_by(end) }
    }

    /// The error that the step ended with; one that came of its time being over says so, and can be caught around it.
    pub(super) fn told(&self, error: Box<EvalAltResult>) -> Box<EvalAltResult> {
        let value = match error.unwrap_inner() {
            _ if self.clock.now() < self.end => return error,
            EvalAltResult::ErrorRuntime(value, _) | EvalAltResult::ErrorTerminated(value, _) => value,
            _ => return error,
        };
        let failure = flow::thrown(value);
        if !is_of_time(failure.kind) {
            return error;
        }
        let told = Dynamic::from(self.late(failure));
        errors::retold(*error, told)
    }

    fn late(&self, failure: Failure) -> Failure {
        let limit = jiff::SignedDuration::try_from(self.limit).unwrap_or_default();
        let said = format!("the step `{}` did not end within {limit:#}", self.step);
        let message = if failure.message == LATE { said } else { format!("{said}: {}", failure.message) };
        // What would have needed more time of its own had only what was left of the step's.
        let hint = failure.hint.map(|hint| hint.replace("the option `timeout`", "`within` after the step's name"));
        Failure { kind: Kind::Timeout, message, hint, ..failure }.hint("give it more time: `within` after its name")
    }
}

/// Whether a failure may be one of too little time.
fn is_of_time(kind: Kind) -> bool {
    matches!(kind, Kind::Timeout | Kind::Unreachable | Kind::Server)
}
