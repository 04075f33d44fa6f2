//! `step NAME [on CLUSTER] [within DURATION] { … }`: a named part of a run.
//!
//! Custom syntax rather than a function with a closure: the block sees and changes the variables around it, `return`
//! and `throw` in it mean what they mean around it, and the step yields the block's value.

use super::deadline::Deadline;
use super::errors;
use super::inside::Inside;
use super::tokens::STEP;
use super::{Observer, StepStart, duration, modules};
use crate::failure::{Failure, Place};
use crate::object::Object;
use rhai::{Dynamic, Engine, EvalAltResult, EvalContext, Expression, ImmutableString, ParseError, Position};
use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

pub(super) type Evaluated = Result<Dynamic, Box<EvalAltResult>>;

/// Makes the engine understand `step`.
pub(super) fn register(engine: &mut Engine, inside: &Arc<Inside>) {
    let inside = inside.clone();
    engine.register_custom_syntax_with_state_raw(STEP, next, false, move |context, inputs, parts| {
        run(context, &Parts::new(inputs, parts), &inside)
    });
}

/// The same for an engine that only compiles.
pub(super) fn register_syntax(engine: &mut Engine) {
    engine.register_custom_syntax_with_state_raw(STEP, next, false, |context, inputs, _| {
        inputs.last().map_or(Ok(Dynamic::UNIT), |block| block.eval_with_context(context))
    });
}

/// What comes next after these parts: the name, then `on` and an expression or not, in steps `within` and an expression
/// or not, then the block. `said` becomes the words among them.
pub(super) fn next(
    parts: &[ImmutableString],
    ahead: &str,
    said: &mut Dynamic,
) -> Result<Option<ImmutableString>, ParseError> {
    let may_be_within = parts.first().is_some_and(|first| first == STEP) && !parts.iter().any(|part| part == "within");
    let part = match parts.last().map(ImmutableString::as_str) {
        Some(_) if parts.len() == 1 => "$expr$",
        Some("$expr$") if parts.len() == 2 && ahead == "on" => "on",
        Some("$expr$") if may_be_within && ahead == "within" => "within",
        Some("on" | "within") => "$expr$",
        Some("$block$") => return Ok(None),
        _ => "$block$",
    };
    if matches!(part, "on" | "within") {
        *said = format!("{}{part} ", said.clone().into_string().unwrap_or_default()).into();
    }
    Ok(Some(part.into()))
}

/// The parts of a step or a test.
pub(super) struct Parts<'e> {
    inputs: &'e [Expression<'e>],
    on: Option<&'e Expression<'e>>,
    within: Option<&'e Expression<'e>>,
}

impl<'e> Parts<'e> {
    /// Those of these inputs; `said` tells which words stand among them.
    pub(super) fn new(inputs: &'e [Expression<'e>], said: &Dynamic) -> Parts<'e> {
        let said = said.clone().into_string().unwrap_or_default();
        let after = |wanted: &str| said.split(' ').position(|word| word == wanted).and_then(|at| inputs.get(at + 1));
        Parts { inputs, on: after("on"), within: after("within") }
    }
}

fn run(context: &mut EvalContext, parts: &Parts<'_>, inside: &Inside) -> Evaluated {
    let Some(name) = parts.inputs.first() else { return Ok(Dynamic::UNIT) };
    let position = name.position();
    let source = context.source().map(str::to_owned);
    let refuse = |failure: Failure| errors::at(inside, failure, source.as_deref(), position);
    let name = named(context, inside, name)?;
    if let Some(own) = inside.sources.step(source.as_deref().unwrap_or_default(), &name).map_err(refuse)? {
        return stood_in(context, inside, &name, own, position).map_err(|error| returns(*error).into());
    }
    let is_own = STANDING_IN.with_borrow(|own| {
        own.last().is_some_and(|(file, own)| Some(file.as_str()) == source.as_deref() && *own == name)
    });
    let Some((step, block)) = begun(context, inside, parts, name)? else { return Ok(Dynamic::UNIT) };
    let limit = parts.within.map(|within| limit(context, inside, within)).transpose()?;
    inside.observer.step_begins(&step).map_err(refuse)?;
    let deadline = limit.map(|limit| Deadline::begin(&step.name, limit, &inside.bridge.clock));
    let outcome = inside.left.run(context, block);
    let outcome = match deadline {
        Some(deadline) => outcome.map_err(|error| deadline.told(error)),
        None => outcome,
    };
    let ended = ended(&*inside.observer, &step, &outcome, context.engine(), source.as_deref());
    let outcome = outcome.and_then(|value| ended.map(|()| value).map_err(refuse));
    if is_own { outcome.map_err(|error| returned(*error).into()) } else { outcome }
}

/// A `return` in a step that stands in for another, on its way out of the text that stands in: there it would end that text
/// only.
#[derive(Clone)]
struct Returned(Dynamic);

