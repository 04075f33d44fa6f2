//! Changes and lists under faults: carried out once, and said so.

use super::front::{Asked, Front, Wrong};
use super::{Bench, world};
use futures::future::join_all;
use meshwright::cluster::layers::Notice;
use meshwright::cluster::{ApplyOptions, Cluster, DeleteOptions, Outcome, Selection};
use meshwright::failure::{Failure, Kind};
use meshwright::object::{Node, Object, yaml};
use meshwright::rehearsal::{Server, World};
use std::time::Duration;

pub const MAP: &str = "{apiVersion: v1, kind: ConfigMap, metadata: {name: c, namespace: default}, data: {a: '1'}}";
const LEADER: &str = r#"{"kind":"Status","code":500,"message":"etcdserver: leader changed"}"#;
const BUSY: &str = r#"{"kind":"Status","code":429,"message":"Too many requests","reason":"TooManyRequests"}"#;

pub fn object(text: &str) -> Object {
    yaml::parse(text).expect("yaml").remove(0)
}

/// What can happen to one request; after most of it, nobody knows whether it was carried out.
pub fn troubles() -> Vec<Wrong> {
    vec![
        Wrong::Status(500, LEADER, None),
        Wrong::Status(502, "bad gateway", None),
        Wrong::Status(503, "starting", None),
        Wrong::Status(504, "late", None),
        Wrong::Status(429, BUSY, Some("1".into())),
        Wrong::Reset,
        Wrong::ResetAfter,
        Wrong::Hole,
        Wrong::HoleAfter,
        Wrong::Stall,
    ]
}

/// A bench on a cluster in which a request with this method goes wrong once.
struct Scene {
    bench: Bench,
    front: Front,
    server: Server,
    _world: World,
}

impl Scene {
    fn new() -> Scene {
        let (world, server) = world();
        let front = Front::new(&server);
        Scene { bench: Bench::on(&front), front, server, _world: world }
    }

