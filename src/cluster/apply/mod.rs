//! Server-side apply that reads first: what would change nothing is not sent, and nobody's field is taken silently.

mod all;
mod conflict;
mod definitions;
mod manifest;
mod owned;
mod quantity;

use super::path::with_query;
use super::request::{about, after, content, request_with};
use super::status::Status;
use super::{Cluster, MANAGER, Target};
use crate::failure::{Failure, Kind, Result};
use crate::object::Object;
use http::Method;
use std::time::Duration;

pub(crate) use manifest::prepare;
pub(crate) use owned::same_but_for_bookkeeping;

/// How long a webhook or a namespace that is in the way is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// What applying did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The object was made.
    Created,
    /// The object was changed.
    Changed,
    /// Nothing was to do.
    Unchanged,
}

impl Outcome {
    /// The name that scripts see.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Created => "created",
            Outcome::Changed => "changed",
            Outcome::Unchanged => "unchanged",
        }
    }

    /// What a change did to an object that was there before.
    pub(crate) fn between(before: &Object, after: &Object) -> Outcome {
        let same = before.uid() == after.uid() && before.resource_version() == after.resource_version();
        if same && !after.resource_version().is_empty() { Outcome::Unchanged } else { Outcome::Changed }
    }
}

/// An object after a change, and what the change was.
#[derive(Debug, Clone, PartialEq)]
pub struct Applied {
    /// What was done.
    pub outcome: Outcome,
    /// The object as the cluster has it now.
    pub object: Object,
}

/// Which fields of others may be taken.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Force {
    /// None: a conflict is a failure.
    #[default]
    Never,
    /// These, as paths in the server's words (`.spec.replicas`), and what lies below them.
    Fields(Vec<String>),
    /// All.
    Always,
}

/// How objects are applied.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ApplyOptions {
    /// The namespace of namespaced objects that name none.
    pub namespace: Option<String>,
    /// Which fields of others may be taken.
    pub force: Force,
    /// The field manager; [`MANAGER`] unless set.
    pub manager: Option<String>,
    /// How long to wait for what is on its way out, and for webhooks that do not answer yet; a minute unless set.
    pub patience: Option<Duration>,
}

impl ApplyOptions {
    fn manager(&self) -> &str {
        self.manager.as_deref().unwrap_or(MANAGER)
    }

    fn patience(&self) -> Duration {
        self.patience.unwrap_or(PATIENCE)
    }
}

/// How a patch is sent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Try,
    Real,
}

impl Cluster {
    /// Brings one object to what the manifest says.
    ///
    /// # Errors
    /// `Conflict` with the fields and their owners, or what the server refuses with.
    pub async fn apply(&self, manifest: &Object, options: &ApplyOptions) -> Result<Applied> {
        let (target, manifest) = self.addressed(manifest, options).await?;
        let live = self.find(&target).await?;
        self.apply_to(target, manifest, live, options).await
    }

    /// Brings one object, just read, to what the manifest says.
    async fn apply_to(
        &self,
        target: Target,
        manifest: Object,
        live: Option<Object>,
        options: &ApplyOptions,
    ) -> Result<Applied> {
        let live = self.settled(&target, live, options.patience()).await?;
        let Some(live) = live else {
            let object = self.patch_apply(&target, &manifest, None, options, Mode::Real).await?;
            return Ok(Applied { outcome: Outcome::Created, object });
        };
        if self.is_applied(&target, &manifest, &live, options).await? {
            return Ok(Applied { outcome: Outcome::Unchanged, object: live });
        }
        let object = self.patch_apply(&target, &manifest, Some(&live), options, Mode::Real).await?;
        Ok(Applied { outcome: Outcome::between(&live, &object), object })
    }

    async fn addressed(&self, manifest: &Object, options: &ApplyOptions) -> Result<(Target, Object)> {
        if manifest.name().is_empty() && manifest.at("metadata.generateName").is_some() {
            let failure =
                Failure::usage("apply needs metadata.name").hint("use `create` for objects with generateName");
            return Err(failure.about(manifest.title()).on_cluster(self.name()));
        }
        let named = manifest::in_namespace(manifest, options.namespace.as_deref());
        let target = self.target_of(&named).await?;
        let manifest = prepare(&named, &target.resource, None);
        Ok((target, manifest))
    }

