//! Follows one object, or the objects of a selector, through everything that breaks on the way.
//!
//! List, then watch from the list's version; resume after the server ends a watch; list again when the version has
//! expired (410, as an answer or as an event), when an event cannot be read, or when nothing has been heard for
//! [`SILENCE`]. Where watching or listing is forbidden, it reads at intervals. What is lost on the way is only time:
//! the state that is handed out is always one that the server has shown.

use super::lines::{Lines, Next};
use super::pulse::{Health, Pulse};
use super::selection::{Selection, key};
use crate::cluster::request::failure_of;
use crate::cluster::status::Status;
use crate::cluster::{Cluster, Target};
use crate::failure::{Failure, Kind, Result};
use crate::object::{self, Node, Object};
use http_body_util::{BodyExt, Limited};
use kube::client::Body;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long the server is asked to keep a watch open. Short, so that a connection that died without a word is noticed.
const OPEN: Duration = Duration::from_secs(15);
/// A watch on which nothing was heard for this long, not even its end, is dead.
const SILENCE: Duration = Duration::from_secs(18);
/// Reading at intervals, where watching is not possible.
const POLL: Duration = Duration::from_secs(1);
/// How long to poll before trying to watch again.
const POLLING: Duration = Duration::from_secs(10);
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
const LAST_BACKOFF: Duration = Duration::from_secs(5);
/// A refusal that comes this often without an answer in between is meant.
const REFUSALS: u32 = 3;
const MOST_ERROR_TEXT: usize = 64 << 10;

enum State {
    /// Nothing is known: list.
    Unknown,
    /// Known up to this version: open a watch.
    Listed(String),
    /// Events come in.
    Watching(Box<Lines>, String),
    /// Watching is refused: list again and again until this time.
    Polling(Duration),
}

/// The objects of a selection, kept up to date.
pub struct Watch {
    cluster: Cluster,
    selection: Selection,
    state: State,
    objects: BTreeMap<String, Object>,
    pulse: Pulse,
    backoff: Duration,
    not_before: Duration,
    /// Refusals since something was heard last.
    refusals: u32,
    /// When the last watch was opened.
    opened: Option<Duration>,
    /// Whether something has gone wrong since then.
    broken: bool,
}

impl Watch {
    /// A watch that has not asked anything yet.
    pub fn new(cluster: &Cluster, selection: Selection) -> Watch {
        Watch {
            cluster: cluster.clone(),
            selection,
            state: State::Unknown,
            objects: BTreeMap::new(),
            pulse: Pulse::default(),
            backoff: FIRST_BACKOFF,
            not_before: Duration::ZERO,
            refusals: 0,
            opened: None,
            broken: false,
        }
    }

    /// The objects as last seen.
    pub fn objects(&self) -> impl Iterator<Item = &Object> {
        self.objects.values()
    }

    /// How well the watching goes.
    pub fn health(&self) -> Health {
        self.pulse.now()
    }

