//! Everything a script can call. One table per namespace object; each entry is one function.

pub mod host;
mod log;
mod text;

pub use host::Host;
pub use log::LOG;
pub use text::TEXT;
