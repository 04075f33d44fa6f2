//! Waits that a script decides: closures and pauses.

use super::super::Host;
use super::{TIMEOUT, timed_out};
use crate::engine::{Call, Outcome, duration};
use rhai::Dynamic;
use std::time::Duration;

/// The pause between two calls of a closure.
const EVERY: Duration = Duration::from_millis(500);

pub(super) fn until(call: &Call<'_, Host>) -> Outcome {
    let options = call.options();
    let limit = options.duration("timeout")?.unwrap_or(TIMEOUT);
    let every = options.duration("every")?.unwrap_or(EVERY);
    let clock = call.bridge().clock.clone();
    let (start, closure) = (clock.now(), call.closure(0));
    loop {
        let value = call.invoke(&closure, Vec::new())?.flatten();
        if !value.is_unit() && value.as_bool() != Ok(false) {
            return Ok(value);
        }
        let passed = clock.now().saturating_sub(start);
        if passed >= limit {
            let want = options.str("want")?.unwrap_or_else(|| "the closure's condition".to_owned());
            return Err(timed_out(format!("not there after {limit:.0?}: {want}")).into());
        }
        let pause = every.min(limit.saturating_sub(passed));
        call.block(async {
            clock.sleep(pause).await;
            Ok(())
        })?;
    }
}

pub(super) fn pause(call: &Call<'_, Host>) -> Outcome {
    let pause = duration(&call.str(0))?;
    let clock = call.bridge().clock.clone();
    call.block(async {
        clock.sleep(pause).await;
        Ok(())
    })?;
    Ok(Dynamic::UNIT)
}
