//! Taking a run back: what it created is deleted, what it changed gets its former fields, in reverse order; what somebody
//! else has changed since is left alone.

use super::record::{Change, History};
use crate::cluster::Cluster;
use crate::cluster::layers::journal::{Before, Note, writers};
use crate::cluster::layers::reverse;
use crate::cluster::request::{changing, reading};
use crate::failure::{Failure, Kind, Result};
use crate::object::Object;
use serde_json::{Value, json};

/// Software of the cluster and of the mesh that goes on writing into objects it looks after.
const CONTROLLERS: &[&str] = &[
    "kube-controller-manager",
    "kube-apiserver",
    "kube-scheduler",
    "kubelet",
    "cloud-controller-manager",
    "pilot-discovery",
    "istiod",
];

/// What takes a change back.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// The object is deleted.
    Delete,
    /// The object gets this merge patch.
    Restore(Value),
}

/// One object that is to be as it was.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// The context.
    pub cluster: String,
    /// The object's path.
    pub path: String,
    /// `Kind namespace/name`.
    pub object: String,
    /// The uid it must have.
    pub uid: String,
    /// What is to be done.
    pub action: Action,
    resource_version: String,
    writers: Vec<String>,
}

/// What an undo would do.
#[derive(Debug, Default)]
pub struct Plan {
    /// In the order of doing.
    pub items: Vec<Item>,
    /// What cannot be taken back, and why.
    pub lost: Vec<String>,
}

/// What takes this run back, as far as its journal tells.
pub fn plan(run: &History) -> Plan {
    let mut plan = Plan::default();
    for note in &run.notes {
        if let Note::Exec { command, .. } = note {
            plan.lost.push(format!("the program `{command}` was run"));
        }
    }
    let mut seen: Vec<(&str, String)> = Vec::new();
    for change in run.changes.iter().rev() {
        let key = (change.intent.cluster.as_str(), change.path());
        if !seen.contains(&key) {
            seen.push(key.clone());
            let same = |other: &&Change| (other.intent.cluster.as_str(), other.path()) == key;
            take_back(&run.changes.iter().filter(same).collect::<Vec<_>>(), &mut plan);
        }
    }
    plan
}

/// Takes back all changes of one object.
fn take_back(changes: &[&Change], plan: &mut Plan) {
    let done: Vec<&&Change> = changes.iter().filter(|change| !change.is_void()).collect();
    let (Some(first), Some(last)) = (done.first(), done.last()) else { return };
    let title = format!("{}: {}", last.intent.cluster, last.intent.object);
    if done.iter().any(|change| change.outcome.as_ref().is_some_and(|outcome| outcome.lost)) {
        plan.lost.push(format!("{title}: the former contents of a Secret are not kept"));
    }
    let created = first.word() == "created";
    match last.word() {
        "deleted" if created => return,
        "deleted" => return plan.lost.push(format!("{title} was deleted")),
        "unknown" => return plan.lost.push(format!("{title}: nobody knows whether it was changed; look at it")),
        _ => {}
    }
    let Some(outcome) = &last.outcome else { return };
    let back = done.iter().rev().filter_map(|change| change.outcome.as_ref()?.back.clone());
    let back = back.reduce(|newer, older| reverse::both(newer, &older));
    let action = match back {
        _ if created => Action::Delete,
        Some(back) if back.to_string().contains("‹secret") => {
            return plan.lost.push(format!("{title}: its former fields hold a secret, which is not kept"));
        }
        Some(back) => Action::Restore(back),
        None if matches!(first.intent.before, Before::Unknown) => {
            return plan.lost.push(format!("{title}: nobody has looked at it before it was changed"));
        }
        None => return,
    };
    plan.items.push(Item {
        cluster: last.intent.cluster.clone(),
        path: last.path().to_owned(),
        object: last.intent.object.clone(),
        uid: outcome.uid.clone(),
        action,
        resource_version: outcome.resource_version.clone(),
        writers: outcome.writers.clone(),
    });
}

/// How an object stands now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// As the run left it.
    Untouched,
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

fn judge(item: &Item, live: &Object) -> Standing {
    if live.uid() != item.uid {
        return Standing::Gone;
    }
    if live.resource_version() == item.resource_version {
        return Standing::Untouched;
    }
    let is_controller = |writer: &String| CONTROLLERS.iter().any(|name| writer.starts_with(&format!("{name} ")));
    let new: Vec<String> =
        writers(live).into_iter().filter(|writer| !item.writers.contains(writer) && !is_controller(writer)).collect();
    if new.is_empty() { Standing::Untouched } else { Standing::Changed(new) }
}

