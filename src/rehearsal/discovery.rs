//! How clients learn what is served: versions, health, groups and kinds.

use super::call::Call;
use super::kinds::Kind;
use super::transport::Reply;
use super::{VERSION, openapi, reply};
use serde_json::{Value, json};
use std::sync::Arc;

/// The answer to a discovery path.
pub(super) fn answer(call: &Call) -> Option<Reply> {
    let path = call.path.trim_end_matches('/');
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    let json = |value: Value| Some(reply::json(200, &value));
    match segments.as_slice() {
        [] => json(roots(call)),
        ["version"] => json(version()),
        ["healthz" | "livez" | "readyz", ..] => Some(reply::text(200, health(call, segments[0]))),
        ["openapi", rest @ ..] => openapi::answer(call, rest),
        ["api"] if wants_aggregated(call) => Some(aggregated(call, true)),
        ["api"] => json(core_versions(call)),
        ["apis"] if wants_aggregated(call) => Some(aggregated(call, false)),
        ["apis"] => json(groups(call)),
        ["api", version] => resources(call, "", version).and_then(json),
        ["apis", group] => groups_of(call).into_iter().find(|one| one["name"] == *group).map(typed).and_then(json),
        ["apis", group, version] => resources(call, group, version).and_then(json),
        _ => None,
    }
}

fn health(call: &Call, endpoint: &str) -> String {
    if call.query.get("verbose").is_none() {
        return "ok".to_owned();
    }
    format!("[+]ping ok\n[+]log ok\n[+]etcd ok\n{endpoint} check passed\n")
}

fn version() -> Value {
    let mut numbers = VERSION.trim_start_matches('v').split('.');
    json!({
        "major": numbers.next(), "minor": numbers.next(), "gitVersion": VERSION, "gitCommit": "", "gitTreeState": "clean",
        "buildDate": "2025-01-01T00:00:00Z", "goVersion": "", "compiler": "", "platform": "linux/amd64",
    })
}

fn roots(call: &Call) -> Value {
    let mut paths = vec!["/api".to_owned(), "/api/v1".to_owned(), "/apis".to_owned()];
    for group in groups_of(call) {
        paths.push(format!("/apis/{}", group["name"].as_str().unwrap_or_default()));
    }
    paths.extend(["/healthz", "/livez", "/openapi/v2", "/openapi/v3", "/readyz", "/version"].map(str::to_owned));
    json!({"paths": paths})
}

fn core_versions(call: &Call) -> Value {
    let address = call.server.url().trim_start_matches("https://").to_owned();
    json!({
        "kind": "APIVersions", "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}],
    })
}

/// All kinds that are served now.
pub(super) fn kinds(call: &Call) -> Vec<Arc<Kind>> {
    call.server.store().kinds().cloned().collect()
}

/// The groups in the order of their first kind, each with its versions, preferred first.
pub(super) fn group_versions(call: &Call) -> Vec<(String, Vec<String>)> {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for kind in kinds(call) {
        let index = groups.iter().position(|(name, _)| *name == kind.group).unwrap_or_else(|| {
            groups.push((kind.group.clone(), Vec::new()));
            groups.len() - 1
        });
        for version in &kind.versions {
            if !groups[index].1.contains(version) {
                groups[index].1.push(version.clone());
            }
        }
    }
    for (_, versions) in &mut groups {
        versions.sort_by_key(|version| std::cmp::Reverse(super::custom::priority(version)));
    }
    groups
}

fn groups_of(call: &Call) -> Vec<Value> {
    let groups = group_versions(call).into_iter().filter(|(name, _)| !name.is_empty());
    let entry =
        |group: &str, version: &String| json!({"groupVersion": format!("{group}/{version}"), "version": version});
    groups
        .map(|(name, versions)| {
            let all: Vec<_> = versions.iter().map(|version| entry(&name, version)).collect();
            json!({"name": name, "versions": all, "preferredVersion": all.first()})
        })
        .collect()
}

fn groups(call: &Call) -> Value {
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups_of(call)})
}

fn typed(mut group: Value) -> Value {
    group["kind"] = json!("APIGroup");
    group["apiVersion"] = json!("v1");
    group
}

fn resources(call: &Call, group: &str, version: &str) -> Option<Value> {
    let all = kinds(call);
    let of: Vec<_> =
        all.iter().filter(|kind| kind.group == group && kind.versions.iter().any(|one| one == version)).collect();
    let first = of.first()?;
    let resources: Vec<_> = of.iter().flat_map(|kind| listed(kind, version)).collect();
    let group_version = first.api_version(version);
    let mut list = json!({"kind": "APIResourceList", "groupVersion": group_version, "resources": resources});
    if !group.is_empty() {
        list["apiVersion"] = json!("v1");
    }
    Some(list)
}

