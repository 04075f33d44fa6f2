//! The way from a script's thread to asynchronous work, and the threads scripts run on.

use super::cancel::Cancel;
use crate::clock::Clock;
use crate::failure::{Failure, Kind, Result};
use crate::here;
use std::any::Any;
use std::time::Duration;

/// The way from a script's thread to asynchronous work.
#[derive(Clone)]
pub struct Bridge {
    /// The run's runtime.
    pub runtime: tokio::runtime::Handle,
    /// Cancelled by Ctrl-C.
    pub cancel: Cancel,
    /// The run's time.
    pub clock: Clock,
}

impl Bridge {
    /// Runs a future to its end; Ctrl-C ends it with `Kind::Cancelled`, and the time of the step around it, when it is
    /// over by more than looking for causes takes, with `Kind::Timeout`.
    ///
    /// Only for script threads: while the future is awaited, the run's clock counts this thread as waiting.
    ///
    /// # Errors
    /// What the future fails with.
    pub fn block<T>(&self, future: impl Future<Output = Result<T>>) -> Result<T> {
        self.in_time(here::overdue())?;
        self.clock.block_on(&self.runtime, async {
            tokio::select! {
                biased;
                () = self.cancel.cancelled() => Err(cancelled()),
                output = future => output,
                () = self.passed(here::overdue()) => Err(late()),
            }
        })
    }

    /// Fails when this time is over.
    pub(super) fn in_time(&self, end: Option<Duration>) -> Result<()> {
        match end {
            Some(end) if self.clock.now() >= end => Err(late()),
            _ => Ok(()),
        }
    }

    async fn passed(&self, end: Option<Duration>) {
        match end {
            Some(end) => self.clock.sleep(end.saturating_sub(self.clock.now())).await,
            None => std::future::pending().await,
        }
    }
}

/// What everything in a step fails with once its time is over; the step itself says which time that was.
pub(super) fn late() -> Failure {
    Failure::new(Kind::Timeout, LATE)
}

/// Says no more than the step itself.
pub(super) const LATE: &str = "the time of the step is over";

/// What everything fails with once the user pressed Ctrl-C.
pub(super) fn cancelled() -> Failure {
    Failure::new(Kind::Cancelled, "interrupted")
}

/// Address space for a script's stack: deep scripts must fail with an error of theirs, not end the process. Only the
/// pages that are used take memory.
const STACK: usize = 256 << 20;

/// Runs script work on a thread of its own with a stack that holds the engine's limits, and waits for it. The run's
/// clock counts the thread as working.
///
/// # Errors
/// `Kind::Internal` when the work panics or the thread cannot be started.
pub fn on_script_thread<T: Send>(clock: &Clock, work: impl FnOnce() -> T + Send) -> Result<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("script".into()).stack_size(STACK);
        // Before the thread starts: simulated time must not pass until it does.
        let working = clock.working();
        let handle = thread.spawn_scoped(scope, move || {
            let _working = working;
            crate::here::begin(Vec::new());
            work()
        });
        let handle = handle.map_err(|e| Failure::internal(format!("cannot start the script's thread: {e}")))?;
        handle.join().map_err(|panic| panicked(&*panic))
    })
}

/// The failure that a panic of meshwright becomes.
pub(super) fn panicked(panic: &(dyn Any + Send)) -> Failure {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    Failure::internal(format!("meshwright stopped at a defect of its own: {text}"))
        .hint("please report this, with the script line above it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cancelled_run_ends_what_waits() {
        let runtime = tokio::runtime::Runtime::new().expect("runtime");
        let bridge = Bridge { runtime: runtime.handle().clone(), cancel: Cancel::default(), clock: Clock::real() };
        bridge.cancel.cancel();
        let failure = bridge.block(std::future::pending::<Result<()>>()).expect_err("cancelled");
        assert_eq!(failure.kind, Kind::Cancelled);
    }

    #[test]
    fn a_panic_becomes_a_failure() {
        let failure = on_script_thread(&Clock::real(), || panic!("broken")).map(|(): ()| ()).expect_err("panics");
        assert_eq!(failure.kind, Kind::Internal);
        assert!(failure.message.contains("broken"));
    }
}
