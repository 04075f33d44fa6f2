//! Requests, lists and discovery against servers that misbehave.

use super::layers::Settings;
use super::{Cluster, Selection};
use crate::clock::Clock;
use crate::failure::Kind;
use http::{Request, Response};
use http_body::Frame;
use kube::client::Body;
use serde_json::json;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tower::BoxError;

/// The body of an answer: chunks, then its end or an error.
type Chunks =
    http_body_util::StreamBody<futures::stream::Iter<std::vec::IntoIter<Result<Frame<bytes::Bytes>, BoxError>>>>;

fn chunks(parts: Vec<Result<&str, BoxError>>) -> Chunks {
    let frames =
        parts.into_iter().map(|part| part.map(|text| Frame::data(bytes::Bytes::copy_from_slice(text.as_bytes()))));
    http_body_util::StreamBody::new(futures::stream::iter(frames.collect::<Vec<_>>()))
}

fn answer(code: u16, body: &serde_json::Value) -> Response<Chunks> {
    let text = body.to_string();
    Response::builder().status(code).body(chunks(vec![Ok(text.as_str())])).expect("response")
}

/// A cluster whose server answers so; the requests' paths are kept.
fn cluster(
    clock: &Clock,
    serve: impl Fn(usize, &str) -> Response<Chunks> + Send + Sync + 'static,
) -> (Cluster, Arc<Mutex<Vec<String>>>) {
    let (asked, count, serve) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicUsize::new(0)), Arc::new(serve));
    let log = asked.clone();
    let transport = tower::service_fn(move |request: Request<Body>| {
        let path = request.uri().to_string();
        log.lock().expect("log").push(path.clone());
        let response = serve(count.fetch_add(1, Ordering::SeqCst), &path);
        std::future::ready(Ok::<_, BoxError>(response))
    });
    (Cluster::over(transport, Settings::new("east", "https://east", clock.clone())), asked)
}

fn get(path: &str) -> Request<Vec<u8>> {
    Request::builder().uri(path).body(Vec::new()).expect("request")
}

const POD: &str = "/api/v1/namespaces/a/pods/p";

#[test]
fn an_answer_that_breaks_off_is_asked_for_again() {
    crate::clock::simulated(async |clock| {
        let whole = json!({"kind": "Pod", "metadata": {"name": "p"}}).to_string();
        let (cluster, asked) = cluster(&clock, move |number, _| {
            let (head, tail) = whole.split_at(9);
            let parts = match number {
                0 => vec![Ok(head), Err("connection reset by peer".into())],
                // Some proxies end a broken answer like a complete one.
                1 => vec![Ok(head)],
                _ => vec![Ok(head), Ok(tail)],
            };
            Response::new(chunks(parts))
        });
        let pod = cluster.send(get(POD)).await.expect("pod");
        assert_eq!((pod.name(), pod.origin.as_deref()), ("p", Some("east")));
        assert_eq!(asked.lock().expect("log").len(), 3);
    });
}

#[test]
fn a_change_that_breaks_off_is_sent_once() {
    crate::clock::simulated(async |clock| {
        let (cluster, asked) = cluster(&clock, |_, _| Response::new(chunks(vec![Ok("{"), Err("reset".into())])));
        let post = Request::post("/api/v1/namespaces/a/pods").body(b"{}".to_vec()).expect("request");
        assert_eq!(cluster.send(post).await.expect_err("broken").kind, Kind::Unreachable);
        assert_eq!(asked.lock().expect("log").len(), 1);
    });
}

#[test]
fn a_passing_error_of_the_server_passes() {
    crate::clock::simulated(async |clock| {
        let (cluster, _) = cluster(&clock, |number, _| match number {
            0 => answer(500, &json!({"kind": "Status", "code": 500, "message": "etcdserver: leader changed"})),
            _ => answer(200, &json!({"kind": "Pod"})),
        });
        assert_eq!(cluster.send(get(POD)).await.expect("pod").kind(), "Pod");
    });
}

#[test]
fn refusals_name_cluster_and_object_in_the_servers_words() {
    crate::clock::simulated(async |clock| {
        let (cluster, _) = cluster(&clock, |_, _| {
            answer(404, &json!({"kind": "Status", "reason": "NotFound", "message": "pods \"p\" not found"}))
        });
        let failure = cluster.send(get(POD)).await.expect_err("not found");
        assert_eq!(failure.to_string(), "east: pods a/p: pods \"p\" not found");
        assert_eq!(failure.kind, Kind::NotFound);
    });
}

