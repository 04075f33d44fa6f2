//! What a script is before it runs: its header, its parameters, its steps, where it comes from.
//!
//! Needs no cluster and no engine: the command line shows, checks and completes scripts with it. [`find`] gives a
//! [`Script`]; its [`Header`] checks the parameters; a [`Resolver`] gives the engine what it imports.

mod amended;
mod bundle;
pub mod check;
pub mod explained;
pub mod fields;
pub mod fork;
mod given;
pub mod header;
pub use crate::engine::lexer;
pub mod needs;
pub mod outline;
mod own_steps;
pub mod params;
pub mod parts;
mod paths;
mod resolver;
mod small;
pub mod steps;
pub mod undeclared;
mod values;

pub use amended::Amended;
pub use bundle::{Home, Script, bundled, find, library, library_names, source_text};
pub use given::Given;
pub use header::Header;
pub use needs::Needs;
pub use outline::Outline;
pub use params::{Kind, Param, stand_in};
pub use resolver::Resolver;
pub use steps::Step;
pub use values::Values;
