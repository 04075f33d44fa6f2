//! One run of a script: where it takes place, what is shown, what is written down.

pub mod config;
mod connected;
mod contexts;
mod desk;
mod elsewhere;
mod ending;
mod foundation;
mod heard;
pub mod home;
pub(crate) mod interrupt;
mod journal;
mod lease;
mod model;
mod observed;
pub mod record;
mod recorded;
pub mod screen;
pub mod session;
mod settle;
mod stage;
mod tally;
pub mod trial;
pub mod trials;
pub mod undo;

pub use desk::{Desk, Used};
pub use ending::Ending;
pub use session::{Job, Session};
