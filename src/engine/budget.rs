//! How much a script may compute between two things that it does: what would never end, ends with an error. And the
//! place where Ctrl-C ends script code.
//!
//! Runs are long, so their operations are not counted as a whole. A script that waits, reads or writes gets a new budget
//! each time; one that only computes runs out of it: of operations, or, where single ones are costly, of time. That is
//! the processor's time for this thread alone: on a machine that is busy with other things nothing ends sooner.

use super::{Bridge, bridge};
use crate::failure::{Failure, Kind};
use nix::time::{ClockId, clock_gettime};
use rhai::{Dynamic, Engine};
use std::cell::Cell;
use std::time::{Duration, Instant};

/// Operations between two effects: about a second.
const MOST: u64 = 20_000_000;

/// Time between two effects, where operations are costly: copies of long texts, sorting, searching. Builds for development
/// take eight times as long for the same.
const LONGEST: Duration = Duration::from_millis(if cfg!(debug_assertions) { 12_000 } else { 1500 });

/// How many operations pass between two looks.
const EVERY: u64 = 16;

#[derive(Clone, Copy)]
enum Since {
    /// The next operation is the first.
    Now,
    /// It was operation number so and so, at this time, when the thread had taken so much of the processor's.
    Operation(u64, Instant, Duration),
}

thread_local! {
    /// When this thread's script last did something.
    static SINCE: Cell<Since> = const { Cell::new(Since::Now) };
}

/// The script of this thread has done something: it may compute as much again.
pub(super) fn renew() {
    SINCE.set(Since::Now);
}

/// Ends script code between two operations once the run is cancelled, its step is overdue or the budget is spent.
pub(super) fn enforce(engine: &mut Engine, bridge: Bridge) {
    engine.on_progress(move |operations| {
        if operations % EVERY != 0 {
            return None;
        }
        if bridge.cancel.is_cancelled() {
            return Some(Dynamic::from(bridge::cancelled()));
        }
        if let Err(late) = bridge.in_time(crate::here::overdue()) {
            return Some(Dynamic::from(late));
        }
        let (operations, time) = spent(operations, LONGEST);
        let endless = operations > MOST || time > LONGEST;
        endless.then(|| Dynamic::from(too_much(operations, time)))
    });
}

/// How many of this many operations of an evaluation came since the last effect, and how much of the processor's time,
/// once it may be more than the longest.
fn spent(operations: u64, longest: Duration) -> (u64, Duration) {
    match SINCE.get() {
        // A smaller number belongs to another evaluation.
        Since::Operation(first, begun, used) if first <= operations => {
            // To ask for the processor's time costs much more than to ask for the time, and is never more.
            let is_long = begun.elapsed() > longest;
            let time = if is_long { processor_time().saturating_sub(used) } else { Duration::ZERO };
            (operations - first, time)
        }
        _ => {
            SINCE.set(Since::Operation(operations, Instant::now(), processor_time()));
            (0, Duration::ZERO)
        }
    }
}

/// What this thread has had of the processor.
fn processor_time() -> Duration {
    // A machine that does not know ends nothing.
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map(Duration::from).unwrap_or_default()
}

fn too_much(operations: u64, time: Duration) -> Failure {
    let much = match operations > MOST {
        true => format!("for {} million operations", MOST / 1_000_000),
        false => format!("for {:.1} seconds", time.as_secs_f64()),
    };
    Failure::new(Kind::Script, format!("the script has computed {much} without reading, writing or waiting")).hint(
        "does a loop here never end? to wait for something, use `wait.until(|| …)`; where so much is meant, \
         `wait.pause(\"1ms\")` in between lets it go on",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_on_the_processor_counts_and_time_asleep_does_not() {
        let longest = Duration::from_millis(100);
        renew();
        assert_eq!(spent(1, longest), (0, Duration::ZERO));
        std::thread::sleep(2 * longest);
        let (operations, asleep) = spent(17, longest);
        assert!(operations == 16 && asleep < longest, "{asleep:?}");
        let start = processor_time();
        while processor_time() - start < longest {}
        assert!(spent(33, longest).1 >= longest);
        renew();
        assert_eq!(spent(49, longest), (0, Duration::ZERO));
    }
}
