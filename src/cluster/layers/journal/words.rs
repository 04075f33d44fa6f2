//! What of a record may hold a secret: words, contents and parameters. Names never do, and whoever takes a run back or
//! goes on with it needs them as they are.

use crate::secret::Redactor;
use serde_json::Value;

/// Fields that a later command reads, and that the cluster knows anyway.
const NAMES: [&str; 26] = [
    "/event",
    "/id",
    "/time",
    "/cluster",
    "/clusters",
    "/uid",
    "/uids",
    "/method",
    "/path",
    "/object",
    "/name",
    "/generateName",
    "/resourceVersion",
    "/writers",
    "/owned",
    "/script",
    "/source",
    "/sha256",
    "/kubeconfig",
    "/before/state",
    "/before/uid",
    "/before/resourceVersion",
    "/before/managers",
    "/before/content/kind",
    "/before/content/metadata/name",
    "/before/content/metadata/namespace",
];

/// A record, one line of JSON, with the known secrets in its words replaced.
pub(super) fn scrubbed(line: String) -> String {
    let redactor = Redactor::global();
    if redactor.scrub(&line) == line {
        return line;
    }
    let Ok(mut record) = serde_json::from_str(&line) else { return redactor.scrub(&line) };
    scrub(&mut record, "", redactor);
    record.to_string()
}

fn scrub(value: &mut Value, path: &str, redactor: &Redactor) {
    match value {
        Value::String(text) => *text = redactor.scrub(text),
        Value::Array(items) => items.iter_mut().for_each(|item| scrub(item, path, redactor)),
        Value::Object(fields) => {
            let entries = std::mem::take(fields).into_iter();
            fields.extend(entries.map(|(key, value)| entry(key, value, path, redactor)));
        }
        // Numbers of the record itself are ours.
        number if path.matches('/').count() > 1 => {
            let (text, plain) = (redactor.scrub(&number.to_string()), number.to_string());
            if text != plain {
                *number = Value::String(text);
            }
        }
        _ => {}
    }
}

fn entry(key: String, mut value: Value, path: &str, redactor: &Redactor) -> (String, Value) {
    let below = format!("{path}/{key}");
    if NAMES.contains(&below.as_str()) {
        return (key, value);
    }
    scrub(&mut value, &below, redactor);
    // The keys of the record itself are ours.
    let is_ours = path.is_empty() || path == "/before";
    (if is_ours { key } else { redactor.scrub(&key) }, value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_stay_as_they_are_whatever_a_secret_says() {
        Redactor::global().learn("team-shop/db:username", "team-of-the-shop");
        Redactor::global().learn("pin", "9988776655");
        let record = json!({
            "event": "intent", "cluster": "team-of-the-shop",
            "path": "/api/v1/namespaces/team-of-the-shop/configmaps/x", "object": "ConfigMap team-of-the-shop/x",
            "before": {
                "state": "present", "uid": "team-of-the-shop", "managers": [{"manager": "team-of-the-shop"}],
                "content": {
                    "metadata": {"name": "x", "namespace": "team-of-the-shop", "labels": {"team-of-the-shop": "a"}},
                    "data": {"user": "by team-of-the-shop", "pin": 9_988_776_655_u64},
                },
            },
            "failure": "team-of-the-shop is not there",
        });
        let clean: Value = serde_json::from_str(&scrubbed(record.to_string())).expect("still JSON");
        for name in
            ["/cluster", "/path", "/object", "/before/uid", "/before/managers", "/before/content/metadata/namespace"]
        {
            assert_eq!(clean.pointer(name), record.pointer(name), "{name}");
        }
        let shown = "‹secret team-shop/db:username›";
        assert_eq!(clean["failure"], format!("{shown} is not there"));
        assert_eq!(clean["before"]["content"]["data"], json!({"user": format!("by {shown}"), "pin": "‹secret pin›"}));
        assert_eq!(clean["before"]["content"]["metadata"]["labels"], json!({shown: "a"}));
    }
}