/// Takes one item back.
///
/// # Errors
/// When the server refuses; an object that is gone meanwhile is none.
pub async fn carry_out(cluster: &Cluster, item: &Item) -> Result<()> {
    let former = match cluster.send(reading(&item.path)?).await {
        Err(failure) if failure.kind == Kind::NotFound => return Ok(()),
        live => live?,
    };
    let request = match &item.action {
        Action::Delete => {
            let body = json!({"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background", "preconditions": {"uid": item.uid}});
            changing(http::Method::DELETE, &item.path, &item.object, &body, &former)?
        }
        Action::Restore(back) => {
            let mut body = back.clone();
            // Nobody may come between the look and the patch.
            body["metadata"]["uid"] = json!(item.uid);
            body["metadata"]["resourceVersion"] = json!(former.resource_version());
            changing(http::Method::PATCH, &item.path, &item.object, &body, &former)?
        }
    };
    match cluster.send(request).await {
        Err(failure) if failure.kind == Kind::NotFound && item.action == Action::Delete => Ok(()),
        answer => answer.map(drop),
    }
}

/// The failure of an undo that somebody else's changes stop.
pub fn refused(id: &str, changed: &[(Item, Vec<String>)]) -> Failure {
    let failure = Failure::new(Kind::Conflict, format!("{} objects were changed since run {id}", changed.len()));
    let failure = changed.iter().fold(failure, |failure, (item, who)| {
        failure.detail(format!("{}: {}: {}", item.cluster, item.object, who.join(", ")))
    });
    failure.hint("nothing was taken back; look at these objects and decide by hand")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::layers::journal::{Intent, Outcome};
    use crate::object::from_json;

    fn change(id: u64, name: &str, method: &str, before: Before, outcome: Outcome) -> Change {
        let intent = Intent {
            id,
            cluster: "east".into(),
            method: method.into(),
            path: format!("/api/v1/namespaces/a/configmaps/{name}?x=1"),
            object: format!("ConfigMap a/{name}"),
            before,
            ..Intent::default()
        };
        Change {
            intent,
            outcome: Some(Outcome { id, status: Some(200), uid: "u".into(), ..outcome }),
            repeated: 0,
            step: String::new(),
        }
    }

    fn present() -> Before {
        Before::Present { uid: "u".into(), resource_version: "1".into(), content: Value::Null, managers: Value::Null }
    }

    fn back(value: Value) -> Outcome {
        Outcome { back: Some(value), resource_version: "9".into(), ..Outcome::default() }
    }

    #[test]
    fn the_last_made_goes_first_and_changes_add_up() {
        let changes = vec![
            change(1, "mine", "PATCH", Before::Absent, Outcome::default()),
            change(2, "theirs", "PATCH", present(), back(json!({"data": {"x": "1"}}))),
            change(3, "theirs", "PATCH", present(), back(json!({"data": {"x": "2", "y": null}}))),
            change(4, "old", "DELETE", present(), Outcome::default()),
            change(5, "passing", "PATCH", Before::Absent, Outcome::default()),
            change(6, "passing", "DELETE", present(), Outcome::default()),
        ];
        let plan = plan(&History { changes, ..History::default() });
        let done: Vec<(&str, &Action)> = plan.items.iter().map(|item| (item.object.as_str(), &item.action)).collect();
        let restored = Action::Restore(json!({"data": {"x": "1", "y": null}}));
        assert_eq!(done, [("ConfigMap a/theirs", &restored), ("ConfigMap a/mine", &Action::Delete)]);
        assert_eq!(plan.lost, ["east: ConfigMap a/old was deleted"]);
    }

    #[test]
    fn what_somebody_else_has_changed_is_told() {
        let changes = vec![change(1, "theirs", "PATCH", present(), back(json!({"data": null})))];
        let item = plan(&History { changes, ..History::default() }).items.remove(0);
        let live = |uid: &str, version: &str, manager: &str| {
            let text = json!({"metadata": {"uid": uid, "resourceVersion": version, "managedFields": [{"manager": manager, "operation": "Update", "time": "t"}]}});
            from_json(text.to_string().as_bytes()).expect("json")
        };
        assert_eq!(judge(&item, &live("u", "9", "kubectl-edit")), Standing::Untouched);
        assert_eq!(
            judge(&item, &live("u", "10", "kubectl-edit")),
            Standing::Changed(vec!["kubectl-edit Update t".into()])
        );
        assert_eq!(judge(&item, &live("u", "10", "kube-controller-manager")), Standing::Untouched);
        assert_eq!(judge(&item, &live("other", "10", "kubectl-edit")), Standing::Gone);
    }
}
