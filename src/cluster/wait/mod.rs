//! Waiting for objects of a cluster: watched, never polled where a watch is possible, and explained when it fails.
//!
//! [`until`] waits for one object, [`until_all`] for several at once. What is waited for is a [`Rule`].

mod confirm;
mod explain;
mod follow;
mod graces;
mod lines;
mod patience;
mod probe;
mod pulse;
mod report;
mod rule;
pub mod rules;
mod seen;
mod selection;
mod selector;
pub mod trouble;
pub mod watch;

use crate::cluster::layers::journal::{Note, now};
use crate::cluster::{Cluster, Target};
use crate::failure::Result;
use crate::object::Object;
use follow::{End, follow};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use seen::Seen;
use std::time::Duration;

pub use follow::LAST_LOOK;
pub use graces::Graces;
pub use pulse::Health;
pub use rule::Rule;
pub use selection::Selection;
pub use watch::Watch;

/// One object and what it must become.
#[derive(Clone)]
pub struct Wait {
    /// Where it is.
    pub cluster: Cluster,
    /// Which one it is. It need not exist yet.
    pub target: Target,
    /// What it must become.
    pub rule: Rule,
}

/// How long a wait may last.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The time for all objects together.
    pub timeout: Duration,
    /// Whether to give up before that on what cannot heal by itself; where not, it is only told.
    pub fail_fast: bool,
    /// How long an object may be missing before the wait gives up; as long as the wait when `None`.
    pub appear: Option<Duration>,
    /// Whether another object of the same name will do when the object is deleted meanwhile.
    pub follow_replacement: bool,
    /// How long each sign of trouble may last.
    pub graces: Graces,
}

impl Limits {
    /// This time, giving up early.
    pub fn new(timeout: Duration) -> Limits {
        Limits { timeout, fail_fast: true, appear: None, follow_replacement: false, graces: Graces::default() }
    }
}

/// Waits until an object is as the rule wants it, and returns it as it was then; for objects that must be gone, as it
/// was seen last. Dropping the future ends the wait.
///
/// # Errors
/// [`crate::failure::Kind::Timeout`] when time runs out or the object cannot get there, with what was seen and why;
/// other kinds when the cluster refuses to answer.
pub async fn until(cluster: &Cluster, target: &Target, rule: Rule, timeout: Duration) -> Result<Object> {
    let wait = Wait { cluster: cluster.clone(), target: target.clone(), rule };
    let mut objects = until_all(&[wait], Limits::new(timeout)).await?;
    Ok(objects.pop().unwrap_or_default())
}

/// Waits for several objects at once, on any clusters, and returns them in the order of the waits.
///
/// # Errors
/// As [`until`]: the first that cannot get there ends all waits, and the failure lists every object that is not there.
pub async fn until_all(waits: &[Wait], limits: Limits) -> Result<Vec<Object>> {
    until_all_unless(waits, limits, std::future::pending()).await
}

/// Waits for several objects at once as [`until_all`] does, unless somebody who knows more finds that it is in vain: the
/// causes end all waits.
///
/// # Errors
/// As [`until_all`]; [`crate::failure::Kind::Script`] with the causes.
pub async fn until_all_unless(
    waits: &[Wait],
    limits: Limits,
    in_vain: impl Future<Output = Vec<String>>,
) -> Result<Vec<Object>> {
    let mut seen: Vec<Seen> = waits.iter().map(|wait| Seen::new(wait.cluster.clock().now())).collect();
    let start = waits.first().map(|wait| wait.cluster.clock().now()).unwrap_or_default();
    let line = crate::here::line();
    let ended = run(waits, &mut seen, limits, in_vain).await;
    note(waits, start, line, ended.is_none());
    let Some((culprit, end)) = ended else {
        return Ok(seen.into_iter().map(Seen::into_object).collect());
    };
    Err(report::failure(waits, &mut seen, culprit, end, limits).await)
}

/// Keeps the wait in the journal.
fn note(waits: &[Wait], start: Duration, line: Option<String>, met: bool) {
    let Some(first) = waits.first() else { return };
    let took = first.cluster.clock().now().saturating_sub(start);
    let title = |wait: &Wait| format!("{}: {} {}", wait.cluster.name(), wait.target.title(), wait.rule.want);
    let what = waits.iter().map(title).collect::<Vec<_>>().join(", ");
    let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    first.cluster.settings().journal.note(&Note::Wait { time: now(), what, ms, met, line });
}

/// Runs all waits; the first that ends badly ends all.
async fn run(
    waits: &[Wait],
    seen: &mut [Seen],
    limits: Limits,
    in_vain: impl Future<Output = Vec<String>>,
) -> Option<(usize, End)> {
    let following = waits.iter().zip(seen.iter_mut()).enumerate();
    let mut running: FuturesUnordered<_> =
        following.map(|(index, (wait, seen))| async move { (index, follow(wait, limits, seen).await) }).collect();
    tokio::pin!(in_vain);
    let causes = loop {
        tokio::select! {
            biased;
            next = running.next() => match next? {
                (_, End::Done) => {}
                ended => return Some(ended),
            },
            causes = &mut in_vain => break causes,
        }
    };
    drop(running);
    seen.iter().position(|seen| !seen.done).map(|index| (index, End::Vain(causes)))
}

#[cfg(test)]
mod tests;
