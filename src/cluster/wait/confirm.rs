//! The last question before something counts as ready: does the cluster itself already act on it?

use super::probe::probe;
use super::rules::{self, Verdict, backing_services, group_kind};
use crate::cluster::Cluster;
use crate::cluster::path::{query, segment};
use crate::cluster::request::request;
use crate::failure::{Kind, Result};
use crate::object::{Node, Object};
use http::Method;

/// Whether there is anything to ask for this kind.
pub(super) fn needed(object: &Object) -> bool {
    matches!(group_kind(object).0, "apiextensions.k8s.io" | "apiregistration.k8s.io" | "admissionregistration.k8s.io")
}

/// Asks the cluster. Errors mean "not yet": the API server itself may be loading what is asked for.
pub(super) async fn confirm(cluster: &Cluster, object: &Object) -> Verdict {
    let asked = match group_kind(object).1 {
        "CustomResourceDefinition" => is_served(cluster, object).await,
        "APIService" => answers(cluster, object).await,
        _ => webhooks_answer(cluster, object).await,
    };
    asked.unwrap_or_else(|failure| Verdict::Progressing(failure.message))
}

/// Discovery lists the kind, and its objects can be listed.
async fn is_served(cluster: &Cluster, crd: &Object) -> Result<Verdict> {
    let text = |path| crd.str_at(path).unwrap_or_default();
    let (group, plural) = (text("spec.group"), text("spec.names.plural"));
    let resource = match cluster.resource(&format!("{plural}.{group}")).await {
        Ok(resource) => resource,
        Err(failure) if failure.kind == Kind::NotFound => {
            return Ok(Verdict::Progressing("is established, but discovery does not list it yet".into()));
        }
        Err(failure) => return Err(failure),
    };
    let uri = format!("{}{}", resource.path(None), query(&[("limit", "1")]));
    match cluster.send(request(Method::GET, uri)?).await {
        Ok(_) => Ok(Verdict::Done(format!("{plural}.{group} is served"))),
        // Those who may not list it cannot ask; the server knows it, or it would not have refused.
        Err(failure) if failure.kind == Kind::Forbidden => Ok(Verdict::Done(format!("{plural}.{group} is served"))),
        Err(failure) => Err(failure),
    }
}

async fn answers(cluster: &Cluster, service: &Object) -> Result<Verdict> {
    let text = |path| service.str_at(path).unwrap_or_default();
    let uri = format!("/apis/{}/{}", segment(text("spec.group")), segment(text("spec.version")));
    if text("spec.group").is_empty() {
        return Ok(Verdict::Done("is available".into()));
    }
    cluster.send(request(Method::GET, uri)?).await?;
    Ok(Verdict::Done("is available and answers".into()))
}

async fn webhooks_answer(cluster: &Cluster, configuration: &Object) -> Result<Verdict> {
    for service in backing_services(configuration) {
        let title = format!("Service {}/{}", service.namespace, service.name);
        match ready_endpoints(cluster, &service).await {
            Ok(0) => return Ok(Verdict::Progressing(format!("{title} has no ready endpoint yet"))),
            // Those who may not look at endpoints can still try the webhook.
            Ok(_) => {}
            Err(failure) if failure.kind == Kind::Forbidden => {}
            Err(failure) => return Err(failure),
        }
    }
    if let Some(trouble) = probe(cluster, configuration).await? {
        return Ok(Verdict::Progressing(trouble));
    }
    Ok(Verdict::Done(rules::verdict(configuration).text().to_owned()))
}

/// How many endpoints behind a service are ready.
async fn ready_endpoints(cluster: &Cluster, service: &rules::BackingService) -> Result<usize> {
    let selector = format!("kubernetes.io/service-name={}", service.name);
    let uri = format!(
        "/apis/discovery.k8s.io/v1/namespaces/{}/endpointslices{}",
        segment(&service.namespace),
        query(&[("labelSelector", &selector)])
    );
    let slices = cluster.send(request(Method::GET, uri)?).await?;
    let endpoints =
        slices.items_at("items").iter().flat_map(|slice| slice.get("endpoints").map_or(&[][..], Node::items));
    // `ready` may be missing, which means unknown and is to be read as ready.
    let ready = |endpoint: &&Node| {
        endpoint.get("conditions").and_then(|c| c.get("ready")).and_then(Node::as_bool).unwrap_or(true)
    };
    Ok(endpoints.filter(ready).count())
}
