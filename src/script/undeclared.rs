//! Parameters that a script uses and its header does not declare: told before the run, not in the middle of it.

use super::check::uses_of_params;
use super::header::Header;
use crate::engine::{compile, nearest, parser};
use crate::failure::{Failure, Place, Result};

/// Holds every `params.NAME` of a script against its header. A text that is no script is told when it is compiled to be
/// run.
///
/// # Errors
/// `Usage` with the place of the first that is not declared.
pub fn check(source: &str, text: &str, header: &Header) -> Result<()> {
    let Ok(ast) = compile(&parser(), source, text) else { return Ok(()) };
    let used = uses_of_params(&ast, header);
    let mut strange: Vec<_> = used.into_iter().filter(|(name, _)| header.param(name).is_none()).collect();
    strange.sort_by_key(|(_, at)| (at.line(), at.position()));
    let Some((name, at)) = strange.first() else { return Ok(()) };
    let place = Place { source: source.to_owned(), line: at.line().unwrap_or(1), column: at.position().unwrap_or(1) };
    let failure =
        Failure { places: vec![place], ..Failure::usage(format!("the header declares no parameter `{name}`")) };
    Err(match nearest(name, header.params.iter().map(|param| param.name.as_str())) {
        Some(meant) => failure.hint(format!("did you mean `{meant}`?")),
        None => failure.hint(format!("declare it in the header: `params: {{{name}: {{type: string, help: \"…\"}}}}`")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Option<(String, usize, usize)> {
        let whole = format!("//! # T\n//! ---\n//! params:\n//!   sample: {{type: bool}}\n//! ---\n{text}");
        let header = Header::parse("a.rhai", &whole).expect("header");
        let failure = check("a.rhai", &whole, &header).err()?;
        Some((failure.hint.unwrap_or_default(), failure.places[0].line, failure.places[0].column))
    }

    #[test]
    fn a_parameter_that_is_not_declared_is_told_with_the_nearest() {
        assert_eq!(told("let a = 1;\nif params.samples { }"), Some(("did you mean `sample`?".into(), 7, 11)));
        assert!(told("fn f(a) { a } f(params.other)").is_some());
        assert_eq!(told("print(`<${params.samples}>`)"), Some(("did you mean `sample`?".into(), 6, 18)));
        assert!(told("let a = 1;\nparams.other").is_some());
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
