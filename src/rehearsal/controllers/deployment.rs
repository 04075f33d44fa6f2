//! Deployments: one ReplicaSet per pod template, replaced step by step.
//!
//! Arithmetic, conditions and words follow `pkg/controller/deployment` of Kubernetes.

use super::condition::{self, Condition};
use super::replicaset::none_if_zero;
use super::turn::{Action, Event, Id, Target, Turn, is_terminating, name, number, text};
use super::workload::{self, share};
use super::{owner, template};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

const COMPONENT: &str = "deployment-controller";
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
const REVISION: &str = "/metadata/annotations/deployment.kubernetes.io~1revision";

/// A deployment with its replica sets: the one of the current template, if it exists, and the others.
struct Rollout {
    deployment: Arc<Value>,
    new: Option<Arc<Value>>,
    old: Vec<Arc<Value>>,
}

/// Brings the replica sets of a Deployment, and its status, to what its spec asks for.
pub(crate) fn reconcile(turn: &mut Turn<'_>, id: &Id) {
    let Some(deployment) = turn.get("Deployment", id) else { return };
    let sets = owner::controlled(turn.view(), "ReplicaSet", &deployment);
    let (new, old) = split(&deployment, sets);
    let rollout = Rollout { deployment, new, old };
    let mut created = false;
    match turn.refusal() {
        Some(words) => rollout.refused(turn, &words),
        None if is_terminating(&rollout.deployment) => {}
        None => created = rollout.proceed(turn),
    }
    rollout.report(turn, created);
}

fn split(deployment: &Value, sets: Vec<Arc<Value>>) -> (Option<Arc<Value>>, Vec<Arc<Value>>) {
    let (mut same, mut others): (Vec<_>, Vec<_>) = sets.into_iter().partition(|set| is_current(deployment, set));
    let new = (!same.is_empty()).then(|| same.remove(0));
    others.append(&mut same);
    others.sort_by_key(|set| revision(set));
    (new, others)
}

/// Whether the set runs the deployment's template, the hash label aside.
fn is_current(deployment: &Value, set: &Value) -> bool {
    let hash = template::hash(&deployment["spec"]["template"]);
    if text(set, "/metadata/labels/pod-template-hash") == hash {
        return true;
    }
    let mut running = set["spec"]["template"].clone();
    if let Some(labels) = running.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
        labels.remove("pod-template-hash");
    }
    running == deployment["spec"]["template"]
}

fn revision(set: &Value) -> i64 {
    text(set, REVISION).parse().unwrap_or(0)
}

fn replicas(object: &Value) -> i64 {
    number(object, "/spec/replicas").unwrap_or(1)
}

fn counted(sets: &[&Value], field: &str) -> i64 {
    sets.iter().map(|set| set["status"][field].as_i64().unwrap_or(0)).sum()
}

impl Rollout {
    fn desired(&self) -> i64 {
        replicas(&self.deployment)
    }

    fn sets(&self) -> Vec<&Value> {
        self.old.iter().chain(&self.new).map(Arc::as_ref).collect()
    }

    fn total(&self) -> i64 {
        self.sets().into_iter().map(replicas).sum()
    }

    fn recreates(&self) -> bool {
        text(&self.deployment, "/spec/strategy/type") == "Recreate"
    }

    /// How many pods may exist above, and be missing below, the desired number.
    fn slack(&self) -> (i64, i64) {
        if self.recreates() {
            return (0, self.desired());
        }
        let bounds = &self.deployment["spec"]["strategy"]["rollingUpdate"];
        let bound = |key: &str| if bounds[key].is_null() { json!("25%") } else { bounds[key].clone() };
        let surge = share(&bound("maxSurge"), self.desired(), true);
        let unavailable = share(&bound("maxUnavailable"), self.desired(), false).min(self.desired());
        if surge == 0 && unavailable == 0 { (0, 1) } else { (surge, unavailable) }
    }

