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
