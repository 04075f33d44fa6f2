//! Which object a call means: an Object in hand, or kind and name.

use super::super::Host;
use crate::cluster::{Cluster, Target};
use crate::engine::{Call, value};
use crate::failure::{Failure, Result};
use crate::object::Object;

/// What a call is about.
pub(super) struct Meant {
    /// Where it is.
    pub cluster: Cluster,
    /// Its address.
    pub target: Target,
    /// The object as the script has it, when it was called with one.
    pub object: Option<Object>,
}

impl Meant {
    /// Reads the first two arguments: `of: string|map, name?: string`.
    pub fn read(call: &Call<'_, Host>) -> Result<Meant> {
        let cluster: Cluster = call.receiver();
        match (call.any(0).into_immutable_string(), call.opt_str(1)) {
            (Ok(kind), Some(name)) => {
                let target = call.block(cluster.target(&kind, &name))?;
                Ok(Meant { cluster, target, object: None })
            }
            (Ok(kind), None) => {
                Err(Failure::usage(format!("{}: which {kind}? the name is missing", call.primitive().label()))
                    .hint(call.primitive().signature()))
            }
            (Err(_), Some(_)) => Err(Failure::usage(format!(
                "{}: an object has its own name: give either the object, or kind and name",
                call.primitive().label()
            ))),
            (Err(_), None) => Meant::of_object(call, cluster),
        }
    }

    fn of_object(call: &Call<'_, Host>, cluster: Cluster) -> Result<Meant> {
        let object = match call.any(0).try_cast::<Object>() {
            Some(object) => object,
            None => Object::new(value::to_node(&call.any(0))?),
        };
        if let Some(origin) = object.origin.as_deref().filter(|origin| *origin != cluster.name()) {
            let message = format!("{} was read from cluster `{origin}`, not from `{}`", object.title(), cluster.name());
            return Err(Failure::usage(message).hint("ask that cluster, or name the object by kind and name"));
        }
        let target = call.block(cluster.target_of(&object))?;
        Ok(Meant { cluster, target, object: Some(object) })
    }

    /// The uid of the object in hand, if it was read from the cluster.
    pub fn uid(&self) -> Option<String> {
        let object = self.object.as_ref().filter(|object| object.origin.is_some())?;
        Some(object.uid().to_owned()).filter(|uid| !uid.is_empty())
    }
}
