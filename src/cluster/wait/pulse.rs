//! How well a watch goes: what tells a slow cluster from a blind watcher.

use crate::failure::Failure;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How well the watching goes.
#[derive(Debug, Clone, Default)]
pub struct Health {
    /// Connections opened because the one before broke, was refused or went silent.
    pub reconnects: u32,
    /// When something was heard last, on the cluster's clock.
    pub heard: Option<Duration>,
    /// Why the last attempt failed; `None` once one succeeded.
    pub trouble: Option<Failure>,
    /// Whether it reads at intervals because watching is refused.
    pub polling: bool,
}

/// The health of a watch as it is at any time, also while there is no news; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Pulse(Arc<Mutex<Health>>);

impl Pulse {
    /// How well the watching goes now.
    pub fn now(&self) -> Health {
        self.lock().clone()
    }

    /// Something was heard at this time.
    pub fn hear(&self, now: Duration) {
        let mut health = self.lock();
        health.heard = Some(now);
        health.trouble = None;
    }

    /// A watch was opened at this time; `again` when it stands in for one that broke.
    pub(super) fn open(&self, now: Duration, again: bool) {
        let mut health = self.lock();
        let reconnects = health.reconnects + u32::from(again);
        *health = Health { reconnects, heard: Some(now), trouble: None, polling: false };
    }

    /// From now on it is read at intervals.
    pub(super) fn poll(&self) {
        self.lock().polling = true;
    }

    /// The last attempt failed.
    pub(super) fn fail(&self, failure: Failure) {
        self.lock().trouble = Some(failure);
    }

    fn lock(&self) -> MutexGuard<'_, Health> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
