//! What the parts of one engine share: source texts, closures of modules, the catalogue of primitives.

use super::left::Left;
use super::{Bridge, Observer, Sources};
use crate::engine::nearest::nearest;
use crate::failure::{Failure, Place};
use rhai::{AST, Dynamic, Engine, Position, Shared};
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, RwLock};

/// Shared by everything registered in one engine; reachable from any call through the engine's tag.
pub(super) struct Inside {
    pub bridge: Bridge,
    pub sources: Arc<dyn Sources>,
    pub observer: Arc<dyn Observer>,
    pub catalogue: Vec<Listed>,
    /// Threads of `parallel` that are at work.
    pub threads: AtomicUsize,
    /// What a step that failed leaves.
    pub left: Left,
    texts: RwLock<HashMap<String, Arc<str>>>,
    closures: RwLock<HashMap<String, Home>>,
    /// By source: how many lines further down than written it was compiled.
    shifts: RwLock<HashMap<String, usize>>,
    /// By source: the functions that it defines.
    functions: RwLock<HashMap<String, BTreeMap<String, Signature>>>,
}

/// The parameters of a script's function.
#[derive(Clone)]
pub(super) struct Signature(Vec<String>);

impl Signature {
    /// The failure of calling the function with so many arguments.
    pub(super) fn not_for(&self, name: &str, count: usize) -> Failure {
        let takes = match self.0.len() {
            0 => "no arguments".to_owned(),
            1 => "1 argument".to_owned(),
            more => format!("{more} arguments"),
        };
        let short = name.rsplit("::").next().unwrap_or(name);
        let written = format!("it is written `fn {short}({})`", self.0.join(", "));
        Failure::usage(format!("`{name}` takes {takes}, not {count}")).hint(written)
    }
}

/// Where a closure was written.
#[derive(Clone)]
pub(super) struct Home {
    pub source: String,
    /// How many arguments it takes, captured ones counted.
    pub params: usize,
    /// The module whose frame it needs; `None` for closures of the script itself.
    pub module: Option<Shared<rhai::Module>>,
}

/// What the catalogue knows of a primitive.
pub(super) struct Listed {
    pub on: &'static str,
    pub name: &'static str,
    pub signature: String,
}

/// A handle that fits into a script value.
#[derive(Clone)]
struct Tag(Arc<Inside>);

impl Inside {
    pub(super) fn new(
        bridge: Bridge,
        sources: Arc<dyn Sources>,
        observer: Arc<dyn Observer>,
        catalogue: Vec<Listed>,
    ) -> Arc<Inside> {
        let (threads, texts, closures) = (AtomicUsize::new(0), RwLock::default(), RwLock::default());
        let (left, functions, shifts) = (Left::default(), RwLock::default(), RwLock::default());
        Arc::new(Inside { bridge, sources, observer, catalogue, threads, left, texts, closures, shifts, functions })
    }

    pub(super) fn attach(self: &Arc<Inside>, engine: &mut Engine) {
        engine.set_default_tag(Dynamic::from(Tag(self.clone())));
    }

    /// The shared part of an engine that [`super::build`] made.
    pub(super) fn of(engine: &Engine) -> Option<Arc<Inside>> {
        engine.default_tag().read_lock::<Tag>().map(|tag| tag.0.clone())
    }

    /// Remembers a source's text for error messages.
    pub(super) fn remember(&self, source: &str, text: &str) {
        if let Ok(mut texts) = self.texts.write() {
            texts.insert(source.to_owned(), text.into());
        }
        if let Ok(mut shifts) = self.shifts.write() {
            shifts.remove(source);
        }
    }

    /// Remembers where the closures of a script were written: a caller may hold them longer than the frame of their
    /// module lasts. And its functions, for error messages.
    pub(super) fn adopt(&self, source: &str, ast: &AST, module: Option<&Shared<rhai::Module>>) {
        if let Ok(mut functions) = self.functions.write() {
            let own = ast.iter_functions().filter(|function| !function.name.starts_with("anon$"));
            let signature = |params: &[&str]| Signature(params.iter().map(ToString::to_string).collect());
            let own = own.map(|function| (function.name.to_owned(), signature(&function.params)));
            functions.entry(source.to_owned()).or_default().extend(own);
        }
        let Ok(mut closures) = self.closures.write() else { return };
        for function in ast.iter_functions().filter(|function| function.name.starts_with("anon$")) {
            let (source, params) = (source.to_owned(), function.params.len());
            closures.insert(function.name.to_owned(), Home { source, params, module: module.cloned() });
        }
    }

    /// Takes the names of a script's closures for it; whether none of them is another script's. Rhai makes them of what is
    /// written and where it stands: two files that are written alike have the same ones.
    pub(super) fn claim(&self, source: &str, ast: &AST, shift: usize) -> bool {
        let (Ok(mut closures), Ok(mut shifts)) = (self.closures.write(), self.shifts.write()) else { return true };
        let own = || ast.iter_functions().filter(|function| function.name.starts_with("anon$"));
        let is_others = |name: &str| closures.get(name).is_some_and(|home: &Home| home.source != source);
        if own().any(|function| is_others(function.name)) {
            return false;
        }
        for function in own() {
            let home = Home { source: source.to_owned(), params: function.params.len(), module: None };
            closures.entry(function.name.to_owned()).or_insert(home);
        }
        shifts.insert(source.to_owned(), shift);
        true
    }

    /// How many lines further down than written a source was compiled.
    pub(super) fn shift(&self, source: &str) -> usize {
        self.shifts.read().ok().and_then(|shifts| shifts.get(source).copied()).unwrap_or_default()
    }

    /// The place of a position in a source; `None` when the engine does not know the position.
    pub(super) fn place(&self, source: Option<&str>, position: Position) -> Option<Place> {
        let place = place(source, position)?;
        Some(Place { line: place.line.saturating_sub(self.shift(&place.source)).max(1), ..place })
    }

    pub(super) fn text(&self, source: &str) -> Option<Arc<str>> {
        self.texts.read().ok()?.get(source).cloned()
    }

    /// The functions that a source defines.
    pub(super) fn functions(&self, source: &str) -> Vec<(String, Signature)> {
        let Ok(functions) = self.functions.read() else { return Vec::new() };
        let own = functions.get(source).into_iter().flatten();
        own.map(|(name, signature)| (name.clone(), signature.clone())).collect()
    }

    /// The script that a closure was written in.
    pub(super) fn home_of(&self, closure: &str) -> Option<Home> {
        self.closures.read().ok()?.get(closure).cloned()
    }

    /// The primitives on a type or namespace object; on nothing (`""`): the plain functions.
    pub(super) fn listed<'s>(&'s self, on: &'s str) -> impl Iterator<Item = &'s Listed> {
        self.catalogue.iter().filter(move |listed| listed.on == on)
    }

    /// The listed primitive that a misspelled name on this type may have meant.
    pub(super) fn nearest_on(&self, on: &str, wrong: &str) -> Option<&Listed> {
        let name = nearest(wrong, self.listed(on).map(|listed| listed.name))?.to_owned();
        self.catalogue.iter().find(|listed| listed.on == on && listed.name == name)
    }
}

/// The same in a text that was compiled where it stands.
pub(super) fn place(source: Option<&str>, position: Position) -> Option<Place> {
    Some(Place {
        source: source.unwrap_or_default().to_owned(),
        line: position.line()?,
        column: position.position().unwrap_or(1),
    })
}
