//! What is asked of clusters.

use super::super::Host;
use super::address::Meant;
use crate::cluster::{Cluster, Explanation, Selection, Target};
use crate::engine::value::to_node;
use crate::engine::{Call, Options, Outcome};
use crate::failure::{Failure, Kind, Result};
use crate::object::{Node, Object, yaml};
use crate::secret::Secret;
use rhai::Dynamic;
use serde_json::json;
use std::sync::Arc;

pub(super) fn cluster(call: &Call<'_, Host>) -> Outcome {
    let context = call.str(0);
    call.host().grants.may_use(&context)?;
    let cluster = call.host().clusters.connect(&context)?;
    call.host().grants.name_host(cluster.server());
    Ok(Dynamic::from(cluster))
}

pub(super) fn contexts(call: &Call<'_, Host>) -> Outcome {
    Ok(call.host().clusters.contexts()?.into_iter().map(Dynamic::from).collect::<rhai::Array>().into())
}

pub(super) fn connect(call: &Call<'_, Host>) -> Outcome {
    let name = call.str(0);
    let kubeconfig = call.secret(1, &format!("kubeconfig {name}"));
    for (host, port) in hosts(&kubeconfig)? {
        call.host().grants.may_dial(&host, Some(port))?;
    }
    Ok(Dynamic::from(call.host().clusters.connect_with(&name, &kubeconfig)?))
}

/// Every host and port that a kubeconfig could lead to, proxies too; none when it is no kubeconfig.
fn hosts(kubeconfig: &Secret) -> Result<Vec<(String, u16)>> {
    let documents = yaml::parse(kubeconfig.reveal()).unwrap_or_default();
    let clusters = documents.iter().flat_map(|document| document.items_at("clusters"));
    let clusters: Vec<&Node> = clusters.filter_map(|entry| entry.get("cluster")).collect();
    let urls = |key: &'static str| {
        let urls = clusters.iter().filter_map(move |cluster| cluster.get(key)?.as_str());
        urls.filter(|url| !url.is_empty())
    };
    let wrong = |key: &str| {
        Failure::usage(format!("a `{key}` of {kubeconfig} is no address of a cluster"))
            .hint("write https://HOST:PORT, without a user and without `#`")
    };
    let servers = urls("server").map(|url| host_of(url, false).ok_or_else(|| wrong("server")));
    let proxies = urls("proxy-url").map(|url| host_of(url, true).ok_or_else(|| wrong("proxy-url")));
    servers.chain(proxies).collect()
}

/// Where a client goes that is given this URL: read by the parser that the client has. What it would pass over is refused.
fn host_of(url: &str, is_proxy: bool) -> Option<(String, u16)> {
    let whole = if is_proxy && !url.contains("://") { format!("http://{url}") } else { url.to_owned() };
    let uri: http::Uri = whole.parse().ok()?;
    let names_somebody = uri.authority()?.as_str().contains('@');
    if whole.contains(['#', '\\']) || names_somebody && !is_proxy {
        return None;
    }
    let usual = match uri.scheme_str() {
        Some("http") => 80,
        Some(scheme) if scheme.starts_with("socks") => 1080,
        _ => 443,
    };
    Some((uri.host()?.trim_matches(['[', ']']).to_owned(), uri.port_u16().unwrap_or(usual)))
}

fn on(call: &Call<'_, Host>) -> Cluster {
    call.receiver()
}

pub(super) fn name(call: &Call<'_, Host>) -> Outcome {
    Ok(on(call).name().to_owned().into())
}

pub(super) fn server(call: &Call<'_, Host>) -> Outcome {
    Ok(on(call).server().to_owned().into())
}

pub(super) fn uid(call: &Call<'_, Host>) -> Outcome {
    let cluster = on(call);
    Ok(call.block(cluster.uid())?.into())
}

pub(super) fn version(call: &Call<'_, Host>) -> Outcome {
    let cluster = on(call);
    Ok(call.block(cluster.version())?.into())
}

fn target(call: &Call<'_, Host>, cluster: &Cluster) -> Result<Target> {
    call.block(cluster.target(&call.str(0), &call.str(1)))
}

pub(super) fn get(call: &Call<'_, Host>) -> Outcome {
    let cluster = on(call);
    let target = target(call, &cluster)?;
    Ok(Dynamic::from(call.block(cluster.get(&target))?))
}

