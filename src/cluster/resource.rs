//! Kinds and addresses: what a cluster serves, and where one object lives in it.

use super::path::segment;
use crate::failure::{Failure, Result};
use crate::object::Node;

/// A kind of object as a cluster serves it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Resource {
    /// API group, empty for the core group.
    pub group: String,
    /// API version, such as `v1`.
    pub version: String,
    /// Kind, such as `Deployment`.
    pub kind: String,
    /// Plural name in paths, such as `deployments`.
    pub plural: String,
    /// Singular name.
    pub singular: String,
    /// Short names, such as `deploy`.
    pub short_names: Vec<String>,
    /// Whether objects live in namespaces.
    pub namespaced: bool,
    /// Verbs the server supports.
    pub verbs: Vec<String>,
    /// Subresources, such as `status`, `scale`.
    pub subresources: Vec<String>,
}

impl Resource {
    /// Fails when an object of this kind, or a change of one, may not be sent: the run may not use a secret in it, or would
    /// show it.
    ///
    /// # Errors
    /// `Rights`, with the way that works.
    pub(super) fn check_content(&self, content: &Node) -> Result<()> {
        content.check_open()?;
        match (self.group.as_str(), self.kind.as_str()) {
            ("", "Secret") => Ok(()),
            (_, kind) => content.check_shelter(kind),
        }
    }

    /// `v1` or `apps/v1`.
    pub fn api_version(&self) -> String {
        match self.group.as_str() {
            "" => self.version.clone(),
            group => format!("{group}/{}", self.version),
        }
    }

    /// The path of the collection, `/apis/apps/v1/namespaces/NS/deployments`; all namespaces when `namespace` is `None`.
    pub fn path(&self, namespace: Option<&str>) -> String {
        let root = if self.group.is_empty() { "api" } else { "apis" };
        let collection = format!("/{root}/{}", self.api_version());
        match namespace {
            Some(namespace) if self.namespaced => {
                format!("{collection}/namespaces/{}/{}", segment(namespace), self.plural)
            }
            _ => format!("{collection}/{}", self.plural),
        }
    }

    /// `deployments.apps`, or `pods` for the core group: the name that is never ambiguous in a cluster.
    pub fn full_name(&self) -> String {
        match self.group.as_str() {
            "" => self.plural.clone(),
            group => format!("{}.{group}", self.plural),
        }
    }

    /// Whether the server supports this verb, such as `list`.
    pub fn supports(&self, verb: &str) -> bool {
        self.verbs.iter().any(|known| known == verb)
    }

    /// The address of the object that a script calls `"ns/name"` or `"name"`.
    ///
    /// # Errors
    /// When the namespace is missing or not wanted, or the name cannot be a name.
    pub fn target(&self, name: &str) -> Result<Target> {
        match (name.split_once('/'), self.namespaced) {
            (Some((namespace, name)), true) => self.target_in(Some(namespace), name),
            (None, false) => self.target_in(None, name),
            (None, true) => Err(Failure::usage("the namespace is missing")
                .about(format!("{} {name}", self.kind))
                .hint(format!("write \"NAMESPACE/{name}\": objects of kind {} live in namespaces", self.kind))),
            (Some((_, rest)), false) => Err(Failure::usage("no namespace is wanted")
                .about(format!("{} {name}", self.kind))
                .hint(format!("write \"{rest}\": objects of kind {} are cluster-scoped", self.kind))),
        }
    }

    /// The address of an object of this kind.
    ///
    /// # Errors
    /// When a namespaced kind gets no namespace, or a part cannot be a name.
    pub fn target_in(&self, namespace: Option<&str>, name: &str) -> Result<Target> {
        let namespace = namespace.filter(|_| self.namespaced).map(str::to_owned);
        for part in namespace.as_deref().into_iter().chain([name]) {
            check_name(&self.kind, part)?;
        }
        if self.namespaced && namespace.is_none() {
            return Err(Failure::usage("the namespace is missing").about(format!("{} {name}", self.kind)));
        }
        Ok(Target { resource: self.clone(), namespace, name: name.to_owned() })
    }
}

/// Names become path segments: the API server refuses these characters too.
/// <https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#path-segment-names>
fn check_name(kind: &str, name: &str) -> Result<()> {
    let wrong = matches!(name, "" | "." | "..") || name.contains(['/', '%']) || name.chars().any(char::is_control);
    if !wrong {
        return Ok(());
    }
    Err(Failure::usage(format!("{name:?} cannot be the name of an object of kind {kind}"))
        .hint("a name is not empty, not `.` or `..`, and has no `/` or `%`; write \"NAMESPACE/NAME\""))
}

/// One object's address in a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its kind.
    pub resource: Resource,
    /// Its namespace, for namespaced kinds.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

impl Target {
    /// The object's path.
    pub fn path(&self) -> String {
        format!("{}/{}", self.resource.path(self.namespace.as_deref()), segment(&self.name))
    }

    /// `Kind namespace/name`.
    pub fn title(&self) -> String {
        match &self.namespace {
            Some(namespace) => format!("{} {namespace}/{}", self.resource.kind, self.name),
            None => format!("{} {}", self.resource.kind, self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Kind;

    fn deployments() -> Resource {
        Resource {
            group: "apps".into(),
            version: "v1".into(),
            kind: "Deployment".into(),
            plural: "deployments".into(),
            namespaced: true,
            ..Resource::default()
        }
    }

    #[test]
    fn paths_are_those_of_the_api_server() {
        let nodes =
            Resource { version: "v1".into(), kind: "Node".into(), plural: "nodes".into(), ..Resource::default() };
        assert_eq!(deployments().path(None), "/apis/apps/v1/deployments");
        assert_eq!(deployments().path(Some("a")), "/apis/apps/v1/namespaces/a/deployments");
        assert_eq!(nodes.target("n1").expect("node").path(), "/api/v1/nodes/n1");
        assert_eq!(deployments().target("a/b").expect("target").title(), "Deployment a/b");
    }

    #[test]
    fn names_that_would_leave_their_path_are_refused() {
        for name in ["a/..", "a/b/c", "a/", "/b", "a/b%2fc"] {
            assert_eq!(deployments().target(name).expect_err(name).kind, Kind::Usage);
        }
        let lacking = deployments().target_in(None, "b").expect_err("no namespace").about("Deployment b");
        assert_eq!(lacking.to_string(), "Deployment b: the namespace is missing");
        assert!(
            deployments().target("b").expect_err("no namespace").hint.is_some_and(|hint| hint.contains("NAMESPACE/b"))
        );
    }
}
