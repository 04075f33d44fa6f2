//! Reviews: who somebody is, and what they may. Nothing is stored.

use super::super::call::{Call, Target};
use super::super::kinds::Kind;
use super::super::reply;
use super::super::server::Server;
use super::super::status::{Cause, Outcome, Status};
use super::super::transport::Reply;
use super::super::tree::{at, items, text};
use super::User;
use super::asked::Asked;
use super::authentication::bearer;
use super::authorization::{decide, rules};
use serde_json::{Value, json};

/// Answers a review.
pub(in super::super) fn answer(call: &Call, target: &Target) -> Outcome<Reply> {
    if call.method != http::Method::POST {
        return Err(Status::method_not_allowed());
    }
    let mut review = call.object()?;
    let spec = &review["spec"];
    let status = match target.kind.kind.as_str() {
        "SelfSubjectReview" => json!({"userInfo": call.user.info()}),
        "TokenReview" => token_review(&call.server, spec),
        "SelfSubjectRulesReview" => rules_review(call, text(spec, "namespace"))?,
        "SelfSubjectAccessReview" => access_review(target, &call.server, &call.user, spec)?,
        "SubjectAccessReview" | "LocalSubjectAccessReview" => {
            access_review(target, &call.server, &named(target, spec)?, spec)?
        }
        _ => return Err(Status::method_not_allowed()),
    };
    if target.kind.kind == "SelfSubjectRulesReview" {
        *at(&mut review, "spec") = json!({});
    }
    *at(&mut review, "kind") = target.kind.kind.as_str().into();
    *at(&mut review, "apiVersion") = target.api_version().into();
    *at(at(&mut review, "metadata"), "creationTimestamp") = Value::Null;
    *at(&mut review, "status") = status;
    Ok(reply::json(201, &review))
}

fn token_review(server: &Server, spec: &Value) -> Value {
    match bearer(server, text(spec, "token")) {
        Some((user, audiences)) => json!({"authenticated": true, "user": user.info(), "audiences": audiences}),
        None if server.identity().known(text(spec, "token")).is_some() => {
            json!({"user": {}, "error": "[invalid bearer token, Token has been invalidated]"})
        }
        None => json!({"user": {}, "error": "invalid bearer token"}),
    }
}

fn access_review(target: &Target, server: &Server, user: &User, spec: &Value) -> Outcome<Value> {
    if spec["resourceAttributes"].is_object() == spec["nonResourceAttributes"].is_object() {
        let why = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
        let cause = Cause::invalid("spec.resourceAttributes", &spec["resourceAttributes"], why);
        return Err(invalid(target, cause));
    }
    let namespace = target.namespace.as_deref().unwrap_or_default();
    if !namespace.is_empty() && spec["resourceAttributes"]["namespace"] != namespace {
        let wrong = &spec["resourceAttributes"]["namespace"];
        let cause = Cause::invalid("spec.resourceAttributes.namespace", wrong, "must match metadata.namespace");
        return Err(invalid(target, cause));
    }
    let decision = decide(server, user, &Asked::of_review(spec));
    let mut status = json!({"allowed": decision.allowed});
    if !decision.reason.is_empty() {
        status["reason"] = decision.reason.into();
    }
    Ok(status)
}

/// The server names only the group of these kinds.
fn invalid(target: &Target, cause: Cause) -> Box<Status> {
    let nameless = Kind { kind: String::new(), ..(*target.kind).clone() };
    Status::invalid(&nameless, "", &[cause])
}

/// The user that a review asks about.
fn named(target: &Target, spec: &Value) -> Outcome<User> {
    let groups: Vec<String> = items(&spec["groups"]).iter().filter_map(Value::as_str).map(str::to_owned).collect();
    let (name, uid) = (text(spec, "user").to_owned(), text(spec, "uid").to_owned());
    if name.is_empty() && groups.is_empty() {
        let cause = Cause::invalid("spec.user", &json!(""), "at least one of user or group must be specified");
        return Err(invalid(target, cause));
    }
    Ok(User { name, uid, groups })
}

fn rules_review(call: &Call, namespace: &str) -> Outcome<Value> {
    if namespace.is_empty() {
        return Err(Status::bad_request("no namespace on request"));
    }
    let rules = rules(&call.server, &call.user, namespace);
    let part = |key: &str, parts: &[&str]| -> Vec<Value> {
        let of = |rule: &&Value| !items(&rule[key]).is_empty();
        rules.iter().filter(of).map(|rule| only(rule, parts)).collect()
    };
    Ok(json!({
        "resourceRules": part("resources", &["verbs", "apiGroups", "resources", "resourceNames"]),
        "nonResourceRules": part("nonResourceURLs", &["verbs", "nonResourceURLs"]),
        "incomplete": false,
    }))
}

fn only(rule: &Value, keys: &[&str]) -> Value {
    let present = keys.iter().filter(|key| rule[**key].is_array());
    Value::Object(present.map(|key| ((*key).to_owned(), rule[*key].clone())).collect())
}
