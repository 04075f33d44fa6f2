//! Signs in pods, events and conditions that something will not get ready, and how long each may take to heal.
//!
//! Each sign has a grace period before a wait gives up on it, see [`Graces`].

use super::graces::Graces;
use super::rules::{Condition, condition, group_kind};
use crate::object::{Node, Object};
use crate::plain;
use std::time::Duration;

/// A sign that something is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// The same for the same trouble seen again.
    pub key: String,
    /// Where and what, in the words of whoever reported it.
    pub text: String,
    /// What to do.
    pub hint: Option<String>,
    /// How long it may last before a wait gives up; `None` when it explains but does not decide.
    pub grace: Option<Duration>,
    /// A container whose previous log tells more: pod and container name.
    pub log_of: Option<(String, String)>,
}

const AT_ONCE: Duration = Duration::ZERO;

impl Trouble {
    fn new(key: impl Into<String>, text: impl Into<String>, grace: Duration) -> Trouble {
        Trouble { key: key.into(), text: text.into(), hint: None, grace: Some(grace), log_of: None }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Trouble {
        self.hint = Some(hint.into());
        self
    }
}

/// What an object itself says: refused pods.
pub fn of_object(object: &Object, graces: &Graces) -> Option<Trouble> {
    let refused = condition(object, "ReplicaFailure").filter(Condition::is_true)?;
    Some(refused_creation(object, refused.message, graces))
}

fn refused_creation(object: &Object, message: &str, graces: &Graces) -> Trouble {
    let message = plain::line(message, 300);
    let hint = if message.contains("exceeded quota") {
        "raise the quota of the namespace, or ask for less"
    } else if message.contains("violates PodSecurity") {
        "relax the namespace's Pod Security level, or the pod's security context"
    } else if message.contains("webhook") {
        "make the admission webhook work (`wait.webhook`), or remove it"
    } else {
        "the server refuses the pods for the reason it gives"
    };
    Trouble::new("creation", format!("no pods can be created for {}: {message}", object.title()), graces.creation)
        .hint(hint)
}

/// What a pod's status says.
pub fn of_pod(pod: &Object, graces: &Graces) -> Vec<Trouble> {
    let mut found: Vec<_> = containers(pod).filter_map(|status| of_container(pod, status, graces)).collect();
    let unscheduled = condition(pod, "PodScheduled").filter(|c| c.is_false() && c.reason == "Unschedulable");
    if let Some(unscheduled) = unscheduled {
        let text = format!("pod {}: Unschedulable: {}", pod.name(), plain::line(unscheduled.message, 300));
        let hint = "give the cluster room, or change the pod's requests, node selector or tolerations";
        found.push(Trouble::new(format!("{}/schedule", pod.name()), text, graces.unschedulable).hint(hint));
    }
    found
}

fn containers(pod: &Object) -> impl Iterator<Item = &Node> {
    pod.items_at("status.initContainerStatuses").iter().chain(pod.items_at("status.containerStatuses"))
}

fn of_container(pod: &Object, status: &Node, graces: &Graces) -> Option<Trouble> {
    let container = status.get("name")?.as_str()?;
    let waiting = status.get("state")?.get("waiting")?;
    let reason = waiting.get("reason")?.as_str()?;
    let message = plain::line(waiting.get("message").and_then(Node::as_str).unwrap_or_default(), 300);
    let said = if message.is_empty() { reason.to_owned() } else { format!("{reason}: {message}") };
    let text = format!("pod {}, container {container}: {said}", pod.name());
    let trouble = |name: &str, grace| Trouble::new(format!("{}/{container}/{name}", pod.name()), &text, grace);
    Some(match reason {
        "InvalidImageName" | "ErrImageNeverPull" => trouble("image", AT_ONCE).hint(image_hint(pod, container)),
        "ErrImagePull" | "ImagePullBackOff" => {
            trouble("image", image_grace(&message, graces)).hint(image_hint(pod, container))
        }
        "CrashLoopBackOff" => crash(pod, container, status, trouble("crash", graces.crash), graces),
        "CreateContainerConfigError" => trouble("config", graces.config).hint(config_hint(pod, &message)),
        "RunContainerError" | "CreateContainerError" | "PostStartHookError" => {
            trouble("start", graces.container).hint("correct the container's command, mounts or security context")
        }
        _ => return None,
    })
}

/// Words that registries use when trying again does not help.
fn image_grace(message: &str, graces: &Graces) -> Duration {
    let message = message.to_lowercase();
    let final_words = ["not found", "manifest unknown", "unauthorized", "denied", "does not exist", "no such image"];
    if final_words.iter().any(|words| message.contains(words)) { graces.image } else { graces.pull }
}

fn image_hint(pod: &Object, container: &str) -> String {
    let all = pod.items_at("spec.initContainers").iter().chain(pod.items_at("spec.containers"));
    let mut named = all.filter(|spec| spec.get("name").and_then(Node::as_str) == Some(container));
    let image = named.find_map(|spec| spec.get("image")?.as_str()).unwrap_or("the image");
    format!("check the name and tag of {}, and that the node may pull it", plain::line(image, 200))
}

fn config_hint(pod: &Object, message: &str) -> String {
    let namespace = pod.namespace().unwrap_or("default");
    missing(message).map_or_else(
        || "create what the container's environment refers to".into(),
        |(kind, name)| format!("create {kind} {namespace}/{name}"),
    )
}

/// The Secret or ConfigMap that a message such as `secret "cacerts" not found` names.
fn missing(message: &str) -> Option<(&'static str, &str)> {
    if !message.contains("not found") {
        return None;
    }
    [("configmap \"", "ConfigMap"), ("secret \"", "Secret")].into_iter().find_map(|(words, kind)| {
        let (_, rest) = message.split_once(words)?;
        let (name, _) = rest.split_once('"')?;
        Some((kind, name.rsplit('/').next().unwrap_or(name)))
    })
}

fn crash(pod: &Object, container: &str, status: &Node, mut trouble: Trouble, graces: &Graces) -> Trouble {
    let restarts = status.get("restartCount").and_then(Node::as_int).unwrap_or_default();
    if let Some(ended) = status.get("lastState").and_then(|last| last.get("terminated")) {
        let code = ended.get("exitCode").and_then(Node::as_int).unwrap_or_default();
        let reason = ended.get("reason").and_then(Node::as_str).unwrap_or("Error");
        trouble.text.push_str(&format!(" (ended {restarts} times, last with exit code {code}, {reason})"));
        if reason == "OOMKilled" {
            trouble.hint = Some("raise the container's memory limit".into());
        }
    }
    if restarts >= graces.crash_restarts {
        trouble.grace = Some(AT_ONCE);
    }
    let namespace = pod.namespace().unwrap_or("default");
    let log = format!(
        "read its log: `cluster.logs(\"{namespace}/{}\", #{{container: \"{container}\", previous: true}})`",
        pod.name()
    );
    trouble.hint.get_or_insert(log);
    trouble.log_of = Some((pod.name().to_owned(), container.to_owned()));
    trouble
}

/// What an event about `subject` says, if the subject is still in the state that the event speaks of.
pub fn of_event(subject: &Object, event: &Object, graces: &Graces) -> Option<Trouble> {
    let reason = event.str_at("reason")?;
    let message = plain::line(event.str_at("message").unwrap_or_default(), 300);
    let text = format!("{} {}: {reason}: {message}", subject.kind().to_lowercase(), subject.name());
    let trouble = |grace| Trouble::new(format!("{}/{reason}", subject.name()), &text, grace);
    match (subject.kind(), reason) {
        ("Pod", "FailedMount" | "FailedAttachVolume") if creating(subject) => {
            let hint = config_hint(subject, &message);
            Some(trouble(graces.mount).hint(hint))
        }
        ("Pod", "TriggeredScaleUp") => Some(Trouble { grace: None, ..trouble(AT_ONCE) }),
        ("StatefulSet" | "DaemonSet" | "Job" | "ReplicaSet", "FailedCreate") if lacks_pods(subject) => {
            Some(refused_creation(subject, &message, graces))
        }
        ("Service", "SyncLoadBalancerFailed" | "AllocationFailed") => {
            Some(trouble(graces.balancer).hint("see what the cluster's load balancer controller says"))
        }
        ("PersistentVolumeClaim", "ProvisioningFailed") => Some(trouble(graces.provision)),
        _ => None,
    }
}

/// Whether trouble with `subject`, the object that is waited for or something it has made, might show in its events only.
/// `late` is when a healthy pod's containers are made.
pub fn only_events_tell(object: &Object, subject: &Object, late: bool) -> bool {
    match subject.kind() {
        // Its condition tells.
        "Deployment" => false,
        "Pod" if object.kind() != "Pod" => {
            late && creating(subject)
                || condition(subject, "PodScheduled").is_some_and(|scheduled| scheduled.is_false())
        }
        "StatefulSet" | "DaemonSet" | "Job" | "ReplicaSet" => lacks_pods(subject),
        _ => true,
    }
}

/// What a pod's status says about the object that it belongs to. Pods of an older template are on their way out and say
/// nothing, but a broken one keeps an ordered StatefulSet from rolling out: its controller waits for that very pod.
/// <https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#forced-rollback>
pub fn of_member(owner: &Object, pod: &Object, graces: &Graces) -> Vec<Trouble> {
    let newest = owner.str_at("status.updateRevision").filter(|_| owner.kind() == "StatefulSet");
    if newest.is_none() || pod.label("controller-revision-hash") == newest {
        return of_pod(pod, graces);
    }
    let ordered = owner.str_at("spec.podManagementPolicy").unwrap_or("OrderedReady") == "OrderedReady";
    let broken = of_pod(pod, graces).into_iter().filter(|_| ordered);
    let hint = format!("delete pod {}: the controller does not replace a broken pod of an older template", pod.name());
    broken.map(|trouble| Trouble { hint: Some(hint.clone()), ..trouble }).collect()
}

fn creating(pod: &Object) -> bool {
    let mut reasons = containers(pod).filter_map(|status| status.get("state")?.get("waiting")?.get("reason")?.as_str());
    pod.items_at("status.containerStatuses").is_empty()
        || reasons.any(|reason| matches!(reason, "ContainerCreating" | "PodInitializing"))
}

fn lacks_pods(object: &Object) -> bool {
    let count = |path| object.int_at(path).unwrap_or_default();
    match group_kind(object).1 {
        "DaemonSet" => count("status.currentNumberScheduled") < count("status.desiredNumberScheduled"),
        "Job" => count("status.active") + count("status.succeeded") == 0,
        _ => count("status.replicas") < object.int_at("spec.replicas").unwrap_or(1),
    }
}

/// Gives pods that wait for new nodes the time that nodes take.
pub fn allow_scale_up(troubles: &mut [Trouble], graces: &Graces) {
    let scaling: Vec<_> =
        troubles.iter().filter_map(|t| t.key.strip_suffix("/TriggeredScaleUp").map(str::to_owned)).collect();
    for trouble in troubles.iter_mut() {
        let pod = trouble.key.strip_suffix("/schedule");
        if pod.is_some_and(|pod| scaling.iter().any(|name| name == pod)) {
            trouble.grace = Some(graces.scale_up);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::rules::tests::object;
    use super::*;

    fn pod(status: &str) -> Object {
        object(&format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: p-1, namespace: sample}}, spec: {{containers: [{{name: c, image: 'docker.io/istio/proxyv2:1.99'}}]}}, status: {{{status}}}}}"
        ))
    }

    fn waiting(reason: &str, message: &str, more: &str) -> Object {
        pod(&format!(
            "containerStatuses: [{{name: c, {more} state: {{waiting: {{reason: {reason}, message: '{message}'}}}}}}]"
        ))
    }

    fn only(pod: &Object) -> Trouble {
        let mut found = of_pod(pod, &Graces::default());
        assert_eq!(found.len(), 1, "{found:?}");
        found.remove(0)
    }

    #[test]
    fn an_image_typo_is_final_soon_and_names_the_image() {
        let typo = only(&waiting("ImagePullBackOff", "docker.io/istio/proxyv2:1.99: not found", ""));
        assert_eq!(typo.grace, Some(Graces::default().image));
        assert!(typo.text.starts_with("pod p-1, container c: ImagePullBackOff: docker.io/istio"), "{}", typo.text);
        assert!(typo.hint.expect("hint").contains("docker.io/istio/proxyv2:1.99"));
        assert_eq!(only(&waiting("ErrImagePull", "i/o timeout", "")).grace, Some(Graces::default().pull));
        assert_eq!(only(&waiting("InvalidImageName", "x", "")).grace, Some(AT_ONCE));
    }

    #[test]
    fn pulling_back_off_and_failing_are_one_trouble() {
        let keys = ["ErrImagePull", "ImagePullBackOff"].map(|reason| only(&waiting(reason, "", "")).key);
        assert_eq!(keys[0], keys[1]);
    }

    #[test]
    fn a_missing_secret_or_config_map_is_named() {
        let missing = only(&waiting("CreateContainerConfigError", "secret \"token\" not found", ""));
        assert_eq!(
            (missing.grace, missing.hint.as_deref()),
            (Some(Graces::default().config), Some("create Secret sample/token"))
        );
        let event = object(
            "{reason: FailedMount, message: 'MountVolume.SetUp failed for volume \"istiod-ca-cert\" : configmap \"istio-ca-root-cert\" not found'}",
        );
        let mount = of_event(&waiting("ContainerCreating", "", ""), &event, &Graces::default()).expect("trouble");
        assert_eq!(
            (mount.grace, mount.hint.as_deref()),
            (Some(Graces::default().mount), Some("create ConfigMap sample/istio-ca-root-cert"))
        );
        assert_eq!(
            of_event(&pod("containerStatuses: [{name: c, state: {running: {}}}]"), &event, &Graces::default()),
            None
        );
    }

    #[test]
    fn a_crash_loop_fails_at_its_third_restart_and_points_to_the_log() {
        let last = "lastState: {terminated: {exitCode: 137, reason: OOMKilled}},";
        let first = only(&waiting("CrashLoopBackOff", "back-off", &format!("restartCount: 1, {last}")));
        assert_eq!(first.grace, Some(Graces::default().crash));
        assert!(first.text.contains("exit code 137, OOMKilled"), "{}", first.text);
        assert_eq!(first.hint.as_deref(), Some("raise the container's memory limit"));
        let third = only(&waiting("CrashLoopBackOff", "back-off", "restartCount: 3,"));
        assert_eq!((third.grace, third.log_of), (Some(AT_ONCE), Some(("p-1".into(), "c".into()))));
        assert!(third.hint.expect("hint").contains("cluster.logs(\"sample/p-1\""));
    }

    #[test]
    fn unschedulable_pods_get_more_time_while_nodes_are_added() {
        let pod = pod("conditions: [{type: PodScheduled, status: 'False', reason: Unschedulable, message: 0/3 nodes}]");
        let mut troubles = vec![only(&pod)];
        allow_scale_up(&mut troubles, &Graces::default());
        assert_eq!(troubles[0].grace, Some(Graces::default().unschedulable));
        troubles.extend(of_event(&pod, &object("{reason: TriggeredScaleUp, message: group 1->2}"), &Graces::default()));
        allow_scale_up(&mut troubles, &Graces::default());
        assert_eq!(troubles[0].grace, Some(Graces::default().scale_up));
    }

    #[test]
    fn refused_pods_speak_through_conditions_and_events() {
        let quota = "pods \"d-1\" is forbidden: exceeded quota: pods";
        let deployment = object(&format!(
            "{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: d, namespace: n}}, status: {{conditions: [{{type: ReplicaFailure, status: 'True', reason: FailedCreate, message: '{quota}'}}]}}}}"
        ));
        let found = of_object(&deployment, &Graces::default()).expect("trouble");
        assert!(found.text.contains(quota) && found.hint.as_deref().is_some_and(|hint| hint.contains("quota")));
        let set =
            object("{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: d}, status: {desiredNumberScheduled: 1}}");
        let event = object("{reason: FailedCreate, message: 'violates PodSecurity \"restricted:latest\"'}");
        assert!(
            of_event(&set, &event, &Graces::default())
                .and_then(|t| t.hint)
                .is_some_and(|hint| hint.contains("Pod Security"))
        );
    }

    #[test]
    fn a_broken_pod_of_an_older_template_must_be_deleted_by_hand() {
        let set = |policy: &str| {
            object(&format!(
                "{{apiVersion: apps/v1, kind: StatefulSet, metadata: {{name: s}}, spec: {{podManagementPolicy: {policy}}}, status: {{updateRevision: s-2}}}}"
            ))
        };
        let broken = waiting("ImagePullBackOff", "not found", "");
        let found = of_member(&set("OrderedReady"), &broken, &Graces::default());
        assert!(found[0].hint.as_deref().is_some_and(|hint| hint.starts_with("delete pod p-1")), "{found:?}");
        assert_eq!(of_member(&set("Parallel"), &broken, &Graces::default()), []);
    }

    #[test]
    fn running_pods_that_are_not_ready_are_no_trouble() {
        assert_eq!(
            of_pod(&pod("containerStatuses: [{name: c, ready: false, state: {running: {}}}]"), &Graces::default()),
            []
        );
        assert_eq!(of_pod(&waiting("ContainerCreating", "", ""), &Graces::default()), []);
    }
}
