//! Pods: the kubelet's part, from a node assignment to running containers, readiness and the end.
//!
//! Words and statuses follow `pkg/kubelet`. What the containers do is the behaviour's business: a running pod is asked
//! about once a second until it is ready. A reason that begins with `CrashLoopBackOff` shows as a container that keeps
//! ending, and so does one whose command is `false` or ends in `exit N`. An image whose name ends in `:missing` cannot be
//! pulled.

use super::condition::{self, Condition};
use super::container::{self, State, is_sidecar};
use super::start;
use super::template::is_ready;
use super::turn::{Action, Event, Id, Target, Turn, is_terminating, items, name, number, text};
use super::{mounts, scheduler};
use serde_json::{Value, json};
use std::time::Duration;

/// The component that speaks in events.
pub(crate) const COMPONENT: &str = "kubelet";
const PROBE_PERIOD: Duration = Duration::from_secs(1);
const STOPPING: Duration = Duration::from_secs(1);

/// Brings a pod one step further in its life.
pub(crate) fn reconcile(turn: &mut Turn<'_>, id: &Id) {
    let Some(pod) = turn.get("Pod", id) else { return };
    let phase = text(&pod, "/status/phase");
    if is_terminating(&pod) {
        return stop(turn, &pod);
    }
    match phase {
        "Succeeded" | "Failed" => {}
        "Running" => run(turn, &pod),
        _ if text(&pod, "/spec/nodeName").is_empty() => scheduler::schedule(turn, &pod),
        _ => start::start(turn, &pod),
    }
}

/// Whether a pod waits for a config map, a secret or a claim, so that it must look again when one changes.
pub(crate) fn waits(pod: &Value) -> bool {
    matches!(text(pod, "/status/phase"), "" | "Pending")
}

fn run(turn: &mut Turn<'_>, pod: &Value) {
    debug(turn, pod);
    let probed = turn.probed().map(|reason| reason.or_else(|| ending(pod)));
    match probed {
        Some(None) => turn.patch(pod, json!({ "status": readiness(pod, None, turn.time()) })),
        Some(Some(reason)) => {
            turn.patch(pod, json!({ "status": readiness(pod, Some(&reason), turn.time()) }));
            complain(turn, pod, &reason);
            turn.enter("unready");
            turn.again(PROBE_PERIOD);
        }
        None if is_ready(pod) => finish(turn, pod),
        None if turn.is_in("unready") && !turn.stayed("unready", PROBE_PERIOD) => {}
        None => turn.want(Action::Probe(pod.clone())),
    }
}

/// Starts the containers that were added to look into a pod (`kubectl debug`).
fn debug(turn: &mut Turn<'_>, pod: &Value) {
    let (mut statuses, mut new) = (Vec::new(), false);
    for container in items(pod, "/spec/ephemeralContainers") {
        let old = container::find(pod, text(container, "/name")).cloned();
        if old.is_none() {
            start::say_started(turn, pod, container);
            new = true;
        }
        statuses.push(old.unwrap_or_else(|| container::status(pod, container, &State::Running(false), turn.time())));
    }
    if new {
        turn.patch(pod, json!({ "status": { "ephemeralContainerStatuses": statuses } }));
    }
}

fn all_containers(pod: &Value) -> impl Iterator<Item = (&Value, bool)> {
    let main = items(pod, "/spec/containers").iter().map(|container| (container, false));
    items(pod, "/spec/initContainers").iter().map(|container| (container, true)).chain(main)
}

/// The container that a reason for not being ready is about: the first with a readiness probe, else the first.
fn guilty(pod: &Value) -> Option<&str> {
    let running = || all_containers(pod).filter(|(container, init)| !init || is_sidecar(container));
    let ends = running().find(|(container, _)| exit_code(container).is_some());
    let probed = ends.or_else(|| running().find(|(container, _)| container["readinessProbe"].is_object()));
    let first = || items(pod, "/spec/containers").first();
    probed.map(|(container, _)| container).or_else(first).map(|container| text(container, "/name"))
}

/// The exit code of a container whose command can only fail: `false`, or a line that ends in `exit N`.
fn exit_code(container: &Value) -> Option<i32> {
    let words = items(container, "/command").iter().chain(items(container, "/args")).filter_map(Value::as_str);
    let line = words.collect::<Vec<_>>().join(" ");
    if matches!(line.as_str(), "false" | "/bin/false") {
        return Some(1);
    }
    let (_, code) = line.rsplit_once("exit ")?;
    code.trim().parse().ok().filter(|code| *code != 0)
}

