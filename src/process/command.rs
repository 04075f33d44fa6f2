//! One start of a program, and what came of it.

use crate::content::Content;
use crate::failure::{Failure, Kind, Result};
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

fn quoted(word: &str) -> String {
    let simple = |c: char| c.is_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(simple) { word.to_owned() } else { format!("'{word}'") }
}

/// What a program printed and how it ended. Known secrets are replaced by their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// Its exit code; 128 + n when signal n ended it.
    pub code: i32,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Output {
    /// The output of a program that ended well.
    ///
    /// # Errors
    /// `Process` for any other exit code, with the last lines that the program printed.
    pub fn checked(self, shown: &str) -> Result<Output> {
        if self.code == 0 {
            return Ok(self);
        }
        let said = if self.stderr.trim().is_empty() { &self.stdout } else { &self.stderr };
        let mut failure = Failure::new(Kind::Process, format!("`{shown}` ended with exit code {}", self.code));
        failure.details = plain::last_lines(said, 15);
        Err(failure)
    }
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

    #[test]
    fn a_non_zero_exit_code_fails_with_what_was_said_last() {
        let output = Output { code: 3, stdout: "ignored".into(), stderr: "one\n\u{1b}[31mError: two\n".into() };
        let failure = output.checked("tool x").expect_err("code 3");
        assert_eq!(failure.kind, Kind::Process);
        assert_eq!(failure.message, "`tool x` ended with exit code 3");
        assert_eq!(failure.details, ["one", "Error: two"]);
    }

    #[test]
    fn standard_output_speaks_when_standard_error_is_silent() {
        let output = Output { code: 1, stdout: "usage: …".into(), stderr: " \n".into() };
        assert_eq!(output.checked("t").expect_err("code 1").details, ["usage: …"]);
        assert!(Output::default().checked("t").is_ok());
    }
}
