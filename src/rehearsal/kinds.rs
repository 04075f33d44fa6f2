//! Kinds of objects: what the API server serves, by group, version, plural, kind or short name.
//!
//! Built-in kinds come from the table in [`super::built_in`], others from established CustomResourceDefinitions.

use super::built_in;
use super::schemas::Known;
use serde_json::Value;
use std::sync::{Arc, LazyLock};

/// A kind of object.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Kind {
    /// API group; empty for the core group.
    pub group: String,
    /// Served versions, preferred first.
    pub versions: Vec<String>,
    /// The version that objects are stored in.
    pub storage: String,
    /// Kind, such as `Deployment`.
    pub kind: String,
    /// Kind of a list, such as `DeploymentList`.
    pub list_kind: String,
    /// Plural name in paths, such as `deployments`.
    pub plural: String,
    /// Singular name.
    pub singular: String,
    /// Short names, such as `deploy`.
    pub short_names: Vec<String>,
    /// Categories, such as `all`.
    pub categories: Vec<String>,
    /// Whether objects live in namespaces.
    pub namespaced: bool,
    /// Subresources, such as `status`, `scale`.
    pub subresources: Vec<String>,
    /// Whether it can only be created, as reviews are: nothing is stored.
    pub review: bool,
    /// Whether `metadata.generation` counts changes.
    pub counts_generations: bool,
    /// For custom kinds: the `spec.versions` of the definition.
    pub definition: Option<Arc<Value>>,
    /// For custom kinds whose definition refers to a schema that the program has: that one, for all versions.
    pub known_schema: Option<&'static Known>,
}

impl Kind {
    /// `deployments.apps` or `pods`: the name in messages, and the key in the store.
    pub fn resource(&self) -> String {
        match self.group.as_str() {
            "" => self.plural.clone(),
            group => format!("{}.{group}", self.plural),
        }
    }

    /// Whether this is what [`Kind::resource`] says.
    pub fn is_resource(&self, name: &str) -> bool {
        let Some(rest) = name.strip_prefix(self.plural.as_str()) else { return false };
        if self.group.is_empty() { rest.is_empty() } else { rest.strip_prefix('.') == Some(&*self.group) }
    }

    /// `apps/v1` or `v1`.
    pub fn api_version(&self, version: &str) -> String {
        match self.group.as_str() {
            "" => version.to_owned(),
            group => format!("{group}/{version}"),
        }
    }

    /// The `apiVersion` that objects are stored with.
    pub fn stored_api_version(&self) -> String {
        self.api_version(&self.storage)
    }

    /// Whether it has this subresource.
    pub fn has(&self, subresource: &str) -> bool {
        self.subresources.iter().any(|one| one == subresource)
    }

    /// Whether it comes from a CustomResourceDefinition.
    pub fn is_custom(&self) -> bool {
        self.definition.is_some()
    }

    /// The definition of one version of a custom kind.
    pub fn custom_version(&self, version: &str) -> Option<&Value> {
        self.definition.as_ref()?.as_array()?.iter().find(|one| one["name"] == version)
    }

    /// The schema of one version of a custom kind.
    pub fn custom_schema(&self, version: &str) -> Option<&Value> {
        let defined = &self.custom_version(version)?["schema"]["openAPIV3Schema"];
        Some(self.known_schema.map_or(defined, |known| &known.schema))
    }

    /// The schema of a custom kind for this object's version.
    pub fn schema_of(&self, object: &Value) -> Option<&Value> {
        self.custom_schema(object["apiVersion"].as_str()?.rsplit('/').next()?)
    }

