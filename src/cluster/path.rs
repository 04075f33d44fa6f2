//! Request paths of the Kubernetes API: written safely, and read back to know what a request is about.

use http::Method;

/// Text as one path segment or query value: everything but unreserved characters percent-encoded.
pub(crate) fn segment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b':' => out.push(byte as char),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// `?a=b&c=d` of these pairs, or nothing when there are none.
pub(crate) fn query(pairs: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = pairs.iter().map(|(key, value)| format!("{key}={}", segment(value))).collect();
    if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
}

/// The path with `?a=b&c=d` of these pairs.
pub(crate) fn with_query(path: String, pairs: &[(&str, &str)]) -> String {
    format!("{path}{}", query(pairs))
}

/// The path, which may have a query, with this pair behind it.
pub(super) fn with_pair(path: &str, name: &str, value: &str) -> String {
    let pair = query(&[(name, value)]);
    if path.contains('?') { format!("{path}&{}", &pair[1..]) } else { format!("{path}{pair}") }
}

/// What a request path is about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ApiPath {
    /// API group, empty for the core group.
    pub group: String,
    /// Plural name; empty for paths that are not about objects (`/version`).
    pub resource: String,
    /// Namespace of a namespaced object or collection.
    pub namespace: Option<String>,
    /// Object name.
    pub name: Option<String>,
    /// Subresource, such as `status` or `exec`.
    pub subresource: Option<String>,
}

impl ApiPath {
    /// Reads `/api/v1/…` and `/apis/GROUP/VERSION/…`; anything else has an empty resource.
    pub fn parse(path: &str) -> ApiPath {
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let (group, rest) = match parts.as_slice() {
            ["api", _version, rest @ ..] => ("", rest),
            ["apis", group, _version, rest @ ..] => (*group, rest),
            _ => return ApiPath::default(),
        };
        // `/namespaces/NS` and its subresources are the Namespace object itself.
        let (namespace, rest) = match rest {
            ["namespaces", _, "status" | "finalize"] => (None, rest),
            ["namespaces", namespace, _, ..] => (Some(*namespace), &rest[2..]),
            _ => (None, rest),
        };
        let at = |index: usize| rest.get(index).map(|part| part.to_string());
        ApiPath {
            group: group.to_owned(),
            resource: at(0).unwrap_or_default(),
            namespace: namespace.map(str::to_owned),
            name: at(1),
            subresource: at(2),
        }
    }

    /// `deployments.apps istio-system/istiod`, for messages when nobody knows the kind's name.
    pub fn title(&self) -> String {
        let resource = match self.group.as_str() {
            "" => self.resource.clone(),
            group => format!("{}.{group}", self.resource),
        };
        match (&self.namespace, &self.name) {
            (Some(namespace), Some(name)) => format!("{resource} {namespace}/{name}"),
            (Some(namespace), None) => format!("{resource} in {namespace}"),
            (None, Some(name)) => format!("{resource} {name}"),
            (None, None) => resource,
        }
    }
}

/// Whether a request for this path with query is answered by events as they happen.
pub fn is_watch(path: &str) -> bool {
    let query = path.split_once('?').map(|(_, query)| query).unwrap_or_default();
    query.split('&').any(|pair| matches!(pair, "watch=true" | "watch=1" | "watch"))
}

/// What a request does to the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It reads, asks, or tries without storing anything.
    Read,
    /// It runs something in a pod: nothing is stored, but anything may happen there.
    Run,
    /// It changes what is stored.
    Change,
}

/// What a request with this method, path and query does.
pub fn effect_of(method: &Method, path: &str, query: Option<&str>) -> Effect {
    let target = ApiPath::parse(path);
    let subresource = target.subresource.as_deref().unwrap_or_default();
    if matches!(subresource, "exec" | "attach") {
        return Effect::Run;
    }
    let changing = [Method::POST, Method::PUT, Method::PATCH, Method::DELETE].contains(method);
    let tried = query.is_some_and(|query| query.split('&').any(|pair| pair == "dryRun=All"));
    let asked = target.resource.ends_with("reviews")
        && matches!(&*target.group, "authorization.k8s.io" | "authentication.k8s.io");
    if !changing || tried || asked || matches!(subresource, "token" | "portforward" | "proxy") {
        return Effect::Read;
    }
    Effect::Change
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_say_what_they_are_about() {
        let scale = ApiPath::parse("/apis/apps/v1/namespaces/a/deployments/b/scale");
        assert_eq!(scale.title(), "deployments.apps a/b");
        assert_eq!(scale.subresource.as_deref(), Some("scale"));
        let namespace = ApiPath::parse("/api/v1/namespaces/a");
        assert_eq!(
            (namespace.resource.as_str(), namespace.namespace, namespace.name.as_deref()),
            ("namespaces", None, Some("a"))
        );
        assert_eq!(ApiPath::parse("/api/v1/namespaces/a/finalize").subresource.as_deref(), Some("finalize"));
        assert_eq!(ApiPath::parse("/version").resource, "");
    }

    #[test]
    fn only_what_is_stored_is_a_change() {
        let effect = |method: Method, path, query| effect_of(&method, path, query);
        assert_eq!(effect(Method::PATCH, "/api/v1/namespaces/a", None), Effect::Change);
        assert_eq!(effect(Method::PATCH, "/api/v1/namespaces/a", Some("x=1&dryRun=All")), Effect::Read);
        assert_eq!(effect(Method::POST, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", None), Effect::Read);
        assert_eq!(effect(Method::POST, "/api/v1/namespaces/a/serviceaccounts/b/token", None), Effect::Read);
        assert_eq!(effect(Method::GET, "/api/v1/namespaces/a/pods/b/exec", Some("command=ls")), Effect::Run);
        assert_eq!(effect(Method::POST, "/api/v1/namespaces/a/pods/b/eviction", None), Effect::Change);
    }

    #[test]
    fn segments_are_encoded() {
        assert_eq!(segment("a b/ü:c"), "a%20b%2F%C3%BC:c");
        let uri = with_query("/x".into(), &[("labelSelector", "a=b,c"), ("limit", "5")]);
        assert_eq!(uri, "/x?labelSelector=a%3Db%2Cc&limit=5");
        assert_eq!(with_query("/x".into(), &[]), "/x");
        assert_eq!(with_pair("/x", "continue", "a&b"), "/x?continue=a%26b");
        assert_eq!(with_pair("/x?limit=5", "continue", "a"), "/x?limit=5&continue=a");
    }
}
