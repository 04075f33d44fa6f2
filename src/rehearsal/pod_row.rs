//! What a table says of a pod: the rules of `printPod` in `k8s.io/kubernetes/pkg/printers/internalversion`.

use super::cells::age_of;
use super::tree::{items, text};
use jiff::Timestamp;
use serde_json::{Value, json};

/// Ready and all containers; sidecars (init containers that stay) count.
pub(super) fn ready(pod: &Value) -> Value {
    let sidecars = sidecars(pod);
    let total = items(&pod["spec"]["containers"]).len() + sidecars.len();
    let is_ready = |one: &&Value| one["ready"] == true && one["state"]["running"].is_object();
    let main = items(&pod["status"]["containerStatuses"]).iter().filter(is_ready).count();
    let side =
        items(&pod["status"]["initContainerStatuses"]).iter().filter(|one| sidecars.contains(&text(one, "name")));
    format!("{}/{total}", main + side.filter(is_ready).count()).into()
}

fn sidecars(pod: &Value) -> Vec<&str> {
    let all = items(&pod["spec"]["initContainers"]).iter();
    all.filter(|one| one["restartPolicy"] == "Always").map(|one| text(one, "name")).collect()
}

/// The phase, or better what keeps the pod from its next one.
pub(super) fn status(pod: &Value) -> Value {
    if !pod["metadata"]["deletionTimestamp"].is_null() {
        return json!("Terminating");
    }
    let phase = match text(&pod["status"], "reason") {
        "" => text(&pod["status"], "phase"),
        reason => reason,
    };
    let gated = items(&pod["status"]["conditions"])
        .iter()
        .any(|one| one["type"] == "PodScheduled" && one["reason"] == "SchedulingGated");
    let phase = if gated { "SchedulingGated" } else { phase };
    initializing(pod).or_else(|| containers(pod, phase)).unwrap_or_else(|| phase.to_owned()).into()
}

fn initializing(pod: &Value) -> Option<String> {
    let sidecars = sidecars(pod);
    let statuses = items(&pod["status"]["initContainerStatuses"]);
    for (index, one) in statuses.iter().enumerate() {
        let (state, is_sidecar) = (&one["state"], sidecars.contains(&text(one, "name")));
        let ended = &state["terminated"];
        if ended["exitCode"] == 0 || is_sidecar && one["started"] == true {
            continue;
        }
        let waiting = text(&state["waiting"], "reason");
        return Some(match (ended.is_object(), text(ended, "reason"), waiting) {
            (true, "", _) => format!("Init:ExitCode:{}", ended["exitCode"]),
            (true, reason, _) => format!("Init:{reason}"),
            (_, _, "" | "PodInitializing") => format!("Init:{index}/{}", items(&pod["spec"]["initContainers"]).len()),
            (_, _, reason) => format!("Init:{reason}"),
        });
    }
    None
}

fn containers(pod: &Value, phase: &str) -> Option<String> {
    let statuses = items(&pod["status"]["containerStatuses"]);
    let word = |one: &Value| {
        let (waiting, ended) = (text(&one["state"]["waiting"], "reason"), &one["state"]["terminated"]);
        match (waiting, ended.is_object(), text(ended, "reason")) {
            ("", false, _) => None,
            ("", true, "") => Some(format!("ExitCode:{}", ended["exitCode"])),
            ("", true, reason) => Some(reason.to_owned()),
            (waiting, ..) => Some(waiting.to_owned()),
        }
    };
    let found = statuses.iter().find_map(word);
    let running = statuses.iter().any(|one| one["ready"] == true && one["state"]["running"].is_object());
    match found {
        Some(reason) if reason == "Completed" && running => {
            Some(if is_ready(pod) { "Running" } else { "NotReady" }.into())
        }
        None if phase == "Completed" && running => Some("Running".into()),
        found => found,
    }
}

fn is_ready(pod: &Value) -> bool {
    items(&pod["status"]["conditions"]).iter().any(|one| one["type"] == "Ready" && one["status"] == "True")
}

/// How often containers were started again, and when last.
pub(super) fn restarts(pod: &Value, now: Timestamp) -> Value {
    let statuses = items(&pod["status"]["containerStatuses"]);
    let count: i64 = statuses.iter().filter_map(|one| one["restartCount"].as_i64()).sum();
    let last = statuses.iter().filter_map(|one| one["lastState"]["terminated"]["finishedAt"].as_str()).max();
    match (count, last) {
        (0, _) | (_, None) => count.to_string().into(),
        (count, Some(last)) => {
            format!("{count} ({} ago)", age_of(&json!(last), now).as_str().unwrap_or_default()).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sidecars_count_as_containers() {
        let pod = json!({
            "spec": {"containers": [{"name": "a"}], "initContainers": [{"name": "p", "restartPolicy": "Always"}]},
            "status": {
                "phase": "Running",
                "initContainerStatuses": [{"name": "p", "ready": true, "started": true, "state": {"running": {}}}],
                "containerStatuses": [{"name": "a", "ready": true, "state": {"running": {}}, "restartCount": 0}],
            },
        });
        assert_eq!((ready(&pod), status(&pod)), (json!("2/2"), json!("Running")));
    }

    #[test]
    fn the_status_says_what_is_in_the_way() {
        let pod =
            |status: Value| json!({"metadata": {}, "spec": {"initContainers": [{"name": "i"}]}, "status": status});
        let waiting =
            json!({"phase": "Pending", "containerStatuses": [{"state": {"waiting": {"reason": "ImagePullBackOff"}}}]});
        assert_eq!(status(&pod(waiting)), "ImagePullBackOff");
        let init = json!({"phase": "Pending", "initContainerStatuses": [{"name": "i", "state": {"running": {}}}]});
        assert_eq!(status(&pod(init)), "Init:0/1");
        assert_eq!(status(&json!({"metadata": {"deletionTimestamp": "x"}})), "Terminating");
    }
}
