//! What is waited for.

use super::rules::{self, Verdict};
use crate::object::Object;
use std::sync::Arc;

type Judge = dyn Fn(Option<&Object>) -> Verdict + Send + Sync;

/// What an object must become.
#[derive(Clone)]
pub struct Rule {
    /// The wish as a message says it: "not READY after 5m".
    pub(super) want: String,
    judge: Arc<Judge>,
    /// Whether the cluster is asked once more when the object looks right: served kinds, answering webhooks.
    pub(super) confirmed: bool,
    /// Whether pods and events are looked at meanwhile, to give up early on what cannot heal.
    pub(super) diagnosed: bool,
    /// Whether one object is meant: another one of the same name does not count.
    pub(super) pinned: bool,
    /// The uid of the object that is meant, if it is known before the first look.
    pub(super) uid: Option<String>,
}

impl Rule {
    /// A rule of one's own. `want` completes the sentence "not … after 5m".
    pub fn new(want: impl Into<String>, judge: impl Fn(Option<&Object>) -> Verdict + Send + Sync + 'static) -> Rule {
        Rule { want: want.into(), judge: Arc::new(judge), confirmed: false, diagnosed: false, pinned: false, uid: None }
    }

    /// Ready by the rule of its kind, see [`rules::verdict`].
    pub fn ready() -> Rule {
        let rule = Rule::new("ready", |object| object.map_or_else(absent, rules::verdict));
        Rule { confirmed: true, diagnosed: true, pinned: true, ..rule }
    }

    /// Ready, and not in a state from before `known`, which a write has returned or a read has shown: an API server
    /// that lags behind must not pass the old state for the new one.
    pub fn ready_since(known: &Object) -> Rule {
        let (uid, generation) = (known.uid().to_owned(), known.int_at("metadata.generation"));
        let pin = Some(uid.clone()).filter(|uid| !uid.is_empty());
        let rule = Rule::new("ready", move |object| match object {
            None => absent(),
            Some(object) if object.uid() == uid && object.int_at("metadata.generation") < generation => {
                Verdict::Progressing("the server shows a state from before the last change".into())
            }
            Some(object) => rules::verdict(object),
        });
        Rule { confirmed: true, diagnosed: true, pinned: true, uid: pin, ..rule }
    }

    /// It exists.
    pub fn exists() -> Rule {
        Rule::new("there", |object| object.map_or_else(absent, |_| Verdict::Done("exists".into())))
    }

    /// A Secret or ConfigMap has all of these keys, none of them empty.
    pub fn keys(keys: Vec<String>) -> Rule {
        let judge = move |object: &Object| {
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            match rules::missing_key(object, &keys) {
                None => Verdict::Done(format!("has {}", keys.join(", "))),
                Some(key) => Verdict::Progressing(format!("has no {key} yet")),
            }
        };
        Rule::new("filled", move |object| object.map_or_else(absent, &judge))
    }

    /// It does not exist, or another object of the same name has replaced the one with this uid.
    pub fn gone(uid: Option<String>) -> Rule {
        Rule::new("gone", move |object| match object {
            None => Verdict::Done("does not exist".into()),
            Some(object) if uid.as_deref().is_some_and(|uid| !object.uid().is_empty() && object.uid() != uid) => {
                Verdict::Done("is gone; a new object has its name".into())
            }
            Some(object) => Verdict::Progressing(match object.str_at("metadata.deletionTimestamp") {
                Some(since) => format!("is being deleted since {since}"),
                None => "exists and is not being deleted".into(),
            }),
        })
    }

    /// A condition of its status has this status, usually `True`.
    pub fn condition(name: &str, status: &str) -> Rule {
        let (name, status) = (name.to_owned(), status.to_owned());
        let want = if status == "True" { name.clone() } else { format!("{name}={status}") };
        let rule = Rule::new(want, move |object| {
            object.map_or_else(absent, |object| rules::judge_condition(object, &name, &status))
        });
        Rule { diagnosed: true, pinned: true, ..rule }
    }

