//! Which container a request means, and whether it can answer.

use super::super::status::{Outcome, Status};
use serde_json::Value;

const LISTS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];

fn names<'a>(pod: &'a Value, list: &str) -> Vec<&'a str> {
    let containers = pod["spec"][list].as_array().into_iter().flatten();
    containers.filter_map(|container| container["name"].as_str()).collect()
}

fn name(pod: &Value) -> &str {
    pod["metadata"]["name"].as_str().unwrap_or_default()
}

/// The container asked for, or the only one; worded as `validateContainer` of the API server.
pub(crate) fn container(pod: &Value, asked: Option<&str>) -> Outcome<String> {
    if let Some(asked) = asked {
        let known = LISTS.iter().any(|list| names(pod, list).contains(&asked));
        let words = || format!("container {asked} is not valid for pod {}", name(pod));
        return known.then(|| asked.to_owned()).ok_or_else(|| Status::bad_request(words()));
    }
    let containers = names(pod, "containers");
    if let [only] = containers.as_slice() {
        return Ok((*only).to_owned());
    }
    let mut words =
        format!("a container name must be specified for pod {}, choose one of: [{}]", name(pod), containers.join(" "));
    let init = names(pod, "initContainers");
    if !init.is_empty() {
        words.push_str(&format!(" or one of the init containers: [{}]", init.join(" ")));
    }
    Err(Status::bad_request(words))
}

/// The state of a container in the pod's status.
pub(crate) fn state<'a>(pod: &'a Value, container: &str) -> Option<&'a Value> {
    ["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"]
        .iter()
        .flat_map(|list| pod["status"][*list].as_array().into_iter().flatten())
        .find(|status| status["name"] == container)
}

/// Refuses a pod that has no node yet and a container that does not run.
pub(crate) fn running(pod: &Value, container: &str) -> Outcome<()> {
    if pod["spec"]["nodeName"].as_str().is_none_or(str::is_empty) {
        return Err(Status::bad_request(format!("pod {} does not have a host assigned", name(pod))));
    }
    if state(pod, container).is_some_and(|status| status["state"]["running"].is_object()) {
        return Ok(());
    }
    Err(internal(format!("unable to upgrade connection: container not found (\"{container}\")")))
}

/// An error of the kubelet as the API server passes it on.
pub(crate) fn internal(words: String) -> Box<Status> {
    Status::new(500, "InternalError", format!("Internal error occurred: {words}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_container_must_be_clear() {
        let pod = json!({ "metadata": { "name": "x" }, "spec": { "containers": [{ "name": "a" }, { "name": "b" }] } });
        let refusal = container(&pod, None).expect_err("ambiguous");
        assert_eq!(refusal.message, "a container name must be specified for pod x, choose one of: [a b]");
        assert_eq!(container(&pod, Some("b")).expect("known"), "b");
        let refusal = container(&pod, Some("c")).expect_err("unknown");
        assert_eq!((refusal.code, refusal.message.as_str()), (400, "container c is not valid for pod x"));
    }
}
