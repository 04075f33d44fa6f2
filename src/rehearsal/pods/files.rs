//! The files of a container that come from the cluster: mounted ConfigMaps and Secrets, the ServiceAccount's token, and
//! what the kubelet writes below `/etc`. Those of its image are not there.

use super::super::Server;
use super::environment::{field, hostname};
use base64::Engine as _;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Contents by path.
pub(super) type Files = BTreeMap<String, Vec<u8>>;

/// The files of a container.
pub(super) fn of(server: &Server, pod: &Value, container: &Value) -> Files {
    let mut files = of_every_pod(server, pod);
    for mount in list(&container["volumeMounts"]) {
        let path = mount["mountPath"].as_str().unwrap_or_default().trim_end_matches('/');
        let Some(volume) = list(&pod["spec"]["volumes"]).iter().find(|volume| volume["name"] == mount["name"]) else {
            continue;
        };
        let mut content = content(server, pod, volume);
        match mount["subPath"].as_str() {
            Some(part) => drop(content.remove(part).map(|bytes| files.insert(path.to_owned(), bytes))),
            None => add(&mut files, path, content),
        }
    }
    files
}

/// The value of a key of a ConfigMap or Secret in a pod's namespace.
pub(super) fn key_of(server: &Server, pod: &Value, kind: &str, name: &str, key: &str) -> Option<Vec<u8>> {
    let object = server.get_shared(kind, pod["metadata"]["namespace"].as_str(), name)?;
    value(kind, &object, key)
}

fn value(kind: &str, object: &Value, key: &str) -> Option<Vec<u8>> {
    let decoded = |text: &str| base64::engine::general_purpose::STANDARD.decode(text).ok();
    match (kind, object["data"][key].as_str(), object["binaryData"][key].as_str()) {
        ("Secret", Some(text), _) | (_, None, Some(text)) => decoded(text),
        (_, Some(text), _) => Some(text.as_bytes().to_vec()),
        _ => None,
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn add(files: &mut Files, folder: &str, content: Files) {
    files.extend(content.into_iter().map(|(name, bytes)| (format!("{folder}/{name}"), bytes)));
}

fn of_every_pod(server: &Server, pod: &Value) -> Files {
    let network = server.addresses().service_network();
    let dns = network.split_once(".0/").map_or_else(String::new, |(base, _)| format!("{base}.10"));
    let (namespace, name) = (pod["metadata"]["namespace"].as_str().unwrap_or_default(), hostname(pod));
    let ip = pod["status"]["podIP"].as_str().unwrap_or_default();
    let hosts = format!("# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n{ip}\t{name}\n");
    let resolver = format!(
        "search {namespace}.svc.cluster.local svc.cluster.local cluster.local\nnameserver {dns}\noptions ndots:5\n"
    );
    let texts = [("hostname", format!("{name}\n")), ("hosts", hosts), ("resolv.conf", resolver)];
    texts.into_iter().map(|(file, text)| (format!("/etc/{file}"), text.into_bytes())).collect()
}

/// What a volume holds, by path below it.
fn content(server: &Server, pod: &Value, volume: &Value) -> Files {
    let mut files = source(
        server,
        pod,
        &json!({
            "configMap": volume["configMap"], "downwardAPI": volume["downwardAPI"],
            "secret": {"name": volume["secret"]["secretName"], "items": volume["secret"]["items"]},
        }),
    );
    for part in list(&volume["projected"]["sources"]) {
        files.extend(source(server, pod, part));
    }
    files
}

/// What one source of a projected volume holds.
fn source(server: &Server, pod: &Value, source: &Value) -> Files {
    let mut files = keys(server, pod, "ConfigMap", &source["configMap"]);
    files.extend(keys(server, pod, "Secret", &source["secret"]));
    for item in list(&source["downwardAPI"]["items"]) {
        let text = item["fieldRef"]["fieldPath"].as_str().and_then(|path| field(pod, path));
        files.extend(item["path"].as_str().map(str::to_owned).zip(text.map(String::into_bytes)));
    }
    if let Some(path) = source["serviceAccountToken"]["path"].as_str() {
        files.extend(account(server, pod, path).into_iter().filter(|(name, _)| name == path));
    }
    files
}

/// All keys, or those that are listed under the paths that they are listed with.
fn keys(server: &Server, pod: &Value, kind: &str, reference: &Value) -> Files {
    let Some(name) = reference["name"].as_str() else { return Files::new() };
    let Some(object) = server.get_shared(kind, pod["metadata"]["namespace"].as_str(), name) else {
        return Files::new();
    };
    let listed =
        list(&reference["items"]).iter().filter_map(|item| Some((item["key"].as_str()?, item["path"].as_str()?)));
    let mut chosen: Vec<(&str, &str)> = listed.collect();
    if chosen.is_empty() {
        let parts = ["data", "binaryData"].iter().filter_map(|part| object[*part].as_object()).flatten();
        chosen = parts.map(|(key, _)| (key.as_str(), key.as_str())).collect();
    }
    chosen.into_iter().filter_map(|(key, path)| Some((path.to_owned(), value(kind, &object, key)?))).collect()
}

/// What is mounted for the pod's account, with a new token.
fn account(server: &Server, pod: &Value, token: &str) -> Files {
    let namespace = pod["metadata"]["namespace"].as_str().unwrap_or_default();
    let name = pod["spec"]["serviceAccountName"].as_str().unwrap_or("default");
    let Some(account) = server.get_shared("serviceaccounts", Some(namespace), name) else { return Files::new() };
    let issued = server.token(&account, None);
    let texts = [(token, issued), ("namespace", namespace.to_owned()), ("ca.crt", server.ca_pem().to_owned())];
    texts.into_iter().map(|(file, text)| (file.to_owned(), text.into_bytes())).collect()
}
