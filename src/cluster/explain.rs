//! What a field means, from the cluster's own OpenAPI documents.

use super::request::request;
use super::{Cluster, Resource};
use crate::failure::{Failure, Kind, Result};
use crate::object::{Node, Object};
use http::Method;

/// A kind or a field of it, explained.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Explanation {
    /// What was asked for, as `deployments.spec.replicas`.
    pub path: String,
    /// Its type, such as `string`, `[]Container`, `map[string]string`.
    pub kind: String,
    /// What the API says it means.
    pub description: String,
    /// The fields below it, with their types, required ones first.
    pub fields: Vec<Field>,
}

/// A field below an explained one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: String,
    /// Whether it must be there.
    pub required: bool,
    /// The first sentence of its description.
    pub summary: String,
}

impl Cluster {
    /// Explains `KIND` or `KIND.field.field`; a kind with dots in its name is written `group/version/Kind`.
    ///
    /// # Errors
    /// `NotFound` when the kind or a field does not exist, with the nearest names.
    pub async fn explain(&self, path: &str) -> Result<Explanation> {
        let (slashes, last) = path.rsplit_once('/').map_or(("", path), |(head, last)| (head, last));
        let (kind, fields) = last.split_once('.').map_or((last, ""), |(kind, fields)| (kind, fields));
        let kind = if slashes.is_empty() { kind.to_owned() } else { format!("{slashes}/{kind}") };
        let resource = self.resource(&kind).await?;
        let document = self.open_api(&resource).await?;
        let root = schema_of(&document, &resource).ok_or_else(|| {
            Failure::new(Kind::NotFound, format!("the cluster does not describe {}", resource.kind))
                .on_cluster(self.name())
        })?;
        let mut schema = root;
        for field in fields.split('.').filter(|field| !field.is_empty()) {
            schema = below(&document, schema, field).map_err(|failure| failure.on_cluster(self.name()))?;
        }
        Ok(explained(&document, schema, path))
    }

    async fn open_api(&self, resource: &Resource) -> Result<Object> {
        let index = self.send(request(Method::GET, "/openapi/v3".to_owned())?).await?;
        let root = if resource.group.is_empty() { "api" } else { "apis" };
        let key = format!("{root}/{}", resource.api_version());
        let path = index.at_keys(["paths", &key, "serverRelativeURL"]).and_then(Node::as_str);
        let path = path.map_or_else(|| format!("/openapi/v3/{key}"), str::to_owned);
        self.send(request(Method::GET, path)?).await
    }
}

fn schema_of<'d>(document: &'d Object, resource: &Resource) -> Option<&'d Node> {
    let is = |node: &Node, key: &str, value: &str| node.get(key).and_then(Node::as_str).unwrap_or_default() == value;
    let schemas = document.at("components.schemas")?.entries().iter().map(|(_, schema)| schema);
    schemas.into_iter().find(|schema| {
        let kinds = schema.get("x-kubernetes-group-version-kind").map_or(&[][..], Node::items);
        kinds.iter().any(|gvk| {
            is(gvk, "group", &resource.group)
                && is(gvk, "version", &resource.version)
                && is(gvk, "kind", &resource.kind)
        })
    })
}

/// The schema itself, after `$ref` and single `allOf`; with the name of its definition.
fn resolved<'d>(document: &'d Object, schema: &'d Node) -> (&'d Node, Option<&'d str>) {
    let all_of = schema.get("allOf").map_or(&[][..], Node::items);
    let reference = schema.get("$ref").or_else(|| all_of.first()?.get("$ref")).and_then(Node::as_str);
    let Some(name) = reference.and_then(|reference| reference.strip_prefix("#/components/schemas/")) else {
        return (schema, None);
    };
    let target = document.at_keys(["components", "schemas", name]).unwrap_or(schema);
    (target, name.rsplit('.').next())
}

/// The schema whose fields are meant: of items for lists, of values for maps.
fn element<'d>(document: &'d Object, schema: &'d Node) -> &'d Node {
    let (schema, _) = resolved(document, schema);
    match schema.get("items").or_else(|| schema.get("additionalProperties").filter(|node| matches!(node, Node::Map(_))))
    {
        Some(inner) => element(document, inner),
        None => schema,
    }
}

fn below<'d>(document: &'d Object, schema: &'d Node, field: &str) -> Result<&'d Node> {
    let properties = element(document, schema).get("properties");
    if let Some(found) = properties.and_then(|properties| properties.get(field)) {
        return Ok(found);
    }
    let failure = Failure::new(Kind::NotFound, format!("there is no field `{field}`"));
    let names = properties.map_or(&[][..], Node::entries).iter().map(|(name, _)| name);
    let nearest = names.min_by_key(|name| strsim::damerau_levenshtein(name, field));
    Err(match nearest {
        Some(name) if strsim::damerau_levenshtein(name, field) <= 3 => failure.hint(format!("did you mean `{name}`?")),
        _ => failure.hint("explain its parent to see the fields there are"),
    })
}

fn type_of(document: &Object, schema: &Node) -> String {
    let (target, name) = resolved(document, schema);
    let kind = target.get("type").and_then(Node::as_str).unwrap_or("any");
    match (kind, target.get("items"), target.get("additionalProperties")) {
        (_, Some(items), _) => format!("[]{}", type_of(document, items)),
        ("object", _, Some(values @ Node::Map(_))) => format!("map[string]{}", type_of(document, values)),
        ("object", ..) => name.unwrap_or("object").to_owned(),
        _ => name.filter(|name| *name == "Time" || *name == "Quantity").unwrap_or(kind).to_owned(),
    }
}

fn description<'d>(document: &'d Object, schema: &'d Node) -> &'d str {
    let text = |node: &'d Node| node.get("description").and_then(Node::as_str);
    text(schema).or_else(|| text(resolved(document, schema).0)).unwrap_or_default()
}

fn explained(document: &Object, schema: &Node, path: &str) -> Explanation {
    let inner = element(document, schema);
    let required: Vec<&str> =
        inner.get("required").map_or(&[][..], Node::items).iter().filter_map(Node::as_str).collect();
    let properties = inner.get("properties").map_or(&[][..], Node::entries).iter();
    let mut fields: Vec<Field> = properties
        .map(|(name, schema)| Field {
            name: name.to_string(),
            kind: type_of(document, schema),
            required: required.contains(&&**name),
            summary: first_sentence(description(document, schema)).to_owned(),
        })
        .collect();
    fields.sort_by(|one, other| (!one.required, &one.name).cmp(&(!other.required, &other.name)));
    let description = description(document, schema).to_owned();
    Explanation { path: path.to_owned(), kind: type_of(document, schema), description, fields }
}

fn first_sentence(text: &str) -> &str {
    text.split_once(". ").map_or(text, |(first, _)| first).trim_end_matches('.')
}
