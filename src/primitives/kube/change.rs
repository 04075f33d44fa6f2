//! What is changed in clusters.

use super::super::Host;
use super::address::Meant;
use super::read::listed;
use crate::cluster::{
    Applied, ApplyOptions, Cluster, DeleteOptions, EDIT_TRIES, Force, Outcome as Changed, Patch, Propagation,
};
use crate::engine::value::{to_node, type_name};
use crate::engine::{Call, Options, Outcome};
use crate::failure::{Failure, Result};
use crate::object::{Node, Object};
use rhai::Dynamic;

pub(super) fn create(call: &Call<'_, Host>) -> Outcome {
    let (cluster, objects): (Cluster, _) = (call.receiver(), call.objects(0)?);
    let namespace = call.options().str("namespace")?;
    let mut created = Vec::with_capacity(objects.len());
    for object in &objects {
        created.push(call.block(cluster.create(object, namespace.as_deref()))?);
    }
    Ok(listed(&cluster, created))
}

pub(super) fn apply(call: &Call<'_, Host>) -> Outcome {
    let (cluster, objects): (Cluster, _) = (call.receiver(), call.objects(0)?);
    let options = apply_options(call.options())?;
    let applied = call.block(cluster.apply_all(&objects, &options))?;
    let mut result = rhai::Map::new();
    for outcome in [Changed::Created, Changed::Changed, Changed::Unchanged] {
        let count = applied.iter().filter(|one| one.outcome == outcome).count();
        result.insert(outcome.name().into(), Dynamic::from_int(i64::try_from(count).unwrap_or(i64::MAX)));
    }
    let objects = applied.into_iter().map(|one| one.object).collect();
    result.insert("objects".into(), listed(&cluster, objects));
    Ok(result.into())
}

fn apply_options(options: &Options) -> Result<ApplyOptions> {
    let force = match options.get("force") {
        Some(value) if value.is_bool() => {
            if options.flag("force")? {
                Force::Always
            } else {
                Force::Never
            }
        }
        Some(_) => Force::Fields(options.strings("force")?),
        None => Force::Never,
    };
    let (namespace, manager) = (options.str("namespace")?, options.str("manager")?);
    Ok(ApplyOptions { namespace, force, manager, patience: options.duration("patience")? })
}

/// The object after a change.
fn after(applied: Applied) -> Outcome {
    Ok(Dynamic::from(applied.object))
}

pub(super) fn edit(call: &Call<'_, Host>) -> Outcome {
    let (Meant { cluster, target, .. }, closure) = (Meant::read(call)?, call.closure(2));
    for number in 1..=EDIT_TRIES {
        let before = call.block(cluster.get(&target))?;
        let wanted = edited(call, &call.invoke(&closure, vec![Dynamic::from(before.clone())])?, &before)?;
        if let Some(applied) = call.block(cluster.replace(&target, &before, &wanted))? {
            return after(applied);
        }
        call.block(async {
            cluster.pause_edit(number).await;
            Ok(())
        })?;
    }
    Err(cluster.edit_lost(&target).into())
}

/// What the closure made of the object.
fn edited(call: &Call<'_, Host>, value: &Dynamic, before: &Object) -> Result<Object> {
    match to_node(value)? {
        node @ Node::Map(_) => Ok(Object { node, origin: before.origin.clone() }.sealed()),
        _ => {
            let message = format!(
                "{}: the closure must return the changed object, not {}",
                call.primitive().label(),
                type_name(value)
            );
            Err(Failure::usage(message).hint("end the closure with the name of its parameter"))
        }
    }
}

pub(super) fn patch(call: &Call<'_, Host>) -> Outcome {
    let (meant, body) = (Meant::read(call)?, to_node(&call.any(2))?);
    let kind = match (call.options().str("type")?, &body) {
        (None, Node::Array(_)) => Patch::Json,
        (None, _) => Patch::Merge,
        (Some(name), _) => Patch::from_name(&name).ok_or_else(|| {
            Failure::usage(format!("`{name}` is no type of patch")).hint("write \"merge\", \"json\" or \"strategic\"")
        })?,
    };
    after(call.block(meant.cluster.patch(&meant.target, kind, &body))?)
}

pub(super) fn label(call: &Call<'_, Host>) -> Outcome {
    let (meant, labels) = (Meant::read(call)?, to_node(&call.any(2))?);
    after(call.block(meant.cluster.label(&meant.target, &labels))?)
}

pub(super) fn annotate(call: &Call<'_, Host>) -> Outcome {
    let (meant, annotations) = (Meant::read(call)?, to_node(&call.any(2))?);
    after(call.block(meant.cluster.annotate(&meant.target, &annotations))?)
}

pub(super) fn delete(call: &Call<'_, Host>) -> Outcome {
    let (meant, options) = (Meant::read(call)?, call.options());
    let delete = DeleteOptions {
        uid: meant.uid(),
        missing_ok: options.flag("missing_ok")?,
        propagation: propagation(options)?,
        grace: options.int("grace")?,
        wait: options.duration("wait")?,
    };
    Ok(call.block(meant.cluster.delete(&meant.target, &delete))?.into())
}

fn propagation(options: &Options) -> Result<Propagation> {
    match options.str("propagation")?.as_deref() {
        None | Some("background") => Ok(Propagation::Background),
        Some("foreground") => Ok(Propagation::Foreground),
        Some("orphan") => Ok(Propagation::Orphan),
        Some(other) => Err(Failure::usage(format!("`{other}` is no propagation"))
            .hint("write \"background\", \"foreground\" or \"orphan\"")),
    }
}

pub(super) fn scale(call: &Call<'_, Host>) -> Outcome {
    let (meant, replicas) = (Meant::read(call)?, call.int(2));
    if replicas < 0 {
        return Err(Failure::usage(format!("{replicas} replicas cannot be")).into());
    }
    Ok((call.block(meant.cluster.scale(&meant.target, replicas))? == Changed::Changed).into())
}

pub(super) fn restart(call: &Call<'_, Host>) -> Outcome {
    let meant = Meant::read(call)?;
    Ok(Dynamic::from(call.block(meant.cluster.restart(&meant.target))?))
}