    /// The live object, once it is not on its way out: a patch to a dying object would be lost with it.
    async fn settled(&self, target: &Target, live: Option<Object>, patience: Duration) -> Result<Option<Object>> {
        match live {
            Some(live) if live.at("metadata.deletionTimestamp").is_some() => {
                self.until_gone(target, live.uid(), patience).await?;
                self.find(target).await
            }
            live => Ok(live),
        }
    }

    async fn is_applied(
        &self,
        target: &Target,
        manifest: &Object,
        live: &Object,
        options: &ApplyOptions,
    ) -> Result<bool> {
        if owned::is_settled(manifest, live, options.manager()) {
            return Ok(true);
        }
        match self.patch_apply(target, manifest, Some(live), options, Mode::Try).await {
            // Controllers go on writing the status between the two readings.
            Ok(tried) if manifest.at("status").is_none() => {
                let bare = |object: &Object| Object::new(super::tree::without(&object.node, &["status"]));
                Ok(same_but_for_bookkeeping(&bare(&tried), &bare(live)))
            }
            Ok(tried) => Ok(same_but_for_bookkeeping(&tried, live)),
            // Webhooks with side effects refuse dry runs; the real patch will show whether anything changes.
            Err(failure) if failure.message.contains("does not support dry run") => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    /// Sends the patch, waiting for webhooks and namespaces that are not ready for it.
    async fn patch_apply(
        &self,
        target: &Target,
        manifest: &Object,
        live: Option<&Object>,
        options: &ApplyOptions,
        mode: Mode,
    ) -> Result<Object> {
        let start = self.clock().now();
        let mut force = options.force == Force::Always;
        for number in 1.. {
            let request = after(apply_request(target, manifest, options.manager(), force, mode)?, live);
            let status = match self.ask(request.clone()).await? {
                Ok(object) => return Ok(object),
                Err(status) => status,
            };
            let may_pass = status.is_webhook_trouble() || status.is_terminating_namespace();
            if conflict::is_conflict(&status) && !force && conflict::all_given(&status, &options.force) {
                force = true;
            } else if may_pass && self.clock().now().saturating_sub(start) < options.patience() {
                self.pause_apply(&status, start, number).await;
            } else if conflict::is_conflict(&status) {
                return Err(conflict::failure(&status, live, &target.title()).on_cluster(self.name()));
            } else {
                return Err(self.explained(target, self.refusal(&request, status)));
            }
        }
        Err(Failure::internal("no tries left"))
    }

    async fn pause_apply(&self, status: &Status, start: Duration, number: u32) {
        let settings = self.settings();
        let again_in = (settings.policy.first_pause * number * 2).min(Duration::from_secs(2));
        let lasting = self.clock().now().saturating_sub(start);
        let (cluster, reason) = (settings.cluster.clone(), status.message.clone());
        (settings.listener)(&super::layers::Notice::Retrying { cluster, reason, lasting, again_in });
        self.clock().sleep(again_in).await;
    }

    fn explained(&self, target: &Target, failure: Failure) -> Failure {
        match &target.namespace {
            Some(namespace) if failure.kind == Kind::NotFound && failure.message.contains("namespaces") => {
                failure.hint(format!("create it first: apply `kind: Namespace, metadata: {{name: {namespace}}}`"))
            }
            _ if failure.message.contains("field not declared in schema") => failure.hint(format!(
                "correct the field's name: `explain(\"{}\")` lists those there are",
                target.resource.plural
            )),
            _ => failure,
        }
    }
}

fn apply_request(
    target: &Target,
    manifest: &Object,
    manager: &str,
    force: bool,
    mode: Mode,
) -> Result<http::Request<Vec<u8>>> {
    let mut pairs = vec![("fieldManager", manager), ("fieldValidation", "Strict")];
    if force {
        pairs.push(("force", "true"));
    }
    if mode == Mode::Try {
        pairs.push(("dryRun", "All"));
    }
    target.resource.check_content(&manifest.node)?;
    let uri = with_query(target.path(), &pairs);
    let request = request_with(Method::PATCH, uri, content::APPLY, &manifest.to_wire())?;
    Ok(about(request, target))
}
