//! When and how long requests are repeated, and which may be.

use crate::clock::Clock;
use crate::cluster::path::{Effect, effect_of};
use http::header::CONTENT_TYPE;
use http::{Method, Request};
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

/// When and how long requests are repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The longest first pause; doubled for each further one.
    pub first_pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
    /// How long all tries of a request may take.
    pub budget: Duration,
    /// The same while this cluster has never answered: a wrong address should be told soon.
    pub first_contact: Duration,
    /// The same where no connection can be made: nothing listens, or the name does not resolve.
    pub first_connection: Duration,
    /// How long one try of a read may take until its answer begins.
    pub read: Duration,
    /// How long one try of a change may take: admission webhooks may take 30 s.
    pub change: Duration,
    /// The same for a first try that can be repeated, or looked up: most silence is a dead connection.
    pub first_change: Duration,
    /// How long the body of an answer may stand still.
    pub body: Duration,
}

impl Default for Policy {
    fn default() -> Policy {
        Policy {
            first_pause: Duration::from_millis(100),
            longest_pause: Duration::from_secs(5),
            // Whoever pulls a cable and plugs it in again takes half a minute.
            budget: Duration::from_secs(60),
            first_contact: Duration::from_secs(10),
            first_connection: Duration::from_millis(1500),
            read: Duration::from_secs(10),
            change: Duration::from_secs(30),
            first_change: Duration::from_secs(15),
            body: Duration::from_secs(10),
        }
    }
}

impl Policy {
    /// The pause before the try with this number (1 is the first repetition), with full jitter.
    pub fn pause(&self, number: u32, clock: &Clock) -> Duration {
        let longest = self.first_pause.saturating_mul(1 << number.saturating_sub(1).min(16)).min(self.longest_pause);
        // A rehearsal must run the same way each time.
        let share = if clock.is_simulated() { 0.5 } else { random_share() };
        longest.mul_f64(share).max(Duration::from_millis(10))
    }
}

fn random_share() -> f64 {
    let random = std::collections::hash_map::RandomState::new().build_hasher().finish();
    (random >> 11) as f64 / (1u64 << 53) as f64
}

/// Whether sending this request twice ends in the same state as sending it once.
pub fn is_repeatable<T>(request: &Request<T>) -> bool {
    if runs(request) {
        return false;
    }
    let tried = request.uri().query().is_some_and(|query| query.split('&').any(|pair| pair == "dryRun=All"));
    let json_patch = request.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == "application/json-patch+json");
    match *request.method() {
        // Reviews store nothing, and a second token is as good as the first.
        Method::POST => tried || ["accessreviews", "/token"].iter().any(|end| request.uri().path().ends_with(end)),
        Method::PATCH => tried || !json_patch,
        _ => true,
    }
}

/// Whether a program runs in a pod because of this request, whatever its method.
pub(super) fn runs<T>(request: &Request<T>) -> bool {
    effect_of(request.method(), request.uri().path(), request.uri().query()) == Effect::Run
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit() {
        let (policy, clock) = (Policy::default(), Clock::simulated());
        assert_eq!(policy.pause(1, &clock), Duration::from_millis(50));
        assert_eq!(policy.pause(3, &clock), Duration::from_millis(200));
        assert_eq!(policy.pause(60, &clock), Duration::from_millis(2500));
        assert!((1..100).all(|n| policy.pause(n, &Clock::real()) <= policy.longest_pause));
    }
}