    /// The next step; whether that was a new replica set.
    fn proceed(&self, turn: &mut Turn<'_>) -> bool {
        let paused = self.deployment["spec"]["paused"] == true;
        match &self.new {
            None if paused => self.follow_scale(turn),
            None if self.recreates() && self.clear_old(turn) => {}
            None => return self.create(turn),
            Some(new) => {
                self.mark(turn, new);
                if self.recreates() && !paused && self.clear_old(turn) {
                    return false;
                }
                self.resize(turn, new);
                if !paused {
                    self.shrink_old(turn, new);
                    self.forget_old(turn, new);
                }
            }
        }
        false
    }

    /// A paused deployment without a set for its template still follows `kubectl scale`.
    fn follow_scale(&self, turn: &mut Turn<'_>) {
        if let Some(latest) = self.old.last() {
            self.resize_to(turn, latest, self.desired());
        }
    }

    /// For `Recreate`: takes the old pods away; whether any are left.
    fn clear_old(&self, turn: &mut Turn<'_>) -> bool {
        for set in &self.old {
            self.resize_to(turn, set, 0);
        }
        let pods = turn.view().list("Pod", Some(text(&self.deployment, "/metadata/namespace")));
        let of_old = |pod: &Value| {
            let uid = owner::controller(pod).map(|controller| &controller["uid"]);
            self.old.iter().any(|set| uid == Some(&set["metadata"]["uid"]))
        };
        pods.iter().any(|pod| of_old(pod) && !matches!(text(pod, "/status/phase"), "Succeeded" | "Failed"))
    }

    fn refused(&self, turn: &mut Turn<'_>, words: &str) {
        let hash = template::hash(&self.deployment["spec"]["template"]);
        let message = format!("Failed to create new replica set \"{}-{hash}\": {words}", name(&self.deployment));
        turn.event(&self.deployment, Event::warning("ReplicaSetCreateError", message, COMPONENT));
        workload::back_off(turn);
    }

    fn create(&self, turn: &mut Turn<'_>) -> bool {
        if !workload::may_create(turn) {
            return false;
        }
        let hash = template::hash(&self.deployment["spec"]["template"]);
        let set_name = format!("{}-{hash}", name(&self.deployment));
        let size = self.room().min(self.desired());
        let mut pod_template = self.deployment["spec"]["template"].clone();
        pod_template["metadata"]["labels"]["pod-template-hash"] = hash.as_str().into();
        let mut selector = self.deployment["spec"]["selector"].clone();
        selector["matchLabels"]["pod-template-hash"] = hash.as_str().into();
        turn.want(Action::Create(json!({
            "apiVersion": "apps/v1", "kind": "ReplicaSet",
            "metadata": {
                "name": set_name, "namespace": text(&self.deployment, "/metadata/namespace"),
                "labels": pod_template["metadata"]["labels"], "annotations": self.annotations(self.next_revision()),
                "ownerReferences": [owner::reference(&self.deployment)],
            },
            "spec": {
                "replicas": size, "selector": selector, "template": pod_template,
                "minReadySeconds": self.deployment["spec"].get("minReadySeconds").cloned().unwrap_or_else(|| 0.into()),
            },
        })));
        if size > 0 {
            self.say_scaled(turn, "up", &set_name, 0, size);
        }
        true
    }

    fn next_revision(&self) -> i64 {
        self.old.iter().map(|set| revision(set)).max().unwrap_or(0) + 1
    }

    fn annotations(&self, revision: i64) -> Value {
        let (surge, _) = self.slack();
        let mut annotations = json!({
            "deployment.kubernetes.io/desired-replicas": self.desired().to_string(),
            "deployment.kubernetes.io/max-replicas": (self.desired() + surge).to_string(),
            "deployment.kubernetes.io/revision": revision.to_string(),
        });
        // What `kubectl rollout history` shows, among others.
        let own = self.deployment["metadata"]["annotations"].as_object();
        let copied = |key: &&String| !key.starts_with("deployment.kubernetes.io/") && *key != LAST_APPLIED;
        for (key, value) in own.into_iter().flatten().filter(|(key, _)| copied(key)) {
            annotations[key.as_str()] = value.clone();
        }
        annotations
    }

