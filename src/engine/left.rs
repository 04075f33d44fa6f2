//! What a step that failed leaves behind: its variables, for whoever looks at it where it failed.

use rhai::{Dynamic, EvalContext, Expression, Scope};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use super::step::Evaluated;

/// A variable: its name, whether it is a constant, its value.
pub(super) type Variable = (String, bool, Dynamic);

/// Shared by all threads of an engine.
#[derive(Default)]
pub(super) struct Left {
    is_wanted: AtomicBool,
    found: Mutex<Option<Vec<Variable>>>,
}

impl Left {
    /// Carries out work whose failing step leaves its variables; those of the innermost one that failed first.
    pub(super) fn of<T>(&self, work: impl FnOnce() -> T) -> (T, Vec<Variable>) {
        self.is_wanted.store(true, Ordering::Relaxed);
        let outcome = work();
        self.is_wanted.store(false, Ordering::Relaxed);
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner).take();
        (outcome, found.unwrap_or_default())
    }

    /// Runs a step's block. Where nobody wants to look at it, as every block is run.
    pub(super) fn run(&self, context: &mut EvalContext, block: &Expression) -> Evaluated {
        if !self.is_wanted.load(Ordering::Relaxed) {
            return block.eval_with_context(context);
        }
        let before = context.scope().len();
        let global = context.global_runtime_state_mut();
        let (imports, searching) = (global.num_imports(), global.always_search_scope);
        global.scope_level += 1;
        // Rhai ends a block by dropping its variables, also when it fails: here that is done below.
        #[expect(deprecated, reason = "Rhai marks this call as volatile; the version is pinned")]
        let outcome = context.eval_expression_tree_raw(block, false);
        if outcome.as_ref().is_err_and(|error| !error.is_pseudo_error()) {
            self.keep(context.scope());
        }
        context.scope_mut().rewind(before);
        let global = context.global_runtime_state_mut();
        global.scope_level -= 1;
        global.truncate_imports(imports);
        global.always_search_scope = searching;
        outcome
    }

    fn keep(&self, scope: &Scope) {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.get_or_insert_with(|| variables(scope));
    }
}

/// All variables, the oldest first.
pub(super) fn variables(scope: &Scope) -> Vec<Variable> {
    let owned = |(name, constant, value): (&str, bool, &Dynamic)| (name.to_owned(), constant, value.clone());
    let mut all: Vec<Variable> = scope.iter_raw().map(owned).collect();
    all.reverse();
    all
}
