//! GET: one object or a list, in the shape that the client accepts.

use super::call::{Call, Target};
use super::selectors::Selection;
use super::status::{Outcome, Status};
use super::store::Key;
use super::transport::Reply;
use super::tree::{at, set, text};
use super::{conversions, metadata, reply, table};
use base64::Engine as _;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::sync::Arc;

pub(super) fn get(call: &Call, target: &Target) -> Outcome<Reply> {
    asked_version(call)?;
    let object = call.server.store().get(&target.kind.resource(), &target.key()).cloned();
    let object = object.ok_or_else(|| Status::not_found(&target.kind, target.name()))?;
    present(call, target, 200, &object)
}

/// Objects of a kind that the selectors choose, page by page.
pub(super) fn list(call: &Call, target: &Target) -> Outcome<Reply> {
    let selection = Selection::parse(call, target)?;
    let after = call.query.filled("continue").map(|token| resumed(token, call)).transpose()?;
    let exactly = wanted_version(call)?.filter(|_| after.is_none());
    let (all, version) = {
        let (store, resource, namespace) = (call.server.store(), target.kind.resource(), target.namespace.as_deref());
        match after.as_ref().and_then(|(version, _)| *version).or(exactly) {
            Some(version) => (store.list_at(&resource, namespace, version), version),
            None => (store.list(&resource, namespace), store.version()),
        }
    };
    let rest = all.into_iter().filter(|object| after.as_ref().is_none_or(|(_, key)| metadata::key_of(object) > *key));
    let mut chosen: Vec<_> = rest.filter(|object| selection.takes(object)).collect();
    let mut more = json!({});
    let limit = call.query.number("limit")?.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(0);
    if limit > 0 && chosen.len() > limit {
        more = json!({"remainingItemCount": chosen.len() - limit});
        chosen.truncate(limit);
        let last = chosen.last().map(|object| metadata::key_of(object)).unwrap_or_default();
        *at(&mut more, "continue") = token(Some(version), &last).into();
    }
    present_list(call, target, chosen, &version.to_string(), more)
}

const TOO_OLD: &str = "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.";

/// The version that a list must be of: only where the client says that it must be exactly that one.
fn wanted_version(call: &Call) -> Outcome<Option<u64>> {
    let Some(asked) = asked_version(call)? else { return Ok(None) };
    if call.query.get("resourceVersionMatch") != Some("Exact") {
        return Ok(None);
    }
    if call.server.store().is_forgotten(asked) {
        return Err(Status::expired("The resourceVersion for the provided list is too old."));
    }
    Ok(Some(asked))
}

/// The resourceVersion of a read, which must be one that there has been.
fn asked_version(call: &Call) -> Outcome<Option<u64>> {
    let Some(asked) = call.query.filled("resourceVersion") else { return Ok(None) };
    let asked: u64 = asked.parse().map_err(|_| {
        Status::bad_request(format!(
            "invalid resource version: resourceVersion: Invalid value: {asked:?}: strconv.ParseUint: parsing {asked:?}: invalid syntax"
        ))
    })?;
    let now = call.server.store().version();
    if asked > now {
        return Err(Status::too_large(asked, now));
    }
    Ok((asked > 0).then_some(asked))
}

/// A continue token: the version of the first page, -1 when the rest may be newer, and the last object seen.
fn token(version: Option<u64>, (namespace, name): &Key) -> String {
    let version = version.map_or_else(|| json!(-1), Value::from);
    let plain = json!({"v": "meta.k8s.io/v1", "rv": version, "start": format!("{namespace}/{name}")});
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(plain.to_string())
}

fn resumed(given: &str, call: &Call) -> Outcome<(Option<u64>, Key)> {
    let wrong =
        || Status::bad_request("invalid continue token: continue key is not valid: it does not come from this server");
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(given).map_err(|_| wrong())?;
    let plain: Value = serde_json::from_slice(&bytes).map_err(|_| wrong())?;
    let (namespace, name) = text(&plain, "start").split_once('/').ok_or_else(wrong)?;
    let key = (namespace.to_owned(), name.to_owned());
    if plain["rv"] == -1 {
        return Ok((None, key));
    }
    let version = plain["rv"].as_u64().ok_or_else(wrong)?;
    if call.server.store().is_forgotten(version) {
        return Err(Status::expired(TOO_OLD).to_go_on_with(token(None, &key)));
    }
    Ok((Some(version), key))
}

/// What a client accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Whole,
    Table,
    Metadata,
}

