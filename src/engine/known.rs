//! What a script can call, as error messages need to know it: the functions of scripts and modules, the primitives, and
//! Rhai's own functions.

use super::built_in;
use super::habits;
use super::inside::{Inside, Signature};
use super::lexer::{What, pieces};
use super::nearest::nearest;
use super::value::with_article;
use crate::failure::Failure;
use rhai::Engine;

/// How many ways to call a function are shown.
const WAYS: usize = 4;

/// The functions that are known at one place of a script.
pub(super) struct Known<'e> {
    pub engine: &'e Engine,
    pub inside: &'e Inside,
    /// The script or module that calls.
    pub source: &'e str,
}

impl Known<'_> {
    /// The failure of calling a function that does not exist, or not for arguments of these types; on a namespace object,
    /// the first type is its name.
    pub(super) fn no_function(&self, name: &str, types: &[&str]) -> Failure {
        if let Some(own) = self.own(name) {
            return own.not_for(name, types.len());
        }
        let receiver = types.first().copied().unwrap_or_default();
        if let Some(meant) = habits::call(name, receiver) {
            let on = if receiver == "kube" { "on `kube`" } else { "that takes this" };
            return Failure::usage(format!("no function `{name}` {on}")).hint(meant);
        }
        let is_listed = !receiver.is_empty() && self.inside.listed(receiver).next().is_some();
        let ways = self.ways(name);
        let said = match is_listed {
            true if receiver.starts_with(char::is_lowercase) => format!("no function `{name}` on `{receiver}`"),
            true => format!("no function `{name}` on {}", with_article(receiver)),
            false if types.is_empty() && !ways.is_empty() => format!("`{name}` needs arguments"),
            false if !ways.is_empty() => format!("no function `{name}` that takes {}", listed(types)),
            false => format!("there is no function `{name}`"),
        };
        let failure = Failure::usage(said);
        if !ways.is_empty() && !is_listed {
            return failure.hint(format!("there is {}", ways.join(", ")));
        }
        match self.meant(name, receiver, is_listed) {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }

    fn meant(&self, name: &str, receiver: &str, is_listed: bool) -> Option<String> {
        let on_cluster = self.inside.listed("Cluster").find(|listed| listed.name == name);
        if let Some(listed) = on_cluster.filter(|_| receiver == "kube") {
            return Some(format!("there is {}: `kube.cluster(\"CONTEXT\").{name}(…)`", listed.signature));
        }
        if let Some(listed) = self.inside.nearest_on(receiver, name).or_else(|| self.inside.nearest_on("", name)) {
            return Some(format!("did you mean `{}`? {}", listed.name, listed.signature));
        }
        let own = self.inside.functions(self.source);
        let mut rhai = if receiver.starts_with(char::is_lowercase) && is_listed { Vec::new() } else { self.rhai() };
        rhai.retain(|(name, _)| self.inside.catalogue.iter().all(|listed| listed.name != name));
        let names = own.iter().map(|(name, _)| name.as_str()).chain(rhai.iter().map(|(name, _)| name.as_str()));
        if let Some(meant) = nearest(name, names) {
            return Some(format!("did you mean `{meant}`?"));
        }
        let anywhere = nearest(name, self.inside.catalogue.iter().map(|listed| listed.name));
        if let Some(listed) = self.inside.catalogue.iter().find(|listed| Some(listed.name) == anywhere) {
            return Some(format!("there is {}", listed.signature));
        }
        let names: Vec<_> = self.inside.listed(receiver).filter(|_| is_listed).map(|listed| listed.name).collect();
        (!names.is_empty()).then(|| format!("there are {}", names.join(", ")))
    }

    /// The failure of calling a function that an imported module does not have, or not with so many arguments.
    pub(super) fn not_in_module(&self, module: &str, name: &str, count: usize) -> Failure {
        let functions = self.module(module).map(|source| self.inside.functions(&source)).unwrap_or_default();
        if let Some((_, signature)) = functions.iter().find(|(known, _)| known == name) {
            return signature.not_for(&format!("{module}::{name}"), count);
        }
        let failure = Failure::usage(format!("module `{module}` has no function `{name}`"));
        let names: Vec<_> = functions.iter().map(|(name, _)| name.as_str()).collect();
        match nearest(name, names.iter().copied()) {
            Some(meant) => failure.hint(format!("did you mean `{meant}`?")),
            None if names.is_empty() => failure,
            None => failure.hint(format!("there are {}", names.join(", "))),
        }
    }

    /// The failure of naming a module that is not imported.
    pub(super) fn no_module(&self, name: &str) -> Failure {
        let failure = Failure::usage(format!("there is no module `{name}`"));
        let text = self.inside.text(self.source).unwrap_or_default();
        match nearest(name, imports(&text).into_iter().map(|(_, alias)| alias)) {
            Some(meant) => failure.hint(format!("did you mean `{meant}`?")),
            None => failure.hint(format!("import it first, at the top of the file: `import \"…\" as {name};`")),
        }
    }

    /// The source of the module that the script imports under this name.
    fn module(&self, alias: &str) -> Option<String> {
        let text = self.inside.text(self.source)?;
        let (path, _) = imports(&text).into_iter().rfind(|(_, known)| *known == alias)?;
        self.inside.sources.load(path, Some(self.source)).ok().map(|(source, _)| source)
    }

    /// The function of the script itself with this name.
    pub(super) fn own(&self, name: &str) -> Option<Signature> {
        self.inside.functions(self.source).into_iter().find(|(known, _)| known == name).map(|(_, signature)| signature)
    }

    /// The ways to call a function with this name.
    fn ways(&self, name: &str) -> Vec<String> {
        let is_primitive = self.inside.catalogue.iter().any(|listed| listed.name == name);
        let of_table = self.inside.catalogue.iter().filter(|listed| listed.name == name);
        let mut ways: Vec<_> = of_table.map(|listed| listed.signature.clone()).collect();
        // A primitive is registered for any arguments.
        let own = self.rhai().into_iter().filter(|(known, params)| known == name && !params.is_empty());
        ways.extend(own.filter(|_| !is_primitive).map(|(_, params)| format!("{name}({})", params.join(", "))));
        ways.sort_by_key(String::len);
        ways.dedup();
        ways.truncate(WAYS);
        ways
    }

    /// Rhai's own functions, by name and types.
    fn rhai(&self) -> Vec<(String, Vec<String>)> {
        let words =
            built_in::functions(self.engine).into_iter().filter(|known| known.name.starts_with(char::is_alphabetic));
        words.map(|known| (known.name, known.params)).collect()
    }
}

/// `a string and a whole number`.
fn listed(types: &[&str]) -> String {
    types.iter().map(|name| with_article(name)).collect::<Vec<_>>().join(" and ")
}

/// The paths that a text imports, with their names.
fn imports(text: &str) -> Vec<(&str, &str)> {
    let pieces: Vec<_> = pieces(text).into_iter().map(|piece| piece.what).collect();
    let import = |part: &[What<'_>]| matches!(part, [What::Word("import"), _, What::Word("as"), _]);
    let parts = pieces.windows(4).filter(|part| import(part));
    let named = parts.filter_map(|part| match part {
        [_, What::Text(path), _, What::Word(alias)] => Some((*path, *alias)),
        _ => None,
    });
    named.collect()
}
