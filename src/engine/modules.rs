//! `import`: texts from [`super::Sources`], compiled once, cycles refused.

use super::inside::{Home, Inside};
use super::{errors, tokens};
use crate::failure::Failure;
use rhai::{AST, Engine, EvalAltResult, Module, ModuleResolver, ParseError, Position, Scope, Shared};
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, RwLock};

type Loaded = Result<Shared<Module>, Box<EvalAltResult>>;

/// Rhai's door to [`super::Sources`].
pub(super) struct Modules {
    inside: Arc<Inside>,
    ready: RwLock<HashMap<String, Ready>>,
}

/// A module that was compiled.
#[derive(Clone)]
struct Ready {
    text: String,
    module: Shared<Module>,
    /// What it imports, as it says it: its functions are part of the module.
    below: BTreeSet<String>,
}

thread_local! {
    /// The sources this thread is importing, outermost first.
    static IMPORTING: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    /// What each of them has imported so far.
    static BELOW: RefCell<Vec<BTreeSet<String>>> = const { RefCell::new(Vec::new()) };
}

impl Modules {
    pub(super) fn new(inside: Arc<Inside>) -> Modules {
        Modules { inside, ready: RwLock::default() }
    }

    /// The module of a source, unless its text or one below it has changed since it was compiled.
    fn cached(&self, source: &str, text: &str) -> Option<Shared<Module>> {
        self.is_fresh(source, text, &mut BTreeSet::new())
            .then(|| self.ready.read().ok()?.get(source).map(|ready| ready.module.clone()))?
    }

    fn is_fresh(&self, source: &str, text: &str, seen: &mut BTreeSet<String>) -> bool {
        if !seen.insert(source.to_owned()) {
            return true;
        }
        let ready = self.ready.read().ok().and_then(|ready| ready.get(source).cloned());
        let Some(ready) = ready.filter(|ready| ready.text == text) else { return false };
        ready.below.iter().all(|path| {
            let loaded = self.inside.sources.load(path, Some(source));
            loaded.is_ok_and(|(source, text)| self.is_fresh(&source, &text, seen))
        })
    }

    fn load(&self, engine: &Engine, source: &str, text: String) -> Loaded {
        let ast = compile(engine, Some(&self.inside), source, &text).map_err(EvalAltResult::from)?;
        BELOW.with_borrow_mut(|below| below.push(BTreeSet::new()));
        let evaluated = Module::eval_ast_as_new(Scope::new(), &ast, engine);
        let below = BELOW.with_borrow_mut(Vec::pop).unwrap_or_default();
        let mut module = evaluated?;
        module.set_id(source);
        module.build_index();
        let module = Shared::new(module);
        self.inside.adopt(source, &ast, Some(&module));
        if let Ok(mut ready) = self.ready.write() {
            ready.insert(source.to_owned(), Ready { text, module: module.clone(), below });
        }
        Ok(module)
    }
}

impl ModuleResolver for Modules {
    fn resolve(&self, engine: &Engine, from: Option<&str>, path: &str, position: Position) -> Loaded {
        let refuse = |failure: Failure| -> Box<EvalAltResult> { errors::at(&self.inside, failure, from, position) };
        let from_name = from.filter(|name| !name.is_empty());
        let (source, text) = self.inside.sources.load(path, from_name).map_err(refuse)?;
        BELOW.with_borrow_mut(|below| below.last_mut().map(|below| below.insert(path.to_owned())));
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
    let mut shift = 0;
    let mut ast = tokens::reading(text, || engine.compile(text))?;
    if let Some(inside) = inside {
        // Some lines further down the same closures have other names.
        while !inside.claim(source, &ast, shift) && shift < MOST_ALIKE {
            shift += 1;
            let text = format!("{}{text}", "\n".repeat(shift));
            ast = tokens::reading(&text, || engine.compile(&text))?;
        }
    }
    ast.set_source(source);
    inside.into_iter().for_each(|inside| inside.adopt(source, &ast, None));
    Ok(ast)
}

/// As many files may be written alike.
const MOST_ALIKE: usize = 100;

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
