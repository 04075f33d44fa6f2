//! Server-side apply: lays a configuration over the live object and keeps the books about who owns what.
//!
//! The `Apply` chain of k8s.io/apimachinery/pkg/util/managedfields and `merge.Updater` of
//! sigs.k8s.io/structured-merge-diff. The rehearsed server converts no objects: what a manager owns in another version
//! of the kind is taken to be called the same.

use super::compare::compare;
use super::conflict::Conflict;
use super::element::same;
use super::field_set::{field_set, with_named_fields};
use super::last_applied;
use super::managers::{Manager, Managers, Owned, keep_times, strip, unowned};
use super::merge::merge;
use super::remove::remove;
use super::schema::{Schema, Shape};
use super::set::Set;
use super::update::written;
use serde_json::{Map, Value, json};

/// Who owns what of an object that was never applied, nor tracked before.
const BEFORE_FIRST_APPLY: &str = "before-first-apply";

/// A server-side apply request.
pub struct Apply<'a> {
    /// The object as stored; `None` when it does not exist.
    pub live: Option<&'a Value>,
    /// The configuration that the manager applies.
    pub applied: &'a Value,
    /// The field manager.
    pub manager: &'a str,
    /// Take fields that others own.
    pub force: bool,
    /// The subresource, such as `status`; empty for the object itself.
    pub subresource: &'a str,
    /// Now, RFC 3339 with seconds.
    pub time: &'a str,
    /// The merge schema of the kind.
    pub schema: &'a Schema,
}

/// Applies a configuration: the object to store, with `metadata.managedFields` brought up to date. Equal to the live
/// object when nothing changes.
///
/// # Errors
/// The conflicts, when others own fields that would change and `force` is off.
pub fn apply(request: &Apply<'_>) -> Result<Value, Vec<Conflict>> {
    let mut new = match last_applied::conflicts_allowed(request, apply_once(request, request.force)) {
        Ok(new) => new,
        Err(conflicts) if conflicts.is_empty() => apply_once(request, true)?,
        Err(conflicts) => return Err(conflicts),
    };
    last_applied::refresh(request, &mut new);
    if let Some(live) = request.live {
        keep_times(live, &mut new);
    }
    Ok(new)
}

fn apply_once(request: &Apply<'_>, force: bool) -> Result<Value, Vec<Conflict>> {
    let schema = request.schema;
    let mut managers = managers_before(request);
    let mut live = request.live.cloned().unwrap_or_else(|| json!({}));
    let mut applied = request.applied.clone();
    strip(&mut live);
    strip(&mut applied);
    let manager = Manager::applying(request.manager, request.subresource);
    let last = managers.0.get(&manager).cloned();
    let set = field_set(&applied, &schema.root).recursive_difference(&schema.reset_fields(request.subresource));
    let version = applied["apiVersion"].as_str().unwrap_or_default().to_owned();
    let time = last.as_ref().and_then(|last| last.time.clone());
    managers.0.insert(manager.clone(), Owned { set, version, time });

    let merged = merge(Some(&live), Some(&applied), &schema.root).unwrap_or_else(|| json!({}));
    let merged = prune(merged, last.map(|last| last.set), &managers, &schema.root);
    take(request, &live, &merged, &mut managers, &manager, force)?;
    let mut new = finish(request, live, merged, &mut managers, &manager);
    managers.write_to(&mut new);
    Ok(new)
}

/// The managers of the live object; what nobody has tracked so far belongs to `before-first-apply`.
fn managers_before(request: &Apply<'_>) -> Managers {
    let mut managers = request.live.map(Managers::of).unwrap_or_default();
    if let Some(live) = request.live
        && managers.0.is_empty()
    {
        let mut live = live.clone();
        strip(&mut live);
        let version = live["apiVersion"].as_str().unwrap_or_default();
        let before = Manager::updating(BEFORE_FIRST_APPLY, version, request.subresource);
        managers = written(None, &live, managers, &before, request.time, request.schema);
    }
    managers.reconcile(&request.schema.root);
    managers
}

/// Removes what the manager applied last time, doesn't apply this time, and nobody else owns.
fn prune(merged: Value, last: Option<Set>, managers: &Managers, shape: &Shape) -> Value {
    let Some(last) = last.filter(|last| !last.is_empty()) else { return merged };
    let last = with_named_fields(&last, shape);
    let named_set = |value: &Value| with_named_fields(&field_set(value, shape), shape);
    let all = named_set(&merged);

    let pruned = remove(&merged, &last, shape);
    let owned = managers.0.values().fold(Set::default(), |owned, manager| owned.union(&manager.set));
    let kept = named_set(&pruned).union(&with_named_fields(&owned, shape));
    let with_owned = remove(&merged, &all.difference(&kept), shape);
    let dangling = all.difference(&named_set(&with_owned)).intersection(&last);
    remove(&merged, &dangling, shape)
}

/// Takes what changes from the other managers.
fn take(
    request: &Apply<'_>,
    live: &Value,
    new: &Value,
    managers: &mut Managers,
    applier: &Manager,
    force: bool,
) -> Result<(), Vec<Conflict>> {
    let schema = request.schema;
    let change = compare(live, new, &schema.root).without(&schema.reset_fields(request.subresource));
    let changed = change.changed();
    let others = managers.0.iter().filter(|(manager, _)| *manager != applier);
    let conflicts: Vec<_> =
        others.flat_map(|(manager, owned)| Conflict::over(manager, &owned.set.intersection(&changed))).collect();
    if !force && !conflicts.is_empty() {
        return Err(conflicts);
    }
    let mine = managers.0.remove(applier);
    managers.lose(&change);
    managers.0.extend(mine.filter(|mine| !mine.set.is_empty()).map(|mine| (applier.clone(), mine)));
    Ok(())
}

/// The new object and the applier's entry: its time changes when the object does.
fn finish(request: &Apply<'_>, live: Value, new: Value, managers: &mut Managers, applier: &Manager) -> Value {
    let changed = !same(&live, &new);
    if let Some(owned) = managers.0.get_mut(applier) {
        owned.set = owned.set.difference(&unowned());
        owned.time = if changed { Some(request.time.to_owned()) } else { owned.time.take() };
    }
    managers.0.retain(|_, owned| !owned.set.is_empty());
    let mut new = match changed {
        false => live,
        true if request.schema.typed => without_nulls(new),
        true => new,
    };
    request.schema.preserve(request.live, &mut new, request.subresource);
    new
}

/// What the server's Go types do with explicit nulls.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(kept.map(|(name, value)| (name, without_nulls(value))).collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(without_nulls).collect()),
        other => other,
    }
}
