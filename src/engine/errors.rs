//! Rhai's errors to failures: plain words, and every place from the origin to the outermost caller.

use super::flow;
use super::habits;
use super::inside::{Inside, place};
use super::words;
use crate::failure::{Failure, Kind, Place};
use rhai::{Dynamic, Engine, EvalAltResult, LexError, ParseErrorType, Position};

/// A failure at a position, as an error that scripts can catch.
pub(super) fn at(
    inside: &Inside,
    mut failure: Failure,
    source: Option<&str>,
    position: Position,
) -> Box<EvalAltResult> {
    if failure.places.is_empty() {
        failure.places.extend(inside.place(source, position));
    }
    let mut error: Box<EvalAltResult> = failure.into();
    error.set_position(position);
    error
}

/// What an error of this engine means, with its places innermost first. `source` is the script that was run.
pub fn failure(engine: &Engine, error: &EvalAltResult, source: &str) -> Failure {
    let inside = Inside::of(engine);
    let inside = inside.as_deref();
    let mut chain = Vec::new();
    let innermost = walk(error, source, inside, &mut chain);
    let mut failure = origin(innermost, chain.first(), inside, Some(engine));
    if matches!(innermost, EvalAltResult::ErrorParsing(..)) && !failure.places.is_empty() {
        chain.remove(0);
    }
    if let (Some(known), Some(walked)) = (failure.places.last(), chain.first())
        && (known.line, known.column) == (walked.line, walked.column)
    {
        failure.places.pop();
    }
    for place in chain {
        if failure.places.last() != Some(&place) {
            failure.places.push(place);
        }
    }
    failure
}

/// The error with another value at its bottom, so that the places around it stay; one that scripts can catch.
pub fn retold(error: EvalAltResult, told: Dynamic) -> Box<EvalAltResult> {
    match error {
        EvalAltResult::ErrorInFunctionCall(name, within, inner, position) => {
            EvalAltResult::ErrorInFunctionCall(name, within, retold(*inner, told), position).into()
        }
        EvalAltResult::ErrorInModule(name, inner, position) => {
            EvalAltResult::ErrorInModule(name, retold(*inner, told), position).into()
        }
        EvalAltResult::ErrorRuntime(_, position) | EvalAltResult::ErrorTerminated(_, position) => {
            EvalAltResult::ErrorRuntime(told, position).into()
        }
        other => other.into(),
    }
}

/// Collects places, innermost first, and returns the error at the bottom.
fn walk<'e>(
    error: &'e EvalAltResult,
    source: &str,
    inside: Option<&Inside>,
    chain: &mut Vec<Place>,
) -> &'e EvalAltResult {
    let (inner, within, position) = match error {
        EvalAltResult::ErrorInFunctionCall(name, within, inner, position) => {
            // Rhai reports a closure of the script under the module that called it.
            let home = inside.and_then(|inside| inside.home_of(name)).map(|home| home.source);
            (inner, home.unwrap_or_else(|| within.clone()), *position)
        }
        EvalAltResult::ErrorInModule(name, inner, position) => (inner, name.clone(), *position),
        _ => {
            chain.extend(placed(inside, source, error.position()));
            return error;
        }
    };
    let within = if within.is_empty() { source } else { &within };
    let innermost = walk(inner, within, inside, chain);
    chain.extend(placed(inside, source, position));
    innermost
}

fn placed(inside: Option<&Inside>, source: &str, position: Position) -> Option<Place> {
    inside.map_or_else(|| place(Some(source), position), |inside| inside.place(Some(source), position))
}

fn origin(error: &EvalAltResult, place: Option<&Place>, inside: Option<&Inside>, engine: Option<&Engine>) -> Failure {
    match error {
        EvalAltResult::ErrorRuntime(value, _) => thrown(value, inside),
        EvalAltResult::ErrorTerminated(value, _) => match value.read_lock::<Failure>() {
            Some(failure) => failure.clone(),
            None => Failure::new(Kind::Cancelled, "interrupted"),
        },
        EvalAltResult::ErrorParsing(what, at) => {
            let source = place.map(|place| place.source.as_str()).unwrap_or_default();
            let text = inside.and_then(|inside| inside.text(source)).unwrap_or_default();
            parse_failure(what, *at, source, &text)
        }
        other => words::plain(other, place, inside, engine),
    }
}

