//! `metadata.managedFields` read and written: who owns which fields since when; only this module uses it.
//!
//! Rules of k8s.io/apimachinery/pkg/util/managedfields.

use super::compare::Comparison;
use super::reconcile::reconcile;
use super::schema::Shape;
use super::set::Set;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// More update entries than this are merged into one, the oldest first.
const MAX_UPDATERS: usize = 10;
/// Who owns what merged entries owned.
const OLD_UPDATES: &str = "ancient-changes";

/// Who a `managedFields` entry is about. Updates in different versions are different managers, applies are not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Manager {
    /// The field manager's name.
    pub name: String,
    /// Whether it applies rather than updates.
    pub applies: bool,
    /// The version it updates in; empty when it applies.
    pub version: String,
    /// The subresource it writes to; empty for the object itself.
    pub subresource: String,
}

/// What a manager owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Owned {
    /// The fields.
    pub set: Set,
    /// The version the fields are those of.
    pub version: String,
    /// When the set last changed.
    pub time: Option<String>,
}

/// All managers of an object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Managers(pub BTreeMap<Manager, Owned>);

impl Manager {
    /// A manager that applies.
    pub fn applying(name: &str, subresource: &str) -> Manager {
        Manager { name: named(name), applies: true, version: String::new(), subresource: subresource.to_owned() }
    }

    /// A manager that creates, updates or patches.
    pub fn updating(name: &str, version: &str, subresource: &str) -> Manager {
        let (version, subresource) = (version.to_owned(), subresource.to_owned());
        Manager { name: named(name), applies: false, version, subresource }
    }

    fn operation(&self) -> &'static str {
        if self.applies { "Apply" } else { "Update" }
    }
}

fn named(name: &str) -> String {
    if name.is_empty() { "unknown".to_owned() } else { name.to_owned() }
}

impl Managers {
    /// The managers of an object; none when the entries make no sense.
    pub fn of(object: &Value) -> Managers {
        Managers::read(&object["metadata"]["managedFields"]).unwrap_or_default()
    }

    fn read(entries: &Value) -> Option<Managers> {
        entries.as_array()?.iter().map(read_entry).collect::<Option<_>>().map(Managers)
    }

    /// The managers after a write of `new` over `live`: what the client says about them counts on the object itself,
    /// and an empty entry resets them; so does an empty list, except for custom resources.
    pub fn sent(live: Option<&Value>, new: &Value, subresource: &str, typed: bool) -> Managers {
        let sent = &new["metadata"]["managedFields"];
        if subresource.is_empty() && ((typed && *sent == json!([])) || *sent == json!([{}])) {
            return Managers::default();
        }
        let read = Managers::read(sent).filter(|managers| subresource.is_empty() && !managers.0.is_empty());
        read.or_else(|| live.map(Managers::of)).unwrap_or_default()
    }

    /// Puts the entries into the object, or takes them out when there are none.
    pub fn write_to(&self, object: &mut Value) {
        strip(object);
        let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else { return };
        if !self.0.is_empty() {
            metadata.insert("managedFields".to_owned(), self.to_json());
        }
    }

    /// The entries in the API server's order: by operation, second, name, version and subresource.
    fn to_json(&self) -> Value {
        let mut entries: Vec<_> = self.0.iter().collect();
        entries.sort_by_key(|(manager, owned)| {
            (!manager.applies, owned.time.clone(), &manager.name, &owned.version, &manager.subresource)
        });
        entries.into_iter().map(|(manager, owned)| write_entry(manager, owned)).collect()
    }

    /// Adapts what was owned to the schema of today.
    pub fn reconcile(&mut self, shape: &Shape) {
        self.0.values_mut().for_each(|owned| owned.set = reconcile(&owned.set, shape));
    }

    /// Takes from everybody what has changed or is gone; who owns nothing any more goes.
    pub fn lose(&mut self, change: &Comparison) {
        let lost = change.changed().union(&change.removed);
        self.0.values_mut().for_each(|owned| owned.set = owned.set.difference(&lost));
        self.0.retain(|_, owned| !owned.set.is_empty());
    }

