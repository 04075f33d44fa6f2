//! Who remembers what was made use of, to say later what it needs.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

/// Remembers names, each once.
#[derive(Debug, Clone, Default)]
pub struct Witness(Arc<Mutex<BTreeSet<String>>>);

impl Witness {
    /// Remembers a name.
    pub fn note(&self, name: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
    }

    /// What was remembered.
    pub fn names(&self) -> BTreeSet<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
