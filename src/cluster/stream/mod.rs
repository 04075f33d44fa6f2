//! What comes out of running containers: programs run in them, their logs, and connections to their ports.

mod exec;
mod forward;
mod logs;
mod pods;

pub use crate::output::Output;
pub use exec::Exec;
pub use forward::Forward;
pub use logs::LogOptions;
pub use pods::default_container;
