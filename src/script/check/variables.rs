//! Variables that are not there where they are used: misspelled, declared elsewhere, or meant otherwise.

use super::Reading;
use super::names::Names;
use super::tree::{self, is_declared_there, variable};
use crate::engine::{habit, habit_at, nearest};
use crate::failure::Failure;
use rhai::{ASTNode, Expr, Position, Stmt};
use std::collections::BTreeSet;

/// A name that means nothing where it stands.
struct Lost {
    name: String,
    position: Position,
    /// Whether it stands in a function, which sees nothing around it.
    in_function: bool,
}

pub(super) fn check(reading: &mut Reading<'_>, names: &Names) {
    let mut lost = Vec::new();
    let mut top = reading.ast.clone();
    top.clear_functions();
    let known = |name: &str| names.around.contains(name) || name == "params";
    look(reading, names, &top, false, &known, &mut lost);
    for function in reading.ast.iter_fn_def() {
        let mut alone = reading.ast.clone_functions_only();
        alone.retain_functions(|_, _, name, count| name == function.name.as_str() && count == function.params.len());
        let params: BTreeSet<&str> = function.params.iter().map(|param| param.as_str()).collect();
        // What a closure takes along is a parameter of it, and was looked at where the closure stands.
        let in_function = !function.name.starts_with("anon$");
        look(reading, names, &alone, in_function, &|name| params.contains(name), &mut lost);
    }
    for lost in lost {
        let failure = failure(reading, names, &lost);
        reading.at(lost.position, failure);
    }
}

fn look(
    reading: &Reading<'_>,
    names: &Names,
    part: &rhai::AST,
    in_function: bool,
    known: &dyn Fn(&str) -> bool,
    lost: &mut Vec<Lost>,
) {
    let means = |name: &str| {
        known(name) || reading.known.is_namespace(name) || names.functions.contains_key(name) || name == "_"
    };
    let mut add = |name: &str, position: Position| {
        if !means(name) {
            lost.push(Lost { name: name.to_owned(), position, in_function });
        }
    };
    tree::each(part, |path| match path.last() {
        Some(ASTNode::Expr(expr @ Expr::Variable(.., position))) if !is_declared_there(expr) => {
            variable(expr).into_iter().for_each(|name| add(name, *position));
        }
        Some(ASTNode::Stmt(Stmt::Share(taken))) => {
            taken.iter().filter(|(_, index)| index.is_none()).for_each(|(name, _)| add(&name.name, name.pos));
        }
        _ => {}
    });
}

fn failure(reading: &Reading<'_>, names: &Names, lost: &Lost) -> Failure {
    let name = lost.name.as_str();
    if name == "params" || names.declared.contains(name) {
        return Failure::usage(format!("there is no variable `{name}` here")).hint(elsewhere(name, lost.in_function));
    }
    let failure = Failure::usage(format!("there is no variable `{name}`"));
    if let Some(meant) = habit(name) {
        return failure.hint(meant);
    }
    let known = names.declared.iter().map(String::as_str).chain(reading.known.namespaces());
    if let Some(meant) = nearest(name, known.chain(["params", "true", "false"])) {
        return failure.hint(format!("did you mean `{meant}`?"));
    }
    let place = lost.position.line().zip(lost.position.position());
    match place.and_then(|(line, column)| habit_at(reading.subject.text, line, column)) {
        Some(meant) => failure.hint(meant),
        None => failure,
    }
}

/// What helps with a variable that is declared elsewhere.
fn elsewhere(name: &str, in_function: bool) -> String {
    if !in_function {
        return format!(
            "a variable is there from its `let` to the end of the block around it: write `let {name} = ();` before that block"
        );
    }
    let passed = format!("functions see only what is passed to them: pass `{name}` as an argument");
    if name == "params" { passed } else { format!("{passed}, or, for a `const`, write `global::{name}`") }
}