    /// Gives set and deployment the revision: a set that was used before becomes the newest.
    fn mark(&self, turn: &mut Turn<'_>, new: &Value) {
        let revision = revision(new).max(self.next_revision());
        turn.patch(new, json!({ "metadata": { "annotations": self.annotations(revision) } }));
        let annotation = json!({ "deployment.kubernetes.io/revision": revision.to_string() });
        turn.patch(&self.deployment, json!({ "metadata": { "annotations": annotation } }));
    }

    /// How many more pods may exist.
    fn room(&self) -> i64 {
        let (surge, _) = self.slack();
        (self.desired() + surge - self.total()).max(0)
    }

    fn resize(&self, turn: &mut Turn<'_>, new: &Value) {
        let current = replicas(new);
        let alone = self.old.iter().all(|set| replicas(set) == 0);
        let size = if current > self.desired() || alone {
            self.desired()
        } else {
            current + self.room().min(self.desired() - current)
        };
        self.resize_to(turn, new, size);
    }

    /// Takes old pods away: first those that do not work, then as many as may be missing.
    fn shrink_old(&self, turn: &mut Turn<'_>, new: &Value) {
        let (_, unavailable) = self.slack();
        let minimum = self.desired() - unavailable;
        let new_missing = (replicas(new) - counted(&[new], "availableReplicas")).max(0);
        let mut spare = self.total() - minimum - new_missing;
        let mut healthy = counted(&self.sets(), "availableReplicas") - minimum;
        for set in &self.old {
            let broken = (replicas(set) - counted(&[set], "availableReplicas")).clamp(0, spare.max(0));
            let working = (replicas(set) - broken).clamp(0, healthy.min(spare - broken).max(0));
            self.resize_to(turn, set, replicas(set) - broken - working);
            spare -= broken + working;
            healthy -= working;
        }
    }

    fn forget_old(&self, turn: &mut Turn<'_>, new: &Value) {
        let limit = number(&self.deployment, "/spec/revisionHistoryLimit").unwrap_or(10);
        let complete = counted(&[new], "availableReplicas") >= self.desired();
        let idle: Vec<_> = self.old.iter().filter(|set| replicas(set) == 0 && set["status"]["replicas"] == 0).collect();
        let excess = idle.len().saturating_sub(usize::try_from(limit).unwrap_or_default());
        for set in idle.into_iter().take(if complete { excess } else { 0 }) {
            turn.want(Action::Delete(Target::of(set)));
        }
    }

    fn resize_to(&self, turn: &mut Turn<'_>, set: &Value, size: i64) {
        let before = replicas(set);
        if before == size {
            return;
        }
        turn.patch(set, json!({ "spec": { "replicas": size } }));
        self.say_scaled(turn, if size > before { "up" } else { "down" }, name(set), before, size);
    }

    fn say_scaled(&self, turn: &mut Turn<'_>, way: &str, set: &str, before: i64, after: i64) {
        let message = format!("Scaled {way} replica set {set} from {before} to {after}");
        turn.event(&self.deployment, Event::normal("ScalingReplicaSet", message, COMPONENT));
    }

    fn report(&self, turn: &mut Turn<'_>, created: bool) {
        let sets = self.sets();
        let new: Vec<&Value> = self.new.iter().map(Arc::as_ref).collect();
        let count = |sets: &[&Value], field| usize::try_from(counted(sets, field)).unwrap_or_default();
        let available = count(&sets, "availableReplicas");
        let missing = usize::try_from(self.total()).unwrap_or_default().saturating_sub(available);
        let conditions = self.conditions(turn, created);
        let status = json!({
            "observedGeneration": number(&self.deployment, "/metadata/generation").unwrap_or(1),
            "replicas": none_if_zero(count(&sets, "replicas")),
            "updatedReplicas": none_if_zero(count(&new, "replicas")),
            "readyReplicas": none_if_zero(count(&sets, "readyReplicas")),
            "availableReplicas": none_if_zero(available),
            "unavailableReplicas": none_if_zero(missing),
            "conditions": conditions,
        });
        turn.patch(&self.deployment, json!({ "status": status }));
    }

