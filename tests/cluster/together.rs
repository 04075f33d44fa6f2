//! What belongs together comes in one call, and many may write at once. Each test runs against any server.

use super::{Bench, in_default};
use futures::StreamExt as _;
use futures::future::join_all;
use meshwright::cluster::Outcome;
use meshwright::object::{Node, Object, yaml};

/// A namespace, a kind, an object of that kind in that namespace, and a webhook that would refuse the object: nobody
/// answers for it. In the order that causes most trouble.
fn bundle(number: usize) -> String {
    format!(
        "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingWebhookConfiguration\nmetadata: {{name: w{number}}}\n\
         webhooks:\n- name: a.g{number}.io\n  admissionReviewVersions: [v1]\n  sideEffects: None\n  failurePolicy: Fail\n  \
         clientConfig: {{service: {{name: nobody, namespace: n{number}}}}}\n  \
         rules: [{{apiGroups: [g{number}.io], apiVersions: ['*'], operations: ['*'], resources: ['*']}}]\n---\n\
         {{apiVersion: g{number}.io/v1, kind: Widget, metadata: {{name: w, namespace: n{number}}}, spec: {{size: 1}}}}\n---\n\
         {{apiVersion: v1, kind: ConfigMap, metadata: {{name: c, namespace: n{number}}}}}\n---\n\
         apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{name: widgets.g{number}.io}}\n\
         spec:\n  group: g{number}.io\n  names: {{kind: Widget, plural: widgets}}\n  scope: Namespaced\n  versions:\n  \
         - name: v1\n    served: true\n    storage: true\n    schema: {{openAPIV3Schema: {{type: object, \
         properties: {{spec: {{type: object, x-kubernetes-preserve-unknown-fields: true}}}}}}}}\n---\n\
         {{apiVersion: v1, kind: Namespace, metadata: {{name: n{number}}}}}\n"
    )
}

async fn apply_bundle(bench: &Bench, number: usize) -> Result<(), String> {
    let objects = yaml::parse(&bundle(number)).expect("yaml");
    for wanted in [Outcome::Created, Outcome::Unchanged] {
        let applied = bench.cluster.apply_all(&objects, &in_default()).await;
        let applied = applied.map_err(|failure| format!("{number}: {failure} {:?}", failure.details))?;
        if let Some(other) = applied.iter().find(|one| one.outcome != wanted) {
            return Err(format!("{number}: {} is {:?}", other.object.title(), other.outcome));
        }
    }
    Ok(())
}

pub async fn what_belongs_together_comes_in_one_call(bench: &Bench, times: usize) {
    let all = futures::stream::iter(0..times).map(|number| apply_bundle(bench, number)).buffer_unordered(4);
    let lost: Vec<String> = all.filter_map(|result| std::future::ready(result.err())).collect().await;
    assert!(lost.is_empty(), "{} of {times} failed: {lost:#?}", lost.len());
}

const NETWORKS: &str = "# who is where\nnetworks: # by name\n  first: {size: 1} # stays\n";

pub async fn many_writers_of_one_yaml_lose_nothing(bench: &Bench) {
    let map = format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: mesh}}\ndata:\n  networks: {NETWORKS:?}\n");
    bench.apply(&map).await;
    let target = &bench.cluster.target("cm", "default/mesh").await.expect("target");
    let write = |number: i64| async move {
        let change = move |map: Object| {
            let mut value = map.to_wire();
            let text = value["data"]["networks"].as_str().unwrap_or_default();
            value["data"]["networks"] = yaml::set(text, &format!("networks.n{number}"), &Node::Int(number))?.into();
            Ok(Object { node: Node::from(&value), ..map })
        };
        bench.cluster.edit(target, change).await.map(|applied| applied.outcome)
    };
    let first = join_all((0..10).map(write)).await;
    assert!(first.iter().all(|outcome| *outcome == Ok(Outcome::Changed)), "{first:?}");
    let text = bench.cluster.get(target).await.expect("read").to_wire()["data"]["networks"].clone();
    let text = text.as_str().expect("text");
    assert!(text.starts_with(NETWORKS), "comments and order stay: {text}");
    assert!((0..10).all(|number| text.contains(&format!("  n{number}: {number}\n"))), "{text}");
    let changes = bench.changes();
    let second = join_all((0..10).map(write)).await;
    assert!(second.iter().all(|outcome| *outcome == Ok(Outcome::Unchanged)), "{second:?}");
    assert_eq!(bench.changes(), changes, "nothing is written when nothing differs");
}

#[test]
fn in_memory() {
    super::in_memory(async |bench| {
        what_belongs_together_comes_in_one_call(bench, 100).await;
        many_writers_of_one_yaml_lose_nothing(bench).await;
    });
}

/// Seen on a real API server that was killed while it installed definitions: it takes those up on updates only.
#[test]
fn a_definition_that_a_restart_has_forgotten_is_established_all_the_same() {
    super::in_memory(async |bench| {
        let server = bench.world.as_ref().and_then(|world| world.server("east")).expect("east");
        server.forget_definitions();
        apply_bundle(bench, 1).await.expect("established");
        let definition = server.get("CustomResourceDefinition", None, "widgets.g1.io").expect("there");
        assert!(definition["metadata"]["annotations"]["meshwright/touched"].is_null(), "{definition}");
    });
}
