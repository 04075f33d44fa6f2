//! Calls: functions that do not exist, arguments that do not fit, options that are none.

use super::Reading;
use super::circles::circle;
use super::literals::{Misfit, bind, kind as kind_of, takes, wants};
use super::names::Names;
use super::tree::{self, CallNode};
use crate::engine::params::ordinal;
use crate::engine::{Callable, habit_call, nearest};
use crate::failure::Failure;
use crate::script::outline::Outline;
use rhai::{ASTNode, Expr, FnCallExpr, Position, Stmt};
use std::collections::{BTreeMap, BTreeSet};

/// The functions of each module that is imported, by the name it is imported as; `None` when it could not be read.
type Modules = BTreeMap<String, Option<BTreeMap<String, BTreeSet<usize>>>>;

type Wrong = Vec<(Position, Failure)>;

pub(super) fn check(reading: &mut Reading<'_>, names: &Names) {
    let mut wrong = Wrong::new();
    let modules = imports(reading, &mut wrong);
    tree::each(reading.ast, |path| {
        let Some(call) = tree::call(path) else { return };
        let place = call.position;
        if !call.call.namespace.is_empty() {
            wrong.extend(in_module(call.call, &modules).map(|failure| (place, failure)));
        } else if call.is_method {
            method(reading, names, &call, &mut wrong);
        } else if let Some(callable) = free(reading, names, call.call) {
            arguments(callable, call.call, place, &mut wrong);
        } else {
            wrong.extend(plain(reading, names, call.call).map(|failure| (place, failure)));
        }
    });
    wrong.into_iter().for_each(|(position, failure)| reading.at(position, failure));
}

fn imports(reading: &Reading<'_>, wrong: &mut Wrong) -> Modules {
    let mut modules = Modules::new();
    tree::each(reading.ast, |path| {
        let Some(ASTNode::Stmt(Stmt::Import(import, _))) = path.last() else { return };
        let (path, alias) = (&import.0, import.1.name.to_string());
        let Expr::StringConstant(said, position) = path else {
            modules.insert(alias, None);
            return;
        };
        let found = reading.sources.load(said, Some(reading.subject.source));
        modules.insert(alias, found.as_ref().ok().map(|(_, text)| functions(text)));
        let circle = found.as_ref().ok().and_then(|module| circle(reading.sources, reading.subject.source, module));
        wrong.extend(circle.map(|failure| (*position, failure)));
        wrong.extend(found.err().map(|failure| (*position, Failure { places: Vec::new(), ..failure })));
    });
    modules
}

fn functions(text: &str) -> BTreeMap<String, BTreeSet<usize>> {
    let mut functions: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
    for function in Outline::of(text).functions.into_iter().filter(|function| !function.private) {
        functions.entry(function.name).or_default().insert(function.params.len());
    }
    functions
}

fn in_module(call: &FnCallExpr, modules: &Modules) -> Option<Failure> {
    let (alias, name) = (call.namespace.root(), call.name.as_str());
    if alias == "global" {
        return None;
    }
    let Some(functions) = modules.get(alias) else {
        let failure = Failure::usage(format!("there is no module `{alias}`"));
        return Some(match nearest(alias, modules.keys().map(String::as_str)) {
            Some(meant) => failure.hint(format!("did you mean `{meant}`?")),
            None => failure.hint(format!("import it first, at the top of the file: `import \"…\" as {alias};`")),
        });
    };
    let functions = functions.as_ref()?;
    match functions.get(name) {
        Some(counts) if counts.contains(&call.args.len()) => None,
        Some(counts) => Some(count(&format!("`{alias}::{name}`"), counts, call.args.len())),
        None => {
            let failure = Failure::usage(format!("module `{alias}` has no function `{name}`"));
            Some(match nearest(name, functions.keys().map(String::as_str)) {
                Some(meant) => failure.hint(format!("did you mean `{meant}`?")),
                None => failure.hint(format!("it has {}", functions.keys().cloned().collect::<Vec<_>>().join(", "))),
            })
        }
    }
}

/// The failure of a wrong number of arguments.
fn count(what: &str, counts: &BTreeSet<usize>, given: usize) -> Failure {
    let takes = match counts.iter().collect::<Vec<_>>().as_slice() {
        [0] => "no arguments".to_owned(),
        [1] => "1 argument".to_owned(),
        [one] => format!("{one} arguments"),
        many => format!("{} arguments", many.iter().map(|n| n.to_string()).collect::<Vec<_>>().join(" or ")),
    };
    Failure::usage(format!("{what} takes {takes}, not {given}"))
}

