//! Everything a script can call. One table per namespace object; each entry is one function.
//!
//! | on | reads | changes |
//! | --- | --- | --- |
//! | [`kube`](KUBE) | clusters by context | |
//! | [`Cluster`](CLUSTER) | objects, events, access | objects |
//! | [`Cluster`](POD) | logs | programs in pods, forwarded ports |
//! | [`secret`](SECRET) | values that never show themselves | certificate authorities, kubeconfigs |
//! | [`wait`](WAIT) | until objects, addresses, webhooks are as they should | |
//! | [`exec`](EXEC) | programs and their versions | local programs |
//! | [`text`](TEXT) | YAML, base64, strings | |
//! | [`log`](LOG), [`run`](RUN) | lines for the user; the run itself | |
//! | [tests](TEST) | assertions | rehearsals of scripts, faults |

mod exec;
pub mod grants;
pub mod host;
pub mod keeper;
mod kube;
mod log;
mod pod;
mod run;
mod secret;
mod test;
mod text;
mod wait;
pub mod world;

use crate::cluster::Cluster;
use crate::engine::{Primitive, Type};

pub use exec::EXEC;
pub use grants::Grants;
pub use host::Host;
pub use kube::{CLUSTER, KUBE};
pub use log::LOG;
pub use pod::{POD, Port};
pub use run::RUN;
pub use secret::{Authority, SECRET};
pub use test::TEST;
pub use text::TEXT;
pub use wait::WAIT;
pub use world::WORLD;

/// What scripts can call.
pub const TABLES: &[&[Primitive<Host>]] = &[KUBE, CLUSTER, POD, SECRET, WAIT, EXEC, TEXT, LOG, RUN];

/// What tests can call.
pub const TEST_TABLES: &[&[Primitive<Host>]] = &[KUBE, CLUSTER, POD, SECRET, WAIT, EXEC, TEXT, LOG, RUN, TEST];

/// The types that scripts can hold, beside Object and Secret.
pub const TYPES: &[Type] =
    &[Type::of::<Cluster>("Cluster"), Type::of::<Authority>("Authority"), Type::of::<Port>("Port")];

/// What a `rehearsal.rhai` can call.
pub const MODEL: &[&[Primitive<Host>]] = &[WORLD, TEXT];

/// The types that a `rehearsal.rhai` can hold.
pub const MODEL_TYPES: &[Type] =
    &[Type::of::<world::WorldState>("WorldState"), Type::of::<world::ClusterState>("ClusterState")];

#[cfg(test)]
mod tests {
    use super::{MODEL, MODEL_TYPES, TEST_TABLES, TYPES};
    use crate::engine::table::problems;

    #[test]
    fn the_tables_have_their_shape() {
        assert_eq!(problems(TEST_TABLES, TYPES), Vec::<String>::new());
        assert_eq!(problems(MODEL, MODEL_TYPES), Vec::<String>::new());
    }
}
