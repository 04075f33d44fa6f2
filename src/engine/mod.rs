//! The only place that configures Rhai. Knows no cluster and no primitive by name.
//!
//! [`build`] makes an engine from tables of primitives; [`run_script`] runs a text in it. Everything else here says how
//! scripts see values, steps, threads, modules and errors.

mod brackets;
mod bridge;
mod budget;
mod built_in;
pub mod call;
mod callables;
mod cancel;
mod console;
mod deadline;
mod errors;
mod excerpt;
mod flow;
mod habits;
mod inside;
mod known;
pub mod language;
mod left;
pub mod lexer;
mod limits;
mod modules;
mod nearest;
mod objects;
pub mod options;
mod parallel;
pub mod params;
mod register;
pub mod report;
mod run;
mod secrets;
mod span;
mod step;
pub mod table;
mod testing;
mod tokens;
pub mod types;
pub mod value;
mod words;

use crate::failure::{Failure, Place, Result};
use crate::plain;
use rhai::Engine;
use std::sync::Arc;

pub use bridge::{Bridge, on_script_thread};
pub use call::Call;
pub use callables::{Callable, Callables};
pub use cancel::Cancel;
pub use console::{Console, Reading};
pub use errors::{failure, retold};
pub use habits::{DIVISION, at as habit_at, call as habit_call, divisions, word as habit};
pub use nearest::nearest;
pub use options::{Options, duration};
pub use run::{call_function, compile, parser, run_ast, run_script};
pub use table::{Effect, Outcome, Primitive};
pub use types::Type;

/// Where module and script texts come from.
pub trait Sources: Send + Sync {
    /// The canonical source name and the text of what `import "PATH"` in the source `from` means.
    ///
    /// # Errors
    /// When there is none, with the nearest names; when the path leaves its project.
    fn load(&self, path: &str, from: Option<&str>) -> Result<(String, String)>;

    /// The source name and the text of what stands in for a step of a source.
    ///
    /// # Errors
    /// When it cannot be read.
    fn step(&self, _source: &str, _name: &str) -> Result<Option<(String, String)>> {
        Ok(None)
    }
}

/// One `step NAME [on CLUSTER] { … }` as it runs.
pub struct StepStart {
    /// The step's name.
    pub name: String,
    /// What stands after `on`: the names of the cluster or clusters.
    pub on: Vec<String>,
    /// Where it is written.
    pub place: Place,
}

/// Who is told about steps and output of a script.
pub trait Observer: Send + Sync {
    /// A step begins. An error stops the run there.
    fn step_begins(&self, step: &StepStart) -> Result<()>;
    /// A step has ended, well or not.
    fn step_ended(&self, step: &StepStart, failure: Option<&Failure>) -> Result<()>;
    /// A primitive is being called: what it is called on, its name, what it does to the world.
    fn called(&self, _on: &'static str, _name: &'static str, _effect: Effect) {}
    /// A `test` is come upon. Whether its block is to run now.
    ///
    /// # Errors
    /// When this is no run of tests.
    fn test_found(&self, _: &StepStart) -> Result<bool> {
        Err(Failure::usage("this is a test, not a part of a script")
            .hint("put it into a file that ends in `_test.rhai`; `meshwright test` runs it"))
    }
    /// The script printed a line.
    fn print(&self, line: &str);
    /// The script printed a debug line.
    fn debug(&self, line: &str, place: Option<&Place>);
}

/// What an engine is built from.
pub struct Setup<H: 'static> {
    /// Shared state of the primitives.
    pub host: Arc<H>,
    /// The tables, in reading order.
    pub tables: &'static [&'static [Primitive<H>]],
    /// The Rust types that scripts hold, by the names that the tables' `on` column uses; Object and Secret are known.
    pub types: &'static [Type],
    /// Runtime, cancel, clock.
    pub bridge: Bridge,
    /// Where imports come from.
    pub sources: Arc<dyn Sources>,
    /// Who is told about steps and output.
    pub observer: Arc<dyn Observer>,
}

/// An engine that knows the primitives of these tables. The same engine serves any number of threads.
pub fn build<H: Send + Sync + 'static>(setup: Setup<H>) -> Engine {
    let mut engine = Engine::new();
    let (bridge, sources, observer) = (setup.bridge.clone(), setup.sources.clone(), setup.observer.clone());
    let inside = inside::Inside::new(bridge, sources, observer, register::catalogue(setup.tables));
    inside.attach(&mut engine);
    limits::apply(&mut engine);
    tokens::register(&mut engine);
    objects::register(&mut engine);
    secrets::register(&mut engine);
    flow::register(&mut engine);
    parallel::register(&mut engine, &inside);
    step::register(&mut engine, &inside);
    testing::register(&mut engine, &inside);
    register::register(&mut engine, &setup, &inside);
    modules::adopt_closures(&mut engine, inside.clone());
    engine.set_module_resolver(modules::Modules::new(inside.clone()));
    redirect_output(&mut engine, inside);
    budget::enforce(&mut engine, setup.bridge.clone());
    engine
}

/// A value as text on one line, as scripts see it: objects as JSON, clusters by their names, secrets by theirs.
pub fn shown(context: &rhai::NativeCallContext, value: &rhai::Dynamic) -> String {
    objects::told(context, value)
}

/// `print` and `debug` go to the observer, without secrets and without anything a terminal would obey.
fn redirect_output(engine: &mut Engine, inside: Arc<inside::Inside>) {
    let print = inside.observer.clone();
    engine.on_print(move |line| print.print(&plain::text(line)));
    engine.on_debug(move |line, source, position| {
        let place = inside.place(source, position);
        inside.observer.debug(&plain::text(line), place.as_ref());
    });
}

#[cfg(test)]
mod tests;
