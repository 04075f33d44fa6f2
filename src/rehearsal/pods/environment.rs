//! The environment variables of a container, as the kubelet makes them.

use super::super::Server;
use super::files::key_of;
use serde_json::Value;

/// Names and values in the order in which `env` shows them.
pub(super) fn of(server: &Server, pod: &Value, container: &Value) -> Vec<(String, String)> {
    let mut variables = vec![
        ("PATH".to_owned(), "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned()),
        ("HOSTNAME".to_owned(), hostname(pod)),
    ];
    variables.extend(kubernetes(server));
    for source in list(&container["envFrom"]) {
        let prefix = source["prefix"].as_str().unwrap_or_default();
        let all = [("ConfigMap", &source["configMapRef"]), ("Secret", &source["secretRef"])];
        for (kind, reference) in all.into_iter().filter(|(_, reference)| reference.is_object()) {
            let named = every_key(server, pod, kind, reference);
            named.into_iter().for_each(|(key, value)| set(&mut variables, format!("{prefix}{key}"), value));
        }
    }
    for variable in list(&container["env"]) {
        let name = variable["name"].as_str().unwrap_or_default().to_owned();
        if let Some(value) = value(server, pod, variable, &variables) {
            set(&mut variables, name, value);
        }
    }
    variables
}

/// The name that a pod's processes see as the machine's.
pub(super) fn hostname(pod: &Value) -> String {
    let own = pod["spec"]["hostname"].as_str().or(pod["metadata"]["name"].as_str());
    own.unwrap_or_default().chars().take(63).collect()
}

/// What a `fieldRef` names: `metadata.labels['app']`, `status.podIP`.
pub(super) fn field(pod: &Value, path: &str) -> Option<String> {
    let (path, key) = path.split_once("['").map_or((path, None), |(path, key)| (path, key.strip_suffix("']")));
    let value = path.split('.').fold(pod, |value, part| &value[part]);
    match (key, value) {
        (Some(key), map) => map[key].as_str().map(str::to_owned),
        (None, Value::Object(map)) => {
            let lines: Vec<_> = map.iter().map(|(key, value)| format!("{key}={value}")).collect();
            Some(lines.join("\n"))
        }
        (None, value) => value.as_str().map(str::to_owned),
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn set(variables: &mut Vec<(String, String)>, name: String, value: String) {
    variables.retain(|(known, _)| *known != name);
    variables.push((name, value));
}

fn value(server: &Server, pod: &Value, variable: &Value, before: &[(String, String)]) -> Option<String> {
    let from = &variable["valueFrom"];
    if !from.is_object() {
        return Some(expanded(variable["value"].as_str().unwrap_or_default(), before));
    }
    if let Some(path) = from["fieldRef"]["fieldPath"].as_str() {
        return field(pod, path);
    }
    let [map, secret] = ["configMapKeyRef", "secretKeyRef"].map(|key| &from[key]);
    let text = |kind, reference: &Value| {
        let bytes = key_of(server, pod, kind, reference["name"].as_str()?, reference["key"].as_str()?)?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    };
    text("ConfigMap", map).or_else(|| text("Secret", secret))
}

/// `$(NAME)` stands for a variable before; `$$` for a dollar sign.
fn expanded(text: &str, before: &[(String, String)]) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(dollar) = rest.find('$') {
        out.push_str(&rest[..dollar]);
        rest = &rest[dollar..];
        let name = rest.strip_prefix("$(").and_then(|tail| tail.split_once(')')).map(|(name, _)| name);
        let known = name.and_then(|name| before.iter().find(|(known, _)| known == name));
        let taken = match (known, name) {
            (Some((_, value)), Some(name)) => {
                out.push_str(value);
                name.len() + 3
            }
            _ => {
                out.push('$');
                if rest.starts_with("$$") { 2 } else { 1 }
            }
        };
        rest = &rest[taken..];
    }
    out + rest
}

fn every_key(server: &Server, pod: &Value, kind: &str, reference: &Value) -> Vec<(String, String)> {
    let name = reference["name"].as_str().unwrap_or_default();
    let Some(object) = server.get_shared(kind, pod["metadata"]["namespace"].as_str(), name) else { return Vec::new() };
    let keys = object["data"].as_object().into_iter().flatten().map(|(key, _)| key);
    keys.filter_map(|key| {
        let bytes = key_of(server, pod, kind, name, key)?;
        Some((key.clone(), String::from_utf8_lossy(&bytes).into_owned()))
    })
    .collect()
}

/// How pods find the API server.
fn kubernetes(server: &Server) -> Vec<(String, String)> {
    let Some(service) = server.get_shared("services", Some("default"), "kubernetes") else { return Vec::new() };
    let host = service["spec"]["clusterIP"].as_str().unwrap_or_default();
    let pairs = [("HOST", host.to_owned()), ("PORT", "443".to_owned()), ("PORT_HTTPS", "443".to_owned())];
    pairs.into_iter().map(|(name, value)| (format!("KUBERNETES_SERVICE_{name}"), value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn variables_refer_to_those_before() {
        let before = [("A".to_owned(), "1".to_owned())];
        assert_eq!(expanded("x$(A)y $(B) $$(A) $", &before), "x1y $(B) $(A) $");
    }

    #[test]
    fn fields_are_named_by_paths() {
        let pod = json!({"metadata": {"name": "p", "labels": {"a.b/c": "d"}}, "status": {"podIP": "10.0.0.1"}});
        assert_eq!(field(&pod, "metadata.labels['a.b/c']").as_deref(), Some("d"));
        assert_eq!(field(&pod, "metadata.labels").as_deref(), Some("a.b/c=\"d\""));
        assert_eq!(field(&pod, "status.podIP").as_deref(), Some("10.0.0.1"));
        assert_eq!(field(&pod, "status.hostIP"), None);
    }
}
