//! What an undo would do, as far as the run's journal tells.

use super::NOT_KEPT;
use crate::cluster::layers::journal::{Before, Note, writers_in};
use crate::cluster::layers::reverse;
use crate::run::record::{Change, History};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What takes a change back.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// The object is deleted.
    Delete,
    /// The object gets its former fields.
    Restore(Restore),
}

/// The former fields of an object.
#[derive(Debug, Clone, PartialEq)]
pub struct Restore {
    /// The merge patch that brings them back.
    pub back: Value,
    /// The former `metadata.managedFields`; null when they are not known.
    pub(super) managers: Value,
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
    /// The field manager that the undo writes as, until the former ones have their fields back.
    pub(super) manager: String,
    /// The field managers that the run has written as.
    pub(super) ours: Vec<String>,
    pub(super) resource_version: String,
    /// Who had written when the run was done with it.
    pub(super) writers: Vec<String>,
    /// When that was, RFC 3339.
    pub(super) time: String,
    /// Which fields were its own then, as a digest; empty when that is not known.
    pub(super) owned: String,
    /// The uids of everything that the run has made in the cluster.
    pub(super) made: BTreeSet<String>,
}

/// What an undo would do.
#[derive(Debug, Default)]
pub struct Plan {
    /// In the order of doing.
    pub items: Vec<Item>,
    /// What cannot be taken back, and why.
    pub lost: Vec<String>,
}

/// What takes this run back.
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
            let same = |other: &&Change| (other.intent.cluster.as_str(), other.path()) == key;
            take_back(run, &run.changes.iter().filter(same).collect::<Vec<_>>(), &mut plan);
            seen.push(key);
        }
    }
    let made = |item: &&Item| item.action == Action::Delete;
    let made: Vec<(String, String)> =
        plan.items.iter().filter(made).map(|item| (item.cluster.clone(), item.uid.clone())).collect();
    for item in &mut plan.items {
        let here = made.iter().filter(|(cluster, _)| *cluster == item.cluster);
        item.made = here.map(|(_, uid)| uid.clone()).collect();
    }
    plan
}

/// Takes back all changes of one object.
fn take_back(run: &History, changes: &[&Change], plan: &mut Plan) {
    let done: Vec<&Change> = changes.iter().filter(|change| !change.is_void()).copied().collect();
    let (Some(first), Some(last)) = (done.first(), done.last()) else { return };
    let title = format!("{}: {}", last.intent.cluster, last.intent.object);
    let created = first.word() == "created";
    match last.word() {
        "deleted" if created => return,
        "deleted" => return plan.lost.push(format!("{title} was deleted")),
        _ if !created && done.iter().any(|change| change.word() == "deleted") => {
            return plan.lost.push(format!("{title} was deleted and made anew"));
        }
        "unknown" => return plan.lost.push(format!("{title}: nobody knows whether it was changed; look at it")),
        _ => {}
    }
    let action = match created {
        true => Action::Delete,
        false => match restore(&done) {
            Ok(Some(restore)) => Action::Restore(restore),
            Ok(None) => return,
            Err(why) => return plan.lost.push(format!("{title}: {why}")),
        },
    };
    let Some(outcome) = &last.outcome else { return };
    if run.in_hand.contains(&last.intent.cluster) {
        return plan.lost.push(format!("{title}: {NOT_KEPT}"));
    }
    plan.items.push(Item {
        cluster: last.intent.cluster.clone(),
        path: last.path(),
        object: last.intent.object.clone(),
        uid: outcome.uid.clone(),
        action,
        manager: format!("meshwright-undo-{}", run.id),
        ours: done.iter().map(|change| change.intent.manager().to_owned()).collect(),
        resource_version: outcome.resource_version.clone(),
        writers: writers(&done),
        time: outcome.time.clone(),
        owned: outcome.owned.clone(),
        made: BTreeSet::new(),
    });
}

/// Who has written an object before the run and in it. The answers to changes of a subresource do not say that.
fn writers(done: &[&Change]) -> Vec<String> {
    let before = done.iter().filter_map(|change| match &change.intent.before {
        Before::Present { managers, .. } => Some(writers_in(managers)),
        _ => None,
    });
    let after = done.iter().filter_map(|change| change.outcome.as_ref()).map(|outcome| outcome.writers.clone());
    before.chain(after).flatten().collect()
}

