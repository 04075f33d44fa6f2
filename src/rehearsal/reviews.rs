//! Who asks, and what they may: tokens are checked, everything else is allowed.

use super::call::{Call, Target};
use super::identity::Token;
use super::reply;
use super::server::Server;
use super::status::{Outcome, Status};
use super::transport::Reply;
use super::tree::{at, text, unset};
use serde_json::{Value, json};

/// Refuses bearer tokens that this server has not issued; requests without one are the administrator's.
pub(super) fn authenticated(call: &Call) -> Outcome<Option<Token>> {
    let header = call.header("authorization");
    let Some(token) = header.strip_prefix("Bearer ").or_else(|| header.strip_prefix("bearer ")) else {
        return Ok(None);
    };
    valid(&call.server, token.trim()).map(Some).ok_or_else(Status::unauthorized)
}

impl Server {
    /// Whether requests with this bearer token are accepted.
    pub fn authenticates(&self, token: &str) -> bool {
        valid(self, token).is_some()
    }
}

/// What a token stands for, while its account and its Secret exist and it has not expired.
fn valid(server: &Server, text: &str) -> Option<Token> {
    let token = server.identity().known(text)?;
    let account = server.get_shared("serviceaccounts", Some(&token.namespace), &token.account)?;
    let alive = account["metadata"]["uid"] == token.uid.as_str();
    let kept =
        token.secret.as_ref().is_none_or(|name| server.get_shared("secrets", Some(&token.namespace), name).is_some());
    let timely = token.expires.is_none_or(|end| server.time().as_second() < end);
    (alive && kept && timely).then_some(token)
}

/// Answers a review: nothing is stored.
pub(super) fn answer(call: &Call, target: &Target) -> Outcome<Reply> {
    if call.method != http::Method::POST {
        return Err(Status::method_not_allowed());
    }
    let mut review = call.object()?;
    let status = match target.kind.kind.as_str() {
        "SelfSubjectReview" => json!({"userInfo": user(authenticated(call)?.as_ref())}),
        "TokenReview" => token_review(&call.server, &review["spec"]),
        "SelfSubjectRulesReview" => json!({
            "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
            "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
            "incomplete": false,
        }),
        "Binding" => return Err(Status::method_not_allowed()),
        _ => json!({"allowed": true}),
    };
    if target.kind.kind == "TokenReview" {
        unset(at(&mut review, "spec"), "token");
    }
    *at(&mut review, "kind") = target.kind.kind.as_str().into();
    *at(&mut review, "apiVersion") = target.api_version().into();
    *at(at(&mut review, "metadata"), "creationTimestamp") = Value::Null;
    *at(&mut review, "status") = status;
    Ok(reply::json(201, &review))
}

fn user(token: Option<&Token>) -> Value {
    match token {
        Some(token) => json!({"username": token.user(), "uid": token.uid, "groups": token.groups()}),
        None => json!({"username": "kubernetes-admin", "groups": ["system:masters", "system:authenticated"]}),
    }
}

fn token_review(server: &Server, spec: &Value) -> Value {
    match valid(server, text(spec, "token")) {
        Some(token) => json!({"authenticated": true, "user": user(Some(&token)), "audiences": token.audiences}),
        None => json!({"user": {}, "error": "[invalid bearer token, Token has been invalidated]"}),
    }
}
