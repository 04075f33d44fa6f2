//! What a wait has seen so far.

use super::explain::Diagnosis;
use super::pulse::{Health, Pulse};
use super::rule::Rule;
use super::rules::Verdict;
use super::watch::Watch;
use crate::object::Object;
use crate::plain;
use std::time::Duration;

/// Lines of history to keep: the first ones and the last ones tell the story.
const MOST_HISTORY: usize = 7;
/// Characters of one entry of the history.
const MOST_STORY: usize = 72;

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
    /// The uid of the object that is meant: the one given, else that of the first one seen.
    pinned: Option<String>,
    /// What the object as last seen means by itself.
    pub(super) judged: Verdict,
    /// What is known by now, with what the cluster said when it was asked about the object.
    pub(super) verdict: Verdict,
    /// What was seen when, changes only.
    pub(super) history: Vec<(Duration, String)>,
    /// What was found around the object.
    pub(super) diagnosis: Diagnosis,
    /// How well the watching goes.
    pub(super) pulse: Pulse,
}

impl Seen {
    pub(super) fn new(now: Duration) -> Seen {
        Seen {
            began: now,
            object: None,
            answered: false,
            done: false,
            pinned: None,
            judged: Verdict::Absent,
            verdict: Verdict::Progressing("the cluster has not answered yet".into()),
            history: Vec::new(),
            diagnosis: Diagnosis::default(),
            pulse: Pulse::default(),
        }
    }

    /// Takes in what a watch has seen, and judges it.
    pub(super) fn take(&mut self, watch: &Watch, rule: &Rule, follow_replacement: bool, now: Duration) {
        if self.health().heard.is_none() {
            return;
        }
        let object = watch.objects().next().cloned();
        self.look(object, rule, follow_replacement, now);
    }

    /// How well the watching goes.
    pub(super) fn health(&self) -> Health {
        self.pulse.now()
    }

    /// Takes in the object as it is now, and judges it.
    pub(super) fn look(&mut self, object: Option<Object>, rule: &Rule, follow_replacement: bool, now: Duration) {
        self.answered = true;
        let replaced = object.as_ref().is_some_and(|object| self.is_another(object, rule));
        let is_other = replaced && rule.pinned && !follow_replacement;
        if replaced && !is_other {
            self.remember("was deleted and created again".into(), now);
        }
        self.judged = match rule.judge(object.as_ref()) {
            _ if is_other => Verdict::Replaced("was deleted, and another object has its name now".into()),
            // What comes in its place is waited for.
            Verdict::Terminating(text) if follow_replacement => Verdict::Progressing(text),
            verdict => verdict,
        };
        self.say(self.judged.clone(), now);
        // An object that is gone is returned as it was.
        if object.is_some() || !self.verdict.is_done() {
            self.object = object;
        }
    }

    /// Notes what the last state means.
    pub(super) fn say(&mut self, verdict: Verdict, now: Duration) {
        if gist(self.verdict.text()) != gist(verdict.text()) || self.history.is_empty() {
            let looks = if matches!(verdict, Verdict::Suspect(_)) { "suspect: " } else { "" };
            self.remember(format!("{looks}{}", plain::line(verdict.text(), MOST_STORY)), now);
        }
        self.verdict = verdict;
    }

    /// Whether this is not the object that is meant; the newest one seen is meant from now on.
    fn is_another(&mut self, object: &Object, rule: &Rule) -> bool {
        let pinned = self.pinned.take().or_else(|| rule.uid.clone());
        self.pinned = Some(object.uid().to_owned());
        pinned.is_some_and(|pinned| pinned != object.uid())
    }

    /// Notes the end of patience.
    pub(super) fn give_up(&mut self, now: Duration) {
        self.remember("gave up".into(), now);
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

/// A text without the names that it quotes: the next refused pod is no news.
pub(super) fn gist(text: &str) -> Vec<&str> {
    text.split('"').step_by(2).collect()
}
