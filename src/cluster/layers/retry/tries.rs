//! All tries of one request.

use super::policy::runs;
use super::trouble::{is_lasting, is_refused, retry_after, root_cause, unreachable};
use super::{Read, answer, is_repeatable};
use crate::cluster::layers::journal::{Change, Named, Repetition, now};
use crate::cluster::layers::{Deadline, Lost, Notice, Overdue, Patience, Renewed, Settings, Subject, Whole};
use crate::cluster::path::ApiPath;
use crate::cluster::status::Status;
use crate::failure::{Failure, Kind};
use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Either;
use kube::client::Body;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tower::{BoxError, Service, ServiceExt};

/// All tries of one request.
pub(super) struct Tries {
    settings: Settings,
    repeatable: bool,
    whole: bool,
    start: Duration,
    /// How long one try may take.
    patience: Duration,
    /// How long the first may take.
    first: Duration,
    /// When a read is of no use any more.
    end: Option<Duration>,
    /// Whether a wait asks.
    awaited: bool,
    /// How long all may take.
    budget: Duration,
    number: u32,
    /// Whether a try that failed may have been carried out.
    lost: bool,
    /// Whether credentials were renewed already.
    renewed: bool,
    /// What the journal is told of a repetition.
    about: Repetition,
}

/// What one try came to.
type Answer<B> = Option<Result<Response<Read<B>>, BoxError>>;

/// Why a request is sent again.
struct Again {
    reason: String,
    server_wants: Option<Duration>,
    /// Whether the try may have been carried out.
    lost: bool,
    /// Whether there was no connection to send it over.
    unconnected: bool,
    /// Whether new credentials will be used.
    renewed: bool,
}

impl Tries {
    pub(super) fn new(settings: &Settings, request: &Request<Body>) -> Tries {
        let policy = &settings.policy;
        let asked = request.extensions().get::<Patience>().map(|patience| patience.0);
        let reading = matches!(*request.method(), Method::GET | Method::HEAD);
        let (repeatable, named) = (is_repeatable(request), is_named(request));
        let patience = if reading && !runs(request) { policy.read } else { policy.change };
        let first = if repeatable || named { policy.first_change } else { policy.change };
        let start = settings.clock.now();
        let awaited = request.extensions().get::<Deadline>().map(|end| end.0);
        let overdue = request.extensions().get::<Overdue>().map(|end| end.0);
        let end = awaited.into_iter().chain(overdue).min();
        let left = end.map(|end| end.saturating_sub(start));
        let patience = asked.map_or(patience, |asked| asked.min(patience));
        // A try that nobody answers must leave time for another.
        let budget = asked.unwrap_or(policy.budget.max(2 * patience + policy.longest_pause));
        Tries {
            settings: settings.clone(),
            repeatable,
            whole: request.extensions().get::<Whole>().is_some(),
            start,
            patience,
            first: first.min(patience),
            end: end.filter(|_| reading),
            awaited: reading && awaited.is_some(),
            budget: left.map_or(budget, |left| left.min(budget)),
            number: 0,
            lost: false,
            renewed: false,
            about: repetition_of(settings, request),
        }
    }

