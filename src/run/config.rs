//! The user's settings: `config.yaml` in `$XDG_CONFIG_HOME/meshwright`, or `~/.config/meshwright`.
//!
//! | key | what it says | when left out |
//! | --- | --- | --- |
//! | `production` | contexts, with `*`, that a run must be told twice to write to | `["*prod*"]` |

use super::home;
use crate::cluster::layers::Guard;
use crate::engine::nearest;
use crate::failure::{Failure, Kind, Place, Result};
use crate::grant::matches;
use crate::object::{Node, yaml};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Every key there is.
const KEYS: [&str; 1] = ["production"];

/// What `production` is when nobody has said anything.
const PRODUCTION: &str = "*prod*";

/// The settings, and where they came from.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Contexts that a run must be told twice to write to.
    production: Vec<String>,
    /// The file they are from; `None` when there is none.
    file: Option<PathBuf>,
}

impl Config {
    /// The user's settings; the usual ones when there is no file.
    ///
    /// # Errors
    /// `Kind::Usage` with file and line when the file is wrong.
    pub fn load() -> Result<Config> {
        Config::read(&home::config().join("config.yaml"))
    }

    /// Keeps what is typed from contexts that look like production until they are named; `how` says how that is done.
    pub fn guard(self, how: &'static str) -> Guard {
        Guard { why: Arc::new(move |context| self.production(context)), how }
    }

    fn read(file: &Path) -> Result<Config> {
        match std::fs::read_to_string(file) {
            Ok(text) => Config::parse(file, &text),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                Ok(Config { production: vec![PRODUCTION.into()], file: None })
            }
            Err(e) => Err(Failure::usage(format!("cannot read the settings in {}: {e}", file.display()))),
        }
    }

    fn parse(file: &Path, text: &str) -> Result<Config> {
        let wrong = |key: &str, message: String| Failure {
            places: vec![place(file, text, key)],
            ..Failure::new(Kind::Usage, format!("the settings in {}: {message}", file.display()))
        };
        let documents = yaml::parse(text).map_err(|failure| wrong("", failure.message))?;
        let node = documents.into_iter().next().map(|document| document.node).unwrap_or_default();
        if !matches!(node, Node::Map(_) | Node::Null) {
            return Err(wrong("", format!("must be keys and values; the keys are {}", KEYS.join(", "))));
        }
        for (key, _) in node.entries() {
            if !KEYS.contains(&&**key) {
                let meant = nearest(key, KEYS).map_or_else(
                    || format!("there are {}", KEYS.join(", ")),
                    |meant| format!("did you mean `{meant}`?"),
                );
                return Err(wrong(key, format!("there is no setting `{key}`; {meant}")));
            }
        }
        let production = match node.get("production") {
            None => vec![PRODUCTION.into()],
            Some(list) => texts(list).ok_or_else(|| {
                wrong(
                    "production",
                    "`production` must be a list of context names, in which * stands for any text".into(),
                )
            })?,
        };
        Ok(Config { production, file: Some(file.to_owned()) })
    }

    /// Why a context looks like production, if it does: the pattern, and where it is from.
    pub fn production(&self, context: &str) -> Option<String> {
        // `PROD-EU` is no less production.
        let small = context.to_lowercase();
        let pattern = self.production.iter().find(|pattern| matches(&pattern.to_lowercase(), &small))?;
        let from = match &self.file {
            Some(file) => format!("`production` in {}", file.display()),
            None => "as usual; `production` in the settings changes that".to_owned(),
        };
        Some(format!("it matches {pattern}, {from}"))
    }
}

fn texts(node: &Node) -> Option<Vec<String>> {
    let Node::Array(items) = node else { return None };
    items.iter().map(|item| item.as_str().map(str::to_owned)).collect()
}

/// The line that begins with a key, or the first.
fn place(file: &Path, text: &str, key: &str) -> Place {
    let says = |line: &str| !key.is_empty() && line.trim_start().trim_start_matches(['"', '\'']).starts_with(key);
    let line = text.lines().position(says).map_or(1, |at| at + 1);
    Place { source: file.display().to_string(), line, column: 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config> {
        Config::parse(Path::new("/etc/config.yaml"), text)
    }

    #[test]
    fn without_a_file_what_is_called_production_looks_like_it() {
        let config = Config::read(Path::new("/nonexistent/config.yaml")).expect("none");
        assert!(config.production("eu-prod-1").expect("matches").contains("*prod*"));
        assert!(config.production("PROD-EU").is_some() && config.production("Production").is_some());
        assert_eq!(config.production("staging"), None);
    }

    #[test]
    fn a_file_says_what_production_is() {
        let config = parse("production: [live-*]\n").expect("config");
        assert_eq!(config.production("live-1").as_deref(), Some("it matches live-*, `production` in /etc/config.yaml"));
        assert_eq!(config.production("eu-prod-1"), None);
        assert_eq!(parse("production: []").expect("config").production("prod"), None);
        assert!(parse("").expect("empty").production("prod").is_some());
    }

    #[test]
    fn mistakes_name_file_and_line() {
        let wrong = |text: &str| {
            let failure = parse(text).expect_err(text);
            (failure.message, failure.places[0].line)
        };
        let (message, line) = wrong("# mine\nproducton: [a]\n");
        assert!(message.contains("/etc/config.yaml") && message.contains("did you mean `production`?"), "{message}");
        assert_eq!(line, 2);
        assert!(wrong("production: prod").0.contains("must be a list"));
        assert!(wrong("- a").0.contains("must be keys and values"));
        assert!(wrong("production: [").0.contains("YAML"), "{:?}", wrong("production: ["));
    }
}
