//! What two servers answer differently, apart from what is each server's own.

use serde_json::Value;

/// What differs between two answers, each a code and a body.
pub(super) fn between(mut real: (u16, Value), mut rehearsed: (u16, Value)) -> Vec<String> {
    for answer in [&mut real.1, &mut rehearsed.1] {
        forget(answer);
        sort_managers(answer);
    }
    let mut found = Vec::new();
    if real.0 != rehearsed.0 {
        found.push(format!("  code: real {}, rehearsed {}", real.0, rehearsed.0));
    }
    match real.1["kind"] == rehearsed.1["kind"] || real.0 == rehearsed.0 {
        true => compare(&real.1, &rehearsed.1, "", &mut found),
        false => found.push(format!("    real      {}\n    rehearsed {}", real.1, rehearsed.1)),
    }
    found
}

/// Puts managed fields in an order that does not depend on whether a second passed between two requests, and the rules of
/// a review in one that does not depend on the order of bindings, which no server has.
fn sort_managers(value: &mut Value) {
    match value {
        Value::Object(map) => {
            if let Some(Value::Array(managers)) = map.get_mut("managedFields") {
                managers.sort_by_key(|one| format!("{}{}{}", one["manager"], one["operation"], one["subresource"]));
            }
            for key in ["resourceRules", "nonResourceRules"] {
                if let Some(Value::Array(rules)) = map.get_mut(key) {
                    rules.sort_by_key(Value::to_string);
                }
            }
            map.values_mut().for_each(sort_managers);
        }
        Value::Array(list) => list.iter_mut().for_each(sort_managers),
        _ => {}
    }
}

/// Takes out what nobody looks at: the managed fields of what is not stored, and addresses and ages in tables.
fn forget(answer: &mut Value) {
    let kind = answer["kind"].as_str().unwrap_or_default().to_owned();
    if kind.ends_with("Review") || kind == "TokenRequest" {
        answer["metadata"] = Value::Null;
    }
    // Addresses, and ages: the two servers are asked one after the other.
    let is_own = |cell: &&mut Value| {
        let is_age = |text: &str| text.strip_suffix('s').is_some_and(|number| number.parse::<u32>().is_ok());
        cell.as_str().is_some_and(|text| text.starts_with("10.") || text.contains("/TCP") || is_age(text))
    };
    for row in answer.get_mut("rows").and_then(Value::as_array_mut).into_iter().flatten() {
        let cells = row.get_mut("cells").and_then(Value::as_array_mut).into_iter().flatten();
        cells.filter(is_own).for_each(|cell| *cell = Value::Null);
    }
}

/// Fields whose values differ between any two servers.
const OWN: &[&str] = &[
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "deletionTimestamp",
    "time",
    "clusterIP",
    "clusterIPs",
    "nodePort",
    "token",
    "expirationTimestamp",
    "remainingItemCount",
    "continue",
    "description",
];
/// Fields that no client looks at.
const IGNORED: &[&str] = &["storageVersionHash", "serverAddress"];

/// Go's words for what does not fit a type name Go's types; these messages are compared up to here.
const UP_TO: &[&str] = &["json: cannot unmarshal", "continue key is not valid"];

/// A message without the uids and versions in it, which are each server's own.
fn plain(message: &str) -> String {
    let end = UP_TO.iter().find_map(|words| message.find(words)).unwrap_or(message.len());
    let is_own = |word: &str| word.len() == 36 && word.matches('-').count() == 4 || word.parse::<u64>().is_ok();
    let words = message[..end].split(' ').map(|word| {
        let bare = word.trim_matches(['(', ')', '.']);
        if is_own(bare) { word.replace(bare, "OWN") } else { word.to_owned() }
    });
    words.collect::<Vec<_>>().join(" ")
}

fn compare(real: &Value, rehearsed: &Value, place: &str, found: &mut Vec<String>) {
    match (real, rehearsed) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: std::collections::BTreeSet<_> = a.keys().chain(b.keys()).collect();
            for key in keys {
                let (a, b) = (a.get(key).unwrap_or(&Value::Null), b.get(key).unwrap_or(&Value::Null));
                if let (Some(a), Some(b), "message") = (a.as_str(), b.as_str(), key.as_str())
                    && plain(a) == plain(b)
                {
                    continue;
                }
                if IGNORED.contains(&key.as_str()) {
                    continue;
                }
                if OWN.contains(&key.as_str()) && a.is_null() == b.is_null() {
                    continue;
                }
                compare(a, b, &format!("{place}.{key}"), found);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).enumerate().for_each(|(index, (a, b))| compare(a, b, &format!("{place}[{index}]"), found));
        }
        (a, b) if a != b => found.push(format!("  {place}:\n    real      {a}\n    rehearsed {b}")),
        _ => {}
    }
}
