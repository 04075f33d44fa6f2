//! A session that may be read-only at first and change things later: one switch for all its clusters.

use crate::failure::{Failure, Kind, Result};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Whether anything may be changed now; clones share the switch.
#[derive(Clone, Default)]
pub struct Gate(Arc<Inner>);

#[derive(Default)]
struct Inner {
    open: AtomicBool,
    guard: Mutex<Option<Guard>>,
    /// The clusters that were named by whoever means them.
    named: Mutex<BTreeSet<String>>,
}

/// What a context's name says against changing it.
type Why = dyn Fn(&str) -> Option<String> + Send + Sync;

/// Keeps changes from clusters that nobody has named on purpose.
#[derive(Clone)]
pub struct Guard {
    /// Why a cluster must be named first, by its context name; `None` when it need not.
    pub why: Arc<Why>,
    /// What names it; `NAME` stands for the context.
    pub how: &'static str,
}

impl Gate {
    /// A gate that lets changes through.
    pub fn open() -> Gate {
        let gate = Gate::default();
        gate.set(true);
        gate
    }

    /// A gate that does not.
    pub fn shut() -> Gate {
        Gate::default()
    }

    /// Lets changes through from now on, or no longer.
    pub fn set(&self, open: bool) {
        self.0.open.store(open, Ordering::SeqCst);
    }

    /// Whether changes get through.
    pub fn is_open(&self) -> bool {
        self.0.open.load(Ordering::SeqCst)
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

    /// From now on some clusters must be named before they are changed.
    pub fn guard(&self, guard: Guard) {
        *lock(&self.0.guard) = Some(guard);
    }

    /// Somebody has named this cluster and means it.
    pub fn name(&self, context: &str) {
        lock(&self.0.named).insert(context.to_owned());
    }

    /// Fails unless this cluster may be changed as far as its name goes.
    ///
    /// # Errors
    /// `Rights`, with what names the cluster.
    pub fn admit(&self, context: &str) -> Result<()> {
        let guard = lock(&self.0.guard).clone();
        let Some(guard) = guard.filter(|_| !lock(&self.0.named).contains(context)) else { return Ok(()) };
        let Some(why) = (guard.why)(context) else { return Ok(()) };
        let failure = Failure::new(Kind::Rights, format!("`{context}` looks like production: {why}"));
        Err(failure.hint(format!("say that you mean it: {}", guard.how.replace("NAME", context))))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
