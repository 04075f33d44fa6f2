//! What of a step that failed is gone: the variables of its loops, inner blocks, closures and functions have ended with
//! those. Whoever looks for one is told so.

use super::Repl;
use crate::failure::Failure;
use crate::script::lexer::{Piece, What, pieces};
use crate::script::parts::Part;

impl Repl {
    /// The variables of the step that failed: those at hand, and those that are gone.
    pub(super) fn of_failed_step(&self, failure: &Failure) -> String {
        let mut names = self.console.of_step();
        names.dedup();
        let gone = self.gone(failure);
        let listed = |start: &str, names: &[String]| match names {
            [] => String::new(),
            names => format!("{start}: {}.\n", names.join(", ")),
        };
        let gone = listed("Gone with the loops, blocks, closures or functions they stood in", &gone);
        self.fitted(&format!("{}{gone}", listed("In the step", &names)))
    }

    /// What the script declares up to the place of a failure, in the statement that failed or in functions called there,
    /// and nobody has any more.
    fn gone(&self, failure: &Failure) -> Vec<String> {
        let Some(opened) = &self.opened else { return Vec::new() };
        let mut gone: Vec<String> = Vec::new();
        for part in &opened.parts {
            let within = part.line..part.line + part.text.lines().count();
            let here = failure.places.iter().filter(|place| place.source == opened.script.source);
            let Some(last) = here.map(|place| place.line).filter(|line| within.contains(line)).max() else { continue };
            gone.extend(declared(part).into_iter().filter(|(line, _)| *line <= last).map(|(_, name)| name));
        }
        let mut seen = std::collections::HashSet::new();
        gone.retain(|name| !self.console.scope().contains(name) && seen.insert(name.clone()));
        gone
    }
}

/// The variables and parameters that a statement declares inside, with their lines. What stands in the block of a step
/// itself is at hand once it is made.
fn declared(part: &Part) -> Vec<(usize, String)> {
    let all: Vec<Piece<'_>> =
        pieces(&part.text).into_iter().filter(|piece| !matches!(piece.what, What::Comment(_))).collect();
    let (mut found, mut closed, mut depth) = (Vec::new(), None, 0_usize);
    let own = usize::from(!part.is_function);
    for (at, piece) in all.iter().enumerate() {
        let rest = &all[at + 1..];
        match piece.what {
            What::Symbol('{') => depth += 1,
            What::Symbol('}') => depth = depth.saturating_sub(1),
            _ => {}
        }
        let names = match piece.what {
            What::Word("let" | "const") if depth > own => words(&rest[..rest.len().min(1)]),
            What::Word("for") => words(&rest[..until(rest, |what| what == What::Word("in"))]),
            What::Word("fn") => words(&rest[rest.len().min(1)..until(rest, |what| what == What::Symbol(')'))]),
            What::Symbol('|') if closed != Some(at) => {
                let names = closure(rest);
                if !names.is_empty() {
                    closed = Some(at + 1 + until(rest, |what| what == What::Symbol('|')));
                }
                names
            }
            _ => Vec::new(),
        };
        found.extend(names.into_iter().map(|name| (part.line + piece.line - 1, name)));
    }
    found
}

/// The parameters of a closure, behind the first `|`.
fn closure(rest: &[Piece<'_>]) -> Vec<String> {
    let end = until(rest, |what| what == What::Symbol('|'));
    let is_list = rest[..end].iter().all(|piece| matches!(piece.what, What::Word(_) | What::Symbol(',')));
    if is_list && end < rest.len() { words(&rest[..end]) } else { Vec::new() }
}

fn until(pieces: &[Piece<'_>], ends: impl Fn(What<'_>) -> bool) -> usize {
    pieces.iter().position(|piece| ends(piece.what)).unwrap_or(pieces.len()).max(1).min(pieces.len())
}

fn words(pieces: &[Piece<'_>]) -> Vec<String> {
    let word = |piece: &Piece<'_>| match piece.what {
        What::Word(word) => Some(word.to_owned()),
        _ => None,
    };
    pieces.iter().filter_map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_statement_declares_is_found() {
        let text = "step \"x\" {\n let a = 1; for (b, i) in [1] { const C = b || a; }\n [1].map(|d, e| d | e);\n f(|| 1) }\nfn g(h) { let k = h; k }";
        let part = &crate::script::parts::parts(text)[0];
        let names: Vec<_> = declared(part).into_iter().map(|(line, name)| format!("{line}{name}")).collect();
        assert_eq!(names, ["2b", "2i", "2C", "3d", "3e"]);
        let part = &crate::script::parts::parts(text)[1];
        assert_eq!(declared(part), [(5, "h".to_owned()), (5, "k".to_owned())]);
    }
}