impl Shape {
    /// The first shape in the Accept header that this server makes.
    pub fn of(call: &Call) -> Shape {
        let accept = call.header("accept");
        let shape = |one: &str| match one {
            one if !one.contains("json") => None,
            one if one.contains("as=Table") => Some(Shape::Table),
            one if one.contains("as=PartialObjectMetadata") => Some(Shape::Metadata),
            _ => Some(Shape::Whole),
        };
        accept.split(',').find_map(shape).unwrap_or(Shape::Whole)
    }
}

/// Whether the client wants YAML rather than JSON.
fn wants_yaml(call: &Call) -> bool {
    call.header("accept").split(',').next().is_some_and(|first| first.trim().starts_with("application/yaml"))
}

/// One object as an answer.
pub(super) fn present(call: &Call, target: &Target, code: u16, object: &Arc<Value>) -> Outcome<Reply> {
    let shown = match Shape::of(call) {
        Shape::Whole if wants_yaml(call) => return Ok(yaml(code, &as_version(target, object))),
        Shape::Whole => {
            let object = &*conversions::shown(&target.kind, &target.version, object);
            return Ok(reply::json(code, &Shown { object, api_version: &target.api_version() }));
        }
        Shape::Table => table::of_one(call, target, object),
        Shape::Metadata => metadata_only(object),
    };
    Ok(reply::json(code, &shown))
}

fn yaml(code: u16, object: &Value) -> Reply {
    reply::whole(code, "application/yaml", serde_yaml::to_string(object).unwrap_or_default().into_bytes())
}

/// A list as an answer. `more` is what paging adds to its metadata.
pub(super) fn present_list(
    call: &Call,
    target: &Target,
    objects: Vec<Arc<Value>>,
    version: &str,
    mut more: Value,
) -> Outcome<Reply> {
    *at(&mut more, "resourceVersion") = version.into();
    if target.kind.is_custom() && Shape::of(call) == Shape::Whole {
        set(&mut more, "continue", "".into());
    }
    let api_version = target.api_version();
    let list = |kind: &str, api_version: &str, items: Value| json!({"kind": kind, "apiVersion": api_version, "metadata": more.clone(), "items": items});
    Ok(match Shape::of(call) {
        Shape::Table => reply::json(200, &table::of_list(call, target, &objects, more)),
        Shape::Metadata => {
            let items = objects.iter().map(|object| metadata_only(object)).collect();
            reply::json(200, &list("PartialObjectMetadataList", "meta.k8s.io/v1", items))
        }
        Shape::Whole => reply::json(
            200,
            &List { kind: &target.kind.list_kind, api_version: &api_version, metadata: &more, items: &objects, target },
        ),
    })
}

/// An object in the version that the path names.
pub(super) fn as_version(target: &Target, object: &Value) -> Value {
    let mut object = conversions::shown(&target.kind, &target.version, object).into_owned();
    *at(&mut object, "apiVersion") = target.api_version().into();
    object
}

/// The `PartialObjectMetadata` of an object.
pub(super) fn metadata_only(object: &Value) -> Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"]})
}

/// An object, written without a copy of it.
struct Shown<'a> {
    object: &'a Value,
    api_version: &'a str,
}

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("kind", &self.object["kind"])?;
        map.serialize_entry("apiVersion", self.api_version)?;
        for (key, value) in self.object.as_object().into_iter().flatten() {
            if key != "kind" && key != "apiVersion" {
                map.serialize_entry(key, value)?;
            }
        }
        map.end()
    }
}

/// An item of a list of a built-in kind, which the server writes without kind and apiVersion.
struct Untyped<'a>(Cow<'a, Value>);

impl Serialize for Untyped<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fields = self.0.as_object().into_iter().flatten();
        serializer.collect_map(fields.filter(|(key, _)| *key != "kind" && *key != "apiVersion"))
    }
}

struct List<'a> {
    kind: &'a str,
    api_version: &'a str,
    metadata: &'a Value,
    items: &'a [Arc<Value>],
    target: &'a Target,
}

impl Serialize for List<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(4))?;
        map.serialize_entry("kind", self.kind)?;
        map.serialize_entry("apiVersion", self.api_version)?;
        map.serialize_entry("metadata", self.metadata)?;
        if self.target.kind.is_custom() {
            let shown: Vec<_> =
                self.items.iter().map(|object| Shown { object, api_version: self.api_version }).collect();
            map.serialize_entry("items", &shown)?;
        } else {
            let converted = |object| conversions::shown(&self.target.kind, &self.target.version, object);
            let plain: Vec<_> = self.items.iter().map(|object| Untyped(converted(object))).collect();
            map.serialize_entry("items", &plain)?;
        }
        map.end()
    }
}
