//! What was given for a script's parameters, on the command line and in files, before it is checked.

use super::header::Header;
use super::params::{Kind, Param};
use super::values::value;
use crate::failure::{Failure, Result};
use crate::object::{Map, Node, Object, yaml};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

/// What was given: flags in the order written, and perhaps a parameter file.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// Flag names without dashes, with their texts; a flag without a text has `true`.
    pub flags: Vec<(String, String)>,
    /// The map in a parameter file. Flags win over it.
    pub file: Option<Object>,
    /// What could not be read; reported with everything else.
    pub problems: Vec<String>,
}

impl Given {
    /// The flags of a command line behind the script's name: `--name value`, `--name=value`, and `--name` or
    /// `--no-name` for a `bool`.
    pub fn from_args(header: &Header, args: &[String]) -> Given {
        let mut given = Given::default();
        let mut args = args.iter().peekable();
        while let Some(arg) = args.next() {
            let Some(flag) = arg.strip_prefix("--") else {
                given.problems.push(format!("`{arg}` is not a flag: parameters are given as --name value"));
                continue;
            };
            if let Some((name, value)) = flag.split_once('=') {
                given.flags.push((name.to_owned(), value.to_owned()));
                continue;
            }
            let is_bool = |name: &str| header.param(name).is_some_and(|param| param.kind == Kind::Bool);
            if is_bool(flag) {
                let value = args.next_if(|next| !next.starts_with("--"));
                given.flags.push((flag.to_owned(), value.map_or("true", |value| value).to_owned()));
            } else if let Some(name) = flag.strip_prefix("no-").filter(|name| is_bool(name)) {
                given.flags.push((name.to_owned(), "false".to_owned()));
            } else if header.param(flag).is_none() {
                // Reported with everything else; whether it had a value cannot be known.
                let value = args.next_if(|next| !next.starts_with("--")).cloned().unwrap_or_default();
                given.flags.push((flag.to_owned(), value));
            } else {
                // A value that begins with dashes is written `--name=--value`.
                match args.next_if(|next| !next.starts_with("--")) {
                    Some(value) => given.flags.push((flag.to_owned(), value.clone())),
                    None => given.problems.push(format!("{arg} lacks its value")),
                }
            }
        }
        given
    }

    /// Whether a flag or the parameter file gives this parameter.
    pub fn has(&self, param: &Param) -> bool {
        let is_it = |name: &str| name.replace('-', "_") == param.name;
        let lacks_value = format!("{} lacks its value", param.flag());
        self.flags.iter().any(|(name, _)| is_it(name))
            || self.file.iter().any(|file| file.node.entries().iter().any(|(name, _)| is_it(name)))
            || self.problems.contains(&lacks_value)
    }

    /// Only what is given for parameters with such names.
    pub fn only(&self, wanted: impl Fn(&str) -> bool) -> Given {
        let wanted = |name: &str| wanted(&name.replace('-', "_"));
        let flags = self.flags.iter().filter(|(name, _)| wanted(name)).cloned().collect();
        let file = self.file.as_ref().map(|file| {
            let entries = file.node.entries().iter().filter(|(name, _)| wanted(name)).cloned();
            Object::new(Node::Map(Map(Arc::new(entries.collect()))))
        });
        Given { flags, file, problems: self.problems.clone() }
    }

    /// Gives what is not given yet for a parameter, where `fill` knows something; it is told which clusters are named
    /// already.
    pub fn fill(&mut self, header: &Header, fill: impl Fn(&Param, &BTreeSet<String>) -> Option<String>) {
        for param in header.params.iter().filter(|param| !self.has(param)).collect::<Vec<_>>() {
            let named = self.clusters(header.params.iter());
            self.flags.extend(fill(param, &named).map(|value| (param.name.clone(), value)));
        }
    }

    /// The clusters that these parameters name, by what is given or by default.
    pub fn clusters<'p>(&self, params: impl Iterator<Item = &'p Param>) -> BTreeSet<String> {
        let params = params.filter(|param| matches!(param.kind, Kind::Cluster | Kind::Clusters));
        let mut named = BTreeSet::new();
        for node in params.filter_map(|param| value(param, self).ok()) {
            let texts = node.as_str().into_iter().chain(node.items().iter().filter_map(Node::as_str));
            named.extend(texts.map(str::to_owned));
        }
        named
    }

    /// The same with the parameters of a YAML file; `-` is stdin. They win over those of a file given before.
    ///
    /// # Errors
    /// When the file cannot be read or is not one map.
    pub fn with_file(self, path: &Path) -> Result<Given> {
        let (name, text) = match path.to_str() {
            Some("-") => ("stdin".to_owned(), std::io::read_to_string(std::io::stdin())),
            _ => (path.display().to_string(), std::fs::read_to_string(path)),
        };
        let text = text.map_err(|e| Failure::usage(format!("parameter file {name}: {e}")))?;
        self.with_yaml(&name, &text)
    }

    /// The same with the parameters of a YAML text of this name.
    ///
    /// # Errors
    /// When it is not one map.
    pub fn with_yaml(mut self, name: &str, text: &str) -> Result<Given> {
        let mut objects = yaml::parse_file(name, text).map_err(|failure| unreadable(name, &failure))?;
        let is_map = objects.len() == 1 && matches!(objects[0].node, Node::Map(_));
        if !is_map && !objects.is_empty() {
            return Err(Failure::usage(format!(
                "parameter file {name}: must hold one map of parameter names and values"
            )));
        }
        let before = self.file.take();
        let mut entries = objects.pop().map(|object| object.node.entries().to_vec()).unwrap_or_default();
        let is_new = |name: &str| !entries.iter().any(|(other, _)| other.replace('-', "_") == name.replace('-', "_"));
        let kept = before.iter().flat_map(|file| file.node.entries()).filter(|(name, _)| is_new(name));
        let kept: Vec<_> = kept.cloned().collect();
        entries.extend(kept);
        self.file = Some(Object::new(Node::Map(Map(Arc::new(entries.into())))));
        Ok(self)
    }
}

/// What is wrong with a parameter file. Its text may hold secrets: none of it is quoted, and no excerpt is shown.
fn unreadable(name: &str, failure: &Failure) -> Failure {
    let at = failure.places.first().map(|at| format!(" (line {}, column {})", at.line, at.column)).unwrap_or_default();
    Failure::usage(format!("parameter file {name} is not YAML that can be read{at}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_parameter_file_is_told_without_its_text() {
        for text in ["hub: [a\ntoken: hunter2-long\n", "token: *hunter2-long\n", "hunter2-long: 1\nhunter2-long: 2\n"] {
            let failure = Given::default().with_yaml("site.yaml", text).expect_err("broken");
            assert!(
                failure.message.contains("parameter file site.yaml") && failure.message.contains("line"),
                "{failure:?}"
            );
            assert!(!format!("{failure:?}").contains("hunter2"), "{failure:?}");
            assert!(failure.places.is_empty(), "a place brings an excerpt of the file: {failure:?}");
        }
    }
}
