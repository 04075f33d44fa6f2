//! Lists, page by page: ten thousand objects never stand in memory at once unless somebody collects them.

use super::path::with_query;
use super::request::request;
use super::status::Status;
use super::{Cluster, Resource};
use crate::failure::{Failure, Result};
use crate::object::{Map, Node, Object};
use http::Method;
use std::collections::HashSet;
use std::sync::Arc;
use tokio_util::task::AbortOnDropHandle;

/// How many objects one request asks for, as kubectl does.
const PAGE: usize = 500;

/// How often an expired list starts again before the trouble is told.
const RESTARTS: u32 = 5;

/// Which objects of a kind to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// The namespace; `None` is all of them.
    pub namespace: Option<String>,
    /// A label selector, such as `app=istiod,version!=v1`.
    pub labels: Option<String>,
    /// A field selector, such as `spec.nodeName=n1`.
    pub fields: Option<String>,
    /// At most this many.
    pub limit: Option<usize>,
}

/// The objects of a list, one after the other; the next page is fetched while this one is read.
pub struct Pager {
    cluster: Cluster,
    resource: Resource,
    selection: Selection,
    page: std::vec::IntoIter<Object>,
    next: Next,
    /// What was given out already, by uid: an expired list may have to start again.
    given: HashSet<Arc<str>>,
    /// How many may still be given out.
    left: usize,
    restarts: u32,
}

/// Where the next page comes from.
enum Next {
    /// The first page, not asked for yet.
    First,
    /// Asked for.
    Coming(AbortOnDropHandle<Result<Result<Object, Status>>>),
    /// There is none.
    End,
}

impl Cluster {
    /// The objects of a kind, streamed.
    pub fn pager(&self, resource: &Resource, selection: &Selection) -> Pager {
        Pager {
            cluster: self.clone(),
            resource: resource.clone(),
            selection: selection.clone(),
            page: Vec::new().into_iter(),
            next: Next::First,
            given: HashSet::new(),
            left: selection.limit.unwrap_or(usize::MAX),
            restarts: 0,
        }
    }

    /// The objects of a kind, collected.
    ///
    /// # Errors
    /// When the cluster refuses or cannot be reached.
    pub async fn list(&self, resource: &Resource, selection: &Selection) -> Result<Vec<Object>> {
        let mut pager = self.pager(resource, selection);
        let mut all = Vec::new();
        while let Some(object) = pager.next().await? {
            all.push(object);
        }
        Ok(all)
    }
}

impl Pager {
    /// The next object, or `None` at the end.
    ///
    /// # Errors
    /// When the cluster refuses or cannot be reached.
    pub async fn next(&mut self) -> Result<Option<Object>> {
        while self.left > 0 {
            for object in self.page.by_ref() {
                let uid: Arc<str> = object.uid().into();
                if uid.is_empty() || self.given.insert(uid) {
                    self.left -= 1;
                    return Ok(Some(object));
                }
            }
            if !self.turn().await? {
                break;
            }
        }
        Ok(None)
    }

    /// Takes the next page; false at the end.
    async fn turn(&mut self) -> Result<bool> {
        let coming = match std::mem::replace(&mut self.next, Next::End) {
            Next::End => return Ok(false),
            Next::First => self.ask(None)?,
            Next::Coming(coming) => coming,
        };
        let answer = coming.await.map_err(|e| Failure::internal(format!("listing stopped: {e}")))?;
        match answer? {
            Ok(list) => self.take(&list)?,
            Err(status) if status.code == 410 && self.restarts < RESTARTS => {
                self.restarts += 1;
                // The server may offer to go on with newer objects; otherwise the list starts again.
                self.next = Next::Coming(self.ask(status.continue_token.as_deref())?);
            }
            Err(status) => return Err(self.cluster.refusal(&self.request(None)?, status)),
        }
        Ok(true)
    }

    fn take(&mut self, list: &Object) -> Result<()> {
        let enough = list.items_at("items").len() >= self.left;
        if let Some(token) = list.str_at("metadata.continue").filter(|token| !token.is_empty() && !enough) {
            self.next = Next::Coming(self.ask(Some(token))?);
        }
        let origin: Arc<str> = self.cluster.0.settings.cluster.clone();
        let kind = list.kind().strip_suffix("List").unwrap_or(&self.resource.kind).to_owned();
        let api_version = list.api_version().to_owned();
        let items = list.items_at("items").iter();
        let objects = items.map(|item| Object { node: named(item, &api_version, &kind), origin: Some(origin.clone()) });
        self.page = objects.collect::<Vec<_>>().into_iter();
        Ok(())
    }

    fn ask(&self, token: Option<&str>) -> Result<AbortOnDropHandle<Result<Result<Object, Status>>>> {
        let (cluster, request) = (self.cluster.clone(), self.request(token)?);
        Ok(AbortOnDropHandle::new(tokio::spawn(async move { cluster.ask(request).await })))
    }

    fn request(&self, token: Option<&str>) -> Result<http::Request<Vec<u8>>> {
        let Selection { namespace, labels, fields, limit } = &self.selection;
        let limit = limit.map_or(PAGE, |limit| limit.min(PAGE)).to_string();
        let mut pairs = vec![("limit", limit.as_str())];
        pairs.extend(labels.as_deref().map(|labels| ("labelSelector", labels)));
        pairs.extend(fields.as_deref().map(|fields| ("fieldSelector", fields)));
        pairs.extend(token.map(|token| ("continue", token)));
        request(Method::GET, with_query(self.resource.path(namespace.as_deref()), &pairs))
    }
}

/// Items of lists come without kind and apiVersion.
fn named(item: &Node, api_version: &str, kind: &str) -> Node {
    if item.get("kind").is_some() {
        return item.clone();
    }
    let head = [("apiVersion", api_version), ("kind", kind)].map(|(key, text)| (key.into(), Node::Str(text.into())));
    Node::Map(Map(Arc::new(head.into_iter().chain(item.entries().iter().cloned()).collect())))
}
