//! Why something is not as wanted: looks at the pods, events and neighbours of what is waited for.
//!
//! Reading for an explanation never fails a wait: what cannot be read is left out.

use super::graces::Graces;
use super::rules::{self, group_kind};
use super::seen::gist;
use super::selector;
use super::trouble::{self, Trouble};
use crate::cluster::path::{query, segment};
use crate::cluster::request::request;
use crate::cluster::{Cluster, Target};
use crate::failure::Result;
use crate::object::{Node, Object};
use crate::plain;
use http::Method;
use std::time::Duration;

/// Looking at more pods tells nothing new.
const MOST_PODS: usize = 3;
/// Event lines to keep.
const MOST_EVENTS: usize = 3;
/// Containers of a healthy pod may be in the making for this long.
const MAKING: Duration = Duration::from_secs(4);
/// What an event said so long before the wait began, and has not said again since, may be mended.
const STALE: Duration = Duration::from_secs(30);
/// A load balancer controller that exists says something within this time.
const MUTE_BALANCER: Duration = Duration::from_secs(45);

/// What was found.
#[derive(Debug, Clone, Default)]
pub(super) struct Diagnosis {
    /// Signs that something is wrong.
    pub troubles: Vec<Trouble>,
    /// Events, newest first, each one line.
    pub events: Vec<String>,
    /// Other lines worth showing.
    pub notes: Vec<String>,
    /// Why waiting longer is neither needed nor of use.
    pub settled: Option<String>,
}

/// How closely to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// As a wait does every few seconds, mostly at what is about to get ready: pods tell most, so events are read only
    /// where they alone could tell of trouble.
    Glance,
    /// At everything: the wait has failed.
    Search,
}

/// Looks around an object that does not get ready; `waited` is how long it has been waited for.
pub(super) async fn diagnose(
    cluster: &Cluster,
    target: &Target,
    object: Option<&Object>,
    waited: Duration,
    graces: &Graces,
    depth: Depth,
) -> Diagnosis {
    let Some(object) = object else { return absent(cluster, target).await };
    let troubles = trouble::of_object(object, graces).into_iter().collect();
    let mut found = Diagnosis { troubles, ..Diagnosis::default() };
    let mut told = Vec::new();
    let mut unread = None;
    let mut subjects = vec![object.clone()];
    subjects.extend(dependents(cluster, object, depth).await.unwrap_or_default());
    for subject in &subjects {
        if subject.kind() == "Pod" {
            found.troubles.extend(trouble::of_member(object, subject, graces));
        }
        if depth == Depth::Glance && !trouble::only_events_tell(object, subject, waited >= MAKING) {
            continue;
        }
        let events = match events(cluster, subject).await {
            Ok(events) => events,
            Err(failure) => {
                unread = Some(format!("events could not be read: {}", failure.message));
                continue;
            }
        };
        if events.first().is_some_and(rules::waits_for_consumer) {
            found.settled = Some("will be bound when its first pod comes (WaitForFirstConsumer)".into());
        }
        let now = cluster.time();
        let fresh = events.iter().filter(|event| !is_stale(event, now, waited));
        found.troubles.extend(fresh.filter_map(|event| trouble::of_event(subject, event, graces)));
        // Rounded to seconds, simulated ages would differ from run to run.
        let now = now.filter(|_| !cluster.clock().is_simulated());
        told.extend(events.iter().map(|event| (time_of(event), event_line(subject, event, now))));
    }
    found.events = worth_showing(told);
    let mute = mute_balancer(object, &found, waited, graces.balancer).filter(|_| unread.is_none());
    found.troubles.extend(mute);
    found.notes.extend(unread);
    trouble::allow_scale_up(&mut found.troubles, graces);
    found.troubles.dedup_by(|a, b| a.key == b.key);
    found
}

/// What an object on its way out still waits for.
pub(super) async fn held(cluster: &Cluster, object: &Object) -> Diagnosis {
    let mut notes = rules::namespace_holders(object);
    let finalizers: Vec<_> = object.items_at("metadata.finalizers").iter().filter_map(Node::as_str).collect();
    if !finalizers.is_empty() {
        notes.push(format!("finalizers: {}", finalizers.join(", ")));
    }
    if object.kind() == "Namespace" {
        notes.extend(unavailable_services(cluster).await.unwrap_or_default());
    }
    Diagnosis { notes, ..Diagnosis::default() }
}

