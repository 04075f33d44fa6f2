//! `x?`: what a name means. Looked up in the tables, in script texts and in the cluster's documents; nothing is run.

use super::Repl;
use crate::cluster::Explanation;
use crate::engine::value::type_name;
use crate::engine::{Primitive, Sources as _, nearest};
use crate::failure::{Failure, Kind, Result};
use crate::primitives::{Host, TABLES};
use crate::script::outline::{Function, Outline};
use std::time::Duration;

/// How long a cluster may take to explain something.
const PATIENCE: Duration = Duration::from_secs(10);

/// The name that a line asks about: `kube.cluster?`, `kube.explain("deploy.spec")`.
pub fn asked(line: &str) -> Option<&str> {
    let line = line.trim();
    if let Some(path) =
        line.strip_prefix("kube.explain(\"").and_then(|rest| rest.trim_end_matches(';').strip_suffix("\")"))
    {
        return Some(path);
    }
    let name = line.strip_suffix('?')?.trim_end_matches('?').trim_end();
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | ':' | '/' | '-');
    (!name.is_empty() && name.chars().all(fits)).then_some(name)
}

/// Every primitive.
pub fn primitives() -> impl Iterator<Item = &'static Primitive<Host>> {
    TABLES.iter().flat_map(|table| table.iter())
}

impl Repl {
    /// What a name means.
    pub(super) fn document(&self, name: &str) -> Result<String> {
        let name = name.trim_end_matches('?').trim_end_matches("()");
        if let Some(command) = name.strip_prefix(':') {
            let command = super::commands::find(command)?;
            return Ok(format!(":{} {}\n  {}\n", command.name, command.args, command.doc));
        }
        if let Some(text) = self.of_script(name).or_else(|| self.of_table(name)).or_else(|| self.of_variable(name)) {
            return Ok(text);
        }
        self.of_kind(name).map_err(|failure| self.unknown(name, failure))
    }

    /// A primitive, a namespace object, or the functions of a type.
    fn of_table(&self, name: &str) -> Option<String> {
        if let Some((on, function)) = name.rsplit_once('.') {
            let on = self.type_of(on).unwrap_or_else(|| on.to_owned());
            return primitives().find(|p| p.on == on && p.name == function).map(full);
        }
        let on: Vec<_> = primitives().filter(|p| p.on == name).collect();
        if !on.is_empty() {
            return Some(on.into_iter().map(brief).collect());
        }
        let named: Vec<_> = primitives().filter(|p| p.name == name).collect();
        let is_variable = self.console.scope().contains(name);
        (!named.is_empty() && !is_variable).then(|| named.into_iter().map(full).collect::<Vec<_>>().join("\n"))
    }

    /// The type of a variable, as the tables call it.
    fn type_of(&self, variable: &str) -> Option<String> {
        self.console.scope().get(variable).map(|value| type_name(&value.flatten_clone()).to_owned())
    }

    /// A variable: its type, its value in brief, and what can be called on it; or a parameter.
    fn of_variable(&self, name: &str) -> Option<String> {
        if let Some(param) = name.strip_prefix("params.") {
            let param = self.opened.as_ref()?.header.param(param)?;
            return Some(format!("{name}: {}\n  {}\n", param.kind.name(), param.help));
        }
        let value = self.console.scope().get(name)?.flatten_clone();
        let kind = type_name(&value);
        let mut text = format!("{name}: {kind}\n");
        let functions: String = primitives().filter(|p| p.on == kind).map(brief).collect();
        text += &functions;
        Some(text)
    }

    /// A function of the session, of the open script, or of an imported module: `mesh_of::from`.
    fn of_script(&self, name: &str) -> Option<String> {
        let (module, function) = name.split_once("::").map_or(("", name), |(module, function)| (module, function));
        let functions = if module.is_empty() { self.functions() } else { self.module(module)? };
        if function.is_empty() {
            return Some(functions.iter().map(|function| script_brief(module, function)).collect());
        }
        let found = functions.iter().rev().find(|known| known.name == function)?;
        Some(format!("{}\n{}", script_signature(module, found), indented(&found.doc)))
    }

    /// A kind or a field of it, from the cluster's own documents.
    fn of_kind(&self, path: &str) -> Result<String> {
        let context = self.current_cluster()?;
        let cluster = self.session().clusters().connect(&context)?;
        let explained = self.ask(PATIENCE, async move { cluster.explain(path).await })?;
        Ok(explanation(&explained))
    }

    /// The cluster that documents and names come from: the one in use, or the only one, or any of a rehearsal.
    pub(super) fn current_cluster(&self) -> Result<String> {
        if let Some(current) = &self.current {
            return Ok(current.clone());
        }
        let contexts = self.session().clusters().contexts()?;
        match contexts.as_slice() {
            [first, ..] if self.is_rehearsal() || contexts.len() == 1 => Ok(first.clone()),
            _ => Err(Failure::usage("which cluster?").hint("`:use CONTEXT` chooses one")),
        }
    }

