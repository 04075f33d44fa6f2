//! Creates, updates and patches: who owns what afterwards.
//!
//! The `Update` chain of k8s.io/apimachinery/pkg/util/managedfields.

use super::compare::compare;
use super::managers::{Manager, Managers, Owned, drop_empty_metadata, keep_times, strip, unowned};
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
    let managers = Managers::sent(live, &new, subresource, schema.typed);
    strip(&mut new);
    drop_empty_metadata(&mut new);
    if managers.0.is_empty() && live.is_some() {
        return new;
    }
    let version = new["apiVersion"].as_str().unwrap_or_default();
    let manager = Manager::updating(manager, version, subresource);
    let managers = written(live, &new, managers, &manager, time, schema);
    managers.write_to(&mut new);
    if let Some(live) = live {
        keep_times(live, &mut new, schema.typed);
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
    let change = compare(&schema.filled(&live), &schema.filled(new), &schema.root)
        .without(&schema.reset_fields(&writer.subresource));
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const THEN: &str = "2026-01-01T00:00:00Z";
    const NOW: &str = "2026-01-02T00:00:00Z";

    fn pod(metadata: Value, spec: Value) -> Value {
        let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec});
        pod["metadata"]["name"] = json!("p");
        pod
    }

    fn updated(live: Option<&Value>, new: Value, manager: &str, subresource: &str) -> Value {
        let time = if live.is_none() { THEN } else { NOW };
        update(live, new, manager, subresource, time, &Schema::built_in("v1", "Pod"))
    }

    fn fields(object: &Value, manager: &str) -> Value {
        let entries = object["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
        entries
            .iter()
            .find(|entry| entry["manager"] == manager)
            .map(|entry| entry["fieldsV1"].clone())
            .unwrap_or_default()
    }

    #[test]
    fn the_creator_owns_everything_but_identity_and_bookkeeping() {
        let metadata =
            json!({"namespace": "n", "uid": "u", "resourceVersion": "1", "generation": 1, "labels": {"a": "1"}});
        let object = updated(None, pod(metadata, json!({"containers": [{"name": "c"}]})), "kubectl-create", "");
        assert_eq!(
            object["metadata"]["managedFields"],
            json!([{"manager": "kubectl-create", "operation": "Update", "apiVersion": "v1", "time": THEN, "fieldsType": "FieldsV1",
            "fieldsV1": {
                "f:metadata": {"f:labels": {".": {}, "f:a": {}}},
                "f:spec": {"f:containers": {r#"k:{"name":"c"}"#: {".": {}, "f:name": {}}}},
            }}])
        );
    }

    #[test]
    fn changes_move_and_removals_leave_all_sets() {
        let live = updated(None, pod(json!({"labels": {"a": "1", "b": "1", "c": "1"}}), json!({})), "one", "");
        let mut new = live.clone();
        new["metadata"]["labels"] = json!({"a": "1", "b": "2", "d": "1"});
        let object = updated(Some(&live), new, "two", "");
        assert_eq!(fields(&object, "one"), json!({"f:metadata": {"f:labels": {".": {}, "f:a": {}}}}));
        assert_eq!(fields(&object, "two"), json!({"f:metadata": {"f:labels": {"f:b": {}, "f:d": {}}}}));
    }

    #[test]
    fn a_write_without_effect_is_none() {
        let live = updated(None, pod(json!({"labels": {"a": "1"}}), json!({})), "one", "");
        assert_eq!(updated(Some(&live), live.clone(), "two", ""), live);
    }

    #[test]
    fn subresources_have_their_own_entries() {
        let live = updated(None, pod(json!({}), json!({"hostname": "h"})), "one", "");
        let mut new = live.clone();
        new["status"] = json!({"phase": "Running"});
        new["spec"]["hostname"] = json!("other");
        let object = updated(Some(&live), new, "one", "status");
        let entries = object["metadata"]["managedFields"].as_array().expect("entries");
        assert_eq!(entries.len(), 2);
        assert_eq!(entries[1]["subresource"], "status");
        assert_eq!(entries[1]["fieldsV1"], json!({"f:status": {"f:phase": {}}}));
    }

    #[test]
    fn what_nobody_tracks_stays_untracked() {
        let live = pod(json!({}), json!({}));
        let object = updated(Some(&live), pod(json!({"labels": {"a": "1"}}), json!({})), "one", "");
        assert_eq!(object["metadata"].get("managedFields"), None);
    }
}
