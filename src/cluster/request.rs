//! One request, from bytes to an object or a failure.
//!
//! Answers are decoded here and not by kube, whose decoding logs bodies: they may hold secrets.

use super::layers::journal::Former;
use super::layers::{Deadline, Line, Lost, Overdue, Subject, Whole};
use super::path::ApiPath;
use super::status::{STRANGER, Status};
use super::{Cluster, Target};
use crate::failure::{Failure, Kind, Result};
use crate::object::{self, Object};
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::BodyExt;
use kube::client::Body;

/// How a change is written, as its content type.
pub(crate) mod content {
    pub const JSON: &str = "application/json";
    pub const APPLY: &str = "application/apply-patch+yaml";
    pub const MERGE: &str = "application/merge-patch+json";
    pub const STRATEGIC: &str = "application/strategic-merge-patch+json";
    pub const JSON_PATCH: &str = "application/json-patch+json";
}

/// A request without a body.
pub(crate) fn request(method: Method, uri: String) -> Result<Request<Vec<u8>>> {
    build(method, uri, None, Vec::new())
}

/// A request with a JSON body. Secrets in it are open: it goes nowhere but to the cluster.
pub(crate) fn request_with(
    method: Method,
    uri: String,
    content: &str,
    body: &serde_json::Value,
) -> Result<Request<Vec<u8>>> {
    build(method, uri, Some(content), serde_json::to_vec(body).unwrap_or_default())
}

fn build(method: Method, uri: String, content: Option<&str>, body: Vec<u8>) -> Result<Request<Vec<u8>>> {
    let mut builder = Request::builder().method(method).uri(&uri).header(http::header::ACCEPT, content::JSON);
    if let Some(content) = content {
        builder = builder.header(http::header::CONTENT_TYPE, content);
    }
    let mut request = builder.body(body).map_err(|e| Failure::usage(format!("{uri} is not a path: {e}")))?;
    if let Some(line) = crate::here::line() {
        request.extensions_mut().insert(Line(line));
    }
    if let Some(end) = crate::here::end() {
        request.extensions_mut().insert(Deadline(end));
    }
    if let Some(end) = crate::here::overdue() {
        request.extensions_mut().insert(Overdue(end));
    }
    Ok(request)
}

/// The same request, known to be about this object.
pub(crate) fn about(mut request: Request<Vec<u8>>, target: &Target) -> Request<Vec<u8>> {
    request.extensions_mut().insert(Subject(target.title()));
    request
}

/// A request that reads the object at this path.
///
/// # Errors
/// When it is no path.
pub fn reading(path: &str) -> Result<Request<Vec<u8>>> {
    request(Method::GET, path.to_owned())
}

/// A request that deletes or, as this field manager, merge-patches the object at this path, which was read as `former`.
///
/// # Errors
/// When it is no path.
pub fn changing(
    method: Method,
    path: &str,
    title: &str,
    body: &serde_json::Value,
    former: &Object,
    manager: &str,
) -> Result<Request<Vec<u8>>> {
    let is_patch = method == Method::PATCH;
    let kind = if is_patch { content::MERGE } else { content::JSON };
    let pairs: &[_] = if is_patch { &[("fieldManager", manager)] } else { &[] };
    let uri = super::path::with_query(path.to_owned(), pairs);
    let mut request = request_with(method, uri, kind, body)?;
    request.extensions_mut().insert(Subject(title.to_owned()));
    Ok(after(request, Some(former)))
}

/// The same request, which changes what was read so; `None` when there was nothing.
pub(crate) fn after(mut request: Request<Vec<u8>>, former: Option<&Object>) -> Request<Vec<u8>> {
    request.extensions_mut().insert(Former(former.cloned()));
    request
}

impl Cluster {
    /// Sends one request and decodes the answer's object. Server errors become failures with the server's words, cluster,
    /// and `object` when the path names one.
    pub async fn send(&self, request: http::Request<Vec<u8>>) -> Result<Object> {
        match self.ask(request.clone()).await? {
            Ok(object) => Ok(object),
            Err(status) => Err(self.refusal(&request, status)),
        }
    }

