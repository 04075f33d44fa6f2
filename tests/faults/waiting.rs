//! Waits and reads under faults.

use super::front::{Asked, Front, Wrong};
use super::scenes::{FAULTS, Fault, Scene, pod};
use super::{Bench, world};
use futures::future::join_all;
use meshwright::cluster::Selection;
use meshwright::cluster::wait::{Limits, Rule, Wait, until, until_all};
use meshwright::failure::{Failure, Kind};
use meshwright::object::Object;
use std::time::{Duration, Instant};

/// Later than a server that never listened is told where nobody waits.
const READY: Duration = Duration::from_millis(2500);
/// What must be noticed must be noticed by then.
const NOTICED: Duration = Duration::from_secs(20);

/// Waits for the pod of a scene as a script does, and goes on with a new pod of that name.
pub async fn wait(bench: &Bench, timeout: Duration) -> Result<Object, Failure> {
    let end = bench.cluster.clock().now() + timeout;
    let target = by(end, bench.cluster.target("Pod", "default/p")).await?;
    let limits = Limits { follow_replacement: true, ..Limits::new(timeout) };
    let wait = Wait { cluster: bench.cluster.clone(), target, rule: Rule::ready() };
    Ok(until_all(&[wait], limits).await?.remove(0))
}

/// Asks for something that is of use until this time, as scripts do for a wait.
async fn by<T>(end: Duration, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    std::future::poll_fn(|context| {
        let _until = meshwright::here::until(end);
        work.as_mut().poll(context)
    })
    .await
}

