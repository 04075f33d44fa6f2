//! Jobs: pods that run to their end.

use super::condition::{self, Condition};
use super::replicaset::none_if_zero;
use super::template::{self, child_name, is_active, is_ready};
use super::turn::{Action, Event, Id, Target, Turn, is_terminating, name, number, text};
use super::{owner, workload};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

const COMPONENT: &str = "job-controller";

/// How a job stands: its pods, and what came of them.
struct Tally<'a> {
    active: Vec<&'a Value>,
    succeeded: i64,
    failed: i64,
}

/// Brings the pods of a Job, and its status, to what its spec asks for.
pub(crate) fn reconcile(turn: &mut Turn<'_>, id: &Id) {
    let Some(job) = turn.get("Job", id) else { return };
    if is_terminating(&job) {
        return;
    }
    if condition::holds(&job, "Complete") || condition::holds(&job, "Failed") {
        return expire(turn, &job);
    }
    let pods = owner::controlled(turn.view(), "Pod", &job);
    let ended = |phase: &str| pods.iter().filter(|pod| text(pod, "/status/phase") == phase).count();
    let tally = Tally {
        active: pods.iter().map(Arc::as_ref).filter(|pod| is_active(pod)).collect(),
        succeeded: i64::try_from(ended("Succeeded")).unwrap_or_default(),
        failed: i64::try_from(ended("Failed")).unwrap_or_default(),
    };
    let end = end(&job, &tally);
    match (turn.refusal(), end) {
        (Some(words), _) => workload::refused(turn, &job, &words, COMPONENT),
        (None, None) => step(turn, &job, &tally),
        (None, Some(_)) => tally.active.iter().for_each(|pod| turn.want(Action::Delete(Target::of(pod)))),
    }
    report(turn, &job, &tally, end);
}

/// A finished job goes when its time to live is over.
fn expire(turn: &mut Turn<'_>, job: &Value) {
    let Some(seconds) = number(job, "/spec/ttlSecondsAfterFinished") else { return };
    if turn.stayed("finished", Duration::from_secs(u64::try_from(seconds).unwrap_or_default())) {
        turn.want(Action::Delete(Target::of(job)));
    }
}

fn completions(job: &Value) -> i64 {
    number(job, "/spec/completions").unwrap_or(1)
}

/// The condition, reason and words a job ends with.
fn end(job: &Value, tally: &Tally<'_>) -> Option<(&'static str, &'static str, &'static str)> {
    if tally.succeeded >= completions(job) {
        return Some(("Complete", "CompletionsReached", "Reached expected number of succeeded pods"));
    }
    let limit = number(job, "/spec/backoffLimit").unwrap_or(6);
    (tally.failed > limit).then_some(("Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit"))
}

fn step(turn: &mut Turn<'_>, job: &Value, tally: &Tally<'_>) {
    let parallelism = number(job, "/spec/parallelism").unwrap_or(1);
    let suspended = job["spec"]["suspend"] == true;
    let wanted = if suspended { 0 } else { parallelism.min(completions(job) - tally.succeeded) };
    let wanted = usize::try_from(wanted).unwrap_or_default();
    for _ in tally.active.len()..wanted {
        if !workload::may_create(turn) {
            return;
        }
        let number = turn.next_number();
        let pod = template::pod(job, &job["spec"]["template"], &child_name(job, number));
        let message = format!("Created pod: {}", name(&pod));
        turn.want(Action::Create(pod));
        turn.event(job, Event::normal("SuccessfulCreate", message, COMPONENT));
    }
    for pod in tally.active.iter().skip(wanted) {
        turn.want(Action::Delete(Target::of(pod)));
    }
}

fn report(turn: &mut Turn<'_>, job: &Value, tally: &Tally<'_>, end: Option<(&str, &'static str, &'static str)>) {
    let count = |number: i64| none_if_zero(usize::try_from(number).unwrap_or_default());
    let active = if end.is_some() { 0 } else { tally.active.len() };
    let ready = tally.active.iter().filter(|pod| is_ready(pod)).count();
    let mut status = json!({
        "active": none_if_zero(active), "ready": if end.is_some() { 0 } else { ready },
        "succeeded": count(tally.succeeded), "failed": count(tally.failed),
        "terminating": 0, "uncountedTerminatedPods": {},
    });
    if text(job, "/status/startTime").is_empty() {
        status["startTime"] = turn.time().into();
    }
    if let Some((kind, reason, message)) = end {
        let condition = Condition { name: kind, holds: true, reason, message };
        status["conditions"] = condition::set(job, &[condition], turn.time(), false).into();
        if kind == "Complete" {
            status["completionTime"] = turn.time().into();
            turn.event(job, Event::normal("Completed", "Job completed", COMPONENT));
        } else {
            turn.event(job, Event::warning(reason, message, COMPONENT));
        }
    }
    turn.patch(job, json!({ "status": status }));
}
