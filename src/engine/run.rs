//! Compiling and running one script.

use super::inside::Inside;
use super::{errors, limits, modules, step, testing, tokens};
use crate::failure::Result;
use rhai::{AST, Dynamic, Engine, Scope};

/// Compiles a script without running it.
///
/// # Errors
/// `Kind::Usage` with the place when the text is not a script.
pub fn compile(engine: &Engine, source: &str, text: &str) -> Result<AST> {
    let inside = Inside::of(engine);
    modules::compile(engine, inside.as_deref(), source, text)
        .map_err(|error| modules::not_a_script(&error, source, text))
}

/// An engine that only compiles: for checking texts where no run is set up.
pub fn parser() -> Engine {
    let mut engine = Engine::new();
    limits::apply(&mut engine);
    tokens::register(&mut engine);
    step::register_syntax(&mut engine);
    testing::register_syntax(&mut engine);
    engine
}

/// Compiles and runs a script to its value. Call it on a script thread ([`super::on_script_thread`]).
///
/// # Errors
/// Whatever the script fails with, with all its places.
pub fn run_script(engine: &Engine, source: &str, text: &str, scope: &mut Scope) -> Result<Dynamic> {
    let ast = compile(engine, source, text)?;
    run_ast(engine, &ast, scope)
}

/// Runs a compiled script to its value. Call it on a script thread ([`super::on_script_thread`]).
///
/// # Errors
/// Whatever the script fails with, with all its places.
pub fn run_ast(engine: &Engine, ast: &AST, scope: &mut Scope) -> Result<Dynamic> {
    let outcome = engine.eval_ast_with_scope::<Dynamic>(scope, ast);
    let outcome = outcome.map(Dynamic::flatten);
    outcome.map_err(|error| errors::failure(engine, &error, ast.source().unwrap_or_default()))
}

/// Calls a function that a compiled script defines, after running the script's top level.
///
/// # Errors
/// Whatever the function fails with, with all its places.
pub fn call_function(engine: &Engine, ast: &AST, scope: &mut Scope, name: &str, args: Vec<Dynamic>) -> Result<Dynamic> {
    let outcome = engine.call_fn::<Dynamic>(scope, ast, name, args);
    let outcome = outcome.map(Dynamic::flatten);
    outcome.map_err(|error| errors::failure(engine, &error, ast.source().unwrap_or_default()))
}
