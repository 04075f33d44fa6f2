//! How much a script may compute between two things that it does: what would never end, ends with an error. And the
//! place where Ctrl-C ends script code.
//!
//! Runs are long, so their operations are not counted as a whole. A script that waits, reads or writes gets a new budget
//! each time; one that only computes runs out of it.

use super::{Bridge, bridge};
use crate::failure::{Failure, Kind};
use rhai::{Dynamic, Engine};
use std::cell::Cell;

/// Operations between two effects: about a second.
const MOST: u64 = 20_000_000;

/// How many operations pass between two looks.
const EVERY: u64 = 64;

#[derive(Clone, Copy)]
enum Since {
    /// The next operation is the first.
    Now,
    /// It was operation number so and so.
    Operation(u64),
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
        (spent(operations) > MOST).then(|| Dynamic::from(endless()))
    });
}

/// How many of this many operations of an evaluation came since the last effect.
fn spent(operations: u64) -> u64 {
    match SINCE.get() {
        // A smaller number belongs to another evaluation.
        Since::Operation(first) if first <= operations => operations - first,
        _ => {
            SINCE.set(Since::Operation(operations));
            0
        }
    }
}

fn endless() -> Failure {
    let millions = MOST / 1_000_000;
    Failure::new(
        Kind::Script,
        format!("the script has computed for {millions} million operations without reading, writing or waiting"),
    )
    .hint("does a loop here never end? to wait for something, use `wait.until(|| …)`")
}