    /// The same, to be looked at while the watch goes on.
    pub fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }

    /// Goes on until there is news: the state was read anew, has changed, or cannot be read just now (see
    /// [`Health::trouble`]). Takes and returns the watch, so that nobody drops it half-way.
    ///
    /// # Errors
    /// Only what trying again cannot mend: a refusal that lasts, a wrong request.
    pub async fn step(mut self) -> (Watch, Result<()>) {
        let result = self.advance().await;
        (self, result)
    }

    async fn advance(&mut self) -> Result<()> {
        loop {
            self.hold_back().await;
            let news = match std::mem::replace(&mut self.state, State::Unknown) {
                State::Unknown => self.list().await,
                State::Listed(version) => self.open(version).await,
                State::Watching(lines, version) => self.listen(lines, version).await,
                State::Polling(until) => self.poll(until).await,
            };
            match news {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(failure) => return self.trip(failure),
            }
        }
    }

    async fn hold_back(&mut self) {
        let clock = self.cluster.clock();
        let wait = self.not_before.saturating_sub(clock.now());
        if !wait.is_zero() {
            clock.sleep(wait).await;
        }
    }

    async fn list(&mut self) -> Result<bool> {
        let list = match self.read_list().await {
            Err(failure) if failure.kind == Kind::Forbidden => match self.read_one().await {
                Some(found) => {
                    self.state = State::Polling(self.cluster.clock().now() + POLLING);
                    self.pulse.poll();
                    self.hear();
                    self.objects = self.selection.keyed(found);
                    self.not_before = self.cluster.clock().now() + POLL;
                    return Ok(true);
                }
                None => return Err(failure),
            },
            // The kind itself is not served (yet): there are no objects of it.
            Err(failure) if failure.kind == Kind::NotFound => {
                self.hear();
                self.objects.clear();
                self.not_before = self.cluster.clock().now() + POLL;
                return Ok(true);
            }
            list => list?,
        };
        self.state = State::Listed(list.resource_version().to_owned());
        self.hear();
        let items = list.items_at("items").iter().map(|item| self.complete(item.clone())).collect();
        self.objects = self.selection.keyed(items);
        Ok(true)
    }

    async fn read_list(&mut self) -> Result<Object> {
        let request = http::Request::get(self.selection.uri(&[]))
            .body(Vec::new())
            .map_err(|e| Failure::internal(e.to_string()))?;
        let answer = self.cluster.clock().timeout(SILENCE, self.cluster.send(request)).await;
        answer.unwrap_or_else(|| Err(Failure::new(Kind::Unreachable, "no answer to a list request")))
    }

    /// The wanted object by its name, for those who may get but not list; `None` when that fails too.
    async fn read_one(&mut self) -> Option<Vec<Object>> {
        let Selection { resource, namespace, name, .. } = &self.selection;
        let target = Target { resource: resource.clone(), namespace: namespace.clone(), name: name.clone()? };
        let found = self.cluster.clock().timeout(SILENCE, self.cluster.find(&target)).await?.ok()?;
        Some(found.into_iter().collect())
    }

    async fn open(&mut self, version: String) -> Result<bool> {
        let seconds = OPEN.as_secs().to_string();
        let uri = self.selection.uri(&[
            ("watch", "true"),
            ("allowWatchBookmarks", "true"),
            ("timeoutSeconds", &seconds),
            ("resourceVersion", &version),
        ]);
        let request = http::Request::get(uri).body(Body::empty()).map_err(|e| Failure::internal(e.to_string()))?;
        let sent = self.cluster.clock().timeout(SILENCE, self.cluster.client().send(request)).await;
        let Some(sent) = sent else {
            return Err(Failure::new(Kind::Unreachable, "no answer to a watch request"));
        };
        let response = sent.map_err(failure_of)?;
        if !response.status().is_success() {
            return self.refused(version, response).await;
        }
        let now = self.cluster.clock().now();
        let broken = std::mem::take(&mut self.broken);
        let again = self.opened.replace(now).is_some() && broken;
        self.pulse.open(now, again);
        self.state = State::Watching(Box::new(Lines::new(response.into_body())), version);
        Ok(false)
    }

    async fn refused(&mut self, version: String, response: http::Response<Body>) -> Result<bool> {
        let (code, headers) = (response.status(), response.headers().clone());
        let body = Limited::new(response.into_body(), MOST_ERROR_TEXT).collect().await;
        let body = body.map(|body| body.to_bytes()).unwrap_or_default();
        match code.as_u16() {
            // The version has expired: list again.
            410 => {
                self.delay();
                Ok(false)
            }
            403 | 405 => {
                self.pulse.poll();
                self.state = State::Polling(self.cluster.clock().now() + POLLING);
                self.not_before = self.cluster.clock().now() + POLL;
                Ok(false)
            }
            _ => {
                self.state = State::Listed(version);
                Err(Status::of(code, &headers, &body).into_failure())
            }
        }
    }

    async fn poll(&mut self, until: Duration) -> Result<bool> {
        let news = self.list().await?;
        let now = self.cluster.clock().now();
        if now < until {
            self.state = State::Polling(until);
            self.not_before = now + POLL;
        }
        Ok(news)
    }

    async fn listen(&mut self, mut lines: Box<Lines>, version: String) -> Result<bool> {
        let next = self.cluster.clock().timeout(SILENCE, lines.next()).await;
        match next {
            Some(Next::Line(line)) => self.take(&line, lines, version),
            Some(Next::Ended) => {
                self.state = State::Listed(version);
                let now = self.cluster.clock().now();
                // A server that ends every watch at once must not be asked as fast as it can answer.
                if now.saturating_sub(self.opened.unwrap_or(now)) < LAST_BACKOFF {
                    self.delay()
                } else {
                    self.hear()
                }
                Ok(false)
            }
            Some(Next::Broken(why)) => {
                self.state = State::Listed(version);
                Err(Failure::new(Kind::Unreachable, format!("the watch broke: {why}")))
            }
            None => Err(Failure::new(Kind::Unreachable, "the connection of the watch went silent")),
        }
    }

    /// Takes an event in. Unless it goes on watching, the state stays unknown and the next step lists again.
    fn take(&mut self, line: &[u8], lines: Box<Lines>, version: String) -> Result<bool> {
        let Ok(event) = object::from_json(line) else {
            return Err(Failure::new(Kind::Unreachable, "the watch sent something that is no event"));
        };
        let seen = self.complete(event.at("object").cloned().unwrap_or_default());
        let kind = event.str_at("type").unwrap_or_default();
        if kind == "ERROR" {
            return self.take_error(&seen);
        }
        self.hear();
        let wanted = self.selection.wants(&seen);
        let version = Some(seen.resource_version()).filter(|v| !v.is_empty()).map_or(version, str::to_owned);
        self.state = State::Watching(lines, version);
        match kind {
            _ if !wanted => return Ok(false),
            "ADDED" | "MODIFIED" => self.objects.insert(key(&seen), seen),
            "DELETED" => self.objects.remove(&key(&seen)),
            _ => return Ok(false),
        };
        Ok(true)
    }

    fn take_error(&mut self, status: &Object) -> Result<bool> {
        self.delay();
        if status.int_at("code") == Some(410) {
            return Ok(false);
        }
        let said = status.str_at("message").unwrap_or("no reason given");
        Err(Failure::new(Kind::Server, format!("the watch ended with an error: {}", crate::plain::line(said, 200))))
    }

    /// Notes a failure. Most pass: the next step tries again after a while.
    fn trip(&mut self, failure: Failure) -> Result<()> {
        let now = self.cluster.clock().now();
        let failure = failure.on_cluster(self.cluster.name());
        match failure.kind {
            Kind::Forbidden | Kind::Unauthorized => {
                self.refusals += 1;
                if self.refusals >= REFUSALS && !self.cluster.settings().counters.has_new_rights(now) {
                    return Err(failure);
                }
            }
            Kind::Unreachable | Kind::Server | Kind::Timeout | Kind::Conflict | Kind::NotFound => {}
            _ => return Err(failure),
        }
        self.pulse.fail(failure);
        self.delay();
        Ok(())
    }

    /// The next request waits, longer each time until something is heard.
    fn delay(&mut self) {
        self.broken = true;
        self.not_before = self.cluster.clock().now() + self.backoff;
        self.backoff = (self.backoff * 2).min(LAST_BACKOFF);
    }

    fn hear(&mut self) {
        self.pulse.hear(self.cluster.clock().now());
        self.refusals = 0;
        self.backoff = FIRST_BACKOFF;
    }

    /// An object as a single read would show it.
    fn complete(&self, node: Node) -> Object {
        self.cluster.received(self.selection.complete(node))
    }
}
