//! Container statuses as the kubelet writes them.

use super::turn::{items, text};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// A container's state before its name in a status.
pub(crate) enum State<'a> {
    /// Not started, and why.
    Waiting(&'a str, &'a str),
    /// Running; whether it is ready.
    Running(bool),
    /// Ended with this exit code.
    Ended(i32),
    /// An init container that has ended well.
    Completed,
    /// Ended, and started again after a while: what it ended with.
    Crashing(&'a str),
}

/// Whether a container of the init list is a native sidecar: it keeps running beside the others.
pub(crate) fn is_sidecar(container: &Value) -> bool {
    container["restartPolicy"] == "Always"
}

/// The status of a container of this pod, in this state since `time` unless it was in it before.
pub(crate) fn status(pod: &Value, container: &Value, state: &State<'_>, time: &str) -> Value {
    let name = text(container, "/name");
    let old = find(pod, name);
    let since = old.map(|old| text(old, "/state/running/startedAt")).filter(|since| !since.is_empty()).unwrap_or(time);
    let running = json!({ "running": { "startedAt": since } });
    let id = format!("containerd://{}", digest(&format!("{}/{name}", text(pod, "/metadata/uid"))));
    let mut status = json!({
        "name": name, "image": text(container, "/image"), "imageID": "", "containerID": id, "lastState": {},
        "ready": false, "started": false, "restartCount": old.map_or(0, |old| old["restartCount"].as_i64().unwrap_or(0)),
    });
    if !matches!(state, State::Waiting(..)) {
        status["imageID"] = image_id(text(container, "/image")).into();
    }
    match state {
        State::Waiting(reason, message) => {
            status["containerID"] = Value::Null;
            status["state"] = waiting(reason, message);
        }
        State::Running(ready) => {
            status["state"] = running;
            status["ready"] = (*ready).into();
            status["started"] = true.into();
        }
        State::Ended(code) => {
            let reason = if *code == 0 { "Completed" } else { "Error" };
            status["state"] = json!({ "terminated": ended(*code, reason, since, time, &id) });
        }
        State::Completed => {
            status["state"] = json!({ "terminated": ended(0, "Completed", since, time, &id) });
            status["ready"] = true.into();
        }
        State::Crashing(words) => crash(&mut status, old, words, since, time, &id),
    }
    if let Some(fields) = status.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    status
}

fn crash(status: &mut Value, old: Option<&Value>, words: &str, since: &str, time: &str, id: &str) {
    let was = old.is_some_and(|old| text(old, "/state/waiting/reason") == "CrashLoopBackOff");
    if !was {
        status["restartCount"] = (status["restartCount"].as_i64().unwrap_or(0) + 1).into();
    }
    let code = words.strip_prefix("exit code ").and_then(|code| code.parse().ok()).unwrap_or(1);
    let mut last = ended(code, "Error", since, time, id);
    last["message"] = words.into();
    let before = old.filter(|_| was).map(|old| old["lastState"].clone());
    status["lastState"] = before.unwrap_or_else(|| json!({ "terminated": last }));
    status["state"] = waiting("CrashLoopBackOff", "back-off 10s restarting failed container");
}

fn waiting(reason: &str, message: &str) -> Value {
    let mut waiting = json!({ "reason": reason });
    if !message.is_empty() {
        waiting["message"] = message.into();
    }
    json!({ "waiting": waiting })
}

fn ended(code: i32, reason: &str, since: &str, time: &str, id: &str) -> Value {
    json!({ "exitCode": code, "reason": reason, "startedAt": since, "finishedAt": time, "containerID": id })
}

/// The status of the container with this name, wherever it is listed.
pub(crate) fn find<'a>(pod: &'a Value, name: &str) -> Option<&'a Value> {
    ["/status/containerStatuses", "/status/initContainerStatuses", "/status/ephemeralContainerStatuses"]
        .iter()
        .flat_map(|list| items(pod, list))
        .find(|status| status["name"] == name)
}

/// The full name of an image: docker.io and library are what the runtime adds.
pub(crate) fn full_image(image: &str) -> String {
    let (first, rest) = image.split_once('/').unwrap_or(("", image));
    let has_host = first.contains('.') || first.contains(':') || first == "localhost";
    let named = match (has_host, first.is_empty()) {
        (true, _) => image.to_owned(),
        (false, true) => format!("docker.io/library/{rest}"),
        (false, false) => format!("docker.io/{image}"),
    };
    let tagged = named.rsplit('/').next().is_some_and(|last| last.contains(':') || last.contains('@'));
    if tagged { named } else { format!("{named}:latest") }
}

fn image_id(image: &str) -> String {
    let full = full_image(image);
    let repository = full.rsplit_once(':').map_or(full.as_str(), |(repository, _)| repository);
    format!("{repository}@sha256:{}", digest(&full))
}

fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn image_names_are_completed_as_the_runtime_does() {
        assert_eq!(full_image("nginx"), "docker.io/library/nginx:latest");
        assert_eq!(full_image("istio/proxyv2:1.5.0"), "docker.io/istio/proxyv2:1.5.0");
        assert_eq!(full_image("localhost:5000/a"), "localhost:5000/a:latest");
    }

    #[test]
    fn a_running_container_keeps_its_start_and_a_crash_counts_once() {
        let container = json!({ "name": "app", "image": "app:1" });
        let mut pod = json!({ "metadata": { "uid": "u" }, "spec": { "containers": [container] } });
        let first = status(&pod, &container, &State::Running(false), "2026-01-01T00:00:00Z");
        pod["status"] = json!({ "containerStatuses": [first] });
        let ready = status(&pod, &container, &State::Running(true), "2026-01-01T00:00:09Z");
        assert_eq!(ready["state"]["running"]["startedAt"], "2026-01-01T00:00:00Z");
        let crash = status(&pod, &container, &State::Crashing("no root key"), "2026-01-01T00:00:10Z");
        pod["status"] = json!({ "containerStatuses": [crash] });
        let again = status(&pod, &container, &State::Crashing("no root key"), "2026-01-01T00:00:11Z");
        assert_eq!((&again["restartCount"], again == crash), (&json!(1), true));
    }
}