    fn unknown(&self, name: &str, failure: Failure) -> Failure {
        let last = name.rsplit(['.', ':']).next().unwrap_or(name);
        let first = name.split('.').next().unwrap_or(name);
        let is_ours = super::namespaces().contains(&first) || self.console.scope().contains(first);
        let is_path = name.contains('.') && failure.kind == Kind::NotFound && !is_ours;
        let meant = nearest(last, primitives().map(|p| p.name)).and_then(|near| primitives().find(|p| p.name == near));
        match meant {
            Some(meant) if !is_path => Failure::new(Kind::NotFound, format!("nothing is called `{name}`"))
                .hint(format!("did you mean `{}`?", meant.label())),
            _ if is_path && self.is_rehearsal() => {
                failure.detail("rehearsed clusters describe the fields of custom kinds only; real ones describe all")
            }
            _ if failure.kind == Kind::NotFound && failure.hint.is_some() => failure,
            _ => Failure::new(Kind::NotFound, format!("nothing is called `{name}`")).hint(
                "`:help` shows what there is to type; `kube?`, `wait?`, `secret?`, `exec?` what there is to call",
            ),
        }
    }

    /// The functions of the session and of the open script, the last definition last.
    pub(super) fn functions(&self) -> Vec<Function> {
        self.inputs
            .all()
            .iter()
            .filter(|input| input.succeeded)
            .flat_map(|input| Outline::of(&input.text).functions)
            .collect()
    }

    /// The functions that an imported module offers.
    pub(super) fn module(&self, alias: &str) -> Option<Vec<Function>> {
        let mut imports =
            self.inputs.all().iter().filter(|input| input.succeeded).flat_map(|input| Outline::of(&input.text).imports);
        let path = imports.rfind(|import| import.name == alias)?.path;
        let working = std::env::current_dir().unwrap_or_default();
        let (resolver, source) = match &self.opened {
            Some(opened) => {
                (crate::script::Resolver::for_script(&opened.script, &working), Some(opened.script.source.clone()))
            }
            None => (crate::script::Resolver::for_folder(&working), None),
        };
        let (_, text) = resolver.load(&path, source.as_deref()).ok()?;
        Some(Outline::of(&text).functions.into_iter().filter(|function| !function.private).collect())
    }

    /// The names that modules were imported under.
    pub(super) fn modules(&self) -> Vec<String> {
        let imports =
            self.inputs.all().iter().filter(|input| input.succeeded).flat_map(|input| Outline::of(&input.text).imports);
        imports.map(|import| import.name).filter(|name| !name.is_empty()).collect()
    }
}

/// The first sentence of a text.
pub fn first_sentence(text: &str) -> &str {
    text.split_once(". ").map_or(text, |(first, _)| first).trim_end_matches('.')
}

fn brief(primitive: &Primitive<Host>) -> String {
    format!("  {}\n      {}\n", primitive.signature(), first_sentence(primitive.doc))
}

fn full(primitive: &'static Primitive<Host>) -> String {
    let mut text = format!("{}\n{}", primitive.signature(), indented(primitive.doc));
    for (name, kinds, doc) in primitive.options {
        text += &format!("  #{{{name}: {kinds}}}  {doc}\n");
    }
    if !primitive.example.is_empty() {
        text += &format!("\n{}", indented(&dedented(primitive.example)));
    }
    text
}

/// An example without the indentation that it has in the table.
fn dedented(text: &str) -> String {
    let lines: Vec<&str> = text.lines().skip_while(|line| line.trim().is_empty()).collect();
    let common =
        lines.iter().filter(|line| !line.trim().is_empty()).map(|line| line.len() - line.trim_start().len()).min();
    lines.iter().map(|line| line.get(common.unwrap_or_default()..).unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}

/// How to call a function of a script.
pub fn script_signature(module: &str, function: &Function) -> String {
    let module = if module.is_empty() { String::new() } else { format!("{module}::") };
    format!("{module}{}({})", function.name, function.params.join(", "))
}

fn script_brief(module: &str, function: &Function) -> String {
    format!("  {}\n      {}\n", script_signature(module, function), first_sentence(&function.doc.replace('\n', " ")))
}

fn explanation(explained: &Explanation) -> String {
    let mut text =
        format!("{}: {}\n{}", explained.path, explained.kind, indented(&wrapped(&explained.description, 96)));
    for field in &explained.fields {
        let required = if field.required { "  -required-" } else { "" };
        text +=
            &format!("\n  {}: {}{required}\n{}", field.name, field.kind, indented(&format!("    {}", field.summary)));
    }
    text
}

/// Words in lines of at most this width.
fn wrapped(text: &str, width: usize) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.len() - 1;
        if lines[last].is_empty() {
            lines[last] = word.to_owned();
        } else if lines[last].len() + word.len() < width {
            lines[last] += &format!(" {word}");
        } else {
            lines.push(word.to_owned());
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_a_name_with_a_question_mark() {
        assert_eq!(asked("kube.cluster?"), Some("kube.cluster"));
        assert_eq!(asked(" deploy.spec?? "), Some("deploy.spec"));
        assert_eq!(asked("kube.explain(\"deploy.spec\")"), Some("deploy.spec"));
        assert_eq!(asked("a ? b"), None);
        assert_eq!(asked("f(1)?"), None);
    }
}
