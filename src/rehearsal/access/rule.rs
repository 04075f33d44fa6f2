//! Whether a rule of a Role or ClusterRole allows something. Reads the rules as they are stored; knows nothing else.

use super::asked::{Asked, What};
use serde_json::Value;

/// Whether this rule allows it.
pub(super) fn allows(rule: &Value, asked: &Asked) -> bool {
    if !names(&rule["verbs"], &asked.verb) {
        return false;
    }
    match &asked.what {
        What::Path(path) => texts(&rule["nonResourceURLs"]).any(|pattern| covers_path(pattern, path)),
        What::Resource { group, resource, subresource, name, .. } => {
            names(&rule["apiGroups"], group)
                && texts(&rule["resources"]).any(|pattern| covers_resource(pattern, resource, subresource))
                && (texts(&rule["resourceNames"]).next().is_none()
                    || texts(&rule["resourceNames"]).any(|one| one == name))
        }
    }
}

/// The texts of a list.
pub(super) fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}

/// Whether a list has the word or `*`.
pub(super) fn names(list: &Value, word: &str) -> bool {
    texts(list).any(|one| one == "*" || one == word)
}

/// `*` is everything, `*/scale` a subresource of everything; `pods` does not cover `pods/log`.
pub(super) fn covers_resource(pattern: &str, resource: &str, subresource: &str) -> bool {
    match pattern.split_once('/') {
        None => pattern == "*" || pattern == resource && subresource.is_empty(),
        Some((of, part)) => !subresource.is_empty() && part == subresource && (of == "*" || of == resource),
    }
}

/// A `*` at the end stands for any rest.
pub(super) fn covers_path(pattern: &str, path: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => path.starts_with(start.trim_end_matches('*')),
        None => pattern == path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn resource(verb: &str, group: &str, resource: &str, name: &str) -> Asked {
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        let what = What::Resource {
            group: group.to_owned(),
            resource: resource.to_owned(),
            subresource: subresource.to_owned(),
            namespace: "a".to_owned(),
            name: name.to_owned(),
        };
        Asked { verb: verb.to_owned(), what }
    }

    #[test]
    fn verbs_groups_and_resources_must_all_fit() {
        let rule = json!({"verbs": ["get", "list"], "apiGroups": ["", "apps"], "resources": ["pods", "deployments"]});
        assert!(allows(&rule, &resource("get", "", "pods", "x")));
        assert!(allows(&rule, &resource("list", "apps", "deployments", "")));
        assert!(!allows(&rule, &resource("watch", "", "pods", "")));
        assert!(!allows(&rule, &resource("get", "batch", "pods", "x")));
        assert!(!allows(&rule, &resource("get", "", "secrets", "x")));
        assert!(!allows(&rule, &Asked { verb: "get".into(), what: What::Path("/healthz".into()) }));
    }

    #[test]
    fn stars_stand_for_everything() {
        let all = json!({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]});
        assert!(allows(&all, &resource("impersonate", "x.io", "things/status", "x")));
        let scale = json!({"verbs": ["update"], "apiGroups": ["*"], "resources": ["*/scale"]});
        assert!(allows(&scale, &resource("update", "apps", "deployments/scale", "x")));
        assert!(!allows(&scale, &resource("update", "apps", "deployments", "x")));
        assert!(!allows(&scale, &resource("update", "apps", "deployments/status", "x")));
    }

    #[test]
    fn subresources_are_named_by_themselves() {
        let rule = json!({"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]});
        assert!(!allows(&rule, &resource("get", "", "pods/log", "x")));
        let rule = json!({"verbs": ["get"], "apiGroups": [""], "resources": ["pods/log"]});
        assert!(allows(&rule, &resource("get", "", "pods/log", "x")));
        assert!(!allows(&rule, &resource("get", "", "pods", "x")));
    }

    #[test]
    fn names_narrow_a_rule() {
        let rule =
            json!({"verbs": ["get", "create"], "apiGroups": [""], "resources": ["secrets"], "resourceNames": ["own"]});
        assert!(allows(&rule, &resource("get", "", "secrets", "own")));
        assert!(!allows(&rule, &resource("get", "", "secrets", "other")));
        assert!(!allows(&rule, &resource("create", "", "secrets", "")));
    }

    #[test]
    fn paths_may_end_in_a_star() {
        let rule = json!({"verbs": ["get"], "nonResourceURLs": ["/version", "/api/*"]});
        let path = |path: &str| Asked { verb: "get".into(), what: What::Path(path.into()) };
        assert!(allows(&rule, &path("/version")) && allows(&rule, &path("/api/v1")));
        assert!(!allows(&rule, &path("/version/x")) && !allows(&rule, &path("/api")));
        assert!(!allows(&rule, &resource("get", "", "pods", "x")));
    }
}
