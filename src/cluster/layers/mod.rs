//! The one stack that every request passes: rights, journal, retry, trace, perhaps a tape, then the transport.
//!
//! The same for every transport: kube's HTTPS client or an in-memory API server. Layers fail with a boxed
//! [`crate::failure::Failure`], which [`super::request`] takes out again.

mod door;
mod flight;
mod gate;
pub mod journal;
pub mod retry;
pub mod reverse;
pub mod rights;
pub mod tape;
pub mod trace;

use crate::clock::Clock;
use http::{Request, Response};
use kube::client::Body;
use std::sync::Arc;
use tower::{BoxError, Service};

pub use door::Doorkeeper;
pub use flight::Flights;
pub use gate::{Gate, Guard};
pub use journal::{FileJournal, Journal, MemoryJournal};
pub use rights::{Exercised, Rights};
pub use tape::Tape;
pub use trace::{Counters, Listener, Notice};

/// What a request is about, for messages and the journal: `Deployment istio-system/istiod`. A request extension.
#[derive(Clone, Debug)]
pub struct Subject(pub String);

/// The script line that a request is sent for. A request extension.
#[derive(Clone, Debug)]
pub struct Line(pub String);

/// A request of the program's own, which no script asked for: neither rights nor journal concern it. A request extension.
#[derive(Clone, Copy, Debug)]
pub(super) struct Own;

/// How long this request may take in all, instead of the policy's times. A request extension.
#[derive(Clone, Copy, Debug)]
pub struct Patience(pub std::time::Duration);

/// When an answer is of no use any more, by the run's clock. What was sent to change something is heard out all the same,
/// and not sent again. A request extension.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(pub std::time::Duration);

/// The same for the step that it is sent for. A request extension.
#[derive(Clone, Copy, Debug)]
pub struct Overdue(pub std::time::Duration);

/// The answer is wanted as a whole. A request extension.
#[derive(Clone, Copy, Debug)]
pub struct Whole;

/// An earlier try of the same request may have been carried out: nobody heard. A response extension.
#[derive(Clone, Copy, Debug)]
pub struct Lost;

/// The credentials that were refused are forgotten: the next try gets new ones. A response extension.
#[derive(Clone, Copy, Debug)]
pub struct Renewed;

/// What the layers of one cluster share.
#[derive(Clone)]
pub struct Settings {
    /// The context name.
    pub cluster: Arc<str>,
    /// The API server's URL, for messages.
    pub server: Arc<str>,
    /// The proxy on the way there, if there is one, for messages.
    pub proxy: Option<Arc<str>>,
    /// What may be changed.
    pub rights: Rights,
    /// Whether anything may be changed now.
    pub gate: Gate,
    /// Who writes down what is changed.
    pub journal: Arc<dyn Journal>,
    /// Who is asked before a change.
    pub door: Option<Arc<dyn Doorkeeper>>,
    /// The changes of the run that are under way.
    pub flights: Flights,
    /// The run's id, for the journal of the server: it stands in the User-Agent.
    pub run: Arc<str>,
    /// The time that deadlines use.
    pub clock: Clock,
    /// When and how long requests are repeated.
    pub policy: retry::Policy,
    /// Who is told about server warnings and outages.
    pub listener: Listener,
    /// Whether the traffic is recorded, or comes from a recording.
    pub tape: Tape,
    /// How much was asked.
    pub counters: Arc<Counters>,
}

impl Settings {
    /// Settings that allow everything and write nothing down; fields can be set afterwards.
    pub fn new(cluster: &str, server: &str, clock: Clock) -> Settings {
        Settings {
            cluster: cluster.into(),
            server: server.into(),
            proxy: None,
            rights: Rights::all(),
            gate: Gate::open(),
            journal: Arc::new(MemoryJournal::default()),
            door: None,
            flights: Flights::default(),
            run: "none".into(),
            clock,
            policy: retry::Policy::default(),
            listener: Arc::new(|_| {}),
            tape: Tape::None,
            counters: Arc::default(),
        }
    }

    /// The API server's URL, and the proxy on the way there.
    pub fn way(&self) -> String {
        match &self.proxy {
            Some(proxy) => format!("{} through the proxy {proxy}", self.server),
            None => self.server.to_string(),
        }
    }
}

/// A kube client over this transport with the whole stack. Call it inside the run's runtime.
pub fn stack<S, B>(transport: S, settings: &Settings) -> kube::Client
where
    S: Service<Request<Body>, Response = Response<B>, Error = BoxError> + Clone + Send + 'static,
    S::Future: Send,
    B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    match &settings.tape {
        Tape::Records(recorder) => {
            recorder.connected(&settings.cluster, &settings.server);
            over(tape::Taped::new(transport, settings.cluster.clone(), recorder.clone()), settings)
        }
        Tape::None | Tape::Plays(_) => over(transport, settings),
    }
}

fn over<S, B>(transport: S, settings: &Settings) -> kube::Client
where
    S: Service<Request<Body>, Response = Response<B>, Error = BoxError> + Clone + Send + 'static,
    S::Future: Send,
    B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let traced = trace::Trace::new(transport, settings);
    let repeated = retry::Retry::new(traced, settings);
    let journalled = journal::Journalled::new(repeated, settings);
    let guarded = rights::Guarded::new(journalled, settings);
    kube::Client::new(guarded, "default")
}
