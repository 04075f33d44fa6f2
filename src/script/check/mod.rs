//! What can be told about a script without running it.
//!
//! Rhai finds an unknown function only when the line is reached, perhaps in the middle of a run. Here the whole text is
//! read against the table of primitives, the modules it imports and its own header. What cannot be known for sure is
//! not reported.

mod calls;
mod circles;
mod files;
mod lists;
mod literals;
mod names;
mod needs;
mod stand_in;
mod traps;
mod tree;
mod variables;

use super::header::{self, Header};
use crate::engine::{Callables, Sources, compile, parser};
use crate::failure::{Failure, Place};
use rhai::Position;
use rhai::{AST, ASTNode, Stmt};
use std::collections::BTreeSet;

pub(in crate::script) use names::uses_of_params;

pub use files::{Checked, Vocabulary, check_all};
use stand_in::lacking;

/// A file to be checked.
pub struct Subject<'s> {
    /// Its source name.
    pub source: &'s str,
    /// Its text.
    pub text: &'s str,
    /// Whether it is only imported, or asked by a rehearsal: it has no parameters and no needs of its own.
    pub is_module: bool,
    /// The script that it is a step of: its header and its variables are there.
    pub around: Option<&'s Around>,
}

/// What a file that stands in for a step finds around it.
pub struct Around {
    /// The header of the fork.
    pub header: Header,
    /// The variables that the script declares.
    pub variables: BTreeSet<String>,
}

impl Around {
    /// What is around the steps of a script.
    pub fn of(text: &str, header: Header) -> Around {
        let mut variables = BTreeSet::new();
        if let Ok(ast) = compile(&parser(), "", text) {
            tree::each(&ast, |path| {
                if let Some(ASTNode::Stmt(Stmt::Var(var, ..))) = path.last() {
                    variables.insert(var.0.name.to_string());
                }
            });
        }
        Around { header, variables }
    }
}

/// What is being read, and what was found.
struct Reading<'c> {
    subject: &'c Subject<'c>,
    known: &'c Callables,
    sources: &'c dyn Sources,
    header: Header,
    ast: &'c AST,
    found: Vec<Failure>,
}

/// Everything that is wrong with a file, in its order.
pub fn check(subject: &Subject<'_>, known: &Callables, sources: &dyn Sources) -> Vec<Failure> {
    let header = match subject.around {
        Some(around) => Ok(around.header.clone()),
        None => Header::read(subject.source, subject.text),
    };
    let ast = compile(&parser(), subject.source, subject.text);
    let (header, ast) = match (header, ast) {
        (Ok(header), Ok(ast)) => (header, ast),
        (header, ast) => return header.err().into_iter().flatten().chain(ast.err()).collect(),
    };
    let mut reading = Reading { subject, known, sources, header, ast: &ast, found: Vec::new() };
    let mut names = names::Names::of(&ast, known, &reading.header);
    names.around.extend(subject.around.iter().flat_map(|around| around.variables.clone()));
    names.declared.extend(names.around.clone());
    variables::check(&mut reading, &names);
    names::check(&mut reading, &names);
    calls::check(&mut reading, &names);
    traps::check(&mut reading, &names);
    lists::check(&mut reading, &names);
    if !subject.is_module && is_script(&reading) {
        needs::check(&mut reading, &names);
    }
    let mut found = reading.found;
    found.sort_by_key(|failure| failure.places.first().map(|place| (place.line, place.column)));
    found.dedup();
    found
}

/// A script has a title, or does something when it is run; everything else is there to be imported.
fn is_script(reading: &Reading<'_>) -> bool {
    let does = |stmt: &Stmt| !matches!(stmt, Stmt::Import(..) | Stmt::Var(..) | Stmt::Noop(..) | Stmt::Export(..));
    !reading.header.title.is_empty() || reading.ast.statements().iter().any(does)
}

impl Reading<'_> {
    fn at(&mut self, position: Position, failure: Failure) {
        let Some(line) = position.line() else { return };
        let place = Place { source: self.subject.source.to_owned(), line, column: position.position().unwrap_or(1) };
        self.found.push(Failure { places: vec![place], ..failure });
    }

    fn in_header(&mut self, path: &[&str], failure: Failure) {
        let place = header::place(self.subject.source, self.subject.text, path);
        self.found.push(Failure { places: vec![place], ..failure });
    }
}

#[cfg(test)]
mod tests;