/// Why a pod that is restarted never gets ready: one of its containers keeps failing.
fn ending(pod: &Value) -> Option<String> {
    let restarted = text(pod, "/spec/restartPolicy") != "Never";
    let mut codes = items(pod, "/spec/containers").iter().filter_map(exit_code).filter(|_| restarted);
    codes.next().map(|code| format!("CrashLoopBackOff: exit code {code}"))
}

/// The status of a running pod that is ready, or not for this reason.
fn readiness(pod: &Value, reason: Option<&str>, time: &str) -> Value {
    let guilty = reason.and_then(|_| guilty(pod));
    let crash = reason.and_then(|reason| reason.strip_prefix("CrashLoopBackOff"));
    let crash = crash.map(|words| words.trim_start_matches([':', ' ']));
    let state = |container: &Value, init: bool| match crash {
        _ if init && !is_sidecar(container) => State::Completed,
        Some(words) if guilty == Some(text(container, "/name")) => State::Crashing(words),
        _ => State::Running(guilty != Some(text(container, "/name"))),
    };
    let unready: Vec<&str> = guilty.into_iter().collect();
    let conditions = conditions(pod, true, &unready, time);
    let mut status = statuses(pod, time, state);
    status["conditions"] = conditions.into();
    status
}

/// The statuses of all containers, each in the state that `state` gives it (told whether it is of the init list).
/// Init containers that ended keep the status they have.
pub(crate) fn statuses<'a>(pod: &'a Value, time: &str, state: impl Fn(&'a Value, bool) -> State<'a>) -> Value {
    let mut lists = [Vec::new(), Vec::new()];
    for (container, init) in all_containers(pod) {
        let old = container::find(pod, text(container, "/name"));
        let status = match (state(container, init), old) {
            (State::Completed, Some(old)) if old["state"]["terminated"].is_object() => old.clone(),
            (state, _) => container::status(pod, container, &state, time),
        };
        lists[usize::from(init)].push(status);
    }
    let [main, init] = lists;
    let init = if init.is_empty() { Value::Null } else { init.into() };
    json!({ "containerStatuses": main, "initContainerStatuses": init })
}

/// The pod's conditions: whether its init containers are done, and which containers are not ready.
pub(crate) fn conditions(pod: &Value, initialized: bool, unready: &[&str], time: &str) -> Vec<Value> {
    let words = format!("containers with unready status: [{}]", unready.join(" "));
    let (reason, message) = if unready.is_empty() { ("", "") } else { ("ContainersNotReady", words.as_str()) };
    let incomplete: Vec<_> = items(pod, "/spec/initContainers").iter().map(|init| text(init, "/name")).collect();
    let incomplete = format!("containers with incomplete status: [{}]", incomplete.join(" "));
    let waiting = if initialized { ("", "") } else { ("ContainersNotInitialized", incomplete.as_str()) };
    let ready = unready.is_empty();
    let sandbox = !text(pod, "/status/podIP").is_empty();
    let wanted = [
        Condition { name: "PodReadyToStartContainers", holds: sandbox, reason: "", message: "" },
        Condition { name: "Initialized", holds: initialized, reason: waiting.0, message: waiting.1 },
        Condition { name: "Ready", holds: ready, reason, message },
        Condition { name: "ContainersReady", holds: ready, reason, message },
        Condition { name: "PodScheduled", holds: true, reason: "", message: "" },
    ];
    condition::set(pod, &wanted, time, false)
}

fn complain(turn: &mut Turn<'_>, pod: &Value, reason: &str) {
    let Some(container) = guilty(pod) else { return };
    let field = start::field(pod, container);
    if reason.starts_with("CrashLoopBackOff") {
        let (namespace, uid) = (text(pod, "/metadata/namespace"), text(pod, "/metadata/uid"));
        let message =
            format!("Back-off restarting failed container {container} in pod {}_{namespace}({uid})", name(pod));
        return turn.event(pod, Event::warning("BackOff", message, COMPONENT).at(field));
    }
    let message = format!("Readiness probe failed: {reason}");
    turn.event(pod, Event::warning("Unhealthy", message, COMPONENT).at(field));
}

