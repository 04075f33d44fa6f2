//! Status conditions, and the labels that selectors look at.

use super::turn::items;
use serde_json::{Map, Value, json};

/// One condition as its controller wants it.
pub(crate) struct Condition<'a> {
    /// The type, such as `Ready`.
    pub name: &'a str,
    /// Whether it holds.
    pub holds: bool,
    /// The reason, in CamelCase; left out when empty.
    pub reason: &'a str,
    /// The message; left out when empty.
    pub message: &'a str,
}

/// The condition of this type in an object's status.
pub(crate) fn find<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    items(object, "/status/conditions").iter().find(|condition| condition["type"] == name)
}

/// Whether the object has the condition with status `True`.
pub(crate) fn holds(object: &Value, name: &str) -> bool {
    find(object, name).is_some_and(|condition| condition["status"] == "True")
}

/// The object's conditions with these set; transition times change only with the status, update times
/// (where the kind has them) only with the content.
pub(crate) fn set(object: &Value, wanted: &[Condition<'_>], time: &str, updates: bool) -> Vec<Value> {
    let mut conditions = items(object, "/status/conditions").to_vec();
    for condition in wanted {
        let old = conditions.iter().position(|old| old["type"] == condition.name);
        let new = render(condition, old.map(|index| &conditions[index]), time, updates);
        match old {
            Some(index) => conditions[index] = new,
            None => conditions.push(new),
        }
    }
    conditions
}

fn render(condition: &Condition<'_>, old: Option<&Value>, time: &str, updates: bool) -> Value {
    let status = if condition.holds { "True" } else { "False" };
    let mut new = json!({ "type": condition.name, "status": status });
    for (key, words) in [("reason", condition.reason), ("message", condition.message)] {
        if !words.is_empty() {
            new[key] = words.into();
        }
    }
    let same = |key: &str| old.is_some_and(|old| old[key] == new[key]);
    let transition = if same("status") { old.map(|old| &old["lastTransitionTime"]) } else { None };
    let content = same("status") && same("reason") && same("message");
    let update = if content { old.map(|old| &old["lastUpdateTime"]) } else { None };
    let (transition, update) = (stamp(transition, time), stamp(update, time));
    new["lastTransitionTime"] = transition;
    if updates {
        new["lastUpdateTime"] = update;
    }
    new
}

fn stamp(old: Option<&Value>, time: &str) -> Value {
    old.filter(|old| old.is_string()).cloned().unwrap_or_else(|| time.into())
}

/// Whether a label selector (`matchLabels`, `matchExpressions`) selects these labels.
pub(crate) fn selects(selector: &Value, labels: &Value) -> bool {
    let equal = |(key, value): (&String, &Value)| labels.get(key) == Some(value);
    let pairs = selector["matchLabels"].as_object().is_none_or(|pairs| pairs.iter().all(equal));
    pairs && items(selector, "/matchExpressions").iter().all(|expression| holds_for(expression, labels))
}

/// Whether one expression of a selector holds for these labels.
pub(crate) fn holds_for(expression: &Value, labels: &Value) -> bool {
    let value = expression["key"].as_str().and_then(|key| labels.get(key));
    let listed = || value.is_some_and(|value| items(expression, "/values").contains(value));
    match expression["operator"].as_str() {
        Some("In") => listed(),
        Some("NotIn") => !listed(),
        Some("Exists") => value.is_some(),
        Some("DoesNotExist") => value.is_none(),
        _ => false,
    }
}

/// Whether a plain map of labels (a Service's selector, a node selector) selects these labels; an empty one selects
/// nothing.
pub(crate) fn matches(pairs: &Map<String, Value>, labels: &Value) -> bool {
    !pairs.is_empty() && pairs.iter().all(|(key, value)| labels.get(key) == Some(value))
}
