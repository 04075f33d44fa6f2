//! What scripts can call, as a list: for checks that run nothing.

use super::params::{self, Param};
use super::table::{Effect, Primitive};
use super::{built_in, flow, objects, secrets};
use rhai::Engine;
use std::collections::{BTreeMap, BTreeSet};

/// One primitive, without the function behind it.
#[derive(Debug, Clone)]
pub struct Callable {
    /// The namespace object or type it is called on.
    pub on: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Its parameters.
    pub params: Vec<Param>,
    /// The keys of its options, each with the types it takes and what it means.
    pub options: &'static [(&'static str, &'static str, &'static str)],
    /// The type of its result.
    pub returns: &'static str,
    /// The name to speak of it.
    pub label: String,
    /// How to call it.
    pub signature: String,
    /// What it does to the world.
    pub effect: Effect,
}

/// Everything that a script can call.
#[derive(Default)]
pub struct Callables {
    /// The primitives.
    pub callables: Vec<Callable>,
    /// What Rhai and the engine bring, by name, with how many arguments each takes, the receiver counted.
    built_in: BTreeMap<String, BTreeSet<usize>>,
}

/// What the engine registers with state of its own.
const OTHERS: [(&str, &[usize]); 9] = [
    ("parallel", &[1, 2]),
    ("print", &[1]),
    ("debug", &[1]),
    ("type_of", &[1]),
    ("Fn", &[1]),
    ("call", &[1, 2, 3, 4, 5, 6, 7, 8]),
    ("is_shared", &[1]),
    ("is_def_var", &[1]),
    ("is_def_fn", &[2, 3]),
];

impl Callables {
    /// What these tables hold, and everything that scripts can call without them.
    pub fn of<H>(tables: &[&'static [Primitive<H>]]) -> Callables {
        let callables = tables.iter().flat_map(|table| table.iter()).map(callable).collect();
        let mut engine = Engine::new();
        objects::register(&mut engine);
        secrets::register(&mut engine);
        flow::register(&mut engine);
        let mut built_in: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
        for known in built_in::functions(&engine) {
            built_in.entry(known.name).or_default().insert(known.count);
        }
        built_in.remove("sleep");
        for (name, counts) in OTHERS {
            built_in.entry(name.to_owned()).or_default().extend(counts);
        }
        Callables { callables, built_in }
    }

    /// The primitive of this name on a namespace object or type.
    pub fn on(&self, on: &str, name: &str) -> Option<&Callable> {
        self.callables.iter().find(|callable| callable.on == on && callable.name == name)
    }

    /// Whether a name is that of a namespace object.
    pub fn is_namespace(&self, name: &str) -> bool {
        name.starts_with(char::is_lowercase) && self.callables.iter().any(|callable| callable.on == name)
    }

    /// The names of the namespace objects.
    pub fn namespaces(&self) -> BTreeSet<&'static str> {
        let all = self.callables.iter().map(|callable| callable.on);
        all.filter(|on| on.starts_with(char::is_lowercase)).collect()
    }

    /// How many arguments a function that is no primitive takes, the receiver counted; `None` when there is none.
    pub fn built_in(&self, name: &str) -> Option<&BTreeSet<usize>> {
        self.built_in.get(name)
    }

    /// The names of the functions that are no primitives.
    pub fn built_in_names(&self) -> impl Iterator<Item = &str> {
        self.built_in
            .keys()
            .map(String::as_str)
            .filter(|name| name.starts_with(char::is_alphabetic) && !name.contains('$'))
    }
}

fn callable<H>(primitive: &'static Primitive<H>) -> Callable {
    Callable {
        on: primitive.on,
        name: primitive.name,
        params: params::parse(primitive.params).unwrap_or_default(),
        options: primitive.options,
        returns: primitive.returns,
        label: primitive.label(),
        signature: primitive.signature(),
        effect: primitive.effect,
    }
}
