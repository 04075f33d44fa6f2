//! One thing to call: a primitive of the tables or a word of the language.

use crate::engine::language::{WORDS, Word};
use crate::engine::params::{self, Param};
use crate::engine::{Effect, Primitive};
use crate::primitives::{Host, TABLES, TEST};

/// One thing to call.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Where it is listed: what it is called on, or `test` for what only tests have.
    pub place: &'static str,
    /// What it is called on: a namespace object or a type; empty for what stands alone.
    pub on: &'static str,
    /// Its name.
    pub name: &'static str,
    /// How to call it.
    pub signature: String,
    /// Its parameters; empty for words of the language.
    pub params: Vec<Param>,
    /// The options map's keys, types and meanings.
    pub options: &'static [(&'static str, &'static str, &'static str)],
    /// The type of its result.
    pub returns: &'static str,
    /// What it does.
    pub doc: &'static str,
    /// A script that uses it, its last expression true.
    pub example: &'static str,
    /// What it does to the world; `None` for words of the language.
    pub effect: Option<Effect>,
    /// The version that had it first.
    pub since: &'static str,
}

/// Everything there is to call, in reading order.
pub fn entries() -> impl Iterator<Item = Entry> {
    let primitives = TABLES.iter().flat_map(|table| table.iter()).map(Entry::of);
    let tests = TEST.iter().map(|primitive| Entry { place: "test", ..Entry::of(primitive) });
    WORDS.iter().map(Entry::word).chain(primitives).chain(tests)
}

impl Entry {
    /// A primitive's entry.
    pub fn of(primitive: &'static Primitive<Host>) -> Entry {
        Entry {
            place: primitive.on,
            on: primitive.on,
            name: primitive.name,
            signature: primitive.signature(),
            params: params::parse(primitive.params).unwrap_or_default(),
            options: primitive.options,
            returns: primitive.returns,
            doc: primitive.doc,
            example: primitive.example,
            effect: Some(primitive.effect),
            since: primitive.since,
        }
    }

    fn word(word: &'static Word) -> Entry {
        let on = if word.on.is_empty() { String::new() } else { format!("{}.", word.on) };
        Entry {
            place: if word.name == "test" { "test" } else { word.on },
            on: word.on,
            name: word.name,
            signature: format!("{on}{}", word.signature),
            params: Vec::new(),
            options: &[],
            returns: word.signature.split_once(" -> ").map_or("", |(_, returns)| match returns {
                "list" => "array",
                "any" | "int" | "bool" | "string" | "array" | "map" | "Failure" => returns,
                _ => "map",
            }),
            doc: word.doc,
            example: word.example,
            effect: None,
            since: "0.1.0",
        }
    }

    /// The name to speak of it: `kube.get`, `step`.
    pub fn label(&self) -> String {
        if self.on.is_empty() { self.name.to_owned() } else { format!("{}.{}", self.on, self.name) }
    }

    /// What it does to the world, in words.
    pub fn effect_words(&self) -> &'static str {
        match self.effect {
            Some(Effect::Read) => "reads",
            Some(Effect::Write) => "changes",
            Some(Effect::Run) => "runs programs",
            Some(Effect::None) | None => "computes only",
        }
    }

    /// The kinds of failure to expect, as `catch (e)` sees them in `e.kind`, beside `usage` for a wrong call.
    pub fn errors(&self) -> &'static [&'static str] {
        let is_kubernetes = matches!(self.on, "Cluster" | "kube");
        match (self.on, self.effect) {
            ("wait", _) => &["timeout", "forbidden", "unreachable"],
            (_, Some(Effect::Run)) => &["rights", "not_found", "process", "timeout"],
            (_, Some(Effect::Write)) if is_kubernetes => {
                &["rights", "not_found", "conflict", "forbidden", "invalid", "unreachable"]
            }
            (_, Some(Effect::Read)) if is_kubernetes => &["rights", "not_found", "forbidden", "unreachable"],
            (_, Some(Effect::Write | Effect::Read)) => &["rights", "not_found"],
            _ => &[],
        }
    }

    /// The example without the indentation that it has in its table.
    pub fn example(&self) -> String {
        let lines: Vec<&str> = self.example.lines().skip_while(|line| line.trim().is_empty()).collect();
        let indents = lines.iter().skip(usize::from(!self.example.starts_with('\n')));
        let indents = indents.filter(|line| !line.trim().is_empty());
        let common = indents.map(|line| line.len() - line.trim_start().len()).min().unwrap_or_default();
        let cut =
            |line: &&str| line.get(common.min(line.len() - line.trim_start().len())..).unwrap_or_default().to_owned();
        lines.iter().map(cut).collect::<Vec<_>>().join("\n").trim_end().to_owned()
    }

    /// Everything about it, for programs.
    pub fn json(&self) -> serde_json::Value {
        use serde_json::json;
        let params = self.params.iter().filter(|param| param.name != "options");
        let params = params.map(|p| json!({"name": p.name, "types": p.types, "optional": p.optional}));
        let options = self.options.iter().map(|(name, types, doc)| json!({"name": name, "types": types, "doc": doc}));
        json!({
            "on": self.on, "name": self.name, "signature": self.signature,
            "params": params.collect::<Vec<_>>(), "options": options.collect::<Vec<_>>(), "returns": self.returns,
            "doc": self.doc, "effect": self.effect_words(), "since": self.since, "errors": self.errors(),
            "example": self.example(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_stands_at_the_left_edge() {
        let entry = entries().find(|entry| entry.label() == "kube.connect").expect("connect");
        assert!(entry.example().starts_with("let east"), "{}", entry.example());
        assert!(entry.example().lines().all(|line| !line.starts_with(' ')), "{}", entry.example());
    }
}
