//! Patches, and the everyday changes made of them: labels, annotations, replicas, restarts.

use super::apply::{Applied, Outcome, same_but_for_bookkeeping};
use super::path::with_query;
use super::request::{about, after, content, request, request_with};
use super::tree::{map, merged, text, with};
use super::{Cluster, MANAGER, Target};
use crate::failure::{Failure, Kind, Result};
use crate::object::{Node, Object};
use http::Method;

/// How a patch is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patch {
    /// JSON merge patch, RFC 7396: `null` removes, lists are replaced.
    Merge,
    /// JSON patch, RFC 6902: a list of operations.
    Json,
    /// Strategic merge patch: lists merge by their keys; built-in kinds only.
    Strategic,
}

impl Patch {
    /// The patch type that scripts call so.
    pub fn from_name(name: &str) -> Option<Patch> {
        match name {
            "merge" => Some(Patch::Merge),
            "json" => Some(Patch::Json),
            "strategic" => Some(Patch::Strategic),
            _ => None,
        }
    }

    fn content(self) -> &'static str {
        match self {
            Patch::Merge => content::MERGE,
            Patch::Json => content::JSON_PATCH,
            Patch::Strategic => content::STRATEGIC,
        }
    }
}

/// How a patch is meant.
#[derive(Clone, Copy)]
enum Sent<'o> {
    /// To see what it would do.
    Tried,
    /// To change what was read so.
    After(&'o Object),
}

impl Cluster {
    /// Patches an object. What would change nothing is not sent.
    ///
    /// # Errors
    /// When there is no such object or the server refuses.
    pub async fn patch(&self, target: &Target, kind: Patch, body: &Node) -> Result<Applied> {
        let live = self.get(target).await?;
        let unchanged = match kind {
            Patch::Merge => merged(&live.node, body) == live.node,
            _ => {
                let tried = self.send_patch(target, &target.path(), kind, body, Sent::Tried).await?;
                same_but_for_bookkeeping(&tried, &live)
            }
        };
        if unchanged {
            return Ok(Applied { outcome: Outcome::Unchanged, object: live });
        }
        let object = self.send_patch(target, &target.path(), kind, body, Sent::After(&live)).await?;
        Ok(Applied { outcome: Outcome::between(&live, &object), object })
    }

    async fn send_patch(
        &self,
        target: &Target,
        path: &str,
        kind: Patch,
        body: &Node,
        sent: Sent<'_>,
    ) -> Result<Object> {
        let mut pairs = vec![("fieldManager", MANAGER), ("fieldValidation", "Strict")];
        if matches!(sent, Sent::Tried) {
            pairs.push(("dryRun", "All"));
        }
        target.resource.check_content(body)?;
        let uri = with_query(path.to_owned(), &pairs);
        let request = about(request_with(Method::PATCH, uri, kind.content(), &body.to_wire())?, target);
        match sent {
            Sent::After(former) => self.send(after(request, Some(former))).await,
            Sent::Tried => self.send(request).await,
        }
    }

    /// Sets labels; `Null` removes one.
    ///
    /// # Errors
    /// When there is no such object or the server refuses.
    pub async fn label(&self, target: &Target, labels: &Node) -> Result<Applied> {
        self.patch(target, Patch::Merge, &with(&Node::Null, &["metadata", "labels"], labels.clone())).await
    }

    /// Sets annotations; `Null` removes one.
    ///
    /// # Errors
    /// When there is no such object or the server refuses.
    pub async fn annotate(&self, target: &Target, annotations: &Node) -> Result<Applied> {
        self.patch(target, Patch::Merge, &with(&Node::Null, &["metadata", "annotations"], annotations.clone())).await
    }

    /// Sets the number of replicas.
    ///
    /// # Errors
    /// When the kind has none, there is no such object, or the server refuses.
    pub async fn scale(&self, target: &Target, replicas: i64) -> Result<Outcome> {
        if !target.resource.subresources.iter().any(|name| name == "scale") {
            let failure = Failure::usage(format!("objects of kind {} have no replicas to scale", target.resource.kind));
            return Err(failure.on_cluster(self.name()).about(target.title()));
        }
        let path = format!("{}/scale", target.path());
        let scale = self.send(about(request(Method::GET, path.clone())?, target)).await?;
        // The server leaves zero out.
        let now = scale.int_at("spec.replicas").unwrap_or(0);
        if now == replicas {
            return Ok(Outcome::Unchanged);
        }
        let body = map([("spec", map([("replicas", Node::Int(replicas))]))]);
        // A scale does not say who owns the number.
        let owners = self.get(target).await?.at("metadata.managedFields").cloned().unwrap_or_default();
        let former = with(&scale.node, &["metadata", "managedFields"], owners);
        let scale = Object { node: with(&former, &["spec", "replicas"], Node::Int(now)), ..scale };
        self.send_patch(target, &path, Patch::Merge, &body, Sent::After(&scale)).await?;
        Ok(Outcome::Changed)
    }

    /// Makes a workload replace its pods, as `kubectl rollout restart` does.
    ///
    /// # Errors
    /// When the kind has no pods of its own to replace, there is no such object, or the server refuses.
    pub async fn restart(&self, target: &Target) -> Result<Object> {
        if !matches!(target.resource.kind.as_str(), "Deployment" | "StatefulSet" | "DaemonSet") {
            let message = format!("objects of kind {} cannot be restarted", target.resource.kind);
            let hint = "restart the Deployment, StatefulSet or DaemonSet that owns the pods";
            return Err(Failure::new(Kind::Usage, message).hint(hint).on_cluster(self.name()).about(target.title()));
        }
        let live = self.get(target).await?;
        let now = format!("{:.0}", jiff::Timestamp::now());
        let path = ["spec", "template", "metadata", "annotations", "kubectl.kubernetes.io/restartedAt"];
        let body = with(&Node::Null, &path, text(&now));
        self.send_patch(target, &target.path(), Patch::Merge, &body, Sent::After(&live)).await
    }
}
