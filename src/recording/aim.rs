//! Which object, or which objects, a request is about.

use crate::cluster::path::ApiPath;
use serde_json::Value;

/// What a path is about. An empty resource is about no object (`/version`).
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Aim {
    pub group: String,
    pub resource: String,
    pub namespace: Option<String>,
    pub name: Option<String>,
}

impl Aim {
    /// Of a path with or without query.
    pub fn of(path: &str) -> Aim {
        let parsed = ApiPath::parse(path.split('?').next().unwrap_or_default());
        Aim { group: parsed.group, resource: parsed.resource, namespace: parsed.namespace, name: parsed.name }
    }

    /// Of a change: what is created has its name in its body.
    pub fn of_change(path: &str, body: &Value) -> Aim {
        let mut aim = Aim::of(path);
        if aim.name.is_none() {
            let field = |name: &str| body.pointer(&format!("/metadata/{name}")).and_then(Value::as_str);
            aim.name =
                field("name").map(str::to_owned).or_else(|| field("generateName").map(|start| format!("{start}…")));
        }
        aim
    }

    /// Whether a change of this object may show in what the other one reads.
    pub fn shows_in(&self, read: &Aim) -> bool {
        let fits = |wanted: &Option<String>, own: &Option<String>| wanted.is_none() || wanted == own;
        !self.resource.is_empty()
            && (&self.group, &self.resource) == (&read.group, &read.resource)
            && fits(&read.namespace, &self.namespace)
            && fits(&read.name, &self.name)
    }

    /// `deployments.apps istio-system/istiod`.
    pub fn title(&self) -> String {
        let Aim { group, resource, namespace, name } = self.clone();
        ApiPath { group, resource, namespace, name, subresource: None }.title()
    }
}

/// The parts of a request by which answers are found: nothing that differs from one run to the next.
pub(super) fn key(method: &str, path: &str) -> String {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let passing = ["resourceVersion=", "timeoutSeconds=", "resourceVersionMatch="];
    let mut pairs: Vec<&str> =
        query.split('&').filter(|pair| !passing.iter().any(|start| pair.starts_with(start))).collect();
    pairs.retain(|pair| !pair.is_empty());
    pairs.sort_unstable();
    format!("{method} {path}?{}", pairs.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_change_shows_in_its_object_and_in_lists_of_it() {
        let change = Aim::of_change("/apis/apps/v1/namespaces/a/deployments?x=1", &json!({"metadata": {"name": "d"}}));
        let shows = |path: &str| change.shows_in(&Aim::of(path));
        assert!(shows("/apis/apps/v1/namespaces/a/deployments/d") && shows("/apis/apps/v1/deployments?watch=1"));
        assert!(!shows("/apis/apps/v1/namespaces/b/deployments") && !shows("/apis/apps/v1/namespaces/a/deployments/e"));
        assert!(!Aim::of("/version").shows_in(&Aim::of("/apis")));
    }

    #[test]
    fn where_a_watch_begins_is_no_part_of_its_key() {
        assert_eq!(
            key("GET", "/api/v1/pods?watch=1&resourceVersion=7&labelSelector=a"),
            key("GET", "/api/v1/pods?labelSelector=a&watch=1&resourceVersion=9")
        );
    }
}
