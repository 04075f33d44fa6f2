//! The schemas of the built-in kinds and of Istio's, with descriptions: those that Kubernetes 1.34 and Istio 1.31
//! themselves publish.
//!
//! `schemas.json.gz` is an object of them by name, such as `io.k8s.api.core.v1.Pod`; `tests/lab/files/openapi.py` makes
//! it. `istio.json.gz` is one by group and kind, such as `networking.istio.io/Gateway`;
//! `tests/lab/files/istio_schemas.py` makes it. They are read when somebody asks for the first time.

use super::fields::Schema;
use super::kinds::Kind;
use super::tree::items;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::sync::{LazyLock, OnceLock};

/// The schema of what every object has in `metadata`.
pub(super) const OBJECT_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
/// What references to a schema begin with.
pub(super) const REFERENCE: &str = "#/components/schemas/";

fn all() -> &'static Map<String, Value> {
    static ALL: LazyLock<Map<String, Value>> = LazyLock::new(|| unpacked(include_bytes!("schemas.json.gz")));
    &ALL
}

/// A schema that the program has: the same for all clusters and requests.
#[derive(Debug)]
pub(crate) struct Known {
    pub schema: Value,
    merging: OnceLock<Schema>,
}

impl Known {
    /// How objects of the kind merge.
    pub fn merging(&self) -> Schema {
        self.merging.get_or_init(|| Schema::from_open_api(&self.schema)).clone()
    }
}

impl PartialEq for Known {
    fn eq(&self, other: &Known) -> bool {
        self.schema == other.schema
    }
}

/// The schema of a kind of Istio's.
pub(super) fn of_istio(group: &str, kind: &str) -> Option<&'static Known> {
    static ALL: LazyLock<BTreeMap<String, Known>> = LazyLock::new(|| {
        let all = unpacked(include_bytes!("istio.json.gz")).into_iter();
        all.map(|(name, schema)| (name, Known { schema, merging: OnceLock::new() })).collect()
    });
    ALL.get(&format!("{group}/{kind}"))
}

/// The content of a file that is part of the program; tests read each.
fn unpacked(packed: &[u8]) -> Map<String, Value> {
    let mut text = String::new();
    let read = flate2::read::GzDecoder::new(packed).read_to_string(&mut text);
    read.ok().and_then(|_| serde_json::from_str(&text).ok()).unwrap_or_default()
}

/// The name of a built-in kind's schema.
pub(super) fn name(kind: &Kind, version: &str) -> Option<&'static str> {
    let is_it = |gvk: &Value| gvk["group"] == kind.group && gvk["version"] == version && gvk["kind"] == kind.kind;
    let mut found = all().iter().filter(|(_, schema)| {
        // Options and events of watches name the kinds of every group.
        let named = items(&schema["x-kubernetes-group-version-kind"]);
        named.len() == 1 && named.iter().any(is_it)
    });
    found.next().map(|(name, _)| name.as_str())
}

/// The named schemas with all that they refer to.
pub(super) fn with_references(names: &[&str]) -> Map<String, Value> {
    let mut open: Vec<&str> = names.to_vec();
    let mut seen = BTreeSet::new();
    while let Some(name) = open.pop() {
        let Some((name, schema)) = all().get_key_value(name) else { continue };
        if seen.insert(name.as_str()) {
            references(schema, &mut open);
        }
    }
    seen.into_iter().filter_map(|name| Some((name.to_owned(), all().get(name)?.clone()))).collect()
}

fn references<'s>(schema: &'s Value, into: &mut Vec<&'s str>) {
    match schema {
        Value::Object(map) => {
            into.extend(map.get("$ref").and_then(Value::as_str).and_then(|one| one.strip_prefix(REFERENCE)));
            map.values().for_each(|value| references(value, into));
        }
        Value::Array(list) => list.iter().for_each(|value| references(value, into)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::kinds;
    use super::*;

    #[test]
    fn every_built_in_kind_has_a_schema() {
        let missing = |kind: &&std::sync::Arc<Kind>| kind.versions.iter().any(|version| name(kind, version).is_none());
        let missing: Vec<_> = kinds::all_built_in().iter().filter(missing).map(|kind| kind.resource()).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn istios_kinds_have_schemas() {
        let gateway = of_istio("networking.istio.io", "Gateway").expect("a schema");
        let mode = "/properties/spec/properties/servers/items/properties/tls/properties/mode/enum";
        let modes = gateway.schema.pointer(mode).expect("its modes");
        assert!(modes.as_array().expect("a list").contains(&"AUTO_PASSTHROUGH".into()), "{modes}");
        assert_eq!(of_istio("gateway.networking.k8s.io", "Gateway"), None);
        let again = of_istio("networking.istio.io", "Gateway").expect("the same");
        assert!(std::ptr::eq(gateway, again), "read once");
    }

    #[test]
    fn schemas_come_with_what_they_refer_to() {
        let schemas = with_references(&["io.k8s.api.core.v1.Service"]);
        assert!(schemas.contains_key("io.k8s.api.core.v1.ServicePort") && schemas.contains_key(OBJECT_META));
        assert!(!schemas.contains_key("io.k8s.api.core.v1.Pod"));
        for schema in schemas.values() {
            let mut names = Vec::new();
            references(schema, &mut names);
            assert!(names.iter().all(|name| schemas.contains_key(*name)), "{names:?}");
        }
    }
}
