//! Waits that begin after something went wrong, in simulated time: what is over must not end them, and what has not come
//! yet must not hold them up.

use meshwright::cluster::wait::{Rule, until};
use meshwright::cluster::{Cluster, DeleteOptions, Target};
use meshwright::rehearsal::{Effect, Fault, LoadBalancer, Server, World};
use serde_json::json;
use std::time::Duration;

use super::primitives::{fails, holds};
use super::{in_default, object};

const SERVICE: &str =
    "{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {type: LoadBalancer, ports: [{port: 80}]}}";

/// Does this to a cluster whose load balancers take their time, with a Service that waits for one.
fn with_slow_balancers(test: impl AsyncFnOnce(&Server, &Cluster, &Target)) {
    super::simulated(async |clock| {
        let world = World::new(clock, &["east"]);
        world.start();
        let server = world.server("east").expect("east");
        server.set_load_balancer(LoadBalancer::After(Duration::from_secs(90)));
        let settings = super::Settings::new("east", &server.url(), world.clock().clone());
        let cluster = Cluster::over(server.transport(), settings);
        cluster.apply(&object(SERVICE), &in_default()).await.expect("applied");
        let target = cluster.target("Service", "default/s").await.expect("target");
        test(server, &cluster, &target).await;
    });
}

/// Puts an event about the Service into the cluster, of so many seconds ago.
async fn failed(server: &Server, cluster: &Cluster, target: &Target, ago: i64) {
    let uid = cluster.get(target).await.expect("the Service").uid().to_owned();
    let last = server.time() - jiff::SignedDuration::from_secs(ago);
    server.put(json!({
        "apiVersion": "v1", "kind": "Event", "metadata": {"name": "s.1", "namespace": "default"}, "type": "Warning",
        "involvedObject": {"kind": "Service", "namespace": "default", "name": "s", "uid": uid},
        "reason": "SyncLoadBalancerFailed", "message": "quota exceeded", "count": 3,
        "lastTimestamp": last.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
    }));
}

#[test]
fn an_event_from_before_the_wait_does_not_end_it() {
    with_slow_balancers(async |server, cluster, target| {
        failed(server, cluster, target, 600).await;
        until(cluster, target, Rule::ready(), Duration::from_secs(150)).await.expect("ready at last");
    });
    with_slow_balancers(async |server, cluster, target| {
        failed(server, cluster, target, 1).await;
        let failure = until(cluster, target, Rule::ready(), Duration::from_secs(150)).await.expect_err("told now");
        assert!(failure.message.contains("quota exceeded"), "{failure:?}");
    });
}

#[test]
fn events_that_may_not_be_read_are_no_sign_that_nobody_has_said_anything() {
    with_slow_balancers(async |server, cluster, target| {
        server.faults().inject(Fault::new(Effect::Status { code: 403, retry_after: None }).path("/events"));
        until(cluster, target, Rule::ready(), Duration::from_secs(150)).await.expect("ready at last");
    });
}

#[test]
fn a_service_of_node_ports_has_them_at_once_and_one_without_an_outside_is_told() {
    let service = |kind: &str| {
        format!(
            r#"let c = kube.cluster("east");
            c.apply(#{{apiVersion: "v1", kind: "Service", metadata: #{{name: "s", namespace: "default"}}, spec: #{{type: "{kind}", ports: [#{{port: 80}}]}}}});
            wait.address(c, "default/s")"#
        )
    };
    holds(&format!("{}.kind == \"node_port\"", service("NodePort")));
    let failure = fails(&service("ClusterIP"), &["*"]);
    assert!(failure.message.contains("is of type ClusterIP, which has no address outside its cluster"), "{failure:?}");
}

#[test]
fn what_belongs_to_a_kind_that_is_gone_is_gone() {
    super::simulated(async |clock| {
        let world = World::new(clock, &["east"]);
        world.start();
        let server = world.server("east").expect("east");
        let settings = super::Settings::new("east", &server.url(), world.clock().clone());
        let cluster = Cluster::over(server.transport(), settings);
        let crd = "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: dbs.example.com}, spec: {group: example.com, scope: Namespaced, names: {plural: dbs, kind: Db}, versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]}}";
        cluster.apply(&object(crd), &in_default()).await.expect("applied");
        let crd = cluster.target("CustomResourceDefinition", "dbs.example.com").await.expect("target");
        until(&cluster, &crd, Rule::ready(), Duration::from_secs(20)).await.expect("served");
        let db = "{apiVersion: example.com/v1, kind: Db, metadata: {name: d}}";
        cluster.apply(&object(db), &in_default()).await.expect("applied");
        let db = cluster.target("Db", "default/d").await.expect("target");
        cluster.delete(&crd, &DeleteOptions::default()).await.expect("deleted");
        until(&cluster, &crd, Rule::gone(None), Duration::from_secs(60)).await.expect("gone");
        let began = world.clock().now();
        until(&cluster, &db, Rule::gone(None), Duration::from_secs(60)).await.expect("gone");
        assert!(world.clock().now() - began < Duration::from_secs(5), "{:?}", world.clock().now() - began);
    });
}

#[test]
fn what_is_replaced_during_the_wait_is_followed_when_that_is_wanted() {
    holds(
        r#"let c = kube.cluster("east");
        let pod = #{apiVersion: "v1", kind: "Pod", metadata: #{name: "p", namespace: "default"}, spec: #{
            terminationGracePeriodSeconds: 5, nodeSelector: #{disk: "fast"}, containers: [#{name: "a", image: "a"}]}};
        let old = c.apply(pod).objects[0];
        let found = parallel([true, false], |waits| {
            if waits { return wait.ready(old, #{follow_replacement: true}).metadata.uid; }
            wait.pause("3s");
            c.delete("Pod", "default/p");
            wait.gone(old);
            pod.spec.remove("nodeSelector");
            c.apply(pod);
            ""
        });
        found[0] != "" && found[0] != old.metadata.uid"#,
    );
}

#[test]
fn a_condition_of_an_object_needs_its_name_only() {
    holds(
        r#"let c = kube.cluster("east");
        let pod = c.apply(#{apiVersion: "v1", kind: "Pod", metadata: #{name: "p", namespace: "default"}, spec: #{containers: [#{name: "a", image: "a"}]}}).objects[0];
        wait.condition(pod, "Initialized").metadata.name == "p" && wait.condition(pod, "Ready", #{timeout: "1m"}).metadata.name == "p""#,
    );
}
