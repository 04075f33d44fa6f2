//! What a cluster serves, asked once and again when a name is unknown: CRDs appear while a script runs.

use super::mapper::Mapper;
use super::request::request;
use super::{Cluster, Resource};
use crate::failure::{Kind, Result};
use crate::object::{Node, Object};
use futures::future::try_join_all;
use http::Method;
use http::header::{ACCEPT, HeaderValue};
use std::sync::{Arc, RwLock};

/// Aggregated discovery in the versions that servers speak, then the plain lists of old ones.
const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
    application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

/// A cluster's kinds as last seen.
#[derive(Default)]
pub(crate) struct Discovery {
    seen: RwLock<Seen>,
    refreshing: tokio::sync::Mutex<()>,
}

#[derive(Clone, Default)]
struct Seen {
    /// How often the cluster was asked; 0 is never.
    generation: u64,
    mapper: Arc<Mapper>,
}

impl Discovery {
    fn seen(&self) -> Seen {
        self.seen.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    fn set(&self, mapper: Mapper) {
        let mut seen = self.seen.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        *seen = Seen { generation: seen.generation + 1, mapper: Arc::new(mapper) };
    }
}

impl Cluster {
    /// The kind with this name: kind, plural, singular or short name, optionally `plural.group` or `group/version/Kind`.
    ///
    /// # Errors
    /// `NotFound` with the nearest names. A name that is unknown is looked up once more with fresh discovery: CRDs appear.
    pub async fn resource(&self, name: &str) -> Result<Resource> {
        let seen = self.0.discovery.seen();
        if let Some(resource) = self.look_up(&seen.mapper, name)? {
            return Ok(resource);
        }
        let mapper = self.refresh_after(seen.generation).await?;
        match self.look_up(&mapper, name)? {
            Some(resource) => Ok(resource),
            None => Err(mapper.unknown(name).on_cluster(self.name())),
        }
    }

    /// Every kind that the cluster serves, as last seen.
    ///
    /// # Errors
    /// When the cluster refuses or cannot be reached.
    pub async fn kinds(&self) -> Result<Vec<Resource>> {
        let seen = self.0.discovery.seen();
        let mapper = if seen.generation > 0 { seen.mapper } else { self.refresh_after(0).await? };
        Ok(mapper.all().to_vec())
    }

    fn look_up(&self, mapper: &Mapper, name: &str) -> Result<Option<Resource>> {
        mapper.find(name).map_err(|failure| failure.on_cluster(self.name()))
    }

    /// Kinds that are newer than this generation; callers at the same time share one request.
    async fn refresh_after(&self, generation: u64) -> Result<Arc<Mapper>> {
        let _one_at_a_time = self.0.discovery.refreshing.lock().await;
        let seen = self.0.discovery.seen();
        if seen.generation > generation {
            return Ok(seen.mapper);
        }
        let (core, groups) = futures::try_join!(self.discover("/api"), self.discover("/apis"))?;
        self.0.discovery.set(Mapper::new(core.into_iter().chain(groups).collect()));
        Ok(self.0.discovery.seen().mapper)
    }

    async fn discover(&self, root: &str) -> Result<Vec<Resource>> {
        let mut request = request(Method::GET, root.to_owned())?;
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static(AGGREGATED));
        let answer = self.send(request).await?;
        match answer.kind() {
            "APIGroupDiscoveryList" => Ok(answer.items_at("items").iter().flat_map(group).collect()),
            _ => self.discover_plainly(root, &answer).await,
        }
    }

    async fn discover_plainly(&self, root: &str, answer: &Object) -> Result<Vec<Resource>> {
        let versions = if root == "/api" { core_versions(answer) } else { group_versions(answer) };
        let lists = try_join_all(versions.iter().map(|version| self.resources_of(root, version))).await?;
        Ok(lists.into_iter().flatten().collect())
    }