#[test]
fn secrets_in_a_servers_words_do_not_show() {
    crate::clock::simulated(async |clock| {
        crate::secret::Secret::new("token", "planted-token-4");
        let (cluster, _) =
            cluster(&clock, |_, _| answer(422, &json!({"kind": "Status", "message": "bad value planted-token-4"})));
        let failure = cluster.send(get(POD)).await.expect_err("refused");
        assert_eq!((failure.kind, failure.message.as_str()), (Kind::Invalid, "bad value ‹secret token›"));
    });
}

/// A list in pages of two, of five pods.
fn page(path: &str, names: [&str; 2], next: &str) -> Response<Chunks> {
    assert!(path.contains("limit=500"), "{path}");
    let items: Vec<_> = names.iter().map(|name| json!({"metadata": {"name": name, "uid": name}})).collect();
    answer(200, &json!({"kind": "PodList", "apiVersion": "v1", "metadata": {"continue": next}, "items": items}))
}

fn pods() -> super::Resource {
    super::Resource {
        version: "v1".into(),
        kind: "Pod".into(),
        plural: "pods".into(),
        namespaced: true,
        ..Default::default()
    }
}

#[test]
fn lists_come_page_by_page_with_kinds() {
    crate::clock::simulated(async |clock| {
        let (cluster, asked) = cluster(&clock, |number, path| match number {
            0 => page(path, ["a", "b"], "more&=1"),
            _ => page(path, ["c", "d"], ""),
        });
        let found = cluster
            .list(&pods(), &Selection { labels: Some("app=x".into()), ..Selection::default() })
            .await
            .expect("list");
        let titles: Vec<String> = found.iter().map(crate::object::Object::title).collect();
        assert_eq!(titles, ["Pod a", "Pod b", "Pod c", "Pod d"]);
        assert!(found.iter().all(|pod| pod.api_version() == "v1" && pod.origin.as_deref() == Some("east")));
        let asked = asked.lock().expect("log").clone();
        assert_eq!(asked[1], "/api/v1/pods?limit=500&labelSelector=app%3Dx&continue=more%26%3D1");
    });
}

#[test]
fn an_expired_list_goes_on_without_giving_objects_twice() {
    crate::clock::simulated(async |clock| {
        for token in ["", "inconsistent"] {
            let (cluster, _) = cluster(&clock, move |number, path| match number {
                0 => page(path, ["a", "b"], "old"),
                1 => answer(410, &json!({"kind": "Status", "reason": "Expired", "metadata": {"continue": token}})),
                2 => {
                    assert_eq!(path.contains("continue=inconsistent"), !token.is_empty(), "{path}");
                    page(path, ["b", "c"], "")
                }
                _ => unreachable!("{path}"),
            });
            let found = cluster.list(&pods(), &Selection::default()).await.expect("list");
            let names: Vec<&str> = found.iter().map(crate::object::Object::name).collect();
            assert_eq!(names, ["a", "b", "c"]);
        }
    });
}

#[test]
fn a_limited_list_asks_for_no_more() {
    crate::clock::simulated(async |clock| {
        let (cluster, asked) = cluster(&clock, |_, _| {
            let items = json!([{"metadata": {"name": "a", "uid": "a"}}]);
            answer(200, &json!({"kind": "PodList", "metadata": {"continue": "more"}, "items": items}))
        });
        let found = cluster.list(&pods(), &Selection { limit: Some(1), ..Selection::default() }).await.expect("list");
        assert_eq!(found.len(), 1);
        assert_eq!(*asked.lock().expect("log"), ["/api/v1/pods?limit=1"]);
    });
}

/// Discovery as servers before 1.26 speak it.
fn plain(path: &str, with_crd: bool) -> Response<Chunks> {
    let group = |name: &str| {
        json!({"name": name, "versions": [{"groupVersion": format!("{name}/v1")}],
        "preferredVersion": {"groupVersion": format!("{name}/v1")}})
    };
    let groups =
        if with_crd { json!([group("apps"), group("x.io"), group("broken.io")]) } else { json!([group("apps")]) };
    let kind = |plural: &str, kind: &str| json!({"name": plural, "kind": kind, "namespaced": true, "verbs": ["get"]});
    match path {
        "/api" => answer(200, &json!({"kind": "APIVersions", "versions": ["v1"]})),
        "/apis" => answer(200, &json!({"kind": "APIGroupList", "groups": groups})),
        "/api/v1" => answer(
            200,
            &json!({"kind": "APIResourceList", "resources": [kind("pods", "Pod"), kind("pods/log", "Pod")]}),
        ),
        "/apis/apps/v1" => answer(
            200,
            &json!({"kind": "APIResourceList", "resources": [kind("deployments", "Deployment"),
            {"name": "deployments/scale", "kind": "Scale", "namespaced": true}]}),
        ),
        "/apis/x.io/v1" => answer(200, &json!({"kind": "APIResourceList", "resources": [kind("widgets", "Widget")]})),
        _ => answer(503, &json!({"kind": "Status", "message": "the server is currently unable to handle the request"})),
    }
}

