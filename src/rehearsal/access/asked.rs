//! What a request wants to do, as authorization sees it: read from method and path as the API server does, before
//! anybody knows whether the kind exists.

use super::super::call::{Query, decoded};
use http::Method;
use serde_json::Value;

/// What somebody wants to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    /// `get`, `list`, `create`, …
    pub verb: String,
    /// With what.
    pub what: What,
}

/// What it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    /// An object, a collection or a subresource; what is not named is empty.
    Resource { group: String, resource: String, subresource: String, namespace: String, name: String },
    /// Any other path.
    Path(String),
}

impl Asked {
    /// Of a request.
    pub fn of(method: &Method, path: &str, query: &Query) -> Asked {
        let parts: Vec<String> = path.trim_matches('/').split('/').map(|part| decoded(part, false)).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let (group, rest) = match parts.as_slice() {
            ["api", _, rest @ ..] if !rest.is_empty() => ("", rest),
            ["apis", group, _, rest @ ..] if !rest.is_empty() => (*group, rest),
            _ => return Asked { verb: method.as_str().to_lowercase(), what: What::Path(path.to_owned()) },
        };
        let (namespace, rest) = match rest {
            ["namespaces", namespace, sub, ..] if matches!(*sub, "status" | "finalize") => (*namespace, rest),
            ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (*namespace, rest),
            ["namespaces", namespace] => (*namespace, rest),
            _ => ("", rest),
        };
        let part = |index: usize| rest.get(index).copied().unwrap_or_default().to_owned();
        let mut name = part(1);
        let verb = verb(method, name.is_empty(), query.is("watch"));
        if matches!(verb, "list" | "watch" | "deletecollection") {
            name = only_name(query).unwrap_or_default();
        }
        let (group, namespace) = (group.to_owned(), namespace.to_owned());
        let what = What::Resource { group, resource: part(0), subresource: part(2), namespace, name };
        Asked { verb: verb.to_owned(), what }
    }

    /// Of the `spec` of an access review.
    pub fn of_review(spec: &Value) -> Asked {
        let text = |attributes: &Value, key: &str| attributes[key].as_str().unwrap_or_default().to_owned();
        let (resource, path) = (&spec["resourceAttributes"], &spec["nonResourceAttributes"]);
        if !resource.is_object() {
            return Asked { verb: text(path, "verb"), what: What::Path(text(path, "path")) };
        }
        let what = What::Resource {
            group: text(resource, "group"),
            resource: text(resource, "resource"),
            subresource: text(resource, "subresource"),
            namespace: text(resource, "namespace"),
            name: text(resource, "name"),
        };
        Asked { verb: text(resource, "verb"), what }
    }

    /// The namespace in which it is wanted; empty for everything outside.
    pub fn namespace(&self) -> &str {
        match &self.what {
            What::Resource { namespace, .. } => namespace,
            What::Path(_) => "",
        }
    }

    /// `cannot list resource "pods" in API group "" in the namespace "default"`.
    pub fn denied(&self) -> String {
        let verb = &self.verb;
        let What::Resource { group, resource, subresource, namespace, .. } = &self.what else {
            let What::Path(path) = &self.what else { return String::new() };
            return format!("cannot {verb} path {path:?}");
        };
        let resource = if subresource.is_empty() { resource.clone() } else { format!("{resource}/{subresource}") };
        let place = match namespace.as_str() {
            "" => "at the cluster scope".to_owned(),
            namespace => format!("in the namespace {namespace:?}"),
        };
        format!("cannot {verb} resource {resource:?} in API group {group:?} {place}")
    }
}

fn verb(method: &Method, of_collection: bool, watch: bool) -> &'static str {
    match (method.as_str(), of_collection) {
        ("POST", _) => "create",
        ("PUT", _) => "update",
        ("PATCH", _) => "patch",
        ("GET" | "HEAD", true) if watch => "watch",
        ("GET" | "HEAD", true) => "list",
        ("GET" | "HEAD", false) => "get",
        ("DELETE", true) => "deletecollection",
        ("DELETE", false) => "delete",
        _ => "",
    }
}

/// The name that a field selector asks for: rules for single names hold for such lists.
fn only_name(query: &Query) -> Option<String> {
    let terms = query.get("fieldSelector")?.split(',');
    let name = |term: &str| term.strip_prefix("metadata.name=").map(|name| name.trim_start_matches('=').to_owned());
    terms.filter_map(|term| name(term.trim())).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(method: Method, uri: &str) -> (String, String) {
        let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
        let asked = Asked::of(&method, path, &Query::parse(query));
        let what = match asked.what {
            What::Path(path) => path,
            What::Resource { group, resource, subresource, namespace, name } => {
                format!("{group}|{resource}|{subresource}|{namespace}|{name}")
            }
        };
        (asked.verb, what)
    }

    #[test]
    fn requests_are_read_as_the_api_server_reads_them() {
        for (method, uri, verb, what) in [
            (Method::GET, "/api/v1/pods", "list", "|pods|||"),
            (Method::GET, "/api/v1/namespaces/a/pods?watch=1", "watch", "|pods||a|"),
            (Method::GET, "/api/v1/namespaces/a/pods?fieldSelector=metadata.name%3Dx", "list", "|pods||a|x"),
            (Method::GET, "/api/v1/namespaces/a/pods/x/log", "get", "|pods|log|a|x"),
            (Method::POST, "/api/v1/namespaces/a/pods/x/exec", "create", "|pods|exec|a|x"),
            (Method::GET, "/api/v1/namespaces/a", "get", "|namespaces||a|a"),
            (Method::PUT, "/api/v1/namespaces/a/finalize", "update", "|namespaces|finalize|a|a"),
            (Method::DELETE, "/apis/apps/v1/namespaces/a/deployments", "deletecollection", "apps|deployments||a|"),
            (Method::PATCH, "/apis/apps/v1/namespaces/a/deployments/w/scale", "patch", "apps|deployments|scale|a|w"),
            (Method::GET, "/apis/apps/v1", "get", "/apis/apps/v1"),
            (Method::GET, "/api/v1", "get", "/api/v1"),
            (Method::GET, "/healthz", "get", "/healthz"),
        ] {
            assert_eq!(asked(method, uri), (verb.to_owned(), what.to_owned()), "{uri}");
        }
    }

    #[test]
    fn refusals_say_what_was_asked_for() {
        let denied = |method: Method, path: &str| Asked::of(&method, path, &Query::default()).denied();
        assert_eq!(
            denied(Method::POST, "/api/v1/namespaces/a/pods/x/exec"),
            "cannot create resource \"pods/exec\" in API group \"\" in the namespace \"a\""
        );
        assert_eq!(
            denied(Method::GET, "/apis/apps/v1/deployments"),
            "cannot list resource \"deployments\" in API group \"apps\" at the cluster scope"
        );
        assert_eq!(denied(Method::GET, "/metrics"), "cannot get path \"/metrics\"");
    }
}
