//! Trees to text: shown with secrets masked, or sent with secrets open.

use super::decode::is_certificate;
use super::{Node, Object};
use crate::failure::{Failure, Kind, Result};
use crate::secret::Secret;
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::Value;

impl Object {
    /// JSON for people, secrets masked.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(&self.node).unwrap_or_default()
    }

    /// YAML for people, secrets masked; keys and values that YAML could misread are quoted.
    pub fn to_yaml(&self) -> String {
        super::yaml::emit(&self.node)
    }

    /// The value to send to a cluster: secrets opened. Never show or log it.
    pub fn to_wire(&self) -> Value {
        self.node.to_wire()
    }
}

impl Node {
    /// Fails when it holds a secret whose content the run may not use.
    ///
    /// # Errors
    /// `Rights`, with the right that would open it.
    pub fn check_open(&self) -> Result<()> {
        match self {
            Node::Secret(secret) => secret.check_open(),
            Node::Array(items) => items.iter().try_for_each(Node::check_open),
            Node::Map(map) => map.0.iter().try_for_each(|(_, node)| node.check_open()),
            _ => Ok(()),
        }
    }

    /// Fails when it would put the content of a secret where it is none: anywhere but into a Secret. Certificates may stand
    /// anywhere.
    ///
    /// # Errors
    /// `Rights`, with the place and the way that works.
    pub fn check_shelter(&self, kind: &str) -> Result<()> {
        let Some((path, secret)) = self.unsheltered() else { return Ok(()) };
        let path = path.trim_start_matches('.');
        let message = format!("`{path}` would show {secret} to whoever may read a {kind}");
        Err(Failure::new(Kind::Rights, message).hint(
            "put it into a Secret, and refer to that here; if it may be seen, `secret.reveal` makes a text of it, with \
             `needs: {reveal: true}`",
        ))
    }

    /// The first secret in it that is no certificate, with the path to it.
    fn unsheltered(&self) -> Option<(String, &Secret)> {
        match self {
            Node::Secret(secret) if !is_certificate(secret.reveal()) => Some((String::new(), secret)),
            Node::Array(items) => items.iter().enumerate().find_map(|(index, item)| {
                item.unsheltered().map(|(path, secret)| (format!("[{index}]{path}"), secret))
            }),
            Node::Map(map) => map
                .0
                .iter()
                .find_map(|(key, node)| node.unsheltered().map(|(path, secret)| (format!(".{key}{path}"), secret))),
            _ => None,
        }
    }

    /// Whether two values are the same. To know that of a secret is to know it.
    ///
    /// # Errors
    /// `Rights`, when it takes the content of a secret that the run may not use.
    pub fn is_same(&self, other: &Node) -> Result<bool> {
        match (self, other) {
            (Node::Secret(_), _) | (_, Node::Secret(_)) => {
                self.check_open()?;
                other.check_open()?;
                Ok(self == other)
            }
            (Node::Array(one), Node::Array(other)) => {
                Ok(one.len() == other.len() && all(one.iter().zip(&**other).map(|(one, other)| one.is_same(other)))?)
            }
            (Node::Map(one), Node::Map(other)) => {
                let pairs = one.0.iter().map(|(key, one)| (one, other.get(key)));
                let answers = pairs.map(|(one, other)| other.map_or(Ok(false), |other| one.is_same(other)));
                Ok(one.0.len() == other.0.len() && all(answers)?)
            }
            _ => Ok(self == other),
        }
    }

    /// The value to send to a cluster: secrets opened. Never show or log it.
    pub fn to_wire(&self) -> Value {
        match self {
            Node::Null => Value::Null,
            Node::Bool(value) => Value::Bool(*value),
            Node::Int(number) => Value::from(*number),
            Node::Float(number) => Value::from(*number),
            Node::Str(text) => Value::from(&**text),
            Node::Secret(secret) => Value::from(secret.reveal()),
            Node::Array(items) => Value::Array(items.iter().map(Node::to_wire).collect()),
            Node::Map(map) => map.0.iter().map(|(key, node)| (key.to_string(), node.to_wire())).collect(),
        }
    }
}

fn all(mut answers: impl Iterator<Item = Result<bool>>) -> Result<bool> {
    answers.try_fold(true, |so_far, answer| Ok(so_far && answer?))
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match self {
            Node::Null => serializer.serialize_unit(),
            Node::Bool(value) => serializer.serialize_bool(*value),
            Node::Int(number) => serializer.serialize_i64(*number),
            Node::Float(number) => serializer.serialize_f64(*number),
            Node::Str(text) => serializer.serialize_str(text),
            Node::Secret(secret) => serializer.collect_str(secret),
            Node::Array(items) => {
                let mut seq = serializer.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|item| seq.serialize_element(item))?;
                seq.end()
            }
            Node::Map(map) => {
                let mut out = serializer.serialize_map(Some(map.0.len()))?;
                map.0.iter().try_for_each(|(key, node)| out.serialize_entry(&**key, node))?;
                out.end()
            }
        }
    }
}
