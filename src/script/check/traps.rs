//! What is right to the letter, and does something else than it says.

use super::Reading;
use super::names::Names;
use super::tree::{self, closure, last, root, variable};
use crate::failure::Failure;
use rhai::{ASTNode, Expr, Position, Stmt};

/// Methods that change what they are called on and give nothing, each with how many arguments it takes.
const IN_PLACE: [(&str, &[usize]); 13] = [
    ("replace", &[2]),
    ("trim", &[0]),
    ("make_upper", &[0]),
    ("make_lower", &[0]),
    ("push", &[1]),
    ("append", &[1]),
    ("insert", &[2]),
    ("sort", &[0, 1]),
    ("reverse", &[0]),
    ("clear", &[0]),
    ("truncate", &[1]),
    ("crop", &[1, 2]),
    ("pad", &[2]),
];

pub(super) fn check(reading: &mut Reading<'_>, names: &Names) {
    in_place(reading, names);
    kept_in_loops(reading);
    written_copies(reading);
}

/// `let t = s.replace(…)`: the method changes `s`, and `t` is nothing.
fn in_place(reading: &mut Reading<'_>, names: &Names) {
    let mut wrong: Vec<(String, Position)> = Vec::new();
    let mut look = |value: &Expr| {
        let (Expr::MethodCall(call, position), Some(before)) = last(value) else { return };
        let is_in_place = IN_PLACE.iter().any(|(name, counts)| *name == call.name && counts.contains(&call.args.len()));
        let is_own =
            names.functions.contains_key(call.name.as_str()) || names.namespace(before, reading.known).is_some();
        if is_in_place && !is_own {
            wrong.push((call.name.to_string(), *position));
        }
    };
    tree::each(reading.ast, |path| match path.last() {
        Some(ASTNode::Stmt(Stmt::Var(var, ..))) => look(&var.1),
        Some(ASTNode::Stmt(Stmt::Assignment(assignment))) => look(&assignment.1.rhs),
        Some(ASTNode::Stmt(Stmt::Return(Some(value), ..))) => look(value),
        Some(ASTNode::Expr(Expr::InterpolatedString(parts, _))) => parts.iter().for_each(&mut look),
        _ => {
            let call = tree::call(path);
            call.iter().flat_map(|call| &call.call.args).for_each(&mut look);
        }
    });
    for (name, position) in wrong {
        let failure = Failure::usage(format!("`{name}` changes the value it is called on and gives nothing, `()`"));
        let hint = match name.as_str() {
            "replace" | "trim" => format!("call it as a statement, or take text.{name}(…), which gives the new text"),
            _ => "call it as a statement, and use the changed value afterwards".to_owned(),
        };
        reading.at(position, failure.hint(hint));
    }
}

/// Methods that keep a closure for later.
const KEEPING: [&str; 3] = ["push", "insert", "append"];

/// Where in a path the closure at its end is kept: put into a list, or assigned.
fn keeper(path: &[ASTNode<'_>]) -> Option<usize> {
    for (at, node) in path.iter().enumerate().rev().skip(1) {
        match node {
            ASTNode::Expr(Expr::Array(..) | Expr::Map(..) | Expr::Dot(..)) => {}
            ASTNode::Expr(Expr::MethodCall(call, _)) if KEEPING.contains(&call.name.as_str()) => return Some(at),
            ASTNode::Stmt(Stmt::Assignment(_)) => return Some(at),
            _ => return None,
        }
    }
    None
}

/// Closures made in a loop and kept: all of them see the loop variable's last value.
fn kept_in_loops(reading: &mut Reading<'_>) {
    let mut wrong: Vec<(String, Position)> = Vec::new();
    tree::each(reading.ast, |path| {
        let Some(ASTNode::Expr(expr)) = path.last() else { return };
        let Some(closure) = closure(expr) else { return };
        let Some(keeper) = keeper(path) else { return };
        for node in &path[..keeper] {
            let ASTNode::Stmt(Stmt::For(parts, _)) = node else { continue };
            let item = parts.0.name.as_str();
            if closure.captured.contains(&item) {
                wrong.push((item.to_owned(), closure.position));
            }
        }
    });
    for (name, position) in wrong {
        let failure = Failure::usage(format!(
            "`{name}` is one variable for all rounds of the loop: every closure kept here sees its last value"
        ));
        reading.at(position, failure.hint(format!("copy it first: `let own = {name};`, and use `own` in the closure")));
    }
}

/// Variables changed in a closure that `parallel` runs: it has copies.
fn written_copies(reading: &mut Reading<'_>) {
    let mut closures: Vec<(Vec<String>, Position, Position)> = Vec::new();
    tree::each(reading.ast, |path| {
        let Some(call) = tree::call(path).filter(|call| call.call.name == "parallel" && !call.is_method) else {
            return;
        };
        let Some(closure) = call.call.args.last().and_then(closure) else { return };
        let function = reading.ast.iter_fn_def().find(|function| function.name == closure.function);
        if let Some(function) = function {
            let captured = closure.captured.iter().map(|name| (*name).to_owned()).collect();
            closures.push((captured, function.body.start_position(), function.body.end_position()));
        }
    });
    let mut wrong: Vec<(String, Position)> = Vec::new();
    tree::each(reading.ast, |path| {
        let (target, position) = match path.last() {
            Some(ASTNode::Stmt(Stmt::Assignment(assignment))) => {
                (root(&assignment.1.lhs), root(&assignment.1.lhs).position())
            }
            Some(ASTNode::Expr(Expr::Dot(parts, ..))) => match last(&parts.rhs).0 {
                Expr::MethodCall(call, _)
                    if IN_PLACE
                        .iter()
                        .any(|(name, counts)| *name == call.name && counts.contains(&call.args.len())) =>
                {
                    (root(&parts.lhs), root(&parts.lhs).position())
                }
                _ => return,
            },
            _ => return,
        };
        let Some(name) = variable(target) else { return };
        let inside = |(captured, start, end): &(Vec<String>, Position, Position)| {
            // A closure without braces is one statement.
            let within =
                if end.is_none() || start == end { position == *start } else { (*start..=*end).contains(&position) };
            within && captured.iter().any(|captured| captured == name)
        };
        if closures.iter().any(inside) {
            wrong.push((name.to_owned(), position));
        }
    });
    for (name, position) in wrong {
        let failure = Failure::usage(format!("`parallel` gives each closure a copy of `{name}`: this change is lost"));
        reading.at(position, failure.hint("give the new value back: `let results = parallel(list, |item| …)`"));
    }
}
