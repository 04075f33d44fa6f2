//! Tries a webhook: a dry run of creating something that it must be asked about.
//!
//! Any answer but "failed calling webhook" proves that the API server reaches it and trusts it. Where its failures are
//! ignored, silence proves nothing: a sidecar injector must give the pod its sidecar, and Istio's validation must deny
//! what is wrong, as istiod itself tries it. Nothing is stored.

use super::selector;
use crate::cluster::path::query;
use crate::cluster::request::{content, request, request_with};
use crate::cluster::{Cluster, Resource};
use crate::failure::{Kind, Result};
use crate::object::{Node, Object};
use crate::plain;
use http::Method;
use serde_json::{Value, json};

/// Trying this many webhooks of a configuration is enough.
const MOST: usize = 3;

/// Why a webhook of the configuration does not work; `None` when all that can be tried do.
pub(super) async fn probe(cluster: &Cluster, configuration: &Object) -> Result<Option<String>> {
    let mut namespaces = Namespaces::default();
    // Those with the same service, path and certificate work or fail together.
    let mut tried: Vec<Option<&Node>> = Vec::new();
    for webhook in configuration.items_at("webhooks") {
        let client = webhook.get("clientConfig");
        if tried.contains(&client) {
            continue;
        }
        if tried.len() == MOST {
            break;
        }
        let Some((resource, namespace)) = subject(cluster, webhook, &mut namespaces).await? else { continue };
        tried.push(client);
        if let Some(trouble) = attempt(cluster, webhook, &resource, namespace).await? {
            return Ok(Some(trouble));
        }
    }
    Ok(None)
}

/// The namespaces of a cluster, asked for when they matter, once; none for those who may not list them.
#[derive(Default)]
struct Namespaces(Option<Object>);

impl Namespaces {
    async fn list(&mut self, cluster: &Cluster) -> Result<&[Node]> {
        if self.0.is_none() {
            self.0 = Some(match cluster.send(request(Method::GET, "/api/v1/namespaces".into())?).await {
                Err(failure) if failure.kind == Kind::Forbidden => Object::default(),
                all => all?,
            });
        }
        Ok(self.0.as_ref().map_or(&[][..], |all| all.items_at("items")))
    }
}

/// A kind and a namespace that the webhook is asked about; `None` when there is none that can be told from its rules.
async fn subject(
    cluster: &Cluster,
    webhook: &Node,
    namespaces: &mut Namespaces,
) -> Result<Option<(Resource, Option<String>)>> {
    for rule in webhook.get("rules").map_or(&[][..], Node::items) {
        let texts = |key| rule.get(key).map_or(&[][..], Node::items).iter().filter_map(Node::as_str);
        let creates = texts("operations").any(|operation| matches!(operation, "*" | "CREATE"));
        let group = texts("apiGroups").find(|group| *group != "*");
        let plural = texts("resources").find(|plural| !plural.contains('/'));
        let (true, Some(group), Some(plural)) = (creates, group, plural) else { continue };
        let Some(resource) = kind(cluster, group, plural).await else { continue };
        if !resource.namespaced {
            return Ok(Some((resource, None)));
        }
        if let Some(namespace) = namespace_for(webhook, namespaces.list(cluster).await?) {
            return Ok(Some((resource, Some(namespace))));
        }
    }
    Ok(None)
}

/// A kind of a group; `*` stands for all of them.
async fn kind(cluster: &Cluster, group: &str, plural: &str) -> Option<Resource> {
    let plural = match (plural, group) {
        ("*", ISTIO) => GATEWAYS.to_owned(),
        ("*", _) => {
            let kinds = cluster.kinds().await.ok()?;
            let can_be_made = |kind: &&Resource| kind.group == group && kind.verbs.iter().any(|verb| verb == "create");
            kinds.iter().find(can_be_made)?.plural.clone()
        }
        _ => plural.to_owned(),
    };
    let name = if group.is_empty() { plural } else { format!("{plural}.{group}") };
    cluster.resource(&name).await.ok()
}

/// The group of Istio's networking, and a kind of it that must not be empty.
const ISTIO: &str = "networking.istio.io";
const GATEWAYS: &str = "gateways";

