//! Where a rehearsed cluster's nodes, pods, services and load balancers live. No two clusters share an address.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The addresses of one cluster.
#[derive(Debug)]
pub struct Addresses {
    index: u32,
    given: Mutex<Given>,
}

#[derive(Debug, Default)]
struct Given {
    pods: u32,
    services: u32,
    balancers: u32,
    node_ports: u16,
    /// Cluster addresses and node ports that objects asked for by themselves.
    taken: BTreeSet<u32>,
    taken_ports: BTreeSet<u16>,
    /// What host names of load balancers resolve to.
    names: BTreeMap<String, String>,
}

/// Sizes of the networks, in addresses.
const PODS: u32 = 1 << 14;
const SERVICES: u32 = 1 << 12;
const BALANCERS: u32 = 1 << 8;
/// The first node port, and how many there are.
const NODE_PORTS: (u16, u16) = (30000, 2768);

impl Addresses {
    /// The addresses of the cluster with this number, from 0.
    pub(super) fn new(index: usize) -> Addresses {
        Addresses { index: u32::try_from(index).unwrap_or_default(), given: Mutex::default() }
    }

    fn given(&self) -> MutexGuard<'_, Given> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The node's address, which is also the API server's.
    pub fn node(&self) -> String {
        dotted([10, 1, 0, 11], self.index)
    }

    /// The network of the pods, as CIDR.
    pub fn pod_network(&self) -> String {
        format!("{}/18", dotted([10, 16, 0, 0], self.index * PODS))
    }

    /// The network of the services, as CIDR.
    pub fn service_network(&self) -> String {
        format!("{}/20", dotted([10, 128, 0, 0], self.index * SERVICES))
    }

    /// An unused pod address.
    pub fn pod(&self) -> String {
        let mut given = self.given();
        given.pods += 1;
        dotted([10, 16, 0, 1], self.index * PODS + given.pods % (PODS - 2))
    }

    /// An unused load-balancer address.
    pub fn load_balancer(&self) -> String {
        let mut given = self.given();
        given.balancers += 1;
        dotted([172, 18, 0, 0], self.index * BALANCERS + given.balancers % BALANCERS)
    }

    /// The address of a load balancer that is known by a host name.
    pub fn named(&self, host: &str) -> String {
        if let Some(known) = self.given().names.get(host) {
            return known.clone();
        }
        let address = self.load_balancer();
        self.given().names.entry(host.to_owned()).or_insert(address).clone()
    }

    /// An unused cluster address for a service. `.1` belongs to `default/kubernetes`, `.10` to the cluster's DNS.
    pub fn cluster(&self) -> String {
        let base = u32::from(Ipv4Addr::new(10, 128, 0, 0)) + self.index * SERVICES;
        let mut given = self.given();
        loop {
            given.services = (given.services + 1) % (SERVICES - 16);
            let address = base + 16 + given.services;
            if given.taken.insert(address) {
                return Ipv4Addr::from(address).to_string();
            }
        }
    }

    /// Takes a cluster address that a service asks for; false when it is in use.
    pub fn take_cluster(&self, address: &str) -> bool {
        let Ok(address) = address.parse::<Ipv4Addr>() else { return true };
        self.given().taken.insert(address.into())
    }

    /// Whether an address can be a service's cluster address here.
    pub fn is_cluster(&self, address: &str) -> bool {
        let base = u32::from(Ipv4Addr::new(10, 128, 0, 0)) + self.index * SERVICES;
        address.parse::<Ipv4Addr>().is_ok_and(|one| (base..base + SERVICES).contains(&u32::from(one)))
    }

    /// An unused node port.
    pub fn node_port(&self) -> u16 {
        let mut given = self.given();
        loop {
            given.node_ports = (given.node_ports + 1) % NODE_PORTS.1;
            let port = NODE_PORTS.0 + given.node_ports;
            if given.taken_ports.insert(port) {
                return port;
            }
        }
    }

    /// Whether a number can be a node port.
    pub fn is_node_port(&self, port: u16) -> bool {
        (NODE_PORTS.0..NODE_PORTS.0 + NODE_PORTS.1).contains(&port)
    }

    /// Takes a node port that a service asks for; false when it is in use.
    pub fn take_node_port(&self, port: u16) -> bool {
        self.given().taken_ports.insert(port)
    }

    /// Gives back what a deleted service had.
    pub(super) fn release(&self, cluster_addresses: &[&str], node_ports: &[u16]) {
        let mut given = self.given();
        for address in cluster_addresses.iter().filter_map(|one| one.parse::<Ipv4Addr>().ok()) {
            given.taken.remove(&address.into());
        }
        for port in node_ports {
            given.taken_ports.remove(port);
        }
    }
}

fn dotted(base: [u8; 4], offset: u32) -> String {
    Ipv4Addr::from(u32::from(Ipv4Addr::from(base)).wrapping_add(offset)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clusters_do_not_share_addresses() {
        let (east, west) = (Addresses::new(0), Addresses::new(1));
        assert_eq!((east.node().as_str(), west.node().as_str()), ("10.1.0.11", "10.1.0.12"));
        assert_eq!((east.pod_network().as_str(), west.pod_network().as_str()), ("10.16.0.0/18", "10.16.64.0/18"));
        assert_ne!(east.pod(), east.pod());
        assert!(west.is_cluster(&west.cluster()) && !west.is_cluster(&east.cluster()));
        assert!(west.load_balancer().starts_with("172.18.1."));
    }

    #[test]
    fn an_address_that_a_service_asked_for_is_not_given_to_another() {
        let addresses = Addresses::new(0);
        assert!(addresses.take_cluster("10.128.0.17"));
        assert!(!addresses.take_cluster("10.128.0.17"));
        assert_eq!(addresses.cluster(), "10.128.0.18");
        addresses.release(&["10.128.0.17"], &[]);
        assert!(addresses.take_cluster("10.128.0.17"));
    }
}
