//! Everything a script can call. One table per namespace object; each entry is one function.

pub mod host;
pub mod keeper;
mod kube;
mod log;
mod run;
mod secret;
mod text;
pub mod world;

pub use host::Host;
pub use kube::{CLUSTER, KUBE};
pub use log::LOG;
pub use run::RUN;
pub use secret::{Authority, SECRET};
pub use text::TEXT;