/// One APIService that does not answer keeps every namespace from being deleted.
async fn unavailable_services(cluster: &Cluster) -> Result<Vec<String>> {
    let services = get(cluster, "/apis/apiregistration.k8s.io/v1/apiservices".into()).await?;
    let broken = services.into_iter().filter_map(|service| {
        let available = rules::condition(&service, "Available").filter(|available| !available.is_true())?;
        Some(format!("APIService {} does not answer: {}", service.name(), available.said()))
    });
    Ok(broken.collect())
}

async fn absent(cluster: &Cluster, target: &Target) -> Diagnosis {
    let mut notes = Vec::new();
    let namespace = target.namespace.as_deref();
    if let Some(namespace) = namespace
        && let Ok(namespaces) = get(cluster, "/api/v1/namespaces".into()).await
        && !namespaces.iter().any(|known| known.name() == namespace)
    {
        notes.push(format!("there is no namespace {namespace}"));
        return Diagnosis { notes, ..Diagnosis::default() };
    }
    let uri = format!("{}{}", target.resource.path(namespace), query(&[("limit", "200")]));
    let mut names: Vec<_> =
        get(cluster, uri).await.unwrap_or_default().iter().map(|other| other.name().to_owned()).collect();
    names.sort_by(|a, b| strsim::jaro_winkler(b, &target.name).total_cmp(&strsim::jaro_winkler(a, &target.name)));
    let place = namespace.map_or_else(|| "the cluster".into(), |namespace| format!("namespace {namespace}"));
    notes.push(match names.len() {
        0 => format!("{place} has no {}", target.resource.plural),
        _ => format!("{place} has {}", names.into_iter().take(5).collect::<Vec<_>>().join(", ")),
    });
    Diagnosis { notes, ..Diagnosis::default() }
}

/// What an object has made that is not ready: some pods, and the newest ReplicaSet where the pods do not tell all.
async fn dependents(cluster: &Cluster, object: &Object, depth: Depth) -> Result<Vec<Object>> {
    let (Some(namespace), Some(labels)) = (object.namespace(), pod_selector(object)) else {
        return Ok(Vec::new());
    };
    let of = |api: &str, plural: &str| {
        format!("{api}/namespaces/{}/{plural}{}", segment(namespace), query(&[("labelSelector", &labels)]))
    };
    let mut pods = get(cluster, of("/api/v1", "pods")).await?;
    let mut found = Vec::new();
    if object.kind() == "Deployment" && (depth == Depth::Search || !are_all_newest(&pods, object)) {
        let newest = newest_replica_set(get(cluster, of("/apis/apps/v1", "replicasets")).await?, object);
        if let Some(hash) = newest.as_ref().and_then(|set| set.label("pod-template-hash")) {
            pods.retain(|pod| pod.label("pod-template-hash") == Some(hash));
        }
        found.extend(newest);
    }
    let unready =
        pods.into_iter().filter(|pod| pod.at("metadata.deletionTimestamp").is_none() && !rules::verdict(pod).is_done());
    found.extend(unready.take(MOST_PODS));
    Ok(found)
}

/// Whether a Deployment's pods are all of its newest template, as far as the pods and its status tell.
fn are_all_newest(pods: &[Object], deployment: &Object) -> bool {
    let (generation, observed) =
        (deployment.int_at("metadata.generation"), deployment.int_at("status.observedGeneration"));
    let updated = deployment.int_at("status.updatedReplicas").unwrap_or_default();
    let hash = |pod: &Object| pod.label("pod-template-hash").map(str::to_owned);
    let mut hashes = pods.iter().map(hash);
    let first = hashes.next();
    generation == observed && updated > 0 && first.is_some_and(|first| hashes.all(|other| other == first))
}

fn pod_selector(object: &Object) -> Option<String> {
    let has_pods = matches!(
        group_kind(object),
        ("apps", "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet") | ("batch", "Job")
    );
    let text = selector::text(object.at("spec.selector").filter(|_| has_pods)?);
    (!text.is_empty()).then_some(text)
}

fn newest_replica_set(sets: Vec<Object>, deployment: &Object) -> Option<Object> {
    let revision =
        |set: &Object| set.annotation("deployment.kubernetes.io/revision").and_then(|r| r.parse::<i64>().ok());
    let owned = |set: &Object| {
        let owners = set.items_at("metadata.ownerReferences");
        owners.iter().any(|owner| owner.get("uid").and_then(Node::as_str) == Some(deployment.uid()))
    };
    sets.into_iter().filter(owned).max_by_key(revision)
}

