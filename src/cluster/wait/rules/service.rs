//! Service: has the addresses that its type promises; and which address callers outside the cluster use.

use super::{Verdict, done, failed, progressing};
use crate::object::{Node, Object};
use crate::plain;

/// What kind of address it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressKind {
    /// The IP address of a load balancer, or an external IP of the service.
    Ip,
    /// The host name of a load balancer.
    Hostname,
    /// The address of a node; the ports are node ports.
    NodePort,
}

impl AddressKind {
    /// The name that scripts see.
    pub fn name(self) -> &'static str {
        match self {
            AddressKind::Ip => "ip",
            AddressKind::Hostname => "hostname",
            AddressKind::NodePort => "node_port",
        }
    }
}

/// Where a service can be reached from outside its cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// IP address or host name, whichever there is; IP addresses first.
    pub host: String,
    /// The IP address, if it has one.
    pub ip: Option<String>,
    /// The host name, if it has one.
    pub hostname: Option<String>,
    /// What `host` is.
    pub kind: AddressKind,
    /// Port names and numbers; ports without a name are named by their number.
    pub ports: Vec<(String, i64)>,
}

pub(super) fn verdict(object: &Object) -> Verdict {
    match object.str_at("spec.type").unwrap_or("ClusterIP") {
        "ExternalName" => done("names an outside host"),
        "LoadBalancer" => balanced(object),
        _ => match object.str_at("spec.clusterIP") {
            Some(ip) if !ip.is_empty() => done(format!("has cluster IP {ip}")),
            _ => progressing("has no cluster IP yet"),
        },
    }
}

fn balanced(object: &Object) -> Verdict {
    let entries = object.items_at("status.loadBalancer.ingress");
    let errors = entries.iter().flat_map(|entry| entry.get("ports").map_or(&[][..], Node::items));
    if let Some(error) = errors.filter_map(|port| port.get("error")?.as_str()).next() {
        return failed(format!("its load balancer reports {}", plain::line(error, 200)));
    }
    if let Some(ip) = object.str_at("spec.externalIPs.0") {
        return done(format!("has external IP {ip}"));
    }
    if entries.is_empty() {
        return progressing("has no load balancer address yet");
    }
    match entries.iter().all(|entry| host_of(entry).is_some()) {
        true => done(format!("has load balancer address {}", entries.iter().find_map(host_of).unwrap_or_default())),
        false => progressing("its load balancer has an entry without address"),
    }
}

/// Whether callers outside the cluster have an address for a service.
pub fn reachable(service: &Object) -> Verdict {
    let verdict = super::verdict(service);
    if verdict.is_hopeless() {
        return verdict;
    }
    match (address(service, None), service.str_at("spec.type").unwrap_or("ClusterIP")) {
        (Some(address), _) => done(format!("has address {}", address.host)),
        (None, "NodePort") => done("has node ports"),
        (None, "LoadBalancer") => progressing("has no load balancer address yet"),
        (None, inside) => failed(format!("is of type {inside}, which has no address outside its cluster")),
    }
}

fn text<'n>(node: &'n Node, key: &str) -> Option<&'n str> {
    node.get(key)?.as_str().filter(|text| !text.is_empty())
}

fn host_of(entry: &Node) -> Option<&str> {
    text(entry, "ip").or_else(|| text(entry, "hostname"))
}

/// The address for callers outside the cluster: of the load balancer, or, for services of type `NodePort` and when
/// `node` is given for others, the node's address with the node ports. `None` while there is none.
pub fn address(service: &Object, node: Option<&str>) -> Option<Address> {
    if let Some(node) = node {
        return node_address(service, node);
    }
    let entries = service.items_at("status.loadBalancer.ingress");
    let ip = entries.iter().find_map(|entry| text(entry, "ip")).or_else(|| service.str_at("spec.externalIPs.0"));
    let hostname = entries.iter().find_map(|entry| text(entry, "hostname"));
    let kind = if ip.is_some() { AddressKind::Ip } else { AddressKind::Hostname };
    Some(Address {
        host: ip.or(hostname)?.to_owned(),
        ip: ip.map(str::to_owned),
        hostname: hostname.map(str::to_owned),
        kind,
        ports: ports(service, "port"),
    })
}

fn node_address(service: &Object, node: &str) -> Option<Address> {
    let ports = ports(service, "nodePort");
    let ip = node.parse::<std::net::IpAddr>().is_ok();
    let host = node.to_owned();
    (!ports.is_empty()).then(|| Address {
        ip: ip.then(|| host.clone()),
        hostname: (!ip).then(|| host.clone()),
        host,
        kind: AddressKind::NodePort,
        ports,
    })
}