/// A kind and its subresources as `APIResource`s.
fn listed(kind: &Kind, version: &str) -> Vec<Value> {
    let mut entry = json!({
        "name": kind.plural, "singularName": kind.singular, "namespaced": kind.namespaced, "kind": kind.kind,
        "verbs": kind.verbs(),
    });
    if !kind.short_names.is_empty() {
        entry["shortNames"] = json!(kind.short_names);
    }
    if !kind.categories.is_empty() {
        entry["categories"] = json!(kind.categories);
    }
    let mut entries = vec![entry];
    for subresource in subresources(kind, version) {
        let (group, of, name, verbs) = answer_kind(kind, version, &subresource);
        let mut entry = json!({
            "name": format!("{}/{subresource}", kind.plural), "singularName": "", "namespaced": kind.namespaced,
            "kind": name, "verbs": verbs,
        });
        // Only what belongs to another group says so.
        if group != kind.group {
            entry["group"] = group.into();
            entry["version"] = of.into();
        }
        entries.push(entry);
    }
    entries
}

fn subresources(kind: &Kind, version: &str) -> Vec<String> {
    match kind.custom_version(version) {
        Some(one) => {
            kind.subresources.iter().filter(|name| one["subresources"].get(name.as_str()).is_some()).cloned().collect()
        }
        None => kind.subresources.clone(),
    }
}

/// Group, version and kind of what a subresource takes or gives, and its verbs.
fn answer_kind(kind: &Kind, version: &str, subresource: &str) -> (String, String, String, &'static [&'static str]) {
    let own = |verbs: &'static [&'static str]| (kind.group.clone(), version.to_owned(), kind.kind.clone(), verbs);
    let other = |group: &str, name: &str, verbs: &'static [&'static str]| {
        (group.to_owned(), "v1".to_owned(), name.to_owned(), verbs)
    };
    match subresource {
        "scale" => other("autoscaling", "Scale", &["get", "patch", "update"]),
        "token" => other("authentication.k8s.io", "TokenRequest", &["create"]),
        "eviction" => other("policy", "Eviction", &["create"]),
        "binding" => other("", "Binding", &["create"]),
        "exec" => other("", "PodExecOptions", &["create", "get"]),
        "attach" => other("", "PodAttachOptions", &["create", "get"]),
        "portforward" => other("", "PodPortForwardOptions", &["create", "get"]),
        "log" => own(&["get"]),
        "finalize" => own(&["update"]),
        "proxy" => other("", &format!("{}ProxyOptions", kind.kind), &["create", "delete", "get", "patch", "update"]),
        _ => own(&["get", "patch", "update"]),
    }
}

fn wants_aggregated(call: &Call) -> bool {
    call.header("accept")
        .split(',')
        .any(|one| one.contains("as=APIGroupDiscoveryList") && one.contains("v=v2") && !one.contains("v2beta1"))
}

/// Everything in one document, `apidiscovery.k8s.io/v2`.
fn aggregated(call: &Call, core: bool) -> Reply {
    let all = kinds(call);
    let groups = group_versions(call).into_iter().filter(|(name, _)| name.is_empty() == core);
    let items: Vec<_> = groups
        .map(|(group, versions)| {
            let versions: Vec<_> = versions.iter().map(|version| aggregated_version(&all, &group, version)).collect();
            let metadata = if core {
                json!({"creationTimestamp": null})
            } else {
                json!({"name": group, "creationTimestamp": null})
            };
            json!({"metadata": metadata, "versions": versions})
        })
        .collect();
    let list = json!({
        "kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items,
    });
    let media_type = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    reply::whole(200, media_type, list.to_string().into_bytes())
}

fn aggregated_version(all: &[Arc<Kind>], group: &str, version: &str) -> Value {
    let of = all.iter().filter(|kind| kind.group == group && kind.versions.iter().any(|one| one == version));
    let resources: Vec<_> = of.map(|kind| aggregated_kind(kind, version)).collect();
    json!({"version": version, "resources": resources, "freshness": "Current"})
}

fn aggregated_kind(kind: &Kind, version: &str) -> Value {
    let mut entry = json!({
        "resource": kind.plural, "singularResource": kind.singular, "verbs": kind.verbs(),
        "scope": if kind.namespaced { "Namespaced" } else { "Cluster" },
        "responseKind": {"group": kind.group, "version": version, "kind": kind.kind},
    });
    if !kind.short_names.is_empty() {
        entry["shortNames"] = json!(kind.short_names);
    }
    if !kind.categories.is_empty() {
        entry["categories"] = json!(kind.categories);
    }
    let subresources: Vec<_> = subresources(kind, version)
        .into_iter()
        .map(|subresource| {
            let (group, version, name, verbs) = answer_kind(kind, version, &subresource);
            json!({
                "subresource": subresource, "verbs": verbs,
                "responseKind": {"group": group, "version": version, "kind": name},
            })
        })
        .collect();
    if !subresources.is_empty() {
        entry["subresources"] = json!(subresources);
    }
    entry
}
