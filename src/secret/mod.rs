//! Secret values and the redactor that everything printed passes.
//!
//! A [`Secret`] prints as `‹secret NAME›` wherever it could be seen. Its content leaves only through
//! [`Secret::reveal`], which the few sinks call: a Secret's data on its way to a cluster, a process's stdin and
//! environment, a file of mode 0600. Making a secret registers its content with the process-wide redactor.

mod forms;
mod redactor;
mod witness;

use crate::failure::Result;
use std::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

pub use redactor::Redactor;
pub use witness::Witness;

/// A value that never shows itself. A closed one is only there to be seen by its name: the run may not use its content.
#[derive(Clone)]
pub struct Secret {
    inner: Arc<Inner>,
    guard: Option<Arc<Guard>>,
}

/// What stands between a secret and the use of its content.
enum Guard {
    Closed,
    Watched(Witness),
}

struct Inner {
    name: String,
    content: Zeroizing<String>,
}

impl Secret {
    /// A secret with the name it is shown under. Its content is redacted from all output from now on.
    pub fn new(name: impl Into<String>, content: impl Into<String>) -> Secret {
        let (name, content) = (name.into(), content.into());
        Redactor::global().learn(&name, &content);
        Secret { inner: Arc::new(Inner { name, content: Zeroizing::new(content) }), guard: None }
    }

    /// A value that shows its name only, but is no secret wherever else it stands: a certificate, a namespace.
    pub fn unlearned(name: impl Into<String>, content: impl Into<String>) -> Secret {
        let inner = Inner { name: name.into(), content: Zeroizing::new(content.into()) };
        Secret { inner: Arc::new(inner), guard: None }
    }

    /// The name it is shown under.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// The same, closed.
    #[must_use]
    pub fn close(&self) -> Secret {
        Secret { inner: self.inner.clone(), guard: Some(Arc::new(Guard::Closed)) }
    }

    /// The same, seen by a witness whenever its content is used.
    #[must_use]
    pub fn watched(&self, witness: &Witness) -> Secret {
        Secret { inner: self.inner.clone(), guard: Some(Arc::new(Guard::Watched(witness.clone()))) }
    }

    /// A secret under the same name with what `change` makes of its content; closed when this one is.
    #[must_use]
    pub fn mapped(&self, change: impl FnOnce(&str) -> String) -> Secret {
        Secret { guard: self.guard.clone(), ..Secret::new(self.name(), change(self.reveal())) }
    }

    /// Fails for a closed one; tells the witness of a watched one.
    ///
    /// # Errors
    /// `Rights`, with the right that would open it.
    pub fn check_open(&self) -> Result<()> {
        // Values of Secrets are called `namespace/name:key`.
        let title = self.name().split([':', ' ']).next().unwrap_or_default();
        match self.guard.as_deref() {
            None => return Ok(()),
            Some(Guard::Watched(witness)) => {
                witness.note(title);
                return Ok(());
            }
            Some(Guard::Closed) => {}
        }
        Err(crate::grant::lacking(
            crate::grant::Way::default(),
            &format!("read the content of Secret {title}"),
            "secrets",
            title,
        ))
    }

    /// The content. For sinks only; never format or log what this returns.
    pub fn reveal(&self) -> &str {
        &self.inner.content
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "‹secret {}›", self.inner.name)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Secret) -> bool {
        self.inner.content == other.inner.content
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
