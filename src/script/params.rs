//! One parameter of a script: what its header says, and how one text becomes one value.

use crate::engine::{duration, nearest};
use crate::object::{Map, Node, yaml};
use crate::secret::Secret;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What kind of value a parameter takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The context name of a cluster.
    Cluster,
    /// Several context names.
    Clusters,
    /// Text.
    String,
    /// Several texts.
    Strings,
    /// True or false.
    Bool,
    /// A whole number.
    Int,
    /// A duration such as `90s`.
    Duration,
    /// A file that exists.
    File,
    /// Something that is never shown: `env:NAME` or `file:PATH` on the command line.
    Secret,
    /// Keys and values.
    Map,
}

/// A type of parameters, as headers name it. Help, pages and messages say of it what stands here.
pub struct Type {
    /// The name that headers use.
    pub name: &'static str,
    /// What kind of value it is.
    pub kind: Kind,
    /// What a value must be.
    pub wants: &'static str,
    /// What the command line takes, for a parameter `x`.
    pub given: &'static [&'static str],
    /// What `params.x` is in the script.
    pub gives: &'static str,
}

const fn of(
    name: &'static str,
    kind: Kind,
    wants: &'static str,
    given: &'static [&'static str],
    gives: &'static str,
) -> Type {
    Type { name, kind, wants, given, gives }
}

/// Every type.
pub const TYPES: [Type; 10] = [
    of("cluster", Kind::Cluster, "the name of a context", &["--x east"], "the Cluster"),
    of(
        "clusters",
        Kind::Clusters,
        "a list of context names",
        &["--x west --x north", "--x west,north"],
        "their Clusters",
    ),
    of("string", Kind::String, "text", &["--x shop"], "the text"),
    of("strings", Kind::Strings, "a list of texts", &["--x a --x b", "--x '[a, b]'"], "the texts"),
    of("bool", Kind::Bool, "true or false", &["--x", "--no-x", "--x false"], "`true` or `false`"),
    of("int", Kind::Int, "a whole number", &["--x 40"], "the number"),
    of(
        "duration",
        Kind::Duration,
        "a duration such as 90s or 5m",
        &["--x 90s", "--x 1h30m"],
        "the text, as waits take it",
    ),
    of("file", Kind::File, "a file", &["--x site.yaml"], "its path; there must be such a file"),
    of("secret", Kind::Secret, "text", &["--x env:NAME", "--x file:PATH"], "a secret, which never shows itself"),
    of("map", Kind::Map, "keys and values", &["--x a=1 --x b=2", "--x '{a: 1, b: 2}'"], "the map"),
];

impl Kind {
    fn of_table(self) -> Option<&'static Type> {
        TYPES.iter().find(|known| known.kind == self)
    }

    /// The name that headers use.
    pub fn name(self) -> &'static str {
        self.of_table().map_or("", |known| known.name)
    }

    /// Whether the parameter may be given several times.
    pub fn is_many(self) -> bool {
        matches!(self, Kind::Clusters | Kind::Strings | Kind::Map)
    }
}

/// One parameter of a script.
#[derive(Debug, Clone, PartialEq)]
pub struct Param {
    /// Its name, with `_`; the flag has `-` instead.
    pub name: String,
    /// What kind of value it takes.
    pub kind: Kind,
    /// What it is for, in a line.
    pub help: String,
    /// The value when it is left out.
    pub default: Option<Node>,
    /// The only texts it takes; empty for any.
    pub one_of: Vec<String>,
    /// The least number, or for several values how many there must be at least.
    pub min: Option<i64>,
    /// Whether it must be given. Without a default it must, unless the header says `required: false`.
    pub required: bool,
    /// A regular expression that the whole text must match.
    pub pattern: Option<String>,
}

impl Param {
    /// Its flag on the command line.
    pub fn flag(&self) -> String {
        format!("--{}", self.name.replace('_', "-"))
    }
}

/// What a rehearsal takes for clusters that were not named, none of those that were, and for the dialect that no istioctl
/// was asked about.
pub fn stand_in(param: &Param, named: &BTreeSet<String>) -> Option<String> {
    let wanted = match (param.kind, param.name.as_str()) {
        (Kind::Cluster | Kind::Clusters, _) if param.default.is_some() => return None,
        (Kind::Cluster | Kind::Clusters, "primary") => "cluster1",
        (Kind::Cluster | Kind::Clusters, "remote") => "cluster2",
        (Kind::Cluster | Kind::Clusters, other) => other,
        (_, "dialect") => return Some("current".into()),
        _ => return None,
    };
    let numbered = (1..).map(|number| format!("cluster{number}"));
    std::iter::once(wanted.to_owned()).chain(numbered).find(|name| !named.contains(name))
}

