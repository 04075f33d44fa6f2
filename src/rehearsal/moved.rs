//! Stored objects at another time: before programs outside look at a world, all that has happened in it is moved to
//! where it looks as old as it is.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// What users write as they like.
const FREE: &[&str] = &["annotations", "labels", "data", "stringData", "binaryData"];

/// Moves the times that servers, controllers and kubelets have written into an object.
pub(super) fn moved(object: &mut Value, by: SignedDuration) {
    let is_lease = object["kind"] == "Lease";
    for (key, value) in object.as_object_mut().into_iter().flatten() {
        if key != "spec" || is_lease {
            walk(key, value, by);
        }
    }
}

fn walk(key: &str, value: &mut Value, by: SignedDuration) {
    match value {
        _ if FREE.contains(&key) => {}
        Value::String(text) => {
            if let Some(later) = time(text, by) {
                *text = later;
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|item| walk("", item, by)),
        Value::Object(map) => map.iter_mut().for_each(|(key, value)| walk(key, value, by)),
        _ => {}
    }
}

/// The time that a text is, moved and written as before: with seconds or with microseconds.
fn time(text: &str, by: SignedDuration) -> Option<String> {
    let format = match text.len() {
        20 => "%Y-%m-%dT%H:%M:%SZ",
        27 => "%Y-%m-%dT%H:%M:%S.%6fZ",
        _ => return None,
    };
    let time: Timestamp = text.parse().ok()?;
    Some(time.checked_add(by).ok()?.strftime(format).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn times_of_servers_are_moved_and_words_of_users_are_not() {
        let mut pod = json!({
            "kind": "Pod",
            "metadata": {"creationTimestamp": "2026-01-01T00:10:00Z", "annotations": {"at": "2026-01-01T00:10:00Z"},
                "managedFields": [{"time": "2026-01-01T00:10:00Z"}]},
            "spec": {"at": "2026-01-01T00:10:00Z"},
            "status": {"conditions": [{"lastTransitionTime": "2026-01-01T00:10:01Z", "message": "at 2026"}]},
        });
        moved(&mut pod, SignedDuration::from_mins(-10));
        assert_eq!(pod["metadata"]["creationTimestamp"], "2026-01-01T00:00:00Z");
        assert_eq!(pod["metadata"]["managedFields"][0]["time"], "2026-01-01T00:00:00Z");
        assert_eq!(pod["status"]["conditions"][0]["lastTransitionTime"], "2026-01-01T00:00:01Z");
        assert_eq!(
            (&pod["spec"]["at"], &pod["metadata"]["annotations"]["at"]),
            (&json!("2026-01-01T00:10:00Z"), &json!("2026-01-01T00:10:00Z"))
        );
        let mut lease = json!({"kind": "Lease", "spec": {"renewTime": "2026-01-01T00:10:00.000123Z"}});
        moved(&mut lease, SignedDuration::from_secs(-1));
        assert_eq!(lease["spec"]["renewTime"], "2026-01-01T00:09:59.000123Z");
    }
}
