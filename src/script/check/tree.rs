//! Looking at the nodes of a script's syntax tree, each with the nodes it stands in.

use rhai::{AST, ASTNode, Dynamic, Expr, FnCallExpr, FnPtr, Position, Stmt};

/// Calls a function with the path to every node of a script, its functions and its closures.
pub(super) fn each(ast: &AST, mut look: impl FnMut(&[ASTNode<'_>])) {
    ast.walk(&mut |path: &[ASTNode<'_>]| {
        look(path);
        true
    });
}

/// One call.
pub(super) struct CallNode<'n> {
    pub call: &'n FnCallExpr,
    pub position: Position,
    /// What a method is called on, as far as one expression says it.
    pub receiver: Option<&'n Expr>,
    /// What the receiver is a field of: `params` in `params.primary.get(…)`.
    pub owner: Option<&'n Expr>,
    pub is_method: bool,
}

impl CallNode<'_> {
    /// Whether it is written as a call, not as an operator or something of Rhai's own.
    fn is_written(&self) -> bool {
        let name = self.call.name.as_str();
        self.call.op_token.is_none()
            && name.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && name != "curry"
            && !name.contains('$')
    }
}

/// The call at the end of a path.
pub(super) fn call<'n>(path: &'n [ASTNode<'n>]) -> Option<CallNode<'n>> {
    let node = match path.last()? {
        ASTNode::Expr(expr @ Expr::MethodCall(call, position)) => {
            let (receiver, owner) = receiver(path, expr);
            CallNode { call, position: *position, receiver, owner, is_method: true }
        }
        ASTNode::Expr(Expr::FnCall(call, position)) | ASTNode::Stmt(Stmt::FnCall(call, position)) => {
            CallNode { call, position: *position, receiver: None, owner: None, is_method: false }
        }
        _ => return None,
    };
    node.is_written().then_some(node)
}

/// Rhai nests `a.b.c()` to the right: what `c` is called on is found in the nodes around it.
fn receiver<'n>(path: &'n [ASTNode<'n>], expr: &Expr) -> (Option<&'n Expr>, Option<&'n Expr>) {
    let mut dots = path.iter().rev().skip(1).map_while(|node| match node {
        ASTNode::Expr(dot @ Expr::Dot(parts, ..)) => Some((*dot, &**parts)),
        _ => None,
    });
    let Some((mut inner, parts)) = dots.next() else { return (None, None) };
    let mut receiver = None;
    if std::ptr::eq(&parts.rhs, expr) {
        receiver = Some(&parts.lhs);
    }
    for (outer, parts) in dots {
        if !std::ptr::eq(&parts.rhs, inner) {
            break;
        }
        match receiver {
            None => receiver = Some(&parts.lhs),
            Some(_) => return (receiver, Some(&parts.lhs)),
        }
        inner = outer;
    }
    (receiver, None)
}

/// What the field at the end of a path is a field of: the part of the chain directly before it.
pub(super) fn owner<'n>(path: &'n [ASTNode<'n>]) -> Option<&'n Expr> {
    let &ASTNode::Expr(mut inner) = path.last()? else { return None };
    for node in path.iter().rev().skip(1) {
        match node {
            ASTNode::Expr(Expr::Dot(parts, ..)) if std::ptr::eq(&parts.rhs, inner) => return Some(&parts.lhs),
            // The rest of the chain stands behind it: `list.items.len()`, `list.items[0]`.
            ASTNode::Expr(chain @ (Expr::Dot(parts, ..) | Expr::Index(parts, ..)))
                if std::ptr::eq(&parts.lhs, inner) =>
            {
                inner = chain;
            }
            _ => return None,
        }
    }
    None
}

/// The name of a plain variable.
pub(super) fn variable(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Variable(variable, ..) if variable.2.is_empty() => Some(&variable.1),
        _ => None,
    }
}

/// Whether a name is declared where it stands, not only somewhere else in the text.
pub(super) fn is_declared_there(expr: &Expr) -> bool {
    matches!(expr, Expr::Variable(parts, short, _) if short.is_some() || parts.0.is_some())
}

/// The first part of a chain of fields, indexes and calls.
pub(super) fn root(expr: &Expr) -> &Expr {
    match expr {
        Expr::Dot(parts, ..) | Expr::Index(parts, ..) => root(&parts.lhs),
        other => other,
    }
}

/// The last part of a chain of fields and calls, and what stands directly before it.
pub(super) fn last(expr: &Expr) -> (&Expr, Option<&Expr>) {
    let (mut part, mut before) = (expr, None);
    while let Expr::Dot(parts, ..) = part {
        (part, before) = (&parts.rhs, Some(&parts.lhs));
    }
    (part, before)
}

/// A closure as the text has it.
pub(super) struct Closure<'n> {
    /// The variables of its surroundings that it uses.
    pub captured: Vec<&'n str>,
    /// The name of the function that Rhai makes of it.
    pub function: String,
    pub position: Position,
}

/// The closure that an expression is.
pub(super) fn closure(expr: &Expr) -> Option<Closure<'_>> {
    match expr {
        Expr::DynamicConstant(value, position) => {
            Some(Closure { captured: Vec::new(), function: pointer(value)?, position: *position })
        }
        Expr::Stmt(block) => {
            let [Stmt::Share(captured), Stmt::Expr(curried)] = block.statements() else { return None };
            let Expr::FnCall(call, position) = &**curried else { return None };
            let Expr::DynamicConstant(value, _) = call.args.first()? else { return None };
            let captured = captured.iter().map(|(name, _)| name.name.as_str()).collect();
            Some(Closure { captured, function: pointer(value)?, position: *position })
        }
        _ => None,
    }
}

/// The parameters of a function that the text gives it: Rhai puts what a closure captures before them.
pub(super) fn own_params(ast: &AST) -> Vec<(String, Vec<String>, Position)> {
    let mut captured = std::collections::BTreeMap::new();
    each(ast, |path| {
        let Some(ASTNode::Expr(expr)) = path.last() else { return };
        if let Some(closure) = closure(expr) {
            // The bare pointer inside is met as well; it captures nothing.
            let count = captured.entry(closure.function).or_insert(0_usize);
            *count = closure.captured.len().max(*count);
        }
    });
    let functions = ast.iter_fn_def().map(|function| {
        let skipped = captured.get(function.name.as_str()).copied().unwrap_or_default();
        let params = function.params.iter().skip(skipped).map(ToString::to_string).collect();
        (function.name.to_string(), params, function.body.start_position())
    });
    functions.collect()
}

fn pointer(value: &Dynamic) -> Option<String> {
    value.read_lock::<FnPtr>().map(|pointer| pointer.fn_name().to_owned())
}
