//! One wait for one object: watching, confirming and diagnosing side by side until it ends.

use super::confirm;
use super::explain::{Depth, Diagnosis, diagnose, held};
use super::patience::Patience;
use super::rules::{self, Verdict};
use super::seen::Seen;
use super::selection::Selection;
use super::trouble::Trouble;
use super::watch::Watch;
use super::{Limits, Wait};
use crate::cluster::layers::Notice;
use crate::failure::{Failure, Result};
use crate::object::Object;
use futures::future::BoxFuture;
use std::collections::HashSet;
use std::time::Duration;

/// The pauses between looks around an object that is not ready at once; the last one repeats. A look is also due when
/// the patience with a trouble ends.
const PAUSES: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(3)];
/// How long a namespace may take to go before what holds it is told.
const HELD: Duration = Duration::from_secs(30);
/// How often to ask again whether the cluster acts on an object.
const CONFIRM_AGAIN: Duration = Duration::from_millis(500);
/// What has passed its progress deadline before the wait began may take this long to get ready all the same.
const STALE: Duration = Duration::from_secs(60);
/// How long the last look at the deadline may take.
pub const LAST_LOOK: Duration = Duration::from_secs(5);

/// How a wait ended.
pub(super) enum End {
    /// The object is as wanted.
    Done,
    /// Time ran out.
    Late,
    /// The object cannot get there by itself; the trouble says why, unless the object itself does.
    Hopeless(Option<Trouble>),
    /// Somebody who knows more has found causes for which it cannot get there.
    Vain(Vec<String>),
    /// The cluster refuses to answer.
    Refused(Failure),
}

