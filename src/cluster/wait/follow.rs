//! One wait for one object: watching, confirming and diagnosing side by side until it ends.

use super::confirm;
use super::explain::{Diagnosis, diagnose};
use super::patience::Patience;
use super::rules::Verdict;
use super::seen::Seen;
use super::trouble::Trouble;
use super::watch::{Selection, Watch};
use super::{Limits, Wait};
use crate::failure::{Failure, Result};
use futures::future::BoxFuture;
use std::time::Duration;

/// How often to look around an object that does not get ready.
const LOOK_AROUND: Duration = Duration::from_secs(3);
/// How often to ask again whether the cluster acts on an object.
const CONFIRM_AGAIN: Duration = Duration::from_millis(500);
/// How long the last look at the deadline may take.
const LAST_LOOK: Duration = Duration::from_secs(5);

/// How a wait ended.
pub(super) enum End {
    /// The object is as wanted.
    Done,
    /// Time ran out.
    Late,
    /// The object cannot get there by itself; the trouble says why, unless the object itself does.
    Hopeless(Option<Trouble>),
    /// The cluster refuses to answer.
    Refused(Failure),
}

/// Follows one object to the end of its wait.
pub(super) async fn follow(wait: &Wait, limits: Limits, seen: &mut Seen) -> End {
    let clock = wait.cluster.clock().clone();
    let deadline = clock.sleep(limits.timeout);
    tokio::pin!(deadline);
    let mut following = Following::new(wait, limits);
    loop {
        let end = tokio::select! {
            biased;
            (watch, result) = &mut following.watching => following.watched(watch, result, seen),
            verdict = &mut following.confirming => following.confirmed(verdict, seen),
            diagnosis = &mut following.looking => following.looked(diagnosis, seen),
            () = &mut deadline => Some(last_look(wait, seen).await),
        };
        if let Some(end) = end {
            seen.done = matches!(end, End::Done);
            return end;
        }
    }
}

/// The three things that go on at once. None is ever dropped half-way: each ends by itself or with the wait.
struct Following<'w> {
    wait: &'w Wait,
    limits: Limits,
    patience: Patience,
    watching: BoxFuture<'w, (Watch, Result<()>)>,
    confirming: BoxFuture<'w, Verdict>,
    looking: BoxFuture<'w, Diagnosis>,
}

impl<'w> Following<'w> {
    fn new(wait: &'w Wait, limits: Limits) -> Following<'w> {
        let watch = Watch::new(&wait.cluster, Selection::one(&wait.target));
        Following {
            wait,
            limits,
            patience: Patience::default(),
            watching: Box::pin(watch.step()),
            confirming: Box::pin(std::future::pending()),
            looking: Box::pin(std::future::pending()),
        }
    }

    fn watched(&mut self, watch: Watch, result: Result<()>, seen: &mut Seen) -> Option<End> {
        let first = !seen.answered;
        seen.take(&watch, &self.wait.rule, self.now());
        self.watching = Box::pin(watch.step());
        if let Err(failure) = result {
            return Some(End::Refused(failure));
        }
        if first && seen.answered && self.wait.rule.diagnosed {
            self.look_around(seen);
        }
        self.weigh(seen, Duration::ZERO)
    }

    /// What the verdict on the object means for the wait.
    fn weigh(&mut self, seen: &mut Seen, pause: Duration) -> Option<End> {
        self.confirming = Box::pin(std::future::pending());
        if !seen.answered {
            return None;
        }
        match (&seen.verdict, &seen.object) {
            (Verdict::Done(_), Some(object)) if self.wait.rule.confirmed && confirm::needed(object) => {
                let (cluster, object) = (self.wait.cluster.clone(), object.clone());
                self.confirming = Box::pin(async move {
                    cluster.clock().sleep(pause).await;
                    confirm::confirm(&cluster, &object).await
                });
                None
            }
            (Verdict::Done(_), _) => Some(End::Done),
            (Verdict::Failed(_), _) if self.limits.fail_fast => Some(End::Hopeless(None)),
            _ => None,
        }
    }

    fn confirmed(&mut self, verdict: Verdict, seen: &mut Seen) -> Option<End> {
        let ends = verdict.is_done();
        let held = std::mem::replace(&mut seen.verdict, Verdict::Done(String::new()));
        seen.say(verdict, self.now());
        if ends {
            return Some(End::Done);
        }
        // The object itself is still right: ask again, and show what the cluster said meanwhile.
        let said = std::mem::replace(&mut seen.verdict, held);
        let end = self.weigh(seen, CONFIRM_AGAIN);
        seen.verdict = said;
        end
    }

    fn looked(&mut self, diagnosis: Diagnosis, seen: &mut Seen) -> Option<End> {
        let lost = self.patience.lost(self.now(), &diagnosis.troubles).cloned();
        seen.diagnosis = diagnosis;
        self.look_around(seen);
        lost.filter(|_| self.limits.fail_fast && !seen.verdict.is_done()).map(|trouble| End::Hopeless(Some(trouble)))
    }

    fn look_around(&mut self, seen: &Seen) {
        let (wait, object, began) = (self.wait, seen.object.clone(), seen.began);
        self.looking = Box::pin(async move {
            let clock = wait.cluster.clock();
            clock.sleep(LOOK_AROUND).await;
            let waited = clock.now().saturating_sub(began);
            match object {
                Some(object) => diagnose(&wait.cluster, &wait.target, Some(&object), waited).await,
                None => Diagnosis::default(),
            }
        });
    }

    fn now(&self) -> Duration {
        self.wait.cluster.clock().now()
    }
}

/// The deadline has passed; but perhaps the object got there in the last moment, or while nobody could tell us.
async fn last_look(wait: &Wait, seen: &mut Seen) -> End {
    let clock = wait.cluster.clock();
    let Some(Ok(object)) = clock.timeout(LAST_LOOK, wait.cluster.find(&wait.target)).await else { return End::Late };
    seen.look(object, &wait.rule, clock.now());
    if !seen.verdict.is_done() {
        return End::Late;
    }
    let Some(object) = seen.object.clone().filter(|object| wait.rule.confirmed && confirm::needed(object)) else {
        return End::Done;
    };
    match clock.timeout(LAST_LOOK, confirm::confirm(&wait.cluster, &object)).await {
        Some(Verdict::Done(_)) => End::Done,
        Some(verdict) => {
            seen.say(verdict, clock.now());
            End::Late
        }
        None => End::Late,
    }
}
