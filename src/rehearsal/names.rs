//! Which names and labels Kubernetes allows: the rules of `k8s.io/apimachinery/pkg/util/validation`, in its words.

use super::kinds::Kind;
use super::status::Cause;
use super::tree::text;
use serde_json::Value;

const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const OLD_LABEL: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const QUALIFIED: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

/// What is wrong with an object's name, labels and annotations.
pub(super) fn causes(kind: &Kind, object: &Value) -> Vec<Cause> {
    let metadata = &object["metadata"];
    let name = text(metadata, "name");
    let mut causes = Vec::new();
    if let Some(why) = name_fault(kind, name) {
        causes.push(Cause::invalid("metadata.name", &name.into(), &why));
    }
    for (key, value) in metadata["labels"].as_object().into_iter().flatten() {
        qualified("metadata.labels", key, &mut causes);
        let value = value.as_str().unwrap_or_default();
        if let Some(why) = fault(value, 63, LABEL_VALUE, |value| value.is_empty() || is_free(value)) {
            causes.push(Cause::invalid("metadata.labels", &value.into(), &why));
        }
    }
    for (key, _) in metadata["annotations"].as_object().into_iter().flatten() {
        qualified("metadata.annotations", &key.to_lowercase(), &mut causes);
    }
    causes
}

fn name_fault(kind: &Kind, name: &str) -> Option<String> {
    match kind.resource().as_str() {
        _ if kind.group == "rbac.authorization.k8s.io" => path_fault(name),
        "namespaces" => fault(name, 63, LABEL, |name| is_label(name, false)),
        "services" => fault(name, 63, OLD_LABEL, |name| is_label(name, true)),
        _ => fault(name, 253, SUBDOMAIN, |name| name.split('.').all(|part| is_label(part, false))),
    }
}

fn fault(text: &str, longest: usize, rule: &str, holds: impl Fn(&str) -> bool) -> Option<String> {
    if text.len() > longest {
        return Some(format!("must be no more than {longest} {}", if longest == 63 { "characters" } else { "bytes" }));
    }
    (!holds(text)).then(|| rule.to_owned())
}

/// Role names may be anything that can be part of a path.
fn path_fault(name: &str) -> Option<String> {
    match name {
        "." | ".." => Some(format!("may not be '{name}'")),
        _ => ['/', '%'].into_iter().find(|c| name.contains(*c)).map(|c| format!("may not contain '{c}'")),
    }
}

fn is_label(text: &str, starts_with_letter: bool) -> bool {
    let is_inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let first = |c: char| if starts_with_letter { c.is_ascii_lowercase() } else { is_inner(c) };
    text.starts_with(first) && text.ends_with(is_inner) && text.chars().all(|c| is_inner(c) || c == '-')
}

fn is_free(text: &str) -> bool {
    let is_edge = |c: char| c.is_ascii_alphanumeric();
    text.starts_with(is_edge)
        && text.ends_with(is_edge)
        && text.chars().all(|c| is_edge(c) || matches!(c, '-' | '_' | '.'))
}

/// `[DNS name/]name`.
fn qualified(field: &str, key: &str, causes: &mut Vec<Cause>) {
    let (prefix, name) = key.split_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    if prefix.is_some_and(|prefix| !prefix.split('.').all(|part| is_label(part, false))) {
        causes.push(Cause::invalid(field, &key.into(), &format!("prefix part {SUBDOMAIN}")));
    }
    if name.len() > 63 {
        causes.push(Cause::invalid(field, &key.into(), "name part must be no more than 63 characters"));
    } else if !is_free(name) {
        causes.push(Cause::invalid(field, &key.into(), QUALIFIED));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rehearsal::kinds;
    use crate::rehearsal::status::Status;
    use serde_json::json;

    fn refusal(plural: &str, metadata: Value) -> Option<String> {
        let kind = kinds::built_in("", plural).expect("kind");
        let causes = causes(&kind, &json!({"metadata": metadata}));
        (!causes.is_empty()).then(|| Status::invalid(&kind, text(&metadata, "name"), &causes).message)
    }

    #[test]
    fn names_follow_the_rules_of_their_kind() {
        assert_eq!(refusal("configmaps", json!({"name": "a.b-c", "labels": {"a.b/c_d": "E.f", "x": ""}})), None);
        assert_eq!(refusal("services", json!({"name": "a-1"})), None);
        let message = refusal("services", json!({"name": "1a"})).expect("refused");
        assert!(
            message.starts_with("Service \"1a\" is invalid: metadata.name: Invalid value: \"1a\": a DNS-1035 label"),
            "{message}"
        );
        assert!(refusal("namespaces", json!({"name": "a.b"})).is_some());
        assert!(refusal("configmaps", json!({"name": "Bad_Name"})).is_some());
        assert!(refusal("configmaps", json!({"name": "a", "labels": {"k": "a b"}})).is_some());
        assert!(refusal("configmaps", json!({"name": "a", "annotations": {"/": ""}})).is_some());
    }
}
