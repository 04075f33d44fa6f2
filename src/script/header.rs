//! The `//!` header of a script: title, description, parameters, and what it needs.
//!
//! Between two `---` lines stands YAML; everything else is Markdown for people. The first `# ` line is the title.

use super::needs::Needs;
use super::params::{self, Param};
use super::small::HeaderFile;
use crate::engine::nearest;
use crate::failure::{Failure, Kind, Place, Result};
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

    /// The header whose YAML this is.
    fn header(&self, source: &str, node: &Node) -> Result<Header> {
        let at = |section: &str, key: &str, message: String| {
            let place = self.place_in(source, section, key);
            Failure { places: vec![place], ..Failure::usage(message) }
        };
        known_keys(node, &KEYS).map_err(|(key, message)| at("", &key, message))?;
        let params = node.get("params").map_or(&[][..], Node::entries);
        let params =
            params.iter().map(|(name, node)| params::parse(name, node).map_err(|message| at("params", name, message)));
        let params = params.collect::<Result<Vec<_>>>()?;
        let needs = Needs::parse(node.get("needs"), &params).map_err(|(key, message)| at("needs", &key, message))?;
        let guide = node.get("guide").and_then(Node::as_str).map(str::to_owned);
        let [title, description] = self.words();
        Ok(Header { title, description, guide, params, needs })
    }

    /// The place of the line that says something about a key.
    fn place(&self, source: &str, key: &str) -> Place {
        self.place_in(source, "", key)
    }

    /// The same below a key of the header: a parameter may be called as a right is.
    fn place_in(&self, source: &str, section: &str, key: &str) -> Place {
        let yaml = self.parts()[1];
        let indent = |line: &str| line.len() - line.trim_start().len();
        let outermost = yaml.iter().filter(|(_, line)| !line.trim().is_empty()).map(|(_, line)| indent(line)).min();
        let is_outermost = |line: &str| Some(indent(line)) == outermost;
        let start = yaml.iter().position(|(_, line)| is_outermost(line) && says(line, section)).unwrap_or(0);
        let is_end = |(_, line): &(usize, &str)| {
            !section.is_empty() && is_outermost(line) && KEYS.iter().any(|other| says(line, other))
        };
        let end = yaml.iter().skip(start + 1).position(is_end);
        let part = &yaml[start..end.map_or(yaml.len(), |end| start + 1 + end)];
        let line = part.iter().find(|(_, line)| says(line, key)).or(part.first()).map_or(1, |(number, _)| *number);
        Place { source: source.to_owned(), line, column: 1 }
    }
}

fn says(line: &str, key: &str) -> bool {
    !key.is_empty() && line.trim_start().strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with(':'))
}

/// The keys of a header.
const KEYS: [&str; 4] = ["guide", "origin", "params", "needs"];

/// The place in a script's header of the line that says something about a key.
pub(super) fn place(source: &str, text: &str, key: &str) -> Place {
    Lines::of(text).place(source, key)
}

impl Header {
    /// The header of a script's text; an empty one when it has none.
    ///
    /// # Errors
    /// `Kind::Usage` with the line in the header that is wrong.
    pub fn parse(source: &str, text: &str) -> Result<Header> {
        let lines = Lines::of(text);
        let node = read_yaml(source, lines.parts()[1])?;
        lines.header(source, &node)
    }

    /// The script that a header names as its origin.
    ///
    /// # Errors
    /// When the header is not YAML.
    pub(super) fn origin(source: &str, text: &str) -> Result<Option<String>> {
        let node = read_yaml(source, Lines::of(text).parts()[1])?;
        Ok(node.get("origin").and_then(Node::as_str).map(str::to_owned))
    }

    /// The header of a script under that of a small fork: other words, other defaults, further needs.
    ///
    /// # Errors
    /// `Kind::Usage` with the line that is wrong.
    pub(super) fn over((source, text): (&str, &str), fork: &HeaderFile) -> Result<Header> {
        let shipped = Header::parse(source, text)?;
        let below = read_yaml(source, Lines::of(text).parts()[1])?;
        let lines = Lines::of(&fork.text);
        let node = read_yaml(&fork.source, lines.parts()[1])?;
        let at = |key: &str, message: String| Failure {
            places: vec![lines.place(&fork.source, key)],
            ..Failure::usage(message)
        };
        known_keys(&node, &["origin", "params", "needs"]).map_err(|(key, message)| at(&key, message))?;
        let own = node.get("params").map_or(&[][..], Node::entries);
        if let Some((name, _)) = own.iter().find(|(name, _)| fork.is_main && shipped.param(name).is_none()) {
            let meant = nearest(name, shipped.params.iter().map(|param| param.name.as_str()));
            let meant = meant.map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default();
            return Err(at(name, format!("the origin has no parameter `{name}`{meant}")));
        }
        let mut params = Vec::new();
        for (name, node) in below.get("params").map_or(&[][..], Node::entries) {
            let changes = own.iter().find(|(other, _)| other == name).map_or(&[][..], |(_, node)| node.entries());
            let mut merged: Vec<_> = node.entries().to_vec();
            merged.retain(|(key, _)| !changes.iter().any(|(other, _)| other == key));
            merged.extend(changes.iter().cloned());
            let merged = Node::Map(Map(Arc::new(merged.into())));
            params.push(params::parse(name, &merged).map_err(|message| at(name, message))?);
        }
        let needs = Needs::parse(node.get("needs"), &params).map_err(|(key, message)| at(&key, message))?;
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

fn read_yaml(source: &str, lines: &[(usize, &str)]) -> Result<Node> {
    let Some((first, _)) = lines.first() else { return Ok(Node::Null) };
    let text = lines.iter().map(|(_, line)| *line).collect::<Vec<_>>().join("\n");
    let place = Place { source: source.to_owned(), line: *first, column: 1 };
    let wrong = |message: String| Failure { places: vec![place.clone()], ..Failure::new(Kind::Usage, message) };
    let mut objects = yaml::parse_file("the header", &text).map_err(|failure| {
        let at = failure.places.first().and_then(|at| Some((lines.get(at.line.checked_sub(1)?)?.0, at.column)));
        let place = at.map_or(place.clone(), |(line, column)| Place { line, column: column + 4, ..place.clone() });
        Failure { places: vec![place], ..failure }
    })?;
    match objects.len() {
        0 => Ok(Node::Null),
        1 => Ok(objects.remove(0)).map(|object: Object| object.node),
        _ => Err(wrong("the header's YAML must be one document".into())),
    }
}

type Wrong = (String, String);

fn known_keys(node: &Node, known: &[&str]) -> Result<(), Wrong> {
    for (key, _) in node.entries() {
        if !known.contains(&&**key) {
            let meant = nearest(key, known.iter().copied()).map(|name| format!("; did you mean `{name}`?"));
            let meant = meant.unwrap_or_else(|| format!("; there are {}", known.join(", ")));
            return Err((key.to_string(), format!("the header has no key `{key}`{meant}")));
        }
    }
    Ok(())
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
    fn parameters_are_called_as_they_are_written() {
        let text = "//! ---\n//! params:\n//!   n: {type: int, default: 3, help: \"how many\"}\n//!   y: {type: bool, default: true}\n//!   on: {type: string}\n//! ---\n";
        let header = Header::parse("main.rhai", text).expect("header");
        let names: Vec<&str> = header.params.iter().map(|param| param.name.as_str()).collect();
        assert_eq!(names, ["n", "y", "on"]);
    }
}
