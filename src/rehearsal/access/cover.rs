//! Which of some rules are not covered by others: nobody may give rights that they do not have.

use super::rule::{covers_path, covers_resource, names, texts};
use serde_json::Value;

/// One right: what a rule gives for one verb.
#[derive(Debug, PartialEq, Eq)]
struct Right<'r> {
    verb: &'r str,
    what: What<'r>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What<'r> {
    Resource { group: &'r str, resource: &'r str, name: Option<&'r str> },
    Path(&'r str),
}

/// The wanted rules that those held do not cover, as the API server writes them, one a line in order.
pub(super) fn missing(held: &[Value], wanted: &[Value]) -> Vec<String> {
    let rights: Vec<Right<'_>> = wanted.iter().flat_map(rights).collect();
    let lacking: Vec<&Right<'_>> = rights.iter().filter(|right| !held.iter().any(|rule| covers(rule, right))).collect();
    let mut grouped: Vec<(What<'_>, Vec<&str>)> = Vec::new();
    for right in lacking {
        let same =
            |(what, _): &&mut (What<'_>, Vec<&str>)| *what == right.what && matches!(what, What::Resource { .. });
        match grouped.iter_mut().find(same) {
            Some((_, verbs)) => verbs.push(right.verb),
            None => grouped.push((right.what, vec![right.verb])),
        }
    }
    let mut lines: Vec<String> = grouped.iter().map(|(what, verbs)| written(what, verbs)).collect();
    lines.sort();
    lines.dedup();
    lines
}

fn rights(rule: &Value) -> Vec<Right<'_>> {
    let mut whats = Vec::new();
    for group in texts(&rule["apiGroups"]) {
        for resource in texts(&rule["resources"]) {
            let mut named = texts(&rule["resourceNames"]).map(Some).collect::<Vec<_>>();
            if named.is_empty() {
                named.push(None);
            }
            // Verbs first, names last: the order in which the API server takes a rule apart.
            let each = texts(&rule["verbs"]).flat_map(|verb| named.iter().map(move |name| (verb, *name)));
            whats.extend(each.map(|(verb, name)| Right { verb, what: What::Resource { group, resource, name } }));
        }
    }
    let paths = texts(&rule["nonResourceURLs"]).map(What::Path);
    whats.extend(paths.flat_map(|what| texts(&rule["verbs"]).map(move |verb| Right { verb, what })));
    whats
}

fn covers(rule: &Value, right: &Right<'_>) -> bool {
    if !names(&rule["verbs"], right.verb) {
        return false;
    }
    match right.what {
        What::Path(path) => texts(&rule["nonResourceURLs"]).any(|held| covers_path(held, path)),
        What::Resource { group, resource, name } => {
            let (of, part) = resource.split_once('/').unwrap_or((resource, ""));
            let held: Vec<&str> = texts(&rule["resourceNames"]).collect();
            names(&rule["apiGroups"], group)
                && texts(&rule["resources"]).any(|held| held == resource || covers_resource(held, of, part))
                && (held.is_empty() || name.is_some_and(|name| held.contains(&name)))
        }
    }
}

fn written(what: &What<'_>, verbs: &[&str]) -> String {
    let list = |words: &[&str]| {
        let quoted: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
        format!("[{}]", quoted.join(" "))
    };
    let mut parts = match what {
        What::Path(path) => vec![format!("NonResourceURLs:{}", list(&[path]))],
        What::Resource { group, resource, .. } => {
            vec![format!("APIGroups:{}", list(&[group])), format!("Resources:{}", list(&[resource]))]
        }
    };
    if let What::Resource { name: Some(name), .. } = what {
        parts.push(format!("ResourceNames:{}", list(&[name])));
    }
    parts.push(format!("Verbs:{}", list(verbs)));
    format!("{{{}}}", parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_not_held_is_written_down() {
        let held = [
            json!({"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods", "*/log"]}),
            json!({"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"], "resourceNames": ["a"]}),
            json!({"verbs": ["get"], "nonResourceURLs": ["/api/*"]}),
        ];
        let rule = |verbs: &[&str], resource: &str| json!({"verbs": verbs, "apiGroups": [""], "resources": [resource]});
        assert!(missing(&held, &[rule(&["get"], "pods"), rule(&["list"], "pods/log")]).is_empty());
        assert!(missing(&held, &[json!({"verbs": ["get"], "nonResourceURLs": ["/api/v1"]})]).is_empty());
        let more = [rule(&["get", "watch", "delete"], "pods"), rule(&["get"], "secrets"), rule(&["*"], "*")];
        assert_eq!(
            missing(&held, &more),
            [
                r#"{APIGroups:[""], Resources:["*"], Verbs:["*"]}"#,
                r#"{APIGroups:[""], Resources:["pods"], Verbs:["watch" "delete"]}"#,
                r#"{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}"#,
            ]
        );
        let named = json!({"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"], "resourceNames": ["a", "b"]});
        assert_eq!(
            missing(&held, &[named]),
            [r#"{APIGroups:[""], Resources:["secrets"], ResourceNames:["b"], Verbs:["get"]}"#]
        );
        assert_eq!(
            missing(&held, &[json!({"verbs": ["get"], "nonResourceURLs": ["/metrics"]})]),
            [r#"{NonResourceURLs:["/metrics"], Verbs:["get"]}"#]
        );
    }
}
