//! Values as people read them: lists of objects as tables, everything else as YAML, and never more than a screen.

use super::table;
use crate::cluster::Cluster;
use crate::engine::value::{to_node, type_name};
use crate::failure::Failure;
use crate::object::{Map, Node, yaml};
use rhai::Dynamic;
use std::sync::Arc;

/// How much fits on the screen.
#[derive(Debug, Clone, Copy)]
pub struct View {
    /// Characters in a line.
    pub width: usize,
    /// Lines at once.
    pub height: usize,
    /// Colours.
    pub colour: bool,
}

impl Default for View {
    fn default() -> View {
        View { width: 100, height: 40, colour: false }
    }
}

/// A value, as far as it fits.
pub struct Shown {
    /// What fits, without a newline at its end.
    pub text: String,
    /// What does not.
    pub rest: Option<Rest>,
    /// How much that is, and how to see it.
    pub note: Option<String>,
}

/// What was not shown yet.
#[derive(Clone)]
pub struct Rest {
    what: What,
    /// How many items or lines were shown.
    from: usize,
}

#[derive(Clone)]
enum What {
    Items(Arc<Vec<Node>>),
    Lines(Arc<Vec<String>>),
}

/// A value from its start.
pub fn value(value: &Dynamic, view: &View, now: jiff::Timestamp) -> Shown {
    let what = match to_node(value) {
        Ok(Node::Array(items)) => What::Items(items),
        Ok(Node::Str(text)) if !text.contains('\n') => lines(&format!("{text:?}")),
        Ok(Node::Str(text)) => lines(&text),
        Ok(Node::Null) => lines("()"),
        Ok(node) => lines(&yaml::emit(&tidy(&node))),
        Err(_) => lines(&untreelike(value)),
    };
    more(&Rest { what, from: 0 }, view, now)
}

/// The next part of what did not fit.
pub fn more(rest: &Rest, view: &View, now: jiff::Timestamp) -> Shown {
    let room = view.height.saturating_sub(4).max(5);
    let (text, shown, total, unit) = match &rest.what {
        What::Items(items) => {
            let part = &items[rest.from..items.len().min(rest.from + room)];
            (items_text(part, view, now), part.len(), items.len(), "items")
        }
        What::Lines(all) => {
            let part = &all[rest.from..all.len().min(rest.from + room)];
            (part.join("\n"), part.len(), all.len(), "lines")
        }
    };
    let until = rest.from + shown;
    let left = total - until;
    let note = (left > 0 || rest.from > 0).then(|| match left {
        0 => format!("all {total} {unit} shown"),
        _ => format!("{} to {until} of {total} {unit}; `:more` shows the next", rest.from + 1),
    });
    let rest = (left > 0).then(|| Rest { what: rest.what.clone(), from: until });
    Shown { text: crate::engine::report::plain(&text), rest, note }
}

fn lines(text: &str) -> What {
    What::Lines(Arc::new(text.trim_end().lines().map(str::to_owned).collect()))
}

/// A table where the items have something in common, else YAML.
fn items_text(items: &[Node], view: &View, now: jiff::Timestamp) -> String {
    if items.is_empty() {
        return "[]".to_owned();
    }
    if let Some(table) = table::table(items, view.width, now) {
        return table;
    }
    let tidied = items.iter().map(tidy).collect();
    yaml::emit(&Node::Array(Arc::new(tidied))).trim_end().to_owned()
}

/// An object without the bookkeeping that nobody reads.
fn tidy(node: &Node) -> Node {
    let without = |map: &Map, key: &str| Map(Arc::new(map.0.iter().filter(|(k, _)| &**k != key).cloned().collect()));
    match node {
        Node::Map(map) => match map.get("metadata") {
            Some(Node::Map(metadata)) if metadata.get("managedFields").is_some() => {
                Node::Map(map.with("metadata", Node::Map(without(metadata, "managedFields"))))
            }
            _ => node.clone(),
        },
        other => other.clone(),
    }
}

/// Clusters, closures, and lists and maps that hold such.
fn untreelike(value: &Dynamic) -> String {
    if let Ok(items) = value.as_array_ref() {
        let items: Vec<String> = items.iter().map(|item| format!("- {}", indented(&part(item)))).collect();
        return items.join("\n");
    }
    if let Ok(map) = value.as_map_ref() {
        let entries = map.iter().map(|(key, value)| {
            let text = part(value);
            if text.contains('\n') || text.starts_with("- ") {
                format!("{key}:\n  {}", indented(&text))
            } else {
                format!("{key}: {text}")
            }
        });
        return entries.collect::<Vec<_>>().join("\n");
    }
    match type_name(value) {
        "closure" => "a closure".to_owned(),
        name => format!("{name} {}", brief(value)),
    }
}

/// A value on one line. Rhai itself shows the type of what it does not know, and of what a list or a map holds.
pub fn brief(value: &Dynamic) -> String {
    if let Some(cluster) = value.read_lock::<Cluster>() {
        return cluster.to_string();
    }
    if let Some(failure) = value.read_lock::<Failure>() {
        return failure.to_string();
    }
    if let Ok(items) = value.as_array_ref() {
        return format!("[{}]", items.iter().map(brief).collect::<Vec<_>>().join(", "));
    }
    if let Ok(map) = value.as_map_ref() {
        let entries = map.iter().map(|(key, value)| format!("{key}: {}", brief(value)));
        return format!("#{{{}}}", entries.collect::<Vec<_>>().join(", "));
    }
    if value.is_string() { format!("{:?}", value.to_string()) } else { value.to_string() }
}

fn part(value: &Dynamic) -> String {
    match to_node(value) {
        Ok(node) => yaml::emit(&tidy(&node)).trim_end().to_owned(),
        Err(_) => untreelike(value),
    }
}

fn indented(text: &str) -> String {
    text.replace('\n', "\n  ")
}
