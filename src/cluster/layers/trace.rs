//! The last layer before the transport: who asks, how often, and what the server warns of.

use super::Settings;
use crate::cluster::path::{ApiPath, Effect, effect_of};
use futures::future::BoxFuture;
use http::header::{HeaderMap, HeaderValue, USER_AGENT, WARNING};
use http::{Request, Response};
use kube::client::Body;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tower::{BoxError, Service};

/// What one cluster was asked so far.
#[derive(Debug, Default)]
pub struct Counters {
    /// Requests sent, repetitions included.
    pub requests: AtomicU64,
    /// Requests among them that may change what is stored.
    pub changes: AtomicU64,
    /// Requests sent again.
    pub retries: AtomicU64,
    /// Whether the cluster has answered at all.
    pub answered: AtomicBool,
    /// When roles or their bindings were changed last, on the cluster's clock.
    granted: Mutex<Option<Duration>>,
}

/// How long rights that are given take to reach every API server.
const SPREAD: Duration = Duration::from_secs(15);

impl Counters {
    /// Requests sent, repetitions included.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Requests among them that may change what is stored.
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::Relaxed)
    }

    /// Requests sent again.
    pub fn retries(&self) -> u64 {
        self.retries.load(Ordering::Relaxed)
    }

    /// Whether roles or bindings were changed by us so shortly ago that a refusal may be out of date.
    pub fn has_new_rights(&self, now: Duration) -> bool {
        let granted = *self.granted.lock().unwrap_or_else(PoisonError::into_inner);
        granted.is_some_and(|granted| now.saturating_sub(granted) < SPREAD)
    }
}

/// Something to tell the user while requests run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// The server warns: deprecated version, unknown field. Each text comes once per cluster.
    Warning {
        /// The context name.
        cluster: Arc<str>,
        /// The server's words.
        text: String,
    },
    /// A credential plugin says something, perhaps how to log in.
    Plugin {
        /// The context name.
        cluster: Arc<str>,
        /// One line of its words.
        text: String,
    },
    /// The kubeconfig asks not to check who the server is.
    Unchecked {
        /// The context name.
        cluster: Arc<str>,
    },
    /// A request is about to be sent again.
    Retrying {
        /// The context name.
        cluster: Arc<str>,
        /// Why.
        reason: String,
        /// How long the trouble has lasted.
        lasting: Duration,
        /// When the request is sent again.
        again_in: Duration,
    },
    /// A wait goes on although something stands in its way.
    Waiting {
        /// The context name.
        cluster: Arc<str>,
        /// What is waited for.
        object: String,
        /// What stands in its way.
        text: String,
    },
}

/// Who is told. Must return quickly.
pub type Listener = Arc<dyn Fn(&Notice) + Send + Sync>;

/// See the module.
#[derive(Clone)]
pub struct Trace<S> {
    inner: S,
    shared: Arc<Shared>,
}

struct Shared {
    settings: Settings,
    user_agent: HeaderValue,
    warned: Mutex<HashSet<String>>,
}

impl<S> Trace<S> {
    /// This service, counted.
    pub fn new(inner: S, settings: &Settings) -> Trace<S> {
        let name = format!("meshwright/{} (run {})", env!("CARGO_PKG_VERSION"), settings.run);
        let user_agent = HeaderValue::from_str(&name).unwrap_or(HeaderValue::from_static("meshwright"));
        let shared = Shared { settings: settings.clone(), user_agent, warned: Mutex::default() };
        Trace { inner, shared: Arc::new(shared) }
    }
}

impl<S, B> Service<Request<Body>> for Trace<S>
where
    S: Service<Request<Body>, Response = Response<B>, Error = BoxError> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
{
    type Response = Response<B>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<B>, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        // It is this one that is ready, not a clone of it.
        let next = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, next);
        let shared = self.shared.clone();
        request.headers_mut().insert(USER_AGENT, shared.user_agent.clone());
        shared.count(&request);
        Box::pin(async move {
            let (method, uri) = (request.method().clone(), request.uri().clone());
            let (clock, cluster) = (&shared.settings.clock, &shared.settings.cluster);
            let start = clock.now();
            let answer = inner.call(request).await;
            let took = clock.now().saturating_sub(start);
            match &answer {
                Ok(response) => {
                    tracing::debug!(%cluster, %method, %uri, status = response.status().as_u16(), ?took, "request");
                    shared.warn(response.headers());
                }
                Err(_) => tracing::debug!(%cluster, %method, %uri, ?took, "request failed"),
            }
            answer
        })
    }
}

impl Shared {
    fn count(&self, request: &Request<Body>) {
        let counters = &self.settings.counters;
        counters.requests.fetch_add(1, Ordering::Relaxed);
        if effect_of(request.method(), request.uri().path(), request.uri().query()) == Effect::Change {
            counters.changes.fetch_add(1, Ordering::Relaxed);
            if ApiPath::parse(request.uri().path()).group == "rbac.authorization.k8s.io" {
                let now = self.settings.clock.now();
                *counters.granted.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
            }
        }
    }

    fn warn(&self, headers: &HeaderMap) {
        for text in headers.get_all(WARNING).iter().filter_map(warning_text) {
            let new = self.warned.lock().is_ok_and(|mut warned| warned.insert(text.clone()));
            if new {
                let text = crate::secret::Redactor::global().scrub(&text);
                (self.settings.listener)(&Notice::Warning { cluster: self.settings.cluster.clone(), text });
            }
        }
    }
}

/// The text of `299 - "text"`, quotes inside escaped by a backslash (RFC 7234, 5.5).
fn warning_text(value: &HeaderValue) -> Option<String> {
    let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
    let quoted = value.split_once('"')?.1;
    let mut text = String::new();
    let mut chars = quoted.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => text.extend(chars.next()),
            '"' => return Some(text),
            c if c.is_control() => {}
            c => text.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use tower::ServiceExt as _;

    #[tokio::test]
    async fn requests_are_counted_and_carry_the_run() {
        let mut settings = Settings::new("east", "https://east", Clock::real());
        settings.run = "r7".into();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let sink = heard.clone();
        settings.listener = Arc::new(move |notice| sink.lock().expect("lock").push(notice.clone()));
        let transport = tower::service_fn(|request: Request<Body>| async move {
            let agent = request.headers()[USER_AGENT].to_str().expect("text").to_owned();
            assert!(agent.starts_with("meshwright/") && agent.ends_with("(run r7)"), "{agent}");
            let warning = r#"299 - "unknown field \"spec.x\"""#;
            Ok::<_, BoxError>(Response::builder().header(WARNING, warning).body(Body::empty()).expect("response"))
        });
        let traced = Trace::new(transport, &settings);
        for method in ["GET", "PATCH"] {
            let request = Request::builder().method(method).uri("/api/v1/namespaces/a").body(Body::empty());
            traced.clone().oneshot(request.expect("request")).await.expect("answer");
        }
        assert_eq!((settings.counters.requests(), settings.counters.changes()), (2, 1));
        let warning = Notice::Warning { cluster: "east".into(), text: "unknown field \"spec.x\"".into() };
        assert_eq!(*heard.lock().expect("lock"), [warning]);
    }
}