/// What gives an object its former fields; nothing when they are as they were; why it cannot be done.
fn restore(done: &[&Change]) -> Result<Option<Restore>, &'static str> {
    let outcomes = || done.iter().filter_map(|change| change.outcome.as_ref());
    if outcomes().any(|outcome| outcome.lost) {
        return Err("the former contents of a Secret are not kept");
    }
    let managers = match done.first().map(|first| &first.intent.before) {
        Some(Before::Present { managers, .. }) => managers.clone(),
        _ => Value::Null,
    };
    let back = outcomes().rev().filter_map(|outcome| outcome.back.clone());
    let back = back.reduce(|newer, older| reverse::both(newer, &older));
    match back {
        Some(back) if back.to_string().contains("‹secret") => {
            Err("its former fields hold a secret, which is not kept")
        }
        Some(back) => Ok(Some(Restore { back, managers })),
        None if done.iter().any(|change| matches!(change.intent.before, Before::Unknown)) => {
            Err("nobody has looked at it before it was changed")
        }
        // Only the owners of its fields are others.
        None if managers.is_array() => Ok(Some(Restore { back: json!({}), managers })),
        None => Ok(None),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::cluster::layers::journal::{Intent, Outcome};

    pub(in crate::run::undo) fn change(id: u64, name: &str, method: &str, before: Before, outcome: Outcome) -> Change {
        let intent = Intent {
            id,
            cluster: "east".into(),
            method: method.into(),
            path: format!("/api/v1/namespaces/a/configmaps/{name}?fieldManager=meshwright"),
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

    pub(in crate::run::undo) fn present(managers: Value) -> Before {
        Before::Present { uid: "u".into(), resource_version: "1".into(), content: Value::Null, managers }
    }

    pub(in crate::run::undo) fn back(value: Value) -> Outcome {
        Outcome { back: Some(value), resource_version: "9".into(), ..Outcome::default() }
    }

    fn of(changes: Vec<Change>) -> Plan {
        plan(&History { changes, ..History::default() })
    }

    #[test]
    fn the_last_made_goes_first_and_changes_add_up() {
        let plan = of(vec![
            change(1, "mine", "PATCH", Before::Absent, Outcome::default()),
            change(2, "theirs", "PATCH", present(Value::Null), back(json!({"data": {"x": "1"}}))),
            change(3, "theirs", "PATCH", present(Value::Null), back(json!({"data": {"x": "2", "y": null}}))),
            change(4, "old", "DELETE", present(Value::Null), Outcome::default()),
            change(5, "passing", "PATCH", Before::Absent, Outcome::default()),
            change(6, "passing", "DELETE", present(Value::Null), Outcome::default()),
        ]);
        let named: Vec<&str> = plan.items.iter().map(|item| item.object.as_str()).collect();
        assert_eq!(named, ["ConfigMap a/theirs", "ConfigMap a/mine"]);
        let Action::Restore(restore) = &plan.items[0].action else { panic!("{:?}", plan.items) };
        assert_eq!(restore.back, json!({"data": {"x": "1", "y": null}}));
        assert_eq!(plan.items[1].action, Action::Delete);
        assert_eq!(plan.lost, ["east: ConfigMap a/old was deleted"]);
    }

    #[test]
    fn what_was_deleted_and_made_anew_is_another_object() {
        let owners = json!([{"manager": "kubectl"}]);
        let plan = of(vec![
            change(1, "theirs", "DELETE", present(owners), Outcome::default()),
            change(2, "theirs", "PATCH", Before::Absent, Outcome::default()),
            change(3, "mine", "PATCH", Before::Absent, Outcome::default()),
            change(4, "mine", "DELETE", present(Value::Null), Outcome::default()),
            change(5, "mine", "PATCH", Before::Absent, Outcome::default()),
        ]);
        assert_eq!(plan.lost, ["east: ConfigMap a/theirs was deleted and made anew"]);
        assert_eq!(plan.items.len(), 1);
        assert_eq!((plan.items[0].object.as_str(), &plan.items[0].action), ("ConfigMap a/mine", &Action::Delete));
    }

    #[test]
    fn a_secret_whose_contents_were_changed_is_left_alone() {
        let lost = Outcome { lost: true, ..back(json!({"metadata": {"labels": {"a": null}}})) };
        let plan = of(vec![
            change(1, "s", "PATCH", present(Value::Null), lost.clone()),
            change(2, "made", "PATCH", Before::Absent, Outcome::default()),
            change(3, "made", "PATCH", present(Value::Null), lost),
        ]);
        assert_eq!(plan.lost, ["east: ConfigMap a/s: the former contents of a Secret are not kept"]);
        assert_eq!(plan.items.len(), 1, "what was made can be deleted");
        assert_eq!(plan.items[0].action, Action::Delete);
    }

    #[test]
    fn what_a_kubeconfig_in_hand_led_to_is_told_and_the_rest_taken_back() {
        let mut changes = vec![
            change(1, "mine", "PATCH", Before::Absent, Outcome::default()),
            change(2, "there", "PATCH", Before::Absent, Outcome::default()),
        ];
        changes[1].intent.cluster = "reader".into();
        let in_hand = ["reader".to_owned()].into();
        let plan = plan(&History { changes, in_hand, ..History::default() });
        assert_eq!(plan.lost, [format!("reader: ConfigMap a/there: {NOT_KEPT}")]);
        assert_eq!(plan.items.iter().map(|item| item.cluster.as_str()).collect::<Vec<_>>(), ["east"]);
    }

    #[test]
    fn who_owned_fields_that_stayed_the_same_is_restored_as_well() {
        let owners = json!([{"manager": "kubectl"}]);
        let plan = of(vec![change(1, "x", "PATCH", present(owners.clone()), Outcome::default())]);
        let expected = Restore { back: json!({}), managers: owners };
        assert_eq!(plan.items[0].action, Action::Restore(expected));
    }
}
