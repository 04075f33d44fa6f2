//! Starting a pod on its node: volumes, sandbox, init containers one after the other, then the containers.

use super::container::{State, find, is_sidecar};
use super::pod::{COMPONENT, conditions, statuses, trouble};
use super::turn::{Event, Turn, items, text};
use super::{address::Pool, mounts};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::time::Duration;

const SANDBOX: Duration = Duration::from_millis(800);
const REMOUNT: Duration = Duration::from_secs(1);
const INIT: Duration = Duration::from_millis(400);
const CONTAINERS: Duration = Duration::from_millis(400);
const PULL_BACKOFF: Duration = Duration::from_secs(10);

/// Why containers wait, by container name.
type Troubles = HashMap<String, (&'static str, String)>;

/// Brings a scheduled pod one step closer to running.
pub(crate) fn start(turn: &mut Turn<'_>, pod: &Value) {
    if text(pod, "/status/startTime").is_empty() {
        return accept(turn, pod);
    }
    if text(pod, "/status/podIP").is_empty() {
        return prepare(turn, pod);
    }
    let next = items(pod, "/spec/initContainers").iter().find(|init| !is_done(pod, init));
    match next {
        Some(init) => initialize(turn, pod, init),
        None => launch(turn, pod),
    }
}

/// The part of a pod that an event about a container names.
pub(crate) fn field(pod: &Value, container: &str) -> String {
    let lists = ["initContainers", "ephemeralContainers"];
    let has_it = |list: &&&str| items(pod, &format!("/spec/{list}")).iter().any(|one| one["name"] == container);
    format!("spec.{}{{{container}}}", lists.iter().find(has_it).unwrap_or(&"containers"))
}

fn names<'a>(pod: &'a Value, list: &str) -> Vec<&'a str> {
    items(pod, list).iter().map(|container| text(container, "/name")).collect()
}

fn waiting(pod: &Value) -> &'static str {
    if items(pod, "/spec/initContainers").is_empty() { "ContainerCreating" } else { "PodInitializing" }
}

fn accept(turn: &mut Turn<'_>, pod: &Value) {
    let node = turn.view().get("Node", None, text(pod, "/spec/nodeName")).unwrap_or_default();
    let addresses = items(&node, "/status/addresses");
    let internal = addresses.iter().find(|address| address["type"] == "InternalIP");
    let host = internal.map(|address| address["address"].clone()).unwrap_or_default();
    let mut status = statuses(pod, turn.time(), |_, _| State::Waiting(waiting(pod), ""));
    status["phase"] = "Pending".into();
    status["startTime"] = turn.time().into();
    if !host.is_null() {
        status["hostIPs"] = json!([{ "ip": host }]);
        status["hostIP"] = host;
    }
    let initialized = names(pod, "/spec/initContainers").is_empty();
    status["conditions"] = conditions(pod, initialized, &names(pod, "/spec/containers"), turn.time()).into();
    turn.patch(pod, json!({ "status": status }));
}

/// Volumes and the sandbox with its address.
fn prepare(turn: &mut Turn<'_>, pod: &Value) {
    if let Some(words) = mounts::missing(turn.view(), pod) {
        let stage = format!("mounting: {words}");
        if !turn.is_in(&stage) {
            turn.enter(&stage);
            turn.event(pod, Event::warning("FailedMount", words, COMPONENT));
        }
        return;
    }
    let waited = turn.stage().is_some_and(|stage| stage.starts_with("mounting") || stage == "remounting");
    let ready = if waited { turn.stayed("remounting", REMOUNT) } else { turn.stayed("sandbox", SANDBOX) };
    if !ready {
        return;
    }
    let ip = match pod["spec"]["hostNetwork"] == true {
        true => text(pod, "/status/hostIP").to_owned(),
        false => turn.view().address(Pool::Pod),
    };
    let mut with_sandbox = pod.clone();
    with_sandbox["status"]["podIP"] = ip.as_str().into();
    let initialized = names(pod, "/spec/initContainers").is_empty();
    let conditions = conditions(&with_sandbox, initialized, &names(pod, "/spec/containers"), turn.time());
    turn.patch(pod, json!({ "status": { "podIP": ip, "podIPs": [{ "ip": ip }], "conditions": conditions } }));
}

fn is_done(pod: &Value, init: &Value) -> bool {
    find(pod, text(init, "/name")).is_some_and(|status| {
        status["state"]["terminated"].is_object() || is_sidecar(init) && status["state"]["running"].is_object()
    })
}

fn initialize(turn: &mut Turn<'_>, pod: &Value, init: &Value) {
    let init_name = text(init, "/name");
    if let Some(trouble) = trouble(turn, pod, init) {
        return stall(turn, pod, Troubles::from([(init_name.to_owned(), trouble)]));
    }
    if !turn.is_in(&format!("init {init_name}")) {
        say_started(turn, pod, init);
    }
    if !turn.stayed(&format!("init {init_name}"), INIT) {
        return;
    }
    let state = |container: &Value, listed: bool| match listed {
        true if container["name"] == init_name || is_done(pod, container) => {
            if is_sidecar(container) {
                State::Running(true)
            } else {
                State::Completed
            }
        }
        _ => State::Waiting("PodInitializing", ""),
    };
    turn.patch(pod, json!({ "status": statuses(pod, turn.time(), state) }));
}

