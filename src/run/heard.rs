//! What a run had to say, kept for whoever asked for it instead of shown.

use crate::engine::StepStart;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What a run had to say.
#[derive(Default)]
pub struct Heard(Mutex<Words>);

#[derive(Default)]
struct Words {
    said: Vec<String>,
    printed: Vec<String>,
    steps: Vec<String>,
}

impl Heard {
    fn words(&self) -> MutexGuard<'_, Words> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a line for the user.
    pub fn say(&self, line: &str) {
        self.words().said.push(line.to_owned());
    }

    /// Keeps a line that a script printed.
    pub fn print(&self, line: &str) {
        self.words().printed.push(line.to_owned());
    }

    /// Keeps a step that ended well.
    pub fn step(&self, step: &StepStart) {
        self.words().steps.push(step.name.clone());
    }

    /// The lines for the user.
    pub fn said(&self) -> Vec<String> {
        self.words().said.clone()
    }

    /// The lines that were printed.
    pub fn printed(&self) -> Vec<String> {
        self.words().printed.clone()
    }

    /// The steps that ended well.
    pub fn steps(&self) -> Vec<String> {
        self.words().steps.clone()
    }
}
