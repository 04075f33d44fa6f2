//! What a wait is about: objects in hand, or kind and name in a cluster.

use super::super::Host;
use super::TIMEOUT;
use crate::cluster::wait::LAST_LOOK;
use crate::cluster::{Cluster, Target};
use crate::engine::{Call, value};
use crate::failure::{Failure, Result};
use crate::here::Until;
use crate::object::{Node, Object};

/// One object to wait for.
pub(super) struct Subject {
    /// Where it is.
    pub cluster: Cluster,
    /// Its address.
    pub target: Target,
    /// The object as the script has it.
    pub object: Option<Object>,
}

/// What is asked before the wait itself begins is a part of it: it outlasts an outage at first contact, and a cluster that
/// does not answer ends the wait in its time.
pub(super) fn in_time(call: &Call<'_, Host>) -> Result<Until> {
    let limit = call.at_most(call.options().duration("timeout")?.unwrap_or(TIMEOUT));
    Ok(crate::here::until(call.bridge().clock.now() + limit + LAST_LOOK))
}

/// The subjects of a call, and whether one was given alone rather than in a list.
pub(super) fn subjects(call: &Call<'_, Host>) -> Result<(Vec<Subject>, bool)> {
    let _until = in_time(call)?;
    if let Some(cluster) = call.value::<Cluster>(0) {
        return Ok((vec![named(call, cluster)?], true));
    }
    if let Some(object) = call.any(0).try_cast::<Object>().filter(|object| !matches!(object.node, Node::Array(_))) {
        return Ok((vec![in_hand(call, object)?], true));
    }
    let subjects = objects(call)?.into_iter().map(|object| in_hand(call, object)).collect::<Result<Vec<_>>>()?;
    Ok((subjects, false))
}

fn named(call: &Call<'_, Host>, cluster: Cluster) -> Result<Subject> {
    let (Some(kind), Some(name)) = (call.opt_str(1), call.opt_str(2)) else {
        return Err(Failure::usage(format!(
            "{}: which object? give kind and name after the cluster",
            call.primitive().label()
        ))
        .hint(call.primitive().signature()));
    };
    let target = call.block(cluster.target(&kind, &name))?;
    Ok(Subject { cluster, target, object: None })
}

fn in_hand(call: &Call<'_, Host>, object: Object) -> Result<Subject> {
    let cluster = call.host().cluster_of(&object)?;
    let target = call.block(cluster.target_of(&object))?;
    Ok(Subject { cluster, target, object: Some(object) })
}

/// The objects of a list; those of a list that a cluster returned keep their origin.
fn objects(call: &Call<'_, Host>) -> Result<Vec<Object>> {
    let given = call.any(0);
    if let Some(list) = given.clone().try_cast::<Object>() {
        let items = list.node.items().iter().map(|node| Object { node: node.clone(), origin: list.origin.clone() });
        return Ok(items.collect());
    }
    let Ok(items) = given.clone().into_array() else {
        return Ok(vec![Object::new(value::to_node(&given)?)]);
    };
    items
        .into_iter()
        .map(|item| match item.clone().try_cast::<Object>() {
            Some(object) => Ok(object),
            None => value::to_node(&item).map(Object::new),
        })
        .collect()
}
