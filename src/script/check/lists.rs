//! Lists taken for what kubectl prints, or for lists of other languages: `.items`, `.length()`, `append`.

use super::Reading;
use super::literals::kind;
use super::names::Names;
use super::tree::{self, last, own_params, variable};
use crate::engine::habit_call;
use crate::failure::Failure;
use rhai::{ASTNode, Expr, Position, Stmt};
use std::collections::{BTreeMap, BTreeSet};

/// Words for how many there are.
const COUNTS: [&str; 3] = ["length", "size", "count"];

/// Fields that are text in every object.
const TEXTS: [&str; 3] = ["name", "namespace", "uid"];

pub(super) fn check(reading: &mut Reading<'_>, names: &Names) {
    let lists = Lists::of(reading, names);
    let mut wrong: Vec<(Position, Failure)> = Vec::new();
    tree::each(reading.ast, |path| {
        let Some(ASTNode::Expr(expr)) = path.last() else { return };
        if !tree::owner(path).is_some_and(|owner| lists.is_list(owner)) {
            return;
        }
        match expr {
            // Rhai's own `list.len` without brackets.
            Expr::Property(field, _) if reading.known.built_in(&format!("get${}", field.2)).is_some() => {}
            Expr::Property(field, position) => wrong.push((*position, no_field(&field.2))),
            Expr::MethodCall(call, position) if !names.functions.contains_key(call.name.as_str()) => {
                wrong.extend(misused(&call.name, &call.args, &lists).map(|failure| (*position, failure)));
            }
            _ => {}
        }
    });
    wrong.into_iter().for_each(|(position, failure)| reading.at(position, failure));
}

fn no_field(field: &str) -> Failure {
    let failure = Failure::usage(format!("a list has no field `{field}`"));
    match field {
        "items" => failure.hint("`list(…)` gives the objects themselves: `for pod in cluster.list(\"pods\") { … }`"),
        _ if COUNTS.contains(&field) => failure.hint(habit_call(field, "").unwrap_or_default()),
        _ => failure.hint(format!("its items have fields: `list[0].{field}`, `list.map(|item| item.{field})`")),
    }
}

fn misused(name: &str, args: &[Expr], lists: &Lists<'_, '_>) -> Option<Failure> {
    if COUNTS.contains(&name) && args.is_empty() {
        return Some(Failure::usage(format!("nothing has a function `{name}`")).hint(habit_call(name, "")?));
    }
    let item = args.first().filter(|arg| name == "append" && args.len() == 1 && lists.is_no_list(arg));
    item.and_then(|_| Some(Failure::usage("`append` takes a list, not an item").hint(habit_call("append", "array")?)))
}

/// What is known to be a list.
struct Lists<'r, 's> {
    reading: &'r Reading<'s>,
    names: &'r Names,
    /// Variables that are lists wherever they are declared.
    variables: BTreeSet<String>,
    /// Variables that are objects of a list wherever they are declared.
    objects: BTreeSet<String>,
}

impl<'r, 's> Lists<'r, 's> {
    fn of(reading: &'r Reading<'s>, names: &'r Names) -> Lists<'r, 's> {
        let mut lists = Lists { reading, names, variables: BTreeSet::new(), objects: BTreeSet::new() };
        lists.variables = lists.declared_as(|lists, value| lists.is_list(value), |_, _| false);
        lists.objects = lists.declared_as(|_, _| false, |lists, over| lists.is_of_objects(over));
        lists
    }

    /// The variables of which every declaration is such a value, or goes over such a list.
    fn declared_as(&self, is: fn(&Self, &Expr) -> bool, goes_over: fn(&Self, &Expr) -> bool) -> BTreeSet<String> {
        let mut all: BTreeMap<String, bool> = BTreeMap::new();
        let mut add = |name: &str, fits: bool| *all.entry(name.to_owned()).or_insert(true) &= fits;
        tree::each(self.reading.ast, |path| match path.last() {
            Some(ASTNode::Stmt(Stmt::Var(var, ..))) => add(&var.0.name, is(self, &var.1)),
            Some(ASTNode::Stmt(Stmt::Assignment(assignment))) => {
                // `list += …` stays a list.
                if let Some(name) = variable(&assignment.1.lhs).filter(|_| !assignment.0.is_op_assignment()) {
                    add(name, is(self, &assignment.1.rhs));
                }
            }
            Some(ASTNode::Stmt(Stmt::For(parts, _))) => {
                add(&parts.0.name, goes_over(self, &parts.2.expr));
                parts.1.iter().for_each(|counter| add(&counter.name, false));
            }
            Some(ASTNode::Stmt(Stmt::TryCatch(parts, _))) => {
                variable(&parts.expr).into_iter().for_each(|name| add(name, false));
            }
            _ => {}
        });
        let params: BTreeSet<String> =
            own_params(self.reading.ast).into_iter().flat_map(|(_, params, _)| params).collect();
        all.into_iter().filter(|(name, fits)| *fits && !params.contains(name)).map(|(name, _)| name).collect()
    }

    /// Whether an expression is a list for sure.
    fn is_list(&self, expr: &Expr) -> bool {
        match expr {
            Expr::Array(..) => true,
            Expr::Variable(..) => variable(expr).is_some_and(|name| self.variables.contains(name)),
            other => self.is_of_objects(other),
        }
    }

    /// Whether an expression is what a cluster lists.
    fn is_of_objects(&self, expr: &Expr) -> bool {
        let is_own = || self.names.functions.contains_key("list") || self.names.fields.contains("list");
        match last(expr).0 {
            Expr::MethodCall(call, _) => call.name == "list" && (1..=2).contains(&call.args.len()) && !is_own(),
            _ => false,
        }
    }

    /// Whether an argument is no list for sure: text, a number, an object of a list, the name in one.
    fn is_no_list(&self, expr: &Expr) -> bool {
        let is_object = |expr: &Expr| variable(expr).is_some_and(|name| self.objects.contains(name));
        let is_text = || matches!(fields(expr).as_slice(), [.., "metadata", field] if TEXTS.contains(field));
        kind(expr).is_some_and(|kind| kind != "array") || is_object(expr) || is_text()
    }
}

/// The fields at the end of a chain.
fn fields(expr: &Expr) -> Vec<&str> {
    let (mut part, mut fields) = (expr, Vec::new());
    // What a method makes of a field is something else.
    if !matches!(last(expr).0, Expr::Property(..)) {
        return fields;
    }
    while let Expr::Dot(parts, ..) = part {
        if let Expr::Property(field, _) = &parts.lhs {
            fields.push(field.2.as_str());
        }
        part = &parts.rhs;
    }
    if let Expr::Property(field, _) = part {
        fields.push(field.2.as_str());
    }
    fields
}
