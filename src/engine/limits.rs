//! The limits of a script, the same in every build.

use rhai::{Engine, OptimizationLevel};

/// How many items a list may hold.
pub(super) const LONGEST_LIST: usize = 1_000_000;

/// Sets every limit. Runs are long, so operations are not counted; memory and depth are.
pub(super) fn apply(engine: &mut Engine) {
    // The optimizer could run a primitive with constant arguments while compiling.
    engine.set_optimization_level(OptimizationLevel::None);
    engine.set_max_call_levels(128);
    engine.set_max_expr_depths(256, 128);
    engine.set_max_operations(0);
    engine.set_max_variables(10_000);
    engine.set_max_functions(10_000);
    engine.set_max_modules(1_000);
    engine.set_max_string_size(64 << 20);
    engine.set_max_array_size(LONGEST_LIST);
    engine.set_max_map_size(100_000);
}
