//! What the controllers of pods have in common: refused creations, availability, fractions like `25%`.

use super::condition;
use super::template::is_ready;
use super::turn::{Event, Turn, number, text};
use serde_json::Value;
use std::time::Duration;

/// How long a controller waits after the API server refused a pod.
const BACKOFF: Duration = Duration::from_secs(1);
const REFUSED: &str = "refused";

/// Records that the API server refused to create a pod; the next attempt comes after a while.
pub(crate) fn refused(turn: &mut Turn<'_>, owner: &Value, words: &str, component: &'static str) {
    turn.event(owner, Event::warning("FailedCreate", format!("Error creating: {words}"), component));
    back_off(turn);
}

/// No attempt to create anything for a while.
pub(crate) fn back_off(turn: &mut Turn<'_>) {
    turn.enter(REFUSED);
    turn.again(BACKOFF);
}

/// Whether a pod may be created now, which is not the case shortly after a refusal.
pub(crate) fn may_create(turn: &mut Turn<'_>) -> bool {
    !turn.is_in(REFUSED) || turn.stayed(REFUSED, BACKOFF)
}

/// Whether a pod has been ready for its owner's `minReadySeconds`; asks for another turn when that is still to come.
pub(crate) fn is_available(turn: &mut Turn<'_>, pod: &Value, owner: &Value) -> bool {
    if !is_ready(pod) {
        return false;
    }
    let wanted = u64::try_from(number(owner, "/spec/minReadySeconds").unwrap_or(0)).unwrap_or_default();
    if wanted == 0 {
        return true;
    }
    let since = condition::find(pod, "Ready").map(|ready| text(ready, "/lastTransitionTime")).unwrap_or_default();
    let passed = seconds_between(since, turn.time());
    if passed < wanted {
        turn.again(Duration::from_secs(wanted - passed));
    }
    passed >= wanted
}

/// Whole seconds between two moments as objects carry them; nothing when either cannot be read or they are in the
/// wrong order.
pub(crate) fn seconds_between(from: &str, to: &str) -> u64 {
    let parse = |text: &str| text.parse::<jiff::Timestamp>().map(jiff::Timestamp::as_second).unwrap_or_default();
    u64::try_from(parse(to) - parse(from)).unwrap_or_default()
}

/// A number or a percentage of `total`, as `maxSurge` and its like are written.
pub(crate) fn share(value: &Value, total: i64, round_up: bool) -> i64 {
    let Some(percent) =
        value.as_str().and_then(|text| text.strip_suffix('%')).and_then(|text| text.parse::<i64>().ok())
    else {
        return value.as_i64().unwrap_or(0);
    };
    let exact = total * percent;
    if round_up { (exact + 99) / 100 } else { exact / 100 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn shares_round_as_the_deployment_controller_does() {
        assert_eq!(share(&json!("25%"), 3, true), 1);
        assert_eq!(share(&json!("25%"), 3, false), 0);
        assert_eq!(share(&json!(2), 10, false), 2);
    }

    #[test]
    fn seconds_are_counted_forward_only() {
        assert_eq!(seconds_between("2026-01-01T00:00:00Z", "2026-01-01T00:01:05Z"), 65);
        assert_eq!(seconds_between("2026-01-01T00:01:00Z", "2026-01-01T00:00:00Z"), 0);
        assert_eq!(seconds_between("", "2026-01-01T00:00:00Z"), 1_767_225_600);
    }
}
