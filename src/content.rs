//! Text that a program gets to read, here or in a pod; it may be a secret.

use crate::secret::Secret;

/// Text for a program's standard input or environment.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// Text that may be shown.
    Text(String),
    /// Text that may not. It goes to the program and nowhere else.
    Secret(Secret),
}

impl Content {
    /// What to give the program. Never show or log it.
    pub fn reveal(&self) -> &str {
        match self {
            Content::Text(text) => text,
            Content::Secret(secret) => secret.reveal(),
        }
    }
}
