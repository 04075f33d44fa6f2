//! Where Services and hosts are.

use super::super::Host;
use super::super::text::map_of;
use super::network::{HOST_TIMEOUT, Late, connect, resolve};
use super::{limits, subject, until};
use crate::cluster::wait::rules::{AddressKind, address as address_of};
use crate::cluster::wait::{Rule, Wait, until_all};
use crate::cluster::{Cluster, Selection};
use crate::engine::{Call, Outcome};
use crate::failure::{Failure, Kind, Result};
use crate::object::{Map, Node, Object};
use std::sync::Arc;
use std::time::Duration;

pub(super) fn address(call: &Call<'_, Host>) -> Outcome {
    let (cluster, target) = service(call)?;
    let node_port = call.options().flag("node_port")?;
    let rule = if node_port { Rule::exists() } else { Rule::address() };
    let wait = Wait { cluster: cluster.clone(), target, rule };
    let start = call.bridge().clock.now();
    let service = call.block(until_all(&[wait], limits::of(call, true)?))?.pop().unwrap_or_default();
    let is_node_port = node_port || service.str_at("spec.type") == Some("NodePort");
    let node = if is_node_port { Some(call.block(node_address(&cluster))?) } else { None };
    let nowhere = || {
        Failure::new(Kind::Invalid, "the Service has no port that can be reached from outside")
            .on_cluster(cluster.name())
            .about(service.title())
    };
    let found = address_of(&service, node.as_deref()).ok_or_else(nowhere)?;
    [Some(&found.host), found.ip.as_ref()].into_iter().flatten().for_each(|host| call.host().grants.name_host(host));
    let ports = ports(&service, found.kind == AddressKind::NodePort);
    Stages { call, cluster: &cluster, service: &service, start }.follow(&found.host, &ports)?;
    let text = |value: Option<String>| value.map_or(Node::Null, |value| Node::Str(value.into()));
    let kind = match found.kind {
        AddressKind::Ip => "ip",
        AddressKind::Hostname => "hostname",
        AddressKind::NodePort => "node_port",
    };
    Ok(map_of([
        ("host", Node::Str(found.host.as_str().into())),
        ("ip", text(found.ip)),
        ("hostname", text(found.hostname)),
        ("kind", Node::Str(kind.into())),
        ("ports", ports),
    ]))
}

/// What comes after an address: its name resolves, a port of it accepts connections.
struct Stages<'c> {
    call: &'c Call<'c, Host>,
    cluster: &'c Cluster,
    service: &'c Object,
    start: Duration,
}

impl Stages<'_> {
    fn follow(&self, host: &str, ports: &Node) -> Result<()> {
        let options = self.call.options();
        let (dns, tcp) = (options.duration("dns")?, options.get("tcp"));
        let port = tcp.map(|tcp| self.port(&tcp.to_string(), ports)).transpose()?;
        let mut told = vec![format!("stage    address  {host} after {}", self.passed())];
        if let Some(limit) = dns {
            let found = resolve(self.call, host, limit)?.map_err(|late| {
                let rest = port.map(|port| format!("stage    tcp      port {port} was not tried"));
                self.late(&told, "dns", &format!("{host} does not resolve from this machine"), &late).details(rest)
            })?;
            told.push(format!("stage    dns      {} after {}", found.join(", "), self.passed()));
        }
        let Some(port) = port else { return Ok(()) };
        let limit = options.duration("tcp_timeout")?.unwrap_or(HOST_TIMEOUT);
        let refused = format!("{host}:{port} cannot be reached from this machine");
        connect(self.call, host, port, limit)?.map_err(|late| self.late(&told, "tcp", &refused, &late))
    }

    /// The port to dial: a name or a number of the Service's.
    fn port(&self, wanted: &str, ports: &Node) -> Result<u16> {
        let found = ports.get(wanted).and_then(Node::as_int).and_then(|port| u16::try_from(port).ok());
        let unknown = || {
            let failure = Failure::usage(format!("the Service has no port `{wanted}`"));
            failure.on_cluster(self.cluster.name()).about(self.service.title())
        };
        found.ok_or_else(unknown)
    }

    fn late(&self, told: &[String], stage: &str, what: &str, late: &Late) -> Failure {
        Failure::new(Kind::Timeout, format!("{what} after {}", until::span(late.limit)))
            .on_cluster(self.cluster.name())
            .about(self.service.title())
            .details(told.to_vec())
            .detail(format!("stage    {stage:<8} {}", crate::plain::line(&late.why, 200)))
            .hint(match stage {
                "dns" => "names of load balancers may take long to be known: give it more time with the option `dns`",
                _ => "look for a firewall between here and the load balancer, and at the pods behind the Service",
            })
    }

    fn passed(&self) -> String {
        until::span(self.call.bridge().clock.now().saturating_sub(self.start))
    }
}

fn service(call: &Call<'_, Host>) -> Result<(Cluster, crate::cluster::Target)> {
    if let (Some(cluster), Some(name)) = (call.value::<Cluster>(0), call.opt_str(1)) {
        let _until = subject::in_time(call)?;
        let target = call.block(cluster.target("Service", &name))?;
        return Ok((cluster, target));
    }
    let (mut subjects, _) = subject::subjects(call)?;
    let subject = subjects.pop().ok_or_else(|| Failure::usage("wait.address: which Service?"))?;
    Ok((subject.cluster, subject.target))
}

/// The port to dial for each port of the Service, by its name and by its number.
fn ports(service: &Object, by_node: bool) -> Node {
    let mut entries = Vec::new();
    for port in service.items_at("spec.ports") {
        let Some(number) = port.get("port").and_then(Node::as_int) else { continue };
        let dialled = if by_node { port.get("nodePort").and_then(Node::as_int) } else { Some(number) };
        let Some(dialled) = dialled else { continue };
        if let Some(name) = port.get("name").and_then(Node::as_str) {
            entries.push((name.into(), Node::Int(dialled)));
        }
        entries.push((number.to_string().as_str().into(), Node::Int(dialled)));
    }
    Node::Map(Map(Arc::new(entries.into())))
}

/// The address of a node: of one that works where there is one, the external one before the internal one.
async fn node_address(cluster: &Cluster) -> Result<String> {
    let nodes = cluster.list(&cluster.resource("Node").await?, &Selection::default()).await?;
    let (good, bad): (Vec<_>, Vec<_>) = nodes.into_iter().partition(works);
    let found = [&good, &bad].into_iter().find_map(|nodes| {
        ["ExternalIP", "InternalIP"]
            .into_iter()
            .find_map(|wanted| nodes.iter().find_map(|node| address_in(node, wanted)))
    });
    found.ok_or_else(|| Failure::new(Kind::NotFound, "no node has an address").on_cluster(cluster.name()))
}

/// Whether a node is ready and takes pods.
fn works(node: &Object) -> bool {
    let text = |entry: &Node, key: &str| entry.get(key).and_then(Node::as_str).map(str::to_owned);
    let conditions = node.items_at("status.conditions");
    let ready = conditions.iter().find(|condition| text(condition, "type").as_deref() == Some("Ready"));
    let is_ready = ready.is_none_or(|condition| text(condition, "status").as_deref() == Some("True"));
    is_ready && !node.at("spec.unschedulable").and_then(Node::as_bool).unwrap_or(false)
}

fn address_in(node: &Object, wanted: &str) -> Option<String> {
    let addresses = node.items_at("status.addresses");
    let mut found = addresses.iter().filter(|address| address.get("type").and_then(Node::as_str) == Some(wanted));
    found.find_map(|address| address.get("address").and_then(Node::as_str)).map(str::to_owned)
}