    fn spoil(&self, method: &'static str, wrong: Wrong) {
        self.front.inject(1, wrong, move |asked: &Asked| asked.method == method && asked.is_about("configmaps"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_apply_survives_every_trouble() {
    let outcomes = join_all(troubles().into_iter().map(|wrong| async move {
        let scene = Scene::new();
        scene.spoil("PATCH", wrong.clone());
        let applied = scene.bench.cluster.apply(&object(MAP), &ApplyOptions::default()).await;
        let stored = scene.server.get("ConfigMap", Some("default"), "c").unwrap_or_default();
        (wrong, applied, stored)
    }))
    .await;
    for (wrong, applied, stored) in outcomes {
        let applied = applied.unwrap_or_else(|failure| panic!("{wrong:?}: {failure}"));
        assert_eq!((applied.outcome, stored["data"]["a"].as_str()), (Outcome::Created, Some("1")), "{wrong:?}");
        assert_eq!(stored["metadata"]["managedFields"].as_array().map(Vec::len), Some(1), "{wrong:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repetition_is_told_and_written_down_once_as_a_change() {
    let scene = Scene::new();
    scene.spoil("PATCH", Wrong::Status(503, "starting", Some("1".into())));
    scene.bench.cluster.apply(&object(MAP), &ApplyOptions::default()).await.expect("applied");
    assert_eq!(scene.front.count("PATCH", "configmaps"), 2);
    let (intents, again) = (scene.bench.journal.intents(), scene.bench.journal.repetitions());
    assert_eq!((intents.len(), again.len()), (1, 1));
    assert_eq!((again[0].change, again[0].number), (Some(intents[0].id), 1));
    assert_eq!((again[0].object.as_str(), again[0].method.as_str()), ("ConfigMap default/c", "PATCH"));
    let told = scene.bench.told();
    let [Notice::Retrying { reason, again_in, .. }] = told.as_slice() else { panic!("{told:?}") };
    assert!(reason.contains("503") && *again_in >= Duration::from_secs(1), "{reason} {again_in:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_survives_trouble_between_and_within_its_pages() {
    let scene = Scene::new();
    for number in 0..1200 {
        let text = format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: m{number}, namespace: default}}}}");
        scene.server.put(object(&text).to_wire());
    }
    let fits = |part: &'static str| move |asked: &Asked| asked.is_about("configmaps") && asked.path.contains(part);
    scene.front.inject(1, Wrong::Reset, fits("limit"));
    scene.front.inject(1, Wrong::Stall, fits("continue"));
    scene.front.inject(1, Wrong::Status(500, LEADER, None), fits("continue"));
    let maps = scene.bench.cluster.resource("configmaps").await.expect("kind");
    let selection = Selection { namespace: Some("default".into()), ..Selection::default() };
    let all = scene.bench.cluster.list(&maps, &selection).await.expect("list");
    let ours = all.iter().filter(|map| map.name().starts_with('m')).count();
    assert_eq!(ours, 1200);
}

/// What all troubles with one method come to; `stored` is the map afterwards.
async fn under_trouble<T>(
    method: &'static str,
    change: impl AsyncFn(&Scene) -> T,
) -> Vec<(Wrong, T, Option<serde_json::Value>)> {
    let change = &change;
    let one = |wrong: Wrong| async move {
        let scene = Scene::new();
        if method != "POST" {
            scene.server.put(object(MAP).to_wire());
        }
        scene.spoil(method, wrong.clone());
        let outcome = change(&scene).await;
        (wrong, outcome, scene.server.get("ConfigMap", Some("default"), "c"))
    };
    join_all(troubles().into_iter().map(one)).await
}

/// The map with a longer value.
fn grown(object: Object) -> Result<Object, Failure> {
    let mut value = object.to_wire();
    value["data"]["a"] = format!("{}+", value["data"]["a"].as_str().unwrap_or_default()).into();
    Ok(Object { node: Node::from(&value), ..object })
}

/// What scripts call so.
pub async fn change(cluster: &Cluster, primitive: &str) -> Result<(), Failure> {
    let target = cluster.target("cm", "default/c").await?;
    match primitive {
        "apply" => cluster.apply(&object(MAP), &ApplyOptions::default()).await.map(drop),
        "create" => cluster.create(&object(MAP), None).await.map(drop),
        "edit" => cluster.edit(&target, grown).await.map(drop),
        "delete" => cluster.delete(&target, &DeleteOptions::default()).await.map(drop),
        _ => cluster.label(&target, &Node::from(&serde_json::json!({"l": "1"}))).await.map(drop),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_whose_answer_was_lost_is_done() {
    let outcomes = under_trouble("DELETE", async |scene| {
        let target = scene.bench.cluster.target("cm", "default/c").await.expect("target");
        scene.bench.cluster.delete(&target, &DeleteOptions::default()).await
    });
    for (wrong, outcome, stored) in outcomes.await {
        assert_eq!(outcome, Ok(true), "{wrong:?}");
        assert_eq!(stored, None, "{wrong:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_whose_answer_was_lost_is_not_made_twice() {
    let outcomes = under_trouble("PUT", async |scene| {
        let target = scene.bench.cluster.target("cm", "default/c").await.expect("target");
        scene.bench.cluster.edit(&target, grown).await.map(|applied| applied.outcome)
    });
    for (wrong, outcome, stored) in outcomes.await {
        assert_eq!(outcome, Ok(Outcome::Changed), "{wrong:?}");
        assert_eq!(stored.expect("the map")["data"]["a"], "1+", "{wrong:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creation_whose_answer_was_lost_is_looked_up() {
    let outcomes = under_trouble("POST", async |scene| {
        let made = scene.bench.cluster.create(&object(MAP), None).await.map(|object| object.uid().to_owned());
        (made, scene.front.count("POST", "configmaps"))
    });
    for (wrong, (made, posts), stored) in outcomes.await {
        let stored = stored.unwrap_or_else(|| panic!("{wrong:?}: nothing was created"));
        assert_eq!(made.as_deref(), Ok(stored["metadata"]["uid"].as_str().expect("uid")), "{wrong:?}");
        let carried_out = matches!(wrong, Wrong::ResetAfter | Wrong::HoleAfter | Wrong::Stall);
        assert_eq!(posts, if carried_out { 1 } else { 2 }, "{wrong:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creation_does_not_take_what_was_there_for_its_own() {
    let scene = Scene::new();
    scene.server.put(object(MAP).to_wire());
    scene.spoil("POST", Wrong::ResetAfter);
    let failure = scene.bench.cluster.create(&object(MAP), None).await.expect_err("there before");
    assert!(matches!(failure.kind, Kind::Unreachable | Kind::AlreadyExists), "{failure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creation_does_not_take_what_somebody_else_has_made_meanwhile_for_its_own() {
    for wrong in [Wrong::Status(500, LEADER, None), Wrong::Reset] {
        let scene = Scene::new();
        let (server, fits) = (scene.server.clone(), |asked: &Asked| asked.method == "POST");
        // In front of the look that follows.
        scene.front.inject(1, Wrong::Stall, move |asked: &Asked| {
            if server.log().iter().any(|sent| sent.method == "GET" && sent.path.contains("configmaps/c"))
                && asked.method == "GET"
            {
                server.put_as("kubectl", object(MAP).to_wire());
            }
            false
        });
        scene.front.inject(1, wrong.clone(), fits);
        let failure = scene.bench.cluster.create(&object(MAP), None).await.expect_err("made by somebody else");
        assert_eq!(failure.kind, Kind::AlreadyExists, "{wrong:?}: {failure}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_whose_answer_was_lost_is_not_made_twice_because_others_write_too() {
    for (path, value) in
        [("/status", serde_json::json!({"replicas": 1})), ("/metadata/annotations", serde_json::json!({"seen": "1"}))]
    {
        let scene = Scene::new();
        let claim = "{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: r, namespace: default, annotations: {grown: '1'}}, spec: {replicas: 0, selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i}]}}}}";
        scene.server.put_as("kubectl", object(claim).to_wire());
        let server = scene.server.clone();
        scene.front.inject(1, Wrong::Stall, move |asked: &Asked| {
            let mut live = server.get("ReplicaSet", Some("default"), "r").expect("there");
            if asked.method == "PUT" && live["spec"]["minReadySeconds"] == 1 {
                let before = live.pointer(path).cloned().unwrap_or_default();
                let (parent, field) = path.rsplit_once('/').expect("a path");
                let mut both = before.as_object().cloned().unwrap_or_default();
                both.extend(value.as_object().cloned().expect("fields"));
                live.pointer_mut(parent).expect("parent")[field] = both.into();
                server.put_as("controller", live);
            }
            false
        });
        scene.front.inject(1, Wrong::ResetAfter, |asked: &Asked| asked.method == "PUT");
        let target = scene.bench.cluster.target("ReplicaSet", "default/r").await.expect("target");
        let longer = |set: Object| {
            let mut set = set.to_wire();
            let seconds = set["spec"]["minReadySeconds"].as_i64().unwrap_or(0);
            set["spec"]["minReadySeconds"] = (seconds + 1).into();
            Ok(Object::new(Node::from(&set)))
        };
        let edited = scene.bench.cluster.edit(&target, longer).await.expect("edited");
        let stored = scene.server.get("ReplicaSet", Some("default"), "r").expect("there");
        assert_eq!(
            (edited.outcome, &stored["spec"]["minReadySeconds"]),
            (Outcome::Changed, &1.into()),
            "{path}: {stored}"
        );
    }
}
