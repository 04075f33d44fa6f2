//! Secret values and the redactor that everything printed passes.
//!
//! A [`Secret`] prints as `‹secret NAME›` wherever it could be seen. Its content leaves only through
//! [`Secret::reveal`], which the few sinks call: a Secret's data on its way to a cluster, a process's stdin and
//! environment, a file of mode 0600. Making a secret registers its content with the process-wide redactor.

mod forms;
mod redactor;

use std::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

pub use redactor::Redactor;

/// A value that never shows itself.
#[derive(Clone)]
pub struct Secret(Arc<Inner>);

struct Inner {
    name: String,
    content: Zeroizing<String>,
}

impl Secret {
    /// A secret with the name it is shown under. Its content is redacted from all output from now on.
    pub fn new(name: impl Into<String>, content: impl Into<String>) -> Secret {
        let (name, content) = (name.into(), content.into());
        Redactor::global().learn(&name, &content);
        Secret(Arc::new(Inner { name, content: Zeroizing::new(content) }))
    }

    /// A value that shows its name only, but is no secret wherever else it stands: a certificate, a namespace.
    pub fn unlearned(name: impl Into<String>, content: impl Into<String>) -> Secret {
        Secret(Arc::new(Inner { name: name.into(), content: Zeroizing::new(content.into()) }))
    }

    /// The name it is shown under.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The content. For sinks only; never format or log what this returns.
    pub fn reveal(&self) -> &str {
        &self.0.content
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "‹secret {}›", self.0.name)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Secret) -> bool {
        self.0.content == other.0.content
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_shows_its_name_only() {
        let token = Secret::new("reader token", "eyJhbGciOiJSUzI1NiJ9.planted");
        assert_eq!(format!("{token} {token:?}"), "‹secret reader token› ‹secret reader token›");
    }
}
