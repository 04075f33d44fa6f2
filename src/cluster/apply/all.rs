//! Many objects at once: in waves, so that each finds what it needs, and side by side within a wave.

use super::{Applied, ApplyOptions};
use crate::cluster::Cluster;
use crate::failure::{Failure, Kind, Result};
use crate::object::Object;
use futures::StreamExt;
use std::time::Duration;

/// How many objects are applied at the same time.
pub(super) const AT_ONCE: usize = 8;

/// How long a new CRD may take until its kind is served: an API server may restart meanwhile.
pub(super) const ESTABLISHED: Duration = Duration::from_secs(60);

/// The order in which objects are applied. Webhooks come last: before that they would be asked about the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Wave {
    Namespaces,
    Definitions,
    Configuration,
    Workloads,
    Custom,
    Webhooks,
}

impl Wave {
    const ALL: [Wave; 6] =
        [Wave::Namespaces, Wave::Definitions, Wave::Configuration, Wave::Workloads, Wave::Custom, Wave::Webhooks];

    fn of(object: &Object) -> Wave {
        let group = object.api_version().split_once('/').map_or("", |(group, _)| group);
        match (group, object.kind()) {
            ("", "Namespace") => Wave::Namespaces,
            ("apiextensions.k8s.io", _) => Wave::Definitions,
            ("admissionregistration.k8s.io" | "apiregistration.k8s.io", _) => Wave::Webhooks,
            ("", "Pod" | "ReplicationController" | "Service") | ("apps" | "batch" | "autoscaling" | "policy", _) => {
                Wave::Workloads
            }
            (group, _) if group.contains('.') && !group.ends_with(".k8s.io") => Wave::Custom,
            ("gateway.networking.k8s.io", _) => Wave::Custom,
            _ => Wave::Configuration,
        }
    }
}

impl Cluster {
    /// Brings all objects to what the manifests say; the result has their order.
    ///
    /// A failure lets the rest of its wave finish and stops there.
    ///
    /// # Errors
    /// The first failure; its details tell the others and what was done.
    pub async fn apply_all(&self, manifests: &[Object], options: &ApplyOptions) -> Result<Vec<Applied>> {
        let mut applied: Vec<Option<Applied>> = vec![None; manifests.len()];
        for wave in Wave::ALL {
            let members: Vec<usize> =
                (0..manifests.len()).filter(|&index| Wave::of(&manifests[index]) == wave).collect();
            let results = if wave == Wave::Definitions {
                self.apply_definitions(manifests, members, options).await?
            } else {
                let work = members.into_iter().map(|index| async move {
                    (index, self.apply_when_served(&manifests[index], manifests, options).await)
                });
                futures::stream::iter(work).buffer_unordered(AT_ONCE).collect().await
            };
            let mut failures = Vec::new();
            for (index, result) in results {
                match result {
                    Ok(done) => applied[index] = Some(done),
                    Err(failure) => failures.push((index, failure)),
                }
            }
            if !failures.is_empty() {
                let done = applied.iter().flatten().count();
                return Err(joined(failures, done, manifests.len()));
            }
        }
        Ok(applied.into_iter().flatten().collect())
    }

    /// Discovery lags a little behind a new CRD.
    async fn apply_when_served(&self, manifest: &Object, all: &[Object], options: &ApplyOptions) -> Result<Applied> {
        let start = self.clock().now();
        loop {
            match self.apply(manifest, options).await {
                Err(failure)
                    if failure.kind == Kind::NotFound
                        && all.iter().any(|definition| defines(definition, manifest))
                        && self.clock().now().saturating_sub(start) < ESTABLISHED =>
                {
                    self.clock().sleep(Duration::from_millis(250)).await;
                }
                outcome => return outcome,
            }
        }
    }
}

/// Whether a CRD defines the kind of an object.
fn defines(definition: &Object, object: &Object) -> bool {
    let group = object.api_version().split_once('/').map_or("", |(group, _)| group);
    definition.kind() == "CustomResourceDefinition"
        && definition.str_at("spec.group") == Some(group)
        && definition.str_at("spec.names.kind") == Some(object.kind())
}

fn joined(mut failures: Vec<(usize, Failure)>, done: usize, all: usize) -> Failure {
    failures.sort_by_key(|(index, _)| *index);
    let mut failures = failures.into_iter().map(|(_, failure)| failure);
    let Some(mut first) = failures.next() else { return Failure::internal("a failure without failures") };
    first.details.extend(failures.map(|other| format!("also {other}")));
    if all > 1 {
        first.details.push(format!("{done} of {all} objects are applied; applying again goes on from there"));
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::yaml;

    #[test]
    fn each_kind_has_its_wave() {
        let waves = yaml::parse(
            "{apiVersion: admissionregistration.k8s.io/v1, kind: MutatingWebhookConfiguration}\n---\n\
             {apiVersion: networking.istio.io/v1, kind: Gateway}\n---\n{apiVersion: apps/v1, kind: Deployment}\n---\n\
             {apiVersion: v1, kind: Secret}\n---\n{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition}\n---\n\
             {apiVersion: v1, kind: Namespace}\n---\n{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole}",
        );
        let waves: Vec<Wave> = waves.expect("yaml").iter().map(Wave::of).collect();
        use Wave::*;
        assert_eq!(waves, [Webhooks, Custom, Workloads, Configuration, Definitions, Namespaces, Configuration]);
    }

    #[test]
    fn all_failures_of_a_wave_are_told() {
        let failures = vec![(2, Failure::new(Kind::Invalid, "two")), (0, Failure::new(Kind::Conflict, "zero"))];
        let failure = joined(failures, 1, 3);
        assert_eq!((failure.kind, failure.message.as_str()), (Kind::Conflict, "zero"));
        assert_eq!(failure.details[0], "also two");
        assert!(failure.details[1].starts_with("1 of 3"));
    }
}
