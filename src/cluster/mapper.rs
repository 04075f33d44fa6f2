//! From the names that people write to the kinds that a cluster serves.

use super::Resource;
use crate::failure::{Failure, Kind, Result};

/// Everything a cluster serves, preferred versions first.
#[derive(Debug, Default)]
pub(super) struct Mapper {
    resources: Vec<Resource>,
}

impl Mapper {
    /// These kinds, in the server's order of groups and versions.
    pub fn new(resources: Vec<Resource>) -> Mapper {
        Mapper { resources }
    }

    /// All of them.
    pub fn all(&self) -> &[Resource] {
        &self.resources
    }

    /// The kind with this name, or `None` when nobody has it.
    ///
    /// # Errors
    /// When several API groups have it and none is Kubernetes' own.
    pub fn find(&self, name: &str) -> Result<Option<Resource>> {
        let named = self.matching(name);
        let Some(first) = named.first() else { return Ok(None) };
        let best = rank(&first.group);
        let mut rivals = named.iter().filter(|other| other.group != first.group && rank(&other.group) == best);
        match rivals.next() {
            Some(rival) if best == Rank::Custom => Err(ambiguous(name, first, rival)),
            _ => Ok(Some((*first).clone())),
        }
    }

    /// The kinds with this name, best first.
    fn matching(&self, name: &str) -> Vec<&Resource> {
        let wanted = Wanted::read(name);
        let mut found: Vec<&Resource> = self.resources.iter().filter(|resource| wanted.fits(resource)).collect();
        found.sort_by_key(|resource| (rank(&resource.group), !wanted.is_exact(resource)));
        found
    }

    /// The failure for an unknown name, with those that look like it.
    pub fn unknown(&self, name: &str) -> Failure {
        let failure = Failure::new(Kind::NotFound, format!("the cluster serves no kind `{name}`"));
        let nearest = self.nearest(name);
        if nearest.is_empty() {
            return failure
                .hint("install its CustomResourceDefinition first, or list the kinds with `kubectl api-resources`");
        }
        failure.hint(format!("did you mean {}?", nearest.join(" or ")))
    }

    fn nearest(&self, name: &str) -> Vec<String> {
        let bare = Wanted::read(name).name;
        let mut near: Vec<(usize, String)> = Vec::new();
        for resource in &self.resources {
            let distance = |known: &str| strsim::damerau_levenshtein(&known.to_lowercase(), &bare);
            let best = distance(&resource.kind).min(distance(&resource.plural));
            let shown = format!("`{}`", shown_name(resource));
            if best <= 1 + bare.len() / 4 && !near.iter().any(|(_, known)| *known == shown) {
                near.push((best, shown));
            }
        }
        near.sort();
        near.into_iter().map(|(_, shown)| shown).take(3).collect()
    }
}

fn shown_name(resource: &Resource) -> String {
    match rank(&resource.group) {
        Rank::Custom => format!("{}/{}", resource.api_version(), resource.kind),
        _ => resource.kind.clone(),
    }
}

/// A name taken apart.
struct Wanted {
    group: Option<String>,
    version: Option<String>,
    /// Kind, plural, singular or short name in lower case.
    name: String,
    /// Whether the name must be the kind, written exactly.
    kind: Option<String>,
}

impl Wanted {
    /// `Pod`, `pods`, `po`, `pods.`, `deployments.apps`, `deployments.v1.apps`, `v1/Pod`, `apps/v1/Deployment`.
    fn read(text: &str) -> Wanted {
        let parts: Vec<&str> = text.split('/').collect();
        let exact = |group: &str, version: &str, kind: &str| Wanted {
            group: Some(group.to_owned()),
            version: Some(version.to_owned()),
            name: kind.to_lowercase(),
            kind: Some(kind.to_owned()),
        };
        match parts.as_slice() {
            [group, version, kind] => exact(group, version, kind),
            [version, kind] if is_version(version) => exact("", version, kind),
            [group, kind] => Wanted { version: None, ..exact(group, "", kind) },
            _ => Wanted::read_dotted(text),
        }
    }

    fn read_dotted(text: &str) -> Wanted {
        let (name, group) = text.split_once('.').map_or((text, None), |(name, group)| (name, Some(group)));
        let (version, group) = match group.and_then(|group| group.split_once('.')) {
            Some((version, rest)) if is_version(version) => (Some(version), Some(rest)),
            _ => (None, group),
        };
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Wanted { group: owned(group), version: owned(version), name: name.to_lowercase(), kind: None }
    }

    fn fits(&self, resource: &Resource) -> bool {
        self.group.as_ref().is_none_or(|group| *group == resource.group)
            && self.version.as_ref().is_none_or(|version| *version == resource.version)
            && self.fits_name(resource)
    }

