//! `fail` and `attempt`, and failures as values: what `catch (e)` sees.

use super::errors;
use super::nearest::nearest;
use super::objects::told;
use super::register::located;
use super::value::{from_node, to_node, type_name};
use crate::failure::{Failure, Kind};
use crate::object::{Node, Object};
use rhai::{Array, Dynamic, Engine, EvalAltResult, FnPtr, Map, NativeCallContext};

type Outcome = Result<Dynamic, Box<EvalAltResult>>;

/// The fields of a failure, as scripts read them.
const FIELDS: [&str; 9] = ["kind", "message", "cluster", "object", "hint", "details", "line", "column", "source"];

/// Makes `fail`, `attempt` and failures known to scripts.
pub(super) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<Failure>("Failure");
    super::types::shown::<Failure>(engine);
    engine.register_indexer_get(|failure: &mut Failure, name: &str| field(failure, name));
    engine.register_fn("fail", |context: NativeCallContext, message: &str| fail(&context, message, Map::new()));
    engine.register_fn("fail", |context: NativeCallContext, message: &str, more: Map| fail(&context, message, more));
    engine.register_fn("attempt", attempt);
    // Rhai's own keeps the thread, whatever is pressed meanwhile, and knows no rehearsed time.
    engine.register_fn("sleep", |context: NativeCallContext, _: rhai::INT| no_sleep(&context));
    engine.register_fn("sleep", |context: NativeCallContext, _: rhai::FLOAT| no_sleep(&context));
    engine.register_fn("because", |context: NativeCallContext, failure: &mut Failure, reasons: Array, hint: &str| {
        because(failure, lines(&reasons.into(), &|value| told(&context, value)), hint)
    });
}

fn no_sleep(context: &NativeCallContext) -> Outcome {
    let failure = Failure::usage("there is no function `sleep`");
    let hint = super::habits::call("sleep", "int").unwrap_or_default();
    Err(located(failure.hint(hint).into(), context))
}

/// A field of a failure; `()` when it has none.
fn field(failure: &Failure, name: &str) -> Outcome {
    let text = |text: &Option<String>| text.clone().map_or(Dynamic::UNIT, Dynamic::from);
    let place = failure.places.first();
    let number =
        |number: Option<usize>| number.and_then(|n| i64::try_from(n).ok()).map_or(Dynamic::UNIT, Dynamic::from);
    Ok(match name {
        "kind" => failure.kind.name().into(),
        "message" => failure.message.clone().into(),
        "cluster" => text(&failure.cluster),
        "object" => text(&failure.object),
        "hint" => text(&failure.hint),
        "details" => failure.details.iter().cloned().map(Dynamic::from).collect::<Array>().into(),
        "line" => number(place.map(|place| place.line)),
        "column" => number(place.map(|place| place.column)),
        "source" => text(&place.map(|place| place.source.clone())),
        other => return Err(no_field(other).into()),
    })
}

fn no_field(name: &str) -> Failure {
    let failure = Failure::usage(format!("a failure has no field `{name}`"));
    match nearest(name, FIELDS) {
        Some(meant) => failure.hint(format!("did you mean `{meant}`?")),
        None => failure.hint(format!("its fields are {}", FIELDS.join(", "))),
    }
}

fn fail(context: &NativeCallContext, message: &str, more: Map) -> Outcome {
    let failure = filled(Failure::new(Kind::Script, message), more, &|value| told(context, value));
    Err(located(failure.unwrap_or_else(|wrong| wrong).into(), context))
}

/// The failure with what a map says about it.
fn filled(mut failure: Failure, more: Map, told: &dyn Fn(&Dynamic) -> String) -> Result<Failure, Failure> {
    for (key, value) in more {
        let text = || (!value.is_unit()).then(|| told(&value));
        match key.as_str() {
            "hint" => failure.hint = text(),
            "cluster" => failure.cluster = text(),
            "object" => failure.object = title(&value).or_else(text),
            "kind" => failure.kind = kind(&value).ok_or_else(|| no_kind(&told(&value)))?,
            "details" => failure.details = lines(&value, told),
            other => {
                return Err(Failure::usage(format!("fail has no option `{other}`"))
                    .hint("its options are hint, cluster, object, kind, details"));
            }
        }
    }
    Ok(failure)
}

