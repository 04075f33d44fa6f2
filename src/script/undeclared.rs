//! Parameters that a script uses and its header does not declare: told before the run, not in the middle of it.

use super::header::Header;
use super::lexer::{Piece, What, pieces};
use crate::engine::nearest;
use crate::failure::{Failure, Place, Result};

/// Holds every `params.NAME` of a script against its header.
///
/// # Errors
/// `Usage` with the place of the first that is not declared.
pub fn check(source: &str, text: &str, header: &Header) -> Result<()> {
    let pieces: Vec<_> = pieces(text).into_iter().filter(|piece| !matches!(piece.what, What::Comment(_))).collect();
    let dotted = |at: usize| at > 0 && matches!(pieces[at - 1].what, What::Symbol('.'));
    let used = pieces.windows(4).enumerate().filter(|(at, _)| !dotted(*at)).filter_map(|(_, part)| used(part));
    let strange = used.filter(|piece| matches!(piece.what, What::Word(name) if header.param(name).is_none()));
    // A script may use the word for something of its own.
    let own = pieces.windows(2).any(|pair| is_own(pair)) || has_own_parameter(&pieces);
    let Some(piece) = strange.into_iter().next().filter(|_| !own) else { return Ok(()) };
    let name = &text[piece.start..piece.end];
    let failure = Failure::usage(format!("the header declares no parameter `{name}`"));
    let column = text[..piece.start].chars().rev().take_while(|c| *c != '\n').count() + 1;
    let failure = Failure { places: vec![Place { source: source.to_owned(), line: piece.line, column }], ..failure };
    Err(match nearest(name, header.params.iter().map(|param| param.name.as_str())) {
        Some(meant) => failure.hint(format!("did you mean `{meant}`?")),
        None => failure.hint(format!("declare it in the header: `params: {{{name}: {{type: string, help: \"…\"}}}}`")),
    })
}

/// The name in `params.NAME`, unless it is a function that is called.
fn used<'t>(part: &[Piece<'t>]) -> Option<Piece<'t>> {
    let [params, dot, name, next] = part else { return None };
    let fits = params.what == What::Word("params") && dot.what == What::Symbol('.') && next.what != What::Symbol('(');
    (fits && matches!(name.what, What::Word(_))).then_some(*name)
}

/// Whether `params` stands among the parameters of a function or a closure.
fn has_own_parameter(pieces: &[Piece<'_>]) -> bool {
    let among = |rest: &[Piece<'_>], end: char| {
        let mut list = rest.iter().take_while(|piece| piece.what != What::Symbol(end));
        // Only names and commas: a `|` may be an operator as well.
        let mut found = false;
        let is_list = list.all(|piece| {
            found |= piece.what == What::Word("params");
            matches!(piece.what, What::Word(_) | What::Symbol(','))
        });
        found && is_list
    };
    let function = |at: usize| at >= 2 && pieces[at - 2].what == What::Word("fn");
    pieces.iter().enumerate().any(|(at, piece)| match piece.what {
        What::Symbol('(') if function(at) => among(&pieces[at + 1..], ')'),
        What::Symbol('|') => among(&pieces[at + 1..], '|'),
        _ => false,
    })
}

/// `let params`, or a parameter of a closure.
fn is_own(pair: &[Piece<'_>]) -> bool {
    let bound = matches!(pair[0].what, What::Word("let" | "const" | "for" | "as") | What::Symbol('|'));
    let closes = pair[0].what == What::Word("params") && pair[1].what == What::Symbol('|');
    bound && pair[1].what == What::Word("params") || closes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Option<(String, usize, usize)> {
        let whole = format!("//! # T\n//! ---\n//! params:\n//!   sample: {{type: bool}}\n//! ---\n{text}\n");
        let header = Header::parse("a.rhai", &whole).expect("header");
        let failure = check("a.rhai", &whole, &header).err()?;
        Some((failure.hint.unwrap_or_default(), failure.places[0].line, failure.places[0].column))
    }

    #[test]
    fn a_parameter_that_is_not_declared_is_told_with_the_nearest() {
        assert_eq!(told("let a = 1;\nif params.samples { }"), Some(("did you mean `sample`?".into(), 7, 11)));
        assert!(told("fn f(a) { a } f(params.other)").is_some());
        assert!(told("print(params.other);").is_some_and(|(hint, ..)| hint.starts_with("declare it")));
    }

    #[test]
    fn what_is_declared_called_or_somebody_elses_is_not_told() {
        for text in [
            "params.sample;",
            "params.keys();",
            "// params.other\n1;",
            "mesh.params.other;",
            "let params = 1; params.other;",
            "fn describe(params) { params.other }",
            "fn describe(a, params, b) { params.other }",
            "[1].map(|a, params, b| params.other)",
        ] {
            assert_eq!(told(text), None, "{text}");
        }
    }
}
