//! A session that may be read-only at first and change things later: one switch for all its clusters.

use crate::failure::{Failure, Kind, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether anything may be changed now; clones share the switch.
#[derive(Debug, Clone)]
pub struct Gate(Arc<AtomicBool>);

impl Gate {
    /// A gate that lets changes through.
    pub fn open() -> Gate {
        Gate(Arc::new(AtomicBool::new(true)))
    }

    /// A gate that does not.
    pub fn shut() -> Gate {
        Gate(Arc::new(AtomicBool::new(false)))
    }

    /// Lets changes through from now on, or no longer.
    pub fn set(&self, open: bool) {
        self.0.store(open, Ordering::SeqCst);
    }

    /// Whether changes get through.
    pub fn is_open(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// Fails unless changes get through; `what` is what was about to happen, as in `change Pod a/b`.
    ///
    /// # Errors
    /// `Rights`, with the command that opens the gate.
    pub fn check(&self, what: &str) -> Result<()> {
        if self.is_open() {
            return Ok(());
        }
        let failure = Failure::new(Kind::Rights, format!("this session is read-only: it may not {what}"));
        Err(failure.hint("`:write` lets it change things from now on"))
    }
}
