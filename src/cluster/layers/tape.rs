//! The layer next to the transport that keeps what is asked and answered, for a run that is recorded.
//!
//! The program's own requests (leases) are left out. What runs in containers goes over upgraded connections, which have
//! no bodies: [`crate::cluster::Cluster::exec`] tells of it itself, and asks itself in a replay.

use super::Own;
use crate::cluster::stream::{Exec, Output};
use crate::failure::Result;
use bytes::Bytes;
use futures::future::BoxFuture;
use http::header::{CONTENT_TYPE, UPGRADE};
use http::{Request, Response};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt as _;
use kube::client::Body;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tower::{BoxError, Service, ServiceExt as _};

/// What becomes of the traffic beside being sent.
#[derive(Clone, Default)]
pub enum Tape {
    /// Nothing.
    #[default]
    None,
    /// It is kept.
    Records(Arc<dyn Recorder>),
    /// It comes from a recording: the transport answers requests, this one what runs in containers.
    Plays(Arc<dyn Player>),
}

/// A request and what came of it, secrets still in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exchange {
    /// The context name.
    pub cluster: String,
    /// Its place among all requests, in the order in which they were sent.
    pub number: u64,
    /// HTTP method.
    pub method: String,
    /// Path with query.
    pub path: String,
    /// What was sent.
    pub sent: Vec<u8>,
    /// HTTP status code.
    pub status: u16,
    /// The answer's content type.
    pub content_type: String,
    /// The answer, as far as it was read.
    pub answer: Vec<u8>,
}

/// Who keeps the traffic.
pub trait Recorder: Send + Sync {
    /// A cluster was connected.
    fn connected(&self, cluster: &str, server: &str);

    /// The number of the next request.
    fn next(&self) -> u64;

    /// An answer has ended, or nobody reads on.
    fn answered(&self, exchange: Exchange);

    /// A program ran in a container.
    fn executed(&self, cluster: &str, exec: &Exec, output: &Output);
}

/// Who answers from a recording for what runs in containers.
pub trait Player: Send + Sync {
    /// What the program printed.
    ///
    /// # Errors
    /// When nothing like it was recorded.
    fn exec(&self, cluster: &str, exec: &Exec) -> Result<Output>;
}

/// See the module.
#[derive(Clone)]
pub struct Taped<S> {
    inner: S,
    cluster: Arc<str>,
    recorder: Arc<dyn Recorder>,
}

impl<S> Taped<S> {
    /// This service with its traffic kept.
    pub fn new(inner: S, cluster: Arc<str>, recorder: Arc<dyn Recorder>) -> Taped<S> {
        Taped { inner, cluster, recorder }
    }
}

impl<S, B> Service<Request<Body>> for Taped<S>
where
    S: Service<Request<Body>, Response = Response<B>, Error = BoxError> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
{
    type Response = Response<TapedBody<B>>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        // It is this one that is ready, not a clone of it.
        let next = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, next);
        if request.extensions().get::<Own>().is_some() || request.headers().contains_key(UPGRADE) {
            return Box::pin(async move { Ok(inner.call(request).await?.map(|body| TapedBody::new(body, None))) });
        }
        let (recorder, cluster) = (self.recorder.clone(), self.cluster.to_string());
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let sent = body.collect().await?.to_bytes();
            let path = parts.uri.path_and_query().map_or_else(String::new, ToString::to_string);
            let (number, method) = (recorder.next(), parts.method.to_string());
            let request = Request::from_parts(parts, Body::from(sent.to_vec()));
            let response = inner.ready().await?.call(request).await?;
            let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
            let exchange = Exchange {
                cluster,
                number,
                method,
                path,
                sent: sent.to_vec(),
                status: response.status().as_u16(),
                content_type: content_type.unwrap_or_default().to_owned(),
                answer: Vec::new(),
            };
            Ok(response.map(|body| TapedBody::new(body, Some((exchange, recorder)))))
        })
    }
}

/// An answer that is kept while it is read.
pub struct TapedBody<B> {
    inner: Pin<Box<B>>,
    kept: Option<(Exchange, Arc<dyn Recorder>)>,
}

impl<B> TapedBody<B> {
    fn new(inner: B, kept: Option<(Exchange, Arc<dyn Recorder>)>) -> TapedBody<B> {
        TapedBody { inner: Box::pin(inner), kept }
    }

    fn end(&mut self) {
        if let Some((exchange, recorder)) = self.kept.take() {
            recorder.answered(exchange);
        }
    }
}

impl<B> Drop for TapedBody<B> {
    fn drop(&mut self) {
        self.end();
    }
}

impl<B: HttpBody<Data = Bytes>> HttpBody for TapedBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let frame = ready!(self.inner.as_mut().poll_frame(context));
        match &frame {
            Some(Ok(frame)) => {
                if let (Some((exchange, _)), Some(data)) = (&mut self.kept, frame.data_ref()) {
                    exchange.answer.extend_from_slice(data);
                }
            }
            // An answer that breaks off is none: whoever asked asks again.
            Some(Err(_)) => drop(self.kept.take()),
            None => self.end(),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