    /// Merges the oldest updaters of a version while there are too many.
    pub fn cap_updaters(&mut self) {
        let mut updaters: Vec<_> = self.0.keys().filter(|manager| !manager.applies).cloned().collect();
        updaters.sort_by_key(|manager| (self.0.get(manager).and_then(|owned| owned.time.clone()), manager.clone()));
        let mut excess = updaters.len().saturating_sub(MAX_UPDATERS);
        let mut first_of: BTreeMap<String, Manager> = BTreeMap::new();
        for manager in updaters {
            if excess == 0 {
                return;
            }
            match first_of.get(&manager.version) {
                Some(first) => {
                    self.merge_old(&first.clone(), &manager);
                    excess -= 1;
                }
                None => drop(first_of.insert(manager.version.clone(), manager)),
            }
        }
    }

    fn merge_old(&mut self, first: &Manager, manager: &Manager) {
        let bucket = Manager::updating(OLD_UPDATES, &manager.version, "");
        if !self.0.contains_key(&bucket)
            && let Some(owned) = self.0.remove(first)
        {
            self.0.insert(bucket.clone(), owned);
        }
        let Some(owned) = self.0.remove(manager) else { return };
        let entry = self.0.entry(bucket).or_insert_with(|| Owned { set: Set::default(), ..owned.clone() });
        entry.set = entry.set.union(&owned.set);
        entry.time = owned.time;
    }
}

/// The fields that nobody owns: what identifies the object and what the server keeps about it.
pub(super) fn unowned() -> Set {
    Set::of_fields(&[
        &["apiVersion"],
        &["kind"],
        &["metadata"],
        &["metadata", "name"],
        &["metadata", "namespace"],
        &["metadata", "creationTimestamp"],
        &["metadata", "selfLink"],
        &["metadata", "uid"],
        &["metadata", "clusterName"],
        &["metadata", "generation"],
        &["metadata", "managedFields"],
        &["metadata", "resourceVersion"],
    ])
}

/// The object without its `managedFields`.
pub(super) fn strip(object: &mut Value) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
}

/// Drops empty metadata, as the server's decoder does.
pub(super) fn drop_empty_metadata(object: &mut Value) {
    let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    metadata.retain(|name, value| {
        let collection = ["labels", "annotations", "finalizers", "ownerReferences"].contains(&name.as_str());
        !(collection && (value.is_null() || *value == json!({}) || *value == json!([])))
    });
}

/// Goes back to the live object when the new one differs only in the times of its entries, so that a write without
/// effect is none. Go types know no difference between an empty collection and none.
pub(super) fn keep_times(live: &Value, new: &mut Value, typed: bool) {
    if !new["metadata"]["managedFields"].is_array() {
        return;
    }
    let core = |object: &Value| {
        let object = without_times(object);
        if typed { without_empty(object) } else { object }
    };
    if core(live) == core(new) {
        *new = live.clone();
    }
}

fn without_times(object: &Value) -> Value {
    let mut object = object.clone();
    let entries = object["metadata"]["managedFields"].as_array_mut().into_iter().flatten();
    for entry in entries.filter_map(Value::as_object_mut) {
        entry.remove("time");
        // As text: empty maps say something here.
        let fields = entry.get("fieldsV1").map(Value::to_string);
        entry.insert("fieldsV1".to_owned(), json!(fields));
    }
    object
}

fn without_empty(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let entries = map.into_iter().map(|(name, value)| (name, without_empty(value)));
            let kept = entries.filter(|(_, value)| !(value.is_null() || *value == json!({}) || *value == json!([])));
            Value::Object(kept.collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(without_empty).collect()),
        other => other,
    }
}

fn read_entry(entry: &Value) -> Option<(Manager, Owned)> {
    let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default();
    let version = Some(text("apiVersion")).filter(|version| !version.is_empty())?;
    let manager = match text("operation") {
        "Apply" => Manager { name: text("manager").to_owned(), ..Manager::applying("", text("subresource")) },
        "Update" => Manager { name: text("manager").to_owned(), ..Manager::updating("", version, text("subresource")) },
        _ => return None,
    };
    if text("fieldsType") != "FieldsV1" {
        return None;
    }
    let set = Set::from_json(&entry["fieldsV1"]);
    let time = entry.get("time").and_then(Value::as_str).map(str::to_owned);
    Some((manager, Owned { set, version: version.to_owned(), time }))
}

