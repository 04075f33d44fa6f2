//! What is right to the letter, and does something else than it says.

use super::Reading;
use super::names::Names;
use super::tree::{self, closure, last, root, variable};
use crate::engine::{DIVISION, divisions};
use crate::failure::Failure;
use rhai::{ASTNode, Expr, Position, Stmt};
use std::collections::{BTreeMap, BTreeSet};

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
    quoted_values(reading, names);
    divided(reading);
    changed_here_only(reading, names);
}

/// `"… ${name} …"`: values are put into texts between back-ticks only.
fn quoted_values(reading: &mut Reading<'_>, names: &Names) {
    let mut wrong: Vec<(String, Position)> = Vec::new();
    // What shells and templates mean by it is a name of theirs.
    let is_own = |name: &str| names.declared.contains(name) || name == "params";
    tree::each(reading.ast, |path| {
        let Some(ASTNode::Expr(Expr::StringConstant(text, position))) = path.last() else { return };
        // A shell's own: `for name in …`, `name=…`.
        let is_shells = |name: &str| text.contains(&format!("for {name} in")) || text.contains(&format!("{name}="));
        let values = text.split("${").skip(1).filter_map(|rest| rest.split_once('}'));
        let names =
            values.map(|(value, _)| value.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default());
        wrong.extend(
            names.filter(|name| is_own(name) && !is_shells(name)).take(1).map(|name| (name.to_owned(), *position)),
        );
    });
    for (name, position) in wrong {
        let failure = Failure::usage(format!("`${{{name}}}` in double quotes stays as it is written"));
        reading.at(position, failure.hint("a text with values in it stands between back-ticks: `… ${name} …`"));
    }
}

/// `7 // 2`.
fn divided(reading: &mut Reading<'_>) {
    for (line, column) in divisions(reading.subject.text) {
        let position = Position::new(line.try_into().unwrap_or(u16::MAX), column.try_into().unwrap_or(u16::MAX));
        reading.at(position, Failure::usage(DIVISION).hint("write the comment on a line of its own if it is one"));
    }
}

/// Objects of a cluster that are changed and then made no use of: nothing of that is sent.
fn changed_here_only(reading: &mut Reading<'_>, names: &Names) {
    let mut changed: BTreeMap<String, Position> = BTreeMap::new();
    let mut others: BTreeMap<String, usize> = BTreeMap::new();
    let mut got: BTreeSet<String> = BTreeSet::new();
    tree::each(reading.ast, |path| match path.last() {
        Some(ASTNode::Stmt(Stmt::Var(var, ..))) => {
            let Expr::Dot(parts, ..) = &var.1 else { return };
            let (Expr::MethodCall(call, _), Some(_)) = last(&var.1) else { return };
            let on_cluster =
                names.type_of(&parts.lhs, reading.known) == Some("Cluster") || root_is_cluster(&var.1, names, reading);
            if on_cluster && matches!(call.name.as_str(), "get" | "find") {
                got.insert(var.0.name.to_string());
            }
        }
        Some(ASTNode::Stmt(Stmt::Assignment(assignment))) => {
            let lhs = &assignment.1.lhs;
            if let (Some(name), Expr::Dot(..) | Expr::Index(..)) = (variable(root(lhs)), lhs) {
                changed.insert(name.to_owned(), root(lhs).position());
                *others.entry(name.to_owned()).or_default() += 1;
            }
        }
        _ => {}
    });
    changed.retain(|name, _| got.contains(name));
    let mut uses: BTreeMap<String, usize> = BTreeMap::new();
    tree::each(reading.ast, |path| {
        if let Some(ASTNode::Expr(expr)) = path.last()
            && let Some(name) = variable(expr)
        {
            *uses.entry(name.to_owned()).or_default() += 1;
        }
    });
    changed.retain(|name, _| uses.get(name) == others.get(name));
    for (name, position) in changed {
        let failure = Failure::usage(format!("`{name}` is changed here only: nothing of it is sent to the cluster"));
        let hint = format!(
            "`cluster.apply({name})` sends it; `cluster.edit(KIND, NAME, |{name}| {{ …; {name} }})` reads, changes and sends"
        );
        reading.at(position, failure.hint(hint));
    }
}

/// Whether the first two parts of a chain are a cluster: `kube.cluster("a").get(…)`, `params.east.get(…)`.
fn root_is_cluster(expr: &Expr, names: &Names, reading: &Reading<'_>) -> bool {
    let Expr::Dot(outer, ..) = expr else { return false };
    let Expr::Dot(inner, ..) = &outer.rhs else { return false };
    match (&outer.lhs, &inner.lhs) {
        (on, Expr::MethodCall(call, _)) => names.namespace(on, reading.known) == Some("kube") && call.name == "cluster",
        (on, Expr::Property(field, _)) => variable(on) == Some("params") && names.clusters.contains(field.2.as_str()),
        _ => false,
    }
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
