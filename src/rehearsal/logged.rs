//! The log of requests that a server has answered.

/// One request that a server answered.
#[derive(Debug, Clone, Default)]
pub struct Logged {
    /// HTTP method.
    pub method: String,
    /// Path with query.
    pub path: String,
    /// Status code of the answer.
    pub status: u16,
    /// The User-Agent header.
    pub user_agent: String,
    /// The Warning headers of the answer.
    pub warnings: Vec<String>,
}

/// Last path segments of requests that are posted and store nothing, or nothing that lasts.
const NOT_STORED: &[&str] = &[
    "token",
    "exec",
    "attach",
    "portforward",
    "selfsubjectaccessreviews",
    "selfsubjectrulesreviews",
    "subjectaccessreviews",
    "localsubjectaccessreviews",
    "selfsubjectreviews",
    "tokenreviews",
];

impl Logged {
    /// Whether the request changed what is stored: a successful POST, PUT, PATCH or DELETE without `dryRun` that is not
    /// a review, token or exec call.
    pub fn is_write(&self) -> bool {
        let (path, query) = self.path.split_once('?').unwrap_or((&self.path, ""));
        let changes = matches!(self.method.as_str(), "POST" | "PUT" | "PATCH" | "DELETE");
        let stored = !path.rsplit('/').next().is_some_and(|last| NOT_STORED.contains(&last));
        let dry = query.split('&').any(|pair| pair == "dryRun=All");
        changes && stored && !dry && (200..300).contains(&self.status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logged(method: &str, path: &str, status: u16) -> Logged {
        Logged { method: method.into(), path: path.into(), status, ..Logged::default() }
    }

    #[test]
    fn only_what_changes_the_store_counts_as_a_write() {
        assert!(logged("POST", "/api/v1/namespaces/a/pods?fieldManager=m", 201).is_write());
        assert!(!logged("POST", "/api/v1/namespaces/a/pods?dryRun=All", 201).is_write());
        assert!(!logged("POST", "/api/v1/namespaces/a/pods", 409).is_write());
        assert!(!logged("GET", "/api/v1/pods", 200).is_write());
        assert!(!logged("POST", "/api/v1/namespaces/a/serviceaccounts/b/token", 201).is_write());
        assert!(!logged("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", 201).is_write());
        assert!(logged("DELETE", "/api/v1/namespaces/a/configmaps/token-1", 200).is_write());
    }
}
