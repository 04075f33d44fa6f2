//! Who owned which fields before a run, given what has been noted since.

use super::is_controller;
use super::plan::{Item, Restore};
use serde_json::{Value, json};

/// The `metadata.managedFields` that an object is to have again: the former entries, and those of controllers and of
/// subresources as they are now.
pub(super) fn wanted(item: &Item, restore: &Restore, live: &Value) -> Value {
    let (former, live) = (entries(&restore.managers), entries(live));
    let now = |entry: &&Value| live.iter().find(|other| key(other) == key(entry)).copied();
    let is_of_run = |entry: &Value| {
        let manager = entry["manager"].as_str().unwrap_or_default();
        manager == item.manager || item.ours.iter().any(|ours| ours == manager)
    };
    let kept = former.iter().map(|entry| match now(entry) {
        Some(now) if is_noted(now) && !is_of_run(now) && now["time"].as_str() > entry["time"].as_str() => now,
        _ => *entry,
    });
    let new = live.iter().filter(|entry| !former.iter().any(|other| key(other) == key(entry)) && !is_of_run(entry));
    let wanted: Vec<Value> = kept.chain(new.copied()).cloned().collect();
    // An empty entry resets them; an empty list is not read as one.
    if wanted.is_empty() { json!([{}]) } else { Value::Array(wanted) }
}

/// Whether the same managers own the same fields, whatever the time.
pub(super) fn same(one: &Value, other: &Value) -> bool {
    let plain = |managers: &Value| {
        let mut all: Vec<String> =
            entries(managers).into_iter().filter(|entry| **entry != json!({})).map(timeless).collect();
        all.sort();
        all
    };
    plain(one) == plain(other)
}

fn timeless(entry: &Value) -> String {
    let mut entry = entry.clone();
    entry.as_object_mut().into_iter().for_each(|entry| drop(entry.remove("time")));
    entry.to_string()
}

fn entries(managers: &Value) -> Vec<&Value> {
    managers.as_array().into_iter().flatten().collect()
}

fn key(entry: &Value) -> [&Value; 4] {
    ["manager", "operation", "apiVersion", "subresource"].map(|field| &entry[field])
}

/// Whether the entry is of what a cluster notes in its objects by itself.
fn is_noted(entry: &Value) -> bool {
    !entry["subresource"].is_null() || is_controller(entry["manager"].as_str().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::record::History;
    use crate::run::undo::Action;
    use crate::run::undo::plan::plan;
    use crate::run::undo::plan::tests::{back, change, present};

    fn entry(manager: &str, time: &str, field: &str) -> Value {
        json!({"manager": manager, "operation": "Update", "apiVersion": "v1", "time": time, "fieldsV1": {field: {}}})
    }

    #[test]
    fn former_owners_come_back_and_controllers_keep_what_they_have_noted() {
        let mut status = entry("kubelet", "t1", "f:status");
        status["subresource"] = json!("status");
        let newer = json!({"manager": "kubelet", "operation": "Update", "apiVersion": "v1", "subresource": "status", "time": "t5", "fieldsV1": {}});
        let former = json!([entry("kubectl", "t1", "f:data"), status, entry("istiod", "t1", "f:a")]);
        let changes = vec![change(1, "x", "PATCH", present(former), back(json!({"data": {"x": "1"}})))];
        let item = plan(&History { id: "abc".into(), changes, ..History::default() }).items.remove(0);
        let Action::Restore(restore) = &item.action else { panic!("{item:?}") };
        let live = json!([
            entry("meshwright", "t3", "f:data"),
            entry("meshwright-undo-abc", "t4", "f:data"),
            newer,
            entry("istiod", "t4", "f:b"),
            entry("kube-controller-manager", "t4", "f:c"),
        ]);
        let wanted = wanted(&item, restore, &live);
        let expected = json!([
            entry("kubectl", "t1", "f:data"),
            newer,
            entry("istiod", "t4", "f:b"),
            entry("kube-controller-manager", "t4", "f:c"),
        ]);
        assert_eq!(wanted, expected);
    }

    #[test]
    fn the_same_owners_at_other_times_are_the_same() {
        assert!(same(
            &json!([entry("a", "t1", "f:x"), entry("b", "t1", "f:y")]),
            &json!([entry("b", "t2", "f:y"), entry("a", "t3", "f:x")])
        ));
        assert!(same(&Value::Null, &json!([{}])));
        assert!(!same(&json!([entry("a", "t1", "f:x")]), &json!([entry("a", "t1", "f:z")])));
    }
}
