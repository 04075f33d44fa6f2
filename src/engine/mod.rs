//! The only place that configures Rhai. Knows no cluster and no primitive by name.

pub mod call;
pub mod options;
pub mod table;
pub mod value;

use crate::clock::Clock;
use crate::failure::{Failure, Result};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

pub use call::Call;
pub use options::{Options, duration};
pub use table::{Effect, Outcome, Primitive};

/// The way from a script's thread to asynchronous work.
#[derive(Clone)]
pub struct Bridge {
    /// The run's runtime.
    pub runtime: tokio::runtime::Handle,
    /// Cancelled by Ctrl-C.
    pub cancel: CancellationToken,
    /// The run's time.
    pub clock: Clock,
}

impl Bridge {
    /// Runs a future to its end; Ctrl-C ends it with `Kind::Cancelled`.
    pub fn block<T>(&self, future: impl Future<Output = Result<T>>) -> Result<T> {
        todo!()
    }
}

/// Where module and script texts come from.
pub trait Sources: Send + Sync {
    /// The canonical source name and the text of what `import "PATH"` in the source `from` means.
    ///
    /// # Errors
    /// When there is none, with the nearest names; when the path leaves its project.
    fn load(&self, path: &str, from: Option<&str>) -> Result<(String, String)>;
}

/// One `step NAME [on CLUSTER] { … }` as it runs.
pub struct StepStart {
    /// The step's name.
    pub name: String,
    /// What stands after `on`: the names of the cluster or clusters.
    pub on: Vec<String>,
    /// Where it is written.
    pub place: crate::failure::Place,
}

/// Who is told about steps and output of a script.
pub trait Observer: Send + Sync {
    /// A step begins. An error stops the run there.
    fn step_begins(&self, step: &StepStart) -> Result<()>;
    /// A step has ended, well or not.
    fn step_ended(&self, step: &StepStart, failure: Option<&Failure>) -> Result<()>;
    /// The script printed a line.
    fn print(&self, line: &str);
    /// The script printed a debug line.
    fn debug(&self, line: &str, place: Option<&crate::failure::Place>);
}

/// What an engine is built from.
pub struct Setup<H: 'static> {
    /// Shared state of the primitives.
    pub host: Arc<H>,
    /// The tables, in reading order.
    pub tables: &'static [&'static [Primitive<H>]],
    /// Runtime, cancel, clock.
    pub bridge: Bridge,
    /// Where imports come from.
    pub sources: Arc<dyn Sources>,
    /// Who is told about steps and output.
    pub observer: Arc<dyn Observer>,
}
