//! Values as people read them: lists of objects as tables, everything else as YAML, and never more than a screen.

use super::table;
use crate::cluster::Cluster;
use crate::engine::value::{to_node, type_name};
use crate::failure::Failure;
use crate::object::{Map, Node, yaml};
use console::measure_text_width;
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
        Ok(Node::Str(text)) if !text.contains('\n') => lines(&format!("{text:?}"), view),
        Ok(Node::Str(text)) => lines(&text, view),
        Ok(Node::Null) => lines("()", view),
        Ok(node) => lines(&yaml::emit(&tidy(&node)), view),
        Err(_) => lines(&untreelike(value), view),
    };
    more(&Rest { what, from: 0 }, view, now)
}

/// The next part of what did not fit.
pub fn more(rest: &Rest, view: &View, now: jiff::Timestamp) -> Shown {
    let room = room(view);
    let (text, shown, total, unit) = match &rest.what {
        What::Items(items) => {
            let part = &items[rest.from..items.len().min(rest.from + room)];
            let (text, shown) = items_text(part, view, now, room);
            (text, shown, items.len(), "items")
        }
        What::Lines(all) => {
            let part = fitting(&all[rest.from..], |line| rows(line, view.width), room);
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

fn lines(text: &str, view: &View) -> What {
    // Before it is cut: a secret in two pieces would not be known any more.
    let text = crate::engine::report::plain(text);
    What::Lines(Arc::new(text.trim_end().lines().flat_map(|line| pieces(line, view)).collect()))
}

/// A table where the items have something in common, else YAML; and how many items that shows.
fn items_text(items: &[Node], view: &View, now: jiff::Timestamp, room: usize) -> (String, usize) {
    if items.is_empty() {
        return ("[]".to_owned(), 0);
    }
    if let Some(table) = table::table(items, view.width, now) {
        return (table, items.len());
    }
    let emitted = |item: &Node| yaml::emit(&Node::Array(Arc::new(vec![tidy(item)]))).trim_end().to_owned();
    let texts: Vec<String> = items.iter().map(emitted).collect();
    let shown = fitting(&texts, |text| text.lines().map(|line| rows(line, view.width)).sum(), room);
    (shown.join("\n"), shown.len())
}

/// The first ones that have so many rows together; one at least.
fn fitting(texts: &[String], rows: impl Fn(&str) -> usize, room: usize) -> &[String] {
    let mut used = 0;
    let fits = |text: &&String| {
        used += rows(text);
        used <= room
    };
    let count = texts.iter().take_while(fits).count();
    &texts[..count.max(1).min(texts.len())]
}

/// How many rows of the terminal a line takes.
fn rows(line: &str, width: usize) -> usize {
    measure_text_width(line).div_ceil(width.max(1)).max(1)
}

/// A line in pieces of the width of the terminal, when it would fill more than the screen.
fn pieces(line: &str, view: &View) -> Vec<String> {
    if rows(line, view.width) <= room(view) {
        return vec![line.to_owned()];
    }
    let (mut pieces, mut width) = (vec![String::new()], 0);
    for c in line.chars() {
        width += measure_text_width(&c.to_string());
        if width > view.width {
            pieces.push(String::new());
            width = measure_text_width(&c.to_string());
        }
        if let Some(piece) = pieces.last_mut() {
            piece.push(c);
        }
    }
    pieces
}

/// How many lines are shown at once.
fn room(view: &View) -> usize {
    view.height.saturating_sub(4).max(5)
}

/// Objects without the bookkeeping that nobody reads, wherever they stand in the value.
fn tidy(node: &Node) -> Node {
    let tidied = |map: &Map, without: &str| {
        let kept = map.0.iter().filter(|(key, _)| &**key != without);
        Map(Arc::new(kept.map(|(key, value)| (key.clone(), tidy(value))).collect()))
    };
    match node {
        Node::Array(items) => Node::Array(Arc::new(items.iter().map(tidy).collect())),
        Node::Map(map) => match map.get("metadata") {
            Some(Node::Map(metadata)) => {
                let metadata = Node::Map(tidied(metadata, "managedFields"));
                Node::Map(tidied(map, "").with("metadata", metadata))
            }
            _ => Node::Map(tidied(map, "")),
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
