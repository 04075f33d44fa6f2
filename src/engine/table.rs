//! The shape of a table entry: one [`Primitive`] drives registration, argument checks, help, documentation and tests.

use super::call::Call;
use rhai::{Dynamic, EvalAltResult};

/// What calling a primitive does to the world outside the script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing: it computes.
    None,
    /// It reads from a cluster, a file or the environment.
    Read,
    /// It changes a cluster or a file.
    Write,
    /// It starts a local program.
    Run,
}

/// What a primitive's call returns to the script. A [`crate::failure::Failure`] becomes an error by `?`.
pub type Outcome = Result<Dynamic, Box<EvalAltResult>>;

/// One function that scripts can call.
pub struct Primitive<H: 'static> {
    /// The namespace object (`kube`, `secret`, `wait`, `exec`, …) or type (`Cluster`, `Object`, …) it is called on;
    /// empty for a plain function.
    pub on: &'static str,
    /// Its name, in Rhai's and Kubernetes' words.
    pub name: &'static str,
    /// Its parameters, as in `"kind: string, name: string, options?: map"`. Types: `string int float bool array map
    /// any object objects Cluster Secret closure`, joined by `|`; `?` after the name marks what may be left out.
    /// `object` takes an Object, a map or YAML text; `objects` also takes a list of them or several YAML documents.
    /// `options?: map` stands last and is checked against `options`.
    pub params: &'static str,
    /// The keys that the trailing options map may have: `("timeout", "string", "what it means")`.
    pub options: &'static [(&'static str, &'static str, &'static str)],
    /// The type of the result.
    pub returns: &'static str,
    /// What it does, in a sentence or a few; the first sentence stands alone in lists.
    pub doc: &'static str,
    /// A script that runs in a rehearsal with clusters `east` and `west`, its last expression true.
    pub example: &'static str,
    /// What it does to the world.
    pub effect: Effect,
    /// The version that had it first.
    pub since: &'static str,
    /// The function itself.
    pub call: fn(&Call<'_, H>) -> Outcome,
}

impl<H: 'static> Primitive<H> {
    /// The name to speak of it: `kube.get`, `Cluster.apply`, `fail`.
    pub fn label(&self) -> String {
        match self.on {
            "" => self.name.to_owned(),
            on => format!("{on}.{}", self.name),
        }
    }

    /// How to call it: `kube.get(kind: string, name: string, options?: map) -> Object`.
    pub fn signature(&self) -> String {
        let returns = match self.returns {
            "" | "()" => String::new(),
            returns => format!(" -> {returns}"),
        };
        format!("{}({}){returns}", self.label(), self.params)
    }
}

/// What is wrong with tables, a line for each: for the test that holds every table to its shape.
pub fn problems<H>(tables: &[&'static [Primitive<H>]], types: &[super::Type]) -> Vec<String> {
    let all: Vec<_> = tables.iter().flat_map(|table| table.iter()).collect();
    let twice = all
        .iter()
        .enumerate()
        .filter(|(at, one)| all[..*at].iter().any(|other| (other.on, other.name) == (one.on, one.name)));
    let twice =
        twice.map(|(_, primitive)| format!("{}: is in the tables twice", primitive.label())).collect::<Vec<_>>();
    let known: Vec<_> = types.iter().map(|kind| kind.name).collect();
    twice.into_iter().chain(all.iter().flat_map(|primitive| problems_of(primitive, &known))).collect()
}

/// The type names that the `params` and `options` columns may use beside those that primitives define.
const TYPES: [&str; 13] =
    ["()", "string", "int", "float", "bool", "array", "map", "any", "object", "objects", "closure", "Object", "Secret"];

fn problems_of<H>(primitive: &Primitive<H>, known: &[&'static str]) -> Vec<String> {
    let mut problems = Vec::new();
    let unknown = |name: &str| !TYPES.contains(&name) && !known.contains(&name);
    match super::params::parse(primitive.params) {
        Err(why) => problems.push(why),
        Ok(params) => {
            let names = params.iter().flat_map(|param| &param.types).filter(|name| unknown(name));
            problems.extend(names.map(|name| format!("params: there is no type `{name}`")));
            let takes_options = params.last().is_some_and(|param| param.name == "options");
            let fits = takes_options != primitive.options.is_empty();
            problems.extend(
                (!fits).then(|| "options: must be there if and only if params end in `options?: map`".to_owned()),
            );
        }
    }
    for (name, kinds, _) in primitive.options {
        let strange = kinds.split('|').map(str::trim).find(|kind| *kind != "duration" && unknown(kind));
        problems.extend(strange.map(|kind| format!("option `{name}`: there is no type `{kind}`")));
    }
    for (column, text) in [("doc", primitive.doc), ("returns", primitive.returns), ("since", primitive.since)] {
        problems.extend(text.trim().is_empty().then(|| format!("{column}: is empty")));
    }
    // After a dot every word is a name; what stands alone must not be a word of Rhai's own.
    let alone = if primitive.on.is_empty() { primitive.name } else { primitive.on };
    problems.extend(rhai::FnPtr::new(alone).err().map(|_| format!("`{alone}` is a reserved word of Rhai")));
    problems.into_iter().map(|problem| format!("{}: {problem}", primitive.label())).collect()
}
