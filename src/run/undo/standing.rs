//! How an object stands before it is taken back.

use super::contents;
use super::except::name_of;
use super::plan::{Action, Item};
use super::{is_controller, owners};
use crate::cluster::Cluster;
use crate::cluster::layers::journal::{content_of, managers, owned_by};
use crate::cluster::layers::reverse;
use crate::cluster::request::reading;
use crate::failure::{Failure, Kind, Result};
use crate::object::Object;
use serde_json::Value;

/// So many strange objects are named.
const MOST_NAMED: usize = 5;

/// How an object stands now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// As the run left it, or half taken back.
    Untouched,
    /// As it was before the run: nothing to do.
    Restored,
    /// The cluster is deleting it, as is to be done.
    Going,
    /// It is gone, or another object has its name: nothing to do.
    Gone,
    /// These have changed it since.
    Changed(Vec<String>),
    /// These objects of others would go with it.
    Holds(Vec<String>),
}

impl Standing {
    /// Why the object must not be touched, as it goes on after its name.
    pub fn objection(&self) -> Option<String> {
        match self {
            Standing::Changed(who) => Some(format!("was changed since by {}", who.join(", "))),
            Standing::Holds(what) => Some(format!("holds what this run has not made: {}", some(what))),
            _ => None,
        }
    }
}