impl Param {
    /// The value of texts from the command line, or what is wrong with them.
    pub(super) fn read_texts(&self, texts: &[String]) -> Result<Node, String> {
        let [first, more @ ..] = texts else { return Err("has no value".into()) };
        if !more.is_empty() && !self.kind.is_many() {
            return Err(format!("is given {} times; it takes one value", texts.len()));
        }
        match self.kind {
            Kind::Map => map_of(texts),
            Kind::Clusters => {
                let names = texts.iter().flat_map(|text| text.split(',')).map(str::trim);
                self.read_tree(&strings(names))
            }
            Kind::Strings if texts.len() == 1 && first.starts_with('[') && first.ends_with(']') => {
                self.read_tree(&tree(first)?)
            }
            Kind::Strings => self.read_tree(&strings(texts.iter().map(String::as_str))),
            Kind::Bool => match first.as_str() {
                "true" | "yes" => Ok(Node::Bool(true)),
                "false" | "no" => Ok(Node::Bool(false)),
                other => Err(format!("must be true or false, not `{other}`")),
            },
            Kind::Int => {
                let number = first.parse().map_err(|_| format!("must be a whole number, not `{first}`"))?;
                self.read_tree(&Node::Int(number))
            }
            Kind::Secret => secret(&self.name, first),
            _ => self.read_tree(&Node::Str(first.as_str().into())),
        }
    }

    /// The value of a tree from a parameter file or a default, or what is wrong with it.
    pub(super) fn read_tree(&self, node: &Node) -> Result<Node, String> {
        match (self.kind, node) {
            (Kind::Map, Node::Map(_)) | (Kind::Bool, Node::Bool(_)) | (Kind::Secret, Node::Secret(_)) => {
                Ok(node.clone())
            }
            (Kind::Int, Node::Int(number)) => self.at_least(*number, "must be at least").map(|()| node.clone()),
            (Kind::Clusters | Kind::Strings, Node::Array(items)) => self.list(items),
            (Kind::Clusters | Kind::Strings, Node::Str(_)) => self.list(std::slice::from_ref(node)),
            (Kind::Secret, Node::Str(text)) if text.starts_with("env:") || text.starts_with("file:") => {
                secret(&self.name, text)
            }
            (Kind::Secret, Node::Str(text)) => Ok(Node::Secret(Secret::new(&self.name, &**text))),
            (Kind::Cluster | Kind::String | Kind::Duration | Kind::File, Node::Str(text)) => {
                self.text(text).map(|()| node.clone())
            }
            // Of `1.30` it keeps 1.3, of `007` 7, of `no` false.
            (Kind::String, Node::Int(_) | Node::Bool(_) | Node::Float(_)) => Err(format!(
                "must be text, and without quotes YAML reads the {} {}: write it in quotes",
                if let Node::Bool(_) = node { "value" } else { "number" },
                shown(node)
            )),
            _ => Err(format!("must be {}, not {}{}", self.wants(), in_words(node), self.quotes(node))),
        }
    }

    fn wants(&self) -> &'static str {
        self.kind.of_table().map_or("", |known| known.wants)
    }

    /// What is to be done where YAML has read a name or a text as something else.
    fn quotes(&self, node: &Node) -> &'static str {
        let is_text = !matches!(self.kind, Kind::Bool | Kind::Int | Kind::Map);
        if is_text && matches!(node, Node::Int(_) | Node::Bool(_) | Node::Float(_)) {
            ": write it in quotes"
        } else {
            ""
        }
    }

    fn list(&self, items: &[Node]) -> Result<Node, String> {
        let texts = items.iter().map(|item| match item {
            Node::Str(text) => self.text(text).map(|()| item.clone()),
            other => {
                Err(format!("must be {}, and one of it is {}{}", self.wants(), in_words(other), self.quotes(other)))
            }
        });
        let texts = texts.collect::<Result<Vec<_>, _>>()?;
        let twice = texts.iter().enumerate().find(|(at, text)| texts[..*at].contains(text));
        if let (Kind::Clusters, Some((_, text))) = (self.kind, twice) {
            return Err(format!("names `{}` twice", shown(text)));
        }
        self.at_least(i64::try_from(texts.len()).unwrap_or(i64::MAX), "needs at least")?;
        Ok(Node::Array(Arc::new(texts)))
    }

    fn at_least(&self, number: i64, words: &str) -> Result<(), String> {
        match self.min {
            Some(min) if number < min => Err(format!("{words} {min}, not {number}")),
            _ => Ok(()),
        }
    }

    fn text(&self, text: &str) -> Result<(), String> {
        if !self.one_of.is_empty() && !self.one_of.iter().any(|known| known == text) {
            let known = || self.one_of.iter().map(String::as_str).filter(|known| !known.is_empty());
            let meant = nearest(text, known()).map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default();
            return Err(format!("must be one of {}, not `{text}`{meant}", known().collect::<Vec<_>>().join(", ")));
        }
        if let Some(pattern) = &self.pattern {
            let whole = regex::Regex::new(&format!("^(?:{pattern})$")).map_err(|e| e.to_string())?;
            if !whole.is_match(text) {
                return Err(format!("must match `{pattern}`, which `{text}` does not"));
            }
        }
        match self.kind {
            Kind::Cluster | Kind::Clusters if text.is_empty() => Err("must be the name of a context, not empty".into()),
            Kind::Duration => duration(text)
                .map(drop)
                .map_err(|_| format!("must be a duration such as 500ms, 90s, 5m or 1h30m, not `{text}`")),
            Kind::File if !std::path::Path::new(text).is_file() => Err(format!("names `{text}`, which is not a file")),
            _ => Ok(()),
        }
    }
}

