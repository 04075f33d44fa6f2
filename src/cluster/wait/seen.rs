//! What a wait has seen so far.

use super::explain::Diagnosis;
use super::rule::Rule;
use super::rules::Verdict;
use super::watch::{Health, Watch};
use crate::object::Object;
use std::time::Duration;

/// Lines of history to keep: the first ones and the last ones tell the story.
const MOST_HISTORY: usize = 8;

/// What a wait has seen so far.
pub(super) struct Seen {
    /// When the wait began, on the cluster's clock.
    pub(super) began: Duration,
    /// The object as last seen; `None` while there is none.
    pub(super) object: Option<Object>,
    /// Whether the cluster has answered at all.
    pub(super) answered: bool,
    /// Whether it is as wanted.
    pub(super) done: bool,
    /// What the last state means.
    pub(super) verdict: Verdict,
    /// What was seen when, changes only.
    pub(super) history: Vec<(Duration, String)>,
    /// What was found around the object.
    pub(super) diagnosis: Diagnosis,
    /// How well the watching goes.
    pub(super) health: Health,
}

impl Seen {
    pub(super) fn new(now: Duration) -> Seen {
        Seen {
            began: now,
            object: None,
            answered: false,
            done: false,
            verdict: Verdict::Progressing("the cluster has not answered yet".into()),
            history: Vec::new(),
            diagnosis: Diagnosis::default(),
            health: Health::default(),
        }
    }

    /// Takes in what a watch has seen, and judges it.
    pub(super) fn take(&mut self, watch: &Watch, rule: &Rule, now: Duration) {
        self.health = watch.health().clone();
        if self.health.heard.is_none() {
            return;
        }
        let object = watch.objects().next().cloned();
        self.note_replacement(object.as_ref(), now);
        self.look(object, rule, now);
    }

    /// Takes in the object as it is now, and judges it.
    pub(super) fn look(&mut self, object: Option<Object>, rule: &Rule, now: Duration) {
        self.answered = true;
        self.say(rule.judge(object.as_ref()), now);
        // An object that is gone is returned as it was.
        if object.is_some() || !self.verdict.is_done() {
            self.object = object;
        }
    }

    /// Notes what the last state means.
    pub(super) fn say(&mut self, verdict: Verdict, now: Duration) {
        if self.history.last().is_none_or(|(_, last)| last != verdict.text()) {
            self.remember(verdict.text().to_owned(), now);
        }
        self.verdict = verdict;
    }

    fn note_replacement(&mut self, new: Option<&Object>, now: Duration) {
        if let (Some(old), Some(new)) = (&self.object, new)
            && old.uid() != new.uid()
        {
            self.remember("was deleted and created again".into(), now);
        }
    }

    fn remember(&mut self, text: String, now: Duration) {
        if self.history.len() == MOST_HISTORY {
            self.history.remove(MOST_HISTORY / 2);
        }
        self.history.push((now.saturating_sub(self.began), text));
    }

    pub(super) fn into_object(self) -> Object {
        self.object.unwrap_or_default()
    }
}