    fn fits_name(&self, resource: &Resource) -> bool {
        if let Some(kind) = &self.kind {
            return *kind == resource.kind;
        }
        self.is_exact(resource) || resource.short_names.contains(&self.name)
    }

    /// By kind, plural or singular rather than by short name.
    fn is_exact(&self, resource: &Resource) -> bool {
        [&resource.kind, &resource.plural, &resource.singular]
            .into_iter()
            .any(|known| known.eq_ignore_ascii_case(&self.name))
    }
}

/// `v1`, `v1beta1`, `v2alpha3`.
fn is_version(text: &str) -> bool {
    text.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// Whose kinds win when a name is known in several groups.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Core,
    BuiltIn,
    Custom,
}

/// Groups that the API server itself serves end in `.k8s.io` or have no dot; those served for others are named here.
fn rank(group: &str) -> Rank {
    const CUSTOM: [&str; 6] = [
        "gateway.networking.k8s.io",
        "gateway.networking.x-k8s.io",
        "metrics.k8s.io",
        "snapshot.storage.k8s.io",
        "policy.networking.k8s.io",
        "inference.networking.k8s.io",
    ];
    match group {
        "" => Rank::Core,
        group if CUSTOM.contains(&group) || group.ends_with(".x-k8s.io") => Rank::Custom,
        group if !group.contains('.') || group.ends_with(".k8s.io") => Rank::BuiltIn,
        _ => Rank::Custom,
    }
}

fn ambiguous(name: &str, one: &Resource, other: &Resource) -> Failure {
    let (one, other) = (one.full_name(), other.full_name());
    Failure::usage(format!("`{name}` can mean {one} or {other}")).hint(format!("write \"{one}\" or \"{other}\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(group: &str, version: &str, kind: &str, plural: &str, short: &[&str]) -> Resource {
        Resource {
            group: group.into(),
            version: version.into(),
            kind: kind.into(),
            plural: plural.into(),
            singular: kind.to_lowercase(),
            short_names: short.iter().map(|name| name.to_string()).collect(),
            namespaced: true,
            ..Resource::default()
        }
    }

    fn mapper() -> Mapper {
        Mapper::new(vec![
            resource("", "v1", "Pod", "pods", &["po"]),
            resource("", "v1", "Service", "services", &["svc"]),
            resource("metrics.k8s.io", "v1beta1", "PodMetrics", "pods", &[]),
            resource("serving.knative.dev", "v1", "Service", "services", &["ksvc"]),
            resource("apps", "v1", "Deployment", "deployments", &["deploy"]),
            resource("networking.istio.io", "v1", "Gateway", "gateways", &["gw"]),
            resource("networking.istio.io", "v1beta1", "Gateway", "gateways", &["gw"]),
            resource("gateway.networking.k8s.io", "v1", "Gateway", "gateways", &["gtw"]),
        ])
    }

    fn found(name: &str) -> String {
        let resource = mapper().find(name).expect(name).expect(name);
        format!("{}/{}", resource.api_version(), resource.kind)
    }

    #[test]
    fn every_way_to_name_a_kind() {
        for name in ["Pod", "pod", "pods", "po", "v1/Pod", "PODS"] {
            assert_eq!(found(name), "v1/Pod", "{name}");
        }
        for name in [
            "deploy",
            "deployments.apps",
            "Deployment.apps",
            "deployments.v1.apps",
            "apps/v1/Deployment",
            "apps/Deployment",
        ] {
            assert_eq!(found(name), "apps/v1/Deployment", "{name}");
        }
        assert_eq!(found("gateways.networking.istio.io"), "networking.istio.io/v1/Gateway");
        assert_eq!(found("networking.istio.io/v1beta1/Gateway"), "networking.istio.io/v1beta1/Gateway");
        assert_eq!(found("gtw"), "gateway.networking.k8s.io/v1/Gateway");
        assert_eq!(found("Service"), "v1/Service");
    }

    #[test]
    fn a_name_of_two_strangers_is_ambiguous() {
        let failure = mapper().find("Gateway").expect_err("ambiguous");
        assert_eq!(failure.kind, Kind::Usage);
        assert!(failure.hint.is_some_and(|hint| hint.contains("gateways.networking.istio.io")));
    }

    #[test]
    fn unknown_names_have_neighbours() {
        assert_eq!(mapper().find("Deplyment").expect("unknown"), None);
        assert_eq!(mapper().unknown("Deplyment").hint.as_deref(), Some("did you mean `Deployment`?"));
        assert!(mapper().unknown("VirtualService").hint.is_some_and(|hint| hint.contains("CustomResourceDefinition")));
    }
}