/// Events about an object, newest first.
async fn events(cluster: &Cluster, subject: &Object) -> Result<Vec<Object>> {
    let namespace = subject.namespace().unwrap_or("default");
    let field = format!("involvedObject.name={}", subject.name());
    let uri = format!("/api/v1/namespaces/{}/events{}", segment(namespace), query(&[("fieldSelector", &field)]));
    let mut events = get(cluster, uri).await?;
    events.retain(|event| {
        let uid = event.str_at("involvedObject.uid").unwrap_or_default();
        event.str_at("involvedObject.kind") == Some(subject.kind()) && (uid.is_empty() || uid == subject.uid())
    });
    events.sort_by_key(|event| std::cmp::Reverse(time_of(event)));
    Ok(events)
}

fn time_of(event: &Object) -> String {
    let times = ["series.lastObservedTime", "lastTimestamp", "eventTime", "metadata.creationTimestamp"];
    times.into_iter().find_map(|path| event.str_at(path)).unwrap_or_default().to_owned()
}

/// Whether an event speaks of a time before the wait.
fn is_stale(event: &Object, now: Option<jiff::Timestamp>, waited: Duration) -> bool {
    let last = time_of(event).parse::<jiff::Timestamp>().ok();
    now.zip(last).is_some_and(|(now, last)| now.duration_since(last) > (waited + STALE).try_into().unwrap_or_default())
}

fn event_line(subject: &Object, event: &Object, now: Option<jiff::Timestamp>) -> String {
    let text = |path| event.str_at(path).unwrap_or_default();
    let count = event.int_at("series.count").or_else(|| event.int_at("count")).filter(|count| *count > 1);
    let age = now.and_then(|now| age(event, now));
    let parts: Vec<_> = count.map(|count| format!("x{count}")).into_iter().chain(age).collect();
    let count = if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) };
    let message = plain::ends(text("message"), 180);
    format!(
        "{} {}{count} {} {}: {message}",
        text("type"),
        text("reason"),
        subject.kind().to_lowercase(),
        subject.name()
    )
}

/// The newest lines: warnings where there are any, for they tell more than what went as planned. A line that only names
/// another object is no news.
fn worth_showing(mut told: Vec<(String, String)>) -> Vec<String> {
    let warns = |line: &str| line.starts_with("Warning");
    if told.iter().any(|(_, line)| warns(line)) {
        told.retain(|(_, line)| warns(line));
    }
    told.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    let mut lines: Vec<String> = Vec::new();
    for (_, line) in told {
        if !lines.iter().any(|known| gist(known) == gist(&line)) {
            lines.push(line);
        }
    }
    lines.truncate(MOST_EVENTS);
    lines
}

/// How long ago an event was seen last, by the cluster's clock.
fn age(event: &Object, now: jiff::Timestamp) -> Option<String> {
    let last: jiff::Timestamp = time_of(event).parse().ok()?;
    let seconds = now.as_second() - last.as_second();
    (0..86_400).contains(&seconds).then(|| match seconds {
        0..120 => format!("{seconds}s ago"),
        _ => format!("{}m ago", seconds / 60),
    })
}

fn mute_balancer(object: &Object, found: &Diagnosis, waited: Duration, grace: Duration) -> Option<Trouble> {
    let pending = object.kind() == "Service"
        && object.str_at("spec.type") == Some("LoadBalancer")
        && object.items_at("status.loadBalancer.ingress").is_empty();
    (pending && found.events.is_empty() && waited >= MUTE_BALANCER.min(grace)).then(|| Trouble {
        key: "mute balancer".into(),
        text: "no load balancer controller has said anything about this service".into(),
        hint: Some("nothing in this cluster seems to serve load balancers: install a controller (a cloud provider's, MetalLB), or use node ports: `wait.address(service, #{node_port: true})`".into()),
        grace: Some(grace.saturating_sub(MUTE_BALANCER)),
        log_of: None,
    })
}

/// The items of a list, as single reads would show them.
pub(super) async fn get(cluster: &Cluster, uri: String) -> Result<Vec<Object>> {
    let list = cluster.send(request(Method::GET, uri)?).await?;
    let kind = list.kind().strip_suffix("List").unwrap_or_default().to_owned();
    let complete = |node: &Node| match node {
        Node::Map(map) => {
            let map = map.with("kind", Node::Str(kind.as_str().into()));
            Node::Map(map.with("apiVersion", Node::Str(list.api_version().into())))
        }
        other => other.clone(),
    };
    Ok(list.items_at("items").iter().map(|item| Object::new(complete(item)).from_cluster(cluster.name())).collect())
}
