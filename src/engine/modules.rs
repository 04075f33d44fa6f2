//! `import`: texts from [`super::Sources`], compiled once, cycles refused.

use super::inside::{Home, Inside};
use super::{errors, tokens};
use crate::failure::Failure;
use rhai::{AST, Engine, EvalAltResult, Module, ModuleResolver, ParseError, Position, Scope, Shared};
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, RwLock};

type Loaded = Result<Shared<Module>, Box<EvalAltResult>>;

/// Rhai's door to [`super::Sources`].
pub(super) struct Modules {
    inside: Arc<Inside>,
    ready: RwLock<HashMap<String, (String, Shared<Module>)>>,
}

thread_local! {
    /// The sources this thread is importing, outermost first.
    static IMPORTING: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

impl Modules {
    pub(super) fn new(inside: Arc<Inside>) -> Modules {
        Modules { inside, ready: RwLock::default() }
    }

    /// The module of a source, unless its text has changed since it was compiled.
    fn cached(&self, source: &str, text: &str) -> Option<Shared<Module>> {
        let ready = self.ready.read().ok()?;
        ready.get(source).filter(|(known, _)| known == text).map(|(_, module)| module.clone())
    }

    fn load(&self, engine: &Engine, source: &str, text: String) -> Loaded {
        let ast = compile(engine, Some(&self.inside), source, &text).map_err(EvalAltResult::from)?;
        let mut module = Module::eval_ast_as_new(Scope::new(), &ast, engine)?;
        module.set_id(source);
        module.build_index();
        let module = Shared::new(module);
        self.inside.adopt(source, &ast, Some(&module));
        if let Ok(mut ready) = self.ready.write() {
            ready.insert(source.to_owned(), (text, module.clone()));
        }
        Ok(module)
    }
}

impl ModuleResolver for Modules {
    fn resolve(&self, engine: &Engine, from: Option<&str>, path: &str, position: Position) -> Loaded {
        let refuse = |failure: Failure| -> Box<EvalAltResult> { errors::at(failure, from, position) };
        let from_name = from.filter(|name| !name.is_empty());
        let (source, text) = self.inside.sources.load(path, from_name).map_err(refuse)?;
        if let Some(module) = self.cached(&source, &text) {
            return Ok(module);
        }
        let _importing = Importing::begin(from_name, &source).map_err(refuse)?;
        self.load(engine, &source, text)
            .map_err(|error| EvalAltResult::ErrorInModule(source.clone(), error, position).into())
    }
}

/// While it lives, its source must not be imported again.
struct Importing;

impl Importing {
    fn begin(from: Option<&str>, source: &str) -> Result<Importing, Failure> {
        IMPORTING.with_borrow_mut(|chain| {
            if chain.is_empty() {
                chain.push(from.unwrap_or_default().to_owned());
            }
            if let Some(start) = chain.iter().position(|known| known == source) {
                let circle = [&chain[start..], &[source.to_owned()]].concat().join(" → ");
                forget_root(chain);
                return Err(Failure::usage(format!("modules import each other in a circle: {circle}"))
                    .hint("move what both need into a third module"));
            }
            chain.push(source.to_owned());
            Ok(Importing)
        })
    }
}

impl Drop for Importing {
    fn drop(&mut self) {
        IMPORTING.with_borrow_mut(|chain| {
            chain.pop();
            forget_root(chain);
        });
    }
}

fn forget_root(chain: &mut Vec<String>) {
    if chain.len() == 1 {
        chain.clear();
    }
}

/// Compiles a text under its source name and remembers both for error messages.
pub(super) fn compile(engine: &Engine, inside: Option<&Inside>, source: &str, text: &str) -> Result<AST, ParseError> {
    inside.into_iter().for_each(|inside| inside.remember(source, text));
    let mut ast = tokens::reading(text, || engine.compile(text))?;
    ast.set_source(source);
    inside.into_iter().for_each(|inside| inside.adopt(source, &ast, None));
    Ok(ast)
}

/// Makes closures callable outside the module that made them.
///
/// Rhai 1.26 and 1.27 look a closure up in the caller's script only. A closure that is not found there is called in a
/// frame of the module it was written in.
pub(super) fn adopt_closures(engine: &mut Engine, inside: Arc<Inside>) {
    #[expect(deprecated, reason = "Rhai marks this hook as volatile; the version is pinned")]
    engine.on_missing_function(move |name, args, is_method, mut context| {
        if !name.starts_with("anon$") {
            return Ok(None);
        }
        let Some(Home { source, params, module: Some(module) }) = inside.home_of(name) else { return Ok(None) };
        // Any other count means that the closure was found and called in a wrong way.
        if args.len() != params + usize::from(is_method) {
            return Ok(None);
        }
        let frame = context.new_frame().with_new_caching_layer().with_namespace(module).with_source(source);
        let mut frame = frame.rewind_scope(true).up_call_level();
        frame.call_fn_raw(name, is_method, is_method, args).map(Some)
    });
}

/// A parse error in plain words.
pub(super) fn not_a_script(error: &ParseError, source: &str, text: &str) -> Failure {
    let mut failure = errors::parse_failure(error.err_type(), error.position(), source, text);
    if failure.places.is_empty() {
        failure.places.extend(super::inside::place(Some(source), error.position()));
    }
    failure
}
