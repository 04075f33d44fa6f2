//! `log`: what a container has printed, and prints from now on.

use super::super::call::Query;
use super::super::reply;
use super::super::status::{Outcome, Status};
use super::super::transport::Reply;
use super::{Stage, target};
use bytes::Bytes;
use serde_json::Value;
use std::time::Duration;

const PERIOD: Duration = Duration::from_secs(1);

/// How much of a log is wanted.
struct Selection {
    tail: Option<usize>,
    since: Option<jiff::Timestamp>,
    limit: Option<usize>,
    timestamps: bool,
}

/// Answers with the log, and keeps on answering when it is to be followed.
pub(crate) fn serve(stage: Stage, query: &Query) -> Outcome<Reply> {
    let container = target::container(&stage.pod, query.filled("container"))?;
    let assigned = stage.pod["spec"]["nodeName"].as_str().is_some_and(|node| !node.is_empty());
    if assigned {
        available(&stage.pod, &container, query.is("previous"))?;
    }
    let selection = Selection {
        tail: number(query, "tailLines")?,
        since: since(&stage, query)?,
        limit: number(query, "limitBytes")?,
        timestamps: query.is("timestamps"),
    };
    let follow = query.is("follow") && assigned;
    let parts = futures::stream::unfold(Some((Follower::new(stage, container), true)), move |state| {
        let selection = Selection { ..selection };
        async move { step(state?, assigned, follow, &selection).await }
    });
    Ok(reply::stream("text/plain", parts))
}

async fn step(
    (mut follower, first): (Follower, bool),
    assigned: bool,
    follow: bool,
    selection: &Selection,
) -> Option<(Bytes, Option<(Follower, bool)>)> {
    if !assigned {
        return None;
    }
    let text = if first { follower.so_far().await } else { follower.next().await }?;
    let start = follower.start();
    let text = if first { select(&text, selection, &start) } else { stamped(&text, selection, &start) };
    let rest = follow.then_some((follower, false));
    Some((Bytes::from(text), rest))
}

fn number(query: &Query, name: &str) -> Outcome<Option<usize>> {
    Ok(query.number(name)?.map(|number| usize::try_from(number).unwrap_or(usize::MAX)))
}

fn since(stage: &Stage, query: &Query) -> Outcome<Option<jiff::Timestamp>> {
    if let Some(moment) = query.filled("sinceTime") {
        let wrong = |_| Status::bad_request(format!("sinceTime: {moment:?} is not an RFC 3339 time"));
        return moment.parse().map(Some).map_err(wrong);
    }
    let seconds = query.number("sinceSeconds")?.and_then(|seconds| i64::try_from(seconds).ok());
    Ok(seconds.and_then(|seconds| stage.server.time().checked_sub(jiff::SignedDuration::from_secs(seconds)).ok()))
}

/// Refuses a container that has printed nothing yet, as the kubelet does.
fn available(pod: &Value, container: &str, previous: bool) -> Outcome<()> {
    let pod_name = pod["metadata"]["name"].as_str().unwrap_or_default();
    let status = target::state(pod, container);
    let restarts = status.and_then(|status| status["restartCount"].as_i64()).unwrap_or(0);
    if previous && restarts == 0 {
        let words = format!("previous terminated container \"{container}\" in pod \"{pod_name}\" not found");
        return Err(Status::bad_request(words));
    }
    let waiting =
        status.map_or("ContainerCreating", |status| status["state"]["waiting"]["reason"].as_str().unwrap_or(""));
    let why = match waiting {
        "" | "CrashLoopBackOff" => return Ok(()),
        "ErrImagePull" | "ImagePullBackOff" => "trying and failing to pull image",
        reason => reason,
    };
    Err(Status::bad_request(format!("container \"{container}\" in pod \"{pod_name}\" is waiting to start: {why}")))
}