fn launch(turn: &mut Turn<'_>, pod: &Value) {
    let containers = items(pod, "/spec/containers");
    let troubles: Troubles = containers
        .iter()
        .filter_map(|container| Some((text(container, "/name").to_owned(), trouble(turn, pod, container)?)))
        .collect();
    if !troubles.is_empty() {
        return stall(turn, pod, troubles);
    }
    if !turn.stayed("starting", CONTAINERS) {
        return;
    }
    for container in containers {
        say_started(turn, pod, container);
    }
    let mut status = statuses(pod, turn.time(), |container, init| match init {
        true if !is_sidecar(container) => State::Completed,
        true => State::Running(true),
        false => State::Running(false),
    });
    status["phase"] = "Running".into();
    status["conditions"] = conditions(pod, true, &names(pod, "/spec/containers"), turn.time()).into();
    turn.patch(pod, json!({ "status": status }));
}

/// The pod stays pending: an image that cannot be pulled is tried again and again, missing configuration is looked for
/// when it changes.
fn stall(turn: &mut Turn<'_>, pod: &Value, mut troubles: Troubles) {
    let pulling = troubles.values().any(|(reason, _)| *reason == "ErrImagePull");
    let entered = !turn.stage().is_some_and(|stage| stage.starts_with("stalled"));
    if entered {
        troubles.iter().for_each(|(container, trouble)| say_trouble(turn, pod, container, trouble));
    }
    let given_up = pulling && turn.stayed("stalled", PULL_BACKOFF);
    if given_up {
        troubles.iter_mut().for_each(|(container, trouble)| back_off(turn, pod, container, trouble));
    } else if !pulling {
        turn.enter("stalled on configuration");
    }
    let state = |container: &Value, init: bool| match troubles.get(text(container, "/name")) {
        Some((reason, _)) if init => State::Waiting(reason, ""),
        Some((reason, _)) => State::Waiting(reason, ""),
        None if init && is_done(pod, container) && is_sidecar(container) => State::Running(true),
        None if init && is_done(pod, container) => State::Completed,
        None => State::Waiting(waiting(pod), ""),
    };
    let mut status = statuses(pod, turn.time(), state);
    for list in ["containerStatuses", "initContainerStatuses"] {
        explain(&mut status[list], &troubles);
    }
    turn.patch(pod, json!({ "status": status }));
}

fn explain(statuses: &mut Value, troubles: &Troubles) {
    for status in statuses.as_array_mut().into_iter().flatten() {
        let words = troubles.get(text(status, "/name")).map(|(_, words)| words.as_str());
        if let Some(words) = words {
            status["state"]["waiting"]["message"] = words.into();
        }
    }
}

fn image_of<'a>(pod: &'a Value, container: &str) -> &'a str {
    let mut all = items(pod, "/spec/initContainers").iter().chain(items(pod, "/spec/containers"));
    all.find(|listed| listed["name"] == container).map(|listed| text(listed, "/image")).unwrap_or_default()
}

fn say_trouble(turn: &mut Turn<'_>, pod: &Value, container: &str, (reason, words): &(&'static str, String)) {
    let field = field(pod, container);
    let mut say = |event: Event| turn.event(pod, event.at(field.as_str()));
    if *reason != "ErrImagePull" {
        return say(Event::warning("Failed", format!("Error: {words}"), COMPONENT));
    }
    let image = image_of(pod, container);
    say(Event::normal("Pulling", format!("Pulling image \"{image}\""), COMPONENT));
    let failed = format!("Failed to pull image \"{image}\": rpc error: code = NotFound desc = {words}");
    say(Event::warning("Failed", failed, COMPONENT));
    say(Event::warning("Failed", "Error: ErrImagePull", COMPONENT));
}

fn back_off(turn: &mut Turn<'_>, pod: &Value, container: &str, trouble: &mut (&'static str, String)) {
    if trouble.0 != "ErrImagePull" {
        return;
    }
    let before = find(pod, container).map(|status| text(status, "/state/waiting/reason"));
    let words = format!("Back-off pulling image \"{}\"", image_of(pod, container));
    if before != Some("ImagePullBackOff") {
        let field = field(pod, container);
        turn.event(pod, Event::normal("BackOff", words.clone(), COMPONENT).at(field.as_str()));
        turn.event(pod, Event::warning("Failed", "Error: ImagePullBackOff", COMPONENT).at(field));
    }
    *trouble = ("ImagePullBackOff", format!("{words}: ErrImagePull: {}", trouble.1));
}

/// Tells how a container was started.
pub(crate) fn say_started(turn: &mut Turn<'_>, pod: &Value, container: &Value) {
    let field = field(pod, text(container, "/name"));
    let (name, image) = (text(container, "/name"), text(container, "/image"));
    let messages = [
        ("Pulled", format!("Container image \"{image}\" already present on machine")),
        ("Created", format!("Created container: {name}")),
        ("Started", format!("Started container {name}")),
    ];
    for (reason, message) in messages {
        turn.event(pod, Event::normal(reason, message, COMPONENT).at(field.as_str()));
    }
}
