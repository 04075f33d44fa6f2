//! Takes secrets out of what is recorded: what Secrets hold, tokens, and PEM wherever it stands.

use super::aim::Aim;
use crate::object::yaml;
use crate::secret::Redactor;
use regex::Regex;
use serde_json::Value;
use std::sync::LazyLock;

/// What stands in the place of a secret.
pub(super) fn mark(what: &str) -> String {
    format!("‹secret {what}›")
}

static PEM: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"-----BEGIN ([A-Z0-9 ]+)-----[\s\S]*?(-----END [A-Z0-9 ]+-----\n?|\z)"));
static ENCODED_PEM: LazyLock<Regex> = LazyLock::new(|| pattern("LS0tLS1CRUdJTi[A-Za-z0-9+/=]+"));
/// A Secret, or a list of them, in YAML or JSON however it is written.
static MANIFEST: LazyLock<Regex> = LazyLock::new(|| pattern(r#"\bkind["']?\s*:\s*["']?Secret(List)?\b"#));
static TOKEN: LazyLock<Regex> = LazyLock::new(|| pattern(r"eyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]*"));

/// How PEM in base64 is marked.
pub(super) const ENCODED: &str = "PEM in base64";

/// A pattern that is known to be one.
#[allow(clippy::expect_used)]
pub(super) fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a pattern of this program's own")
}

/// Text without known secrets, tokens and PEM.
pub(super) fn text(text: &str) -> String {
    let text = Redactor::global().scrub(text);
    let text = PEM.replace_all(&text, |found: &regex::Captures<'_>| mark(&found[1]));
    let text = ENCODED_PEM.replace_all(&text, mark(ENCODED));
    TOKEN.replace_all(&text, mark("token")).into_owned()
}

/// What a program printed: manifests of Secrets are closed as well.
pub(super) fn printed(printed: &str) -> String {
    if !MANIFEST.is_match(printed) {
        return text(printed);
    }
    // Objects that are read keep their secrets to themselves.
    match yaml::parse(printed) {
        Ok(objects) => text(&objects.iter().map(crate::object::Object::to_yaml).collect::<Vec<_>>().join("---\n")),
        Err(_) => text(printed),
    }
}

/// A body of a request or an answer for this path.
pub(super) fn body(path: &str, mut body: Value) -> Value {
    clean(&mut body, None);
    let aim = Aim::of(path);
    match aim.resource.as_str() {
        "secrets" => close_any(&mut body),
        "serviceaccounts" | "tokenreviews" => close_token(&mut body),
        _ => {}
    }
    body
}

/// Cleans all strings, and closes Secrets wherever they stand. Items of lists may not say their kind.
fn clean(value: &mut Value, list: Option<&str>) {
    match value {
        Value::String(string) => *string = text(string),
        Value::Array(items) => items.iter_mut().for_each(|item| clean(item, list)),
        Value::Object(fields) => {
            let kind = fields.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
            for (name, field) in fields.iter_mut() {
                clean(field, (name == "items" && kind == "SecretList").then_some("Secret"));
            }
            if kind == "Secret" || list == Some("Secret") {
                close(value);
            }
        }
        _ => {}
    }
}

/// Closes what is sent to or comes from Secrets: objects, lists, merge patches, and lists of operations.
fn close_any(body: &mut Value) {
    match body {
        Value::Array(operations) => operations.iter_mut().for_each(|operation| match operation.get_mut("value") {
            Some(value) => hide(value, "value"),
            None => close_any(operation),
        }),
        _ if body.get("type").is_some() && body.get("object").is_some() => close_any(&mut body["object"]),
        _ if body.get("items").is_some() => {
            body["items"].as_array_mut().into_iter().flatten().for_each(close);
        }
        _ => close(body),
    }
}

fn close(secret: &mut Value) {
    for field in ["data", "stringData"] {
        for (key, value) in secret.get_mut(field).and_then(Value::as_object_mut).into_iter().flatten() {
            hide(value, key);
        }
    }
    if let Some(annotations) = secret.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
    }
}

/// A null says that a key is taken away; that may be known.
fn hide(value: &mut Value, what: &str) {
    if !value.is_null() {
        *value = mark(what).into();
    }
}

fn close_token(body: &mut Value) {
    for place in ["/status/token", "/spec/token"] {
        if let Some(token) = body.pointer_mut(place) {
            hide(token, "token");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const PLANTED: &str = "cGxhbnRlZC1zZWNyZXQ=";

    fn holds_nothing(path: &str, value: Value) -> Value {
        let masked = body(path, value);
        assert!(!masked.to_string().contains(PLANTED), "{masked}");
        masked
    }

    #[test]
    fn secrets_are_closed_in_every_form_in_which_they_travel() {
        let secret = json!({"kind": "Secret", "metadata": {"name": "s"}, "data": {"key": PLANTED}});
        let secrets = "/api/v1/namespaces/a/secrets";
        let masked = holds_nothing(&format!("{secrets}/s"), secret.clone());
        assert_eq!(masked["data"]["key"], "‹secret key›");
        holds_nothing(secrets, json!({"kind": "SecretList", "items": [{"data": {"key": PLANTED}}]}));
        holds_nothing(secrets, json!([{"type": "ADDED", "object": secret}]));
        holds_nothing(&format!("{secrets}/s"), json!({"stringData": {"key": PLANTED}}));
        holds_nothing(&format!("{secrets}/s"), json!([{"op": "add", "path": "/data/key", "value": PLANTED}]));
        holds_nothing("/apis/x/v1/lists", json!({"kind": "List", "items": [secret]}));
        holds_nothing("/api/v1/namespaces/a/serviceaccounts/s/token", json!({"status": {"token": PLANTED}}));
    }

    #[test]
    fn pem_and_tokens_are_taken_out_of_any_text() {
        let pem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
        let map = json!({"data": {"root": pem, "ca": "LS0tLS1CRUdJTiBDRVJU", "t": "Bearer eyJhbGciOi.eyJpc3Mi.c2ln"}});
        let masked = body("/api/v1/namespaces/a/configmaps/m", map);
        assert_eq!(masked["data"]["root"], "‹secret CERTIFICATE›");
        assert_eq!(masked["data"]["ca"], "‹secret PEM in base64›");
        assert_eq!(masked["data"]["t"], "Bearer ‹secret token›");
    }

    #[test]
    fn secrets_that_programs_print_are_closed() {
        let printed =
            printed(&format!("kind: ConfigMap\n---\napiVersion: v1\nkind: Secret\ndata:\n  key: {PLANTED}\n"));
        assert!(printed.contains("kind: ConfigMap") && !printed.contains(PLANTED), "{printed}");
    }

    #[test]
    fn secrets_are_closed_however_programs_write_them() {
        let items = format!(r#"[{{"kind":"Secret","data":{{"key":"{PLANTED}"}}}}]"#);
        for text in [
            format!(r#"{{"apiVersion":"v1","kind":"Secret","data":{{"key":"{PLANTED}"}}}}"#),
            format!("kind: \"Secret\"\ndata: {{key: {PLANTED}}}\n"),
            format!(r#"{{"kind":"List","items":{items}}}"#),
        ] {
            let printed = printed(&text);
            assert!(!printed.contains(PLANTED), "{printed}");
        }
    }
}
