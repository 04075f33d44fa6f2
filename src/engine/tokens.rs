//! Words that Rhai reserves, given back to scripts where they name something.
//!
//! Kubernetes and Istio have fields named `match`, `default`, `in`, `if`, `protocol`, …. After a dot, before the `:` of
//! a map literal and, for words that Rhai only reserves for its future, as variables, they are plain names here. And
//! `step` begins a step only where a name follows, and `test` a test; everywhere else they are names too.
//!
//! Rhai's tokenizer tells its mapper one token at a time; what stands around it is looked up in the text, which
//! [`reading`] keeps for the time of one compilation.

use rhai::{Engine, LexError, Position, Token};
use std::cell::RefCell;

/// The key of the `step` syntax: what its token is mapped to, and nothing a script could write itself.
pub(super) const STEP: &str = "step NAME";

/// The same for `test`.
pub(super) const TEST: &str = "test NAME";

/// Reserved words with a meaning of their own in Rhai.
const MEANINGFUL: [&str; 11] =
    ["this", "Fn", "call", "curry", "is_shared", "is_def_fn", "is_def_var", "type_of", "print", "debug", "eval"];

thread_local! {
    static TEXT: RefCell<Option<Text>> = const { RefCell::new(None) };
}

/// A text under compilation, with the byte offset of each line.
struct Text {
    text: String,
    lines: Vec<usize>,
}

/// Runs a compilation of this text.
pub(super) fn reading<T>(text: &str, compile: impl FnOnce() -> T) -> T {
    let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
    let before = TEXT.replace(Some(Text { text: text.to_owned(), lines }));
    let result = compile();
    TEXT.set(before);
    result
}

/// Makes an engine's compilations use these rules.
pub(super) fn register(engine: &mut Engine) {
    #[expect(deprecated, reason = "Rhai marks this hook as volatile; the version is pinned")]
    engine.on_parse_token(|token, position, _| map(token, position));
}

fn map(token: Token, position: Position) -> Token {
    match &token {
        Token::Identifier(name) if *name.as_str() == *"step" && begins_step(position) => identifier(STEP),
        Token::Identifier(name) if *name.as_str() == *"test" && begins_test(position) => identifier(TEST),
        Token::Reserved(name) if !is_word(name) => token,
        Token::Reserved(name) if is_name(name, position) => identifier(name),
        Token::Reserved(name) if *name.as_str() == *"eval" => Token::LexError(Box::new(no_eval())),
        Token::Reserved(name) if MEANINGFUL.contains(&name.as_str()) => token,
        Token::Reserved(name) => identifier(name),
        // `_1`, `_2`: Rhai wants a letter in a name.
        Token::LexError(error) => match &**error {
            LexError::MalformedIdentifier(name) if is_result(name) => identifier(name),
            _ => token,
        },
        Token::Underscore if !is_default_case(position) => identifier("_"),
        Token::UnaryPlus if follows_field(position) => Token::Plus,
        Token::UnaryMinus if follows_field(position) => Token::Minus,
        keyword if keyword.is_literal() && is_word(keyword.literal_syntax()) => {
            let name = keyword.literal_syntax();
            if is_name(name, position) { identifier(name) } else { token }
        }
        _ => token,
    }
}

fn identifier(name: &str) -> Token {
    Token::Identifier(Box::new(name.into()))
}

fn no_eval() -> LexError {
    let why = "`eval` is switched off: a script is what its text says".to_owned();
    LexError::ImproperSymbol("eval".to_owned(), why)
}

fn is_word(text: &str) -> bool {
    text.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

/// Whether the word at this position is a field after a dot or the key of a map literal.
fn is_name(word: &str, position: Position) -> bool {
    around(position, |before, after| {
        let before = before.trim_end();
        let after_dot = before.ends_with('.') && !before.ends_with("..");
        let after = after.get(word.len()..).unwrap_or_default().trim_start();
        after_dot || after.starts_with(':') && !after.starts_with("::")
    })
    .unwrap_or(false)
}

/// Whether what stands before this position is a field or a result, so that a sign here is an operator. Rhai's tokenizer takes a
/// sign after a keyword for the sign of a number.
fn follows_field(position: Position) -> bool {
    around(position, |before, _| {
        let before = before.trim_end();
        let word = before.trim_end_matches(|c: char| c.is_alphanumeric() || c == '_');
        let is_field = word.len() < before.len() && word.trim_end().ends_with('.') && !word.trim_end().ends_with("..");
        is_field || is_result(&before[word.len()..])
    })
    .unwrap_or(false)
}

/// Whether a word is `_`, `_1`, …: the results of a prompt.
fn is_result(word: &str) -> bool {
    word.strip_prefix('_').is_some_and(|number| number.chars().all(|c| c.is_ascii_digit()))
}

/// Whether the `_` at this position is the default case of a `switch`. Elsewhere it is a name.
fn is_default_case(position: Position) -> bool {
    let after = |text: &str| {
        let next = text.strip_prefix('_').unwrap_or(text).trim_start();
        next.starts_with("=>") || next.starts_with("if ")
    };
    around(position, |_, text| after(text)).unwrap_or(true)
}

/// Whether the `step` at this position is followed by a step's name. Without a text to look at, it is.
fn begins_step(position: Position) -> bool {
    around(position, |before, after| {
        let names_field = before.trim_end().ends_with('.');
        let after = after.get("step".len()..).unwrap_or_default();
        let next = after.trim_start();
        let is_spaced = next.len() < after.len();
        let word: String = next.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        let names_step = next.starts_with(['"', '`']) || is_word(&word) && is_spaced && word != "in";
        !names_field && names_step
    })
    .unwrap_or(true)
}

/// Whether the `test` at this position is followed by a text, a test's name.
fn begins_test(position: Position) -> bool {
    around(position, |before, after| {
        let after = after.get("test".len()..).unwrap_or_default();
        !before.trim_end().ends_with('.') && after.trim_start().starts_with(['"', '`'])
    })
    .unwrap_or(true)
}

/// Looks at the line's text before a position, and at all text from it. Earlier lines stay out: one may be a comment
/// that ends in a period.
fn around<T>(position: Position, look: impl FnOnce(&str, &str) -> T) -> Option<T> {
    TEXT.with_borrow(|text| {
        let text = text.as_ref()?;
        let start = *text.lines.get(position.line()?.checked_sub(1)?)?;
        let column = position.position()?.checked_sub(1)?;
        let line = &text.text[start..];
        let offset = line.char_indices().nth(column).map_or(line.len(), |(at, _)| at);
        Some(look(&line[..offset], &line[offset..]))
    })
}
