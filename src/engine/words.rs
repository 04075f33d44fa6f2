//! Rhai's own errors in plain words.

use super::habits;
use super::inside::Inside;
use super::known::Known;
use super::nearest::nearest;
use super::value::with_article;
use crate::failure::{Failure, Kind, Place};
use rhai::{Engine, EvalAltResult, ParseErrorType};

/// A built-in error of Rhai as a failure without places.
pub(super) fn plain(
    error: &EvalAltResult,
    place: Option<&Place>,
    inside: Option<&Inside>,
    engine: Option<&Engine>,
) -> Failure {
    use EvalAltResult as E;
    let known = inside.zip(engine).map(|(inside, engine)| {
        let source = place.map(|place| place.source.as_str()).unwrap_or_default();
        Known { engine, inside, source }
    });
    let known = known.as_ref();
    let value = inside.zip(place).and_then(|(inside, place)| value_before(inside, place));
    let script = |message: String| Failure::new(Kind::Script, message);
    match error {
        E::ErrorFunctionNotFound(signature, _) => missing_function(signature, value.as_deref(), known),
        E::ErrorDotExpr(said, _) => dot(said, value.as_deref()),
        E::ErrorVariableNotFound(name, _) => missing_variable(name, place, inside),
        E::ErrorIndexingType(said, _) => Failure::usage(format!("cannot be indexed: {}", clean_types(said))),
        E::ErrorMismatchDataType(wanted, got, _) | E::ErrorMismatchOutputType(wanted, got, _) if got == "()" => {
            Failure::usage(format!("this must be {}, but it is missing, `()`", with_article(short(wanted))))
        }
        E::ErrorMismatchDataType(wanted, got, _) | E::ErrorMismatchOutputType(wanted, got, _) => {
            Failure::usage(format!("this must be {}, not {}", with_article(short(wanted)), with_article(short(got))))
        }
        E::ErrorDataRace(name, _) => Failure::usage(format!("`{name}` is used by itself while it is being changed"))
            .hint("copy it first: `let copy = …` and use the copy inside the closure"),
        E::ErrorAssignmentToConstant(name, _) => {
            Failure::usage(format!("`{name}` is a constant: it cannot be changed"))
        }
        E::ErrorNonPureMethodCallOnConstant(name, _) => {
            Failure::usage(format!("`{name}` would change a constant")).hint("copy it first: `let copy = …`")
        }
        E::ErrorModuleNotFound(name, _) => match known {
            Some(known) => known.no_module(name),
            None => Failure::usage(format!("there is no module `{name}`")),
        },
        E::ErrorStackOverflow(_) => script("functions call each other too deeply".into())
            .hint("a function that calls itself must end at some depth below 128"),
        E::ErrorArrayBounds(count, index, _) => script(format!("there is no item {index}: the list has {count}")),
        E::ErrorFor(_) => Failure::usage("`for` needs a list, a range or an object")
            .hint("of a map: `for key in map.keys() { map[key] }`; what `cluster.list(…)` gives is the list itself"),
        E::ErrorUnboundThis(_) => Failure::usage("`this` is only known in a function that is called on a value"),
        E::ErrorArithmetic(said, _) => script(said.to_lowercase_first()),
        E::ErrorDataTooLarge(what, _) => script(format!("{} is too large", what.to_lowercase_first())),
        other => script(without_position(other).to_lowercase_first()),
    }
}

/// Rhai's message without the position it appends, which the report shows itself.
fn without_position(error: &EvalAltResult) -> String {
    let text = error.to_string();
    let position = error.position();
    let end = format!(" ({position})");
    text.strip_suffix(&end).unwrap_or(&text).to_owned()
}

/// `name (first, second)`, as Rhai writes the call of a function that it does not know.
fn missing_function(signature: &str, value: Option<&str>, known: Option<&Known<'_>>) -> Failure {
    let (name, types) = signature.split_once('(').unwrap_or((signature, ""));
    let name = name.trim();
    let types: Vec<_> = types.trim_end_matches(')').split(',').map(short).filter(|t| !t.is_empty()).collect();
    let is_operator = !name.starts_with(|first: char| first.is_alphabetic() || first == '_');
    if let ([left, right], true) = (types.as_slice(), is_operator) {
        return operator(name, left, right);
    }
    if name.starts_with("anon$") {
        return Failure::usage(format!(
            "a closure was called with {} arguments, which is not what it takes",
            types.len()
        ));
    }
    let Some(known) = known else { return Failure::usage(format!("there is no function `{name}`")) };
    if let Some((module, function)) = name.rsplit_once("::") {
        return known.not_in_module(module, function, types.len());
    }
    match (types.first(), value) {
        // All namespace objects have one type; the text tells which one it was.
        (Some(&"namespace"), Some(on)) => known.no_function(name, &[&[on], &types[1..]].concat()),
        (Some(&"()"), Some(value)) => missing_value(value, &format!("{name}()")),
        _ => known.no_function(name, &types),
    }
}

