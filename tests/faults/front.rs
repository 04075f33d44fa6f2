//! A real TCP server on loopback in front of an in-memory API server, on which connections and answers go wrong as told.

use futures::StreamExt;
use http::{Request, Response};
use http_body_util::{BodyExt, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper_util::rt::TokioIo;
use kube::client::Body;
use meshwright::rehearsal::Server;
use std::future::pending;
use std::io::{Error, ErrorKind};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};
use tokio_util::task::AbortOnDropHandle;
use tower::{BoxError, ServiceExt as _};

/// What goes wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// It is refused with this code, this text for a body and this `Retry-After`.
    Status(u16, &'static str, Option<String>),
    /// The connection is reset before the request is handled.
    Reset,
    /// The request is handled, but the connection is reset before the answer.
    ResetAfter,
    /// Nothing is ever answered, and the connection stays open.
    Hole,
    /// The request is handled, but nothing is ever answered, and the connection stays open.
    HoleAfter,
    /// The head of the answer comes, then nothing more.
    Stall,
    /// The answer comes so far, then this happens.
    Then(Duration, End),
}

/// How an answer ends too early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// As if that was all.
    Clean,
    /// With a reset connection.
    Reset,
    /// Like a whole answer, with these last bytes.
    With(&'static str),
}

/// A request as it was asked.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    pub path: String,
}

impl Asked {
    pub fn is_watch(&self) -> bool {
        self.path.contains("watch=true") || self.path.contains("watch=1")
    }

    /// Whether it is about the objects of this kind, given as plural.
    pub fn is_about(&self, plural: &str) -> bool {
        self.path.split(['/', '?']).any(|part| part == plural)
    }
}

type Fits = dyn Fn(&Asked) -> bool + Send;

struct Rule {
    fits: Box<Fits>,
    times: usize,
    wrong: Wrong,
}

struct Shared {
    server: Server,
    rules: Mutex<Vec<Rule>>,
    asked: Mutex<Vec<Asked>>,
}

/// See the module. It ends with the value.
pub struct Front {
    address: SocketAddr,
    shared: Arc<Shared>,
    _task: AbortOnDropHandle<()>,
}

impl Front {
    /// Serves from now on.
    pub fn new(server: &Server) -> Front {
        Front::after(server, Duration::ZERO)
    }

    /// Refuses connections for this long, then serves.
    pub fn after(server: &Server, pause: Duration) -> Front {
        let socket = TcpSocket::new_v4().expect("socket");
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port");
        let address = socket.local_addr().expect("address");
        let shared = Arc::new(Shared { server: server.clone(), rules: Mutex::default(), asked: Mutex::default() });
        let serving = serve(shared.clone(), socket, pause);
        Front { address, shared, _task: AbortOnDropHandle::new(tokio::spawn(serving)) }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A kubeconfig with one context, `east`, without credentials.
    pub fn kubeconfig(&self) -> String {
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: east\n\
             clusters: [{{name: east, cluster: {{server: '{}'}}}}]\n\
             contexts: [{{name: east, context: {{cluster: east, user: ''}}}}]\nusers: []\n",
            self.url()
        )
    }

    /// The next so many requests that fit go wrong.
    pub fn inject(&self, times: usize, wrong: Wrong, fits: impl Fn(&Asked) -> bool + Send + 'static) {
        let rule = Rule { fits: Box::new(fits), times, wrong };
        self.shared.rules.lock().unwrap_or_else(PoisonError::into_inner).push(rule);
    }

    /// Every request so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many requests of this method are about this kind.
    pub fn count(&self, method: &str, plural: &str) -> usize {
        self.asked().iter().filter(|asked| asked.method == method && asked.is_about(plural)).count()
    }
}

async fn serve(shared: Arc<Shared>, socket: TcpSocket, pause: Duration) {
    tokio::time::sleep(pause).await;
    let listener = socket.listen(128).expect("listening");
    let mut links = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        let (shared, reset) = (shared.clone(), Arc::new(AtomicBool::new(false)));
        let link = Link { stream, reset: reset.clone() };
        links.spawn(async move {
            let service = hyper::service::service_fn(move |request| answer(shared.clone(), reset.clone(), request));
            // A connection that breaks is what this server is for.
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(link), service).await;
        });
    }
}