fn write_entry(manager: &Manager, owned: &Owned) -> Value {
    let fields = owned.set.to_json();
    let mut entry = Map::new();
    entry.insert("manager".to_owned(), json!(manager.name));
    entry.insert("operation".to_owned(), json!(manager.operation()));
    entry.insert("apiVersion".to_owned(), json!(owned.version));
    entry.extend(owned.time.as_ref().map(|time| ("time".to_owned(), json!(time))));
    entry.insert("fieldsType".to_owned(), json!("FieldsV1"));
    entry.insert("fieldsV1".to_owned(), fields);
    if !manager.subresource.is_empty() {
        entry.insert("subresource".to_owned(), json!(manager.subresource));
    }
    Value::Object(entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, operation: &str, time: &str) -> Value {
        json!({"manager": name, "operation": operation, "apiVersion": "v1", "time": time,
            "fieldsType": "FieldsV1", "fieldsV1": {"f:data": {format!("f:{name}"): {}}}})
    }

    fn object(entries: Vec<Value>) -> Value {
        json!({"metadata": {"name": "x", "managedFields": entries}})
    }

    fn names(managers: &Managers) -> Vec<String> {
        let mut object = object(vec![]);
        managers.write_to(&mut object);
        let entries = object["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
        entries.iter().map(|entry| entry["manager"].as_str().expect("name").to_owned()).collect()
    }

    #[test]
    fn entries_come_back_sorted_by_operation_time_and_name() {
        let managers = Managers::of(&object(vec![
            entry("u1", "Update", "2026-01-02T00:00:00Z"),
            entry("b", "Apply", "2026-01-03T00:00:00Z"),
            entry("u0", "Update", "2026-01-01T00:00:00Z"),
            entry("a", "Apply", "2026-01-03T00:00:00Z"),
        ]));
        assert_eq!(names(&managers), ["a", "b", "u0", "u1"]);
    }

    #[test]
    fn entries_that_make_no_sense_count_as_none() {
        let mut broken = entry("a", "Apply", "2026-01-03T00:00:00Z");
        broken["operation"] = json!("Guess");
        assert_eq!(Managers::of(&object(vec![broken])), Managers::default());
    }

    #[test]
    fn the_client_can_reset_but_not_lose_the_managers() {
        let live = object(vec![entry("a", "Apply", "2026-01-03T00:00:00Z")]);
        let unaware = json!({"metadata": {"name": "x"}});
        assert_eq!(names(&Managers::sent(Some(&live), &unaware, "", true)), ["a"]);
        assert_eq!(Managers::sent(Some(&live), &object(vec![]), "", true), Managers::default());
        assert_eq!(Managers::sent(Some(&live), &object(vec![json!({})]), "", false), Managers::default());
        assert_eq!(names(&Managers::sent(Some(&live), &object(vec![]), "", false)), ["a"]);
        assert_eq!(names(&Managers::sent(Some(&live), &object(vec![]), "status", true)), ["a"]);
    }

    #[test]
    fn more_than_ten_updaters_become_ancient_changes() {
        let entries = (0..12).map(|i| entry(&format!("u{i:02}"), "Update", &format!("2026-01-{:02}T00:00:00Z", i + 1)));
        let mut managers = Managers::of(&object(entries.collect()));
        managers.cap_updaters();
        assert_eq!(names(&managers)[0], OLD_UPDATES);
        assert_eq!(managers.0.len(), MAX_UPDATERS);
        let ancient = &managers.0[&Manager::updating(OLD_UPDATES, "v1", "")];
        assert_eq!(ancient.set, Set::of_fields(&[&["data", "u00"], &["data", "u01"], &["data", "u02"]]));
        assert_eq!(ancient.time.as_deref(), Some("2026-01-03T00:00:00Z"));
    }
}