fn operator(name: &str, left: &str, right: &str) -> Failure {
    let failure =
        Failure::usage(format!("`{name}` does not work between {} and {}", with_article(left), with_article(right)));
    match (left, right) {
        ("()", _) | (_, "()") => failure.hint("one side is missing; `value ?? default` gives it a default"),
        _ => failure,
    }
}

/// Rhai's type names as scripts know them.
fn short(name: &str) -> &str {
    match name.trim() {
        "&str | ImmutableString | String" | "alloc::string::String" | "&str" => "string",
        "i64" | "core::primitive::i64" => "int",
        "f64" => "float",
        "Fn" => "closure",
        other => other.rsplit("::").next().unwrap_or(other),
    }
}

fn clean_types(text: &str) -> String {
    text.replace("&str | ImmutableString | String", "string").replace("i64", "int").replace("f64", "float")
}

fn dot(said: &str, value: Option<&str>) -> Failure {
    let mut quoted = said.split('\'').skip(1).step_by(2);
    match (quoted.next(), quoted.next().map(short)) {
        (Some(field), Some("()")) => missing_value(value.unwrap_or("the value before it"), field),
        (Some(field), Some(kind)) => Failure::usage(format!("{} has no field `{field}`", with_article(kind))),
        _ => Failure::usage(clean_types(said)),
    }
}

/// The failure of asking for a part of a value that is not there.
fn missing_value(value: &str, part: &str) -> Failure {
    Failure::usage(format!("`{value}` is missing, `()`, so there is no `{part}` of it"))
        .hint(format!("if it may be missing, write `{value}?.{part}`, and `?? default` behind it"))
}

/// The expression before the dot or bracket at a place, as the script writes it: `o.spec.http[0]` for `o.spec.http[0].x`.
fn value_before(inside: &Inside, place: &Place) -> Option<String> {
    let text = inside.text(&place.source)?;
    let line = text.lines().nth(place.line.checked_sub(1)?)?;
    let before: String = line.chars().take(place.column.checked_sub(1)?).collect();
    let before = before.trim_end_matches(['.', '?', '[', ' ']);
    let mut depth = 0_i32;
    let start = before.char_indices().rev().take_while(|(_, c)| {
        depth += match c {
            ']' | ')' | '}' => 1,
            '[' | '(' | '{' => -1,
            _ => 0,
        };
        let is_part = c.is_alphanumeric() || ['_', '.', '?', ':'].contains(c);
        depth > 0 || depth == 0 && (is_part || ['[', '(', '{', '#'].contains(c))
    });
    let start = start.last().map(|(at, _)| at)?;
    Some(before[start..].to_owned())
}

fn missing_variable(name: &str, place: Option<&Place>, inside: Option<&Inside>) -> Failure {
    let failure = Failure::usage(format!("there is no variable `{name}`"));
    let Some(inside) = inside else { return failure };
    let text = place.and_then(|place| inside.text(&place.source)).unwrap_or_default();
    let objects = inside.catalogue.iter().map(|listed| listed.on).filter(|on| on.starts_with(char::is_lowercase));
    let declared: Vec<_> = declared(&text).chain(objects).collect();
    if let Some(meant) = habits::word(name).filter(|_| !declared.contains(&name)) {
        return failure.hint(meant);
    }
    let words = ["true", "false", "if", "else", "return", "params"];
    if declared.contains(&name) || name == "params" {
        let passed = format!(
            "variables end with their block, and functions see only what is passed to them: pass `{name}` as an argument"
        );
        let is_parameters = name == "params";
        return failure.hint(if is_parameters {
            passed
        } else {
            format!("{passed}, or, for a `const`, write `global::{name}`")
        });
    }
    match nearest(name, declared.into_iter().chain(words)) {
        Some(meant) => failure.hint(format!("did you mean `{meant}`?")),
        None => match place.and_then(|place| habits::at(&text, place.line, place.column)) {
            Some(meant) => failure.hint(meant),
            None => failure,
        },
    }
}

