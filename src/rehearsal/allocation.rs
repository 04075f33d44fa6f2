//! Cluster addresses and node ports of Services: given, asked for, refused and given back.

use super::kinds::Kind;
use super::server::Server;
use super::status::{Cause, Outcome, Status};
use super::tree::{at, each, items, text};
use serde_json::{Value, json};

/// Addresses and ports.
#[derive(Default)]
struct Got {
    addresses: Vec<String>,
    ports: Vec<u16>,
}

impl Got {
    fn give_back(&self, server: &Server) {
        let addresses: Vec<_> = self.addresses.iter().map(String::as_str).collect();
        server.addresses().release(&addresses, &self.ports);
    }
}

/// What one Service got and what it no longer needs. Unless it is stored, it is given back, and nothing is freed.
#[must_use]
pub(super) struct Allocation<'s> {
    server: &'s Server,
    got: Got,
    freed: Got,
}

impl<'s> Allocation<'s> {
    fn none(server: &'s Server) -> Allocation<'s> {
        Allocation { server, got: Got::default(), freed: Got::default() }
    }

    /// The Service is stored; to be called while the store is still locked.
    pub fn keep(mut self) {
        self.got = Got::default();
        self.freed.give_back(self.server);
    }
}

impl Drop for Allocation<'_> {
    fn drop(&mut self) {
        self.got.give_back(self.server);
    }
}

/// Gives a new Service its cluster address and node ports.
///
/// # Errors
/// When it asks for what another one has.
pub(super) fn allocate<'s>(server: &'s Server, kind: &Kind, object: &mut Value) -> Outcome<Allocation<'s>> {
    change(server, kind, &Value::Null, object)
}

/// Gives a changed Service what it has not yet; what it has no more is free when it is stored.
///
/// # Errors
/// When it asks for what another one has.
pub(super) fn change<'s>(server: &'s Server, kind: &Kind, live: &Value, object: &mut Value) -> Outcome<Allocation<'s>> {
    let (allocation, causes) = allocated(server, kind, live, object);
    match causes.is_empty() {
        true => Ok(allocation),
        false => Err(Status::invalid(kind, text(&object["metadata"], "name"), &causes)),
    }
}

/// Gives a Service that is put past the API what it asks for, whoever has it.
pub(super) fn grant(server: &Server, kind: &Kind, live: &Value, object: &mut Value) {
    allocated(server, kind, live, object).0.keep();
}

fn allocated<'s>(server: &'s Server, kind: &Kind, live: &Value, object: &mut Value) -> (Allocation<'s>, Vec<Cause>) {
    let (mut allocation, mut causes) = (Allocation::none(server), Vec::new());
    if kind.resource() == "services" {
        address(server, live, object, &mut allocation.got, &mut causes);
        node_ports(server, live, object, &mut allocation.got, &mut causes);
        allocation.freed = freed(live, object);
    }
    (allocation, causes)
}

fn freed(live: &Value, object: &Value) -> Got {
    let (has, ports) = (addresses_of(object), ports_of(object));
    let addresses = addresses_of(live).into_iter().filter(|one| !has.contains(one)).map(str::to_owned).collect();
    Got { addresses, ports: ports_of(live).into_iter().filter(|port| !ports.contains(port)).collect() }
}

fn address(server: &Server, live: &Value, object: &mut Value, got: &mut Got, causes: &mut Vec<Cause>) {
    let spec = at(object, "spec");
    if spec["type"] == "ExternalName" {
        return;
    }
    let asked = text(spec, "clusterIP").to_owned();
    let addresses = server.addresses();
    if asked.is_empty() {
        let given = addresses.cluster();
        spec["clusterIP"] = given.as_str().into();
        got.addresses.push(given);
    } else if asked != "None" && text(&live["spec"], "clusterIP") != asked {
        let why = if !addresses.is_cluster(&asked) {
            let network = addresses.service_network();
            Some(format!(
                "failed to allocate IP {asked}: the provided IP ({asked}) is not in the valid range. The range of \
                 valid IPs is {network}"
            ))
        } else if !addresses.take_cluster(&asked) {
            Some(format!("failed to allocate IP {asked}: provided IP is already allocated"))
        } else {
            got.addresses.push(asked.clone());
            None
        };
        if let Some(why) = why {
            causes.push(Cause::invalid("spec.clusterIPs", &json!([asked]), &why));
        }
    }
    spec["clusterIPs"] = json!([spec["clusterIP"]]);
}

fn node_ports(server: &Server, live: &Value, object: &mut Value, got: &mut Got, causes: &mut Vec<Cause>) {
    let spec = at(object, "spec");
    if !has_node_ports(spec) {
        return;
    }
    let had = ports_of(live);
    let gives = spec["allocateLoadBalancerNodePorts"] != false;
    // One number serves several protocols of one Service.
    let mut own: Vec<u16> = Vec::new();
    for (index, port) in each(spec, "ports").enumerate() {
        let asked = port["nodePort"].as_u64().unwrap_or(0);
        if asked == 0 {
            if gives {
                let given = server.addresses().node_port();
                port["nodePort"] = given.into();
                got.ports.push(given);
            }
            continue;
        }
        let number = u16::try_from(asked).unwrap_or(0);
        let why = if !server.addresses().is_node_port(number) {
            "provided port is not in the valid range. The range of valid ports is 30000-32767"
        } else if had.contains(&number) || own.contains(&number) {
            continue;
        } else if !server.addresses().take_node_port(number) {
            "provided port is already allocated"
        } else {
            own.push(number);
            got.ports.push(number);
            continue;
        };
        causes.push(Cause::invalid(&format!("spec.ports[{index}].nodePort"), &asked.into(), why));
    }
}

fn has_node_ports(spec: &Value) -> bool {
    spec["type"] == "NodePort" || spec["type"] == "LoadBalancer"
}

fn addresses_of(service: &Value) -> Vec<&str> {
    let address = text(&service["spec"], "clusterIP");
    if matches!(address, "" | "None") { Vec::new() } else { vec![address] }
}

fn ports_of(service: &Value) -> Vec<u16> {
    items(&service["spec"]["ports"]).iter().filter_map(|port| u16::try_from(port["nodePort"].as_u64()?).ok()).collect()
}

/// Takes back what a deleted Service had.
pub(super) fn release(server: &Server, service: &Value) {
    server.addresses().release(&addresses_of(service), &ports_of(service));
}
