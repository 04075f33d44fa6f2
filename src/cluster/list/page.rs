//! One page of a list: asked for, fetched, decoded.

use crate::cluster::Cluster;
use crate::cluster::path::with_pair;
use crate::cluster::status::Status;
use crate::failure::{Failure, Result};
use crate::object::{Object, list_from_json};
use bytes::Bytes;
use http::Request;
use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};
use tokio_util::task::AbortOnDropHandle;

/// A page that is on its way.
pub(super) type Fetch = AbortOnDropHandle<Result<Result<Bytes, Status>>>;

/// The request for a page.
#[derive(Clone)]
pub(super) struct Question {
    cluster: Cluster,
    /// For the first page, which the others resemble.
    first: Request<Vec<u8>>,
    request: Request<Vec<u8>>,
}

/// A page.
pub(super) struct Page {
    pub list: Object,
    /// The one behind it, if it is on its way already.
    pub behind: Option<Fetch>,
}

impl Question {
    /// For the page that this token leads to; without one, the first.
    pub fn new(cluster: &Cluster, first: Request<Vec<u8>>, token: Option<&str>) -> Result<Question> {
        let mut request = first.clone();
        if let Some(token) = token {
            let uri = with_pair(&first.uri().to_string(), "continue", token);
            let wrong = |e: http::uri::InvalidUri| Failure::usage(format!("{uri} is not a path: {e}"));
            *request.uri_mut() = uri.parse().map_err(wrong)?;
        }
        Ok(Question { cluster: cluster.clone(), first, request })
    }

    /// Sends it.
    pub fn fetch(&self) -> Fetch {
        let (cluster, request) = (self.cluster.clone(), self.request.clone());
        AbortOnDropHandle::new(tokio::spawn(async move { cluster.exchange(&request).await }))
    }

    /// Decodes the answer. With `goes_on`, the page behind it is asked for before that.
    pub async fn page(self, fetch: Fetch, goes_on: bool) -> Result<Result<Page, Status>> {
        let answer = fetch.await.map_err(|e| Failure::internal(format!("listing stopped: {e}")))?;
        let bytes = match answer? {
            Ok(bytes) => bytes,
            Err(status) => return Ok(Err(status)),
        };
        let behind = match token(&bytes).filter(|_| goes_on) {
            Some(token) => Some(Question::new(&self.cluster, self.first.clone(), Some(&token))?.fetch()),
            None => None,
        };
        let list = self.cluster.decoded(&self.request, list_from_json(&bytes))?;
        Ok(Ok(Page { list, behind }))
    }
}

/// The token for the page behind this one, where the page begins with it, as those of API servers do.
fn token(page: &[u8]) -> Option<String> {
    let mut found = Head(None);
    // It stops at the items.
    let _ = serde_json::Deserializer::from_slice(page).deserialize_map(&mut found);
    found.0.filter(|token| !token.is_empty())
}

struct Head(Option<String>);

#[derive(serde::Deserialize)]
struct Metadata {
    #[serde(rename = "continue")]
    token: Option<String>,
}

impl<'de> Visitor<'de> for &mut Head {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "items" => break,
                "metadata" => self.0 = map.next_value::<Metadata>()?.token,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::token;

    #[test]
    fn the_token_is_found_before_the_items() {
        let page = |text: &str| token(text.as_bytes());
        assert_eq!(page(r#"{"kind":"PodList","metadata":{"continue":"a","x":{}},"items":[{"#).as_deref(), Some("a"));
        assert_eq!(page(r#"{"kind":"PodList","metadata":{"continue":""},"items":[]}"#), None);
        assert_eq!(page(r#"{"items":[],"metadata":{"continue":"a"}}"#), None, "too late to be of use");
        assert_eq!(page("[]"), None);
    }
}