/// What is wrong with a text that is no script; marks of a merge and a bracket that lacks its mate have their own place.
pub(super) fn parse_failure(what: &ParseErrorType, at: Position, source: &str, text: &str) -> Failure {
    // A merge doubles brackets: its marks are the cause of all that follows.
    if let Some(line) = merge_mark(text, at) {
        let place = Place { source: source.to_owned(), line, column: 1 };
        let failure = Failure::usage("a merge has left its marks here");
        let hint = "keep what is right between `<<<<<<<` and `>>>>>>>`, and take the marks out";
        return Failure { places: vec![place], ..failure.hint(hint) };
    }
    let is_lexical = matches!(what, ParseErrorType::BadInput(bad) if !matches!(bad, LexError::UnexpectedInput(_)));
    let Some(lonely) = super::brackets::lonely(text).filter(|_| !is_lexical) else {
        return meant_at(what, at, text).unwrap_or_else(|| Failure::usage(words::parse_words(what)));
    };
    let place = Place { source: source.to_owned(), line: lonely.line, column: lonely.column };
    Failure { places: vec![place], ..Failure::usage(lonely.said) }
}

/// The first line with a mark of a merge. A line of `=` may be text, unless the parser stops there.
fn merge_mark(text: &str, at: Position) -> Option<usize> {
    let is_side = |line: &str| ["<<<<<<< ", ">>>>>>> "].iter().any(|mark| line.starts_with(mark));
    let mut lines = (1..).zip(text.lines());
    lines
        .find(|(number, line)| is_side(line) || *line == "=======" && at.line() == Some(*number))
        .map(|(number, _)| number)
}

/// What is wrong, with a hint what was meant; `None` when nothing is known of that.
fn meant_at(what: &ParseErrorType, at: Position, text: &str) -> Option<Failure> {
    let (line, column) = at.line().zip(at.position())?;
    let is_open = matches!(what, ParseErrorType::BadInput(LexError::UnterminatedString));
    if is_open && text.lines().count() > line {
        return Some(
            Failure::usage(words::parse_words(what)).hint("text over several lines stands in back-ticks: `…`"),
        );
    }
    let divided = |text: &str| habits::divisions(text).iter().any(|(at, _)| *at < line && line <= at + 2);
    let token = if let ParseErrorType::MissingToken(token, _) = what { token.as_str() } else { "" };
    if matches!(token, ";" | ")") && divided(text) {
        return Some(Failure::usage(words::parse_words(what)).hint(habits::DIVISION));
    }
    // Between `switch` and `=>` stands no map.
    if let Some(meant) = habits::at(text, line, column).filter(|meant| token != "=>" || meant == habits::SWITCH) {
        return Some(Failure::usage(words::parse_words(what)).hint(meant));
    }
    if token == "{" {
        let hint = "a block stands in braces: `if x { … } else { … }`, `for x in list { … }`";
        return Some(Failure::usage(words::parse_words(what)).hint(hint));
    }
    if token == ";" { words::meant_word(text, line, column) } else { None }
}

/// A thrown value; a built-in error that was caught and thrown again is a map that knows its place.
fn thrown(value: &Dynamic, inside: Option<&Inside>) -> Failure {
    let mut failure = flow::thrown(value);
    let Ok(map) = value.as_map_ref() else { return failure };
    let number = |key: &str| map.get(key)?.as_int().ok()?.try_into().ok();
    if let (true, Some(line)) = (map.contains_key("error"), number("line")) {
        let source = map.get("source").and_then(|source| source.clone().into_string().ok()).unwrap_or_default();
        let line: usize = line;
        let line = line.saturating_sub(inside.map_or(0, |inside| inside.shift(&source)));
        failure.places.push(Place { source, line, column: number("position").unwrap_or(1) });
    }
    failure
}
