//! What became of changes that nobody has heard the answer of, read from the objects themselves.
//!
//! A run that broke off may have sent a change without hearing of it. Who wrote an object last, and whether it still has
//! the version that was read before the change, tells.

use super::record::{Change, History};
use crate::cluster::Cluster;
use crate::cluster::layers::journal::{
    Before, Found, Intent, Outcome, content_of, managers, now, scalers_in, writers, writers_in,
};
use crate::cluster::layers::reverse;
use crate::cluster::path::ApiPath;
use crate::cluster::request::reading;
use crate::failure::{Kind, Result};
use crate::object::Object;
use serde_json::{Value, json};

/// An object as it stood some time after a change.
#[derive(Debug, Clone, Default)]
struct Seen {
    path: String,
    uid: String,
    version: String,
    created: String,
    writers: Vec<String>,
    /// Who has set its replicas through `scale`.
    scalers: Vec<String>,
    content: Value,
    ending: bool,
}

impl Seen {
    fn live(path: String, object: &Object) -> Seen {
        Seen {
            path,
            uid: object.uid().to_owned(),
            version: object.resource_version().to_owned(),
            created: object.str_at("metadata.creationTimestamp").unwrap_or_default().to_owned(),
            writers: writers(object),
            scalers: scalers_in(&managers(object)),
            content: content_of(object),
            ending: object.at("metadata.deletionTimestamp").is_some(),
        }
    }
}

