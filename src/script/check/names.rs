//! Names and parameters: undeclared, unused, in the way of a primitive.

use super::Reading;
use super::tree::{self, is_declared_there, variable};
use crate::engine::{Callables, nearest};
use crate::failure::Failure;
use crate::script::header::Header;
use crate::script::params::Kind;
use rhai::{AST, ASTNode, Expr, Position, Stmt};
use std::collections::{BTreeMap, BTreeSet};

/// What the names in a script mean, as far as the text tells it.
pub(super) struct Names {
    /// Everything declared anywhere in it.
    pub declared: BTreeSet<String>,
    /// What the script around a step declares.
    pub around: BTreeSet<String>,
    /// Its fields and the keys of its maps: what may hold a closure to be called.
    pub fields: BTreeSet<String>,
    /// Its functions, with how many arguments each takes.
    pub functions: BTreeMap<String, BTreeSet<usize>>,
    /// Variables that are clusters wherever they are declared.
    pub types: BTreeMap<String, &'static str>,
    /// Cluster parameters.
    pub clusters: BTreeSet<String>,
}

impl Names {
    pub(super) fn of(ast: &AST, known: &Callables, header: &Header) -> Names {
        let mut names = Names {
            declared: BTreeSet::new(),
            around: BTreeSet::new(),
            fields: BTreeSet::new(),
            functions: BTreeMap::new(),
            types: BTreeMap::new(),
            clusters: header
                .params
                .iter()
                .filter(|param| param.kind == Kind::Cluster)
                .map(|param| param.name.clone())
                .collect(),
        };
        for (name, params, _) in tree::own_params(ast) {
            names.functions.entry(name).or_default().insert(params.len());
            names.declared.extend(params);
        }
        let params: BTreeSet<String> = names.declared.clone();
        let mut lets: BTreeMap<String, BTreeSet<Option<&'static str>>> = BTreeMap::new();
        tree::each(ast, |path| match path.last() {
            Some(ASTNode::Stmt(Stmt::Var(var, ..))) => {
                names.declared.insert(var.0.name.to_string());
                let kind = names.type_of(&var.1, known);
                lets.entry(var.0.name.to_string()).or_default().insert(kind);
            }
            Some(ASTNode::Stmt(Stmt::Assignment(assignment))) => {
                if let Some(name) = variable(&assignment.1.lhs) {
                    lets.entry(name.to_owned()).or_default().insert(None);
                }
            }
            Some(ASTNode::Stmt(Stmt::For(parts, _))) => {
                let (item, counter, _) = &**parts;
                names
                    .declared
                    .extend([Some(item), counter.as_ref()].into_iter().flatten().map(|name| name.name.to_string()));
                lets.entry(item.name.to_string()).or_default().insert(None);
            }
            Some(ASTNode::Stmt(Stmt::TryCatch(parts, _))) => {
                names.declared.extend(variable(&parts.expr).map(str::to_owned));
            }
            Some(ASTNode::Stmt(Stmt::Import(import, _))) => drop(names.declared.insert(import.1.name.to_string())),
            Some(ASTNode::Expr(Expr::Property(field, _))) => drop(names.fields.insert(field.2.to_string())),
            Some(ASTNode::Expr(Expr::Map(map, _))) => {
                names.fields.extend(map.0.iter().map(|(key, _)| key.name.to_string()));
            }
            _ => {}
        });
        // Where such a name is not declared, as in another test, it means the namespace object.
        let is_sure = |name: &str| !params.contains(name) && !known.is_namespace(name);
        let single = lets.into_iter().filter(|(name, kinds)| kinds.len() == 1 && is_sure(name));
        names.types = single.filter_map(|(name, kinds)| Some((name, kinds.into_iter().next().flatten()?))).collect();
        names
    }

