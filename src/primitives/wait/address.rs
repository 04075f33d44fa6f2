//! Where Services and hosts are.

use super::super::Host;
use super::super::text::map_of;
use super::{limits, subject, timed_out};
use crate::cluster::wait::rules::{AddressKind, address as address_of};
use crate::cluster::wait::{Rule, Wait, until_all};
use crate::cluster::{Cluster, Selection};
use crate::engine::{Call, Outcome};
use crate::failure::{Failure, Kind, Result};
use crate::object::{Map, Node, Object};
use rhai::Dynamic;
use std::sync::Arc;
use std::time::Duration;

/// How long a host may take to resolve or to answer.
const HOST_TIMEOUT: Duration = Duration::from_secs(60);
/// The pause between two tries.
const AGAIN: Duration = Duration::from_secs(1);

pub(super) fn address(call: &Call<'_, Host>) -> Outcome {
    let (cluster, target) = service(call)?;
    let node_port = call.options().flag("node_port")?;
    let rule = if node_port { Rule::exists() } else { Rule::address() };
    let wait = Wait { cluster: cluster.clone(), target, rule };
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
        ("ports", ports(&service, found.kind == AddressKind::NodePort)),
    ]))
}

fn service(call: &Call<'_, Host>) -> Result<(Cluster, crate::cluster::Target)> {
    if let (Some(cluster), Some(name)) = (call.value::<Cluster>(0), call.opt_str(1)) {
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
    Node::Map(Map(Arc::new(entries)))
}

/// The address of a node: the external one where there is one.
async fn node_address(cluster: &Cluster) -> Result<String> {
    let nodes = cluster.list(&cluster.resource("Node").await?, &Selection::default()).await?;
    let of_type = |wanted: &str| {
        let all = nodes.iter().flat_map(|node| node.items_at("status.addresses"));
        let mut found = all.filter(|address| address.get("type").and_then(Node::as_str) == Some(wanted));
        found.find_map(|address| address.get("address").and_then(Node::as_str)).map(str::to_owned)
    };
    of_type("ExternalIP")
        .or_else(|| of_type("InternalIP"))
        .ok_or_else(|| Failure::new(Kind::NotFound, "no node has an address").on_cluster(cluster.name()))
}

pub(super) fn resolved(call: &Call<'_, Host>) -> Outcome {
    let host = call.str(0);
    if host.parse::<std::net::IpAddr>().is_err() {
        call.host().grants.may_dial(&host, None)?;
    }
    let limit = call.options().duration("timeout")?.unwrap_or(HOST_TIMEOUT);
    let addresses = call.block(resolve(call, &host, limit))?;
    Ok(Dynamic::from_array(addresses.into_iter().map(Dynamic::from).collect()))
}

async fn resolve(call: &Call<'_, Host>, host: &str, limit: Duration) -> Result<Vec<String>> {
    if host.parse::<std::net::IpAddr>().is_ok() {
        return Ok(vec![host.to_owned()]);
    }
    let clock = &call.bridge().clock;
    let end = clock.now() + limit;
    loop {
        let why = match call.host().clusters.resolve(host) {
            Some(known) => return Ok(known),
            None => match tokio::net::lookup_host((host, 0)).await {
                Ok(found) => {
                    let mut found: Vec<String> = found.map(|address| address.ip().to_string()).collect();
                    found.dedup();
                    return Ok(found);
                }
                Err(e) => e.to_string(),
            },
        };
        if clock.now() >= end {
            return Err(timed_out(format!("{host} does not resolve from this machine: {why}"))
                .hint("where only the clusters know the name, give the address itself"));
        }
        clock.sleep(AGAIN).await;
    }
}

pub(super) fn reachable(call: &Call<'_, Host>) -> Outcome {
    let (host, port) = (call.str(0), call.int(1));
    let wrong = || Failure::usage(format!("{port} is no port: 1 to 65535"));
    let port = u16::try_from(port).ok().filter(|port| *port > 0).ok_or_else(wrong)?;
    call.host().grants.may_dial(&host, Some(port))?;
    let limit = call.options().duration("timeout")?.unwrap_or(HOST_TIMEOUT);
    call.block(connect(call, &host, port, limit))?;
    Ok(Dynamic::UNIT)
}

async fn connect(call: &Call<'_, Host>, host: &str, port: u16, limit: Duration) -> Result<()> {
    let clock = &call.bridge().clock;
    let end = clock.now() + limit;
    loop {
        let tried = clock.timeout(limit, tokio::net::TcpStream::connect((host, port))).await;
        let why = match tried {
            Some(Ok(_)) => return Ok(()),
            Some(Err(e)) => e.to_string(),
            None => "no answer".to_owned(),
        };
        if clock.now() >= end {
            return Err(timed_out(format!("{host}:{port} cannot be reached from this machine: {why}")));
        }
        clock.sleep(AGAIN.min(end.saturating_sub(clock.now()))).await;
    }
}
