//! Who asks, and what they may: tokens, impersonation, and Kubernetes' role-based access control.
//!
//! | file | what it is |
//! | --- | --- |
//! | `user`, `authentication`, `impersonation` | who a request comes from: bearer tokens, what stands for none, `--as` |
//! | `asked` | what a request wants to do |
//! | `rule`, `policy` | what rules allow, and what roles and bindings allow whom: pure |
//! | `cover`, `escalation` | which rules others cover, and that nobody gives more than they have |
//! | `authorization` | the decision on a server's own roles, and the refusal |
//! | `reviews` | who somebody is and what they may, as answers |
//! | `defaults` | the roles that every cluster has |

mod asked;
mod authentication;
mod authorization;
mod cover;
pub(super) mod defaults;
pub(super) mod escalation;
mod impersonation;
mod policy;
#[cfg(test)]
pub(super) mod real;
pub(super) mod reviews;
mod rule;
#[cfg(test)]
mod tests;
mod user;

pub(super) use authentication::{Nameless, user};
pub(super) use authorization::{check, check_creation};
pub(super) use user::User;
