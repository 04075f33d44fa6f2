//! What this machine would find on the network, if the rehearsed clusters were there.

use super::{Server, World};
use serde_json::Value;

/// What names outside the clusters resolve to: an address of documentation (RFC 5737).
const ELSEWHERE: &str = "192.0.2.1";
/// The port of an API server.
const API: u16 = 6443;
const REFUSED: &str = "connection refused";

impl World {
    /// The address of a host name. No name server is asked: names of none of the clusters are elsewhere.
    pub fn look_up(&self, host: &str) -> String {
        match host {
            "localhost" => "127.0.0.1".to_owned(),
            _ => self.resolve(host).unwrap_or_else(|| ELSEWHERE.to_owned()),
        }
    }

    /// Whether a connection from outside the clusters would succeed; no connection is made.
    ///
    /// # Errors
    /// Why not, as a connection fails.
    pub fn dial(&self, host: &str, port: u16) -> Result<(), &'static str> {
        let mut answers = self.servers().iter().filter_map(|server| answer(server, host, port)).peekable();
        if answers.peek().is_none() {
            return Err("no cluster of this rehearsal has this address");
        }
        if answers.any(|answers| answers) { Ok(()) } else { Err(REFUSED) }
    }
}

/// Whether a cluster answers at one of its addresses; `None` when it is none of them.
fn answer(server: &Server, host: &str, port: u16) -> Option<bool> {
    let services = server.list_shared("Service", None);
    let is_node = host == server.addresses().node();
    let at_node = services.iter().filter(|_| is_node).filter(|service| has_port(service, "nodePort", port));
    let balanced: Vec<_> = services.iter().filter(|service| is_at(service, host)).collect();
    if !is_node && balanced.is_empty() {
        return None;
    }
    let balanced = balanced.into_iter().filter(|service| has_port(service, "port", port));
    let served = at_node.chain(balanced).any(|service| is_served(server, service));
    Some(served || is_node && port == API)
}

fn has_port(service: &Value, field: &str, port: u16) -> bool {
    let ports = service["spec"]["ports"].as_array();
    ports.is_some_and(|ports| ports.iter().any(|entry| entry[field] == port))
}

/// Whether a load balancer of the Service has this address or name.
fn is_at(service: &Value, host: &str) -> bool {
    let entries = service["status"]["loadBalancer"]["ingress"].as_array();
    entries.is_some_and(|entries| entries.iter().any(|entry| entry["ip"] == host || entry["hostname"] == host))
}

/// Whether anybody stands behind a Service.
fn is_served(server: &Server, service: &Value) -> bool {
    let (namespace, name) = (&service["metadata"]["namespace"], &service["metadata"]["name"]);
    let slices = server.list_shared("EndpointSlice", namespace.as_str());
    let own = slices.iter().filter(|slice| slice["metadata"]["labels"]["kubernetes.io/service-name"] == *name);
    let mut endpoints = own.flat_map(|slice| slice["endpoints"].as_array().into_iter().flatten());
    endpoints.any(|endpoint| endpoint["conditions"]["ready"] != false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use serde_json::json;

    #[test]
    fn a_load_balancer_answers_when_somebody_stands_behind_it() {
        let world = World::new(Clock::simulated(), &["east"]);
        let server = world.server("east").expect("east");
        server.put(json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", "namespace": "default"},
            "spec": {"type": "LoadBalancer", "ports": [{"port": 443, "nodePort": 30443}]},
            "status": {"loadBalancer": {"ingress": [{"hostname": "s.example.com"}]}},
        }));
        let node = server.addresses().node();
        assert_eq!(world.dial("s.example.com", 443), Err(REFUSED));
        server.put(json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {"name": "s-1", "namespace": "default", "labels": {"kubernetes.io/service-name": "s"}},
            "endpoints": [{"addresses": ["10.16.0.9"], "conditions": {"ready": true}}],
        }));
        assert_eq!(world.dial("s.example.com", 443), Ok(()));
        assert_eq!(world.dial("s.example.com", 80), Err(REFUSED));
        assert_eq!((world.dial(&node, 30443), world.dial(&node, 6443)), (Ok(()), Ok(())));
        assert_eq!(world.dial(&node, 22), Err(REFUSED));
        assert!(world.dial("192.0.2.1", 443).is_err_and(|why| why.contains("no cluster of this rehearsal")));
        assert_eq!(world.look_up("elsewhere.example.com"), ELSEWHERE);
        assert_eq!(world.look_up("s.example.com"), server.addresses().named("s.example.com"));
    }
}
