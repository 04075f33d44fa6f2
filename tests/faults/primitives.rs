//! Everything that can be asked of a cluster, under everything that can happen to one request of it.

use super::changing::{MAP, change, object, troubles};
use super::front::{Asked, Front, Wrong};
use super::{Bench, world};
use futures::future::join_all;
use meshwright::cluster::Selection;
use meshwright::cluster::stream::LogOptions;
use meshwright::failure::Failure;
use serde_json::json;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

/// What scripts call, the method of its request, and what that request is about.
const PRIMITIVES: [(&str, &str, &str); 8] = [
    ("get", "GET", "configmaps"),
    ("list", "GET", "configmaps"),
    ("logs", "GET", "log"),
    ("apply", "PATCH", "configmaps"),
    ("patch, label, annotate", "PATCH", "configmaps"),
    ("edit", "PUT", "configmaps"),
    ("create", "POST", "configmaps"),
    ("delete", "DELETE", "configmaps"),
];

/// How long all may take: a dead connection is noticed within that time, and the request then sent again or looked up.
const LIMIT: Duration = Duration::from_secs(20);

async fn call(bench: &Bench, primitive: &str) -> Result<(), Failure> {
    let cluster = &bench.cluster;
    match primitive {
        "get" => cluster.get(&cluster.target("cm", "default/c").await?).await.map(drop),
        "list" => cluster.list(&cluster.resource("cm").await?, &Selection::default()).await.map(drop),
        "logs" => cluster.logs("default", "p", &LogOptions::default()).await.map(drop),
        _ => change(cluster, primitive).await,
    }
}

/// Whether a primitive survives a trouble, how long it takes, and what became of it.
async fn tried(
    primitive: &str,
    method: &'static str,
    about: &'static str,
    wrong: Wrong,
) -> (Result<(), String>, Duration) {
    let (_world, server) = world();
    let is_made = ["apply", "create"].contains(&primitive);
    if !is_made {
        server.put(object(MAP).to_wire());
    }
    server.put(json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "default"},
        "spec": {"containers": [{"name": "a", "image": "a"}]}, "status": {"phase": "Running"},
    }));
    let front = Front::new(&server);
    let bench = Bench::on(&front);
    // Discovery comes before: it is not what goes wrong.
    bench.cluster.resource("cm").await.expect("kinds");
    front.inject(1, wrong, move |asked: &Asked| asked.method == method && asked.is_about(about));
    let start = Instant::now();
    let outcome = tokio::time::timeout(LIMIT, call(&bench, primitive)).await;
    let outcome =
        outcome.map_or_else(|_| Err("no end".to_owned()), |ended| ended.map_err(|failure| failure.to_string()));
    let stored = server.get("ConfigMap", Some("default"), "c");
    let wanted = match primitive {
        "delete" => stored.is_none(),
        "edit" => stored.is_some_and(|map| map["data"]["a"] == "1+"),
        "patch, label, annotate" => stored.is_some_and(|map| map["metadata"]["labels"]["l"] == "1"),
        _ => stored.is_some(),
    };
    let outcome = outcome.and_then(|()| if wanted { Ok(()) } else { Err("not as wanted".to_owned()) });
    (outcome, start.elapsed())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_primitive_survives_every_trouble() {
    let mut text = String::from("| primitive | survived | slowest |\n| --- | --- | --- |\n");
    let mut lost = Vec::new();
    let rows = PRIMITIVES.map(|(primitive, method, about)| async move {
        let all = troubles().into_iter().map(|wrong| async move {
            let (outcome, took) = tried(primitive, method, about, wrong.clone()).await;
            (outcome.map_err(|why| format!("{primitive}: {wrong:?}: {why}")), took)
        });
        (primitive, join_all(all).await)
    });
    for (primitive, all) in join_all(rows).await {
        let survived = all.iter().filter(|(outcome, _)| outcome.is_ok()).count();
        let slowest = all.iter().map(|(_, took)| *took).max().unwrap_or_default().as_secs_f32();
        writeln!(text, "| {primitive} | {survived} of {} | {slowest:.1} s |", all.len()).expect("text");
        lost.extend(all.into_iter().filter_map(|(outcome, _)| outcome.err()));
    }
    if let Some(file) = std::env::var_os("PRIMITIVES") {
        std::fs::write(file, text).expect("written");
    }
    assert!(lost.is_empty(), "{lost:#?}");
}
