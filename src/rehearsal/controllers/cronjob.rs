//! CronJobs: a Job at every moment of their schedule, in the world's time.

use super::super::schedule::Schedule;
use super::owner;
use super::turn::{Action, Event, Id, Target, Turn, is_terminating, name, number, text, uid};
use super::{condition, turn::kind};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

const COMPONENT: &str = "cronjob-controller";
const AT: &str = "batch.kubernetes.io/cronjob-scheduled-timestamp";

/// The CronJob itself, or the one that made a Job.
pub(crate) fn concerns(object: &Value) -> Vec<Id> {
    match owner::controller_id(object, "CronJob") {
        Some(id) => vec![id],
        None if kind(object) == "CronJob" => vec![Id::of(object)],
        None => Vec::new(),
    }
}

/// Makes the Job that is due, forgets old ones, and writes down what runs.
pub(crate) fn reconcile(turn: &mut Turn<'_>, id: &Id) {
    let Some(cron) = turn.get("CronJob", id) else { return };
    if is_terminating(&cron) {
        return;
    }
    let jobs = owner::controlled(turn.view(), "Job", &cron);
    forget(turn, &cron, &jobs, "Complete", "successfulJobsHistoryLimit", 3);
    forget(turn, &cron, &jobs, "Failed", "failedJobsHistoryLimit", 1);
    let due = if cron["spec"]["suspend"] == true { None } else { due(turn, &cron) };
    let running: Vec<&Value> = jobs.iter().map(Arc::as_ref).filter(|job| !is_over(job)).collect();
    match due {
        Some(at) => start(turn, &cron, &running, at),
        None => report(turn, &cron, &running, None),
    }
}

fn is_over(job: &Value) -> bool {
    condition::holds(job, "Complete") || condition::holds(job, "Failed")
}

/// The last moment of the schedule that has come and has not had its Job; asks for a turn at the next one.
fn due(turn: &mut Turn<'_>, cron: &Value) -> Option<Timestamp> {
    let schedule = Schedule::parse(text(cron, "/spec/schedule")).ok()?;
    let zone = match text(cron, "/spec/timeZone") {
        "" => TimeZone::UTC,
        name => TimeZone::get(name).unwrap_or(TimeZone::UTC),
    };
    let now: Timestamp = turn.time().parse().ok()?;
    let since = match text(cron, "/status/lastScheduleTime") {
        "" => text(cron, "/metadata/creationTimestamp"),
        last => last,
    };
    let mut next = schedule.after(since.parse().ok()?, &zone)?;
    let mut due = None;
    while next <= now {
        due = Some(next);
        next = schedule.after(next, &zone)?;
    }
    turn.later(Duration::try_from(next.duration_since(now)).unwrap_or_default());
    let patience = number(cron, "/spec/startingDeadlineSeconds");
    due.filter(|at| patience.is_none_or(|patience| now.duration_since(*at).as_secs() <= patience))
}

fn start(turn: &mut Turn<'_>, cron: &Value, running: &[&Value], at: Timestamp) {
    match text(cron, "/spec/concurrencyPolicy") {
        "Forbid" if !running.is_empty() => {
            let words = "Not starting job because prior execution is running and concurrency policy is Forbid";
            turn.event(cron, Event::normal("JobAlreadyActive", words, COMPONENT));
            return report(turn, cron, running, None);
        }
        "Replace" => {
            for job in running {
                turn.want(Action::Delete(Target::of(job)));
                turn.event(cron, Event::normal("SuccessfulDelete", format!("Deleted job {}", name(job)), COMPONENT));
            }
        }
        _ => {}
    }
    let job_name = format!("{}-{}", name(cron), at.as_second() / 60);
    let at = at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let template = &cron["spec"]["jobTemplate"];
    let mut metadata = json!({
        "name": job_name, "namespace": text(cron, "/metadata/namespace"), "ownerReferences": [owner::reference(cron)],
    });
    for key in ["labels", "annotations"] {
        if template["metadata"][key].is_object() {
            metadata[key] = template["metadata"][key].clone();
        }
    }
    metadata["annotations"][AT] = at.as_str().into();
    turn.want(Action::Create(
        json!({ "apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": template["spec"] }),
    ));
    turn.event(cron, Event::normal("SuccessfulCreate", format!("Created job {job_name}"), COMPONENT));
    report(turn, cron, running, Some(&at));
}

fn report(turn: &mut Turn<'_>, cron: &Value, running: &[&Value], at: Option<&str>) {
    let active: Vec<_> = running
        .iter()
        .map(|job| {
            json!({
                "apiVersion": "batch/v1", "kind": "Job", "name": name(job), "uid": uid(job),
                "namespace": text(job, "/metadata/namespace"),
                "resourceVersion": text(job, "/metadata/resourceVersion"),
            })
        })
        .collect();
    let mut status = json!({ "active": if active.is_empty() { Value::Null } else { active.into() } });
    if let Some(at) = at {
        status["lastScheduleTime"] = at.into();
    }
    turn.patch(cron, json!({ "status": status }));
}

/// Deletes the oldest Jobs that ended so, beyond as many as are kept; writes down the last success.
fn forget(turn: &mut Turn<'_>, cron: &Value, jobs: &[Arc<Value>], ended: &str, limit: &str, usual: i64) {
    let mut over: Vec<_> = jobs.iter().filter(|job| condition::holds(job, ended) && !is_terminating(job)).collect();
    over.sort_by_key(|job| text(job, "/status/startTime").to_owned());
    if let Some(last) = over.last().map(|job| text(job, "/status/completionTime")).filter(|last| !last.is_empty()) {
        turn.patch(cron, json!({ "status": { "lastSuccessfulTime": last } }));
    }
    let limit = cron["spec"][limit].as_i64().unwrap_or(usual);
    let excess = over.len().saturating_sub(usize::try_from(limit).unwrap_or_default());
    for job in over.into_iter().take(excess) {
        turn.want(Action::Delete(Target::of(job)));
    }
}