/// A pod that is not restarted comes to its end; `sleep` says when, everything else takes a second. It has failed when one
/// of its containers has.
fn finish(turn: &mut Turn<'_>, pod: &Value) {
    if matches!(text(pod, "/spec/restartPolicy"), "" | "Always") || ending(pod).is_some() {
        return;
    }
    let Some(lasts) = duration(pod) else { return };
    if !turn.stayed("working", lasts) {
        return;
    }
    let time = turn.time();
    let code = |container: &Value| exit_code(container).unwrap_or_default();
    let mut status =
        statuses(pod, time, |container, init| if init { State::Completed } else { State::Ended(code(container)) });
    let (phase, reason) = match items(pod, "/spec/containers").iter().all(|container| code(container) == 0) {
        true => ("Succeeded", "PodCompleted"),
        false => ("Failed", "PodFailed"),
    };
    let mut conditions = conditions(pod, true, &["-"], time);
    for condition in &mut conditions {
        if condition["reason"] == "ContainersNotReady" {
            condition["reason"] = reason.into();
            condition.as_object_mut().into_iter().for_each(|fields| drop(fields.remove("message")));
        }
    }
    status["phase"] = phase.into();
    status["conditions"] = conditions.into();
    turn.patch(pod, json!({ "status": status }));
}

/// A pod that sleeps for so long has no end.
const MOST_SLEEP: Duration = Duration::from_secs(365 * 86400);

/// How long the pod's containers run; `None` is forever.
fn duration(pod: &Value) -> Option<Duration> {
    let mut longest = Duration::from_secs(1);
    for container in items(pod, "/spec/containers") {
        let words = items(container, "/command").iter().chain(items(container, "/args")).filter_map(Value::as_str);
        let line = words.collect::<Vec<_>>().join(" ");
        let mut words = line.split_whitespace().skip_while(|word| *word != "sleep").skip(1);
        match words.next() {
            Some("infinity" | "inf") => return None,
            Some(time) => longest = longest.max(slept(time)?),
            None => {}
        }
    }
    Some(longest)
}

/// How long `sleep` takes that is given this time, `5m` or `0.5`; `None` for what it does not know, and for what nobody
/// lives to see.
fn slept(time: &str) -> Option<Duration> {
    let time = time.trim_end_matches([';', '&', ')']);
    let number = time.trim_end_matches(['s', 'm', 'h', 'd']);
    let unit = match &time[number.len()..] {
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86400.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(number.parse::<f64>().ok()? * unit).ok().filter(|slept| *slept < MOST_SLEEP)
}

/// Stops the containers, then removes the pod; with finalizers left it stays, ended.
fn stop(turn: &mut Turn<'_>, pod: &Value) {
    let grace = number(pod, "/metadata/deletionGracePeriodSeconds").unwrap_or(30);
    let runs = text(pod, "/status/phase") == "Running";
    if runs && grace > 0 && !turn.is_in("stopping") {
        for container in items(pod, "/spec/containers") {
            let message = format!("Stopping container {}", text(container, "/name"));
            let field = start::field(pod, text(container, "/name"));
            turn.event(pod, Event::normal("Killing", message, COMPONENT).at(field));
        }
    }
    if runs && grace > 0 && !turn.stayed("stopping", STOPPING) {
        return;
    }
    if items(pod, "/metadata/finalizers").is_empty() {
        return turn.want(Action::Remove(Target::of(pod)));
    }
    if runs {
        let state = |_: &Value, init: bool| if init { State::Completed } else { State::Ended(0) };
        let mut status = statuses(pod, turn.time(), state);
        status["phase"] = "Succeeded".into();
        turn.patch(pod, json!({ "status": status }));
    }
}

/// Why a container cannot be created: its reason and words.
pub(crate) fn trouble(turn: &Turn<'_>, pod: &Value, container: &Value) -> Option<(&'static str, String)> {
    let image = text(container, "/image");
    if image.ends_with(":missing") {
        let full = container::full_image(image);
        let words = format!(
            "failed to pull and unpack image \"{full}\": failed to resolve reference \"{full}\": {full}: not found"
        );
        return Some(("ErrImagePull", words));
    }
    mounts::missing_variable(turn.view(), pod, container).map(|words| ("CreateContainerConfigError", words))
}
