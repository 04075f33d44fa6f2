//! Local programs: started without a shell, bounded, and never outliving whoever started them. Knows no cluster.
//!
//! [`Programs`] is the port: [`Live`] starts processes, [`Rehearsed`] lets a closure stand in for them.

mod command;
mod group;
mod live;
mod rehearsed;
mod search;
mod version;

use crate::failure::{Failure, Kind, Result};
use futures::future::BoxFuture;
use std::path::PathBuf;

pub use crate::content::Content;
pub use crate::output::Output;
pub use command::{Command, DEFAULT_TIMEOUT, quoted};
pub use live::Live;
pub use rehearsed::Rehearsed;
pub use version::version;

/// What the failure of a program begins with that was there and did not run.
const NOT_STARTED: &str = "cannot start";

/// Whether a program that failed so has run at all.
pub fn has_run(failure: &Failure) -> bool {
    !matches!(failure.kind, Kind::NotFound | Kind::Rights) && !failure.message.starts_with(NOT_STARTED)
}

/// Where local programs come from.
pub trait Programs: Send + Sync {
    /// The path of the program that `tool` starts, `None` when there is none.
    fn which(&self, tool: &str) -> Option<PathBuf>;

    /// Runs a program to its end. A non-zero exit code is not a failure here; see [`Output::checked`].
    ///
    /// # Errors
    /// `NotFound` when there is no such program, `Process` when it cannot be started or prints too much, `Timeout`
    /// when it takes longer than the command allows. Dropping the future kills the program and all its children.
    fn run<'a>(&'a self, command: &'a Command) -> BoxFuture<'a, Result<Output>>;
}

/// There is no program of that name.
fn not_found(tool: &str) -> Failure {
    Failure::new(Kind::NotFound, format!("there is no program `{tool}` here"))
}
