//! Which day it is in a world: its clock's time as a date.

use crate::clock::Clock;
use jiff::{SignedDuration, Timestamp};
use std::sync::{PoisonError, RwLock};

/// What the date is when the clock stands at zero.
pub(super) struct Calendar(RwLock<Timestamp>);

/// How long before today a simulated world begins. A rehearsal simulates minutes in milliseconds; as long as it takes no
/// longer than this, nothing in it ever lies in the future.
const HEAD_START: SignedDuration = SignedDuration::from_mins(15);

impl Calendar {
    /// For a world that begins now.
    pub fn new(clock: &Clock) -> Calendar {
        let before = if clock.is_simulated() { HEAD_START } else { SignedDuration::ZERO };
        Calendar(RwLock::new(began(Timestamp::now(), clock) - before))
    }

    /// Now.
    pub fn time(&self, clock: &Clock) -> Timestamp {
        *self.0.read().unwrap_or_else(PoisonError::into_inner) + clock.now()
    }

    /// From now on it is today. Returns by how much what has happened in the world must be moved for that, back when it
    /// was ahead.
    pub fn catch_up(&self, clock: &Clock) -> SignedDuration {
        let mut start = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let today = began(Timestamp::now(), clock);
        let by = today.duration_since(*start);
        *start = today;
        by
    }
}

/// When the clock stood at zero if it is `now`.
fn began(now: Timestamp, clock: &Clock) -> Timestamp {
    now.checked_sub(clock.now()).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn what_was_rehearsed_lies_in_the_past_and_the_present_is_today() {
        crate::clock::simulated(async |clock| {
            let calendar = Calendar::new(&clock);
            clock.sleep(Duration::from_secs(600)).await;
            let rehearsed = calendar.time(&clock);
            assert!(rehearsed < Timestamp::now());
            let before = Timestamp::now();
            calendar.catch_up(&clock);
            let today = calendar.time(&clock);
            assert!(today > rehearsed && before <= today && today <= Timestamp::now());
        });
    }

    #[test]
    fn a_world_that_is_ahead_goes_back() {
        crate::clock::simulated(async |clock| {
            let calendar = Calendar::new(&clock);
            assert_eq!(calendar.catch_up(&clock).as_secs(), HEAD_START.as_secs());
            clock.sleep(Duration::from_secs(7200)).await;
            let back = calendar.catch_up(&clock);
            assert!((-7200..=-7190).contains(&back.as_secs()), "{back:?}");
            assert!(calendar.time(&clock) <= Timestamp::now());
        });
    }
}
