//! One start of a program, and what came of it.

use crate::content::Content;
use crate::plain;
use std::path::PathBuf;
use std::time::Duration;

/// How long a program may run unless its command says otherwise.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// One start of a program: no shell, no word splitting.
#[derive(Clone, Debug)]
pub struct Command {
    /// The program's name, searched in `PATH`, or a path to it.
    pub tool: String,
    /// Its arguments. Everybody on the machine can read them: secrets belong into `stdin` or `env`.
    pub argv: Vec<String>,
    /// What it reads from standard input, which is closed afterwards; `None` closes it at once.
    pub stdin: Option<Content>,
    /// Variables added to the inherited environment.
    pub env: Vec<(String, Content)>,
    /// The folder it starts in; ours when `None`.
    pub dir: Option<PathBuf>,
    /// How long it may run.
    pub timeout: Duration,
}

impl Command {
    /// A program with these arguments, nothing to read, and the usual time.
    pub fn new<A: Into<String>>(tool: impl Into<String>, argv: impl IntoIterator<Item = A>) -> Command {
        Command {
            tool: tool.into(),
            argv: argv.into_iter().map(Into::into).collect(),
            stdin: None,
            env: Vec::new(),
            dir: None,
            timeout: DEFAULT_TIMEOUT,
        }
    }

    /// The command as one would type it, secrets hidden; for messages only, never for a shell.
    pub fn shown(&self) -> String {
        let words = std::iter::once(&self.tool).chain(&self.argv).map(|word| quoted(word));
        plain::line(&words.collect::<Vec<_>>().join(" "), 300)
    }
}

/// A word of a command as one would type it.
pub fn quoted(word: &str) -> String {
    let simple = |c: char| c.is_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(simple) { word.to_owned() } else { format!("'{word}'") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    #[test]
    fn commands_show_as_typed_without_secrets() {
        let token = Secret::new("command test", "command-test-token");
        let command = Command::new("kubectl", ["get", "pods -A", "--token=command-test-token", ""]);
        assert_eq!(command.shown(), "kubectl get 'pods -A' --token=‹secret command test› ''");
        let content = Content::Secret(token);
        assert_eq!((format!("{content:?}").contains("token"), content.reveal()), (false, "command-test-token"));
    }
}
