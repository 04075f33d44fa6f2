//! The Lease that keeps two runs on one cluster apart: `kube-system/meshwright`, coordination.k8s.io/v1.
//!
//! Its requests pass neither rights nor journal: they are the program's own, and no change that a script asked for.
//! How old a lease is tells the server's clock alone: clocks of two machines need not agree.

use super::layers::{Own, Patience};
use super::path::with_query;
use super::request::{content, request, request_with};
use super::{Cluster, MANAGER};
use crate::failure::{Kind, Result};
use crate::object::{Node, Object};
use http::{Method, Request};
use serde_json::{Value, json};
use std::time::Duration;

/// How long a lease holds when nobody renews it.
pub const DURATION: Duration = Duration::from_secs(60);

/// How much clocks of two machines may differ.
const SKEW: Duration = Duration::from_secs(5 * 60);

const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases";
const NAME: &str = "meshwright";

/// A lease as it was read.
#[derive(Debug, Clone)]
pub struct Lease(Object);

impl Lease {
    /// Who holds it; empty when nobody does.
    pub fn holder(&self) -> &str {
        self.0.str_at("spec.holderIdentity").unwrap_or_default()
    }

    /// Since when, as its holder said.
    pub fn since(&self) -> &str {
        self.0.str_at("spec.acquireTime").unwrap_or_default()
    }

    /// When its holder renewed it last, by the holder's clock.
    fn renewed(&self) -> Option<jiff::Timestamp> {
        ["spec.renewTime", "spec.acquireTime"].iter().find_map(|field| self.0.str_at(field)?.parse().ok())
    }

    /// Whether it is over where the server notes no times: by two clocks, which may differ.
    fn is_over_by_itself(&self, now: jiff::Timestamp) -> bool {
        let Some(renewed) = self.renewed() else { return true };
        Duration::try_from(now.duration_since(renewed)).is_ok_and(|age| age > self.duration() + SKEW)
    }

    /// When anybody wrote it last, by the server's clock.
    fn written(&self) -> Option<jiff::Timestamp> {
        let entries = self.0.items_at("metadata.managedFields").iter();
        entries.filter_map(|entry| entry.get("time").and_then(Node::as_str)?.parse().ok()).max()
    }

    fn duration(&self) -> Duration {
        let seconds = self.0.at("spec.leaseDurationSeconds").and_then(Node::as_int).unwrap_or_default();
        u64::try_from(seconds).ok().filter(|seconds| *seconds > 0).map_or(DURATION, Duration::from_secs)
    }
}

impl Cluster {
    /// The lease, when there is one.
    ///
    /// # Errors
    /// When the cluster refuses or cannot be reached.
    pub async fn lease(&self) -> Result<Option<Lease>> {
        match self.send(own(request(Method::GET, format!("{LEASES}/{NAME}"))?)).await {
            Ok(object) => Ok(Some(Lease(object))),
            // Unlike a missing lease, a missing API or namespace has no name.
            Err(failure) if failure.kind == Kind::NotFound && failure.message.contains(NAME) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Takes the lease that nobody has.
    ///
    /// # Errors
    /// `AlreadyExists` when somebody was faster.
    pub async fn make_lease(&self, holder: &str, now: jiff::Timestamp) -> Result<Lease> {
        let body = json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {"name": NAME, "namespace": "kube-system"}, "spec": held(holder, now),
        });
        let uri = with_query(LEASES.to_owned(), &[("fieldManager", MANAGER)]);
        self.send(own(request_with(Method::POST, uri, content::JSON, &body)?)).await.map(Lease)
    }

    /// Takes a lease from whoever had it when it was read.
    ///
    /// # Errors
    /// `Conflict` when it was written meanwhile.
    pub async fn take_lease(&self, lease: &Lease, holder: &str, now: jiff::Timestamp) -> Result<Lease> {
        self.patch_lease(lease, held(holder, now), &[]).await
    }

    /// Says that its holder still works.
    ///
    /// # Errors
    /// `Conflict` when it was written meanwhile.
    pub async fn renew_lease(&self, lease: &Lease, now: jiff::Timestamp) -> Result<Lease> {
        self.patch_lease(lease, json!({"renewTime": micro(now)}), &[]).await
    }

    /// Whether nobody has renewed it for too long, by the server's clock.
    ///
    /// # Errors
    /// `Conflict` when it was written meanwhile.
    pub async fn lease_is_over(&self, lease: &Lease, now: jiff::Timestamp) -> Result<bool> {
        // What the server would note of a write tells what time it has.
        let tried = self.patch_lease(lease, held("nobody", now), &[("dryRun", "All")]).await?;
        let (Some(then), Some(noted)) = (lease.written(), tried.written()) else {
            return Ok(lease.is_over_by_itself(now));
        };
        Ok(Duration::try_from(noted.duration_since(then)).is_ok_and(|age| age > lease.duration()))
    }

    /// Gives the lease back, if this holder has it.
    ///
    /// # Errors
    /// When the cluster refuses or cannot be reached.
    pub async fn drop_lease(&self, holder: &str) -> Result<()> {
        let Some(lease) = self.lease().await? else { return Ok(()) };
        if lease.holder() != holder {
            return Ok(());
        }
        let preconditions = json!({"uid": lease.0.uid(), "resourceVersion": lease.0.resource_version()});
        let body = json!({"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": preconditions});
        let sent = own(request_with(Method::DELETE, format!("{LEASES}/{NAME}"), content::JSON, &body)?);
        match self.send(sent).await {
            Err(failure) if matches!(failure.kind, Kind::NotFound | Kind::Conflict) => Ok(()),
            answer => answer.map(drop),
        }
    }

    async fn patch_lease(&self, lease: &Lease, spec: Value, more: &[(&str, &str)]) -> Result<Lease> {
        let body = json!({"metadata": {"resourceVersion": lease.0.resource_version()}, "spec": spec});
        let uri = with_query(format!("{LEASES}/{NAME}"), &[&[("fieldManager", MANAGER)], more].concat());
        self.send(own(request_with(Method::PATCH, uri, content::MERGE, &body)?)).await.map(Lease)
    }
}

fn own(mut request: Request<Vec<u8>>) -> Request<Vec<u8>> {
    request.extensions_mut().insert(Own);
    // No run begins or ends late because of its lease.
    request.extensions_mut().insert(Patience(Duration::from_secs(5)));
    request
}

fn held(holder: &str, now: jiff::Timestamp) -> Value {
    json!({
        "holderIdentity": holder, "leaseDurationSeconds": DURATION.as_secs(),
        "acquireTime": micro(now), "renewTime": micro(now),
    })
}

fn micro(time: jiff::Timestamp) -> String {
    format!("{time:.6}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_the_server_notes_no_times_a_fresh_lease_is_not_over() {
        let lease = |spec: Value| Lease(Object::new(Node::from(&json!({"metadata": {}, "spec": spec}))));
        let fresh = lease(json!({"leaseDurationSeconds": 60, "renewTime": "2026-01-02T03:04:05.000000Z"}));
        let after = |seconds: i64| {
            "2026-01-02T03:04:05Z".parse::<jiff::Timestamp>().expect("a time")
                + jiff::SignedDuration::from_secs(seconds)
        };
        assert!(!fresh.is_over_by_itself(after(50)) && !fresh.is_over_by_itself(after(-500)));
        assert!(!fresh.is_over_by_itself(after(300)), "the clocks may differ");
        assert!(fresh.is_over_by_itself(after(400)) && lease(json!({})).is_over_by_itself(after(0)));
    }
}
