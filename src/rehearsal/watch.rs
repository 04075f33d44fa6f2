//! Watches: a stream of changes from a resourceVersion on.

use super::call::{Call, Target};
use super::read::{self, Shape};
use super::selectors::Selection;
use super::server::{Server, ServerInner};
use super::status::{Outcome, Status};
use super::store::Event;
use super::transport::Reply;
use super::tree::text;
use super::{reply, table};
use bytes::Bytes;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// How often a watch that wants bookmarks gets one.
const BOOKMARKS: Duration = Duration::from_secs(60);
/// How long a watch lives when the client names no timeout.
const LIFE: Duration = Duration::from_secs(40 * 60);

pub(super) fn answer(call: &Call, target: &Target) -> Outcome<Reply> {
    let selection = Selection::parse(call, target)?;
    let life = call.query.number("timeoutSeconds")?.filter(|seconds| *seconds > 0).map_or(LIFE, Duration::from_secs);
    let asked = call.query.filled("resourceVersion").unwrap_or_default();
    let asked: Option<u64> = match asked {
        "" | "0" => None,
        number => Some(number.parse().map_err(|_| invalid_version(number))?),
    };
    let initial = call.query.get("sendInitialEvents").map(|value| value == "true");
    if initial == Some(true) && call.query.get("resourceVersionMatch") != Some("NotOlderThan") {
        return Err(Status::new(
            422,
            "Invalid",
            "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
        ));
    }
    let mut store = call.server.store();
    let resource = target.kind.resource();
    let signal = store.signal(&resource);
    let now = store.version();
    let existing = match (asked, initial) {
        (_, Some(true)) | (None, None) => store.list(&resource, target.namespace.as_deref()),
        _ => Vec::new(),
    };
    let from = if existing.is_empty() && initial != Some(true) { asked.unwrap_or(now) } else { now };
    drop(store);
    let mut watch = Watch {
        server: call.server.downgrade(),
        clock: call.server.clock().clone(),
        resource,
        namespace: target.namespace.clone(),
        selection,
        writer: Writer::new(call, target),
        bookmarks: call.query.is("allowWatchBookmarks"),
        seen: from,
        ready: VecDeque::new(),
        signal,
        over: false,
    };
    for object in existing.iter().filter(|object| watch.selection.takes(object)) {
        let line = watch.writer.line("ADDED", object);
        watch.ready.push_back(line);
    }
    if initial == Some(true) && watch.bookmarks {
        let line = watch.writer.bookmark(now, true);
        watch.ready.push_back(line);
    }
    let end = watch.clock.now().saturating_add(life);
    let chunks = futures::stream::unfold(watch, move |watch| watch.next(end));
    Ok(reply::stream("application/json", chunks))
}

fn invalid_version(number: &str) -> Box<Status> {
    Status::new(
        500,
        "",
        format!("resourceVersion: Invalid value: {number:?}: strconv.ParseUint: parsing {number:?}: invalid syntax"),
    )
}

/// One watch. It holds no server, so that a forgotten one keeps no world alive.
struct Watch {
    server: Weak<ServerInner>,
    clock: crate::clock::Clock,
    resource: String,
    namespace: Option<String>,
    selection: Selection,
    writer: Writer,
    bookmarks: bool,
    seen: u64,
    ready: VecDeque<Bytes>,
    signal: tokio::sync::watch::Receiver<u64>,
    over: bool,
}

impl Watch {
    /// The next line, and the watch after it.
    async fn next(mut self, end: Duration) -> Option<(Bytes, Watch)> {
        loop {
            if let Some(line) = self.ready.pop_front() {
                return Some((line, self));
            }
            if self.over || !self.collect() {
                return None;
            }
            if !self.ready.is_empty() || self.over {
                continue;
            }
            let now = self.clock.now();
            let left = end.checked_sub(now).filter(|left| !left.is_zero())?;
            match self.clock.timeout(left.min(BOOKMARKS), self.signal.changed()).await {
                Some(Ok(())) => {}
                Some(Err(_)) => return None,
                None if self.bookmarks && left > BOOKMARKS => self.bookmark(),
                None => {}
            }
        }
    }