fn ports(service: &Object, field: &str) -> Vec<(String, i64)> {
    let ports = service.items_at("spec.ports").iter().filter_map(|port| {
        let number = port.get(field)?.as_int().filter(|number| *number > 0)?;
        let name = text(port, "name")
            .map_or_else(|| port.get("port").and_then(Node::as_int).unwrap_or(number).to_string(), str::to_owned);
        Some((name, number))
    });
    ports.collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check, object};
    use super::*;

    fn service(spec: &str, ingress: &str) -> String {
        format!(
            "{{apiVersion: v1, kind: Service, metadata: {{name: s}}, spec: {{clusterIP: 10.0.0.1, {spec}}}, status: {{loadBalancer: {{{ingress}}}}}}}"
        )
    }

    const PORTS: &str = "ports: [{name: tls, port: 15443, nodePort: 31443}, {port: 80}]";

    #[test]
    fn load_balancers_need_an_address() {
        let balancer = |ingress: &str| service("type: LoadBalancer", ingress);
        check(&[
            ('D', "192.0.2.7", balancer("ingress: [{ip: 192.0.2.7}]")),
            ('D', "lb.example.com", balancer("ingress: [{hostname: lb.example.com}]")),
            ('P', "no load balancer", balancer("")),
            ('P', "no load balancer", balancer("ingress: []")),
            ('P', "without address", balancer("ingress: [{ip: 192.0.2.7}, {ip: ''}]")),
            ('F', "quota", balancer("ingress: [{ip: 192.0.2.7, ports: [{port: 80, error: over quota}]}]")),
            ('D', "external IP", service("type: LoadBalancer, externalIPs: [192.0.2.9]", "")),
        ]);
    }

    #[test]
    fn other_services_need_a_cluster_address_at_most() {
        check(&[
            ('D', "10.0.0.1", service("type: NodePort", "")),
            ('D', "None", "{apiVersion: v1, kind: Service, spec: {clusterIP: None}}".into()),
            ('D', "outside", "{apiVersion: v1, kind: Service, spec: {type: ExternalName}}".into()),
            ('P', "no cluster IP", "{apiVersion: v1, kind: Service, spec: {}}".into()),
        ]);
    }

    #[test]
    fn who_is_outside_needs_an_address_that_the_type_promises() {
        let told = |spec: &str, ingress: &str| reachable(&object(&service(spec, ingress)));
        assert_eq!(told("type: LoadBalancer", "ingress: [{ip: 192.0.2.7}]").text(), "has address 192.0.2.7");
        assert_eq!(told("type: LoadBalancer", ""), progressing("has no load balancer address yet"));
        assert_eq!(told(&format!("type: NodePort, {PORTS}"), ""), done("has node ports"));
        assert_eq!(told("externalIPs: [192.0.2.9]", ""), done("has address 192.0.2.9"));
        let inside = "is of type ClusterIP, which has no address outside its cluster";
        assert_eq!(told("type: ClusterIP", ""), failed(inside));
        let going = service("type: LoadBalancer", "ingress: [{ip: 192.0.2.7}]")
            .replace("{name: s}", "{name: s, deletionTimestamp: '2026-01-01T00:00:00Z'}");
        assert!(matches!(reachable(&object(&going)), Verdict::Terminating(_)));
    }

    #[test]
    fn addresses_prefer_ip_over_host_name() {
        let both = object(&service(PORTS, "ingress: [{hostname: a.example.com}, {ip: 192.0.2.7}]"));
        let found = address(&both, None).expect("address");
        assert_eq!((&*found.host, found.kind), ("192.0.2.7", AddressKind::Ip));
        assert_eq!(found.hostname.as_deref(), Some("a.example.com"));
        assert_eq!(found.ports, [("tls".into(), 15443), ("80".into(), 80)]);
        let named = object(&service(PORTS, "ingress: [{hostname: a.example.com}]"));
        assert_eq!(address(&named, None).expect("address").kind, AddressKind::Hostname);
        assert_eq!(address(&object(&service(PORTS, "")), None), None);
    }

    #[test]
    fn node_addresses_come_with_node_ports() {
        let found = address(&object(&service(PORTS, "")), Some("198.51.100.4")).expect("address");
        assert_eq!(
            (found.kind, &*found.host, found.ip.as_deref()),
            (AddressKind::NodePort, "198.51.100.4", Some("198.51.100.4"))
        );
        assert_eq!(found.ports, [("tls".into(), 31443)]);
        assert_eq!(address(&object(&service("", "")), Some("198.51.100.4")), None);
    }
}
