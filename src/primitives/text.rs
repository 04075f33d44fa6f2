//! `text`: YAML, JSON and base64, and string functions that return their result.

use super::Host;
use crate::engine::value::{from_node, to_node};
use crate::engine::{Call, Effect, Outcome, Primitive};
use crate::failure::{Failure, Kind, Result};
use crate::object::{Map, Node, Object, yaml};
use crate::secret::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rhai::Dynamic;
use std::sync::Arc;

/// The table of `text`.
pub const TEXT: &[Primitive<Host>] = &[
    Primitive {
        on: "text",
        name: "parse_yaml",
        params: "text: string|Secret",
        options: &[],
        returns: "any",
        doc: "The value of a YAML or JSON text. Several documents come back as a list. Texts, numbers and booleans in a \
              Secret are Secrets as well.",
        example: r#"text.parse_yaml("networks: {network1: {port: 443}}").networks.network1.port == 443"#,
        effect: Effect::None,
        since: "0.1.0",
        call: parse_yaml,
    },
    Primitive {
        on: "text",
        name: "yaml",
        params: "value: any",
        options: &[],
        returns: "string",
        doc: "A value as YAML text. Secrets show their names only.",
        example: r#"text.yaml(#{port: 443}) == "port: 443\n""#,
        effect: Effect::None,
        since: "0.1.0",
        call: to_yaml,
    },
    Primitive {
        on: "text",
        name: "set_yaml",
        params: "text: string, path: string, value: any",
        options: &[],
        returns: "string",
        doc: "The YAML text with the value at a path such as `networks.network1.gateways[0].address` set. Comments, order \
              and everything else stay as they are; an equal value changes nothing; missing maps on the way are made.",
        example: r#"text.set_yaml("a: 1 # one\nb: 2\n", "b", 3) == "a: 1 # one\nb: 3\n""#,
        effect: Effect::None,
        since: "0.1.0",
        call: set_yaml,
    },
    Primitive {
        on: "text",
        name: "base64",
        params: "text: string",
        options: &[],
        returns: "string",
        doc: "A text in base64.",
        example: r#"text.base64("mesh") == "bWVzaA==""#,
        effect: Effect::None,
        since: "0.1.0",
        call: to_base64,
    },
    Primitive {
        on: "text",
        name: "from_base64",
        params: "text: string",
        options: &[],
        returns: "string",
        doc: "The text that a base64 text stands for.",
        example: r#"text.from_base64("bWVzaA==") == "mesh""#,
        effect: Effect::None,
        since: "0.1.0",
        call: from_base64,
    },
    Primitive {
        on: "text",
        name: "trim",
        params: "text: string",
        options: &[],
        returns: "string",
        doc: "The text without white space at its ends. (Rhai's own `trim` changes the variable and returns nothing.)",
        example: r#"text.trim("  v1\n") == "v1""#,
        effect: Effect::None,
        since: "0.1.0",
        call: trim,
    },
    Primitive {
        on: "text",
        name: "replace",
        params: "text: string, old: string, new: string",
        options: &[],
        returns: "string",
        doc: "The text with every `old` replaced by `new`. (Rhai's own `replace` changes the variable and returns nothing.)",
        example: r#"text.replace("hello-{version}", "{version}", "v1") == "hello-v1""#,
        effect: Effect::None,
        since: "0.1.0",
        call: replace,
    },
];

fn parse_yaml(call: &Call<'_, Host>) -> Outcome {
    Ok(from_node(&match call.value::<Secret>(0) {
        Some(secret) => parts_of(&secret)?,
        None => yaml::value(&call.str(0))?.node,
    }))
}

/// What stands in a secret text: secrets as well.
fn parts_of(secret: &Secret) -> Result<Node> {
    let whole = yaml::value_of_secret(secret)?;
    let is_kubeconfig = whole.kind() == "Config" && whole.at("clusters").is_some();
    Ok(hidden(&whole.node, "", secret.name(), &|key| is_kubeconfig && PUBLIC.contains(&key)))
}

/// What a kubeconfig says of clusters: names and addresses, which stand in every message about them.
const PUBLIC: [&str; 9] = [
    "apiVersion",
    "kind",
    "name",
    "namespace",
    "server",
    "current-context",
    "cluster",
    "user",
    "certificate-authority-data",
];

/// Texts, numbers and booleans within a secret are secrets under its name.
fn hidden(node: &Node, key: &str, name: &str, is_public: &dyn Fn(&str) -> bool) -> Node {
    let content = match node {
        Node::Array(items) => {
            let items = items.iter().map(|item| hidden(item, key, name, is_public));
            return Node::Array(Arc::new(items.collect()));
        }
        Node::Map(map) => {
            let entries = map.0.iter().map(|(key, node)| (key.clone(), hidden(node, key, name, is_public)));
            return Node::Map(Map(Arc::new(entries.collect())));
        }
        Node::Str(text) => text.to_string(),
        Node::Int(number) => number.to_string(),
        Node::Float(number) => number.to_string(),
        Node::Bool(value) => value.to_string(),
        Node::Null | Node::Secret(_) => return node.clone(),
    };
    let is_certificate = content.contains("-----BEGIN CERTIFICATE-----") && !content.contains("PRIVATE KEY-----");
    Node::Secret(match is_public(key) || is_certificate {
        true => Secret::unlearned(name, content),
        false => Secret::new(name, content),
    })
}

fn to_yaml(call: &Call<'_, Host>) -> Outcome {
    Ok(yaml::emit(&to_node(&call.any(0))?).into())
}

fn set_yaml(call: &Call<'_, Host>) -> Outcome {
    let value = to_node(&call.any(2))?;
    Ok(yaml::set(&call.str(0), &call.str(1), &value)?.into())
}

fn to_base64(call: &Call<'_, Host>) -> Outcome {
    Ok(BASE64.encode(call.str(0).as_bytes()).into())
}

fn from_base64(call: &Call<'_, Host>) -> Outcome {
    Ok(decode(&call.str(0))?.into())
}

fn decode(text: &str) -> Result<String> {
    let wrong = |why: String| Failure::new(Kind::Invalid, format!("text.from_base64: {why}"));
    let bytes = BASE64.decode(text.trim()).map_err(|e| wrong(e.to_string()))?;
    String::from_utf8(bytes).map_err(|_| wrong("the content is not text".into()))
}

fn trim(call: &Call<'_, Host>) -> Outcome {
    Ok(call.str(0).trim().to_owned().into())
}

fn replace(call: &Call<'_, Host>) -> Outcome {
    Ok(call.str(0).replace(call.str(1).as_str(), &call.str(2)).into())
}

/// A map value for scripts, entries in this order.
pub fn map_of<const N: usize>(entries: [(&str, Node); N]) -> Dynamic {
    let entries = entries.into_iter().map(|(key, node)| (key.into(), node)).collect();
    Dynamic::from(Object::new(Node::Map(Map(Arc::new(entries)))))
}