    async fn resources_of(&self, root: &str, version: &str) -> Result<Vec<Resource>> {
        match self.send(request(Method::GET, format!("{root}/{version}"))?).await {
            Ok(list) => Ok(plain_resources(version, &list)),
            // An aggregated API whose server is down must not hide all others.
            Err(failure) if matches!(failure.kind, Kind::Server | Kind::NotFound | Kind::Forbidden) => Ok(Vec::new()),
            Err(failure) => Err(failure),
        }
    }
}

fn text<'n>(node: &'n Node, key: &str) -> &'n str {
    node.get(key).and_then(Node::as_str).unwrap_or_default()
}

fn texts(node: &Node, key: &str) -> Vec<String> {
    let items = node.get(key).map_or(&[][..], Node::items);
    items.iter().filter_map(Node::as_str).map(str::to_owned).collect()
}

/// The kinds of one `APIGroupDiscovery`, versions in the server's order: the preferred one comes first.
fn group(node: &Node) -> Vec<Resource> {
    let name = node.get("metadata").map_or("", |metadata| text(metadata, "name"));
    let versions = node.get("versions").map_or(&[][..], Node::items);
    let resources = versions.iter().flat_map(|version| {
        let items = version.get("resources").map_or(&[][..], Node::items);
        items.iter().map(move |item| aggregated(name, text(version, "version"), item))
    });
    resources.collect()
}

/// One `APIResourceDiscovery`.
fn aggregated(group: &str, version: &str, node: &Node) -> Resource {
    let kind = node.get("responseKind");
    let of_kind = |key| kind.map_or("", |kind| text(kind, key));
    let or = |text: &str, other: &str| if text.is_empty() { other.to_owned() } else { text.to_owned() };
    let subresources = node.get("subresources").map_or(&[][..], Node::items);
    Resource {
        group: or(of_kind("group"), group),
        version: or(of_kind("version"), version),
        kind: of_kind("kind").to_owned(),
        plural: text(node, "resource").to_owned(),
        singular: text(node, "singularResource").to_owned(),
        short_names: texts(node, "shortNames"),
        namespaced: text(node, "scope") == "Namespaced",
        verbs: texts(node, "verbs"),
        subresources: subresources.iter().map(|sub| text(sub, "subresource").to_owned()).collect(),
    }
}

fn core_versions(answer: &Object) -> Vec<String> {
    answer.items_at("versions").iter().filter_map(Node::as_str).map(str::to_owned).collect()
}

fn group_versions(answer: &Object) -> Vec<String> {
    let mut all = Vec::new();
    for group in answer.items_at("groups") {
        let preferred = group.get("preferredVersion").map_or("", |version| text(version, "groupVersion"));
        let versions = group.get("versions").map_or(&[][..], Node::items).iter().map(|v| text(v, "groupVersion"));
        let others = versions.filter(|version| *version != preferred);
        all.extend([preferred].into_iter().chain(others).filter(|version| !version.is_empty()).map(str::to_owned));
    }
    all
}

/// The kinds of one `APIResourceList`; subresources stand beside their kinds as `kinds/subresource`.
fn plain_resources(api_version: &str, list: &Object) -> Vec<Resource> {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let items = list.items_at("resources");
    let (subs, kinds): (Vec<&Node>, Vec<&Node>) = items.iter().partition(|item| text(item, "name").contains('/'));
    let sub_names = |plural: &str| {
        let names = subs.iter().filter_map(|sub| text(sub, "name").strip_prefix(plural)?.strip_prefix('/'));
        names.map(str::to_owned).collect()
    };
    let resources = kinds.iter().map(|item| Resource {
        group: group.to_owned(),
        version: version.to_owned(),
        kind: text(item, "kind").to_owned(),
        plural: text(item, "name").to_owned(),
        singular: text(item, "singularName").to_owned(),
        short_names: texts(item, "shortNames"),
        namespaced: item.get("namespaced").and_then(Node::as_bool).unwrap_or(false),
        verbs: texts(item, "verbs"),
        subresources: sub_names(text(item, "name")),
    });
    resources.collect()
}
