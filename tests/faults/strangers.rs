//! Answers that no API server gives, from login pages and proxies in its place: they are never taken for success.

use super::changing::{MAP, change, object};
use super::front::{Front, Wrong};
use super::{Bench, world};
use futures::future::join_all;
use meshwright::cluster::wait::{Rule, until};
use meshwright::failure::{Failure, Kind};
use std::time::Duration;

/// What strangers answer.
const ANSWERS: [(u16, &str); 6] =
    [(302, ""), (307, "moved"), (200, "<html>please log in</html>"), (200, "{}"), (200, "null"), (200, "")];

async fn call(bench: &Bench, primitive: &str) -> Result<(), Failure> {
    let cluster = &bench.cluster;
    let target = cluster.target("cm", "default/c").await?;
    match primitive {
        "find" => cluster.find(&target).await.map(drop),
        "gone" => until(cluster, &target, Rule::gone(None), Duration::from_secs(1)).await.map(drop),
        _ => change(cluster, primitive).await,
    }
}

/// How a primitive ends when a stranger answers every request of this method about its object.
async fn answered(primitive: &'static str, method: &'static str, (code, body): (u16, &'static str)) -> Failure {
    let (_world, server) = world();
    if !["apply", "create"].contains(&primitive) {
        server.put(object(MAP).to_wire());
    }
    let front = Front::new(&server);
    let bench = Bench::on(&front);
    bench.cluster.resource("cm").await.expect("kinds");
    front.inject(99, Wrong::Status(code, body, None), move |asked| {
        asked.method == method && asked.is_about("configmaps")
    });
    let ended = call(&bench, primitive).await;
    ended.err().unwrap_or_else(|| panic!("{primitive} took {code} {body:?} for success"))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_api_server_says_is_no_success() {
    let calls = [("find", "GET"), ("gone", "GET"), ("apply", "PATCH"), ("edit", "PUT")];
    let all = calls.into_iter().flat_map(|call| ANSWERS.map(|answer| (call, answer)));
    // What may have been created is looked for until the time is over, see `a_creation_whose_answer_was_lost_is_looked_up`.
    let all = all.chain([(("create", "POST"), ANSWERS[0])]);
    let ended = all.map(|((primitive, method), answer)| async move {
        let failure = answered(primitive, method, answer).await;
        let expected = [Kind::Unreachable, Kind::Server, Kind::Timeout];
        assert!(expected.contains(&failure.kind), "{primitive} {answer:?}: {failure:?}");
    });
    join_all(ended).await;
    let failure = answered("delete", "DELETE", (302, "")).await;
    assert!(failure.message.contains("302 Found") && failure.hint.is_some_and(|hint| hint.contains("login page")));
}