/// The wanted part of a log. Lines tell their time themselves; those that do not belong to the line before.
fn select(text: &str, selection: &Selection, start: &str) -> String {
    let mut wanted = true;
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    if let Some(since) = selection.since {
        lines.retain(|line| {
            wanted = moment(line).map_or(wanted, |moment| moment >= since);
            wanted
        });
    }
    let skipped = selection.tail.map_or(0, |tail| lines.len().saturating_sub(tail));
    let mut text = stamped(&lines[skipped..].concat(), selection, start);
    if let Some(limit) = selection.limit {
        let end = (0..=limit.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
    }
    text
}

/// The time that a line of a log begins with.
fn moment(line: &str) -> Option<jiff::Timestamp> {
    let word = line.trim_start_matches('[').split([' ', '\t', ']']).next()?;
    word.parse().ok()
}

fn stamped(text: &str, selection: &Selection, start: &str) -> String {
    if !selection.timestamps {
        return text.to_owned();
    }
    let stamp = |line: &str| moment(line).map_or_else(|| start.to_owned(), |moment| moment.to_string());
    text.split_inclusive('\n').map(|line| format!("{} {line}", stamp(line))).collect()
}

/// Reads a container's log piece by piece.
pub(crate) struct Follower {
    stage: Stage,
    container: String,
    sent: usize,
}

impl Follower {
    /// From the beginning.
    pub fn new(stage: Stage, container: String) -> Follower {
        Follower { stage, container, sent: 0 }
    }

    /// When the container started.
    fn start(&self) -> String {
        let status = target::state(&self.stage.pod, &self.container);
        let started = status.and_then(|status| status["state"]["running"]["startedAt"].as_str());
        started.or(self.stage.pod["status"]["startTime"].as_str()).unwrap_or("1970-01-01T00:00:00Z").to_owned()
    }

    /// What has been printed so far.
    async fn so_far(&mut self) -> Option<String> {
        let container = self.container.clone();
        let text = self
            .stage
            .ask(move |stage| {
                let pod = stage.current().unwrap_or_else(|| stage.pod.clone());
                stage.world.behaviour().logs(&stage.world, stage.server.name(), &pod, &container)
            })
            .await?;
        self.sent = text.len();
        Some(text)
    }

    /// Whether nothing has been printed so far.
    pub async fn is_silent(&mut self) -> bool {
        let text = self.so_far().await;
        self.sent = 0;
        text.is_some_and(|text| text.is_empty())
    }

    /// What is printed next; `None` when the container has ended.
    pub async fn next(&mut self) -> Option<String> {
        loop {
            let before = self.sent;
            let text = self.so_far().await?;
            if let Some(new) = text.get(before..).filter(|new| !new.is_empty()) {
                return Some(new.to_owned());
            }
            self.sent = self.sent.max(before);
            let pod = self.stage.current()?;
            let ended =
                target::state(&pod, &self.container).is_some_and(|status| status["state"]["terminated"].is_object());
            if ended {
                return None;
            }
            self.stage.world.clock().sleep(PERIOD).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "2026-01-01T00:00:01Z\tinfo\tone\n  more\n[2026-01-01T00:00:05Z] \"GET /\" 200\nplain\n";

    fn selection() -> Selection {
        Selection { tail: None, since: None, limit: None, timestamps: false }
    }

    #[test]
    fn the_tail_counts_lines_and_the_limit_bytes() {
        assert_eq!(select(TEXT, &Selection { tail: Some(1), ..selection() }, ""), "plain\n");
        assert_eq!(select("aä", &Selection { limit: Some(2), ..selection() }, ""), "a");
    }

    #[test]
    fn a_line_without_a_time_belongs_to_the_one_before() {
        let since = "2026-01-01T00:00:03Z".parse().ok();
        let selected = select(TEXT, &Selection { since, ..selection() }, "");
        assert_eq!(selected, "[2026-01-01T00:00:05Z] \"GET /\" 200\nplain\n");
    }

    #[test]
    fn timestamps_come_from_the_line_or_the_start() {
        let timestamps = Selection { timestamps: true, tail: Some(1), ..selection() };
        assert_eq!(select(TEXT, &timestamps, "2026-01-01T00:00:00Z"), "2026-01-01T00:00:00Z plain\n");
    }
}
