//! Secrets of type `kubernetes.io/service-account-token`: filled with a token of the service account they name.

use super::turn::{Action, Id, Target, Turn, View, is_terminating, kind, text, uid};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::time::Duration;

const KIND: &str = "kubernetes.io/service-account-token";
const ACCOUNT: &str = "/metadata/annotations/kubernetes.io~1service-account.name";
const ACCOUNT_UID: &str = "/metadata/annotations/kubernetes.io~1service-account.uid";
const TAKES: Duration = Duration::from_millis(200);

/// The token secrets that a change of `object` concerns.
pub(crate) fn concerns(view: &dyn View, object: &Value) -> Vec<Id> {
    match kind(object) {
        "Secret" if object["type"] == KIND => vec![Id::of(object)],
        "ServiceAccount" => {
            let mut secrets = view.list("Secret", Some(text(object, "/metadata/namespace")));
            secrets.retain(|secret| secret["type"] == KIND && text(secret, ACCOUNT) == text(object, "/metadata/name"));
            secrets.iter().map(|secret| Id::of(secret)).collect()
        }
        _ => Vec::new(),
    }
}

/// Fills a token secret; deletes it when its service account does not exist or is another one by now.
pub(crate) fn reconcile(turn: &mut Turn<'_>, id: &Id) {
    let Some(secret) = turn.get("Secret", id).filter(|secret| secret["type"] == KIND) else { return };
    if is_terminating(&secret) || !turn.stayed("filling", TAKES) {
        return;
    }
    let account = turn.view().get("ServiceAccount", id.namespace(), text(&secret, ACCOUNT));
    let known = text(&secret, ACCOUNT_UID);
    match account.filter(|account| known.is_empty() || known == uid(account)) {
        Some(account) => fill(turn, &secret, &account),
        None => turn.want(Action::Delete(Target::of(&secret))),
    }
}

fn fill(turn: &mut Turn<'_>, secret: &Value, account: &Value) {
    let complete = ["token", "ca.crt", "namespace"].iter().all(|key| secret["data"][*key].is_string());
    if complete && text(secret, ACCOUNT_UID) == uid(account) {
        return;
    }
    let token = match secret["data"]["token"].as_str() {
        Some(token) => token.to_owned(),
        None => STANDARD.encode(turn.view().token(account, secret)),
    };
    let data = json!({
        "token": token, "ca.crt": STANDARD.encode(turn.view().authority()),
        "namespace": STANDARD.encode(text(secret, "/metadata/namespace")),
    });
    let annotations = json!({ "kubernetes.io/service-account.uid": uid(account) });
    turn.patch(secret, json!({ "data": data, "metadata": { "annotations": annotations } }));
}