/// The primitive that stands on nothing, as tests have them, and is called by its name alone.
fn free<'r>(reading: &'r Reading<'_>, names: &Names, call: &FnCallExpr) -> Option<&'r Callable> {
    let is_own = names.functions.contains_key(call.name.as_str()) || names.declared.contains(call.name.as_str());
    reading.known.on("", &call.name).filter(|_| !is_own)
}

/// A function called by its name alone.
fn plain(reading: &Reading<'_>, names: &Names, call: &FnCallExpr) -> Option<Failure> {
    let (name, given) = (call.name.as_str(), call.args.len());
    let (own, built_in) = (names.functions.get(name), reading.known.built_in(name));
    let fits = |counts: Option<&BTreeSet<usize>>| counts.is_some_and(|counts| counts.contains(&given));
    if fits(own) || fits(built_in) || names.declared.contains(name) {
        return None;
    }
    let mut methods = reading.known.callables.iter().filter(|callable| callable.name == name);
    // `f(x, y)` is `x.f(y)` to Rhai.
    if methods.clone().any(|callable| given > 0 && bind(callable, &call.args[1..]).is_ok()) {
        return None;
    }
    if let Some(counts) = own.or(built_in) {
        let failure = count(&format!("`{name}`"), counts, given);
        let meant = habit_call(name, "").filter(|_| own.is_none());
        return Some(meant.map_or(failure.clone(), |meant| failure.hint(meant)));
    }
    let failure = Failure::usage(format!("no function `{name}`"));
    if let Some(callable) = methods.next() {
        return Some(failure.hint(format!("it is called on something: {}", callable.signature)));
    }
    let first = call.args.first().and_then(kind_of).unwrap_or_default();
    if let Some(meant) = habit_call(name, first) {
        return Some(failure.hint(meant));
    }
    let known = names.functions.keys().map(String::as_str).filter(|name| !name.contains('$'));
    let free = reading.known.callables.iter().filter(|callable| callable.on.is_empty()).map(|callable| callable.name);
    Some(suggest(failure, nearest(name, known.chain(free).chain(reading.known.built_in_names()))))
}

fn suggest(failure: Failure, meant: Option<&str>) -> Failure {
    match meant {
        Some(meant) => failure.hint(format!("did you mean `{meant}`?")),
        None => failure,
    }
}

fn method(reading: &Reading<'_>, names: &Names, node: &CallNode<'_>, wrong: &mut Wrong) {
    let (known, call, name) = (reading.known, node.call, node.call.name.as_str());
    let namespace = node.receiver.filter(|_| node.owner.is_none()).and_then(|expr| names.namespace(expr, known));
    let on = namespace.map(str::to_owned).or_else(|| kind(reading, names, node).map(str::to_owned));
    let takes = |count: usize| known.built_in(name).is_some_and(|counts| counts.contains(&count));
    if let Some(on) = on {
        return match known.on(&on, name) {
            Some(callable) => arguments(callable, call, node.position, wrong),
            None if namespace.is_none() && takes(call.args.len() + 1) => {}
            None => wrong.push((node.position, missing(reading, &on, name))),
        };
    }
    if let Some(shadow) = node
        .receiver
        .filter(|expr| tree::is_declared_there(expr))
        .and_then(tree::variable)
        .filter(|name| known.is_namespace(name))
        && known.on(shadow, name).is_some()
        && !takes(call.args.len() + 1)
    {
        let failure = Failure::usage(format!(
            "`{shadow}` is a variable here, not meshwright's own `{shadow}`, which has `{name}`"
        ));
        wrong.push((node.position, failure.hint("give the variable another name")));
        return;
    }
    // A variable that nobody knows is told already.
    if node.owner.is_none() && node.receiver.and_then(tree::variable).is_some_and(|name| !names.declared.contains(name))
    {
        return;
    }
    let is_own = names.functions.contains_key(name) || names.fields.contains(name) || name == "call";
    let methods: Vec<&Callable> =
        known.callables.iter().filter(|callable| callable.name == name && !known.is_namespace(callable.on)).collect();
    match (known.built_in(name), methods.as_slice()) {
        _ if is_own => {}
        (None, []) => {
            let types = known
                .callables
                .iter()
                .filter(|callable| !known.is_namespace(callable.on))
                .map(|callable| callable.name);
            let failure = Failure::usage(format!("nothing has a function `{name}`"));
            let failure = match habit_call(name, "") {
                Some(meant) => failure.hint(meant),
                None => suggest(failure, nearest(name, types.chain(known.built_in_names()))),
            };
            wrong.push((node.position, failure));
        }
        (None, [callable]) => arguments(callable, call, node.position, wrong),
        (Some(counts), []) if !takes(call.args.len() + 1) => {
            let counts = counts.iter().filter_map(|count| count.checked_sub(1)).collect();
            wrong.push((node.position, count(&format!("`{name}`"), &counts, call.args.len())));
        }
        _ => {}
    }
}