/// What was found, and in which words it is told.
type Finding = (Found, &'static str);

/// Finds out what became of every change that nobody knows it of; `connect` gives the cluster of a context. The outcomes
/// are in the history then. Returns a line for each change.
pub async fn settle(run: &mut History, connect: impl Fn(&str) -> Result<Cluster>) -> Vec<String> {
    let mut lines = Vec::new();
    for at in 0..run.changes.len() {
        if !run.changes[at].is_pending() {
            continue;
        }
        let change = run.changes[at].clone();
        let title = format!("{}: {}", change.intent.cluster, change.intent.object);
        match find_out(run, at, &connect).await {
            Ok((finding, seen)) => {
                let word = if finding.0 == Found::Applied { "applied" } else { "not applied" };
                lines.push(format!("{title}: {word}: {}", finding.1));
                run.changes[at].outcome = Some(outcome(&change, finding.0, seen));
            }
            Err(failure) => lines.push(format!("{title}: nobody knows: {}", failure.message)),
        }
    }
    lines
}

async fn find_out(
    run: &History,
    at: usize,
    connect: &impl Fn(&str) -> Result<Cluster>,
) -> Result<(Finding, Option<Seen>)> {
    let change = &run.changes[at];
    if let Some(before) = before_next(run, at) {
        let seen = before_as_seen(change, before);
        return Ok((judge(&change.intent, seen.as_ref()), seen));
    }
    let cluster = connect(&change.intent.cluster)?;
    let seen = match change.intent.own_path() {
        Some(path) if is_scale(&change.intent) => look_at_scale(&cluster, path, change.collection()).await?,
        Some(path) => look(&cluster, path).await?,
        None => generated(&cluster, run, change).await?,
    };
    Ok((judge(&change.intent, seen.as_ref()), seen))
}

/// How the run itself found the object when it changed it the next time.
fn before_next(run: &History, at: usize) -> Option<&Before> {
    let change = &run.changes[at];
    let own = change.intent.own_path()?;
    let same = |next: &&Change| next.intent.cluster == change.intent.cluster && next.path() == own;
    let next = run.changes[at + 1..].iter().find(same)?;
    (next.intent.before != Before::Unknown).then_some(&next.intent.before)
}

fn before_as_seen(change: &Change, before: &Before) -> Option<Seen> {
    let Before::Present { uid, resource_version, content, managers } = before else { return None };
    Some(Seen {
        path: change.path(),
        uid: uid.clone(),
        version: resource_version.clone(),
        writers: writers_in(managers),
        scalers: scalers_in(managers),
        content: content.clone(),
        ..Seen::default()
    })
}

async fn look(cluster: &Cluster, path: String) -> Result<Option<Seen>> {
    match cluster.send(reading(&path)?).await {
        Ok(live) => Ok(Some(Seen::live(path, &live))),
        Err(failure) if failure.kind == Kind::NotFound => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// The object itself says who has scaled it, its scale to how many.
async fn look_at_scale(cluster: &Cluster, path: String, scale: &str) -> Result<Option<Seen>> {
    let Some(seen) = look(cluster, path).await? else { return Ok(None) };
    let scale = look(cluster, scale.to_owned()).await?;
    Ok(scale.map(|scale| Seen { content: scale.content, ..seen }))
}

fn is_scale(intent: &Intent) -> bool {
    let target = ApiPath::parse(intent.path.split('?').next().unwrap_or_default());
    target.subresource.as_deref() == Some("scale")
}

/// How many replicas an object or its scale wants. Servers leave zero out.
fn replicas(content: &Value) -> i64 {
    content["spec"]["replicas"].as_i64().unwrap_or(0)
}

/// What the server has made with a name of its own: by our field manager, since the change was announced, and not by
/// another change of this run.
async fn generated(cluster: &Cluster, run: &History, change: &Change) -> Result<Option<Seen>> {
    let collection = change.collection();
    let list = cluster.send(reading(collection)?).await?;
    let known =
        |uid: &str| run.changes.iter().any(|other| other.outcome.as_ref().is_some_and(|known| known.uid == uid));
    let prefix = change.intent.generate_name.as_str();
    let items = list.items_at("items").iter().map(|item| Object::new(item.clone()));
    let fitting = items.filter(|item| {
        !prefix.is_empty()
            && item.name().starts_with(prefix)
            && !known(item.uid())
            && is_written_by(&writers(item), change.intent.manager())
            && item.str_at("metadata.creationTimestamp").is_some_and(|made| made >= second(&change.intent.time))
    });
    Ok(fitting
        .map(|item| Seen::live(format!("{collection}/{}", item.name()), &item))
        .min_by(|a, b| a.created.cmp(&b.created)))
}

/// A time without fractions: servers note no more.
fn second(time: &str) -> &str {
    time.get(..19).unwrap_or(time)
}

fn is_by(writer: &str, manager: &str) -> bool {
    writer.split(' ').next() == Some(manager)
}

fn is_written_by(writers: &[String], manager: &str) -> bool {
    writers.iter().any(|writer| is_by(writer, manager))
}

/// What a look at the object says of a change.
fn judge(intent: &Intent, seen: Option<&Seen>) -> Finding {
    let target = ApiPath::parse(intent.path.split('?').next().unwrap_or_default());
    if intent.method == "DELETE" || target.subresource.as_deref() == Some("eviction") {
        return judge_deletion(&intent.before, seen);
    }
    match (&intent.before, seen) {
        (Before::Absent, None) => (Found::NotApplied, "it is not there"),
        (Before::Absent, Some(seen)) if is_made_by(intent, seen) => (Found::Applied, "it was made"),
        (Before::Absent, Some(_)) => (Found::NotApplied, "somebody else has made it"),
        (_, None) => (Found::NotApplied, "it is gone"),
        (Before::Present { uid, .. }, Some(seen)) if seen.uid != *uid => {
            (Found::NotApplied, "it is gone, another object has its name")
        }
        (Before::Present { resource_version, .. }, Some(seen)) if seen.version == *resource_version => {
            (Found::NotApplied, "it is as it was")
        }
        (before, Some(seen)) if has_written(intent, before, seen) => (Found::Applied, "it was changed"),
        _ => (Found::NotApplied, "only others have changed it since"),
    }
}

/// An object that says nothing has no managers; then its age tells.
fn is_made_by(intent: &Intent, seen: &Seen) -> bool {
    let is_new = seen.created.is_empty() || seen.created.as_str() >= second(&intent.time);
    is_written_by(&seen.writers, intent.manager()) || seen.writers.is_empty() && is_new
}

fn judge_deletion(before: &Before, seen: Option<&Seen>) -> Finding {
    match (before, seen) {
        (_, None) => (Found::Applied, "it is gone"),
        (Before::Present { uid, .. }, Some(seen)) if seen.uid != *uid => {
            (Found::Applied, "it is gone, another object has its name")
        }
        (_, Some(seen)) if seen.ending => (Found::Applied, "it is on its way out"),
        _ => (Found::NotApplied, "it is still there"),
    }
}

/// Whether the manager of a change has an entry that it did not have before, or, within the same second, other contents.
fn has_written(intent: &Intent, before: &Before, seen: &Seen) -> bool {
    let writers = if is_scale(intent) { &seen.scalers } else { &seen.writers };
    let ours = writers.iter().filter(|writer| is_by(writer, intent.manager()));
    let Before::Present { content, managers, .. } = before else {
        return ours.clone().any(|writer| writer.rsplit(' ').next() >= Some(second(&intent.time)));
    };
    // Servers do not begin to note who writes an object that is older than such notes.
    let is_other = match is_scale(intent) {
        true => replicas(&seen.content) != replicas(content),
        false => seen.content != *content,
    };
    if seen.writers.is_empty() && seen.scalers.is_empty() {
        return is_other;
    }
    let former = if is_scale(intent) { scalers_in(managers) } else { writers_in(managers) };
    ours.clone().any(|writer| {
        let same_second = writer.rsplit(' ').next().is_some_and(|time| second(time) == second(&intent.time));
        !former.contains(writer) || same_second && is_other
    })
}

/// The outcome that a journal keeps of a finding.
fn outcome(change: &Change, found: Found, seen: Option<Seen>) -> Outcome {
    let failure = change.outcome.as_ref().and_then(|outcome| outcome.failure.clone());
    let failure = failure.or_else(|| Some("no answer was heard".to_owned()));
    let outcome = Outcome { id: change.intent.id, time: now(), failure, found: Some(found), ..Outcome::default() };
    let Some(seen) = seen.filter(|_| found == Found::Applied) else { return outcome };
    let (back, lost) = match &change.intent.before {
        Before::Present { content, .. } if is_scale(&change.intent) => {
            let (now, then) = (replicas(&seen.content), replicas(content));
            ((now != then).then(|| json!({"spec": {"replicas": then}})), false)
        }
        Before::Present { content, .. }
            if !content.is_null() && ApiPath::parse(change.collection()).subresource.is_none() =>
        {
            (reverse::patch(&seen.content, content), content["kind"] == "Secret")
        }
        _ => (None, false),
    };
    let mut known = match &change.intent.before {
        Before::Present { managers, .. } => [writers_in(managers), scalers_in(managers)].concat(),
        _ => Vec::new(),
    };
    let seen_writers = || seen.writers.iter().chain(&seen.scalers);
    known.extend(seen_writers().filter(|writer| is_by(writer, change.intent.manager())).cloned());
    // Somebody else may have come after the change: then the version is not the one that the change has left.
    let alone = seen_writers().all(|writer| known.contains(writer));
    let resource_version = if alone { seen.version } else { String::new() };
    Outcome { path: seen.path, uid: seen.uid, resource_version, writers: known, back, lost, ..outcome }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "/api/v1/namespaces/a/configmaps/x?fieldManager=meshwright";
    const TIME: &str = "2026-01-02T03:04:05.678Z";

    fn intent(method: &str, before: Before) -> Intent {
        Intent { method: method.into(), path: PATH.into(), time: TIME.into(), before, ..Intent::default() }
    }

    fn entry(manager: &str, second: u32) -> Value {
        json!({"manager": manager, "operation": "Apply", "time": format!("2026-01-02T03:04:{second:02}Z")})
    }

    fn present(managers: Value) -> Before {
        let content = json!({"data": {"a": "1"}});
        Before::Present { uid: "u".into(), resource_version: "1".into(), content, managers }
    }

    fn seen(version: &str, managers: Value, data: &str) -> Seen {
        let content = json!({"data": {"a": data}});
        Seen { uid: "u".into(), version: version.into(), writers: writers_in(&managers), content, ..Seen::default() }
    }

    fn found(intent: &Intent, seen: Option<Seen>) -> Found {
        judge(intent, seen.as_ref()).0
    }

    #[test]
    fn what_was_to_be_made_is_there_by_us_or_not() {
        for method in ["POST", "PATCH"] {
            let intent = intent(method, Before::Absent);
            assert_eq!(found(&intent, None), Found::NotApplied);
            assert_eq!(found(&intent, Some(seen("7", json!([entry("meshwright", 6)]), "1"))), Found::Applied);
            assert_eq!(found(&intent, Some(seen("7", json!([entry("kubectl", 6)]), "1"))), Found::NotApplied);
        }
    }

    #[test]
    fn a_patch_is_told_by_the_version_and_by_who_has_written() {
        let intent = intent("PATCH", present(json!([entry("kubectl", 1), entry("meshwright", 2)])));
        let live = |version: &str, ours: u32, theirs: u32, data: &str| {
            Some(seen(version, json!([entry("kubectl", theirs), entry("meshwright", ours)]), data))
        };
        assert_eq!(found(&intent, live("1", 2, 1, "1")), Found::NotApplied, "as it was");
        assert_eq!(found(&intent, live("7", 6, 1, "2")), Found::Applied, "our entry is new");
        assert_eq!(found(&intent, live("7", 2, 9, "2")), Found::NotApplied, "only somebody else");
        assert_eq!(found(&intent, None), Found::NotApplied);
        assert_eq!(found(&intent, Some(seen("7", Value::Null, "2"))), Found::Applied, "nobody notes who writes");
    }

    #[test]
    fn two_changes_within_a_second_are_told_by_the_contents() {
        let intent = intent("PATCH", present(json!([entry("meshwright", 5)])));
        assert_eq!(found(&intent, Some(seen("7", json!([entry("meshwright", 5)]), "2"))), Found::Applied);
        assert_eq!(found(&intent, Some(seen("7", json!([entry("meshwright", 5)]), "1"))), Found::NotApplied);
    }

    #[test]
    fn a_deletion_is_told_by_the_uid_and_the_end() {
        let intent = intent("DELETE", present(Value::Null));
        assert_eq!(found(&intent, None), Found::Applied);
        assert_eq!(found(&intent, Some(seen("1", Value::Null, "1"))), Found::NotApplied);
        assert_eq!(found(&intent, Some(Seen { uid: "other".into(), ..Seen::default() })), Found::Applied);
        assert_eq!(found(&intent, Some(Seen { ending: true, ..seen("2", Value::Null, "1") })), Found::Applied);
    }

    #[test]
    fn somebody_else_who_came_later_is_not_forgotten() {
        let change = Change { intent: intent("POST", Before::Absent), outcome: None, repeated: 0, step: String::new() };
        let both = json!([entry("meshwright", 6), entry("kubectl", 9)]);
        let outcome = outcome(&change, Found::Applied, Some(seen("7", both, "1")));
        assert_eq!(outcome.resource_version, "");
        assert_eq!(outcome.writers, ["meshwright Apply 2026-01-02T03:04:06Z"]);
    }

    #[tokio::test]
    async fn the_run_s_own_next_look_settles_an_earlier_change() {
        let change = |method: &str, before: Before, outcome: Option<Outcome>| Change {
            intent: intent(method, before),
            outcome,
            repeated: 0,
            step: String::new(),
        };
        let later = Some(Outcome { status: Some(201), ..Outcome::default() });
        let changes = vec![change("PATCH", Before::Absent, None), change("PATCH", Before::Absent, later)];
        let mut run = History { changes, ..History::default() };
        let nobody = |_: &str| -> Result<Cluster> { panic!("no cluster is asked") };
        let lines = settle(&mut run, nobody).await;
        assert_eq!(lines.len(), 1);
        assert_eq!(run.changes[0].word(), "not applied");
    }
}