/// The object, if there is one; none of a kind that the cluster does not serve.
fn found(call: &Call<'_, Host>) -> Result<Option<Object>> {
    let cluster = on(call);
    match target(call, &cluster) {
        Ok(target) => call.block(cluster.find(&target)),
        Err(failure) if failure.kind == Kind::NotFound => Ok(None),
        Err(failure) => Err(failure),
    }
}

pub(super) fn find(call: &Call<'_, Host>) -> Outcome {
    Ok(found(call)?.map_or(Dynamic::UNIT, Dynamic::from))
}

pub(super) fn exists(call: &Call<'_, Host>) -> Outcome {
    Ok(found(call)?.is_some().into())
}

/// The selection in the options.
fn selection(options: &Options) -> Result<Selection> {
    let limit = options.int("limit")?.map(usize::try_from).transpose();
    Ok(Selection {
        namespace: options.str("namespace")?,
        labels: selector(options, "labels")?,
        fields: selector(options, "fields")?,
        limit: limit.map_err(|_| Failure::usage("option `limit` must not be negative"))?,
    })
}

/// A selector as text, or as a map of values to be equal to.
fn selector(options: &Options, name: &str) -> Result<Option<String>> {
    let Some(value) = options.get(name) else { return Ok(None) };
    if value.is_string() {
        return options.str(name);
    }
    let node = to_node(value)?;
    let pairs = node.entries().iter().map(|(key, value)| match value.as_str() {
        Some(text) => Ok(format!("{key}={text}")),
        None => Err(Failure::usage(format!("option `{name}`: the value of `{key}` must be a string"))),
    });
    Ok(Some(pairs.collect::<Result<Vec<_>>>()?.join(",")))
}

/// Objects of this cluster as one list.
pub(super) fn listed(cluster: &Cluster, objects: Vec<Object>) -> Dynamic {
    let nodes = objects.into_iter().map(|object| object.node).collect();
    Dynamic::from(Object::new(Node::Array(Arc::new(nodes))).from_cluster(cluster.name()))
}

pub(super) fn list(call: &Call<'_, Host>) -> Outcome {
    let (cluster, selection) = (on(call), selection(call.options())?);
    let objects = call.block(async { cluster.list(&cluster.resource(&call.str(0)).await?, &selection).await })?;
    Ok(listed(&cluster, objects))
}

pub(super) fn each(call: &Call<'_, Host>) -> Outcome {
    let (cluster, selection, closure) = (on(call), selection(call.options())?, call.closure(1));
    let resource = call.block(cluster.resource(&call.str(0)))?;
    let mut pager = cluster.pager(&resource, &selection);
    let mut count = 0;
    while let Some(object) = call.block(pager.next())? {
        count += 1;
        if call.invoke(&closure, vec![Dynamic::from(object)])?.as_bool() == Ok(false) {
            break;
        }
    }
    Ok(Dynamic::from_int(count))
}

pub(super) fn can(call: &Call<'_, Host>) -> Outcome {
    let (cluster, namespace) = (on(call), call.opt_str(2));
    let access = call.block(async {
        let resource = cluster.resource(&call.str(1)).await?;
        cluster.can(&call.str(0), &resource, namespace.as_deref()).await
    })?;
    Ok(access.allowed.into())
}

pub(super) fn events(call: &Call<'_, Host>) -> Outcome {
    let meant = Meant::read(call)?;
    let events = call.block(async {
        let object = match meant.object {
            Some(object) => object,
            None => meant.cluster.get(&meant.target).await?,
        };
        meant.cluster.events(&object).await
    })?;
    Ok(listed(&meant.cluster, events))
}

pub(super) fn explain(call: &Call<'_, Host>) -> Outcome {
    let cluster = on(call);
    let Explanation { path, kind, description, fields } = call.block(cluster.explain(&call.str(0)))?;
    let fields: Vec<_> = fields
        .into_iter()
        .map(|field| json!({"name": field.name, "kind": field.kind, "required": field.required, "summary": field.summary}))
        .collect();
    let tree = json!({"path": path, "kind": kind, "description": description, "fields": fields});
    Ok(Dynamic::from(Object::new(Node::from(&tree))))
}
