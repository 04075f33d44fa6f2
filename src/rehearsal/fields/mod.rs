//! Who owns which field, and how patches merge: server-side apply and strategic merge as pure functions over JSON.
//!
//! The rehearsed API server uses them and nobody else. [`Schema`] says how a kind merges; [`apply`] is server-side
//! apply, [`update`] keeps `managedFields` after any other write, [`strategic_merge`] is the patch of kubectl.
//!
//! A write goes like this: [`check`] and [`apply`]; or merge the patch, set defaults, [`update`], [`Schema::preserve`].
//! Addresses and ports that the server allocates come after that, so that nobody owns them.

mod apply;
mod built_in;
mod check;
mod compare;
mod conflict;
mod element;
mod element_order;
mod field_set;
mod form;
mod go_text;
mod last_applied;
mod managers;
mod merge;
mod open_api;
mod patch_lists;
mod reconcile;
mod remove;
mod reset;
mod schema;
mod set;
mod strategic;
mod update;

pub use apply::{Apply, apply};
pub use check::check;
pub use conflict::Conflict;
pub use schema::Schema;
pub use strategic::strategic_merge;
pub use update::update;

#[cfg(test)]
mod recorded;
