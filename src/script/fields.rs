//! A parameter's entry in a header: its fields, and what can be wrong with them.

use super::params::{Kind, Param, TYPES, in_words, shown};
use crate::engine::nearest;
use crate::object::Node;

/// Flags of every script.
const RESERVED: [&str; 5] = ["allow", "deny", "read_only", "yes", "confirm"];

/// A field of a parameter in a header.
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What stands behind it.
    pub wants: &'static str,
    /// What it does.
    pub help: &'static str,
    fits: fn(&Node) -> bool,
}

/// Every field.
pub const FIELDS: [Field; 7] = [
    Field {
        name: "type",
        wants: "a type",
        help: "What kind of value it takes; the only field that must be there.",
        fits: is_text,
    },
    Field {
        name: "help",
        wants: "text",
        help: "What it is for, in a line: for `--help` and for who leaves it out.",
        fits: is_text,
    },
    Field { name: "default", wants: "a value", help: "The value when it is left out.", fits: |_| true },
    Field {
        name: "one_of",
        wants: "a list of texts, in quotes where YAML reads something else",
        help: "The only texts that it takes; a shell completes them.",
        fits: |node| matches!(node, Node::Array(items) if items.iter().all(is_text)),
    },
    Field {
        name: "min",
        wants: "a whole number",
        help: "The least number; for `clusters` and `strings`, how many there must be at least.",
        fits: |node| matches!(node, Node::Int(_)),
    },
    Field {
        name: "required",
        wants: "true or false",
        help: "Whether it must be given. Without a default it must, unless this says `false`: then it is `()`, Rhai's nothing, or an empty list.",
        fits: |node| matches!(node, Node::Bool(_)),
    },
    Field {
        name: "pattern",
        wants: "a regular expression",
        help: "What the whole text must match, as `\"[a-z][a-z0-9-]*\"`.",
        fits: is_text,
    },
];

fn is_text(node: &Node) -> bool {
    matches!(node, Node::Str(_))
}

/// What is wrong with a parameter: the field, where it is about one, and a message.
pub(super) type Wrong = (Option<String>, String);

/// The parameter that a header's entry describes, or everything that is wrong with the entry.
pub(super) fn parse(name: &str, node: &Node) -> Result<Param, Vec<Wrong>> {
    let mut wrong: Vec<Wrong> = wrong_name(name).into_iter().map(|message| (None, message)).collect();
    for (key, value) in node.entries() {
        let message = wrong_field(name, key, value);
        wrong.extend(message.map(|message| (Some(key.to_string()), message)));
    }
    let kind = match kind(node) {
        Ok(kind) if wrong.is_empty() => kind,
        Ok(_) => return Err(wrong),
        Err(why) => {
            wrong.retain(|(field, _)| field.as_deref() != Some("type"));
            wrong.push((Some("type".into()), format!("parameter `{name}`: {why}")));
            return Err(wrong);
        }
    };
    let text = |key| node.get(key).and_then(Node::as_str).map(str::to_owned);
    let default = node.get("default").filter(|default| **default != Node::Null).cloned();
    let required = node.get("required").and_then(Node::as_bool).unwrap_or(default.is_none());
    let one_of = node.get("one_of").map_or(&[][..], Node::items).iter().map(shown).collect();
    let min = node.get("min").and_then(Node::as_int);
    let param = Param {
        name: name.into(),
        kind,
        help: text("help").unwrap_or_default(),
        default,
        one_of,
        min,
        required,
        pattern: text("pattern"),
    };
    checked(param)
}

fn wrong_name(name: &str) -> Option<String> {
    let is_name = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if !is_name || name.is_empty() {
        return Some(format!("parameter `{name}`: a name has lower-case letters, digits and `_` only"));
    }
    let is_taken = RESERVED.contains(&name);
    is_taken.then(|| format!("parameter `{name}`: meshwright itself has a flag of that name"))
}

fn wrong_field(name: &str, key: &str, value: &Node) -> Option<String> {
    let names = || FIELDS.iter().map(|field| field.name);
    let Some(field) = FIELDS.iter().find(|field| field.name == key) else {
        let meant = nearest(key, names()).map_or_else(
            || format!("there are {}", names().collect::<Vec<_>>().join(", ")),
            |meant| format!("did you mean `{meant}`?"),
        );
        return Some(format!("parameter `{name}` has no `{key}`; {meant}"));
    };
    let fits = *value == Node::Null || (field.fits)(value);
    (!fits).then(|| format!("parameter `{name}`: `{key}` must be {}, not {}", field.wants, in_words(value)))
}

fn kind(node: &Node) -> Result<Kind, String> {
    let names = || TYPES.iter().map(|known| known.name);
    let listed = || names().collect::<Vec<_>>().join(", ");
    let Some(name) = node.get("type").and_then(Node::as_str) else {
        return Err(format!("`type` is missing: {}", listed()));
    };
    let known = TYPES.iter().find(|known| known.name == name);
    known.map(|known| known.kind).ok_or_else(|| match nearest(name, names()) {
        Some(meant) => format!("there is no type `{name}`; did you mean `{meant}`?"),
        None => format!("there is no type `{name}`; there are {}", listed()),
    })
}

/// A parameter whose default and pattern hold to its own rules.
fn checked(param: Param) -> Result<Param, Vec<Wrong>> {
    let about = |field: &str, why: String| vec![(Some(field.to_owned()), format!("parameter `{}`: {why}", param.name))];
    if let Some(pattern) = &param.pattern {
        regex::Regex::new(pattern).map_err(|e| about("pattern", format!("its pattern is wrong: {e}")))?;
    }
    if let Some(default) = &param.default {
        // Files may appear later; the default's form can be checked now.
        let is_form = !matches!(param.kind, Kind::File | Kind::Secret);
        let read = if is_form { param.read_tree(default).map(drop) } else { Ok(()) };
        read.map_err(|why| about("default", format!("its default {why}")))?;
    }
    Ok(param)
}