    /// A service has an address for callers outside the cluster.
    pub fn address() -> Rule {
        let rule =
            Rule::new("reachable from outside", |service| service.map_or_else(absent, rules::reachable_from_outside));
        Rule { diagnosed: true, pinned: true, ..rule }
    }

    /// The same rule with one more demand on what is right otherwise: `None` when it is met.
    pub fn and(self, more: impl Fn(&Object) -> Option<Verdict> + Send + Sync + 'static) -> Rule {
        let judge = self.judge.clone();
        let both = move |object: Option<&Object>| match (judge(object), object) {
            (Verdict::Done(text), Some(object)) => more(object).unwrap_or(Verdict::Done(text)),
            (verdict, _) => verdict,
        };
        Rule { judge: Arc::new(both), ..self }
    }

    /// Whether the object should be there already: its absence is worth a word long before the wait's end.
    pub fn expects(&self) -> bool {
        self.pinned
    }

    /// What is asked for, in the words of the object's kind where they are more than the wish itself.
    pub(super) fn asks(&self, object: Option<&Object>) -> String {
        match (&*self.want, object) {
            ("ready", Some(object)) => format!("ready: {}", rules::wanted(object)),
            (want, _) => want.to_owned(),
        }
    }

    /// What this state means.
    pub fn judge(&self, object: Option<&Object>) -> Verdict {
        (self.judge)(object)
    }
}

fn absent() -> Verdict {
    Verdict::Absent
}

#[cfg(test)]
mod tests {
    use super::super::rules::tests::object;
    use super::*;

    const SERVICE: &str = "{apiVersion: v1, kind: Service, metadata: {name: s, uid: a, generation: 1}, spec: {type: LoadBalancer, clusterIP: 10.0.0.1}}";

    #[test]
    fn nothing_is_ready_before_it_exists() {
        for rule in [Rule::ready(), Rule::exists(), Rule::condition("A", "True"), Rule::address()] {
            assert_eq!(rule.judge(None), Verdict::Absent);
        }
        assert!(Rule::gone(None).judge(None).is_done());
    }

    #[test]
    fn keys_must_hold_something() {
        let map = |data: &str| object(&format!("{{apiVersion: v1, kind: ConfigMap, data: {{{data}}}}}"));
        let rule = Rule::keys(vec!["a".into(), "b".into()]);
        assert!(rule.judge(Some(&map("a: '1', b: '2'"))).is_done());
        assert_eq!(rule.judge(Some(&map("a: '1', b: ''"))).text(), "has no b yet");
        assert_eq!(rule.judge(None), Verdict::Absent);
    }

    #[test]
    fn a_replaced_object_is_gone() {
        let service = object(SERVICE);
        assert!(!Rule::gone(Some("a".into())).judge(Some(&service)).is_done());
        assert!(Rule::gone(Some("b".into())).judge(Some(&service)).is_done());
    }

    #[test]
    fn an_older_state_than_the_known_one_does_not_count() {
        let known = object("{apiVersion: v1, kind: ConfigMap, metadata: {name: c, uid: a, generation: 2}}");
        let shown = |uid: &str, generation: i64| {
            object(&format!(
                "{{apiVersion: v1, kind: ConfigMap, metadata: {{name: c, uid: {uid}, generation: {generation}}}}}"
            ))
        };
        let rule = Rule::ready_since(&known);
        assert!(!rule.judge(Some(&shown("a", 1))).is_done());
        assert!(rule.judge(Some(&shown("a", 2))).is_done());
        assert!(rule.judge(Some(&shown("b", 1))).is_done());
    }

    #[test]
    fn a_cluster_address_is_none_for_outside_callers() {
        assert!(!Rule::address().judge(Some(&object(SERVICE))).is_done());
    }
}
