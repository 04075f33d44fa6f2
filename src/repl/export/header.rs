//! The header of a script that a session becomes: the clusters as parameters, and the rights that were made use of.

use super::Lifted;
use crate::object::{Map, Node};
use crate::repl::Repl;
use crate::script::{Kind, Param};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The header of the script that a session becomes.
pub(super) fn header(repl: &Repl, title: &str, lifted: &Lifted) -> String {
    let mut out = format!("//! # {title}\n//!\n//! Written from a session at the prompt.\n//!\n//! ---\n");
    let opened = repl.opened.as_ref();
    let own = opened.map(|opened| &opened.header);
    let params = own.map_or(&[][..], |header| &header.params);
    let given = |param: &Param| opened.and_then(|opened| opened.values.get(&param.name));
    if !lifted.new.is_empty() || !params.is_empty() {
        out += "//! params:\n";
    }
    params
        .iter()
        .for_each(|param| out += &format!("//!   {}: {}\n", param.name, flow(&described(param, given(param)))));
    for (context, name) in &lifted.new {
        let entries = [("type", "cluster"), ("default", context.as_str()), ("help", "a cluster of the session")];
        let entries = entries.map(|(key, text)| (key.into(), Node::Str(text.into())));
        out += &format!("//!   {name}: {}\n", flow(&Node::Map(Map(Arc::new(entries.to_vec().into())))));
    }
    out += &needs(repl);
    out + "//! ---\n"
}

/// A parameter as a header describes it; what the session gave it, it has by default. A secret is given anew.
fn described(param: &Param, given: Option<&Node>) -> Node {
    let text = |text: &str| Node::Str(text.into());
    let mut entries: Vec<(Arc<str>, Node)> = vec![("type".into(), text(param.kind.name()))];
    let given = given.filter(|value| match value {
        Node::Null | Node::Secret(_) => false,
        Node::Array(items) => !items.is_empty() || param.default.is_some(),
        _ => param.kind != Kind::Secret,
    });
    let one_of: Vec<Node> = param.one_of.iter().map(|value| text(value)).collect();
    entries.extend((!one_of.is_empty()).then(|| ("one_of".into(), Node::Array(Arc::new(one_of)))));
    entries.extend(param.min.map(|min| ("min".into(), Node::Int(min))));
    let default = given.or(param.default.as_ref());
    entries.extend(default.map(|default| ("default".into(), default.clone())));
    entries.extend((default.is_none() && !param.required).then(|| ("required".into(), Node::Bool(false))));
    entries.extend(param.pattern.as_deref().map(|pattern| ("pattern".into(), text(pattern))));
    entries.push(("help".into(), text(&param.help)));
    Node::Map(Map(Arc::new(entries.into())))
}

/// A tree on one line of YAML.
fn flow(node: &Node) -> String {
    let joined = |items: Vec<String>| items.join(", ");
    match node {
        Node::Map(map) => {
            let entry = |(key, value): &(Arc<str>, Node)| format!("{}: {}", word(key), flow(value));
            format!("{{{}}}", joined(map.0.iter().map(entry).collect()))
        }
        Node::Array(items) => format!("[{}]", joined(items.iter().map(flow).collect())),
        Node::Str(text) => word(text),
        other => other.to_wire().to_string(),
    }
}

/// A text as YAML on one line: a name as it is, anything else in quotes, as JSON has them.
fn word(text: &str) -> String {
    let is_name = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c));
    let other =
        matches!(text.to_lowercase().as_str(), "y" | "yes" | "n" | "no" | "on" | "off" | "true" | "false" | "null");
    if is_name && !other { text.to_owned() } else { Node::Str(text.into()).to_wire().to_string() }
}

/// The rights that the session made use of; those that the open script's header asks for, in its words.
fn needs(repl: &Repl) -> String {
    let opened = repl.opened.as_ref();
    let entry = |key: &str, name: &str| {
        let own = opened.and_then(|opened| opened.header.needs.entry_for(key, name, &opened.values));
        own.unwrap_or(name).to_owned()
    };
    let used = repl.desk.used();
    let mut beside: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (key, names) in repl.sessions.iter().flat_map(crate::run::Session::used) {
        beside.entry(key).or_default().extend(names);
    }
    let reveals = beside.contains_key("reveal");
    let mut take = |key: &'static str| (key, beside.remove(key).unwrap_or_default());
    let rest = ["hosts", "files", "env", "authorities"].map(&mut take);
    let mut out = String::new();
    for (key, names) in [("write", used.write), ("pods", used.pods), ("secrets", used.secrets), ("exec", used.exec)]
        .into_iter()
        .chain(rest)
    {
        if !names.is_empty() {
            let entries: BTreeSet<String> = names.iter().map(|name| entry(key, name)).collect();
            let items = entries.iter().map(|entry| Node::Str(entry.as_str().into())).collect();
            out += &format!("//!   {key}: {}\n", flow(&Node::Array(Arc::new(items))));
        }
    }
    if reveals || opened.is_some_and(|opened| opened.header.needs.reveal) {
        out += "//!   reveal: true\n";
    }
    if out.is_empty() { out } else { format!("//! needs:\n{out}") }
}