    /// The namespace object that an expression is.
    pub(super) fn namespace<'e>(&self, expr: &'e Expr, known: &Callables) -> Option<&'e str> {
        let is_free = |name: &str| !is_declared_there(expr) && !self.around.contains(name);
        variable(expr).filter(|name| known.is_namespace(name) && is_free(name))
    }

    /// The type of an expression.
    pub(super) fn type_of(&self, expr: &Expr, known: &Callables) -> Option<&'static str> {
        match expr {
            Expr::Variable(..) => self.types.get(variable(expr)?).copied(),
            Expr::Dot(parts, ..) => {
                if let (Some("params"), Expr::Property(field, _)) = (variable(&parts.lhs), &parts.rhs) {
                    return (self.clusters.contains(field.2.as_str())).then_some("Cluster");
                }
                let on = self.namespace(&parts.lhs, known).map(str::to_owned);
                let on = on.or_else(|| self.type_of(&parts.lhs, known).map(str::to_owned))?;
                let Expr::MethodCall(call, _) = &parts.rhs else { return None };
                let returns = known.on(&on, &call.name)?.returns;
                matches!(returns, "Cluster" | "Authority" | "Port").then_some(returns)
            }
            _ => None,
        }
    }
}

pub(super) fn check(reading: &mut Reading<'_>, names: &Names) {
    shadowed(reading);
    functions_in_closures(reading, names);
    parameters(reading, names);
}

/// Names that always mean a primitive's namespace object.
const TAKEN: [&str; 4] = ["kube", "secret", "wait", "exec"];

/// Declarations that take a primitive's name.
fn shadowed(reading: &mut Reading<'_>) {
    let mut wrong: Vec<(String, Position)> = Vec::new();
    let known = reading.known;
    // Modules and tests have no parameters of their own to be hidden.
    let is_params = |name: &str| name == "params" && !reading.subject.is_module;
    let is_taken = |name: &str| TAKEN.contains(&name) && known.is_namespace(name) || is_params(name);
    tree::each(reading.ast, |path| match path.last() {
        Some(ASTNode::Stmt(Stmt::Var(var, ..))) => wrong.push((var.0.name.to_string(), var.0.pos)),
        Some(ASTNode::Stmt(Stmt::For(parts, _))) => {
            let names = [Some(&parts.0), parts.1.as_ref()];
            wrong.extend(names.into_iter().flatten().map(|name| (name.name.to_string(), name.pos)));
        }
        Some(ASTNode::Stmt(Stmt::Import(import, _))) => wrong.push((import.1.name.to_string(), import.1.pos)),
        _ => {}
    });
    wrong.retain(|(name, _)| is_taken(name));
    for (name, params, position) in tree::own_params(reading.ast) {
        wrong.extend(params.into_iter().filter(|name| is_taken(name) && name != "params").map(|name| (name, position)));
        if matches!(name.as_str(), "parallel" | "attempt" | "fail") {
            let failure = Failure::usage(format!("this function takes the place of `{name}`"));
            reading.at(position, failure.hint("give it another name"));
        }
    }
    wrong.dedup();
    for (name, position) in wrong {
        let failure =
            Failure::usage(format!("`{name}` is a name of meshwright's own: from here on it would mean this"));
        reading.at(position, failure.hint("give it another name"));
    }
}

