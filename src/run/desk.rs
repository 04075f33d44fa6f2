//! What a session at a prompt has beyond a run: it may be allowed to change things later, an interrupt ends only what
//! is under way, and what was changed and started is remembered, to say what a script of it needs.

use super::ending::Ending;
use super::lease::Leases;
use crate::cluster::layers::journal::{Intent, Note, Outcome, Repetition};
use crate::cluster::layers::{Exercised, Gate, Journal};
use crate::cluster::path::ApiPath;
use crate::engine::Cancel;
use crate::failure::Result;
use crate::primitives::host::Keeper;
use crate::process::{Command, Output, Programs};
use futures::future::BoxFuture;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Shared by all sessions of one prompt.
#[derive(Clone)]
pub struct Desk {
    /// Whether anything may be changed now.
    pub gate: Gate,
    /// The interrupts of the user.
    pub cancel: Cancel,
    /// What keeps other runs away while it changes things.
    pub(super) leases: Leases,
    /// What becomes of it when a signal tells the process to end.
    pub ending: Ending,
    used: Arc<Mutex<Used>>,
    /// Of the rights that the requests to clusters make use of.
    pub(super) exercised: Exercised,
    watched: Arc<AtomicBool>,
}

/// What was changed and started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Used {
    /// Namespaces, and `cluster-scoped`.
    pub write: BTreeSet<String>,
    /// Local programs.
    pub exec: BTreeSet<String>,
    /// Namespaces whose pods programs were run in, those left out that may be written.
    pub pods: BTreeSet<String>,
    /// Secrets whose content was used.
    pub secrets: BTreeSet<String>,
}

impl Desk {
    /// A desk that may change things, or not yet.
    pub fn new(write: bool) -> Desk {
        let gate = if write { Gate::open() } else { Gate::shut() };
        Desk {
            gate,
            cancel: Cancel::default(),
            leases: Leases::default(),
            ending: Ending::default(),
            used: Arc::default(),
            exercised: Exercised::default(),
            watched: Arc::default(),
        }
    }

    /// What was changed and started so far.
    pub fn used(&self) -> Used {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner).clone();
        used.pods = self.exercised.pods.names().difference(&used.write).cloned().collect();
        used.secrets = self.exercised.secrets.names();
        used
    }

    /// Whether this is the first session that asks: one of them watches for interrupts.
    pub(super) fn begins_watching(&self) -> bool {
        !self.watched.swap(true, Ordering::SeqCst)
    }

    fn note(&self, note: impl FnOnce(&mut Used)) {
        note(&mut self.used.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// The right that a change at this path needs, as `needs.write` names it.
fn right(path: &str) -> String {
    let target = ApiPath::parse(path.split('?').next().unwrap_or_default());
    match (target.namespace, target.resource.as_str(), target.name) {
        (Some(namespace), ..) | (None, "namespaces", Some(namespace)) => namespace,
        _ => "cluster-scoped".to_owned(),
    }
}

/// A journal that also notes for the desk what was changed.
pub(super) struct NotedJournal(pub Arc<dyn Journal>, pub Desk);

impl Journal for NotedJournal {
    fn intent(&self, intent: &Intent) -> std::io::Result<()> {
        self.1.note(|used| used.write.extend([right(&intent.path)]));
        self.0.intent(intent)
    }

    fn outcome(&self, outcome: &Outcome) -> std::io::Result<()> {
        self.0.outcome(outcome)
    }

    fn repetition(&self, repetition: &Repetition) -> std::io::Result<()> {
        self.0.repetition(repetition)
    }

    fn note(&self, note: &Note) {
        self.0.note(note);
    }
}

/// Programs that start only while the desk's gate is open.
pub(super) struct GuardedPrograms(pub Arc<dyn Programs>, pub Desk);

impl Programs for GuardedPrograms {
    fn which(&self, tool: &str) -> Option<PathBuf> {
        self.0.which(tool)
    }

    fn run<'a>(&'a self, command: &'a Command) -> BoxFuture<'a, Result<Output>> {
        if let Err(failure) = self.1.gate.check(&format!("start `{}`", command.tool)) {
            return Box::pin(async { Err(failure) });
        }
        self.1.note(|used| used.exec.extend([command.tool.clone()]));
        self.0.run(command)
    }
}

/// A keeper that keeps something new only while the desk's gate is open.
pub(super) struct GuardedKeeper(pub Arc<dyn Keeper>, pub Desk);

impl Keeper for GuardedKeeper {
    fn read(&self, name: &str) -> Result<Option<String>> {
        self.0.read(name)
    }

    fn write(&self, name: &str, content: &str) -> Result<()> {
        self.1.gate.check(&format!("write {}", self.0.place(name)))?;
        self.0.write(name, content)
    }

    fn lock(&self, name: &str) -> Result<Box<dyn std::any::Any>> {
        self.1.gate.check(&format!("write {}", self.0.place(name)))?;
        self.0.lock(name)
    }

    fn place(&self, name: &str) -> String {
        self.0.place(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_needs_its_namespace() {
        assert_eq!(right("/apis/apps/v1/namespaces/a/deployments/b?fieldManager=x"), "a");
        assert_eq!(right("/api/v1/namespaces/a"), "a");
        assert_eq!(right("/apis/rbac.authorization.k8s.io/v1/clusterroles/x"), "cluster-scoped");
    }

    #[test]
    fn a_shut_desk_keeps_nothing_new() {
        let desk = Desk::new(false);
        let keeper = GuardedKeeper(Arc::new(crate::primitives::keeper::Memory::default()), desk.clone());
        let failure = keeper.write("root", "x").expect_err("shut");
        assert_eq!(failure.message, "this session is read-only: it may not write memory:root");
        desk.gate.set(true);
        keeper.write("root", "x").expect("open");
    }
}
