//! Label and field selectors, as lists, watches and collection deletes take them.

use super::call::{Call, Target};
use super::kinds::Kind;
use super::status::{Outcome, Status};
use super::tree::text;
use serde_json::Value;

/// What a list or a watch shows.
#[derive(Debug, Clone, Default)]
pub(super) struct Selection {
    labels: Vec<Requirement>,
    fields: Vec<(Vec<String>, bool, String)>,
}

/// One requirement on a label.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Requirement {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Missing(String),
}

impl Selection {
    /// The selectors of a request.
    ///
    /// # Errors
    /// 400 in the server's words when one does not parse or names a field that the kind cannot be selected by.
    pub fn parse(call: &Call, target: &Target) -> Outcome<Selection> {
        let labels = labels(call.query.get("labelSelector").unwrap_or_default())
            .map_err(|why| Status::bad_request(format!("unable to parse requirement: {why}")))?;
        let mut fields = fields(call.query.get("fieldSelector").unwrap_or_default(), target)?;
        if let Some(name) = &target.name {
            fields.push((vec!["metadata".into(), "name".into()], true, name.clone()));
        }
        Ok(Selection { labels, fields })
    }

    /// Whether it shows this object.
    pub fn takes(&self, object: &Value) -> bool {
        let labels = &object["metadata"]["labels"];
        self.labels.iter().all(|one| one.holds(labels)) && self.fields.iter().all(|one| field_holds(one, object))
    }
}

impl Requirement {
    fn holds(&self, labels: &Value) -> bool {
        let value = |key: &String| labels[key.as_str()].as_str();
        match self {
            Requirement::In(key, values) => value(key).is_some_and(|value| values.iter().any(|one| one == value)),
            Requirement::NotIn(key, values) => value(key).is_none_or(|value| values.iter().all(|one| one != value)),
            Requirement::Exists(key) => value(key).is_some(),
            Requirement::Missing(key) => value(key).is_none(),
        }
    }
}

fn labels(selector: &str) -> Result<Vec<Requirement>, String> {
    split(selector).into_iter().map(requirement).collect()
}

/// The requirements, split at commas outside parentheses.
fn split(selector: &str) -> Vec<&str> {
    let mut depth = 0usize;
    let mut parts = Vec::new();
    let mut start = 0;
    for (index, c) in selector.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&selector[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    parts.push(&selector[start..]);
    parts.into_iter().map(str::trim).filter(|part| !part.is_empty()).collect()
}

fn requirement(text: &str) -> Result<Requirement, String> {
    if let Some(key) = text.strip_prefix('!') {
        return Ok(Requirement::Missing(label_key(key)?));
    }
    for (operator, negative) in [("!=", true), ("==", false), ("=", false)] {
        if let Some((key, value)) = text.split_once(operator) {
            let (key, values) = (label_key(key)?, vec![label_value(value)?]);
            return Ok(if negative { Requirement::NotIn(key, values) } else { Requirement::In(key, values) });
        }
    }
    let mut words = text.splitn(2, char::is_whitespace);
    let key = label_key(words.next().unwrap_or_default())?;
    let Some(rest) = words.next().map(str::trim) else { return Ok(Requirement::Exists(key)) };
    let (operator, list) = match rest.split_once('(') {
        Some(halves) => halves,
        None if matches!(rest, "in" | "notin") => return Err("found '' expected: '('".to_owned()),
        None => return Err(format!("found '{rest}', expected: in, notin, =, ==, !=, gt, lt")),
    };
    let list = list.strip_suffix(')').ok_or_else(|| format!("found '{list}', expected: ')'"))?;
    let values = list.split(',').map(|value| value.trim().to_owned()).collect();
    match operator.trim() {
        "in" => Ok(Requirement::In(key, values)),
        "notin" => Ok(Requirement::NotIn(key, values)),
        other => Err(format!("found '{other}', expected: in, notin, =, ==, !=, gt, lt")),
    }
}

fn label_value(value: &str) -> Result<String, String> {
    let value = value.trim();
    if let Some(at) = value.find(['=', '!', '(', ')', ' ']) {
        return Err(format!("found '{}', expected: ',' or 'end of string'", &value[at..=at]));
    }
    Ok(value.to_owned())
}

fn label_key(key: &str) -> Result<String, String> {
    let key = key.trim();
    let is_fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    if key.is_empty() || !key.chars().all(is_fine) {
        return Err(format!(
            "<nil>: Invalid value: {key:?}: name part must consist of alphanumeric characters, '-', '_' or '.'"
        ));
    }
    Ok(key.to_owned())
}

/// The fields that built-in kinds can be selected by, besides name and namespace.
fn selectable(kind: &Kind) -> &'static [&'static str] {
    match kind.resource().as_str() {
        "pods" => &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        ],
        "events" | "events.events.k8s.io" => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
        "secrets" => &["type"],
        "namespaces" => &["status.phase"],
        "nodes" => &["spec.unschedulable"],
        "services" => &["spec.clusterIP", "spec.type"],
        "jobs.batch" => &["status.successful"],
        "replicasets.apps" | "replicationcontrollers" => &["status.replicas"],
        "certificatesigningrequests.certificates.k8s.io" => &["spec.signerName"],
        _ => &[],
    }
}