/// The names that a text declares with `let`, `const`, `for` and `as`.
fn declared(text: &str) -> impl Iterator<Item = &str> {
    let words = super::lexer::pieces(text).into_iter().filter_map(|piece| match piece.what {
        super::lexer::What::Word(word) => Some(word),
        _ => None,
    });
    let next = words.clone().skip(1);
    words.zip(next).filter(|(word, _)| ["let", "const", "for", "as"].contains(word)).map(|(_, name)| name)
}

/// A parse error of Rhai in plain words.
pub(super) fn parse_words(error: &ParseErrorType) -> String {
    use ParseErrorType as P;
    match error {
        P::UnexpectedEOF => "the script ends in the middle of something".into(),
        P::MissingToken(token, _) if token == ";" => {
            "`;` is missing before this: the statement above it does not end".into()
        }
        P::MissingToken(token, why) => format!("`{token}` is missing here{}", purpose(why)),
        P::Reserved(word) => format!("`{word}` is a reserved word: it cannot be used as a name here"),
        P::VariableExpected => "a variable's name must stand here".into(),
        P::PropertyExpected => "a field's name must stand here".into(),
        P::ExprExpected(_) => "an expression must stand here".into(),
        P::FnMissingBody(name) => format!("function `{name}` has no body"),
        P::WrongFnDefinition => "functions can only be defined at the top of a script, not inside a block".into(),
        P::WrongDocComment => "a `///` comment must stand directly before a function".into(),
        P::AssignmentToConstant(name) => format!("`{name}` is a constant: it cannot be changed"),
        P::VariableUndefined(name) => format!("there is no variable `{name}`"),
        P::ModuleUndefined(name) => format!("there is no module `{name}`: import it at the top of the file"),
        P::MismatchedType(wanted, got) => {
            format!("this must be {wanted}, not {got}").replace("a boolean expression", "true or false")
        }
        P::DuplicatedProperty(name) => format!("the key `{name}` stands here twice"),
        P::LoopBreak => "`break` and `continue` work in loops only".into(),
        P::BadInput(rhai::LexError::ImproperSymbol(_, why)) if !why.is_empty() => why.clone(),
        P::BadInput(rhai::LexError::UnterminatedString) => "this text has no closing quote".into(),
        P::BadInput(rhai::LexError::MalformedChar(_)) => {
            "single quotes hold one character; text stands in double quotes, or in back-ticks".into()
        }
        other => other.to_string().to_lowercase_first(),
    }
}

/// What the word before a place may have been meant to be, where a statement seems to lack its end.
pub(super) fn meant_word(text: &str, line: usize, column: usize) -> Option<Failure> {
    const WORDS: [&str; 14] = [
        "step", "let", "const", "fn", "import", "if", "else", "for", "while", "loop", "switch", "return", "throw",
        "try",
    ];
    let line = text.lines().nth(line.checked_sub(1)?)?;
    let before: String = line.chars().take(column.checked_sub(1)?).collect();
    let word = before.trim_end().rsplit(|c: char| !(c.is_alphanumeric() || c == '_')).next()?;
    if word == "step" {
        return Some(
            Failure::usage("a step needs a name").hint("`step \"NAME\" { … }`, or `step \"NAME\" on CLUSTER { … }`"),
        );
    }
    let meant = nearest(word, WORDS).filter(|_| !WORDS.contains(&word))?;
    let said = format!("`{word}` is no word that a statement begins with");
    Some(Failure::usage(said).hint(format!("did you mean `{meant}`?")))
}

fn purpose(why: &str) -> String {
    let why = why.replace(super::tokens::STEP, "step").replace('\'', "`").replace("object map literal", "map");
    if why.is_empty() { why } else { format!(" {why}") }
}

trait LowercaseFirst {
    fn to_lowercase_first(&self) -> String;
}

impl LowercaseFirst for String {
    fn to_lowercase_first(&self) -> String {
        let mut chars = self.chars();
        match chars.next() {
            Some(first) => first.to_lowercase().chain(chars).collect(),
            None => "it cannot be computed".to_owned(),
        }
    }
}
