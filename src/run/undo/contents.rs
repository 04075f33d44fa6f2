//! What else would be deleted with a namespace, or with the definition of a kind.

use super::is_controller;
use super::plan::{Action, Item};
use crate::cluster::path::ApiPath;
use crate::cluster::request::reading;
use crate::cluster::{Cluster, Resource};
use crate::failure::{Kind, Result};
use crate::object::{Node, Object};
use futures::{StreamExt, TryStreamExt, stream};
use http::HeaderValue;
use http::header::ACCEPT;
use std::collections::BTreeSet;

/// Only names and owners are asked for: what is in a Secret is nobody's business here.
const NAMES: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";

/// Kinds that are notes about other objects.
const NOTES: &[&str] = &["events"];

/// How many lists are asked for at once.
const AT_ONCE: usize = 8;

/// The objects that would go with an item and that neither the run nor a controller has made.
///
/// # Errors
/// When the cluster does not answer.
pub(super) async fn strangers(cluster: &Cluster, item: &Item) -> Result<Vec<String>> {
    let lists = lists(cluster, item).await?.into_iter().map(|(kind, path)| list(cluster, kind, path, &item.made));
    let found: Vec<Vec<String>> = stream::iter(lists).buffered(AT_ONCE).try_collect().await?;
    Ok(found.concat())
}

/// Kinds of objects that go with the item, and where they are listed.
async fn lists(cluster: &Cluster, item: &Item) -> Result<Vec<(String, String)>> {
    let at = ApiPath::parse(&item.path);
    let (Action::Delete, Some(name)) = (&item.action, at.name) else { return Ok(Vec::new()) };
    let (namespace, kinds) = match at.resource.as_str() {
        "namespaces" => (Some(name.as_str()), cluster.kinds().await?),
        "customresourcedefinitions" => (None, cluster.kinds().await?),
        _ => return Ok(Vec::new()),
    };
    let mut seen = BTreeSet::new();
    let goes_along = |kind: &Resource| match namespace {
        Some(_) => kind.namespaced && !NOTES.contains(&kind.plural.as_str()),
        None => kind.full_name() == name,
    };
    let is_listed = |kind: &Resource| goes_along(kind) && kind.supports("list") && kind.supports("delete");
    let kinds = kinds.into_iter().filter(|kind| is_listed(kind) && seen.insert(kind.full_name()));
    Ok(kinds.map(|kind| (kind.kind.clone(), kind.path(namespace))).collect())
}

async fn list(cluster: &Cluster, kind: String, path: String, made: &BTreeSet<String>) -> Result<Vec<String>> {
    let mut request = reading(&path)?;
    request.headers_mut().insert(ACCEPT, HeaderValue::from_static(NAMES));
    let list = match cluster.send(request).await {
        Ok(list) => list,
        // The kind has gone meanwhile, and its objects with it.
        Err(failure) if failure.kind == Kind::NotFound => return Ok(Vec::new()),
        Err(failure) => return Err(failure),
    };
    let objects = list.items_at("items").iter().map(|node| Object::new(node.clone()));
    let strangers = objects.filter(|object| is_stranger(&kind, object, made));
    Ok(strangers.map(|object| format!("{kind} {}", object.name())).collect())
}

/// Whether somebody else has made this object.
fn is_stranger(kind: &str, object: &Object, made: &BTreeSet<String>) -> bool {
    let is_owned = !object.items_at("metadata.ownerReferences").is_empty();
    let manager = |entry: &Node| entry.get("manager").and_then(Node::as_str).is_some_and(is_controller);
    let managers = object.items_at("metadata.managedFields");
    let is_noted = !managers.is_empty() && managers.iter().all(manager);
    // Every namespace has them; nobody owns a field of the account.
    let is_default = matches!((kind, object.name()), ("ServiceAccount", "default") | ("ConfigMap", "kube-root-ca.crt"));
    !(made.contains(object.uid()) || is_owned || is_noted || is_default)
}
