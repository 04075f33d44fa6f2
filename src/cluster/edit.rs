//! Creating and replacing whole objects.

use super::apply::{Applied, Outcome, prepare};
use super::layers::journal::Named;
use super::layers::retry::Policy;
use super::layers::reverse;
use super::path::with_query;
use super::request::{content, request_with};
use super::tree::without;
use super::{Cluster, MANAGER, Target};
use crate::failure::{Failure, Kind, Result};
use crate::object::{Node, Object};
use http::Method;
use std::time::Duration;

/// How often an edit starts again because somebody else was quicker.
pub const EDIT_TRIES: u32 = 20;

/// Whether we have written an object, no earlier than then. One that does not say who wrote it is told by its age.
fn has_written(object: &Object, since: Option<jiff::Timestamp>) -> bool {
    // Times are noted to the second, and by servers whose clocks differ a little.
    const APART: i64 = 2;
    let is_late = |time: Option<&str>| {
        let time = time.and_then(|time| time.parse::<jiff::Timestamp>().ok());
        time.zip(since).is_none_or(|(time, since)| time.as_second() + APART >= since.as_second())
    };
    let mut entries = object.items_at("metadata.managedFields").iter().peekable();
    if entries.peek().is_none() {
        return is_late(object.str_at("metadata.creationTimestamp"));
    }
    entries.any(|entry| is_update_of_ours(entry) && is_late(entry.get("time").and_then(Node::as_str)))
}

fn is_update_of_ours(entry: &Node) -> bool {
    let is = |key: &str, value: &str| entry.get(key).and_then(Node::as_str) == Some(value);
    is("manager", MANAGER) && is("operation", "Update") && entry.get("subresource").is_none()
}

/// Whether a replacement whose answer was lost has been carried out, whatever others have written into it since.
fn is_carried_out(before: &Object, after: &Object, live: &Object) -> bool {
    let bare = |object: &Object| Object::new(without(&object.node, &["status"]));
    if super::apply::same_but_for_bookkeeping(&bare(live), &bare(after)) {
        return true;
    }
    let content = |object: &Object| reverse::content(object.to_wire());
    let holds = match reverse::patch(&content(before), &content(after)) {
        Some(change) => reverse::merged(content(live), &change) == content(live),
        None => false,
    };
    let former = before.items_at("metadata.managedFields");
    let mut ours = live.items_at("metadata.managedFields").iter().filter(|entry| is_update_of_ours(entry));
    live.uid() == before.uid() && holds && ours.any(|entry| !former.contains(entry))
}

impl Cluster {
    /// Creates an object. `metadata.generateName` may stand in for a name; a missing namespace is taken from `namespace`.
    ///
    /// # Errors
    /// `AlreadyExists` when there is one, or what the server refuses with.
    pub async fn create(&self, manifest: &Object, namespace: Option<&str>) -> Result<Object> {
        let resource = self.resource(&format!("{}/{}", manifest.api_version(), manifest.kind())).await?;
        let manifest = prepare(manifest, &resource, namespace);
        let namespace = manifest.namespace().map(str::to_owned);
        if resource.namespaced && namespace.is_none() {
            let failure =
                Failure::usage("the namespace is missing").hint("set metadata.namespace, or the option `namespace`");
            return Err(failure.about(manifest.title()).on_cluster(self.name()));
        }
        resource.check_content(&manifest.node)?;
        let path = resource.path(namespace.as_deref());
        let uri = with_query(path, &[("fieldManager", MANAGER), ("fieldValidation", "Strict")]);
        let mut request = request_with(Method::POST, uri, content::JSON, &manifest.to_wire())?;
        request.extensions_mut().insert(super::layers::Subject(manifest.title()));
        let generate_name = manifest.str_at("metadata.generateName").unwrap_or_default().to_owned();
        request.extensions_mut().insert(Named { name: manifest.name().to_owned(), generate_name });
        let request = super::request::after(request, None);
        if manifest.name().is_empty() {
            return self.send(request).await.map_err(|failure| match failure.kind {
                Kind::Unreachable => failure.hint("it may have been created all the same: list before you repeat"),
                _ => failure,
            });
        }
        self.create_once(request, &resource.target_in(namespace.as_deref(), manifest.name())?).await
    }