fn namespace_for(webhook: &Node, namespaces: &[Node]) -> Option<String> {
    let selector = webhook.get("namespaceSelector").cloned().unwrap_or_default();
    let active = namespaces.iter().filter(|namespace| {
        namespace.get("status").and_then(|status| status.get("phase")).and_then(Node::as_str) != Some("Terminating")
    });
    let matching = active.map(|node| Object::new(node.clone())).find(|namespace| {
        let labels = namespace.at("metadata.labels").cloned().unwrap_or_default();
        selector::matches(&selector, &labels)
    });
    matching.map(|namespace| namespace.name().to_owned())
}

async fn attempt(
    cluster: &Cluster,
    webhook: &Node,
    resource: &Resource,
    namespace: Option<String>,
) -> Result<Option<String>> {
    let uri = format!("{}{}", resource.path(namespace.as_deref()), query(&[("dryRun", "All")]));
    let body = sample(resource, namespace.as_deref(), webhook);
    let about = namespace.map_or_else(String::new, |namespace| format!(" in {namespace}"));
    let failure = match cluster.send(request_with(Method::POST, uri, content::JSON, &body)?).await {
        Ok(admitted) => return Ok(passed_over(webhook, resource, &admitted, &about)),
        Err(failure) => failure,
    };
    let failing = failure.message.contains("failed calling webhook");
    // Any other refusal comes from somebody who was asked before it; who may not create anything cannot try.
    let denied = failure.message.contains("denied the request") || failure.kind == Kind::Forbidden;
    let unproven = must_deny(webhook, resource) && !denied;
    Ok((failing || unproven).then(|| plain::line(&failure.message, 300)))
}

/// Why consent shows that nobody asked the webhook; `None` when it does not.
fn passed_over(webhook: &Node, resource: &Resource, admitted: &Object, about: &str) -> Option<String> {
    if injects(webhook) && resource.kind == "Pod" && !has_sidecar(admitted) {
        return Some(format!(
            "a Pod{about} comes out without a sidecar: the API server does not reach the webhook yet"
        ));
    }
    let passed = must_deny(webhook, resource);
    passed
        .then(|| format!("an empty {}{about} goes through: the API server does not ask the webhook yet", resource.kind))
}

/// Whether a webhook is a sidecar injector, by where it is called.
fn injects(webhook: &Node) -> bool {
    let config = webhook.get("clientConfig");
    let path = config.and_then(|config| config.get("service")?.get("path")?.as_str());
    let url = config.and_then(|config| config.get("url")?.as_str()?.split_once("://")?.1.split_once('/'));
    let path = path.or(url.map(|(_, path)| path)).unwrap_or_default();
    path.trim_start_matches('/').split('/').next() == Some("inject")
}

/// Whether there are more containers in a pod than the one that it was made with.
fn has_sidecar(pod: &Object) -> bool {
    pod.items_at("spec.containers").len() + pod.items_at("spec.initContainers").len() > 1
}

/// Whether only a refusal proves that this webhook was asked: its failures are ignored, and the sample is wrong.
fn must_deny(webhook: &Node, resource: &Resource) -> bool {
    let ignored = webhook.get("failurePolicy").and_then(Node::as_str) == Some("Ignore");
    ignored && resource.group == ISTIO && resource.plural == GATEWAYS
}

/// The smallest object of the kind, with labels that the webhook selects. It need not be valid: a refusal in the
/// webhook's own words proves as much as consent.
fn sample(resource: &Resource, namespace: Option<&str>, webhook: &Node) -> Value {
    let labels = webhook.get("objectSelector").map(selector::satisfying).unwrap_or_default();
    let mut object = json!({
        "apiVersion": resource.api_version(),
        "kind": resource.kind,
        "metadata": {"name": "meshwright-probe", "labels": labels},
        "spec": {},
    });
    if let Some(namespace) = namespace {
        object["metadata"]["namespace"] = json!(namespace);
    }
    if injects(webhook) {
        // Whatever the injector does with pods that say nothing.
        object["metadata"]["labels"]["sidecar.istio.io/inject"] = json!("true");
        object["metadata"]["annotations"]["sidecar.istio.io/inject"] = json!("true");
    }
    if resource.kind == "Pod" {
        object["spec"] = json!({"containers": [{"name": "probe", "image": "probe"}]});
    }
    object
}