    fn conditions(&self, turn: &mut Turn<'_>, created: bool) -> Vec<Value> {
        let (_, unavailable) = self.slack();
        let enough = counted(&self.sets(), "availableReplicas") >= self.desired() - unavailable;
        let available = if enough {
            ("MinimumReplicasAvailable", "Deployment has minimum availability.")
        } else {
            ("MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
        };
        let progress = self.progress(turn, created);
        let mut wanted =
            vec![Condition { name: "Available", holds: enough, reason: available.0, message: available.1 }];
        if let Some((holds, reason, message)) = &progress {
            wanted.push(Condition { name: "Progressing", holds: *holds, reason, message });
        }
        let failure = self.new.as_ref().and_then(|new| condition::find(new, "ReplicaFailure"));
        if let Some(failure) = failure {
            let (reason, message) = (text(failure, "/reason"), text(failure, "/message"));
            wanted.push(Condition { name: "ReplicaFailure", holds: true, reason, message });
        }
        let mut conditions = condition::set(&self.deployment, &wanted, turn.time(), true);
        conditions.retain(|condition| condition["type"] != "ReplicaFailure" || failure.is_some());
        conditions
    }

    fn is_complete(&self) -> bool {
        let (Some(new), desired) = (&self.new, self.desired()) else { return false };
        let sets = self.sets();
        counted(&[new], "replicas") == desired
            && counted(&sets, "replicas") == desired
            && counted(&sets, "availableReplicas") == desired
    }

    fn progress(&self, turn: &mut Turn<'_>, created: bool) -> Option<(bool, &'static str, String)> {
        let Some(new) = &self.new else {
            let set = format!("{}-{}", name(&self.deployment), template::hash(&self.deployment["spec"]["template"]));
            return created.then(|| (true, "NewReplicaSetCreated", format!("Created new replica set \"{set}\"")));
        };
        let set = name(new);
        if self.is_complete()
            || (self.was_complete(new) && counted(&self.sets(), "replicas") == counted(&[new], "replicas"))
        {
            return Some((
                true,
                "NewReplicaSetAvailable",
                format!("ReplicaSet \"{set}\" has successfully progressed."),
            ));
        }
        if self.is_late(turn, new) {
            return Some((
                false,
                "ProgressDeadlineExceeded",
                format!("ReplicaSet \"{set}\" has timed out progressing."),
            ));
        }
        Some((true, "ReplicaSetUpdated", format!("ReplicaSet \"{set}\" is progressing.")))
    }

    /// Whether this replica set was rolled out completely before: it does not become late when its pods fail later.
    fn was_complete(&self, new: &Value) -> bool {
        condition::find(&self.deployment, "Progressing").is_some_and(|progressing| {
            progressing["reason"] == "NewReplicaSetAvailable" && text(progressing, "/message").contains(name(new))
        })
    }

    /// Whether nothing has moved for the progress deadline.
    fn is_late(&self, turn: &mut Turn<'_>, new: &Value) -> bool {
        let paused = self.deployment["spec"]["paused"] == true;
        let seconds = number(&self.deployment, "/spec/progressDeadlineSeconds").unwrap_or(600);
        if self.was_complete(new) || paused || seconds >= i64::from(i32::MAX) {
            return false;
        }
        let sets = self.sets();
        let counts = ["replicas", "readyReplicas", "availableReplicas"].map(|field| counted(&sets, field));
        let stage = format!("{}: {} of {counts:?}", name(new), counted(&[new], "replicas"));
        turn.stayed(&stage, Duration::from_secs(u64::try_from(seconds).unwrap_or_default()))
    }
}
