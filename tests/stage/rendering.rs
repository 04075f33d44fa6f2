//! What the guide hands to istioctl, and what the stand-in for it makes of it.

use super::job;
use meshwright::engine::value::to_node;
use meshwright::run::Session;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The primary's gateway, as remotes are told of it.
pub const ADDRESS: &str = "192.0.2.10";

/// What the guide hands to istioctl for a cluster, and what the stand-in makes of it.
pub struct Rendering {
    pub document: String,
    pub set: Vec<String>,
    pub objects: Vec<Value>,
}

/// For a cluster, `primary` or `remote`, with the guide's own parameters.
pub fn rendering(dialect: &str, cluster: &str) -> Rendering {
    rendering_with(&["--dialect", dialect], cluster)
}

/// For a cluster, with these parameters of the guide.
pub fn rendering_with(args: &[&str], cluster: &str) -> Rendering {
    let job = job("shared-gateways", args, None);
    let session = Session::rehearsal(&job, &["cluster1", "cluster2"]).expect("a rehearsal");
    let wanted = match cluster {
        "primary" => "dialects::primary(mesh, networks::placeholders(mesh))".to_owned(),
        _ => format!("dialects::remote(mesh, mesh.remotes[0], {ADDRESS:?})"),
    };
    let script = format!(
        r#"
        import "std:istio/mesh" as mesh_of;
        import "std:istio/dialect" as dialects;
        import "std:istio/networks" as networks;
        import "std:istio/control_plane" as control_plane;
        let mesh = mesh_of::from(params);
        let wanted = {wanted};
        let document = if "file" in wanted {{ text.yaml(wanted.file) }} else {{ "" }};
        #{{document: document, set: wanted.set, objects: control_plane::render(wanted)}}
        "#
    );
    let value = session.evaluate("test", &script, session.scope(&job).expect("scope")).expect("rendered");
    let value = to_node(&value).expect("a tree").to_wire();
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    Rendering {
        document: text(&value["document"]),
        set: value["set"].as_array().expect("flags").iter().map(text).collect(),
        objects: value["objects"].as_array().expect("objects").clone(),
    }
}

/// What a rendered object is compared by.
pub fn outline(object: &Value) -> Value {
    let mut row = json!({"kind": object["kind"], "name": object["metadata"]["name"]});
    row["labels"] = object["metadata"].get("labels").cloned().unwrap_or_else(|| json!({}));
    let ports = [&object["spec"]["ports"], &object["subsets"][0]["ports"]];
    if let Some(ports) = ports.iter().find_map(|ports| ports.as_array()) {
        row["ports"] = ports.iter().map(port).collect();
    }
    if object["kind"] == "Service" && object["spec"]["type"].as_str().is_some_and(|kind| kind != "ClusterIP") {
        row["type"] = object["spec"]["type"].clone();
    }
    if object["kind"] == "Deployment" {
        let template = &object["spec"]["template"];
        row["pods"] = template["metadata"]["labels"].clone();
        let containers = template["spec"]["containers"].as_array().expect("containers");
        row["containers"] = containers.iter().map(|container| container["name"].clone()).collect();
    }
    row
}

/// `name port->targetPort`, where they differ: API servers write down that they do not.
fn port(port: &Value) -> Value {
    let name = port["name"].as_str().unwrap_or_default();
    let target = port.get("targetPort").filter(|target| **target != port["port"]);
    let target = target.map(|target| format!("->{target}")).unwrap_or_default();
    format!("{name} {}{target}", port["port"]).into()
}

/// Kind and name of an outline.
pub fn key(object: &Value) -> String {
    format!("{} {}", object["kind"], object["name"])
}

/// Outlines by kind and name.
pub fn by_key(rows: impl IntoIterator<Item = Value>) -> BTreeMap<String, Value> {
    rows.into_iter().map(|row| (key(&row), row)).collect()
}

/// Whether it is a CRD.
pub fn is_definition(object: &Value) -> bool {
    object["kind"] == "CustomResourceDefinition"
}
