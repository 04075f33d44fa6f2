//! Lists, page by page: ten thousand objects never stand in memory at once unless somebody collects them.

mod page;

use super::path::with_query;
use super::request::request;
use super::status::Status;
use super::{Cluster, Resource};
use crate::failure::{Failure, Result};
use crate::object::{Map, Node, Object};
use http::Method;
use page::{Fetch, Page, Question};
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

/// The objects of a list, one after the other. While one page is given out, the next one is decoded and the one behind it
/// fetched.
pub struct Pager {
    cluster: Cluster,
    resource: Resource,
    selection: Selection,
    page: std::vec::IntoIter<Object>,
    next: Next,
    /// What was given out already, by uid: an expired list may have to start again.
    given: HashSet<String>,
    /// How many may still be given out.
    left: usize,
    restarts: u32,
}

/// Where the next page comes from.
enum Next {
    /// The first page, not asked for yet.
    First,
    /// Asked for.
    Coming(AbortOnDropHandle<Result<Result<Page, Status>>>),
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
                let uid = uid(&object);
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
            Ok(page) => self.take(page)?,
            Err(status) if status.code == 410 && self.restarts < RESTARTS => {
                self.restarts += 1;
                // The server may offer to go on with newer objects; otherwise the list starts again.
                self.next = Next::Coming(self.ask(status.continue_token.as_deref())?);
            }
            Err(status) => return Err(self.cluster.refusal(&self.request()?, status)),
        }
        Ok(true)
    }

    fn take(&mut self, page: Page) -> Result<()> {
        let Page { list, behind } = page;
        let items = list.items_at("items");
        let token = list.str_at("metadata.continue").filter(|token| !token.is_empty() && items.len() < self.left);
        if let Some(token) = token {
            let question = Question::new(&self.cluster, self.request()?, Some(token))?;
            let fetch = behind.unwrap_or_else(|| question.fetch());
            self.next = Next::Coming(self.read(question, fetch, items.len()));
        }
        let origin: Arc<str> = self.cluster.0.settings.cluster.clone();
        let kind = list.kind().strip_suffix("List").unwrap_or(&self.resource.kind);
        let head = [("apiVersion", list.api_version()), ("kind", kind)];
        let head = head.map(|(key, text)| (Arc::from(key), Node::Str(text.into())));
        let objects = items.iter().map(|item| Object { node: named(item, &head), origin: Some(origin.clone()) });
        self.page = objects.collect::<Vec<_>>().into_iter();
        Ok(())
    }

    fn ask(&mut self, token: Option<&str>) -> Result<AbortOnDropHandle<Result<Result<Page, Status>>>> {
        let question = Question::new(&self.cluster, self.request()?, token)?;
        let fetch = question.fetch();
        Ok(self.read(question, fetch, 0))
    }

    /// Decodes the page that is being fetched. `given` objects will be given out before it.
    fn read(
        &mut self,
        question: Question,
        fetch: Fetch,
        given: usize,
    ) -> AbortOnDropHandle<Result<Result<Page, Status>>> {
        // A list that may end with this page asks for no more.
        let goes_on = self.left.saturating_sub(given) > PAGE;
        AbortOnDropHandle::new(tokio::spawn(question.page(fetch, goes_on)))
    }

    /// The request for the first page.
    fn request(&self) -> Result<http::Request<Vec<u8>>> {
        let Selection { namespace, labels, fields, limit } = &self.selection;
        let limit = limit.map_or(PAGE, |limit| limit.min(PAGE)).to_string();
        let mut pairs = vec![("limit", limit.as_str())];
        pairs.extend(labels.as_deref().map(|labels| ("labelSelector", labels)));
        pairs.extend(fields.as_deref().map(|fields| ("fieldSelector", fields)));
        request(Method::GET, with_query(self.resource.path(namespace.as_deref()), &pairs))
    }
}

/// The uid, without reading the whole metadata.
fn uid(object: &Object) -> String {
    match object.node.get("metadata") {
        Some(Node::Map(metadata)) => metadata.peek("uid").unwrap_or_default(),
        _ => String::new(),
    }
}

/// Items of lists come without kind and apiVersion.
fn named(item: &Node, head: &[(Arc<str>, Node)]) -> Node {
    if item.get("kind").is_some() {
        return item.clone();
    }
    Node::Map(Map(Arc::new(head.iter().chain(item.entries()).cloned().collect())))
}
