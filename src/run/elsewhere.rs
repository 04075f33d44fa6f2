//! What the journals of other runs tell of a change whose answer nobody has heard.

use super::record::{Change, History};
use crate::cluster::layers::journal::Before;

/// How the first run that came to the object afterwards found it.
pub(super) fn next_look<'r>(others: &'r [History], run: &History, change: &Change) -> Option<&'r Before> {
    let own = change.intent.own_path()?;
    let later = others_than(others, run).flat_map(|other| {
        let here = is_same_cluster(run, other, &change.intent.cluster);
        other.changes.iter().filter(move |_| here)
    });
    let looks = later.filter(|next| {
        next.intent.cluster == change.intent.cluster
            && next.intent.time > change.intent.time
            && next.intent.before != Before::Unknown
            && next.path() == own
    });
    looks.min_by(|a, b| a.intent.time.cmp(&b.intent.time)).map(|next| &next.intent.before)
}

/// Whether another run has made the object with this uid.
pub(super) fn is_made(others: &[History], run: &History, uid: &str) -> bool {
    let mut changes = others_than(others, run).flat_map(|other| &other.changes);
    let is_of = |change: &Change| change.outcome.as_ref().is_some_and(|outcome| outcome.uid == uid);
    !uid.is_empty() && changes.any(|change| is_of(change) && change.word() == "created")
}

fn others_than<'r>(others: &'r [History], run: &History) -> impl Iterator<Item = &'r History> {
    others.iter().filter(move |other| other.id != run.id)
}

/// Contexts of two kubeconfigs may have one name.
fn is_same_cluster(run: &History, other: &History, context: &str) -> bool {
    match (run.started.uids.get(context), other.started.uids.get(context)) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::layers::journal::{Intent, Outcome};

    fn change(second: u32, before: Before, outcome: Option<Outcome>) -> Change {
        let intent = Intent {
            cluster: "east".into(),
            method: "PATCH".into(),
            path: "/api/v1/namespaces/a/configmaps/x".into(),
            time: format!("2026-01-02T03:04:{second:02}.000Z"),
            before,
            ..Intent::default()
        };
        Change { intent, outcome, repeated: 0, step: String::new() }
    }

    fn run(id: &str, uid: &str, changes: Vec<Change>) -> History {
        let mut run = History { id: id.into(), changes, ..History::default() };
        run.started.uids.insert("east".into(), uid.into());
        run
    }

    fn made(uid: &str) -> Option<Outcome> {
        Some(Outcome { status: Some(201), uid: uid.into(), ..Outcome::default() })
    }

    #[test]
    fn the_next_run_s_look_at_the_object_counts() {
        let present = Before::Present {
            uid: "u".into(),
            resource_version: "1".into(),
            content: serde_json::Value::Null,
            managers: serde_json::Value::Null,
        };
        let broken = run("a", "k", vec![change(10, Before::Absent, None)]);
        let next = |others: &[History]| next_look(others, &broken, &broken.changes[0]).cloned();
        let earlier = run("b", "k", vec![change(5, present.clone(), None)]);
        assert_eq!(next(&[earlier, broken.clone()]), None);
        let later = |id, second, before: &Before| run(id, "k", vec![change(second, before.clone(), None)]);
        assert_eq!(next(&[later("c", 30, &present), later("b", 20, &Before::Absent)]), Some(Before::Absent));
        assert_eq!(next(&[later("b", 20, &Before::Unknown)]), None, "nobody looked");
        assert_eq!(next(&[run("b", "other", vec![change(20, present, None)])]), None, "another cluster");
    }

    #[test]
    fn an_object_is_of_the_run_that_has_made_it() {
        let broken = run("a", "k", vec![change(10, Before::Absent, made("own"))]);
        let others = [broken.clone(), run("b", "k", vec![change(20, Before::Absent, made("theirs"))])];
        assert!(
            is_made(&others, &broken, "theirs") && !is_made(&others, &broken, "own") && !is_made(&others, &broken, "")
        );
    }
}
