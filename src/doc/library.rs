//! Modules of the library, from the comments in them.

use super::page::{first_sentence, indented, wrapped};
use crate::engine::nearest;
use crate::failure::{Failure, Result};
use crate::script::outline::{Function, Outline};
use crate::script::{library, library_names};

/// A module of the library.
pub struct Module {
    /// Its name, such as `istio/gateway`.
    pub name: String,
    /// Its `//!` comment.
    pub doc: String,
    /// What it offers: its functions with a comment.
    pub functions: Vec<Function>,
}

impl Module {
    /// The module of this name.
    pub fn of(name: &str) -> Option<Module> {
        let text = library(name)?;
        let doc = text.lines().map_while(|line| line.strip_prefix("//!"));
        let doc = doc.map(str::trim).collect::<Vec<_>>().join("\n").trim().to_owned();
        let functions = Outline::of(text).functions;
        let functions = functions.into_iter().filter(|function| !function.private && !function.doc.is_empty());
        Some(Module { name: name.to_owned(), doc, functions: functions.collect() })
    }

    /// Every module.
    pub fn all() -> Vec<Module> {
        library_names().iter().filter_map(|name| Module::of(name)).collect()
    }

    /// The name it is usually imported under.
    pub fn alias(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or(&self.name)
    }

    /// A function of it.
    ///
    /// # Errors
    /// When there is none of this name, with the nearest.
    pub fn function(&self, name: &str) -> Result<Function> {
        if let Some(found) = self.functions.iter().find(|function| function.name == name) {
            return Ok(found.clone());
        }
        let failure = Failure::usage(format!("std:{} has no function `{name}`", self.name));
        let names: Vec<&str> = self.functions.iter().map(|function| function.name.as_str()).collect();
        Err(match nearest(name, names.iter().copied()) {
            Some(meant) => failure.hint(format!("did you mean `{}::{meant}`?", self.name)),
            None => failure.hint(format!("there are {}", names.join(", "))),
        })
    }

    /// How to import it, what it is for, and its functions.
    pub fn page(&self, width: usize) -> String {
        let import = format!("import \"std:{}\" as {};", self.name, self.alias());
        let mut text = format!("{import}\n{}\n", indented(&joined(&self.doc, width.saturating_sub(2))));
        for function in &self.functions {
            text += &script_brief(self.alias(), function, width);
        }
        text
    }

    /// One function, with its whole comment.
    pub fn function_page(&self, function: &Function, width: usize) -> String {
        let doc = indented(&joined(&function.doc, width.saturating_sub(2)));
        format!("{}\n{doc}\n  in std:{}\n", script_signature(self.alias(), function), self.name)
    }

    /// Everything about it, for programs.
    pub fn json(&self) -> serde_json::Value {
        use serde_json::json;
        let functions = self.functions.iter();
        let functions = functions.map(|f| json!({"name": f.name, "params": f.params, "doc": f.doc}));
        json!({"module": format!("std:{}", self.name), "doc": self.doc, "functions": functions.collect::<Vec<_>>()})
    }
}

/// How to call a function of a script.
pub fn script_signature(module: &str, function: &Function) -> String {
    let module = if module.is_empty() { String::new() } else { format!("{module}::") };
    format!("{module}{}({})", function.name, function.params.join(", "))
}

/// How to call it, and the first sentence of its comment below.
pub fn script_brief(module: &str, function: &Function, width: usize) -> String {
    let doc = joined(&function.doc, usize::MAX);
    let sentence = wrapped(first_sentence(doc.lines().next().unwrap_or_default()), width.saturating_sub(6));
    format!("  {}\n{}", script_signature(module, function), indented(&indented(&indented(&sentence))))
}

/// Comment lines are wrapped by hand: joined to paragraphs and wrapped anew; an empty line keeps them apart.
fn joined(comment: &str, width: usize) -> String {
    let paragraphs = comment.split("\n\n").map(|paragraph| paragraph.replace('\n', " "));
    paragraphs.map(|paragraph| wrapped(&paragraph, width)).collect::<Vec<_>>().join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_module_says_what_it_is_for_and_offers_something() {
        let modules = Module::all();
        assert!(modules.len() > 5);
        for module in modules {
            assert!(!module.doc.is_empty(), "std:{} has no `//!` comment", module.name);
            assert!(!module.functions.is_empty(), "std:{} has no function with a `///` comment", module.name);
        }
    }

    #[test]
    fn a_misspelled_function_gets_the_nearest() {
        let module = Module::of("istio/networks").expect("module");
        assert_eq!(
            module.function("entr").expect_err("none").hint.as_deref(),
            Some("did you mean `istio/networks::enter`?")
        );
        assert!(module.function_page(&module.function("enter").expect("enter"), 80).starts_with("networks::enter("));
    }
}
