//! What time it is in a cluster, as its answers say: its events are dated by that, not by this machine's time.

use crate::clock::Clock;
use http::HeaderMap;
use http::header::DATE;
use jiff::Timestamp;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The date of the last answer, and when it came by the run's clock.
#[derive(Default)]
pub struct Date(Mutex<Option<(Timestamp, Duration)>>);

impl Date {
    /// Takes the date of an answer, where it has one.
    pub(super) fn hear(&self, headers: &HeaderMap, clock: &Clock) {
        let date = headers.get(DATE).and_then(|value| value.to_str().ok());
        let Some(date) = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok()) else { return };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((date.timestamp(), clock.now()));
    }

    /// The time now, to the second; `None` when no answer had a date.
    pub(super) fn now(&self, clock: &Clock) -> Option<Timestamp> {
        let (date, heard) = (*self.0.lock().unwrap_or_else(PoisonError::into_inner))?;
        date.checked_add(clock.now().saturating_sub(heard)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_goes_on_from_the_last_answer() {
        crate::clock::simulated(async |clock| {
            let date = Date::default();
            assert_eq!(date.now(&clock), None);
            let headers = |date: &str| HeaderMap::from_iter([(DATE, date.parse().expect("a value"))]);
            date.hear(&headers("Sun, 06 Nov 1994 08:49:37 GMT"), &clock);
            date.hear(&headers("yesterday"), &clock);
            clock.sleep(Duration::from_secs(5)).await;
            assert_eq!(date.now(&clock).map(|now| now.to_string()).as_deref(), Some("1994-11-06T08:49:42Z"));
        });
    }
}
