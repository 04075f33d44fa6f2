//! Remembers how long each trouble has lasted.

use super::trouble::Trouble;
use std::collections::HashMap;
use std::time::Duration;

/// A trouble that was away for this long is a new one when it comes back.
const FORGET: Duration = Duration::from_secs(30);

/// The troubles of one wait.
#[derive(Default)]
pub(super) struct Patience {
    /// First and last sighting by key.
    sightings: HashMap<String, (Duration, Duration)>,
}

impl Patience {
    /// Notes what is seen now, and returns the first trouble whose grace period is over.
    pub(super) fn lost<'t>(&mut self, now: Duration, troubles: &'t [Trouble]) -> Option<&'t Trouble> {
        self.sightings.retain(|_, (_, last)| now.saturating_sub(*last) <= FORGET);
        for trouble in troubles {
            self.sightings.entry(trouble.key.clone()).or_insert((now, now)).1 = now;
        }
        troubles.iter().find(|trouble| self.left(now, trouble).is_some_and(|left| left.is_zero()))
    }

    /// When the next of these troubles runs out of grace.
    pub(super) fn next(&self, now: Duration, troubles: &[Trouble]) -> Option<Duration> {
        troubles.iter().filter_map(|trouble| self.left(now, trouble)).min()
    }

    fn left(&self, now: Duration, trouble: &Trouble) -> Option<Duration> {
        let first = self.sightings.get(&trouble.key).map_or(now, |(first, _)| *first);
        trouble.grace.map(|grace| (first + grace).saturating_sub(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trouble(grace: Option<u64>) -> [Trouble; 1] {
        let grace = grace.map(Duration::from_secs);
        [Trouble { key: "k".into(), text: String::new(), hint: None, grace, log_of: None }]
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn patience_ends_when_a_trouble_has_lasted_its_grace() {
        let mut patience = Patience::default();
        assert!(patience.lost(at(10), &trouble(Some(5))).is_none());
        assert!(patience.lost(at(12), &[]).is_none());
        assert!(patience.lost(at(15), &trouble(Some(5))).is_some());
        assert!(Patience::default().lost(at(1), &trouble(Some(0))).is_some());
        assert!(patience.lost(at(20), &trouble(None)).is_none());
    }

    #[test]
    fn the_next_end_of_patience_is_known() {
        let mut patience = Patience::default();
        assert!(patience.lost(at(10), &trouble(Some(5))).is_none());
        assert_eq!(patience.next(at(12), &trouble(Some(5))), Some(at(3)));
        assert_eq!(patience.next(at(12), &trouble(None)), None);
    }

    #[test]
    fn a_trouble_that_was_gone_for_long_starts_anew() {
        let mut patience = Patience::default();
        assert!(patience.lost(at(0), &trouble(Some(5))).is_none());
        assert!(patience.lost(at(40), &trouble(Some(5))).is_none());
    }
}
