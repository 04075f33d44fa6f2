//! What became of changes that nobody has heard the answer of, read from the objects themselves.
//!
//! A run that broke off may have sent a change without hearing of it. Who wrote an object last, and whether it still has
//! the version that was read before the change, tells.

use super::elsewhere::{is_made, next_look};
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
use std::time::Duration;

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

/// How long a change can be under way after the last word of a run, clocks that differ included.
const UNDER_WAY: Duration = Duration::from_secs(60);

/// A change as it is judged: every run writes as the same field manager, so when it was written tells whose it is.
struct Case<'a> {
    intent: &'a Intent,
    /// When the change was carried out at the latest.
    end: String,
    /// Whether another run has made the object.
    is_theirs: bool,
}

impl<'a> Case<'a> {
    fn new(run: &History, intent: &'a Intent) -> Case<'a> {
        let last = [&run.until, &intent.time].into_iter().filter_map(|time| time.parse().ok()).max();
        let end = last.map(|last: jiff::Timestamp| format!("{:.0}", last + UNDER_WAY));
        // A journal without times bounds nothing.
        Case { intent, end: end.unwrap_or_else(|| "9999".to_owned()), is_theirs: false }
    }

    fn in_time(&self, time: &str) -> bool {
        second(time) <= self.end.as_str()
    }

    /// Whether the run itself may have written this entry.
    fn is_ours(&self, writer: &str) -> bool {
        is_by(writer, self.intent.manager()) && self.in_time(time_of(writer))
    }
}

/// Finds out what became of every change that nobody knows it of; `connect` gives the cluster of a context. The outcomes
/// are in the history then. `others` are the other runs that are known. Returns a line for each change.
pub async fn settle(run: &mut History, others: &[History], connect: impl Fn(&str) -> Result<Cluster>) -> Vec<String> {
    let mut lines = Vec::new();
    for at in 0..run.changes.len() {
        if !run.changes[at].is_pending() {
            continue;
        }
        let change = run.changes[at].clone();
        let title = format!("{}: {}", change.intent.cluster, change.intent.object);
        match find_out(run, others, at, &connect).await {
            Ok((finding, seen)) => {
                let word = if finding.0 == Found::Applied { "applied" } else { "not applied" };
                lines.push(format!("{title}: {word}: {}", finding.1));
                let outcome = outcome(&Case::new(run, &change.intent), &change, finding.0, seen);
                run.changes[at].outcome = Some(outcome);
            }
            Err(failure) => lines.push(format!("{title}: nobody knows: {}", failure.message)),
        }
    }
    lines
}

async fn find_out(
    run: &History,
    others: &[History],
    at: usize,
    connect: &impl Fn(&str) -> Result<Cluster>,
) -> Result<(Finding, Option<Seen>)> {
    let change = &run.changes[at];
    let case = Case::new(run, &change.intent);
    if let Some(before) = before_next(run, at).or_else(|| next_look(others, run, change)) {
        let seen = before_as_seen(change, before);
        return Ok((judge(&case, seen.as_ref()), seen));
    }
    let cluster = connect(&change.intent.cluster)?;
    let seen = match change.intent.own_path() {
        Some(path) if is_scale(&change.intent) => look_at_scale(&cluster, path, change.collection()).await?,
        Some(path) => look(&cluster, path).await?,
        None => generated(&cluster, run, others, &case, change).await?,
    };
    let is_theirs = seen.as_ref().is_some_and(|seen| is_made(others, run, &seen.uid));
    Ok((judge(&Case { is_theirs, ..case }, seen.as_ref()), seen))
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
/// another change of this or another run.
async fn generated(
    cluster: &Cluster,
    run: &History,
    others: &[History],
    case: &Case<'_>,
    change: &Change,
) -> Result<Option<Seen>> {
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
            && !is_made(others, run, item.uid())
            && writers(item).iter().any(|writer| case.is_ours(writer))
            && item.str_at("metadata.creationTimestamp").is_some_and(|made| is_since(made, case))
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

fn time_of(writer: &str) -> &str {
    writer.rsplit(' ').next().unwrap_or_default()
}

/// Whether something made then may be of the change.
fn is_since(made: &str, case: &Case<'_>) -> bool {
    second(made) >= second(&case.intent.time) && case.in_time(made)
}

/// What a look at the object says of a change.
fn judge(case: &Case<'_>, seen: Option<&Seen>) -> Finding {
    let intent = case.intent;
    let target = ApiPath::parse(intent.path.split('?').next().unwrap_or_default());
    if intent.method == "DELETE" || target.subresource.as_deref() == Some("eviction") {
        return judge_deletion(&intent.before, seen);
    }
    match (&intent.before, seen) {
        (Before::Absent, None) => (Found::NotApplied, "it is not there"),
        (Before::Absent, Some(_)) if case.is_theirs => (Found::NotApplied, "another run has made it"),
        (Before::Absent, Some(seen)) if is_made_by(case, seen) => (Found::Applied, "it was made"),
        (Before::Absent, Some(_)) => (Found::NotApplied, "somebody else has made it"),
        (_, None) => (Found::NotApplied, "it is gone"),
        (Before::Present { uid, .. }, Some(seen)) if seen.uid != *uid => {
            (Found::NotApplied, "it is gone, another object has its name")
        }
        (Before::Present { resource_version, .. }, Some(seen)) if seen.version == *resource_version => {
            (Found::NotApplied, "it is as it was")
        }
        (before, Some(seen)) if has_written(case, before, seen) => (Found::Applied, "it was changed"),
        _ => (Found::NotApplied, "only others have changed it since"),
    }
}

/// An object that says nothing has no managers; then its age tells. One that was there before was seen before.
fn is_made_by(case: &Case<'_>, seen: &Seen) -> bool {
    let is_new = seen.created.is_empty() || is_since(&seen.created, case);
    let is_ours = seen.writers.iter().any(|writer| case.is_ours(writer));
    case.in_time(&seen.created) && is_ours || seen.writers.is_empty() && is_new
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
fn has_written(case: &Case<'_>, before: &Before, seen: &Seen) -> bool {
    let intent = case.intent;
    let writers = if is_scale(intent) { &seen.scalers } else { &seen.writers };
    let mut ours = writers.iter().filter(|writer| case.is_ours(writer));
    let Before::Present { content, managers, .. } = before else {
        return !case.is_theirs && ours.any(|writer| time_of(writer) >= second(&intent.time));
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
    ours.any(|writer| {
        let same_second = second(time_of(writer)) == second(&intent.time);
        !former.contains(writer) || same_second && is_other
    })
}

/// The outcome that a journal keeps of a finding.
fn outcome(case: &Case<'_>, change: &Change, found: Found, seen: Option<Seen>) -> Outcome {
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
    known.extend(seen_writers().filter(|writer| case.is_ours(writer)).cloned());
    // Somebody else may have come after the change: then the version is not the one that the change has left.
    let alone = seen_writers().all(|writer| known.contains(writer));
    let resource_version = if alone { seen.version } else { String::new() };
    Outcome { path: seen.path, uid: seen.uid, resource_version, writers: known, back, lost, ..outcome }
}

#[cfg(test)]
mod tests;
