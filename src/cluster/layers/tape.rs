//! The layer next to the transport that keeps what is asked and answered, for a run that is recorded.
//!
//! The program's own requests (leases) are left out. What runs in containers goes over upgraded connections, which have
//! no bodies: [`crate::cluster::Cluster::exec`] tells of it itself, and asks itself in a replay.

use super::Own;
use crate::cluster::path::is_watch;
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

/// Of a watch, so much is kept in memory: it may last for hours.
const PART: usize = 256 << 10;

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
    /// The answer, as far as it was read. Of a watch, what has come since the part before, which has the same number.
    pub answer: Vec<u8>,
    /// Whether a watch broke off, of which parts are kept already.
    pub broken: bool,
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
                broken: false,
            };
            Ok(response.map(|body| TapedBody::new(body, Some((exchange, recorder)))))
        })
    }
}

/// An answer that is kept while it is read.
pub struct TapedBody<B> {
    inner: Pin<Box<B>>,
    kept: Option<(Exchange, Arc<dyn Recorder>)>,
    /// Whether parts of it are handed over already.
    parted: bool,
}

impl<B> TapedBody<B> {
    fn new(inner: B, kept: Option<(Exchange, Arc<dyn Recorder>)>) -> TapedBody<B> {
        TapedBody { inner: Box::pin(inner), kept, parted: false }
    }

    fn take(&mut self, data: &[u8]) {
        let Some((exchange, recorder)) = &mut self.kept else { return };
        exchange.answer.extend_from_slice(data);
        if exchange.answer.len() < PART || !is_watch(&exchange.path) || exchange.status != 200 {
            return;
        }
        if let Some(end) = exchange.answer.iter().rposition(|byte| *byte == b'\n') {
            let rest = exchange.answer.split_off(end + 1);
            recorder.answered(exchange.clone());
            exchange.answer = rest;
            self.parted = true;
        }
    }

    /// An answer that breaks off is none: whoever asked asks again.
    fn breaks(&mut self) {
        if let Some((exchange, recorder)) = self.kept.take().filter(|_| self.parted) {
            recorder.answered(Exchange { answer: Vec::new(), broken: true, ..exchange });
        }
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
            Some(Ok(frame)) => frame.data_ref().into_iter().for_each(|data| self.take(data)),
            Some(Err(_)) => self.breaks(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use futures::StreamExt as _;
    use http_body_util::StreamBody;
    use std::sync::Mutex;

    #[derive(Default)]
    struct Kept(Mutex<Vec<Exchange>>);

    impl Recorder for Kept {
        fn connected(&self, _: &str, _: &str) {}

        fn next(&self) -> u64 {
            1
        }

        fn answered(&self, exchange: Exchange) {
            self.0.lock().expect("lock").push(exchange);
        }

        fn executed(&self, _: &str, _: &Exec, _: &Output) {}
    }

    /// What is kept of a watch with this many events of 100 KiB, which comes in pieces that end anywhere.
    async fn kept(events: usize, breaks: bool) -> Vec<Exchange> {
        let recorder = Arc::new(Kept::default());
        let bytes = format!("{{\"a\":\"{}\"}}\n", "x".repeat(100 << 10)).repeat(events).into_bytes();
        let pieces: Vec<Bytes> = bytes.chunks(10_000).map(Bytes::copy_from_slice).collect();
        let frames = pieces.into_iter().map(|piece| Ok(Frame::data(piece))).chain(breaks.then(|| Err("reset")));
        let exchange = Exchange { path: "/api/v1/pods?watch=1".into(), status: 200, ..Exchange::default() };
        let body =
            TapedBody::new(StreamBody::new(futures::stream::iter(frames)), Some((exchange, recorder.clone() as _)));
        let mut read = body.into_data_stream();
        while let Some(Ok(_)) = read.next().await {}
        drop(read);
        std::mem::take(&mut *recorder.0.lock().expect("lock"))
    }

    #[tokio::test]
    async fn a_long_watch_is_kept_in_parts_of_whole_events() {
        let parts = kept(20, false).await;
        assert!(parts.len() > 5 && parts.iter().all(|part| part.answer.len() < 2 * PART), "{}", parts.len());
        assert!(parts.iter().all(|part| part.answer.is_empty() || part.answer.ends_with(b"\n")));
        let events = parts.iter().flat_map(|part| &part.answer).filter(|byte| **byte == b'\n').count();
        assert_eq!(events, 20);
    }

    #[tokio::test]
    async fn one_that_breaks_off_is_none() {
        assert!(kept(1, true).await.is_empty());
        let parts = kept(20, true).await;
        assert!(parts.last().is_some_and(|part| part.broken && part.answer.is_empty()));
    }
}
