//! A change that is about to be sent.

use super::now;
use crate::cluster::layers::{Line, Settings, Subject, reverse};
use crate::cluster::path::{ApiPath, segment};
use crate::object::Object;
use http::Request;
use kube::client::Body;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::atomic::{AtomicU64, Ordering};

/// A change that is about to be sent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    /// Number of the change in this process; its outcome has the same.
    pub id: u64,
    /// When, RFC 3339.
    pub time: String,
    /// The context name.
    pub cluster: String,
    /// HTTP method.
    pub method: String,
    /// Path with query.
    pub path: String,
    /// `Kind namespace/name`.
    pub object: String,
    /// The name of what is to be created, which is not in the path.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// What the server is to make its name from.
    #[serde(default, rename = "generateName", skip_serializing_if = "String::is_empty")]
    pub generate_name: String,
    /// The script line that asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// What there was before.
    #[serde(default)]
    pub before: Before,
}

/// What there was before a change.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum Before {
    /// Nobody has looked.
    #[default]
    Unknown,
    /// No such object.
    Absent,
    /// An object.
    Present {
        /// Its uid.
        uid: String,
        /// Its resourceVersion.
        #[serde(rename = "resourceVersion")]
        resource_version: String,
        /// What it said, Secrets masked, without what servers note in it.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        content: Value,
        /// Its `metadata.managedFields`: who owned what.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        managers: Value,
    },
}

impl Intent {
    /// The object's own path; `None` while only the server knows its name.
    pub fn own_path(&self) -> Option<String> {
        let path = self.path.split('?').next().unwrap_or_default();
        let target = ApiPath::parse(path);
        match (&target.name, &target.subresource) {
            (None, _) if self.name.is_empty() => None,
            (None, _) => Some(format!("{path}/{}", segment(&self.name))),
            (_, Some(subresource)) => Some(path.strip_suffix(&format!("/{subresource}")).unwrap_or(path).to_owned()),
            _ => Some(path.to_owned()),
        }
    }

    /// The field manager that it writes as; empty when it says none.
    pub fn manager(&self) -> &str {
        let query = self.path.split_once('?').map(|(_, query)| query).unwrap_or_default();
        query.split('&').find_map(|pair| pair.strip_prefix("fieldManager=")).unwrap_or_default()
    }
}

/// The name of what is to be created, or what it is made from. A request extension.
#[derive(Clone, Debug)]
pub struct Named {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.generateName`.
    pub generate_name: String,
}

/// The object as it was read before a change, `None` when there was none. A request extension.
#[derive(Clone, Debug)]
pub struct Former(pub Option<Object>);

pub(super) fn intent_of(settings: &Settings, request: &Request<Body>, former: Option<&Former>) -> Intent {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let uri = request.uri();
    let subject = request.extensions().get::<Subject>().map(|subject| subject.0.clone());
    let named = request.extensions().get::<Named>().cloned();
    let (name, generate_name) = named.map(|named| (named.name, named.generate_name)).unwrap_or_default();
    Intent {
        id: NEXT.fetch_add(1, Ordering::Relaxed),
        time: now(),
        cluster: settings.cluster.to_string(),
        method: request.method().to_string(),
        path: uri.path_and_query().map_or_else(|| uri.path().to_owned(), ToString::to_string),
        object: subject.unwrap_or_else(|| ApiPath::parse(uri.path()).title()),
        name,
        generate_name,
        line: request.extensions().get::<Line>().map(|line| line.0.clone()),
        before: before(request.method(), former),
    }
}

fn before(method: &http::Method, former: Option<&Former>) -> Before {
    match former {
        None => Before::Unknown,
        Some(Former(None)) => Before::Absent,
        Some(Former(Some(object))) => Before::Present {
            uid: object.uid().to_owned(),
            resource_version: object.resource_version().to_owned(),
            // What is deleted is not made again.
            content: if *method == http::Method::DELETE { Value::Null } else { content_of(object) },
            managers: managers(object),
        },
    }
}

/// Who owns which fields of an object.
pub fn managers(object: &Object) -> Value {
    let managers = object.at("metadata.managedFields").cloned().map(Object::new);
    managers.and_then(|managers| serde_json::from_str(&managers.to_json()).ok()).unwrap_or_default()
}

/// What somebody asked for of an object, Secrets masked.
pub fn content_of(object: &Object) -> Value {
    reverse::content(serde_json::from_str(&object.to_json()).unwrap_or_default())
}
