//! A replay: a transport that answers from a recording, and what was sent over it.

use super::answers::{Answer, Answers};
use super::difference;
use super::entry::Container;
use super::fill;
use super::tape::Tape;
use super::writer::words;
use crate::cluster::layers::tape::Player as OfContainers;
use crate::cluster::path::is_watch;
use crate::cluster::stream::{Exec, Output};
use crate::failure::{Failure, Kind, Result};
use bytes::Bytes;
use futures::StreamExt as _;
use http::header::CONTENT_TYPE;
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use kube::client::Body;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tower::BoxError;

/// How requests reach a replayed cluster.
pub type Transport =
    tower::util::BoxCloneSyncService<http::Request<Body>, http::Response<UnsyncBoxBody<Bytes, BoxError>>, BoxError>;

/// A recording that is replayed; clones share it.
#[derive(Clone)]
pub struct Player(Arc<Inner>);

struct Inner {
    servers: BTreeMap<String, String>,
    clusters: Mutex<BTreeMap<String, Answers>>,
    containers: Vec<Container>,
    calls: Mutex<Calls>,
}

/// Programs in containers that were asked for.
#[derive(Default)]
struct Calls {
    /// How often one was answered, by its place among those recorded.
    given: HashMap<String, usize>,
    lines: BTreeSet<String>,
}

impl Player {
    /// A replay from the start.
    pub fn new(tape: Tape) -> Player {
        let clusters = tape.clusters.into_iter().map(|(name, side)| (name, Answers::new(side))).collect();
        Player(Arc::new(Inner {
            servers: tape.servers,
            clusters: Mutex::new(clusters),
            containers: tape.containers,
            calls: Mutex::default(),
        }))
    }

    /// The contexts, with their API servers.
    pub fn servers(&self) -> &BTreeMap<String, String> {
        &self.0.servers
    }

    /// A transport to a cluster.
    pub fn transport(&self, cluster: &str) -> Transport {
        let (player, cluster) = (self.clone(), cluster.to_owned());
        Transport::new(tower::service_fn(move |request: http::Request<Body>| {
            let (player, cluster) = (player.clone(), cluster.clone());
            async move {
                let (parts, body) = request.into_parts();
                let body = body.collect().await?.to_bytes();
                let path = parts.uri.path_and_query().map_or_else(String::new, ToString::to_string);
                let mut clusters = player.clusters();
                let answers = clusters.get_mut(&cluster);
                let answer = answers.map(|answers| answers.answer(parts.method.as_str(), &path, &body));
                let answer = answer.ok_or_else(|| format!("the recording says nothing of {cluster}"))?;
                respond(answer, is_watch(&path))
            }
        }))
    }

    /// Lines about what was sent that the recording does not have, and what was not sent that it has.
    pub fn differences(&self) -> Vec<String> {
        let clusters = self.clusters();
        let mut lines: Vec<String> =
            clusters.iter().flat_map(|(name, answers)| difference::of_cluster(name, answers)).collect();
        let recorded = self.0.containers.iter().map(line_of).collect();
        let calls = self.0.calls.lock().unwrap_or_else(PoisonError::into_inner);
        lines.extend(difference::of_sets("in containers", &recorded, &calls.lines));
        lines
    }

    fn clusters(&self) -> MutexGuard<'_, BTreeMap<String, Answers>> {
        self.0.clusters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A program in a container, in one line. Names of pods differ from run to run.
fn line_of(container: &Container) -> String {
    let namespace = container.pod.split('/').next().unwrap_or_default();
    fill::lasting(&format!("{} {namespace}: {}", container.cluster, container.argv.join(" ")))
}

impl OfContainers for Player {
    fn exec(&self, cluster: &str, exec: &Exec) -> Result<Output> {
        let asked = Container {
            cluster: cluster.to_owned(),
            pod: format!("{}/{}", exec.namespace, exec.pod),
            container: exec.container.clone(),
            argv: words(&exec.argv),
            ..Container::default()
        };
        let line = line_of(&asked);
        let mut calls = self.0.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.lines.insert(line.clone());
        let is_same = |known: &&Container| known.pod == asked.pod && line_of(known) == line;
        let mut alike: Vec<&Container> = self.0.containers.iter().filter(is_same).collect();
        if alike.is_empty() {
            alike = self.0.containers.iter().filter(|known| line_of(known) == line).collect();
        }
        let given = calls.given.entry(format!("{} {line}", asked.pod)).or_default();
        let found = alike.get((*given).min(alike.len().saturating_sub(1)));
        *given += 1;
        let found = found.ok_or_else(|| unknown(&line))?;
        let printed = &found.printed;
        Ok(Output { code: printed.code, stdout: fill::text(&printed.stdout), stderr: fill::text(&printed.stderr) })
    }
}

/// Nothing like it was recorded.
pub(super) fn unknown(line: &str) -> Failure {
    Failure::new(Kind::NotFound, format!("the recording has no answer of `{}`", crate::plain::line(line, 200)))
        .hint("record it again, with the script as it is now: meshwright run or rehearse … --record FILE")
}

/// An answer as HTTP; one of a watch stays open.
fn respond(answer: Answer, watch: bool) -> Result<http::Response<UnsyncBoxBody<Bytes, BoxError>>, BoxError> {
    let is_stream = watch && answer.status == 200;
    let body = match &answer.body {
        serde_json::Value::Array(events) if is_stream => events.iter().map(|event| format!("{event}\n")).collect(),
        serde_json::Value::String(text) => fill::text(text),
        body => body.to_string(),
    };
    let bytes = Bytes::from(body);
    let body = if is_stream {
        let events = futures::stream::iter([Ok::<_, Infallible>(Frame::data(bytes))]).chain(futures::stream::pending());
        StreamBody::new(events).map_err(|never| match never {}).boxed_unsync()
    } else {
        Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
    };
    let content_type = if answer.content_type.is_empty() { "application/json" } else { &answer.content_type };
    Ok(http::Response::builder().status(answer.status).header(CONTENT_TYPE, content_type).body(body)?)
}
