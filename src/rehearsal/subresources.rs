//! Subresources that do not stream: status, scale, token, eviction, binding, finalize.

use super::call::{Call, Target};
use super::controllers::selects;
use super::identity::{AUDIENCE, Token};
use super::server::Server;
use super::status::{Cause, Outcome, Status};
use super::transport::Reply;
use super::tree::{at, items, path, text};
use super::{create, delete, kinds, managed, patch, read, reply, update};
use http::Method;
use serde_json::{Value, json};

/// Answers a request for a subresource.
pub(super) fn answer(call: &Call, target: &Target, subresource: &str) -> Outcome<Reply> {
    match (subresource, &call.method) {
        ("scale", &Method::GET) => scale(call, target),
        ("scale", &Method::PUT | &Method::PATCH) => rescale(call, target),
        ("token", &Method::POST) => token(call, target),
        ("eviction", &Method::POST) => evict(call, target),
        ("binding", &Method::POST) => bind(call, target),
        ("finalize", &Method::PUT) => finalize(call, target),
        ("status" | "ephemeralcontainers" | "resize" | "approval", &Method::GET) => read::get(call, target),
        ("status" | "ephemeralcontainers" | "resize" | "approval", &Method::PUT) => update::answer(call, target),
        ("status" | "ephemeralcontainers" | "resize" | "approval", &Method::PATCH) => patch::answer(call, target),
        (proxied, _) if proxied.split('/').next() == Some("proxy") => Err(unproxied()),
        _ => Err(Status::method_not_allowed()),
    }
}

/// There is a way to what pods answer; this is none.
fn unproxied() -> Box<Status> {
    let words = "rehearsed clusters do not proxy calls to nodes, pods and services: use port-forward or exec, which reach \
                 what rehearsal.rhai answers for pods";
    Status::new(501, "NotImplemented", words)
}

/// Where a kind keeps its replicas: path of the wish, of the count, and of the selector.
fn scale_paths(target: &Target) -> [Vec<String>; 3] {
    let custom = target.kind.custom_version(&target.version).map(|version| &version["subresources"]["scale"]);
    let usual = ["spec.replicas", "status.replicas", "status.selector"];
    let keys = ["specReplicasPath", "statusReplicasPath", "labelSelectorPath"];
    std::array::from_fn(|index| {
        let path = custom.map(|custom| text(custom, keys[index])).unwrap_or_else(|| usual[index]);
        path.split('.').filter(|key| !key.is_empty()).map(str::to_owned).collect()
    })
}

fn value_at<'v>(object: &'v Value, path: &[String]) -> &'v Value {
    path.iter().fold(object, |value, key| &value[key.as_str()])
}

fn scale_of(target: &Target, object: &Value) -> Value {
    let [wish, count, selector] = scale_paths(target);
    let metadata = &object["metadata"];
    let mut known = json!({});
    for key in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        *at(&mut known, key) = metadata[key].clone();
    }
    let selector = match value_at(object, &selector) {
        Value::String(text) => text.clone(),
        _ => written(&object["spec"]["selector"]["matchLabels"]),
    };
    let number = |path: &[String]| value_at(object, path).as_i64().unwrap_or(0);
    json!({
        "kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": known,
        "spec": {"replicas": number(&wish)},
        "status": {"replicas": number(&count), "selector": selector},
    })
}

/// Labels as a selector.
fn written(labels: &Value) -> String {
    let pairs = labels.as_object().into_iter().flatten();
    pairs.map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())).collect::<Vec<_>>().join(",")
}

fn scale(call: &Call, target: &Target) -> Outcome<Reply> {
    let object = call.server.store().get(&target.kind.resource(), &target.key()).cloned();
    let object = object.ok_or_else(|| Status::not_found(&target.kind, target.name()))?;
    Ok(reply::json(200, &scale_of(target, &object)))
}

fn rescale(call: &Call, target: &Target) -> Outcome<Reply> {
    // The object itself is changed: defaults, admission and generation are those of an update.
    let whole = Target { subresource: None, ..target.clone() };
    let stored = update::change(call, &whole, &|live| {
        let scale = scale_of(target, live);
        let asked = match call.method {
            Method::PUT => call.object()?,
            _ => patch::of(call, target, &scale)?,
        };
        let replicas = asked["spec"]["replicas"].as_i64().unwrap_or(0);
        if replicas < 0 {
            let cause = Cause::invalid("spec.replicas", &replicas.into(), "must be greater than or equal to 0");
            return Err(Status::invalid(&kinds::guessed("autoscaling/v1", "Scale", true), target.name(), &[cause]));
        }
        let mut object = live.clone();
        let [wish, ..] = scale_paths(target);
        let wish: Vec<_> = wish.iter().map(String::as_str).collect();
        *path(&mut object, &wish) = replicas.into();
        for key in ["uid", "resourceVersion"] {
            if call.method == Method::PUT && asked["metadata"][key].is_string() {
                *path(&mut object, &["metadata", key]) = asked["metadata"][key].clone();
            }
        }
        managed::updated(call, target, Some(live), object)
    })?;
    Ok(reply::json(200, &scale_of(target, &stored)))
}

