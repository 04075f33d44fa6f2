//! CRDs, which come by the dozen: read with one list, applied side by side, waited for with one list at a time.

use super::all::{AT_ONCE, ESTABLISHED};
use super::{Applied, ApplyOptions, Outcome};
use crate::cluster::wait::rules::{Verdict, verdict};
use crate::cluster::wait::{Rule, until};
use crate::cluster::{Cluster, Selection};
use crate::failure::Result;
use crate::object::Object;
use futures::StreamExt;
use std::collections::HashMap;
use std::time::Duration;

/// The kind's full name.
const KIND: &str = "customresourcedefinitions.apiextensions.k8s.io";

/// How long to wait before CRDs are listed again.
const AGAIN: Duration = Duration::from_millis(200);

impl Cluster {
    /// Applies these manifests, all of them CRDs, and waits until those that are new are established.
    ///
    /// # Errors
    /// When they cannot be listed, or do not become established. What happened to each stands in the result.
    pub(super) async fn apply_definitions(
        &self,
        manifests: &[Object],
        members: Vec<usize>,
        options: &ApplyOptions,
    ) -> Result<Vec<(usize, Result<Applied>)>> {
        if members.is_empty() {
            return Ok(Vec::new());
        }
        let live = &self.definitions().await?;
        let work = members.into_iter().map(|index| async move {
            let manifest = &manifests[index];
            let applied = match self.addressed(manifest, options).await {
                Ok((target, named)) => self.apply_to(target, named, live.get(manifest.name()).cloned(), options).await,
                Err(failure) => Err(failure),
            };
            (index, applied)
        });
        let results: Vec<_> = futures::stream::iter(work).buffer_unordered(AT_ONCE).collect().await;
        let is_new = |applied: &&Applied| {
            applied.outcome != Outcome::Unchanged || !matches!(verdict(&applied.object), Verdict::Done(_))
        };
        let new: Vec<&Applied> =
            results.iter().filter_map(|(_, applied)| applied.as_ref().ok()).filter(is_new).collect();
        self.until_established(&new).await?;
        Ok(results)
    }

    async fn definitions(&self) -> Result<HashMap<String, Object>> {
        let resource = self.resource(KIND).await?;
        let all = self.list(&resource, &Selection::default()).await?;
        Ok(all.into_iter().map(|object| (object.name().to_owned(), object)).collect())
    }

    async fn until_established(&self, new: &[&Applied]) -> Result<()> {
        let start = self.clock().now();
        let mut missing: Vec<&Object> = new.iter().map(|applied| &applied.object).collect();
        while !missing.is_empty() {
            let live = self.definitions().await?;
            let is_done = |object: &Object| matches!(live.get(object.name()).map(verdict), Some(Verdict::Done(_)));
            missing.retain(|object| !is_done(object));
            let (Some(first), passed) = (missing.first(), self.clock().now().saturating_sub(start)) else { break };
            if passed >= ESTABLISHED {
                // Ends in the wait's own words about what is wrong with it.
                let target = self.target_of(first).await?;
                until(self, &target, Rule::ready(), AGAIN).await?;
            }
            self.clock().sleep(AGAIN).await;
        }
        Ok(())
    }
}
