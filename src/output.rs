//! What came of a program, here or in a container.

use crate::failure::{Failure, Kind, Result};
use crate::plain;

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