type Reply = Response<UnsyncBoxBody<Bytes, BoxError>>;

async fn answer(shared: Arc<Shared>, reset: Arc<AtomicBool>, request: Request<Incoming>) -> Result<Reply, BoxError> {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let asked = Asked { method: request.method().to_string(), path };
    let wrong = shared.next(&asked);
    match wrong {
        None => shared.handle(request).await,
        Some(Wrong::Status(code, body, after)) => Ok(refusal(code, body, after)),
        Some(Wrong::Reset) => Err(break_off(&reset)),
        Some(Wrong::ResetAfter) => {
            shared.handle(request).await?;
            Err(break_off(&reset))
        }
        Some(Wrong::Hole) => pending().await,
        Some(Wrong::HoleAfter) => {
            shared.handle(request).await?;
            pending().await
        }
        Some(Wrong::Stall) => {
            let reply = shared.handle(request).await?;
            Ok(reply.map(|_| StreamBody::new(futures::stream::pending::<Result<_, BoxError>>()).boxed_unsync()))
        }
        Some(Wrong::Then(after, end)) => {
            let reply = shared.handle(request).await?;
            Ok(reply.map(|body| ending(body, after, end, reset).boxed_unsync()))
        }
    }
}

impl Shared {
    fn next(&self, asked: &Asked) -> Option<Wrong> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(asked.clone());
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        let rule = rules.iter_mut().find(|rule| rule.times > 0 && (rule.fits)(asked))?;
        rule.times -= 1;
        Some(rule.wrong.clone())
    }

    async fn handle(&self, request: Request<Incoming>) -> Result<Reply, BoxError> {
        let (parts, body) = request.into_parts();
        let body = Body::from(body.collect().await?.to_bytes().to_vec());
        let reply = self.server.transport().oneshot(Request::from_parts(parts, body)).await?;
        Ok(reply.map(|body| body.boxed_unsync()))
    }
}

fn refusal(code: u16, body: &'static str, retry_after: Option<String>) -> Reply {
    let mut builder = Response::builder().status(code);
    if let Some(after) = retry_after {
        builder = builder.header(http::header::RETRY_AFTER, after);
    }
    let kind = if body.starts_with('{') { "application/json" } else { "text/plain" };
    let body = http_body_util::Full::new(Bytes::from(body)).map_err(|never| match never {}).boxed_unsync();
    builder.header(http::header::CONTENT_TYPE, kind).body(body).expect("response")
}

fn break_off(reset: &AtomicBool) -> BoxError {
    reset.store(true, Ordering::SeqCst);
    Error::from(ErrorKind::ConnectionReset).into()
}

type Parts = Pin<Box<dyn futures::Stream<Item = Result<Frame<Bytes>, BoxError>> + Send>>;

fn ending(
    body: UnsyncBoxBody<Bytes, BoxError>,
    after: Duration,
    end: End,
    reset: Arc<AtomicBool>,
) -> StreamBody<Parts> {
    let first = body.into_data_stream().map(|part| part.map(Frame::data));
    let first = first.take_until(Box::pin(tokio::time::sleep(after)));
    let last: Vec<Result<Frame<Bytes>, BoxError>> = match end {
        End::With(text) => vec![Ok(Frame::data(Bytes::from(text)))],
        End::Clean | End::Reset => Vec::new(),
    };
    let broken = futures::stream::once(async move { (end == End::Reset).then(|| Err(break_off(&reset))) });
    let broken = broken.filter_map(std::future::ready);
    StreamBody::new(Box::pin(first.chain(futures::stream::iter(last)).chain(broken)))
}

/// A connection that can be reset instead of closed.
struct Link {
    stream: TcpStream,
    reset: Arc<AtomicBool>,
}

impl Drop for Link {
    fn drop(&mut self) {
        if self.reset.load(Ordering::SeqCst) {
            self.stream.set_zero_linger().expect("linger");
        }
    }
}

impl AsyncRead for Link {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Link {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        // Shutting down would say goodbye before the reset.
        match self.reset.load(Ordering::SeqCst) {
            true => Poll::Ready(Ok(())),
            false => Pin::new(&mut self.stream).poll_shutdown(cx),
        }
    }
}
