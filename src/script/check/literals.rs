//! Arguments that stand in the text: what is known of them before the run.

use super::tree::closure;
use crate::engine::Callable;
use crate::engine::params::in_words;
use rhai::Expr;

/// The text that an expression is.
pub(super) fn text(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::StringConstant(text, _) => Some(text),
        _ => None,
    }
}

/// The value of a key of a map that stands in the text.
pub(super) fn entry<'e>(expr: &'e Expr, key: &str) -> Option<&'e Expr> {
    let Expr::Map(map, _) = expr else { return None };
    map.0.iter().find(|(name, _)| name.name == key).map(|(_, value)| value)
}

/// The type of an expression, where the text tells it.
pub(super) fn kind(expr: &Expr) -> Option<&'static str> {
    Some(match expr {
        Expr::StringConstant(..) | Expr::InterpolatedString(..) => "string",
        Expr::IntegerConstant(..) => "int",
        Expr::FloatConstant(..) => "float",
        Expr::BoolConstant(..) => "bool",
        Expr::Map(..) => "map",
        Expr::Array(..) => "array",
        other => return closure(other).map(|_| "closure"),
    })
}

/// What values of these types are called.
pub(super) fn wants(types: &'static str) -> String {
    let types: Vec<_> = types.split('|').map(|name| in_words(name.trim())).collect();
    types.join(" or ")
}

/// Whether an expression may be of one of these types.
pub(super) fn takes(types: &[&str], expr: &Expr) -> bool {
    let Some(kind) = kind(expr) else { return true };
    types.iter().any(|name| match *name {
        "any" => true,
        "float" => matches!(kind, "float" | "int"),
        "duration" => kind == "string",
        "object" | "objects" => matches!(kind, "string" | "map" | "array"),
        name => name == kind,
    })
}

/// Why arguments do not fit a primitive.
pub(super) enum Misfit {
    /// There are too many or too few.
    Count,
    /// The argument of this number has the wrong type for the parameter of that number.
    Type(usize, usize),
}

/// The parameter that each argument is for, as the engine binds them: an optional one is skipped when the argument fits
/// a later one.
pub(super) fn bind(callable: &Callable, args: &[Expr]) -> Result<Vec<usize>, Misfit> {
    let params = &callable.params;
    let (mut bound, mut next) = (Vec::new(), 0);
    let required_from = |next: usize| params.iter().skip(next).filter(|param| !param.optional).count();
    let takes_options = params.last().is_some_and(|param| param.name == "options");
    let ends_in_options = takes_options && args.len() > required_from(0) && matches!(args.last(), Some(Expr::Map(..)));
    let positional = args.len() - usize::from(ends_in_options);
    for (at, arg) in args.iter().enumerate() {
        // As a call does: what is left is needed by parameters that must be there.
        while params.get(next).is_some_and(|param| param.optional)
            && required_from(next) > 0
            && positional.saturating_sub(at) <= required_from(next)
            && params.iter().skip(next + 1).any(|later| takes(&later.types, arg))
        {
            next += 1;
        }
        while params.get(next).is_some_and(|param| param.optional && !takes(&param.types, arg))
            && params.iter().skip(next + 1).any(|later| takes(&later.types, arg))
        {
            next += 1;
        }
        let param = params.get(next).ok_or(Misfit::Count)?;
        if !takes(&param.types, arg) {
            return Err(Misfit::Type(at, next));
        }
        bound.push(next);
        next += 1;
    }
    // An argument whose type is not known may have been for a later parameter.
    let least = params.iter().filter(|param| !param.optional).count();
    let known = args.iter().all(|arg| kind(arg).is_some());
    let lacks = if known { params.iter().skip(next).any(|param| !param.optional) } else { args.len() < least };
    if lacks { Err(Misfit::Count) } else { Ok(bound) }
}
