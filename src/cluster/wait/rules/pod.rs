//! Pod: ready, or ended well if it is one that ends.

use super::{Condition, Verdict, condition, done, failed, progressing, suspect};
use crate::object::{Node, Object};
use crate::plain;

pub(super) fn verdict(object: &Object) -> Verdict {
    let phase = object.str_at("status.phase").unwrap_or("Pending");
    match phase {
        "Succeeded" => return done("has succeeded"),
        "Failed" => return failed(why_failed(object)),
        _ => {}
    }
    if !runs_to_completion(object) && condition(object, "Ready").is_some_and(|ready| ready.is_true()) {
        return done("is ready");
    }
    if let Some(unscheduled) = condition(object, "PodScheduled").filter(Condition::is_false) {
        let looks_broken = unscheduled.reason == "Unschedulable";
        return if looks_broken { suspect(unscheduled.said()) } else { progressing(unscheduled.said()) };
    }
    if let Some(broken) = statuses(object).filter(|status| is_broken(status)).find_map(waiting_text) {
        return suspect(broken);
    }
    let waiting = statuses(object).find_map(waiting_text);
    progressing(waiting.unwrap_or_else(|| format!("is {phase}, {}", ready_count(object))))
}

/// Whether the pod's containers end by themselves; one that serves is restarted always.
pub(super) fn runs_to_completion(pod: &Object) -> bool {
    pod.str_at("spec.restartPolicy").is_some_and(|policy| policy != "Always")
}

/// Whether a container waits for something that does not come by itself.
fn is_broken(status: &Node) -> bool {
    let reason = || status.get("state")?.get("waiting")?.get("reason")?.as_str();
    reason().is_some_and(|reason| !matches!(reason, "ContainerCreating" | "PodInitializing"))
}

/// Statuses of init containers, then of the others.
fn statuses(pod: &Object) -> impl Iterator<Item = &Node> {
    pod.items_at("status.initContainerStatuses").iter().chain(pod.items_at("status.containerStatuses"))
}

fn waiting_text(status: &Node) -> Option<String> {
    let text = |key| status.get("state")?.get("waiting")?.get(key)?.as_str();
    let name = status.get("name").and_then(Node::as_str).unwrap_or_default();
    let message = text("message").map(|message| format!(": {}", plain::line(message, 200))).unwrap_or_default();
    Some(format!("container {name} waits: {}{message}", text("reason")?))
}

fn ready_count(pod: &Object) -> String {
    let all = pod.items_at("status.containerStatuses");
    let ready = all.iter().filter(|status| status.get("ready").and_then(Node::as_bool) == Some(true)).count();
    let wanted = pod.items_at("spec.containers").len();
    format!("{ready} of {wanted} containers are ready")
}

fn why_failed(pod: &Object) -> String {
    let said = [pod.str_at("status.reason"), pod.str_at("status.message")];
    let ended = statuses(pod).filter_map(|status| {
        let ended = status.get("state")?.get("terminated")?;
        let code = ended.get("exitCode").and_then(Node::as_int).filter(|code| *code != 0)?;
        Some(format!("container {} ended with exit code {code}", status.get("name")?.as_str()?))
    });
    let parts: Vec<_> = said.into_iter().flatten().map(|said| plain::line(said, 200)).chain(ended).collect();
    if parts.is_empty() { "has failed".into() } else { format!("has failed: {}", parts.join(": ")) }
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;

    fn pod(status: &str) -> String {
        format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: p}}, spec: {{containers: [{{name: a}}, {{name: b}}]}}, status: {{{status}}}}}"
        )
    }

    #[test]
    fn pods_that_serve_and_pods_that_end() {
        check(&[
            ('D', "ready", pod("phase: Running, conditions: [{type: Ready, status: 'True'}]")),
            ('D', "succeeded", pod("phase: Succeeded, conditions: [{type: Ready, status: 'False'}]")),
            (
                'P',
                "is Running",
                pod("phase: Running, conditions: [{type: Ready, status: 'True'}]")
                    .replace("spec: {", "spec: {restartPolicy: Never, "),
            ),
            (
                'P',
                "container a waits: ContainerCreating",
                pod("containerStatuses: [{name: a, state: {waiting: {reason: ContainerCreating}}}]"),
            ),
            (
                'P',
                "SchedulingGated",
                pod("conditions: [{type: PodScheduled, status: 'False', reason: SchedulingGated}]"),
            ),
            ('P', "is Pending", pod("")),
            (
                'P',
                "1 of 2",
                pod("phase: Running, containerStatuses: [{name: a, ready: true}, {name: b, ready: false}]"),
            ),
            (
                'S',
                "container b waits: ErrImagePull: no such tag",
                pod(
                    "phase: Pending, containerStatuses: [{name: a, ready: true}, {name: b, state: {waiting: {reason: ErrImagePull, message: no such tag}}}]",
                ),
            ),
            (
                'S',
                "Unschedulable: 0/1 nodes",
                pod(
                    "phase: Pending, conditions: [{type: PodScheduled, status: 'False', reason: Unschedulable, message: 0/1 nodes are available}]",
                ),
            ),
            ('F', "Evicted: low on memory", pod("phase: Failed, reason: Evicted, message: low on memory")),
            (
                'F',
                "container a ended with exit code 3",
                pod("phase: Failed, containerStatuses: [{name: a, state: {terminated: {exitCode: 3}}}]"),
            ),
        ]);
    }
}
