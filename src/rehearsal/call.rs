//! One request, taken apart: what it is about, its query parameters, its body.

use super::access::User;
use super::kinds::Kind;
use super::protobuf;
use super::server::Server;
use super::status::{Outcome, Status};
use bytes::Bytes;
use http::{HeaderMap, Method};
use serde_json::Value;
use std::sync::{Arc, Mutex, PoisonError};

/// A request with its body.
pub(super) struct Call {
    pub server: Server,
    pub method: Method,
    pub path: String,
    pub query: Query,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// Who it comes from.
    pub user: User,
    /// What the client should know although the request succeeds: sent as `Warning` headers.
    pub warnings: Mutex<Vec<String>>,
}

/// What a request is about.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub kind: Arc<Kind>,
    /// The version in the path.
    pub version: String,
    pub namespace: Option<String>,
    pub name: Option<String>,
    pub subresource: Option<String>,
}

impl Target {
    /// The object's place in the store.
    pub fn key(&self) -> (String, String) {
        (self.namespace.clone().unwrap_or_default(), self.name().to_owned())
    }

    /// The object's name, or empty.
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }

    /// The `apiVersion` that answers have.
    pub fn api_version(&self) -> String {
        self.kind.api_version(&self.version)
    }
}

impl Call {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Adds a warning to the answer.
    pub fn warn(&self, text: String) {
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).push(text);
    }

    /// The warnings as `Warning` headers say them.
    pub fn warnings(&self) -> Vec<String> {
        let warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        warnings.iter().map(|text| format!("299 - {text:?}")).collect()
    }

    /// Whether nothing must be stored.
    pub fn is_dry(&self) -> bool {
        self.query.get("dryRun").is_some_and(|value| value == "All")
    }

    /// Who makes the change: `fieldManager`, or the program's name from the User-Agent as the real server takes it.
    pub fn manager(&self) -> String {
        match self.query.get("fieldManager") {
            Some(manager) if !manager.is_empty() => manager.to_owned(),
            _ => self
                .header("user-agent")
                .split('/')
                .next()
                .filter(|name| !name.is_empty())
                .unwrap_or("unknown")
                .to_owned(),
        }
    }

    /// The body's media type without parameters.
    pub fn media_type(&self) -> String {
        let first = self.header("content-type").split(';').next().unwrap_or_default();
        first.trim().to_ascii_lowercase()
    }

    /// The body as an object.
    ///
    /// # Errors
    /// 415 for media types that the server does not read, 400 for a body that is not JSON or YAML.
    pub fn object(&self) -> Outcome<Value> {
        match self.media_type().as_str() {
            "" | "*/*" | "application/json" => self.json(),
            "application/yaml" => self.yaml(),
            "application/vnd.kubernetes.protobuf" => protobuf::decode(&self.body)
                .map_err(|why| Status::bad_request(format!("the protobuf body cannot be read: {why}"))),
            _ => Err(Status::unsupported_media_type(&[
                "application/json",
                "application/yaml",
                "application/vnd.kubernetes.protobuf",
            ])),
        }
    }

    /// The body as JSON.
    pub fn json(&self) -> Outcome<Value> {
        serde_json::from_slice(&self.body).map_err(|e| Status::bad_request(format!("error decoding: {e}")))
    }

    /// The body as YAML, of which JSON is a part.
    pub fn yaml(&self) -> Outcome<Value> {
        self.json().or_else(|_| {
            let text = std::str::from_utf8(&self.body)
                .map_err(|e| Status::bad_request(format!("error decoding YAML: {e}")))?;
            serde_yaml::from_str(text).map_err(|e| Status::bad_request(format!("error decoding YAML: {e}")))
        })
    }
}

/// Query parameters in order, decoded.
#[derive(Debug, Clone, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub fn parse(query: &str) -> Query {
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        Query(
            pairs
                .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
                .map(|(k, v)| (decoded(k, true), decoded(v, true)))
                .collect(),
        )
    }

    /// The first value of a parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The value of a parameter that is not empty.
    pub fn filled(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }

    /// All values of a parameter.
    pub fn all(&self, name: &str) -> Vec<String> {
        self.0.iter().filter(|(key, _)| key == name).map(|(_, value)| value.clone()).collect()
    }

    /// Whether a boolean parameter is set.
    pub fn is(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| matches!(value, "true" | "1" | ""))
    }

    /// A number.
    ///
    /// # Errors
    /// 400 when the parameter is something else.
    pub fn number(&self, name: &str) -> Outcome<Option<u64>> {
        let Some(value) = self.filled(name) else { return Ok(None) };
        let wrong = || Status::bad_request(format!("strconv.ParseInt: parsing {value:?}: invalid syntax"));
        value.parse().map(Some).map_err(|_| wrong())
    }
}

/// Percent-decoding; `+` is a space in queries only.
pub(super) fn decoded(text: &str, plus_is_space: bool) -> String {
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        match byte {
            b'+' if plus_is_space => out.push(b' '),
            b'%' => match hex(bytes.as_slice_prefix()) {
                Some(value) => {
                    out.push(value);
                    bytes.nth(1);
                }
                None => out.push(byte),
            },
            _ => out.push(byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The next two bytes of an iterator, left in place.
trait Prefix {
    fn as_slice_prefix(&self) -> Option<[u8; 2]>;
}

impl Prefix for std::str::Bytes<'_> {
    fn as_slice_prefix(&self) -> Option<[u8; 2]> {
        let mut ahead = self.clone();
        Some([ahead.next()?, ahead.next()?])
    }
}

fn hex(digits: Option<[u8; 2]>) -> Option<u8> {
    let digits = digits?;
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(digits[0])? * 16 + digit(digits[1])?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded() {
        let query = Query::parse("labelSelector=a%3Db%2Cc+in%20%28d%29&watch&limit=5&command=a&command=b%2");
        assert_eq!(query.get("labelSelector"), Some("a=b,c in (d)"));
        assert!(query.is("watch"));
        assert_eq!(query.number("limit").expect("number"), Some(5));
        assert_eq!(query.all("command"), ["a", "b%2"]);
        assert_eq!(query.number("command").expect_err("no number").code, 400);
    }
}
