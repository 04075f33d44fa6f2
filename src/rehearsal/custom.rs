//! Kinds from CustomResourceDefinitions: what a definition says, and when the server starts to serve it.

use super::kinds::Kind;
use super::schemas;
use serde_json::Value;
use std::sync::Arc;

/// Where the definitions are stored.
pub(super) const DEFINITIONS: &str = "customresourcedefinitions.apiextensions.k8s.io";

/// The annotation of a rehearsed definition that says whose schemas are its own: `istio` is the only value.
const SCHEMAS: &str = "meshwright/schemas";

/// The kind that an established definition defines.
pub(super) fn kind(definition: &Value) -> Option<Kind> {
    if !is_established(definition) {
        return None;
    }
    let spec = &definition["spec"];
    let names = &spec["names"];
    let versions = spec["versions"].as_array()?;
    let mut served: Vec<_> = versions.iter().filter(|one| one["served"] == true).filter_map(name_of).collect();
    served.sort_by_key(|version| std::cmp::Reverse(priority(version)));
    let storage = versions.iter().find(|one| one["storage"] == true).and_then(name_of)?;
    let kind = names["kind"].as_str()?.to_owned();
    Some(Kind {
        group: spec["group"].as_str()?.to_owned(),
        versions: served,
        storage,
        list_kind: text(&names["listKind"]).unwrap_or_else(|| format!("{kind}List")),
        plural: names["plural"].as_str()?.to_owned(),
        singular: text(&names["singular"]).unwrap_or_else(|| kind.to_lowercase()),
        kind,
        short_names: texts(&names["shortNames"]),
        categories: texts(&names["categories"]),
        namespaced: spec["scope"] == "Namespaced",
        subresources: subresources(versions),
        review: false,
        counts_generations: true,
        definition: Some(Arc::new(spec["versions"].clone())),
        known_schema: known_schema(definition),
    })
}

/// What a definition refers to instead of repeating it for each version: definitions are kept by every cluster, and
/// schemas are long.
fn known_schema(definition: &Value) -> Option<&'static schemas::Known> {
    let spec = &definition["spec"];
    match definition["metadata"]["annotations"][SCHEMAS].as_str()? {
        "istio" => schemas::of_istio(spec["group"].as_str()?, spec["names"]["kind"].as_str()?),
        _ => None,
    }
}

/// Whether the server has accepted the definition.
pub(super) fn is_established(definition: &Value) -> bool {
    let conditions = definition["status"]["conditions"].as_array();
    conditions.is_some_and(|all| all.iter().any(|one| one["type"] == "Established" && one["status"] == "True"))
}

/// Kubernetes' order of versions: `v2` before `v1` before `v1beta2` before `v1alpha3`, anything else last.
pub(super) fn priority(version: &str) -> (u8, u32, u32) {
    let number = |text: &str| text.parse().unwrap_or(0);
    let Some(rest) = version.strip_prefix('v') else { return (0, 0, 0) };
    if let Ok(major) = rest.parse() {
        return (3, major, 0);
    }
    let stages = [("beta", 2), ("alpha", 1)];
    let staged = stages.iter().find_map(|(word, rank)| rest.split_once(word).map(|halves| (*rank, halves)));
    staged.map_or((0, 0, 0), |(rank, (major, minor))| (rank, number(major), number(minor)))
}

fn subresources(versions: &[Value]) -> Vec<String> {
    let has = |name: &str| versions.iter().any(|one| one["subresources"].get(name).is_some());
    ["scale", "status"].into_iter().filter(|name| has(name)).map(str::to_owned).collect()
}

fn name_of(version: &Value) -> Option<String> {
    text(&version["name"])
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().map(|all| all.iter().filter_map(text).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_kind_is_served_once_its_definition_is_established() {
        let definition = json!({"spec": {
            "group": "networking.istio.io", "scope": "Namespaced",
            "names": {"kind": "Gateway", "plural": "gateways", "shortNames": ["gw"]},
            "versions": [
                {"name": "v1alpha3", "served": true, "storage": false},
                {"name": "v1", "served": true, "storage": false, "subresources": {"status": {}}},
                {"name": "v1beta1", "served": true, "storage": true},
                {"name": "v1alpha1", "served": false, "storage": false},
            ],
        }});
        assert_eq!(kind(&definition), None);
        let mut established = definition;
        established["status"] = json!({"conditions": [{"type": "Established", "status": "True"}]});
        let served = kind(&established).expect("served");
        assert_eq!(served.versions, ["v1", "v1beta1", "v1alpha3"]);
        assert_eq!((served.storage.as_str(), served.list_kind.as_str()), ("v1beta1", "GatewayList"));
        assert!(served.namespaced && served.has("status") && served.is_called("gw"));
    }
}
