//! The twenty faults: a pod that turns Ready while one of them happens once.

use super::front::{Asked, End, Front, Wrong};
use meshwright::clock::Clock;
use meshwright::rehearsal::{Server, World};
use serde_json::{Value, json};
use std::time::Duration;
use tokio_util::task::AbortOnDropHandle;

/// One fault.
#[derive(Clone, Copy)]
pub struct Fault {
    /// As the table says it.
    pub name: &'static str,
    happens: Happens,
}

#[derive(Clone, Copy)]
enum Happens {
    Never,
    /// Connections are refused until shortly before the pod is Ready.
    Refused,
    /// To the first request about pods.
    First(fn() -> Wrong),
    /// To the first watch.
    Watch(fn() -> Wrong),
    /// The pod is deleted and made again.
    Recreated,
}

const LEADER: &str = r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"etcdserver: leader changed","reason":"InternalError","code":500}"#;
const BUSY: &str = r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Too many requests, please try again later.","reason":"TooManyRequests","code":429}"#;
const STRANGER: &str = r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Unauthorized","reason":"Unauthorized","code":401}"#;
const FORBIDDEN: &str = r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"pods is forbidden: User \"u\" cannot watch resource \"pods\" in API group \"\" in the namespace \"default\"","reason":"Forbidden","code":403}"#;
const EXPIRED: &str = r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"too old resource version: 1 (2)","reason":"Expired","code":410}"#;
const EXPIRED_EVENT: &str = concat!(
    r#"{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","#,
    r#""message":"too old resource version: 1 (2)","reason":"Expired","code":410}}"#,
    "\n"
);
const BROKEN_EVENT: &str = concat!(
    r#"{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","#,
    r#""message":"etcdserver: no leader","reason":"InternalError","code":500}}"#,
    "\n"
);
const HALF: &str = r#"{"type":"MODIFIED","object":{"kind":"Pod","apiVersion":"v1","metadata":{"name":"p","#;

fn status(code: u16, body: &'static str) -> Wrong {
    Wrong::Status(code, body, None)
}

fn soon(end: End) -> Wrong {
    Wrong::Then(Duration::from_millis(200), end)
}

/// All of them, in the order of the table.
pub const FAULTS: [Fault; 20] = [
    Fault { name: "none", happens: Happens::Never },
    Fault { name: "connections refused for a while", happens: Happens::Refused },
    Fault { name: "reset of the first request", happens: Happens::First(|| Wrong::Reset) },
    Fault { name: "500 \"leader changed\" first", happens: Happens::First(|| status(500, LEADER)) },
    Fault { name: "502 first", happens: Happens::First(|| status(502, "<html>\n<h1>502 Bad Gateway</h1>")) },
    Fault {
        name: "503 with Retry-After first",
        happens: Happens::First(|| Wrong::Status(503, "starting", Some("1".into()))),
    },
    Fault { name: "503 without it first", happens: Happens::First(|| status(503, "starting")) },
    Fault {
        name: "429 with Retry-After first",
        happens: Happens::First(|| Wrong::Status(429, BUSY, Some("1".into()))),
    },
    Fault { name: "401 first", happens: Happens::First(|| status(401, STRANGER)) },
    Fault { name: "500 on the watch", happens: Happens::Watch(|| status(500, LEADER)) },
    Fault { name: "429 on the watch", happens: Happens::Watch(|| Wrong::Status(429, BUSY, Some("1".into()))) },
    Fault { name: "403 on the watch, once", happens: Happens::Watch(|| status(403, FORBIDDEN)) },
    Fault { name: "410 on the watch", happens: Happens::Watch(|| status(410, EXPIRED)) },
    Fault { name: "410 as an event", happens: Happens::Watch(|| soon(End::With(EXPIRED_EVENT))) },
    Fault { name: "500 as an event", happens: Happens::Watch(|| soon(End::With(BROKEN_EVENT))) },
    Fault { name: "clean end of the watch", happens: Happens::Watch(|| soon(End::Clean)) },
    Fault { name: "reset of the watch", happens: Happens::Watch(|| soon(End::Reset)) },
    Fault { name: "event cut in half", happens: Happens::Watch(|| soon(End::With(HALF))) },
    Fault { name: "deleted and created again", happens: Happens::Recreated },
    Fault { name: "black hole: no bytes, no end", happens: Happens::Watch(|| Wrong::Stall) },
];

/// A cluster with a pod `default/p` to which one fault happens; all of it ends with the value.
pub struct Scene {
    pub front: Front,
    pub server: Server,
    _world: World,
    _story: AbortOnDropHandle<()>,
}

impl Scene {
    /// The pod turns Ready after this time.
    pub fn new(fault: &Fault, ready: Duration) -> Scene {
        let world = World::new(Clock::real(), &["east"]);
        let server = world.server("east").expect("east").clone();
        server.put(pod("False"));
        let refused = matches!(fault.happens, Happens::Refused);
        let front = Front::after(&server, if refused { ready.mul_f32(0.8) } else { Duration::ZERO });
        match fault.happens {
            Happens::First(wrong) => front.inject(1, wrong(), |asked| asked.is_about("pods")),
            Happens::Watch(wrong) => front.inject(1, wrong(), Asked::is_watch),
            _ => {}
        }
        let story = tokio::spawn(story(server.clone(), matches!(fault.happens, Happens::Recreated), ready));
        Scene { front, server, _world: world, _story: AbortOnDropHandle::new(story) }
    }
}

async fn story(server: Server, recreated: bool, ready: Duration) {
    tokio::time::sleep(ready / 2).await;
    if recreated {
        server.remove("Pod", Some("default"), "p");
        server.put(pod("False"));
    }
    tokio::time::sleep(ready / 2).await;
    server.edit("Pod", Some("default"), "p", |pod| pod["status"] = status_of("True"));
}

fn status_of(ready: &str) -> Value {
    json!({"phase": "Running", "conditions": [{"type": "Ready", "status": ready}]})
}

/// A pod that is or is not Ready.
pub fn pod(ready: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "default"},
        "spec": {"containers": [{"name": "a", "image": "a"}]}, "status": status_of(ready),
    })
}
