//! Who takes the next turn: changes of the stores and the world's clock, in one queue for all clusters.
//!
//! One queue rather than one per cluster: a simulated clock that moves for all clusters at once takes fewer steps.

use super::super::world::Inner;
use super::super::{Change, Server, World};
use super::turn::{Id, Memo, Turn, kind, uid};
use super::{TABLE, act, garbage};
use crate::clock::Clock;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;

/// How long changes gather before the behaviour is told about them.
const SETTLING: Duration = Duration::from_millis(500);

/// Starts the controllers of all clusters of a world on the current runtime. They end with the world.
pub(crate) fn start(world: &World) {
    let (sender, inbox) = mpsc::unbounded_channel();
    for (index, server) in world.servers().iter().enumerate() {
        let changes = server.changes();
        for object in server.all(None) {
            let _ = sender.send(News { server: index, change: Some(Change { event: "ADDED", object }) });
        }
        tokio::spawn(forward(index, changes, sender.clone()));
    }
    let queue = Queue { world: Arc::downgrade(&world.0), ..Queue::default() };
    tokio::spawn(queue.run(inbox, world.clock().clone()));
}

/// A change in one of the clusters; without one, some were missed.
struct News {
    server: usize,
    change: Option<Change>,
}

async fn forward(
    server: usize,
    mut changes: tokio::sync::broadcast::Receiver<Change>,
    sender: mpsc::UnboundedSender<News>,
) {
    loop {
        let change = match changes.recv().await {
            Ok(change) => Some(change),
            Err(RecvError::Lagged(_)) => None,
            Err(RecvError::Closed) => return,
        };
        if sender.send(News { server, change }).is_err() {
            return;
        }
    }
}

/// Whose turn: the cluster, the controller (none is the garbage collector), the object.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    server: usize,
    controller: Option<usize>,
    kind: String,
    id: Id,
}

/// Does something of which a defect must not stop everything else.
fn guarded(what: &str, work: impl FnOnce()) {
    // Stores are written under their own locks, whole objects at a time; what a turn remembers goes with it.
    if std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).is_err() {
        tracing::error!("{what} ended in a panic");
    }
}

#[derive(Default)]
struct Queue {
    world: Weak<Inner>,
    /// Turns to come, by moment and order of arrival.
    due: BTreeMap<(Duration, u64), Key>,
    /// Where a key is in `due`.
    places: HashMap<Key, (Duration, u64)>,
    memos: HashMap<Key, Memo>,
    arrivals: u64,
    /// Turns that come when time gets there for another reason, or passes by itself.
    later: HashMap<Key, Duration>,
    /// When the behaviour hears about changes.
    settled: Option<Duration>,
}