fn fields(selector: &str, target: &Target) -> Outcome<Vec<(Vec<String>, bool, String)>> {
    let mut requirements = Vec::new();
    for part in split(selector) {
        let (path, equal, value) = [("!=", false), ("==", true), ("=", true)]
            .iter()
            .find_map(|(operator, equal)| part.split_once(operator).map(|(path, value)| (path.trim(), *equal, value)))
            .ok_or_else(|| Status::bad_request(format!("invalid selector: '{selector}'; can't understand '{part}'")))?;
        let general = matches!(path, "metadata.name" | "metadata.namespace");
        if !general && !selectable(&target.kind).contains(&path) && !is_custom_field(target, path) {
            return Err(unsupported(target, path));
        }
        requirements.push((path.split('.').map(str::to_owned).collect(), equal, value.to_owned()));
    }
    Ok(requirements)
}

/// Whether a definition lists the field under `selectableFields`.
fn is_custom_field(target: &Target, path: &str) -> bool {
    let version = target.kind.custom_version(&target.version);
    let fields = version.and_then(|one| one["selectableFields"].as_array());
    fields.is_some_and(|all| all.iter().any(|one| text(one, "jsonPath").trim_start_matches('.') == path))
}

fn unsupported(target: &Target, path: &str) -> Box<Status> {
    let plain = selectable(&target.kind).is_empty() && !target.kind.is_custom();
    Status::bad_request(match plain {
        true => format!("{path:?} is not a known field selector: only \"metadata.name\", \"metadata.namespace\""),
        false => format!("field label not supported: {path}"),
    })
}

fn field_holds((path, equal, wanted): &(Vec<String>, bool, String), object: &Value) -> bool {
    let value = path.iter().fold(object, |value, key| &value[key.as_str()]);
    let shown = match value {
        Value::String(text) => text.clone(),
        Value::Null if path.last().is_some_and(|last| last == "unschedulable" || last == "hostNetwork") => {
            "false".into()
        }
        Value::Null => String::new(),
        Value::Object(source) => source.get("component").and_then(Value::as_str).unwrap_or_default().to_owned(),
        other => other.to_string(),
    };
    (shown == *wanted) == *equal
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn takes(selector: &str, labels: Value) -> bool {
        let selection = Selection { labels: super::labels(selector).expect(selector), fields: Vec::new() };
        selection.takes(&json!({"metadata": {"labels": labels}}))
    }

    #[test]
    fn every_label_operator_works() {
        let labels = json!({"app": "web", "a.b/c": "1"});
        for selector in
            ["app=web", "app==web", "app!=db", "app", "!tier", "app in (db, web)", "tier notin (x)", "a.b/c=1,app", ""]
        {
            assert!(takes(selector, labels.clone()), "{selector}");
        }
        for selector in ["app=db", "app!=web", "tier", "!app", "app in (db)", "app notin (web,x)", "app,tier"] {
            assert!(!takes(selector, labels.clone()), "{selector}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for selector in ["app in web", "app in (web", "a b (c)", "=x", "a$b"] {
            assert!(super::labels(selector).is_err(), "{selector}");
        }
    }

    #[test]
    fn fields_compare_as_text() {
        let path = |text: &str| text.split('.').map(str::to_owned).collect::<Vec<_>>();
        let pod = json!({"spec": {"nodeName": "n"}, "status": {"phase": "Running"}});
        assert!(field_holds(&(path("status.phase"), true, "Running".into()), &pod));
        assert!(field_holds(&(path("status.phase"), false, "Failed".into()), &pod));
        assert!(field_holds(&(path("status.podIP"), true, String::new()), &pod));
        assert!(field_holds(&(path("spec.hostNetwork"), true, "false".into()), &pod));
    }
}