/// TokenRequest: a token that ends.
fn token(call: &Call, target: &Target) -> Outcome<Reply> {
    let mut request = call.object()?;
    let account = call.server.store().get(&target.kind.resource(), &target.key()).cloned();
    let account = account.ok_or_else(|| Status::not_found(&target.kind, target.name()))?;
    let seconds = request["spec"]["expirationSeconds"].as_i64().unwrap_or(3600);
    let wrong = match seconds {
        ..600 => Some("may not specify a duration less than 10 minutes"),
        // 2^32
        4_294_967_297.. => Some("may not specify a duration larger than 2^32 seconds"),
        _ => None,
    };
    if let Some(why) = wrong {
        let requests = kinds::guessed("authentication.k8s.io/v1", "TokenRequest", true);
        return Err(Status::invalid(&requests, "", &[Cause::invalid("spec.expirationSeconds", &seconds.into(), why)]));
    }
    let now = call.server.time();
    let named = items(&request["spec"]["audiences"]).iter().filter_map(Value::as_str).map(str::to_owned);
    let mut audiences: Vec<_> = named.collect();
    if audiences.is_empty() {
        audiences.push(AUDIENCE.to_owned());
    }
    let token = Token {
        namespace: target.namespace.clone().unwrap_or_default(),
        account: target.name().to_owned(),
        uid: text(&account["metadata"], "uid").to_owned(),
        secret: None,
        expires: Some(now.as_second() + seconds),
        audiences: audiences.clone(),
    };
    let ends = (now + jiff::SignedDuration::from_secs(seconds)).strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    *at(&mut request, "kind") = json!("TokenRequest");
    *at(&mut request, "apiVersion") = json!("authentication.k8s.io/v1");
    for key in ["name", "namespace"] {
        *path(&mut request, &["metadata", key]) = account["metadata"][key].clone();
    }
    *path(&mut request, &["metadata", "creationTimestamp"]) = call.server.now().into();
    *path(&mut request, &["metadata", "uid"]) = call.server.fresh_uid().into();
    let spec = at(&mut request, "spec");
    *at(spec, "audiences") = audiences.into();
    *at(spec, "expirationSeconds") = seconds.into();
    let text = call.server.identity().issue(token, now.as_second());
    *at(&mut request, "status") = json!({"token": text, "expirationTimestamp": ends});
    Ok(reply::json(201, &request))
}

/// Eviction: a graceful deletion, unless a disruption budget forbids it.
fn evict(call: &Call, target: &Target) -> Outcome<Reply> {
    let eviction = call.object()?;
    let pod = call.server.store().get(&target.kind.resource(), &target.key()).cloned();
    let pod = pod.ok_or_else(|| Status::not_found(&target.kind, target.name()))?;
    // What does not run disturbs nobody by going.
    let runs = !matches!(text(&pod["status"], "phase"), "Pending" | "Succeeded" | "Failed");
    if let Some(budget) = exhausted_budget(&call.server, &pod).filter(|_| runs) {
        let mut status =
            Status::new(429, "TooManyRequests", "Cannot evict pod as it would violate the pod's disruption budget.");
        let needs = format!("The disruption budget {budget} needs more healthy pods");
        status = status.with_causes(vec![json!({"reason": "DisruptionBudget", "message": needs})]);
        return Err(status);
    }
    let mut options = eviction["deleteOptions"].clone();
    if call.is_dry() {
        *at(&mut options, "dryRun") = json!(["All"]);
    }
    delete::object(&call.server, &target.kind, target.namespace.as_deref(), target.name(), &options)?;
    Ok(reply::json(201, &create::success()))
}

/// The name of a disruption budget that allows no disruption of this pod.
fn exhausted_budget(server: &Server, pod: &Value) -> Option<String> {
    let namespace = pod["metadata"]["namespace"].as_str();
    let budgets = server.list_shared("poddisruptionbudgets.policy", namespace);
    let selector = |budget: &Value| budget["spec"]["selector"].clone();
    let chooses =
        |budget: &Value| selector(budget).is_object() && selects(&selector(budget), &pod["metadata"]["labels"]);
    let empty = |budget: &Value| budget["status"]["disruptionsAllowed"].as_i64() == Some(0);
    let budget = budgets.into_iter().find(|budget| chooses(budget) && empty(budget))?;
    Some(text(&budget["metadata"], "name").to_owned())
}

/// A scheduler's decision.
fn bind(call: &Call, target: &Target) -> Outcome<Reply> {
    let binding = call.object()?;
    let whole = Target { subresource: None, ..target.clone() };
    update::change(call, &whole, &|live| {
        if !text(&live["spec"], "nodeName").is_empty() {
            let why = format!("pod {} is already assigned to node {}", target.name(), live["spec"]["nodeName"]);
            return Err(Status::conflict(&target.kind, target.name(), &why));
        }
        let mut pod = live.clone();
        *path(&mut pod, &["spec", "nodeName"]) = binding["target"]["name"].clone();
        Ok(pod)
    })?;
    Ok(reply::json(201, &create::success()))
}

/// Replaces a namespace's own finalizers.
fn finalize(call: &Call, target: &Target) -> Outcome<Reply> {
    let asked = call.object()?;
    let stored = update::change(call, target, &|live| {
        let mut namespace = live.clone();
        *path(&mut namespace, &["spec", "finalizers"]) = asked["spec"]["finalizers"].clone();
        Ok(namespace)
    })?;
    read::present(call, target, 200, &stored)
}