impl Queue {
    async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<News>, clock: Clock) {
        loop {
            let working = clock.working();
            let Some(world) = self.world.upgrade().map(World) else { return };
            let mut news = Vec::new();
            while let Ok(item) = inbox.try_recv() {
                news.push(item);
            }
            let work = tokio::task::spawn_blocking(move || {
                let busy = self.work(&world, news);
                (self, busy)
            });
            let Ok((queue, busy)) = work.await else {
                return tracing::error!("the rehearsed controllers have stopped");
            };
            self = queue;
            if busy || !inbox.is_empty() {
                continue;
            }
            drop(working);
            if !self.rest(&mut inbox, &clock).await {
                return;
            }
        }
    }

    /// Waits for a change or for the next moment; `false` when the world has ended.
    async fn rest(&mut self, inbox: &mut mpsc::UnboundedReceiver<News>, clock: &Clock) -> bool {
        let next = self.due.keys().next().map(|(moment, _)| *moment);
        let next = [next, self.settled].into_iter().flatten().min();
        let until = |moment: Duration| moment.saturating_sub(clock.now());
        let due = async {
            match next {
                Some(moment) => clock.sleep(until(moment)).await,
                None => std::future::pending().await,
            }
        };
        let later = async {
            match self.later.values().min() {
                Some(moment) => clock.sleep_along(until(*moment)).await,
                None => std::future::pending().await,
            }
        };
        let news = tokio::select! { news = inbox.recv() => news, () = due => return true, () = later => return true };
        let Some(news) = news else { return false };
        let Some(world) = self.world.upgrade().map(World) else { return false };
        self.notice(&world, &news);
        true
    }

    /// Takes in the news and gives all turns that are due; whether any was.
    fn work(&mut self, world: &World, news: Vec<News>) -> bool {
        for item in &news {
            self.notice(world, item);
        }
        let now = world.clock().now();
        let come: Vec<_> = self.later.extract_if(|_, moment| *moment <= now).collect();
        come.into_iter().for_each(|(key, _)| self.enqueue(key, now));
        let mut busy = false;
        while let Some(entry) = self.due.first_entry()
            && entry.key().0 <= now
        {
            let key = entry.remove();
            self.places.remove(&key);
            let what = format!("a turn of {} {}", key.kind, key.id.name);
            guarded(&what, || self.turn(world, key, now));
            busy = true;
        }
        if self.settled.is_some_and(|moment| moment <= now) {
            self.settled = None;
            guarded("a behaviour", || world.behaviour().reconcile(world));
            busy = true;
        }
        busy
    }

    fn notice(&mut self, world: &World, news: &News) {
        let Some(server) = world.servers().get(news.server) else { return };
        let now = world.clock().now();
        match &news.change {
            Some(change) => self.changed(server, news.server, change, now),
            None => {
                for object in server.all(None) {
                    let change = Change { event: "MODIFIED", object };
                    self.changed(server, news.server, &change, now);
                }
            }
        }
    }

    fn changed(&mut self, server: &Server, index: usize, change: &Change, now: Duration) {
        let object: &Value = &change.object;
        if matches!(kind(object), "Event" | "Lease") {
            return;
        }
        self.settled.get_or_insert(now + SETTLING);
        let view = server;
        for (number, controller) in TABLE.iter().enumerate() {
            for id in (controller.concerns)(view, object) {
                let key = Key { server: index, controller: Some(number), kind: controller.kind.into(), id };
                self.enqueue(key, now);
            }
        }
        for (kind, id) in garbage::concerns(view, object, change.event == "DELETED") {
            self.enqueue(Key { server: index, controller: None, kind, id }, now);
        }
    }

    /// Gives a key its turn at this moment, or earlier when that was planned.
    fn enqueue(&mut self, key: Key, moment: Duration) {
        if let Some(place) = self.places.get(&key) {
            if place.0 <= moment {
                return;
            }
            self.due.remove(place);
        }
        self.arrivals += 1;
        let place = (moment, self.arrivals);
        self.places.insert(key.clone(), place);
        self.due.insert(place, key);
    }

    fn turn(&mut self, world: &World, key: Key, now: Duration) {
        let Some(server) = world.servers().get(key.server) else { return };
        let view = server;
        let object = server.get_shared(&key.kind, key.id.namespace(), &key.id.name);
        let object_uid = object.as_deref().map(uid).unwrap_or_default().to_owned();
        let mut memo = self.memos.remove(&key).filter(|memo| memo.uid == object_uid).unwrap_or_default();
        memo.uid = object_uid;
        let unread = memo.refusal.clone();
        let time = server.now();
        let mut turn = Turn::new(view, &mut memo, &key.kind, now, &time);
        match key.controller {
            Some(number) => (TABLE[number].reconcile)(&mut turn, &key.id),
            None => garbage::reconcile(&mut turn, &key.id),
        }
        let (actions, again, later) = turn.finish();
        for action in actions {
            act::carry_out(world, server, action, &mut memo);
        }
        if memo.refusal == unread {
            memo.refusal = None;
        }
        if memo.probe.is_some() || memo.refusal.is_some() {
            self.enqueue(key.clone(), now);
        } else if let Some(again) = again {
            self.enqueue(key.clone(), now.saturating_add(again));
        }
        if let Some(later) = later {
            self.later.insert(key.clone(), now.saturating_add(later));
        }
        if object.is_some() {
            self.memos.insert(key, memo);
        }
    }
}