thread_local! {
    /// The sources and names of the steps that stand in and are being run on this thread.
    static STANDING_IN: RefCell<Vec<(String, String)>> = const { RefCell::new(Vec::new()) };
}

fn returned(error: EvalAltResult) -> EvalAltResult {
    match error {
        EvalAltResult::Return(value, at) => EvalAltResult::ErrorTerminated(Dynamic::from(Returned(value)), at),
        other => other,
    }
}

/// The same where the step stands that was stood in for: it ends what it would have ended there.
fn returns(error: EvalAltResult) -> EvalAltResult {
    match error {
        EvalAltResult::ErrorTerminated(value, at) if value.is::<Returned>() => {
            EvalAltResult::Return(value.cast::<Returned>().0, at)
        }
        other => other,
    }
}

/// Runs a text that stands in for a step, with the variables around it.
fn stood_in(
    context: &mut EvalContext,
    inside: &Inside,
    name: &str,
    (source, text): (String, String),
    at: Position,
) -> Evaluated {
    let engine = context.engine();
    let ast = modules::compile(engine, Some(inside), &source, &text).map_err(EvalAltResult::from);
    let scope = context.scope_mut();
    let before = scope.len();
    STANDING_IN.with_borrow_mut(|own| own.push((source.clone(), name.to_owned())));
    let outcome = ast.map_err(Box::new).and_then(|ast| engine.eval_ast_with_scope::<Dynamic>(scope, &ast));
    STANDING_IN.with_borrow_mut(|own| drop(own.pop()));
    // What the text declares beside its step is its own.
    scope.rewind(before);
    outcome.map_err(|mut error| {
        if error.is_catchable() || matches!(*error, EvalAltResult::ErrorParsing(..)) {
            return EvalAltResult::ErrorInModule(source, error, at).into();
        }
        error.set_position(at);
        error
    })
}

/// The step of this name with what stands after `on`, and the block.
pub(super) fn begun<'e>(
    context: &mut EvalContext,
    inside: &Inside,
    parts: &Parts<'e>,
    name: String,
) -> Result<Option<(StepStart, &'e Expression<'e>)>, Box<EvalAltResult>> {
    let (Some(first), Some(block)) = (parts.inputs.first(), parts.inputs.last()) else { return Ok(None) };
    let on = parts.on.map(|on| targets(context, on)).transpose()?.unwrap_or_default();
    let place = step_place(inside, context.source(), first.position());
    Ok(Some((StepStart { name, on, place }, block)))
}

pub(super) fn named(
    context: &mut EvalContext,
    inside: &Inside,
    name: &Expression,
) -> Result<String, Box<EvalAltResult>> {
    let position = name.position();
    let wrong = |kind: &str| Failure::usage(format!("a name is text here, not {kind}"));
    let value = name.eval_with_context(context)?;
    value.into_string().map_err(|kind| errors::at(inside, wrong(kind), context.source(), position))
}

/// What stands after `within`.
fn limit(context: &mut EvalContext, inside: &Inside, within: &Expression) -> Result<Duration, Box<EvalAltResult>> {
    let position = within.position();
    let value = within.eval_with_context(context)?;
    let text = value.into_string().map_err(|kind| Failure::usage(format!("not text but {kind}")));
    text.and_then(|text| duration(&text)).map_err(|failure| {
        let message = format!("after `within` stands how long a step may take: {}", failure.message);
        let failure = Failure { message, ..failure }.hint("write a number and a unit: 500ms, 90s, 5m, 1h30m");
        errors::at(inside, failure, context.source(), position)
    })
}

fn step_place(inside: &Inside, source: Option<&str>, position: Position) -> Place {
    inside.place(source, position).unwrap_or(Place {
        source: source.unwrap_or_default().to_owned(),
        line: 0,
        column: 0,
    })
}

fn ended(
    observer: &dyn Observer,
    step: &StepStart,
    outcome: &Evaluated,
    engine: &Engine,
    source: Option<&str>,
) -> Result<(), Failure> {
    match outcome {
        Err(error) if !error.is_pseudo_error() => {
            let failure = errors::failure(engine, error, source.unwrap_or_default());
            observer.step_ended(step, Some(&failure))
        }
        _ => observer.step_ended(step, None),
    }
}

/// The names of the cluster or clusters after `on`.
fn targets(context: &mut EvalContext, on: &Expression) -> Result<Vec<String>, Box<EvalAltResult>> {
    let value = on.eval_with_context(context)?;
    let values = match value.read_lock::<rhai::Array>() {
        Some(list) => list.clone(),
        None => vec![value.clone()],
    };
    values.into_iter().map(|value| shown(context, value)).collect()
}

fn shown(context: &mut EvalContext, value: Dynamic) -> Result<String, Box<EvalAltResult>> {
    if let Some(object) = value.read_lock::<Object>() {
        return Ok(object.title());
    }
    let text = context.call_native_fn::<ImmutableString>("to_string", (value,));
    text.map(|text| text.to_string())
}