/// Survives a fault, or says why not.
async fn survive(fault: &Fault) -> Result<Duration, String> {
    let start = Instant::now();
    let scene = Scene::new(fault, READY);
    let pod = wait(&Bench::on(&scene.front), Duration::from_secs(30)).await;
    let pod = pod.map_err(|failure| format!("{}: {failure}", fault.name))?;
    let live = scene.server.get("Pod", Some("default"), "p").expect("the pod");
    if start.elapsed() < READY || live["metadata"]["uid"] != pod.uid() {
        return Err(format!("{}: ended before the pod was ready", fault.name));
    }
    Ok(start.elapsed())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_survives_all_twenty_faults() {
    let results = join_all(FAULTS.iter().map(survive)).await;
    let lost: Vec<&String> = results.iter().filter_map(|result| result.as_ref().err()).collect();
    assert!(lost.is_empty(), "{lost:#?}");
    let worst = results.iter().flatten().max().copied().unwrap_or_default();
    assert!(worst < NOTICED + READY, "the slowest took {worst:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_deleted_and_created_again_is_told() {
    let recreated = FAULTS.iter().find(|fault| fault.name.starts_with("deleted")).expect("the fault");
    // It never gets ready before the wait ends.
    let scene = Scene::new(recreated, Duration::from_secs(4));
    let bench = Bench::on(&scene.front);
    let failure = wait(&bench, Duration::from_secs(3)).await.expect_err("not ready");
    assert_eq!(failure.kind, Kind::Timeout);
    assert!(failure.details.iter().any(|line| line.contains("deleted and created again")), "{:?}", failure.details);
    let scene = Scene::new(recreated, Duration::from_secs(1));
    let bench = Bench::on(&scene.front);
    let target = bench.cluster.target("Pod", "default/p").await.expect("target");
    let start = Instant::now();
    let failure = until(&bench.cluster, &target, Rule::ready(), Duration::from_secs(20)).await.expect_err("another");
    assert!(failure.message.contains("another object has its name"), "{failure}");
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

async fn refused_for_good(code: u16, body: &'static str) -> (Failure, Duration) {
    let (_world, server) = world();
    server.put(pod("False"));
    let front = Front::new(&server);
    front.inject(usize::MAX, Wrong::Status(code, body, None), |asked| asked.is_about("pods"));
    let bench = Bench::on(&front);
    let target = bench.cluster.target("Pod", "default/p").await.expect("target");
    let start = Instant::now();
    let failure = until(&bench.cluster, &target, Rule::ready(), Duration::from_secs(30)).await.expect_err("refused");
    (failure, start.elapsed())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_lasts_ends_a_wait_soon() {
    let no = r#"{"kind":"Status","message":"no","code":403,"reason":"Forbidden"}"#;
    let stranger = r#"{"kind":"Status","message":"Unauthorized","code":401,"reason":"Unauthorized"}"#;
    for (code, body, kind) in [(403, no, Kind::Forbidden), (401, stranger, Kind::Unauthorized)] {
        let (failure, took) = refused_for_good(code, body).await;
        assert_eq!(failure.kind, kind, "{failure}");
        assert!(took < Duration::from_secs(2), "{code} took {took:?}");
        assert_eq!(failure.object.as_deref(), Some("Pod default/p"));
    }
}

/// A black hole for the first request that fits, on the way of a question that then is answered.
async fn hole(wrong: Wrong, fits: fn(&Asked) -> bool, kind: &str) -> Duration {
    let (_world, server) = world();
    server.put(pod("True"));
    let front = Front::new(&server);
    let bench = Bench::on(&front);
    let target = bench.cluster.target("Pod", "default/p").await.expect("target");
    front.inject(1, wrong, fits);
    let start = Instant::now();
    match kind {
        "get" => assert_eq!(bench.cluster.get(&target).await.expect("pod").name(), "p"),
        "list" => {
            let all = bench.cluster.list(&target.resource, &Selection::default()).await.expect("pods");
            assert_eq!(all.len(), 1);
        }
        _ => drop(until(&bench.cluster, &target, Rule::ready(), Duration::from_secs(40)).await.expect("ready")),
    }
    start.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_black_hole_is_noticed_wherever_it_is() {
    let pods: fn(&Asked) -> bool = |asked| asked.is_about("pods");
    let holes = [("get", Wrong::Hole), ("get", Wrong::Stall), ("list", Wrong::Hole), ("list", Wrong::Stall)];
    let waits = [("wait", Wrong::Hole), ("wait", Wrong::Stall)];
    let all = holes.into_iter().chain(waits);
    let took = join_all(all.map(|(kind, wrong)| async move { (kind, hole(wrong, pods, kind).await) })).await;
    assert!(took.iter().all(|(_, took)| *took <= NOTICED), "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_is_never_there_is_told_soon() {
    let (_world, server) = world();
    let front = Front::after(&server, Duration::from_secs(600));
    let bench = Bench::on(&front);
    let start = Instant::now();
    let failure = bench.cluster.target("Pod", "default/p").await.expect_err("nobody is there");
    assert_eq!(failure.kind, Kind::Unreachable, "{failure}");
    assert!(failure.hint.is_some_and(|hint| hint.contains("nothing listens there")), "{}", failure.message);
    assert!(start.elapsed() <= Duration::from_secs(12), "{:?}", start.elapsed());
    assert!(!bench.told().is_empty(), "the user was told of the outage");
}

/// The script that is the first to talk to a cluster may be a wait, of any kind.
#[test]
fn every_wait_outlasts_an_outage_at_first_contact() {
    use meshwright::rehearsal::World;
    let runtime = tokio::runtime::Runtime::new().expect("runtime");
    let inside = runtime.enter();
    let world = World::new(meshwright::clock::Clock::real(), &["east"]);
    world.start();
    drop(inside);
    let server = world.server("east").expect("east");
    server.put(
        serde_json::json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", "namespace": "default"},
        "spec": {"type": "LoadBalancer", "ports": [{"name": "a", "port": 80}]}}),
    );
    let home = tempfile::tempdir().expect("folder");
    for wait in [
        "wait.address(c, \"default/s\", #{timeout: \"30s\"}).host.len() > 0",
        "wait.exists(c, \"Service\", \"default/s\", #{timeout: \"30s\"}).metadata.name == \"s\"",
        "attempt(|| wait.webhook(c, \"none\", #{timeout: \"3s\"})).error.kind == \"timeout\"",
    ] {
        let front = runtime.block_on(async { Front::after(server, Duration::from_millis(2200)) });
        let config = home.path().join("config");
        std::fs::write(&config, front.kubeconfig()).expect("written");
        let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin("meshwright"));
        command.args(["eval", &format!("let c = kube.cluster(kube.contexts()[0]); {wait}")]);
        command.env("HOME", home.path()).env("KUBECONFIG", &config).env("NO_COLOR", "1");
        let output = command.output().expect("started");
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!((output.status.code(), out.trim()), (Some(0), "true"), "{wait}: {err}");
    }
}