    /// What servers answer every request for a kind that they will not always have.
    pub fn deprecation(&self, version: &str) -> Option<&'static str> {
        match (self.group.as_str(), version, self.plural.as_str()) {
            ("", "v1", "endpoints") => {
                Some("v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice")
            }
            ("", "v1", "componentstatuses") => Some("v1 ComponentStatus is deprecated in v1.19+"),
            _ => None,
        }
    }

    /// The verbs that discovery lists.
    pub fn verbs(&self) -> &'static [&'static str] {
        match (self.review, self.plural.as_str()) {
            (true, _) => &["create"],
            (_, "componentstatuses") => &["get", "list"],
            (_, "namespaces") if self.group.is_empty() => {
                &["create", "delete", "get", "list", "patch", "update", "watch"]
            }
            _ if self.is_custom() => {
                &["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"]
            }
            _ => &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
        }
    }

    /// Whether a user or controller may mean this kind by `name`: plural, kind, singular or short name, optionally
    /// followed by a dot and the group.
    pub fn is_called(&self, name: &str) -> bool {
        if self.answers_to(name) {
            return true;
        }
        match name.split_once('.') {
            Some((first, group)) => group == self.group && self.answers_to(first),
            None => false,
        }
    }

    fn answers_to(&self, name: &str) -> bool {
        self.kind == name
            || self.plural == name
            || self.singular == name
            || self.short_names.iter().any(|one| one == name)
    }
}

/// All built-in kinds, core group first.
pub(crate) fn all_built_in() -> &'static [Arc<Kind>] {
    static KINDS: LazyLock<Vec<Arc<Kind>>> = LazyLock::new(|| built_in::kinds().into_iter().map(Arc::new).collect());
    &KINDS
}

/// The built-in kind with this group and plural.
pub(crate) fn built_in(group: &str, plural: &str) -> Option<Arc<Kind>> {
    all_built_in().iter().find(|kind| kind.group == group && kind.plural == plural).cloned()
}

/// `("apps", "v1")` of `apps/v1`, `("", "v1")` of `v1`.
pub(crate) fn split_api_version(api_version: &str) -> (&str, &str) {
    api_version.split_once('/').unwrap_or(("", api_version))
}

/// The kind of an object that nobody has defined, named as most kinds are.
pub(crate) fn guessed(api_version: &str, kind: &str, namespaced: bool) -> Kind {
    let (group, version) = split_api_version(api_version);
    let singular = kind.to_lowercase();
    let plural = match singular.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{stem}ies"),
        _ if singular.ends_with('s') => format!("{singular}es"),
        _ => format!("{singular}s"),
    };
    Kind {
        group: group.to_owned(),
        versions: vec![version.to_owned()],
        storage: version.to_owned(),
        kind: kind.to_owned(),
        list_kind: format!("{kind}List"),
        plural,
        singular,
        namespaced,
        counts_generations: true,
        ..Kind::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_found_by_every_name_people_use() {
        let deployments = built_in("apps", "deployments").expect("deployments");
        for name in ["Deployment", "deployments", "deployment", "deploy", "deployments.apps", "Deployment.apps"] {
            assert!(deployments.is_called(name), "{name}");
        }
        assert!(!deployments.is_called("deployments.extensions"));
        assert!(deployments.is_resource("deployments.apps") && !deployments.is_resource("deployments"));
        let pods = built_in("", "pods").expect("pods");
        assert!(pods.is_resource("pods") && !pods.is_resource("pods.") && !pods.is_resource("pod"));
        assert!(!deployments.is_resource("deploymentsapps"));
    }

    #[test]
    fn undefined_kinds_get_their_usual_plural() {
        assert_eq!(guessed("x/v1", "Gateway", true).plural, "gateways");
        assert_eq!(guessed("x/v1", "ServiceEntry", true).plural, "serviceentries");
        assert_eq!(guessed("x/v1", "Ingress", true).plural, "ingresses");
    }

    #[test]
    fn no_two_built_in_kinds_share_a_place() {
        let mut places: Vec<_> = all_built_in().iter().map(|kind| kind.resource()).collect();
        let count = places.len();
        places.sort();
        places.dedup();
        assert_eq!(places.len(), count);
        assert!(count > 50, "{count} kinds");
    }
}