/// Variables with the name of a function, used in a closure: Rhai takes only names along that are no functions.
fn functions_in_closures(reading: &mut Reading<'_>, names: &Names) {
    let mut wrong: Vec<(String, Position)> = Vec::new();
    for closure in reading.ast.iter_fn_def().filter(|function| function.name.starts_with("anon$")) {
        let mut own: BTreeSet<String> = closure.params.iter().map(ToString::to_string).collect();
        let mut used: Vec<(String, Position)> = Vec::new();
        let mut look = |path: &[ASTNode<'_>]| match path.last() {
            Some(ASTNode::Stmt(Stmt::Var(var, ..))) => drop(own.insert(var.0.name.to_string())),
            Some(ASTNode::Stmt(Stmt::For(parts, _))) => drop(own.insert(parts.0.name.to_string())),
            Some(ASTNode::Expr(expr @ Expr::Variable(.., position))) => {
                used.extend(variable(expr).map(|name| (name.to_owned(), *position)));
            }
            _ => {}
        };
        let mut alone = reading.ast.clone_functions_only();
        alone.retain_functions(|_, _, name, _| name == closure.name.as_str());
        tree::each(&alone, &mut look);
        used.retain(|(name, _)| !own.contains(name));
        wrong.extend(used);
    }
    // A name that is declared nowhere means the function, and rightly so.
    wrong.retain(|(name, _)| names.functions.contains_key(name) && names.declared.contains(name));
    for (name, position) in wrong {
        let failure = Failure::usage(format!("in a closure `{name}` is the function `{name}`, not the variable"));
        reading.at(position, failure.hint("give the variable another name"));
    }
}

/// Parameters that are used and not declared, or declared and not used.
fn parameters(reading: &mut Reading<'_>, names: &Names) {
    if names.declared.contains("params") || reading.subject.is_module {
        return;
    }
    let (used, whole) = uses(reading.ast);
    for (name, position) in &used {
        if reading.header.param(name).is_none() {
            let known = reading.header.params.iter().map(|param| param.name.as_str());
            let failure = Failure::usage(format!("the header declares no parameter `{name}`"));
            let failure = match nearest(name, known) {
                Some(meant) => failure.hint(format!("did you mean `{meant}`?")),
                None => {
                    failure.hint(format!("add it to `params` in the header: `{name}: {{type: string, help: \"…\"}}`"))
                }
            };
            reading.at(*position, failure);
        }
    }
    let unused: Vec<String> = reading.header.params.iter().map(|param| param.name.clone()).collect();
    // A step need not use what others do.
    for name in unused.into_iter().filter(|_| !whole && reading.subject.around.is_none()) {
        let in_needs = reading.subject.text.contains(&format!("{{{name}}}"));
        if !in_needs && !used.iter().any(|(used, _)| *used == name) {
            let failure = Failure::usage(format!("the parameter `{name}` is not used"));
            reading.in_header(
                &["params", &name],
                failure.hint(format!("use it as `params.{name}`, or take it out of the header")),
            );
        }
    }
}

/// The parameters that a script uses, each with its place; none when it uses the word for something of its own.
pub(in crate::script) fn uses_of_params(ast: &AST, header: &Header) -> Vec<(String, Position)> {
    let names = Names::of(ast, &Callables::default(), header);
    if names.declared.contains("params") { Vec::new() } else { uses(ast).0 }
}

/// Every `params.NAME`, and whether the map is used as a whole as well.
fn uses(ast: &AST) -> (Vec<(String, Position)>, bool) {
    let (mut used, mut whole): (Vec<(String, Position)>, bool) = (Vec::new(), false);
    tree::each(ast, |path| {
        let Some(ASTNode::Expr(expr)) = path.last() else { return };
        if variable(expr) != Some("params") {
            return;
        }
        match path.iter().rev().nth(1) {
            Some(ASTNode::Expr(Expr::Dot(parts, ..))) if std::ptr::eq(&parts.lhs, *expr) => {
                let first = if let Expr::Dot(more, ..) = &parts.rhs { &more.lhs } else { &parts.rhs };
                let first = if let Expr::Index(more, ..) = first { &more.lhs } else { first };
                match first {
                    Expr::Property(field, position) => used.push((field.2.to_string(), *position)),
                    _ => whole = true,
                }
            }
            Some(ASTNode::Expr(Expr::Index(parts, ..))) => match &parts.rhs {
                Expr::StringConstant(name, position) => used.push((name.to_string(), *position)),
                _ => whole = true,
            },
            _ => whole = true,
        }
    });
    (used, whole)
}
