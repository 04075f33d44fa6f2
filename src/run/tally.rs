//! How much a run has changed, cluster by cluster.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts changes; clones share the counts.
#[derive(Clone, Default)]
pub struct Tally(Arc<Mutex<BTreeMap<String, Counts>>>);

/// Changes made in one cluster, or in all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Objects that did not exist before.
    pub created: usize,
    /// Objects that were different before.
    pub changed: usize,
    /// Objects that are gone or going.
    pub deleted: usize,
}

impl Tally {
    /// Counts one request that has changed a cluster: its method and the answer's status.
    pub fn record(&self, cluster: &str, method: &str, status: u16) {
        let mut totals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = totals.entry(cluster.to_owned()).or_default();
        match (method, status) {
            ("DELETE", 200..300) => counts.deleted += 1,
            (_, 201) => counts.created += 1,
            (_, 200..300) => counts.changed += 1,
            _ => {}
        }
    }

    /// The counts of every cluster so far.
    pub fn totals(&self) -> BTreeMap<String, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What has been counted since, all clusters together.
    pub fn since(&self, before: &BTreeMap<String, Counts>) -> Counts {
        let sum =
            |totals: &BTreeMap<String, Counts>, field: fn(&Counts) -> usize| totals.values().map(field).sum::<usize>();
        let now = self.totals();
        let grown = |field| sum(&now, field).saturating_sub(sum(before, field));
        Counts { created: grown(|c| c.created), changed: grown(|c| c.changed), deleted: grown(|c| c.deleted) }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [(self.created, "created"), (self.changed, "changed"), (self.deleted, "deleted")];
        let shown: Vec<String> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
        f.write_str(if shown.is_empty() { "unchanged".to_owned() } else { shown.join(", ") }.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_counted_by_what_the_server_answered() {
        let tally = Tally::default();
        tally.record("c1", "PATCH", 201);
        let before = tally.totals();
        tally.record("c1", "PATCH", 200);
        tally.record("c2", "DELETE", 200);
        tally.record("c2", "POST", 409);
        assert_eq!(tally.since(&before).to_string(), "1 changed, 1 deleted");
        assert_eq!(tally.totals()["c1"].to_string(), "1 created, 1 changed");
        assert_eq!(Counts::default().to_string(), "unchanged");
    }
}
