//! `test NAME [on CONTEXTS] { … }`: a test, in a file whose name ends in `_test.rhai`.
//!
//! A file of tests is run once for each test, on clusters of its own; the observer says at each `test` whether this is
//! the one. Everything outside of tests runs each time: helpers, and what all tests begin with.

use super::inside::Inside;
use super::step;
use super::tokens::TEST;
use rhai::{Dynamic, Engine, EvalContext, Expression};
use std::sync::Arc;

/// Makes the engine understand `test`.
pub(super) fn register(engine: &mut Engine, inside: &Arc<Inside>) {
    let inside = inside.clone();
    engine.register_custom_syntax_with_state_raw(TEST, step::next, false, move |context, inputs, said| {
        run(context, &step::Parts::new(inputs, said), inputs, &inside)
    });
}

/// The same for an engine that only compiles.
pub(super) fn register_syntax(engine: &mut Engine) {
    engine.register_custom_syntax_with_state_raw(TEST, step::next, false, |_, _, _| Ok(Dynamic::UNIT));
}

fn run(context: &mut EvalContext, parts: &step::Parts<'_>, inputs: &[Expression], inside: &Inside) -> step::Evaluated {
    let name = step::named(context, inside, &inputs[0])?;
    let Some((test, block)) = step::begun(context, inside, parts, name)? else { return Ok(Dynamic::UNIT) };
    let position = inputs[0].position();
    let source = context.source().map(str::to_owned);
    let is_it = inside
        .observer
        .test_found(&test)
        .map_err(|failure| super::errors::at(inside, failure, source.as_deref(), position))?;
    if is_it {
        let _ = block.eval_with_context(context)?;
    }
    Ok(Dynamic::UNIT)
}