/// Follows one object to the end of its wait.
pub(super) async fn follow(wait: &Wait, limits: Limits, seen: &mut Seen) -> End {
    let clock = wait.cluster.clock().clone();
    let deadline = clock.sleep(limits.timeout);
    tokio::pin!(deadline);
    let watch = Watch::new(&wait.cluster, Selection::one(&wait.target));
    seen.pulse = watch.pulse();
    let mut following = Following::new(wait, limits, watch);
    loop {
        let end = tokio::select! {
            biased;
            (watch, result) = &mut following.watching => following.watched(watch, result, seen),
            verdict = &mut following.confirming => following.confirmed(verdict, seen),
            diagnosis = &mut following.looking => following.looked(diagnosis, seen),
            () = &mut following.missing => Some(End::Hopeless(None)),
            () = &mut deadline => Some(last_look(wait, limits, seen).await),
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
    /// Ends when the object has been missing for too long.
    missing: BoxFuture<'w, ()>,
    is_missing: bool,
    /// Whether the object had passed its progress deadline when the wait began.
    was_late: bool,
    /// Looks around so far.
    looks: usize,
    /// Troubles that the user has been told of.
    told: HashSet<String>,
}

impl<'w> Following<'w> {
    fn new(wait: &'w Wait, limits: Limits, watch: Watch) -> Following<'w> {
        Following {
            wait,
            limits,
            patience: Patience::default(),
            watching: Box::pin(watch.step()),
            confirming: Box::pin(std::future::pending()),
            looking: Box::pin(std::future::pending()),
            missing: Box::pin(std::future::pending()),
            is_missing: false,
            was_late: false,
            looks: 0,
            told: HashSet::new(),
        }
    }

    fn watched(&mut self, watch: Watch, result: Result<()>, seen: &mut Seen) -> Option<End> {
        let first = !seen.answered;
        seen.take(&watch, &self.wait.rule, self.limits.follow_replacement, self.now());
        self.watching = Box::pin(watch.step());
        if let Err(failure) = result {
            return Some(End::Refused(failure));
        }
        if first && seen.answered {
            self.was_late = seen.object.as_ref().is_some_and(rules::is_late);
            self.look_around(seen, None);
        }
        self.miss(seen);
        self.weigh(seen, Duration::ZERO)
    }

    /// Starts to count when the object is missing, and stops when it is there.
    fn miss(&mut self, seen: &Seen) {
        let missing = seen.answered && seen.verdict == Verdict::Absent;
        if missing == self.is_missing {
            return;
        }
        self.is_missing = missing;
        self.missing = match self.limits.appear.filter(|_| missing) {
            Some(appear) => Box::pin(self.wait.cluster.clock().sleep(appear)),
            None => Box::pin(std::future::pending()),
        };
    }

    /// What the verdict on the object means for the wait.
    fn weigh(&mut self, seen: &mut Seen, pause: Duration) -> Option<End> {
        self.confirming = Box::pin(std::future::pending());
        if !seen.answered {
            return None;
        }
        match (&seen.judged, &seen.object) {
            (Verdict::Done(_), Some(object)) if self.wait.rule.confirmed && confirm::needed(object) => {
                let (cluster, object) = (self.wait.cluster.clone(), object.clone());
                self.confirming = Box::pin(async move {
                    cluster.clock().sleep(pause).await;
                    confirm::confirm(&cluster, &object).await
                });
                None
            }
            (Verdict::Done(_), Some(object)) if is_silent(self.wait, object) => {
                let left = self.limits.graces.status.saturating_sub(self.now().saturating_sub(seen.began));
                seen.say(Verdict::Progressing("has reported no status yet".into()), self.now());
                let clock = self.wait.cluster.clock().clone();
                self.confirming = Box::pin(async move {
                    clock.sleep(left).await;
                    Verdict::Done("exists; no status reported".into())
                });
                None
            }
            (Verdict::Done(_), _) => Some(End::Done),
            (verdict, _) if verdict.is_hopeless() && self.limits.fail_fast => self.hopeless(seen),
            _ => None,
        }
    }

    /// The end; but what was late already when the wait began may be what an interrupted run left half done: it gets a
    /// moment.
    fn hopeless(&mut self, seen: &Seen) -> Option<End> {
        let left = STALE.saturating_sub(self.now().saturating_sub(seen.began));
        let is_late = self.was_late && seen.object.as_ref().is_some_and(rules::is_late);
        if !is_late || left.is_zero() {
            return Some(End::Hopeless(None));
        }
        let (clock, verdict) = (self.wait.cluster.clock().clone(), seen.judged.clone());
        self.confirming = Box::pin(async move {
            clock.sleep(left).await;
            verdict
        });
        None
    }

    fn confirmed(&mut self, verdict: Verdict, seen: &mut Seen) -> Option<End> {
        let ends = verdict.is_done();
        seen.say(verdict, self.now());
        if ends {
            return Some(End::Done);
        }
        // The object itself is still right: ask again, and show what the cluster said meanwhile.
        self.weigh(seen, CONFIRM_AGAIN)
    }

    fn looked(&mut self, diagnosis: Diagnosis, seen: &mut Seen) -> Option<End> {
        let now = self.now();
        let lost = self.patience.lost(now, &diagnosis.troubles).cloned();
        let next = self.patience.next(now, &diagnosis.troubles).filter(|next| !next.is_zero());
        seen.diagnosis = diagnosis;
        self.look_around(seen, next);
        if let Some(settled) = seen.diagnosis.settled.take().filter(|_| self.wait.rule.confirmed) {
            seen.say(Verdict::Done(settled), now);
            return Some(End::Done);
        }
        let Some(trouble) = lost.filter(|_| !seen.verdict.is_done()) else {
            self.tell_holders(seen, now.saturating_sub(seen.began));
            return None;
        };
        if self.limits.fail_fast {
            return Some(End::Hopeless(Some(trouble)));
        }
        self.tell(&trouble.key, &trouble.text);
        None
    }

    /// Says once that something that ends other waits does not end this one.
    fn tell(&mut self, key: &str, text: &str) {
        if !self.told.insert(key.to_owned()) {
            return;
        }
        let settings = self.wait.cluster.settings();
        let (cluster, object) = (settings.cluster.clone(), self.wait.target.title());
        (settings.listener)(&Notice::Waiting { cluster, object, text: text.to_owned() });
    }

    /// What is slow to go says what holds it, long before the wait ends.
    fn tell_holders(&mut self, seen: &Seen, waited: Duration) {
        if self.wait.rule.diagnosed || waited < HELD {
            return;
        }
        for note in seen.diagnosis.notes.clone() {
            self.tell(&note, &note);
        }
    }

    fn look_around(&mut self, seen: &Seen, due: Option<Duration>) {
        let going = self.wait.rule.want == "gone";
        if !self.wait.rule.diagnosed && !going {
            return;
        }
        let pause = PAUSES[self.looks.min(PAUSES.len() - 1)];
        let pause = due.unwrap_or(pause).min(pause);
        self.looks += 1;
        let (wait, object, began, graces) = (self.wait, seen.object.clone(), seen.began, self.limits.graces);
        self.looking = Box::pin(async move {
            let clock = wait.cluster.clock();
            clock.sleep(pause).await;
            let waited = clock.now().saturating_sub(began);
            match object {
                Some(_) if going && waited < HELD => Diagnosis::default(),
                Some(object) if going => held(&wait.cluster, &object).await,
                Some(object) => {
                    diagnose(&wait.cluster, &wait.target, Some(&object), waited, &graces, Depth::Glance).await
                }
                None => Diagnosis::default(),
            }
        });
    }

    fn now(&self) -> Duration {
        self.wait.cluster.clock().now()
    }
}

/// Whether an object of a kind that reports a status has reported none.
fn is_silent(wait: &Wait, object: &Object) -> bool {
    let reports = wait.target.resource.subresources.iter().any(|subresource| subresource == "status");
    wait.rule.confirmed && reports && rules::is_silent(object)
}

/// The deadline has passed; but perhaps the object got there in the last moment, or while nobody could tell us.
async fn last_look(wait: &Wait, limits: Limits, seen: &mut Seen) -> End {
    let clock = wait.cluster.clock();
    let Some(Ok(object)) = clock.timeout(LAST_LOOK, wait.cluster.find(&wait.target)).await else { return End::Late };
    seen.pulse.hear(clock.now());
    seen.look(object, &wait.rule, limits.follow_replacement, clock.now());
    if !seen.verdict.is_done() {
        return End::Late;
    }
    if seen.object.as_ref().is_some_and(|object| is_silent(wait, object)) && limits.timeout < limits.graces.status {
        seen.say(Verdict::Progressing("has reported no status yet".into()), clock.now());
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