/// The first of many.
fn some(names: &[String]) -> String {
    let shown = names.iter().take(MOST_NAMED).map(|name| crate::plain::line(name, 200)).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(MOST_NAMED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// Looks at an object before it is touched.
///
/// # Errors
/// When the cluster does not answer.
pub async fn standing(cluster: &Cluster, item: &Item) -> Result<Standing> {
    let live = match cluster.send(reading(&item.path)?).await {
        Ok(live) => live,
        Err(failure) if failure.kind == Kind::NotFound => return Ok(Standing::Gone),
        Err(failure) => return Err(failure),
    };
    whole(cluster, item, judge(item, &live)).await
}

/// The same, unless objects of others would be deleted with it.
pub(super) async fn whole(cluster: &Cluster, item: &Item, standing: Standing) -> Result<Standing> {
    if standing != Standing::Untouched {
        return Ok(standing);
    }
    let strangers = contents::strangers(cluster, item).await?;
    Ok(if strangers.is_empty() { standing } else { Standing::Holds(strangers) })
}

pub(super) fn judge(item: &Item, live: &Object) -> Standing {
    if live.uid() != item.uid {
        return Standing::Gone;
    }
    if item.action == Action::Delete && live.at("metadata.deletionTimestamp").is_some() {
        return Standing::Going;
    }
    if is_restored(item, live) {
        return Standing::Restored;
    }
    if live.resource_version() == item.resource_version {
        return Standing::Untouched;
    }
    let managers = managers(live);
    let is_whole = item.action == Action::Delete && has_its_fields(item, &managers);
    let entries = managers.as_array().into_iter().flatten().filter(|entry| !(is_whole && is_about_metadata(entry)));
    let new: Vec<String> = entries.filter_map(|entry| new_writer(item, entry)).collect();
    if new.is_empty() { Standing::Untouched } else { Standing::Changed(new) }
}

/// Whether the run still owns every field that it did when it was done with the object.
fn has_its_fields(item: &Item, managers: &Value) -> bool {
    let of = |manager: &String| !item.owned.is_empty() && owned_by(managers, manager) == item.owned;
    item.ours.iter().any(of)
}

/// Whether an entry owns metadata only: what operators note in objects, whoever has made them.
fn is_about_metadata(entry: &Value) -> bool {
    entry["fieldsV1"].as_object().is_some_and(|fields| fields.keys().all(|field| field == "f:metadata"))
}

/// Who has written this entry since, if somebody has.
fn new_writer(item: &Item, entry: &Value) -> Option<String> {
    let text = |field: &str| entry[field].as_str().unwrap_or_default();
    let (manager, subresource, time) = (text("manager"), text("subresource"), text("time"));
    let writer = format!("{manager} {} {time}", text("operation"));
    let is_noise = subresource == "status" || is_controller(manager) || manager == item.manager;
    // The answer to a change of a subresource does not say what was noted of it.
    let is_ours = !subresource.is_empty() && item.ours.iter().any(|ours| ours == manager) && is_by(time, &item.time);
    (!is_noise && !is_ours && !item.writers.contains(&writer)).then_some(writer)
}

/// Whether a cluster has noted a time no later than this one of ours; clocks differ a little.
fn is_by(noted: &str, ours: &str) -> bool {
    let (Ok(noted), Ok(ours)) = (noted.parse::<jiff::Timestamp>(), ours.parse::<jiff::Timestamp>()) else {
        return false;
    };
    noted <= ours + jiff::SignedDuration::from_secs(2)
}

fn is_restored(item: &Item, live: &Object) -> bool {
    let Action::Restore(restore) = &item.action else { return false };
    let (content, owners) = (content_of(live), managers(live));
    let has_fields = reverse::merged(content.clone(), &restore.back) == content;
    has_fields && (restore.managers.is_null() || owners::same(&owners::wanted(item, restore, &owners), &owners))
}

/// The failure of an undo that others' objects and changes stop, with what is said of each.
pub fn refused(id: &str, stopped: &[(Item, String)]) -> Failure {
    let count = if stopped.len() == 1 { "1 object".to_owned() } else { format!("{} objects", stopped.len()) };
    let message = format!("what others have done since run {id} stops the undo: {count}");
    let failure = stopped.iter().fold(Failure::new(Kind::Conflict, message), |failure, (item, why)| {
        failure.detail(format!("{}: {} {why}", item.cluster, item.object))
    });
    let without: Vec<String> = stopped.iter().map(|(item, _)| format!("--except {}", name_of(item))).collect();
    let by_hand = "nothing was taken back; look at these objects and decide by hand";
    failure.hint(format!("{by_hand}; to leave them as they are and go on: {}", without.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::from_json;
    use crate::run::record::History;
    use crate::run::undo::plan::plan;
    use crate::run::undo::plan::tests::{back, change, present};
    use serde_json::json;

    fn live(uid: &str, version: &str, manager: &str, data: Value) -> Object {
        let entries = json!([{"manager": manager, "operation": "Update", "time": "t"}]);
        let text =
            json!({"metadata": {"uid": uid, "resourceVersion": version, "managedFields": entries}, "data": data});
        from_json(text.to_string().as_bytes()).expect("json")
    }

    fn item() -> Item {
        let changes = vec![change(1, "theirs", "PATCH", present(Value::Null), back(json!({"data": {"x": null}})))];
        plan(&History { id: "abc".into(), changes, ..History::default() }).items.remove(0)
    }

    #[test]
    fn what_somebody_else_has_changed_is_told() {
        let (item, data) = (item(), json!({"x": "1"}));
        let judged = |uid, version, manager| judge(&item, &live(uid, version, manager, data.clone()));
        assert_eq!(judged("u", "9", "kubectl-edit"), Standing::Untouched);
        assert_eq!(judged("u", "10", "kubectl-edit"), Standing::Changed(vec!["kubectl-edit Update t".into()]));
        assert_eq!(judged("u", "10", "kube-controller-manager"), Standing::Untouched);
        assert_eq!(judged("other", "10", "kubectl-edit"), Standing::Gone);
    }

    #[test]
    fn what_an_earlier_try_has_done_counts() {
        let item = item();
        let untouched = live("u", "10", "meshwright-undo-abc", json!({"x": "1"}));
        assert_eq!(judge(&item, &untouched), Standing::Untouched);
        let other = live("u", "10", "meshwright-undo-def", json!({"x": "1"}));
        assert_eq!(judge(&item, &other), Standing::Changed(vec!["meshwright-undo-def Update t".into()]));
        assert_eq!(judge(&item, &live("u", "10", "kubectl", json!({"y": "1"}))), Standing::Restored);
    }

    #[test]
    fn what_operators_note_in_an_object_that_the_run_made_is_no_change_of_its_fields() {
        let ours = |fields: Value| json!({"manager": "meshwright", "operation": "Apply", "apiVersion": "v1", "time": "t", "fieldsV1": fields});
        let theirs = |fields: Value| json!({"manager": "some-operator", "operation": "Update", "time": "t2", "fieldsV1": fields});
        let made = json!({"f:data": {"f:a": {}}});
        let outcome = crate::cluster::layers::journal::Outcome {
            resource_version: "9".into(),
            writers: vec!["meshwright Apply t".into()],
            owned: owned_by(&json!([ours(made.clone())]), "meshwright"),
            ..Default::default()
        };
        let changes = vec![change(1, "x", "PATCH", crate::cluster::layers::journal::Before::Absent, outcome)];
        let item = plan(&History { id: "abc".into(), changes, ..History::default() }).items.remove(0);
        let judged = |ours: Value, theirs: Value| {
            let text = json!({"metadata": {"uid": "u", "resourceVersion": "12", "managedFields": [ours, theirs]}});
            judge(&item, &from_json(text.to_string().as_bytes()).expect("json"))
        };
        let noted = json!({"f:metadata": {"f:annotations": {"f:seen": {}}}});
        assert_eq!(judged(ours(made.clone()), theirs(noted.clone())), Standing::Untouched);
        let told = Standing::Changed(vec!["some-operator Update t2".into()]);
        assert_eq!(judged(ours(made), theirs(json!({"f:data": {"f:b": {}}}))), told, "somebody's own data");
        assert_eq!(judged(ours(json!({})), theirs(noted)), told, "a field of ours was taken");
    }

    #[test]
    fn distributions_are_controllers() {
        let item = item();
        for manager in ["k3s", "kubelite", "azure-cloud-controller-manager"] {
            assert_eq!(judge(&item, &live("u", "10", manager, json!({"x": "1"}))), Standing::Untouched, "{manager}");
        }
    }

    #[test]
    fn who_has_scaled_since_is_told() {
        let entry = |manager: &str, subresource: &str, second: u32| json!({"manager": manager, "operation": "Update", "subresource": subresource, "time": format!("2026-01-02T03:04:{second:02}Z")});
        let before = json!([{"manager": "kubectl", "operation": "Apply", "time": "2026-01-02T03:04:01Z"}]);
        let scaled = crate::cluster::layers::journal::Outcome {
            time: "2026-01-02T03:04:05.250Z".into(),
            ..back(json!({"spec": {"replicas": 1}}))
        };
        let changes = vec![change(1, "x", "PATCH", present(before.clone()), scaled)];
        let item = plan(&History { id: "abc".into(), changes, ..History::default() }).items.remove(0);
        let judged = |more: Value| {
            let entries: Vec<Value> = before.as_array().into_iter().flatten().cloned().chain([more]).collect();
            let text = json!({"metadata": {"uid": "u", "resourceVersion": "12", "managedFields": entries}, "spec": {"replicas": 3}});
            judge(&item, &from_json(text.to_string().as_bytes()).expect("json"))
        };
        assert_eq!(judged(entry("meshwright", "scale", 5)), Standing::Untouched);
        assert_eq!(judged(entry("kube-controller-manager", "status", 9)), Standing::Untouched);
        assert!(matches!(judged(entry("meshwright", "scale", 30)), Standing::Changed(_)), "another run of ours");
        assert!(matches!(judged(entry("kubectl", "scale", 9)), Standing::Changed(_)));
    }
}