/// The type of what a method is called on.
pub(super) fn kind(reading: &Reading<'_>, names: &Names, node: &CallNode<'_>) -> Option<&'static str> {
    let receiver = node.receiver?;
    match (node.owner.and_then(tree::variable), receiver) {
        (Some("params"), Expr::Property(field, _)) => names.clusters.contains(field.2.as_str()).then_some("Cluster"),
        (None, _) if node.owner.is_none() => names.type_of(receiver, reading.known),
        (_, Expr::MethodCall(call, _)) => {
            let on = names.namespace(node.owner?, reading.known)?;
            let returns = reading.known.on(on, &call.name)?.returns;
            matches!(returns, "Cluster" | "Authority" | "Port").then_some(returns)
        }
        _ => None,
    }
}

fn missing(reading: &Reading<'_>, on: &str, name: &str) -> Failure {
    let callables = reading.known.callables.iter().filter(|callable| callable.on == on);
    let what = if reading.known.is_namespace(on) { format!("`{on}`") } else { format!("a {on}") };
    let failure = Failure::usage(format!("no function `{name}` on {what}"));
    let meant = nearest(name, callables.clone().map(|callable| callable.name));
    match callables.clone().find(|callable| Some(callable.name) == meant) {
        Some(callable) => failure.hint(format!("did you mean `{}`? {}", callable.name, callable.signature)),
        None => failure
            .hint(format!("there are {}", callables.map(|callable| callable.name).collect::<Vec<_>>().join(", "))),
    }
}

/// Checks number, type and options of the arguments of a primitive.
fn arguments(callable: &Callable, call: &FnCallExpr, position: Position, wrong: &mut Wrong) {
    match bind(callable, &call.args) {
        Err(Misfit::Count) => {
            let least = callable.params.iter().filter(|param| !param.optional).count();
            let counts = (least..=callable.params.len()).collect();
            wrong.push((position, count(&callable.label, &counts, call.args.len()).hint(callable.signature.clone())));
        }
        Err(Misfit::Type(at, param)) => {
            let param = &callable.params[param];
            let failure = Failure::usage(format!(
                "{}: `{}` ({} argument) must be {}",
                callable.label,
                param.name,
                ordinal(at + 1),
                param.wants()
            ));
            wrong.push((call.args[at].position(), failure.hint(callable.signature.clone())));
        }
        Ok(bound) => {
            let options = bound.iter().zip(&call.args).filter(|(param, _)| callable.params[**param].name == "options");
            options.for_each(|(_, expr)| check_options(callable, expr, wrong));
        }
    }
}

fn check_options(callable: &Callable, expr: &Expr, wrong: &mut Wrong) {
    let Expr::Map(map, _) = expr else { return };
    for (key, value) in &map.0 {
        match callable.options.iter().find(|(name, ..)| *name == key.name) {
            None => wrong.push((key.pos, no_option(callable, &key.name))),
            Some((_, types, _)) if takes(&types.split('|').map(str::trim).collect::<Vec<_>>(), value) => {}
            Some((name, types, doc)) => {
                let failure = Failure::usage(format!("{}: option `{name}` must be {}", callable.label, wants(types)));
                wrong.push((value.position(), failure.hint(format!("`{name}`: {doc}"))));
            }
        }
    }
}

fn no_option(callable: &Callable, key: &str) -> Failure {
    let failure = Failure::usage(format!("{} has no option `{key}`", callable.label));
    let names = callable.options.iter().map(|(name, ..)| *name);
    match nearest(key, names.clone()) {
        Some(meant) => failure.hint(format!("did you mean `{meant}`?")),
        None => failure.hint(format!("its options are {}", names.collect::<Vec<_>>().join(", "))),
    }
}
