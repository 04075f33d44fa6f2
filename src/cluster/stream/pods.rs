//! Which pod, and which of its containers.

use crate::cluster::Cluster;
use crate::cluster::path::{query, segment};
use crate::cluster::request::request;
use crate::failure::{Failure, Kind, Result};
use crate::object::{Node, Object};
use http::Method;

/// The container that is meant when none is named: the one that the pod's annotation names, else its first.
/// <https://kubernetes.io/docs/reference/labels-annotations-taints/#kubectl-kubernetes-io-default-container>
pub fn default_container(pod: &Object) -> Option<&str> {
    pod.annotation("kubectl.kubernetes.io/default-container").or_else(|| pod.str_at("spec.containers.0.name"))
}

/// A pod's port, and the pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodPort {
    /// Namespace of the pod.
    pub namespace: String,
    /// Name of the pod.
    pub pod: String,
    /// Number of the port in the pod.
    pub port: u16,
}

impl Cluster {
    /// The container that is meant when none is named.
    pub(super) async fn container_of(&self, namespace: &str, pod: &str, named: Option<&str>) -> Result<String> {
        if let Some(named) = named {
            return Ok(named.to_owned());
        }
        let title = format!("Pod {namespace}/{pod}");
        let path = format!("/api/v1/namespaces/{}/pods/{}", segment(namespace), segment(pod));
        let found = self
            .send(request(Method::GET, path)?)
            .await
            .map_err(|failure| Failure { object: Some(title.clone()), ..failure })?;
        let container = default_container(&found).map(str::to_owned);
        container.ok_or_else(|| Failure::new(Kind::Invalid, "the pod has no container").about(title))
    }

    /// A ready pod behind a service, and the pod's port for the service's.
    pub(super) async fn pod_behind(&self, namespace: &str, service: &str, port: u16) -> Result<PodPort> {
        let title = format!("Service {namespace}/{service}");
        let path = format!("/api/v1/namespaces/{}/services/{}", segment(namespace), segment(service));
        let about = |failure: Failure| Failure { object: Some(title.clone()), ..failure };
        let found = self.send(request(Method::GET, path)?).await.map_err(about)?;
        let name = port_name(&found, port).map_err(|failure| failure.about(&title).on_cluster(self.name()))?;
        let labels = format!("kubernetes.io/service-name={service}");
        let slices = format!(
            "/apis/discovery.k8s.io/v1/namespaces/{}/endpointslices{}",
            segment(namespace),
            query(&[("labelSelector", &labels)])
        );
        let slices = self.send(request(Method::GET, slices)?).await.map_err(about)?;
        let behind = slices.items_at("items").iter().find_map(|slice| ready_pod(slice, &name));
        behind.map(|(pod, port)| PodPort { namespace: namespace.to_owned(), pod, port }).ok_or_else(|| {
            let none = Failure::new(Kind::Unreachable, format!("no ready pod serves port {port}"));
            none.about(&title)
                .on_cluster(self.name())
                .hint("wait for the pods behind the service: `wait.ready(deployment)`")
        })
    }
}

/// The name of a service's port; ports without a name are found in endpoint slices by an empty one.
fn port_name(service: &Object, port: u16) -> Result<String> {
    let ports = service.items_at("spec.ports");
    let number = |node: &Node| node.get("port").and_then(Node::as_int);
    match ports.iter().find(|node| number(node) == Some(i64::from(port))) {
        Some(found) => Ok(found.get("name").and_then(Node::as_str).unwrap_or_default().to_owned()),
        None => {
            let known: Vec<_> = ports.iter().filter_map(number).map(|port| port.to_string()).collect();
            Err(Failure::new(Kind::NotFound, format!("it has no port {port}, only {}", known.join(", "))))
        }
    }
}

fn ready_pod(slice: &Node, port_name: &str) -> Option<(String, u16)> {
    let ports = slice.get("ports").map_or(&[][..], Node::items);
    let port = ports.iter().find(|port| port.get("name").and_then(Node::as_str).unwrap_or_default() == port_name)?;
    let number = u16::try_from(port.get("port")?.as_int()?).ok()?;
    let endpoints = slice.get("endpoints").map_or(&[][..], Node::items);
    let ready = endpoints.iter().filter(|endpoint| {
        endpoint.get("conditions").and_then(|c| c.get("ready")).and_then(Node::as_bool).unwrap_or(true)
    });
    let pod = ready
        .filter_map(|endpoint| endpoint.get("targetRef"))
        .find(|target| target.get("kind").and_then(Node::as_str) == Some("Pod"))?;
    Some((pod.get("name")?.as_str()?.to_owned(), number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::yaml;

    fn object(text: &str) -> Object {
        yaml::parse(text).expect("yaml").remove(0)
    }

    #[test]
    fn the_annotation_names_the_container() {
        let pod = object(
            "{metadata: {annotations: {kubectl.kubernetes.io/default-container: app}}, spec: {containers: [{name: istio-proxy}, {name: app}]}}",
        );
        assert_eq!(default_container(&pod), Some("app"));
        assert_eq!(default_container(&object("{spec: {containers: [{name: a}, {name: b}]}}")), Some("a"));
    }

    #[test]
    fn the_port_of_a_service_leads_to_the_port_of_a_ready_pod() {
        let service = object("{spec: {ports: [{name: tls, port: 443}, {port: 80}]}}");
        assert_eq!(port_name(&service, 443).as_deref(), Ok("tls"));
        assert!(port_name(&service, 15443).expect_err("unknown").message.ends_with("only 443, 80"));
        let slice = object(
            "{ports: [{name: tls, port: 8443}], endpoints: [{conditions: {ready: false}, targetRef: {kind: Pod, name: a}}, {conditions: {ready: true}, targetRef: {kind: Pod, name: b}}]}",
        );
        assert_eq!(ready_pod(&slice.node, "tls"), Some(("b".into(), 8443)));
        assert_eq!(ready_pod(&slice.node, ""), None);
    }
}
