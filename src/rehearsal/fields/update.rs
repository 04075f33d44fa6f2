//! Creates, updates and patches: who owns what afterwards.
//!
//! The `Update` chain of k8s.io/apimachinery/pkg/util/managedfields.

use super::compare::compare;
use super::managers::{Manager, Managers, Owned, keep_times, strip, unowned};
use super::schema::Schema;
use super::set::Set;
use serde_json::Value;

/// Brings `metadata.managedFields` up to date after a create, update or patch by `manager`.
///
/// What changes belongs to the manager and to nobody else afterwards; what goes belongs to nobody. Entries that the
/// client has sent count, an empty list resets them; an object that nobody manages yet stays that way.
pub fn update(
    live: Option<&Value>,
    mut new: Value,
    manager: &str,
    subresource: &str,
    time: &str,
    schema: &Schema,
) -> Value {
    let managers = Managers::sent(live, &new, subresource);
    strip(&mut new);
    if managers.0.is_empty() && live.is_some() {
        return new;
    }
    let version = new["apiVersion"].as_str().unwrap_or_default();
    let manager = Manager::updating(manager, version, subresource);
    let managers = written(live, &new, managers, &manager, time, schema);
    managers.write_to(&mut new);
    if let Some(live) = live {
        keep_times(live, &mut new);
    }
    new
}

/// The managers after `writer` has put `new` in place of `live`.
pub(super) fn written(
    live: Option<&Value>,
    new: &Value,
    mut managers: Managers,
    writer: &Manager,
    time: &str,
    schema: &Schema,
) -> Managers {
    let mut live = live.cloned().unwrap_or_else(|| schema.zero(new));
    strip(&mut live);
    managers.reconcile(&schema.root);
    let change = compare(&live, new, &schema.root).without(&schema.reset_fields(&writer.subresource));
    managers.lose(&change);
    own(&mut managers, writer, &change.changed().difference(&unowned()), new, time);
    managers.cap_updaters();
    managers
}

fn own(managers: &mut Managers, writer: &Manager, changed: &Set, new: &Value, time: &str) {
    if changed.is_empty() {
        return;
    }
    let version = new["apiVersion"].as_str().unwrap_or_default().to_owned();
    let none = || Owned { set: Set::default(), version, time: None };
    let owned = managers.0.entry(writer.clone()).or_insert_with(none);
    owned.set = owned.set.union(changed);
    owned.time = Some(time.to_owned());
}
