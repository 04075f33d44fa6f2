//! One look of a controller at one object: what it sees, what it remembers, what it wants done.
//!
//! Controllers are pure functions from a [`Turn`] to its actions, so that each can be tested over a handful of
//! objects; [`super::dispatch`] gives the turns and [`super::act`] carries the actions out.

use super::address::{LoadBalancer, Pool};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// What a controller can read.
pub(crate) trait View {
    /// The object of this kind and name, if stored.
    fn get(&self, kind: &str, namespace: Option<&str>, name: &str) -> Option<Arc<Value>>;
    /// All objects of a kind, in one namespace or in all.
    fn list(&self, kind: &str, namespace: Option<&str>) -> Vec<Arc<Value>>;
    /// All objects of every kind, in one namespace or everywhere.
    fn all(&self, namespace: Option<&str>) -> Vec<Arc<Value>>;
    /// The objects that name this uid among their owners.
    fn owned(&self, uid: &str) -> Vec<Arc<Value>>;
    /// Whether an object of this uid was removed that had dependents.
    fn is_gone(&self, uid: &str) -> bool;
    /// Whether this version of this kind is served.
    fn serves(&self, api_version: &str, kind: &str) -> bool;
    /// An address of the cluster that has not been given out.
    fn address(&self, pool: Pool) -> String;
    /// What Services of type LoadBalancer get.
    fn load_balancer(&self) -> LoadBalancer;
    /// Whether new definitions were forgotten in a restart: they are established once somebody changes them.
    fn has_forgotten_definitions(&self) -> bool;
    /// The certificate of the API server's authority, PEM.
    fn authority(&self) -> String;
    /// A token of this service account, as the token Secret keeps it.
    fn token(&self, account: &Value, secret: &Value) -> String;
}

/// The object that a turn is about; the namespace of cluster-scoped objects is empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Id {
    /// Namespace, or empty.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl Id {
    /// The identity of a stored object.
    pub fn of(object: &Value) -> Id {
        Id { namespace: text(object, "/metadata/namespace").into(), name: text(object, "/metadata/name").into() }
    }

    /// An object of this namespace.
    pub fn new(namespace: &str, name: &str) -> Id {
        Id { namespace: namespace.into(), name: name.into() }
    }

    /// The namespace as reads take it.
    pub fn namespace(&self) -> Option<&str> {
        (!self.namespace.is_empty()).then_some(self.namespace.as_str())
    }
}

/// What a controller remembers about an object between its turns.
#[derive(Debug, Default, Clone)]
pub(crate) struct Memo {
    /// The uid of the object that it is about: a successor of the same name is not remembered.
    pub uid: String,
    /// The stage the object is in, and since when.
    stage: Option<(String, Duration)>,
    /// How many names were given out.
    names: u64,
    /// What the last probe said, if it has not been looked at yet: `None` inside is ready.
    pub probe: Option<Option<String>>,
    /// Why the last creation was refused, if that has not been looked at yet.
    pub refusal: Option<String>,
}

/// What a controller wants done.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Action {
    /// Create it as a client of the API would: with defaults and admission.
    Create(Value),
    /// Merge this (RFC 7396) into the object, unless it is another one by now.
    Patch(Target, Value),
    /// Delete it as a client of the API would: graceful, with finalizers.
    Delete(Target),
    /// Delete it after its own dependents.
    DeleteInForeground(Target),
    /// Remove it from the store.
    Remove(Target),
    /// Record an event about it.
    Event(Value, Event),
    /// Ask the behaviour whether this pod is ready and take another turn.
    Probe(Value),
}

/// Which object an action is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// API group and version.
    pub api_version: String,
    /// Kind.
    pub kind: String,
    /// Namespace and name.
    pub id: Id,
    /// The object's uid: an action never hits a successor of the same name.
    pub uid: String,
}

impl Target {
    /// The object itself.
    pub fn of(object: &Value) -> Target {
        Target {
            api_version: text(object, "/apiVersion").into(),
            kind: text(object, "/kind").into(),
            id: Id::of(object),
            uid: uid(object).into(),
        }
    }

    /// The kind with its group, as reads take it when kinds of several groups have the same name.
    pub fn resource(&self) -> String {
        qualified(&self.api_version, &self.kind)
    }
}

/// A kind with its group, as reads take it: `Gateway.networking.istio.io`, `Pod`.
pub(crate) fn qualified(api_version: &str, kind: &str) -> String {
    match api_version.split_once('/') {
        Some((group, _)) => format!("{kind}.{group}"),
        None => kind.to_owned(),
    }
}

/// What an event says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    /// `Normal` or `Warning`.
    pub severity: &'static str,
    /// The reason, in CamelCase.
    pub reason: &'static str,
    /// The words of the component.
    pub message: String,
    /// The component that speaks.
    pub component: &'static str,
    /// The part of the object concerned, such as `spec.containers{app}`; empty for the whole object.
    pub field: String,
}

impl Event {
    /// Something expected, about the whole object.
    pub fn normal(reason: &'static str, message: impl Into<String>, component: &'static str) -> Event {
        Event { severity: "Normal", reason, message: message.into(), component, field: String::new() }
    }

    /// Something wrong, about the whole object.
    pub fn warning(reason: &'static str, message: impl Into<String>, component: &'static str) -> Event {
        Event { severity: "Warning", reason, message: message.into(), component, field: String::new() }
    }

