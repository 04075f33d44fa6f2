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
use super::managers::{Manager, Managers, Owned, drop_empty_metadata, keep_times, strip, unowned};
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
    drop_empty_metadata(&mut new);
    request.schema.preserve(request.live, &mut new, request.subresource);
    if let Some(live) = request.live {
        keep_times(live, &mut new, request.schema.typed);
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
    let change = compare(&schema.filled(live), &schema.filled(new), &schema.root)
        .without(&schema.reset_fields(request.subresource));
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
    match changed {
        false => live,
        true if request.schema.typed => without_nulls(new),
        true => new,
    }
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

#[cfg(test)]
mod tests {
    use super::super::update;
    use super::*;
    use proptest::prelude::*;

    const THEN: &str = "2026-01-01T00:00:00Z";
    const NOW: &str = "2026-01-02T00:00:00Z";

    fn deployment(spec: Value) -> Value {
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "default"}, "spec": spec})
    }

    fn config_map(data: Value) -> Value {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": data})
    }

    fn try_apply(live: Option<&Value>, applied: &Value, manager: &str, force: bool) -> Result<Value, Vec<Conflict>> {
        let text = |key: &str| applied[key].as_str().unwrap_or_default();
        let schema = &Schema::built_in(text("apiVersion"), text("kind"));
        let time = if live.is_none() { THEN } else { NOW };
        apply(&Apply { live, applied, manager, force, subresource: "", time, schema })
    }

    fn applied(live: Option<&Value>, config: &Value, manager: &str) -> Value {
        try_apply(live, config, manager, false).expect("no conflict")
    }

    fn updated(live: Option<&Value>, new: Value, manager: &str) -> Value {
        let kind = Schema::built_in(new["apiVersion"].as_str().expect("version"), new["kind"].as_str().expect("kind"));
        update(live, new, manager, "", THEN, &kind)
    }

    /// Manager, operation, time and fields of each entry.
    fn entries(object: &Value) -> Vec<(String, String, String, Value)> {
        let entries = object["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
        let text = |entry: &Value, key: &str| entry[key].as_str().unwrap_or_default().to_owned();
        let read = |e: &Value| (text(e, "manager"), text(e, "operation"), text(e, "time"), e["fieldsV1"].clone());
        entries.iter().map(read).collect()
    }

    fn entry(manager: &str, operation: &str, time: &str, fields: Value) -> (String, String, String, Value) {
        (manager.to_owned(), operation.to_owned(), time.to_owned(), fields)
    }

    #[test]
    fn the_applier_owns_what_it_applies() {
        let object = applied(None, &config_map(json!({"a": "1"})), "helm");
        assert_eq!(object["data"], json!({"a": "1"}));
        assert_eq!(entries(&object), [entry("helm", "Apply", THEN, json!({"f:data": {"f:a": {}}}))]);
    }

    #[test]
    fn an_apply_without_effect_returns_the_live_object() {
        let live = applied(None, &config_map(json!({"a": "1"})), "helm");
        assert_eq!(applied(Some(&live), &config_map(json!({"a": "1"})), "helm"), live);
    }

    #[test]
    fn equal_values_are_shared() {
        let live = applied(None, &config_map(json!({"a": "1"})), "helm");
        let shared = applied(Some(&live), &config_map(json!({"a": "1"})), "argo");
        let fields = json!({"f:data": {"f:a": {}}});
        assert_eq!(
            entries(&shared),
            [entry("argo", "Apply", "", fields.clone()), entry("helm", "Apply", THEN, fields.clone())]
        );
        let conflicts = try_apply(Some(&shared), &config_map(json!({"a": "2"})), "argo", false).expect_err("conflict");
        assert_eq!(Conflict::message(&conflicts), r#"Apply failed with 1 conflict: conflict with "helm": .data.a"#);
        let left = applied(Some(&shared), &config_map(json!({})), "helm");
        assert_eq!(left["data"], json!({"a": "1"}));
    }

    #[test]
    fn force_takes_over() {
        let live = applied(None, &config_map(json!({"a": "1", "b": "1"})), "helm");
        let taken = try_apply(Some(&live), &config_map(json!({"a": "2"})), "argo", true).expect("forced");
        assert_eq!(taken["data"], json!({"a": "2", "b": "1"}));
        assert_eq!(
            entries(&taken),
            [
                entry("helm", "Apply", THEN, json!({"f:data": {"f:b": {}}})),
                entry("argo", "Apply", NOW, json!({"f:data": {"f:a": {}}})),
            ]
        );
    }

    #[test]
    fn updaters_conflict_with_their_version() {
        let live = updated(None, deployment(json!({"replicas": 3})), "kubectl-client-side-apply");
        let conflicts =
            try_apply(Some(&live), &deployment(json!({"replicas": 5})), "helm", false).expect_err("conflict");
        assert_eq!(
            Conflict::message(&conflicts),
            r#"Apply failed with 1 conflict: conflict with "kubectl-client-side-apply" using apps/v1: .spec.replicas"#
        );
    }

    #[test]
    fn items_that_are_no_longer_applied_go_unless_somebody_owns_them() {
        let pod = |containers: Value| deployment(json!({"template": {"spec": {"containers": containers}}}));
        let live = applied(None, &pod(json!([{"name": "a"}, {"name": "b"}, {"name": "c"}])), "helm");
        let shared = applied(Some(&live), &pod(json!([{"name": "b"}])), "argo");
        let pruned = applied(Some(&shared), &pod(json!([{"name": "c"}])), "helm");
        assert_eq!(pruned["spec"]["template"]["spec"]["containers"], json!([{"name": "b"}, {"name": "c"}]));
    }

    #[test]
    fn objects_that_nobody_manages_belong_to_before_first_apply() {
        let live = config_map(json!({"a": "1"}));
        let object = applied(Some(&live), &config_map(json!({"b": "2"})), "helm");
        assert_eq!(
            entries(&object),
            [
                entry("helm", "Apply", NOW, json!({"f:data": {"f:b": {}}})),
                entry("before-first-apply", "Update", NOW, json!({"f:data": {".": {}, "f:a": {}}})),
            ]
        );
    }

    #[test]
    fn kubectl_takes_over_from_client_side_apply() {
        let mut new = config_map(json!({"a": "1"}));
        let annotation = "kubectl.kubernetes.io/last-applied-configuration";
        new["metadata"]["annotations"] = json!({annotation: format!("{new}\n")});
        let live = updated(None, new, "kubectl-client-side-apply");
        let config = config_map(json!({"a": "2"}));
        assert!(try_apply(Some(&live), &config, "helm", false).is_err());
        let object = applied(Some(&live), &config, "kubectl");
        assert_eq!(object["data"], json!({"a": "2"}));
        assert_eq!(object["metadata"]["annotations"][annotation], json!(format!("{config}\n")));
    }

    fn any_data() -> impl Strategy<Value = Value> {
        let entries = prop::collection::btree_map("[a-d]", "[xyz]", 0..4);
        entries.prop_map(|entries| config_map(json!(entries)))
    }

    proptest! {
        #[test]
        fn applying_twice_changes_nothing(one in any_data(), two in any_data(), manager in "[ab]") {
            let live = applied(None, &one, "a");
            let once = try_apply(Some(&live), &two, &manager, true).expect("forced");
            prop_assert_eq!(try_apply(Some(&once), &two, &manager, false), Ok(once));
        }

        #[test]
        fn the_only_applier_gets_exactly_what_it_applies(one in any_data(), two in any_data()) {
            let live = applied(None, &one, "a");
            let object = applied(Some(&live), &two, "a");
            let left = object["data"].as_object().cloned().unwrap_or_default();
            prop_assert_eq!(json!(left), two["data"].clone());
        }

        #[test]
        fn what_another_applier_owns_stays(one in any_data(), two in any_data()) {
            let live = applied(None, &one, "a");
            let both = try_apply(Some(&live), &two, "b", true).expect("forced");
            let left = try_apply(Some(&both), &config_map(json!({})), "b", false).expect("nothing to conflict");
            for (key, value) in one["data"].as_object().into_iter().flatten() {
                if two["data"].get(key).is_none_or(|other| other == value) {
                    prop_assert_eq!(&left["data"][key], value);
                }
            }
        }
    }
}
