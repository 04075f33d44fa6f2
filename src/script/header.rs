//! The `//!` header of a script: title, description, parameters, and what it needs.
//!
//! Between two `---` lines stands YAML; everything else is Markdown for people. The first `# ` line is the title.

use super::fields;
use super::needs::Needs;
use super::params::{Param, in_words};
use super::small::HeaderFile;
use crate::engine::nearest;
use crate::failure::{Failure, Place, Result};
use crate::object::{Map, Node, Object, yaml};
use std::sync::Arc;

/// What a script says of itself.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Header {
    /// The first `# ` line; empty when there is none.
    pub title: String,
    /// The text between title and YAML, and after the YAML.
    pub description: String,
    /// The guide that the script carries out.
    pub guide: Option<String>,
    /// Its parameters, in the order written.
    pub params: Vec<Param>,
    /// The rights it asks for.
    pub needs: Needs,
}

/// The lines of a header, each with its number in the script.
struct Lines<'t>(Vec<(usize, &'t str)>);

impl<'t> Lines<'t> {
    fn of(text: &'t str) -> Lines<'t> {
        let header = text.lines().zip(1..).skip_while(|(line, _)| line.trim().is_empty());
        let header = header.map_while(|(line, number)| Some((number, line.trim_start().strip_prefix("//!")?)));
        Lines(header.map(|(number, line)| (number, line.strip_prefix(' ').unwrap_or(line))).collect())
    }

    /// Prose before, YAML, prose after.
    fn parts(&self) -> [&[(usize, &'t str)]; 3] {
        let mut fences = self.0.iter().enumerate().filter(|(_, (_, line))| line.trim_end() == "---").map(|(at, _)| at);
        match (fences.next(), fences.next()) {
            (Some(start), Some(end)) => [&self.0[..start], &self.0[start + 1..end], &self.0[end + 1..]],
            (Some(start), None) => [&self.0[..start], &self.0[start + 1..], &[]],
            _ => [&self.0[..], &[], &[]],
        }
    }

    /// Title and description.
    fn words(&self) -> [String; 2] {
        let [before, _, after] = self.parts();
        let title = before.iter().find_map(|(_, line)| line.strip_prefix("# ")).unwrap_or_default().trim().to_owned();
        let prose = before.iter().chain(after).map(|(_, line)| *line).filter(|line| !line.starts_with("# "));
        [title, prose.collect::<Vec<_>>().join("\n").trim().to_owned()]
    }

    /// The YAML, joined.
    fn text(&self) -> String {
        self.parts()[1].iter().map(|(_, line)| *line).collect::<Vec<_>>().join("\n")
    }

    /// The YAML, read.
    fn read(&self, source: &str) -> Result<Node> {
        let lines = self.parts()[1];
        let Some((first, _)) = lines.first() else { return Ok(Node::Null) };
        let text = self.text();
        let place = Place { source: source.to_owned(), line: *first, column: 1 };
        let mut objects = yaml::parse_file("the header", &text).map_err(|failure| {
            let said = failure.places.first().map(|at| (at.line, at.column));
            let open = said.and_then(|at| open_bracket(&text, at)).filter(|_| failure.message.contains("',' or"));
            let at = open.or(said).and_then(|(line, column)| Some((lines.get(line.checked_sub(1)?)?.0, column)));
            let place = at.map_or(place.clone(), |(line, column)| Place { line, column: column + 4, ..place.clone() });
            Failure { places: vec![place], ..failure }
        })?;
        match objects.len() {
            0 => Ok(Node::Null),
            1 => Ok(objects.remove(0)).map(|object: Object| object.node),
            _ => Err(Failure { places: vec![place], ..Failure::usage("the header's YAML must be one document") }),
        }
    }

    /// The place of what stands below these keys, or of the nearest key above it.
    fn place(&self, source: &str, path: &[&str]) -> Place {
        let (lines, known) = (self.parts()[1], yaml::key_lines(&self.text()));
        let line = |end: usize| known.iter().find(|(keys, _)| keys == &path[..end]).map(|(_, line)| *line);
        let line = (1..=path.len()).rev().find_map(line).and_then(|line| lines.get(line.checked_sub(1)?));
        let number = line.or(lines.first()).map_or(1, |(number, _)| *number);
        Place { source: source.to_owned(), line: number, column: 1 }
    }

    /// What is wrong, in the order of its lines.
    fn failures(&self, source: &str, wrong: &[Wrong]) -> Vec<Failure> {
        let failure = |(path, message): &Wrong| {
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            Failure { places: vec![self.place(source, &path)], ..Failure::usage(message) }
        };
        let mut failures: Vec<Failure> = wrong.iter().map(failure).collect();
        failures.sort_by_key(|failure| failure.places.first().map(|place| place.line));
        failures
    }
}

/// What is wrong below these keys of a header.
type Wrong = (Vec<String>, String);

/// The bracket that is still open at a place of a YAML text: the reader stops where it misses the closing one.
fn open_bracket(text: &str, (line, column): (usize, usize)) -> Option<(usize, usize)> {
    let (mut open, mut quote, mut is_escaped) = (Vec::new(), None, false);
    for (number, said) in (1..=line).zip(text.lines()) {
        let before = if number == line { column.saturating_sub(1) } else { usize::MAX };
        let mut former = ' ';
        for (at, c) in (1..).zip(said.chars().take(before)) {
            // An apostrophe within a word is no quote.
            let begins = former.is_whitespace() || "[{,:'".contains(former);
            former = c;
            if std::mem::take(&mut is_escaped) {
                continue;
            }
            match (quote, c) {
                (Some('"'), '\\') => is_escaped = true,
                (Some(mark), c) if mark == c => quote = None,
                (Some(_), _) => {}
                (None, '#') if begins => break,
                (None, '"' | '\'') if begins => quote = Some(c),
                (None, '[' | '{') => open.push((number, at)),
                (None, ']' | '}') => drop(open.pop()),
                _ => {}
            }
        }
    }
    open.pop()
}

/// A key of a header.
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What stands behind it.
    pub wants: &'static str,
    /// What it says.
    pub help: &'static str,
    fits: fn(&Node) -> bool,
}

/// Every key.
pub const KEYS: [Key; 4] = [
    Key {
        name: "guide",
        wants: "a name",
        help: "The guide that it carries out. Scripts beside a `main.rhai` with the same one are its tasks: a rehearsal of a task carries out the main script first.",
        fits: |node| matches!(node, Node::Str(_)),
    },
    Key {
        name: "origin",
        wants: "a script's name",
        help: "In the `main.rhai` of a small fork: the script that runs, with the files of this folder in place of its own. The rest of the header changes title, description and fields of parameters, and adds to `needs`; there is no code.",
        fits: |node| matches!(node, Node::Str(_)),
    },
    Key {
        name: "params",
        wants: "parameters by name",
        help: "Its parameters, in the order of `--help`. A name has lower-case letters, digits and `_`; on the command line `-` stands for `_`: `pull_policy` is `--pull-policy`.",
        fits: |node| matches!(node, Node::Map(_)),
    },
    Key {
        name: "needs",
        wants: "rights",
        help: "What it may do beside reading from the clusters of its parameters.",
        fits: |_| true,
    },
];

/// The place in a script's header of the line that says something about what stands below these keys.
pub(super) fn place(source: &str, text: &str, path: &[&str]) -> Place {
    Lines::of(text).place(source, path)
}

/// Several failures of a header as one.
pub(super) fn together(mut failures: Vec<Failure>) -> Failure {
    if failures.len() == 1 {
        return failures.remove(0);
    }
    let line = |failure: &Failure| failure.places.first().map_or(0, |place| place.line);
    let lines: Vec<_> = failures.iter().map(|failure| format!("line {}: {failure}", line(failure))).collect();
    let places = failures.into_iter().next().map(|failure| failure.places).unwrap_or_default();
    Failure { places, ..Failure::usage(format!("the header is wrong in {} places", lines.len())) }.details(lines)
}

impl Header {
    /// The header of a script's text; an empty one when it has none.
    ///
    /// # Errors
    /// `Kind::Usage` with the line in the header that is wrong, and all others.
    pub fn parse(source: &str, text: &str) -> Result<Header> {
        Header::read(source, text).map_err(together)
    }

    /// The same, with a failure for everything that is wrong.
    pub(super) fn read(source: &str, text: &str) -> Result<Header, Vec<Failure>> {
        let lines = Lines::of(text);
        let node = lines.read(source).map_err(|failure| vec![failure])?;
        let mut wrong = wrong_keys(&node, |_| true);
        let params = entries(&node).iter().map(|(name, node)| (&**name, node.clone()));
        let (params, needs) = read_parts(&node, params.collect(), &mut wrong);
        if !wrong.is_empty() {
            return Err(lines.failures(source, &wrong));
        }
        let guide = node.get("guide").and_then(Node::as_str).map(str::to_owned);
        let [title, description] = lines.words();
        Ok(Header { title, description, guide, params, needs })
    }

    /// The script that a header names as its origin.
    ///
    /// # Errors
    /// When the header is not YAML.
    pub(super) fn origin(source: &str, text: &str) -> Result<Option<String>> {
        let node = Lines::of(text).read(source)?;
        Ok(node.get("origin").and_then(Node::as_str).map(str::to_owned))
    }

    /// The header of a script under that of a small fork: other words, other defaults, further needs.
    ///
    /// # Errors
    /// `Kind::Usage` for everything that is wrong, each with its line.
    pub(super) fn over((source, text): (&str, &str), fork: &HeaderFile) -> Result<Header, Vec<Failure>> {
        let shipped = Header::read(source, text)?;
        let below = Lines::of(text).read(source).map_err(|failure| vec![failure])?;
        let lines = Lines::of(&fork.text);
        let node = lines.read(&fork.source).map_err(|failure| vec![failure])?;
        let mut wrong = wrong_keys(&node, |key| key != "guide");
        let own = entries(&node);
        if fork.is_main {
            wrong.extend(own.iter().filter_map(|(name, _)| strange(&shipped, name)));
        }
        let merged = entries(&below).iter().map(|(name, below)| (&**name, changed(name, below, own)));
        let (params, needs) = read_parts(&node, merged.collect(), &mut wrong);
        if !wrong.is_empty() {
            return Err(lines.failures(&fork.source, &wrong));
        }
        let [title, description] = lines.words();
        Ok(Header {
            title: if title.is_empty() { shipped.title } else { title },
            description: if description.is_empty() { shipped.description } else { description },
            guide: shipped.guide,
            params,
            needs: shipped.needs.and(needs),
        })
    }

    /// The parameter of this name, in any spelling of its separators.
    pub fn param(&self, name: &str) -> Option<&Param> {
        let name = name.replace('-', "_");
        self.params.iter().find(|param| param.name == name)
    }
}

/// The entries below `params`.
fn entries(header: &Node) -> &[(Arc<str>, Node)] {
    header.get("params").map_or(&[][..], Node::entries)
}

/// Parameters and rights, with what is wrong about them.
fn read_parts(header: &Node, params: Vec<(&str, Node)>, wrong: &mut Vec<Wrong>) -> (Vec<Param>, Needs) {
    let mut read = Vec::new();
    for (name, node) in &params {
        let path = |field: Option<String>| ["params".to_owned(), (*name).to_owned()].into_iter().chain(field).collect();
        match fields::parse(name, node) {
            Ok(param) => read.push(param),
            Err(found) => wrong.extend(found.into_iter().map(|(field, message)| (path(field), message))),
        }
    }
    let names: Vec<&str> = params.iter().map(|(name, _)| *name).collect();
    // Where `params` is misspelled, what stands in `needs` is not wrong as well.
    let is_lost = names.is_empty() && header.get("params").is_none() && !wrong.is_empty();
    let (needs, found) = Needs::parse(header.get("needs"), (!is_lost).then_some(names.as_slice()));
    let below = |path: Vec<String>| ["needs".to_owned()].into_iter().chain(path).collect();
    wrong.extend(found.into_iter().map(|(path, message)| (below(path), message)));
    (read, needs)
}

/// A parameter of a small fork that its origin does not have.
fn strange(shipped: &Header, name: &str) -> Option<Wrong> {
    if shipped.param(name).is_some() {
        return None;
    }
    let meant = nearest(name, shipped.params.iter().map(|param| param.name.as_str()));
    let meant = meant.map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default();
    Some((vec!["params".into(), name.into()], format!("the origin has no parameter `{name}`{meant}")))
}

/// The fields of a parameter with those that a small fork changes.
fn changed(name: &str, below: &Node, own: &[(Arc<str>, Node)]) -> Node {
    let changes = own.iter().find(|(other, _)| &**other == name).map_or(&[][..], |(_, node)| node.entries());
    let mut merged: Vec<_> = below.entries().to_vec();
    merged.retain(|(key, _)| !changes.iter().any(|(other, _)| other == key));
    merged.extend(changes.iter().cloned());
    Node::Map(Map(Arc::new(merged.into())))
}

/// Keys that a header does not have here, and those with something else behind them than belongs there.
fn wrong_keys(node: &Node, belongs: fn(&str) -> bool) -> Vec<Wrong> {
    let known: Vec<&Key> = KEYS.iter().filter(|key| belongs(key.name)).collect();
    if !matches!(node, Node::Map(_) | Node::Null) {
        let names: Vec<&str> = known.iter().map(|key| key.name).collect();
        let wanted =
            format!("keys and what stands behind them, not {}; there are {}", in_words(node), names.join(", "));
        return vec![(Vec::new(), format!("a header is {wanted}"))];
    }
    let wrong = |(key, value): &(Arc<str>, Node)| {
        let Some(known_key) = known.iter().find(|other| other.name == &**key) else {
            return Some(unknown(key, &known));
        };
        let fits = *value == Node::Null || (known_key.fits)(value);
        (!fits).then(|| format!("`{key}` must be {}, not {}", known_key.wants, in_words(value)))
    };
    let entries = node.entries().iter();
    entries.filter_map(|entry| Some((vec![entry.0.to_string()], wrong(entry)?))).collect()
}

fn unknown(key: &str, known: &[&Key]) -> String {
    let names: Vec<&str> = known.iter().map(|key| key.name).collect();
    let meant = nearest(key, names.iter().copied()).map(|name| format!("; did you mean `{name}`?"));
    let meant = meant.unwrap_or_else(|| format!("; there are {}", names.join(", ")));
    format!("the header has no key `{key}`{meant}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "//! # A mesh\n//!\n//! Sets up a mesh.\n//!\n//! ---\n//! guide: g\n//! params:\n//!   primary: {type: cluster, help: \"the first\"}\n//! needs:\n//!   write: [\"{primary}\", cluster-scoped]\n//!   exec: [istioctl]\n//! ---\n//! More.\nlet x = 1;\n";

    #[test]
    fn a_header_has_title_description_parameters_and_needs() {
        let header = Header::parse("main.rhai", TEXT).expect("header");
        assert_eq!((header.title.as_str(), header.description.as_str()), ("A mesh", "Sets up a mesh.\n\nMore."));
        assert_eq!(header.guide.as_deref(), Some("g"));
        assert_eq!(header.param("primary").map(|param| param.help.as_str()), Some("the first"));
        assert_eq!((header.needs.exec, header.needs.reveal), (vec!["istioctl".to_owned()], false));
    }

    #[test]
    fn a_script_without_a_header_has_an_empty_one() {
        assert_eq!(Header::parse("main.rhai", "let x = 1; //! no").expect("none"), Header::default());
    }

    #[test]
    fn a_mistake_names_its_line() {
        let wrong = |from: &str, to: &str| {
            let failure = Header::parse("main.rhai", &TEXT.replace(from, to)).expect_err("wrong");
            (failure.message, failure.places[0].line)
        };
        assert_eq!(wrong("guide: g", "giude: g"), ("the header has no key `giude`; did you mean `guide`?".into(), 6));
        let (message, line) = wrong("type: cluster", "type: clutser");
        assert!(message.contains("`primary`") && message.contains("did you mean `cluster`?") && line == 8, "{message}");
        assert_eq!(wrong("exec: [istioctl]", "exec: istioctl"), ("`needs.exec` must be a list of names".into(), 11));
        let named = TEXT.replace("primary: {type", "exec: {type").replace("{primary}", "{exec}");
        let failure = Header::parse("main.rhai", &named.replace("[istioctl]", "istioctl")).expect_err("wrong");
        assert_eq!(failure.places[0].line, 11);
        assert!(wrong("guide: g", "guide: [").0.starts_with("the header is not YAML"));
    }

    #[test]
    fn what_stands_elsewhere_is_not_blamed() {
        let told = |yaml: &str| {
            let failure = Header::parse("main.rhai", &format!("//! # T\n//! ---\n{yaml}//! ---\n")).expect_err("wrong");
            (failure.message, failure.places[0].line)
        };
        let (message, line) = told("//! params write\n");
        assert!(message.starts_with("a header is keys") && line == 3, "{message} {line}");
        let one_of = "//! params:\n//!   mode: {type: string, one_of: [on, off], help: x}\n";
        let (message, line) = told(one_of);
        assert!(message.contains("`one_of` must be a list of texts, in quotes") && line == 4, "{message} {line}");
        let quotes =
            "//! params:\n//!   b: {type: string, help: 'it''s [', default: \"\\\"[\"}\n//!   c: {type: string\n";
        assert_eq!(told(quotes).1, 5, "{quotes}");
        let block = "//! params:\n//!   a:\n//!     type: string\n//!     help: from 1 [inclusive\n//!    min: 1\n";
        assert_ne!(told(block).1, 6, "the bracket is text");
    }

    #[test]
    fn parameters_are_called_as_they_are_written() {
        let text = "//! ---\n//! params:\n//!   n: {type: int, default: 3, help: \"how many\"}\n//!   y: {type: bool, default: true}\n//!   on: {type: string}\n//! ---\n";
        let header = Header::parse("main.rhai", text).expect("header");
        let names: Vec<&str> = header.params.iter().map(|param| param.name.as_str()).collect();
        assert_eq!(names, ["n", "y", "on"]);
    }
}
