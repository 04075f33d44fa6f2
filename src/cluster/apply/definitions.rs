//! CRDs, which come by the dozen: read with one list, applied side by side, waited for with one watch.

use super::all::{AT_ONCE, ESTABLISHED};
use super::{Applied, ApplyOptions, Outcome};
use crate::cluster::tree::with;
use crate::cluster::wait::rules::{Verdict, verdict};
use crate::cluster::wait::{self, Rule, Watch, until};
use crate::cluster::{Cluster, Selection};
use crate::failure::Result;
use crate::object::{Node, Object};
use futures::StreamExt;
use std::collections::HashMap;
use std::time::Duration;

/// The kind's full name.
const KIND: &str = "customresourcedefinitions.apiextensions.k8s.io";

/// A definition takes a moment, in clusters of several API servers five seconds.
const USUAL: Duration = Duration::from_secs(15);

/// How long the wait may take that only finds the words for what is wrong.
const LAST: Duration = Duration::from_millis(200);

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
        let is_new = |applied: &&Applied| applied.outcome != Outcome::Unchanged || !is_done(&applied.object);
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
        let Some(first) = new.first() else { return Ok(()) };
        let missing = || new.iter().map(|applied| &applied.object).collect();
        if let Some(ended) = self.clock().timeout(USUAL, self.watch_definitions(missing())).await {
            return ended;
        }
        self.touch_unfinished(new).await?;
        match self.clock().timeout(ESTABLISHED.saturating_sub(USUAL), self.watch_definitions(missing())).await {
            Some(ended) => ended,
            None => {
                // Ends in the wait's own words about what is wrong with one that is missing.
                let live = self.definitions().await?;
                let missing = new.iter().map(|applied| &applied.object).find(|object| !is_established(&live, object));
                let target = self.target_of(missing.unwrap_or(&first.object)).await?;
                until(self, &target, Rule::ready(), LAST).await.map(drop)
            }
        }
    }

    /// Changes something in definitions whose names are accepted, and takes it back. An API server that was restarted in
    /// between goes on with them when they change, and otherwise after five minutes: kube-apiserver's `crdHandler` takes them
    /// up on updates only.
    async fn touch_unfinished(&self, new: &[&Applied]) -> Result<()> {
        let live = self.definitions().await?;
        for object in new.iter().filter_map(|applied| live.get(applied.object.name())) {
            if is_done(object) || !has_its_names(object) {
                continue;
            }
            let target = self.target_of(object).await?;
            for value in [Node::Str("to be established".into()), Node::Null] {
                self.annotate(&target, &with(&Node::Null, &["meshwright/touched"], value)).await?;
            }
        }
        Ok(())
    }

    async fn watch_definitions(&self, mut missing: Vec<&Object>) -> Result<()> {
        let resource = self.resource(KIND).await?;
        let selection = wait::Selection { resource, namespace: None, name: None, labels: None };
        let mut watch = Watch::new(self, selection);
        while !missing.is_empty() {
            let (next, news) = watch.step().await;
            watch = next;
            news?;
            let live: HashMap<&str, &Object> = watch.objects().map(|object| (object.name(), object)).collect();
            missing.retain(|object| !live.get(object.name()).is_some_and(|live| is_done(live)));
        }
        Ok(())
    }
}

fn is_established(live: &HashMap<String, Object>, object: &Object) -> bool {
    live.get(object.name()).is_some_and(is_done)
}

fn has_its_names(definition: &Object) -> bool {
    let is = |condition: &Node, key: &str, value: &str| condition.get(key).and_then(Node::as_str) == Some(value);
    let mut conditions = definition.items_at("status.conditions").iter();
    conditions.any(|condition| is(condition, "type", "NamesAccepted") && is(condition, "status", "True"))
}

fn is_done(definition: &Object) -> bool {
    matches!(verdict(definition), Verdict::Done(_))
}