fn strings<'t>(texts: impl Iterator<Item = &'t str>) -> Node {
    Node::Array(Arc::new(texts.map(|text| Node::Str(text.into())).collect()))
}

fn tree(text: &str) -> Result<Node, String> {
    let documents = yaml::parse(text).map_err(|failure| format!("is {}", failure.message))?;
    Ok(documents.into_iter().next().map(|object| object.node).unwrap_or_default())
}

/// `key=value` pairs, or one YAML map.
fn map_of(texts: &[String]) -> Result<Node, String> {
    if let [text] = texts
        && text.starts_with('{')
    {
        return tree(text);
    }
    let mut map = Map::default();
    for text in texts {
        let pair = text.split_once('=').ok_or_else(|| format!("must be KEY=VALUE, not `{text}`"))?;
        map = map.with(pair.0, Node::Str(pair.1.into()));
    }
    Ok(Node::Map(map))
}

/// The secret in a file or a variable: command lines are seen by everybody on the machine.
fn secret(name: &str, text: &str) -> Result<Node, String> {
    let content = if let Some(variable) = text.strip_prefix("env:") {
        std::env::var(variable).map_err(|_| format!("names the variable {variable}, which is not set"))?
    } else if let Some(path) = text.strip_prefix("file:") {
        std::fs::read_to_string(path).map_err(|e| format!("names the file {path}, which cannot be read: {e}"))?
    } else {
        return Err("must be env:NAME or file:PATH; a secret itself does not belong on a command line".into());
    };
    Ok(Node::Secret(Secret::new(name, content.trim_end_matches('\n'))))
}

/// What a value is, as people say it.
pub(super) fn in_words(node: &Node) -> &'static str {
    match node {
        Node::Null => "nothing",
        Node::Bool(_) => "true or false",
        Node::Int(_) => "a whole number",
        Node::Float(_) => "a number",
        Node::Str(_) => "text",
        Node::Secret(_) => "a secret",
        Node::Array(_) => "a list",
        Node::Map(_) => "keys and values",
    }
}

/// A scalar as text.
pub(super) fn shown(node: &Node) -> String {
    match node {
        Node::Str(text) => text.to_string(),
        other => yaml::emit(other).trim().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use crate::object::Node;
    use crate::script::Header;

    #[test]
    fn what_yaml_reads_as_something_else_is_told_with_the_quotes_that_it_lacks() {
        let text = "//! # T\n//! ---\n//! params:\n//!   namespace: {type: string}\n//!   at: {type: cluster}\n//!   many: {type: strings}\n//! ---\n";
        let header = Header::parse("a.rhai", text).expect("header");
        let read = |name: &str, node: &Node| header.param(name).expect("declared").read_tree(node).expect_err("wrong");
        let number = Node::Int(2024);
        let wanted = "must be text, and without quotes YAML reads the number 2024: write it in quotes";
        assert_eq!(read("namespace", &number), wanted);
        assert!(read("namespace", &Node::Bool(false)).contains("the value false: write it in quotes"));
        let many = Node::Array(std::sync::Arc::new(vec![number.clone()]));
        for told in [read("at", &number), read("many", &many)] {
            assert!(told.ends_with("a whole number: write it in quotes"), "{told}");
        }
    }

    #[test]
    fn a_secret_that_is_named_in_a_file_and_cannot_be_read_is_no_literal() {
        let text = "//! # T\n//! ---\n//! params:\n//!   token: {type: secret}\n//! ---\n";
        let header = Header::parse("a.rhai", text).expect("header");
        let read = |text: &str| header.param("token").expect("declared").read_tree(&Node::Str(text.into()));
        assert!(read("env:MESHWRIGHT_NOWHERE_SET").expect_err("unset").contains("is not set"));
        assert!(read("file:/nowhere/token").expect_err("no file").contains("cannot be read"));
        assert!(matches!(read("hunter2-long"), Ok(Node::Secret(_))));
    }
}
