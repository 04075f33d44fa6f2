//! Everything a script can call. One table per namespace object; each entry is one function.

pub mod host;

pub use host::Host;
