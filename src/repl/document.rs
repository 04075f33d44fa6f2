//! `x?`: what a name means. Looked up in the tables, in script texts and in the cluster's documents; nothing is run.

use super::Repl;
use crate::cluster::Explanation;
use crate::doc::{Entry, TOPICS, brief, entries, full, indented, script_brief, script_signature, topic, wrapped};
use crate::engine::value::{to_node, type_name};
use crate::engine::{Primitive, Sources as _, nearest};
use crate::failure::{Failure, Kind, Result};
use crate::primitives::{Host, TABLES};
use crate::script::outline::{Function, Outline};
use std::time::Duration;

/// How long a cluster may take to explain something.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is missing where a longer expression ends in a field that is not there: `east.list("pods").length`.
fn no_last_field(expression: &str) -> Option<String> {
    let (before, field) = expression.rsplit_once('.')?;
    let is_field = field.starts_with(char::is_alphabetic) && field.chars().all(|c| c.is_alphanumeric() || c == '_');
    let is_value = before.ends_with([')', ']']) && !before.contains([';', '=', '{', '\n']);
    let hint = match field {
        "length" | "size" | "count" => "; `len()` counts",
        _ => "",
    };
    (is_field && is_value).then(|| format!("(): there is no field `{field}`{hint}"))
}

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
            return Ok(super::commands::find(command)?.page(self.view.width));
        }
        if let Some(text) = self.of_script(name).or_else(|| self.of_table(name)).or_else(|| self.of_variable(name)) {
            return Ok(text);
        }
        if let Some(topic) = topic(name) {
            return Ok(topic.page(self.view.width));
        }
        self.of_kind(name).map_err(|failure| self.unknown(name, failure))
    }

    /// A primitive, a namespace object, or the functions of a type.
    fn of_table(&self, name: &str) -> Option<String> {
        if let Some((on, function)) = name.rsplit_once('.') {
            let on = self.type_of(on).unwrap_or_else(|| on.to_owned());
            return entries().find(|entry| entry.on == on && entry.name == function).map(|entry| self.full(&entry));
        }
        let on: String = entries().filter(|entry| entry.on == name).map(|entry| self.brief(&entry)).collect();
        if !on.is_empty() {
            return Some(on);
        }
        let named: Vec<_> = entries().filter(|entry| entry.name == name).map(|entry| self.full(&entry)).collect();
        let is_variable = self.console.scope().contains(name);
        (!named.is_empty() && !is_variable).then(|| named.join("\n"))
    }

    fn full(&self, entry: &Entry) -> String {
        full(entry, self.view.width)
    }

    fn brief(&self, entry: &Entry) -> String {
        brief(entry, self.view.width)
    }

    /// The type of a variable, as the tables call it.
    fn type_of(&self, variable: &str) -> Option<String> {
        self.console.scope().get(variable).map(|value| type_name(&value.flatten_clone()).to_owned())
    }

    /// What is missing where a path of fields leads to nothing: `deploy.sepc`.
    pub(super) fn no_field(&self, path: &str) -> Option<String> {
        let is_path = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.');
        if !path.chars().all(is_path) {
            return no_last_field(path);
        }
        let (variable, fields) = path.split_once('.')?;
        let mut node = to_node(&self.console.scope().get(variable)?.flatten_clone()).ok()?;
        let mut walked = variable.to_owned();
        for field in fields.split('.') {
            let Some(next) = node.get(field).cloned() else {
                let known = node.entries().iter().map(|(key, _)| &**key);
                let meant = nearest(field, known).map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default();
                return Some(format!("(): {walked} has no field `{field}`{meant}"));
            };
            walked = format!("{walked}.{field}");
            node = next;
        }
        None
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
        let functions: String = entries().filter(|entry| entry.on == kind).map(|entry| self.brief(&entry)).collect();
        text += &functions;
        Some(text)
    }

    /// A function of the session, of the open script, or of an imported module: `mesh_of::from`.
    fn of_script(&self, name: &str) -> Option<String> {
        let (module, function) = name.split_once("::").map_or(("", name), |(module, function)| (module, function));
        let functions = if module.is_empty() { self.functions() } else { self.module(module)? };
        if function.is_empty() {
            return Some(functions.iter().map(|function| script_brief(module, function, self.view.width)).collect());
        }
        let found = functions.iter().rev().find(|known| known.name == function)?;
        Some(format!("{}\n{}", script_signature(module, found), indented(&found.doc)))
    }

    /// A kind or a field of it, from the cluster's own documents.
    fn of_kind(&self, path: &str) -> Result<String> {
        let context = self.current_cluster()?;
        let cluster = self.session().clusters().connect(&context)?;
        let explained = self.ask(PATIENCE, async move { cluster.explain(path).await })?;
        Ok(explanation(&explained, self.view.width))
    }

    /// The cluster that documents and names come from: the one in use, or the only one, or any of a rehearsal.
    pub(super) fn current_cluster(&self) -> Result<String> {
        if let Some(current) = &self.current {
            return Ok(current.clone());
        }
        let contexts = self.session().clusters().contexts()?;
        match contexts.as_slice() {
            [first, ..] if self.is_rehearsal() || contexts.len() == 1 => Ok(first.clone()),
            [] => Err(Failure::new(Kind::NotFound, "there are no clusters")),
            _ => Err(Failure::usage("which cluster?").hint("`:use CONTEXT` chooses one")),
        }
    }

    fn unknown(&self, name: &str, failure: Failure) -> Failure {
        let last = name.rsplit(['.', ':']).next().unwrap_or(name);
        let first = name.split('.').next().unwrap_or(name);
        let is_ours = super::namespaces().contains(&first) || self.console.scope().contains(first);
        let is_path = name.contains('.') && failure.kind == Kind::NotFound && !is_ours;
        let meant = nearest(last, primitives().map(|p| p.name)).and_then(|near| primitives().find(|p| p.name == near));
        let page = nearest(name, TOPICS.iter().map(|topic| topic.name));
        match meant {
            None if page.is_some() => Failure::new(Kind::NotFound, format!("nothing is called `{name}`"))
                .hint(format!("did you mean `:doc {}`?", page.unwrap_or_default())),
            Some(meant) if !is_path => Failure::new(Kind::NotFound, format!("nothing is called `{name}`"))
                .hint(format!("did you mean `{}`?", meant.label())),
            _ if failure.kind == Kind::NotFound && failure.hint.is_some() => failure,
            // Which cluster was meant is not known.
            _ if failure.kind == Kind::Usage => Failure::new(Kind::NotFound, format!("nothing is called `{name}`"))
                .hint("if it is a kind of a cluster: `:use CONTEXT` chooses which"),
            // Whether there is such a kind is not known.
            _ if failure.kind != Kind::NotFound => failure.detail(format!("nothing else is called `{name}`")),
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

fn explanation(explained: &Explanation, width: usize) -> String {
    let inner = |text: &str, depth: usize| wrapped(text, width.saturating_sub(depth).max(24));
    let mut text = format!("{}: {}\n{}", explained.path, explained.kind, indented(&inner(&explained.description, 2)));
    for field in &explained.fields {
        let required = if field.required { "  -required-" } else { "" };
        let summary = indented(&indented(&indented(&inner(&field.summary, 6))));
        text += &format!("\n  {}: {}{required}\n{summary}", field.name, field.kind);
    }
    text
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