    /// Takes what has changed; false when the server is gone.
    fn collect(&mut self) -> bool {
        self.signal.borrow_and_update();
        let Some(server) = Server::upgrade(&self.server) else { return false };
        self.writer.table.now = server.time();
        let events = server.store().since(&self.resource, self.seen);
        match events {
            Ok(events) => events.iter().for_each(|event| self.take(event)),
            Err(oldest) => {
                let status = Status::expired(format!("too old resource version: {} ({oldest})", self.seen));
                self.ready.push_back(line(&json!({"type": "ERROR", "object": status.to_json()})));
                self.over = true;
            }
        }
        true
    }

    /// Shows one change as this watch sees it: what begins to match is added, what stops to match is deleted.
    fn take(&mut self, event: &Event) {
        self.seen = event.version;
        let of = text(&event.object["metadata"], "namespace");
        if self.namespace.as_deref().is_some_and(|namespace| namespace != of) {
            return;
        }
        let was = event.before.as_ref().is_some_and(|before| self.selection.takes(before));
        let is = !event.deleted && self.selection.takes(&event.object);
        let name = match (was, is) {
            (false, true) => "ADDED",
            (true, true) => "MODIFIED",
            (true, false) => "DELETED",
            (false, false) => return,
        };
        let line = match (&event.before, name) {
            // The object as it last matched, with the version of the change that ended that.
            (Some(before), "DELETED") if !event.deleted => {
                let mut last = (**before).clone();
                last["metadata"]["resourceVersion"] = event.version.to_string().into();
                self.writer.line(name, &Arc::new(last))
            }
            _ => self.writer.line(name, &event.object),
        };
        self.ready.push_back(line);
    }

    fn bookmark(&mut self) {
        let Some(server) = Server::upgrade(&self.server) else { return };
        // Everything up to now has been seen: nothing of this kind changed since.
        let (version, pending) = {
            let store = server.store();
            (store.version(), store.since(&self.resource, self.seen).is_ok_and(|events| !events.is_empty()))
        };
        if !pending {
            self.seen = version;
            self.ready.push_back(self.writer.bookmark(version, false));
        }
    }
}

/// Writes events in the shape that the client accepts.
struct Writer {
    target: Target,
    shape: Shape,
    table: table::Options,
    /// Tables name their columns in the first event only.
    headed: bool,
}

impl Writer {
    fn new(call: &Call, target: &Target) -> Writer {
        Writer { target: target.clone(), shape: Shape::of(call), table: table::Options::of(call), headed: false }
    }

    fn line(&mut self, event: &str, object: &Arc<Value>) -> Bytes {
        let shown = match self.shape {
            Shape::Whole => read::as_version(&self.target, object),
            Shape::Metadata => read::metadata_only(object),
            Shape::Table => {
                let headed = std::mem::replace(&mut self.headed, true);
                table::event(&self.table, &self.target, object, !headed)
            }
        };
        line(&json!({"type": event, "object": shown}))
    }

    fn bookmark(&self, version: u64, initial: bool) -> Bytes {
        let mut metadata = json!({"resourceVersion": version.to_string(), "creationTimestamp": null});
        if initial {
            metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        let (kind, api_version) = (&self.target.kind.kind, self.target.api_version());
        let object = match self.shape {
            Shape::Table => json!({
                "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
                "columnDefinitions": null, "rows": [],
            }),
            Shape::Metadata => {
                json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata})
            }
            Shape::Whole => json!({"kind": kind, "apiVersion": api_version, "metadata": metadata}),
        };
        line(&json!({"type": "BOOKMARK", "object": object}))
    }
}

fn line(event: &Value) -> Bytes {
    Bytes::from(format!("{event}\n"))
}