    /// The same about one part of the object.
    pub fn at(mut self, field: impl Into<String>) -> Event {
        self.field = field.into();
        self
    }
}

/// One look of a controller at one object.
pub(crate) struct Turn<'a> {
    view: &'a dyn View,
    memo: &'a mut Memo,
    kind: &'a str,
    now: Duration,
    time: &'a str,
    actions: Vec<Action>,
    again: Option<Duration>,
    later: Option<Duration>,
}

impl<'a> Turn<'a> {
    /// A turn about an object of this kind at this moment: `now` on the clock, `time` as objects carry it.
    pub fn new(view: &'a dyn View, memo: &'a mut Memo, kind: &'a str, now: Duration, time: &'a str) -> Turn<'a> {
        Turn { view, memo, kind, now, time, actions: Vec::new(), again: None, later: None }
    }

    /// The kind of the object that the turn is about.
    pub fn kind(&self) -> &'a str {
        self.kind
    }

    /// What can be read.
    pub fn view(&self) -> &'a dyn View {
        self.view
    }

    /// The object of this kind with this identity.
    pub fn get(&self, kind: &str, id: &Id) -> Option<Arc<Value>> {
        self.view.get(kind, id.namespace(), &id.name)
    }

    /// Now, RFC 3339 with seconds.
    pub fn time(&self) -> &'a str {
        self.time
    }

    /// Whether the object has been in `stage` for `duration`; if not, another turn comes at that moment.
    pub fn stayed(&mut self, stage: &str, duration: Duration) -> bool {
        let since = match &self.memo.stage {
            Some((name, since)) if name == stage => *since,
            _ => {
                self.memo.stage = Some((stage.to_owned(), self.now));
                self.now
            }
        };
        let end = since.saturating_add(duration);
        if self.now >= end {
            return true;
        }
        self.again(end - self.now);
        false
    }

    /// Enters a stage now, even when the object is in it already.
    pub fn enter(&mut self, stage: &str) {
        self.memo.stage = Some((stage.to_owned(), self.now));
    }

    /// The stage that the object is in.
    pub fn stage(&self) -> Option<&str> {
        self.memo.stage.as_ref().map(|(name, _)| name.as_str())
    }

    /// Whether the object is in this stage.
    pub fn is_in(&self, stage: &str) -> bool {
        self.memo.stage.as_ref().is_some_and(|(name, _)| name == stage)
    }

    /// Asks for another turn after this time, or earlier.
    pub fn again(&mut self, after: Duration) {
        self.again = Some(self.again.map_or(after, |earlier| earlier.min(after)));
    }

    /// Asks for another turn after this time, when the clock gets there by itself or for somebody else's sake: what goes
    /// on for ever must not drive a simulated clock.
    pub fn later(&mut self, after: Duration) {
        self.later = Some(after);
    }

    /// A number that this object has not been given before.
    pub fn next_number(&mut self) -> u64 {
        self.memo.names += 1;
        self.memo.names
    }

    /// What the last probe said, once.
    pub fn probed(&mut self) -> Option<Option<String>> {
        self.memo.probe.take()
    }

    /// Why the last creation was refused, once.
    pub fn refusal(&mut self) -> Option<String> {
        self.memo.refusal.take()
    }

    /// Wants something done.
    pub fn want(&mut self, action: Action) {
        self.actions.push(action);
    }

    /// Wants `merge` merged into `object`, unless that would change nothing.
    pub fn patch(&mut self, object: &Value, merge: Value) {
        let mut merged = object.clone();
        json_patch::merge(&mut merged, &merge);
        if merged != *object {
            self.want(Action::Patch(Target::of(object), merge));
        }
    }

    /// Wants an event recorded.
    pub fn event(&mut self, object: &Value, event: Event) {
        self.want(Action::Event(object.clone(), event));
    }

    /// What was wanted, and after how long the next turn is due, at the latest and when time passes anyway.
    pub fn finish(self) -> (Vec<Action>, Option<Duration>, Option<Duration>) {
        (self.actions, self.again, self.later)
    }
}

/// The text at a JSON pointer; empty when there is none.
pub(crate) fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The whole number at a JSON pointer.
pub(crate) fn number(object: &Value, pointer: &str) -> Option<i64> {
    object.pointer(pointer).and_then(Value::as_i64)
}

/// The list at a JSON pointer; empty when there is none.
pub(crate) fn items<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    object.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// The uid of an object.
pub(crate) fn uid(object: &Value) -> &str {
    text(object, "/metadata/uid")
}

/// The name of an object.
pub(crate) fn name(object: &Value) -> &str {
    text(object, "/metadata/name")
}

/// The kind of an object.
pub(crate) fn kind(object: &Value) -> &str {
    text(object, "/kind")
}

/// Whether somebody has asked for the object's deletion.
pub(crate) fn is_terminating(object: &Value) -> bool {
    !text(object, "/metadata/deletionTimestamp").is_empty()
}

/// Whether the object waits for this finalizer.
pub(crate) fn has_finalizer(object: &Value, finalizer: &str) -> bool {
    items(object, "/metadata/finalizers").iter().any(|listed| listed == finalizer)
}

/// Wants a finalizer taken off an object.
pub(crate) fn without_finalizer(turn: &mut Turn<'_>, object: &Value, finalizer: &str) {
    let mut finalizers = items(object, "/metadata/finalizers").to_vec();
    finalizers.retain(|listed| listed != finalizer);
    turn.patch(object, serde_json::json!({ "metadata": { "finalizers": finalizers } }));
}