#[test]
fn old_servers_are_discovered_too_and_kinds_appear() {
    crate::clock::simulated(async |clock| {
        let (cluster, asked) = cluster(&clock, |number, path| plain(path, number > 3));
        let deployments = cluster.resource("deployments").await.expect("deployments");
        assert_eq!((deployments.kind.as_str(), deployments.subresources), ("Deployment", vec!["scale".to_owned()]));
        assert_eq!(cluster.resource("po").await.expect_err("no short names").kind, Kind::NotFound);
        assert_eq!(cluster.resource("x.io/v1/Widget").await.expect("appeared").plural, "widgets");
        let before = asked.lock().expect("log").len();
        cluster.resource("Pod").await.expect("known");
        assert_eq!(asked.lock().expect("log").len(), before, "known kinds are not asked for");
    });
}

#[test]
fn addresses_need_what_they_need() {
    crate::clock::simulated(async |clock| {
        let (cluster, _) = cluster(&clock, |_, path| plain(path, false));
        assert_eq!(cluster.target("Pod", "a/p").await.expect("target").path(), POD);
        let failure = cluster.target("Pod", "p").await.expect_err("no namespace");
        assert_eq!((failure.kind, failure.cluster.as_deref()), (Kind::Usage, Some("east")));
        let manifest =
            crate::object::yaml::parse("{apiVersion: v1, kind: Pod, metadata: {name: p}}").expect("yaml").remove(0);
        let failure = cluster.target_of(&manifest).await.expect_err("no namespace");
        assert!(failure.hint.is_some_and(|hint| hint.contains("metadata.namespace")));
        let failure = cluster.target_of(&crate::object::Object::default()).await.expect_err("nothing");
        assert!(failure.message.contains("apiVersion"), "{}", failure.message);
    });
}

/// Applies a ConfigMap to a server that refuses the first patch so.
async fn apply_after(clock: &Clock, refusal: serde_json::Value) -> (crate::failure::Result<super::Applied>, usize) {
    let code = refusal["code"].as_u64().unwrap_or_default() as u16;
    let patches = Arc::new(AtomicUsize::new(0));
    let count = patches.clone();
    let (cluster, _) = cluster(clock, move |_, path| match path {
        path if path.contains("fieldManager=") => match count.fetch_add(1, Ordering::SeqCst) {
            0 => answer(code, &refusal),
            _ => answer(201, &json!({"kind": "Pod", "metadata": {"name": "p", "namespace": "a", "uid": "1"}})),
        },
        path if path.starts_with("/api/v1/namespaces") => answer(404, &json!({"kind": "Status", "reason": "NotFound"})),
        path => plain(path, false),
    });
    let manifest =
        crate::object::yaml::parse("{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: a}}").expect("yaml");
    let applied = cluster.apply(&manifest[0], &super::ApplyOptions::default()).await;
    (applied, patches.load(Ordering::SeqCst))
}

#[test]
fn what_is_not_ready_for_a_change_is_waited_for() {
    crate::clock::simulated(async |clock| {
        let webhook = "Internal error occurred: failed calling webhook \"v.istio.io\": failed to call webhook: Post \
        \"https://istiod.istio-system.svc:443/validate?timeout=10s\": dial tcp 10.0.0.1:15017: connect: connection refused";
        let refusals = [
            json!({"kind": "Status", "code": 500, "reason": "InternalError", "message": webhook}),
            json!({"kind": "Status", "code": 403, "reason": "Forbidden", "message": "unable to create new content in namespace a \
            because it is being terminated", "details": {"causes": [{"reason": "NamespaceTerminating"}]}}),
        ];
        for refusal in refusals {
            let (applied, patches) = apply_after(&clock, refusal).await;
            assert_eq!((applied.expect("applied").outcome, patches), (super::Outcome::Created, 2));
        }
    });
}

#[test]
fn what_will_not_pass_is_told_at_once() {
    crate::clock::simulated(async |clock| {
        let denied = json!({"kind": "Status", "code": 400, "message": "admission webhook \"v.istio.io\" denied the request: no"});
        let (applied, patches) = apply_after(&clock, denied).await;
        let failure = applied.expect_err("denied");
        assert_eq!((failure.kind, failure.object.as_deref(), patches), (Kind::Invalid, Some("Pod a/p"), 1));
    });
}