    pub(super) async fn run<S, B>(mut self, inner: S, request: Request<Body>) -> Result<Response<Read<B>>, BoxError>
    where
        S: Service<Request<Body>, Response = Response<B>, Error = BoxError> + Clone,
        B: http_body::Body<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        let mut next = request;
        loop {
            let copy = copy_of(&next);
            let mut ready = inner.clone();
            // Credentials may have to be fetched first, and people may take their time to log in.
            let before = self.settings.clock.now();
            if let Err(error) = ready.ready().await {
                return self.settle(Some(Err(error)));
            }
            self.start += self.settings.clock.now().saturating_sub(before);
            let answer = self.one_try(ready, next).await;
            let (Some(again), Some(copy)) = (self.judge(&answer), copy) else { return self.settle(answer) };
            let Some(pause) = self.pause(&again) else { return self.settle(answer) };
            self.lost |= again.lost;
            self.renewed |= again.renewed;
            self.tell(again.reason, pause);
            drop(answer);
            self.settings.clock.sleep(pause).await;
            next = copy;
        }
    }

    async fn one_try<S, B>(&self, mut inner: S, request: Request<Body>) -> Answer<B>
    where
        S: Service<Request<Body>, Response = Response<B>, Error = BoxError>,
        B: http_body::Body<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        let answer = self.settings.clock.timeout(self.limit(), inner.call(request)).await;
        if let Some(Ok(_)) = &answer {
            self.settings.counters.answered.store(true, Ordering::Relaxed);
        }
        match answer? {
            Ok(response) if self.whole => {
                Some(answer::read(&self.settings.clock, self.settings.policy.body, response).await)
            }
            Ok(response) => Some(Ok(response.map(Either::Right))),
            Err(error) => Some(Err(error)),
        }
    }

    /// How long this try may take.
    fn limit(&self) -> Duration {
        let left = self.end.map(|end| end.saturating_sub(self.settings.clock.now()));
        let patience = if self.number == 0 { self.first } else { self.patience };
        left.map_or(patience, |left| left.min(patience))
    }

    fn judge<B>(&self, answer: &Answer<B>) -> Option<Again> {
        let again = |reason: String, lost: bool| {
            Some(Again { reason, server_wants: None, lost, unconnected: !lost, renewed: false })
        };
        match answer {
            Some(Ok(response)) => self.judge_status(response.status(), response),
            Some(Err(error)) if error.is::<Failure>() || is_lasting(error) => None,
            Some(Err(error)) if is_refused(error) => again(root_cause(error.as_ref()), false),
            Some(Err(error)) if self.repeatable => again(root_cause(error.as_ref()), true),
            None if self.repeatable => again("no answer".into(), true),
            _ => None,
        }
    }

    fn judge_status<B>(&self, code: StatusCode, response: &Response<B>) -> Option<Again> {
        let status = response.extensions().get::<Status>();
        let gateway =
            matches!(code, StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT);
        let passing = gateway || status.is_some_and(Status::is_passing);
        let early = status.is_some_and(Status::is_missing_right) && self.has_new_rights();
        let renewed = !self.renewed && response.extensions().get::<Renewed>().is_some();
        if !(code == StatusCode::TOO_MANY_REQUESTS || passing && self.repeatable || early || renewed) {
            return None;
        }
        let server_wants = response.headers().get(RETRY_AFTER).and_then(|value| retry_after(value.to_str().ok()?));
        let said = status.filter(|status| !gateway && !status.message.is_empty());
        let reason = said.map_or_else(|| code.to_string(), |status| crate::plain::line(&status.message, 120));
        Some(Again { reason, server_wants, lost: passing, unconnected: false, renewed })
    }

    fn has_new_rights(&self) -> bool {
        self.settings.counters.has_new_rights(self.settings.clock.now())
    }

    /// How long to wait before the next try; `None` when the deadline would pass.
    fn pause(&mut self, again: &Again) -> Option<Duration> {
        self.number += 1;
        let own = self.settings.policy.pause(self.number, &self.settings.clock);
        let pause = again.server_wants.map_or(own, |wanted| wanted.max(own));
        (self.lasting() + pause < self.deadline(again)).then_some(pause)
    }

    fn deadline(&self, again: &Again) -> Duration {
        if self.settings.counters.answered.load(Ordering::Relaxed) {
            return self.budget;
        }
        let policy = &self.settings.policy;
        // Waits are for what is not there yet.
        let soon = again.unconnected && !self.awaited;
        self.budget.min(if soon { policy.first_connection } else { policy.first_contact })
    }

    fn lasting(&self) -> Duration {
        self.settings.clock.now().saturating_sub(self.start)
    }

    fn tell(&self, reason: String, again_in: Duration) {
        self.settings.counters.retries.fetch_add(1, Ordering::Relaxed);
        let (cluster, about) = (self.settings.cluster.clone(), &self.about);
        tracing::debug!(%cluster, method = %about.method, path = %about.path, %reason, ?again_in, "sent again");
        let record = Repetition {
            time: now(),
            number: self.number,
            reason: crate::secret::Redactor::global().scrub(&reason),
            ..about.clone()
        };
        if let Err(error) = self.settings.journal.repetition(&record) {
            tracing::warn!(%error, "a repetition could not be written to the journal");
        }
        (self.settings.listener)(&Notice::Retrying { cluster, reason, lasting: self.lasting(), again_in });
    }

    fn settle<B>(&self, answer: Answer<B>) -> Result<Response<Read<B>>, BoxError> {
        let failure = match answer {
            Some(Ok(mut response)) => {
                if self.lost {
                    response.extensions_mut().insert(Lost);
                }
                return Ok(response);
            }
            Some(Err(error)) => match error.downcast::<Failure>() {
                Ok(failure) => *failure,
                Err(error) => unreachable(&self.settings.way(), self.settings.proxy.is_some(), error.as_ref()),
            },
            None => self.silence(),
        };
        Err(failure.on_cluster(&*self.settings.cluster).into())
    }

    fn silence(&self) -> Failure {
        let lasting = self.lasting().as_secs();
        let message = format!("{} gave no answer within {lasting} s", self.settings.way());
        let failure = Failure::new(Kind::Unreachable, message);
        if self.repeatable {
            return failure.hint("check the network between here and the cluster: VPN, proxy, firewall");
        }
        failure.hint("the request may have been carried out: look at the object before repeating")
    }
}

/// Whether it creates something with a name of its own: whoever sends it looks there before it is sent again.
fn is_named(request: &Request<Body>) -> bool {
    request.extensions().get::<Named>().is_some_and(|named| !named.name.is_empty())
}

fn copy_of(request: &Request<Body>) -> Option<Request<Body>> {
    let mut copy = Request::new(request.body().try_clone()?);
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    *copy.extensions_mut() = request.extensions().clone();
    Some(copy)
}

fn repetition_of(settings: &Settings, request: &Request<Body>) -> Repetition {
    let (uri, extensions) = (request.uri(), request.extensions());
    let subject = extensions.get::<Subject>().map(|subject| subject.0.clone());
    Repetition {
        change: extensions.get::<Change>().map(|change| change.0),
        cluster: settings.cluster.to_string(),
        method: request.method().to_string(),
        path: uri.path_and_query().map_or_else(|| uri.path().to_owned(), ToString::to_string),
        object: subject.unwrap_or_else(|| ApiPath::parse(uri.path()).title()),
        ..Repetition::default()
    }
}