    /// Creates an object with a name. When nobody answers, the cluster is asked whether it is there: a POST is not simply
    /// sent again.
    async fn create_once(&self, request: http::Request<Vec<u8>>, target: &Target) -> Result<Object> {
        // What is there before was not made by this request, nor what somebody else makes meanwhile.
        let before = self.find(target).await?;
        let (start, since) = (self.clock().now(), self.time());
        let is_ours = |object: &Object| before.is_none() && has_written(object, since);
        for number in 1.. {
            let failure = match self.ask(request.clone()).await {
                Ok(Ok(object)) => return Ok(object),
                // Perhaps the try before this one was only late.
                Ok(Err(status)) if status.kind() == Kind::AlreadyExists && (number > 1 || status.lost) => {
                    let found = self.find(target).await?.filter(is_ours);
                    return found.ok_or_else(|| self.refusal(&request, status));
                }
                Ok(Err(status)) if status.code < 500 => return Err(self.refusal(&request, status)),
                Ok(Err(status)) => self.refusal(&request, status),
                Err(failure) => failure,
            };
            if !matches!(failure.kind, Kind::Unreachable | Kind::Server) {
                return Err(failure);
            }
            let late = self.clock().now().saturating_sub(start) > self.settings().policy.budget;
            match self.find(target).await? {
                Some(object) if is_ours(&object) => return Ok(object),
                Some(_) if before.is_some() => return Err(failure),
                _ if late => return Err(failure),
                // Whose it is, the server says when it is asked again.
                _ => self.clock().sleep(self.settings().policy.pause(number, self.clock())).await,
            }
        }
        Err(Failure::internal("no tries left"))
    }

    /// Replaces `before`, as it was read, by `after`. Nothing is sent when they are equal; `None` when somebody else has
    /// changed the object meanwhile: read it and decide again.
    ///
    /// # Errors
    /// When `after` is another object, or the server refuses.
    pub async fn replace(&self, target: &Target, before: &Object, after: &Object) -> Result<Option<Applied>> {
        if before.node == after.node {
            return Ok(Some(Applied { outcome: Outcome::Unchanged, object: before.clone() }));
        }
        for path in
            ["apiVersion", "kind", "metadata.name", "metadata.namespace", "metadata.uid", "metadata.resourceVersion"]
        {
            if before.at(path) != after.at(path) {
                let failure = Failure::usage(format!("an edit cannot change `{path}`"));
                return Err(failure.about(before.title()).on_cluster(self.name()));
            }
        }
        target.resource.check_content(&after.node)?;
        let uri = with_query(target.path(), &[("fieldManager", MANAGER), ("fieldValidation", "Strict")]);
        let request = super::request::about(request_with(Method::PUT, uri, content::JSON, &after.to_wire())?, target);
        let request = super::request::after(request, Some(before));
        let status = match self.ask(request.clone()).await? {
            Ok(object) => return Ok(Some(Applied { outcome: Outcome::between(before, &object), object })),
            Err(status) => status,
        };
        match (status.kind(), status.lost) {
            // Perhaps it was the try before that changed the object.
            (Kind::Conflict, true) => {
                let live = self.get(target).await?;
                Ok(is_carried_out(before, after, &live).then_some(Applied { outcome: Outcome::Changed, object: live }))
            }
            (Kind::Conflict, false) => Ok(None),
            _ => Err(self.refusal(&request, status)),
        }
    }

    /// Reads, changes and replaces an object until nobody came between.
    ///
    /// # Errors
    /// What `change` fails with, when there is no such object, the server refuses, or others keep coming between.
    pub async fn edit(&self, target: &Target, mut change: impl FnMut(Object) -> Result<Object>) -> Result<Applied> {
        for number in 1..=EDIT_TRIES {
            let before = self.get(target).await?;
            let after = change(before.clone())?;
            if let Some(applied) = self.replace(target, &before, &after).await? {
                return Ok(applied);
            }
            self.pause_edit(number).await;
        }
        Err(self.edit_lost(target))
    }

    /// A short pause before an edit starts again, of a length by chance: many writers must not go on in step.
    pub async fn pause_edit(&self, number: u32) {
        let policy = Policy { first_pause: Duration::from_millis(20), ..self.settings().policy.clone() };
        self.clock().sleep(policy.pause(number.min(5), self.clock())).await;
    }

    /// The failure of an edit that others always came before.
    pub fn edit_lost(&self, target: &Target) -> Failure {
        let message = format!("somebody else changed the object {EDIT_TRIES} times while it was edited");
        let hint = "look who: `kubectl get --show-managed-fields -o yaml`; stop it, or use `apply` for your own fields";
        Failure::new(Kind::Conflict, message).hint(hint).about(target.title()).on_cluster(self.name())
    }
}
