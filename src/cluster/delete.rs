//! Removing objects: exactly the one that was seen, never a namesake that came after it.

use super::request::{about, after, content, request_with};
use super::wait::{Rule, until};
use super::{Cluster, Target};
use crate::failure::{Kind, Result};
use crate::object::Object;
use http::Method;
use serde_json::json;
use std::time::Duration;

/// How an object is removed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeleteOptions {
    /// The uid that the object must have; without it, the object is read first.
    pub uid: Option<String>,
    /// Whether it is fine when there is no such object.
    pub missing_ok: bool,
    /// What happens to its dependents.
    pub propagation: Propagation,
    /// Seconds that pods get to end.
    pub grace: Option<i64>,
    /// How long to wait until it is really gone; `None` does not wait.
    pub wait: Option<Duration>,
}

/// What happens to the dependents of a removed object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Propagation {
    /// They are removed afterwards.
    #[default]
    Background,
    /// They are removed first.
    Foreground,
    /// They stay.
    Orphan,
}

impl Propagation {
    /// The name in the API.
    pub fn name(self) -> &'static str {
        match self {
            Propagation::Background => "Background",
            Propagation::Foreground => "Foreground",
            Propagation::Orphan => "Orphan",
        }
    }
}

impl Cluster {
    /// Removes an object; false when there was none.
    ///
    /// # Errors
    /// `NotFound` unless that is fine, `Conflict` when a namesake took its place, `Timeout` when it does not go.
    pub async fn delete(&self, target: &Target, options: &DeleteOptions) -> Result<bool> {
        let (uid, former) = match &options.uid {
            Some(uid) => (uid.clone(), None),
            None => match self.get(target).await {
                Ok(object) => (object.uid().to_owned(), Some(object)),
                Err(failure) if failure.kind == Kind::NotFound && options.missing_ok => return Ok(false),
                Err(failure) => return Err(failure),
            },
        };
        match self.send_delete(target, &uid, former.as_ref(), options).await {
            Ok(()) => {}
            Err(failure) if failure.kind == Kind::NotFound && options.missing_ok => return Ok(false),
            Err(failure) => return Err(failure),
        }
        if let Some(limit) = options.wait {
            self.until_gone(target, &uid, limit).await?;
        }
        Ok(true)
    }

    async fn send_delete(
        &self,
        target: &Target,
        uid: &str,
        former: Option<&Object>,
        options: &DeleteOptions,
    ) -> Result<()> {
        let mut body = json!({
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": options.propagation.name(),
        });
        if !uid.is_empty() {
            body["preconditions"] = json!({ "uid": uid });
        }
        if let Some(grace) = options.grace {
            body["gracePeriodSeconds"] = json!(grace);
        }
        let request = about(request_with(Method::DELETE, target.path(), content::JSON, &body)?, target);
        let request = if former.is_some() { after(request, former) } else { request };
        let Err(status) = self.ask(request.clone()).await? else { return Ok(()) };
        // The try before went through; by now it is gone, or a namesake has its place.
        if status.lost && (status.code == 404 || status.code == 409 && !uid.is_empty()) {
            return Ok(());
        }
        let failure = self.refusal(&request, status);
        Err(match failure.kind {
            Kind::Conflict => failure.hint("another object took its name meanwhile: read it again before deleting it"),
            _ => failure,
        })
    }

    /// Returns when this object, told by its uid, is gone.
    pub(super) async fn until_gone(&self, target: &Target, uid: &str, limit: Duration) -> Result<()> {
        until(self, target, Rule::gone(Some(uid.to_owned())), limit).await.map(drop)
    }
}
