//! Puts something in the places of secrets that a recording does not hold: what the replay itself has written there, or
//! a stand-in of the same form.

use super::mask::{ENCODED, pattern};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use regex::{Captures, Regex};
use serde_json::Value;
use std::sync::LazyLock;

static MARK: LazyLock<Regex> = LazyLock::new(|| pattern("‹secret ([^›]*)›"));
static TIME: LazyLock<Regex> = LazyLock::new(|| pattern(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"));

/// A certificate of nobody.
static CERTIFICATE: LazyLock<String> = LazyLock::new(|| {
    let key = rcgen::KeyPair::generate();
    let made = key.and_then(|key| rcgen::CertificateParams::new(vec!["replayed".to_owned()])?.self_signed(&key));
    made.map_or_else(|_| "replayed".to_owned(), |certificate| certificate.pem())
});

/// Whether a recorded value had a secret in it.
pub(super) fn is_masked(value: &Value) -> bool {
    match value {
        Value::String(text) => MARK.is_match(text),
        Value::Array(items) => items.iter().any(is_masked),
        Value::Object(fields) => fields.values().any(is_masked),
        _ => false,
    }
}

/// Fills the places of secrets in an answer about an object that the replay has last written like this.
pub(super) fn fill(answer: &mut Value, written: Option<&Value>) {
    match answer {
        Value::String(recorded) => {
            if let Some(filled) = filled(recorded, written.and_then(Value::as_str)) {
                *recorded = filled;
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter_mut().enumerate() {
                fill(item, written.and_then(|written| written.get(at)));
            }
        }
        Value::Object(fields) => {
            let is_secret = fields.get("kind").is_some_and(|kind| kind == "Secret");
            for (name, field) in fields.iter_mut() {
                let written = written.and_then(|written| written.get(name));
                if is_secret && name == "data" {
                    fill_data(field, written);
                } else {
                    fill(field, written);
                }
            }
        }
        _ => {}
    }
}

/// What a Secret holds is in base64.
fn fill_data(data: &mut Value, written: Option<&Value>) {
    for (key, value) in data.as_object_mut().into_iter().flatten() {
        let Some(recorded) = value.as_str().filter(|recorded| MARK.is_match(recorded)) else { continue };
        let written = written.and_then(|written| written.get(key)).and_then(Value::as_str);
        *value = match written {
            Some(written) => written.into(),
            None => STANDARD.encode(filled(recorded, None).unwrap_or_default()).into(),
        };
    }
}

/// The text with its secrets filled; `None` when it has none.
fn filled(recorded: &str, written: Option<&str>) -> Option<String> {
    if !MARK.is_match(recorded) {
        return None;
    }
    Some(written.map_or_else(|| text(recorded), str::to_owned))
}

/// Text with stand-ins for its secrets.
pub(super) fn text(recorded: &str) -> String {
    MARK.replace_all(recorded, |found: &Captures<'_>| stand_in(&found[1])).into_owned()
}

fn stand_in(what: &str) -> String {
    let is_certificate =
        what.ends_with("CERTIFICATE") || [".crt", ".pem", "cert"].iter().any(|end| what.ends_with(end));
    match what {
        ENCODED => STANDARD.encode(&*CERTIFICATE),
        _ if is_certificate && !what.contains("key") => CERTIFICATE.clone(),
        _ => "replayed".to_owned(),
    }
}

/// A text without what differs from run to run: secrets' names and times.
pub(super) fn lasting(text: &str) -> String {
    TIME.replace_all(&MARK.replace_all(text, "‹secret›"), "‹time›").into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn places_of_secrets_hold_what_was_written_there_or_a_stand_in() {
        let mut answer =
            json!({"kind": "Secret", "data": {"a": "‹secret a›", "ca.crt": "‹secret ca.crt›", "plain": "eA=="}});
        fill(&mut answer, Some(&json!({"data": {"a": "bWluZQ=="}})));
        assert_eq!((answer["data"]["a"].as_str(), answer["data"]["plain"].as_str()), (Some("bWluZQ=="), Some("eA==")));
        let pem = STANDARD.decode(answer["data"]["ca.crt"].as_str().expect("text")).expect("base64");
        assert!(pem.starts_with(b"-----BEGIN CERTIFICATE-----"));
        assert!(!is_masked(&answer));
        assert_eq!(text("Bearer ‹secret token›"), "Bearer replayed");
    }

    #[test]
    fn times_and_names_of_secrets_do_not_last() {
        assert_eq!(lasting("at 2031-01-02T03:04:05Z ‹secret a›"), "at ‹time› ‹secret›");
    }
}