/// The kinds that a script may give. What is cancelled nobody can catch: that is for whoever presses Ctrl-C.
fn kinds() -> impl Iterator<Item = Kind> {
    Kind::ALL.iter().copied().filter(|kind| *kind != Kind::Cancelled)
}

fn kind(value: &Dynamic) -> Option<Kind> {
    let name = value.clone().into_string().ok()?;
    kinds().find(|kind| kind.name() == name)
}

fn no_kind(said: &str) -> Failure {
    let names: Vec<_> = kinds().map(|kind| kind.name()).collect();
    Failure::usage(format!("fail: there is no kind `{said}`")).hint(format!("kinds are {}", names.join(", ")))
}

fn title(value: &Dynamic) -> Option<String> {
    value.read_lock::<Object>().map(|object| object.title())
}

/// A line for each item of a list, or one line.
fn lines(value: &Dynamic, told: &dyn Fn(&Dynamic) -> String) -> Vec<String> {
    if let Ok(items) = value.as_array_ref() {
        return items.iter().map(told).collect();
    }
    match value.read_lock::<Object>() {
        Some(object) if matches!(object.node, Node::Array(_)) => {
            object.node.items().iter().map(|node| told(&from_node(node))).collect()
        }
        _ if value.is_unit() => Vec::new(),
        _ => vec![told(value)],
    }
}

/// A failure with what has been found out about it, to be thrown again: the reasons come before the other details, and
/// the hint says what to do about them. Reasons that it gives itself are not repeated; without reasons it stays as it is.
fn because(failure: &Failure, reasons: Vec<String>, hint: &str) -> Failure {
    let mut failure = failure.clone();
    if reasons.is_empty() {
        return failure;
    }
    let told =
        |reason: &str| failure.message.contains(reason) || failure.details.iter().any(|line| line.contains(reason));
    let reasons: Vec<String> = reasons.into_iter().filter(|reason| !told(reason)).collect();
    failure.details.splice(0..0, reasons);
    failure.hint = Some(hint.to_owned());
    failure
}

/// Runs a closure and tells how it went: `#{ok, value, error}`.
fn attempt(context: NativeCallContext, closure: FnPtr) -> Outcome {
    let outcome = closure.call_within_context::<Dynamic>(&context, ());
    let (value, error) = match outcome {
        Ok(value) => (value.flatten(), None),
        Err(error) if error.is_pseudo_error() || !error.is_catchable() => return Err(error),
        Err(error) => {
            let source = context.call_source().unwrap_or_default();
            (Dynamic::UNIT, Some(errors::failure(context.engine(), &error, source)))
        }
    };
    let mut told = Map::new();
    told.insert("ok".into(), error.is_none().into());
    told.insert("value".into(), value);
    told.insert("error".into(), error.map_or(Dynamic::UNIT, Dynamic::from));
    Ok(told.into())
}

/// The failure that a thrown value stands for: a failure, a map with its fields, or text.
pub(super) fn thrown(value: &Dynamic) -> Failure {
    if let Some(failure) = value.read_lock::<Failure>() {
        return failure.clone();
    }
    let Ok(map) = value.as_map_ref() else { return Failure::new(Kind::Script, text(value)) };
    let said = |key: &str| map.get(key).filter(|value| !value.is_unit()).map(text);
    let kind = map.get("kind").and_then(kind).unwrap_or(Kind::Script);
    let message = said("message").unwrap_or_else(|| text(value));
    let mut failure = Failure::new(kind, message);
    (failure.cluster, failure.object, failure.hint) = (said("cluster"), said("object"), said("hint"));
    failure.details = map.get("details").map(|value| lines(value, &text)).unwrap_or_default();
    failure
}

fn text(value: &Dynamic) -> String {
    match value.clone().into_string() {
        Ok(text) => text,
        Err(_) if value.is_unit() => "nothing, `()`, was thrown".to_owned(),
        Err(_) => to_node(value)
            .map_or_else(|_| type_name(value).to_owned(), |node| crate::object::Object::new(node).to_json()),
    }
}
