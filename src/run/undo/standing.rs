//! How an object stands before it is taken back.

use super::plan::{Action, Item};
use super::{is_controller, owners};
use crate::cluster::Cluster;
use crate::cluster::layers::journal::{content_of, managers, writers};
use crate::cluster::layers::reverse;
use crate::cluster::request::reading;
use crate::failure::{Failure, Kind, Result};
use crate::object::Object;

/// How an object stands now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// As the run left it, or half taken back.
    Untouched,
    /// As it was before the run: nothing to do.
    Restored,
    /// It is gone, or another object has its name: nothing to do.
    Gone,
    /// These have changed it since.
    Changed(Vec<String>),
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
    Ok(judge(item, &live))
}

pub(super) fn judge(item: &Item, live: &Object) -> Standing {
    if live.uid() != item.uid {
        return Standing::Gone;
    }
    if is_restored(item, live) {
        return Standing::Restored;
    }
    if live.resource_version() == item.resource_version {
        return Standing::Untouched;
    }
    let manager = |writer: &str| writer.split(' ').next().unwrap_or_default().to_owned();
    let is_known = |writer: &String| {
        item.writers.contains(writer) || is_controller(&manager(writer)) || manager(writer) == item.manager
    };
    let new: Vec<String> = writers(live).into_iter().filter(|writer| !is_known(writer)).collect();
    if new.is_empty() { Standing::Untouched } else { Standing::Changed(new) }
}

fn is_restored(item: &Item, live: &Object) -> bool {
    let Action::Restore(restore) = &item.action else { return live.at("metadata.deletionTimestamp").is_some() };
    let (content, owners) = (content_of(live), managers(live));
    let has_fields = reverse::merged(content.clone(), &restore.back) == content;
    has_fields && (restore.managers.is_null() || owners::same(&owners::wanted(item, restore, &owners), &owners))
}

/// The failure of an undo that somebody else's changes stop.
pub fn refused(id: &str, changed: &[(Item, Vec<String>)]) -> Failure {
    let count = if changed.len() == 1 { "1 object was".to_owned() } else { format!("{} objects were", changed.len()) };
    let failure = Failure::new(Kind::Conflict, format!("{count} changed by somebody else since run {id}"));
    let failure = changed.iter().fold(failure, |failure, (item, who)| {
        failure.detail(format!("{}: {}: {}", item.cluster, item.object, who.join(", ")))
    });
    failure.hint("nothing was taken back; look at these objects and decide by hand")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::from_json;
    use crate::run::record::History;
    use crate::run::undo::plan::plan;
    use crate::run::undo::plan::tests::{back, change, present};
    use serde_json::{Value, json};

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
}