    /// The object, or `None` when there is none.
    pub async fn find(&self, target: &Target) -> Result<Option<Object>> {
        match self.send(about(request(Method::GET, target.path())?, target)).await {
            Ok(object) => Ok(Some(object)),
            Err(failure) if failure.kind == Kind::NotFound => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// The object.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub async fn get(&self, target: &Target) -> Result<Object> {
        self.send(about(request(Method::GET, target.path())?, target)).await
    }

    /// Like [`Cluster::send`], with the server's refusal as it is.
    pub(crate) async fn ask(&self, request: Request<Vec<u8>>) -> Result<Result<Object, Status>> {
        match self.exchange(&request).await? {
            // A deletion has nothing to show.
            Ok(bytes) if bytes.is_empty() && request.method() == Method::DELETE => Ok(Ok(Object::default())),
            Ok(bytes) => Ok(Ok(self.decoded(&request, object::from_json(&bytes))?)),
            Err(status) => Ok(Err(status)),
        }
    }

    /// The object in the answer to this request.
    pub(super) fn decoded(&self, request: &Request<Vec<u8>>, answer: Result<Object>) -> Result<Object> {
        let wrong = |why: &str| {
            let message = format!("the answer to {} {} is {why}", request.method(), request.uri().path());
            Failure::new(Kind::Server, message).on_cluster(self.name()).hint(STRANGER)
        };
        let object = answer.map_err(|failure| wrong(&failure.message))?;
        // Version and schemas are no objects.
        if object.kind().is_empty() && request.uri().path().starts_with("/api") {
            return Err(wrong("no object of Kubernetes"));
        }
        Ok(self.received(object))
    }

    /// Sends one request; the body of the answer as it came.
    pub(crate) async fn fetch(&self, request: Request<Vec<u8>>) -> Result<Bytes> {
        match self.exchange(&request).await? {
            Ok(bytes) => Ok(bytes),
            Err(status) => Err(self.refusal(&request, status)),
        }
    }

    /// The failure of a request that the server refused.
    pub(crate) fn refusal(&self, request: &Request<Vec<u8>>, status: Status) -> Failure {
        let failure = status.into_failure().on_cluster(self.name());
        let target = ApiPath::parse(request.uri().path());
        match request.extensions().get::<Subject>() {
            Some(subject) => failure.about(&subject.0),
            None if target.name.is_some() => failure.about(target.title()),
            None => failure,
        }
    }

    /// Sends one request; the body of the answer, or the server's refusal.
    pub(super) async fn exchange(&self, request: &Request<Vec<u8>>) -> Result<Result<Bytes, Status>> {
        let mut sent = request.clone().map(Body::from);
        sent.extensions_mut().insert(Whole);
        let response = self.client().send(sent).await.map_err(|error| self.failure(request, failure_of(error)))?;
        // Simulated time stands still until whoever asked has the answer in hand.
        let (parts, body) = response.into_parts();
        self.0.date.hear(&parts.headers, self.clock());
        if let Some(status) = parts.extensions.get::<Status>() {
            let lost = parts.extensions.get::<Lost>().is_some();
            return Ok(Err(Status { lost, ..status.clone() }));
        }
        let body = body.collect().await.map_err(|error| self.failure(request, failure_of(error)))?;
        Ok(Ok(body.to_bytes()))
    }

    fn failure(&self, request: &Request<Vec<u8>>, failure: Failure) -> Failure {
        let failure = failure.on_cluster(self.name());
        match request.extensions().get::<Subject>() {
            Some(subject) => failure.about(&subject.0),
            None => failure,
        }
    }
}

/// The failure in kube's error: the layers put it there.
pub fn failure_of(error: kube::Error) -> Failure {
    match error {
        kube::Error::Service(inner) => match inner.downcast::<Failure>() {
            Ok(failure) => *failure,
            Err(other) => Failure::new(Kind::Unreachable, other.to_string()),
        },
        kube::Error::Api(status) => {
            let code = http::StatusCode::from_u16(status.code).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
            Status::read(code, &serde_json::to_vec(&status).unwrap_or_default()).into_failure()
        }
        other => Failure::new(Kind::Unreachable, other.to_string()),
    }
}
