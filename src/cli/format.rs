//! How a command prints what it has to tell: for people, or for programs.

use clap::ValueEnum;

/// The value of `-o`.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub enum Format {
    Text,
    Json,
}
