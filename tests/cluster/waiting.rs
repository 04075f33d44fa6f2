//! What scripts see of waits that go wrong, in simulated time: the cause, when it is told, and what does not count.

use meshwright::cluster::wait::{Rule, until};
use meshwright::failure::{Failure, Kind};
use meshwright::rehearsal::{Effect, Fault, LoadBalancer, World};
use std::time::Duration;

use super::primitives::{fails, holds, run_in};

const POD: &str =
    r#"fn pod(spec) { #{apiVersion: "v1", kind: "Pod", metadata: #{name: "p", namespace: "default"}, spec: spec} }"#;
const DEPLOYMENT: &str = r#"
    let c = kube.cluster("east");
    fn deployment(spec) {
        #{apiVersion: "apps/v1", kind: "Deployment", metadata: #{name: "web", namespace: "default"}, spec: #{
            selector: #{matchLabels: #{app: "web"}},
            template: #{metadata: #{labels: #{app: "web"}}, spec: spec},
        }}
    }
"#;

/// How a wait for this pod template to get ready fails.
fn rollout(spec: &str) -> Failure {
    fails(&format!(r#"{DEPLOYMENT} c.apply(deployment({spec})); wait.ready(c, "Deployment", "default/web")"#), &["*"])
}

/// Seconds of simulated time after which a wait gave up, by its own history.
fn gave_up(failure: &Failure) -> f64 {
    let history = failure.details.iter().find(|line| line.starts_with("history")).expect("a history");
    let last = history.rsplit(" · ").next().expect("an entry");
    let span = last.strip_suffix(" gave up").unwrap_or_else(|| panic!("{history}"));
    span.parse::<jiff::SignedDuration>().expect("a duration").as_secs_f64()
}

fn told_within(seconds: f64, words: &str, wait: impl FnOnce() -> Failure) -> Failure {
    let failure = wait();
    told(&failure, words, seconds);
    failure
}

fn told(failure: &Failure, words: &str, within: f64) {
    let all = format!("{failure}\n{}\n{:?}", failure.details.join("\n"), failure.hint);
    assert!(all.contains(words), "{words} is not in\n{all}");
    assert!(gave_up(failure) <= within, "later than {within} s:\n{all}");
    assert_eq!(failure.kind, Kind::Timeout);
}

#[test]
fn an_image_typo_is_told_within_ten_seconds() {
    let wait = || rollout(r#"#{containers: [#{name: "a", image: "docker.io/istio/proxyv2:missing"}]}"#);
    told_within(10.0, "docker.io/istio/proxyv2:missing: not found", wait);
}

#[test]
fn a_missing_secret_is_told_within_twenty_seconds() {
    let env = r#"[#{name: "T", valueFrom: #{secretKeyRef: #{name: "token", key: "t"}}}]"#;
    let wait = || rollout(&format!(r#"#{{containers: [#{{name: "a", image: "a", env: {env}}}]}}"#));
    let failure = told_within(20.0, "secret \"token\" not found", wait);
    assert_eq!(failure.hint.as_deref(), Some("create Secret default/token"));
}

/// A Deployment that has passed its progress deadline for want of a Secret, as an interrupted run may leave it.
fn late() -> String {
    let env = r#"[#{name: "T", valueFrom: #{secretKeyRef: #{name: "token", key: "t"}}}]"#;
    format!(
        r#"{DEPLOYMENT} let late = deployment(#{{containers: [#{{name: "a", image: "a", env: {env}}}]}});
        late.spec.progressDeadlineSeconds = 5;
        c.apply(late);
        wait.condition(c, "Deployment", "default/web", "Progressing", #{{status: "False"}});"#
    )
}

#[test]
fn a_rollout_that_was_late_before_the_wait_may_get_ready() {
    let secret = r#"#{apiVersion: "v1", kind: "Secret", metadata: #{name: "token", namespace: "default"}, stringData: #{t: "x"}}"#;
    let ready = r#"wait.ready(c, "Deployment", "default/web").status.availableReplicas == 1"#;
    holds(&format!("{} c.apply({secret}); {ready}", late()));
}

#[test]
fn a_rollout_that_was_late_and_stays_so_ends_the_wait_with_its_cause() {
    let wait = || fails(&format!(r#"{} wait.ready(c, "Deployment", "default/web")"#, late()), &["*"]);
    told_within(20.0, "secret \"token\" not found", wait);
}

#[test]
fn t16_refused_pods_end_a_wait_within_twenty_seconds() {
    let failure = fails(
        &format!(
            r#"{DEPLOYMENT}
            c.apply(#{{apiVersion: "v1", kind: "ResourceQuota", metadata: #{{name: "few", namespace: "default"}},
                spec: #{{hard: #{{pods: "0"}}}}}});
            c.apply(deployment(#{{containers: [#{{name: "a", image: "a"}}]}}));
            wait.ready(c, "Deployment", "default/web")"#
        ),
        &["*"],
    );
    told(&failure, "exceeded quota: few, requested: pods=1, used: pods=0, limited: pods=0", 20.0);
    assert!(failure.hint.as_deref().is_some_and(|hint| hint.contains("quota")), "{failure:?}");
}

#[test]
fn t15_crash_loop_ends_a_rollout_wait_within_a_minute() {
    let failure =
        rollout(r#"#{containers: [#{name: "a", image: "a", command: ["sh", "-c", "echo no root key; exit 3"]}]}"#);
    told(&failure, "CrashLoopBackOff", 60.0);
    told(&failure, "exit code 3", 60.0);
}

#[test]
fn an_unschedulable_pod_is_told_within_a_minute() {
    let wait = || rollout(r#"#{nodeSelector: #{disk: "fast"}, containers: [#{name: "a", image: "a"}]}"#);
    told_within(60.0, "didn't match Pod's node affinity/selector", wait);
}

#[test]
fn t18_load_balancer_that_nobody_serves_is_explained_within_a_minute() {
    let failure = fails(
        r#"let c = kube.cluster("east");
        c.apply(#{apiVersion: "v1", kind: "Service", metadata: #{name: "s", namespace: "default"},
            spec: #{type: "LoadBalancer", loadBalancerClass: "example.com/none", ports: [#{port: 443}]}});
        wait.address(c, "default/s")"#,
        &["*"],
    );
    told(&failure, "nothing in this cluster seems to serve load balancers", 60.0);
}

#[test]
fn a_wait_in_which_nothing_happens_is_not_blind() {
    let failure = fails(
        r#"let c = kube.cluster("east");
        c.apply(#{apiVersion: "v1", kind: "Service", metadata: #{name: "s", namespace: "default"},
            spec: #{type: "LoadBalancer", loadBalancerClass: "example.com/none", ports: [#{port: 443}]}});
        wait.address(c, "default/s")"#,
        &["*"],
    );
    let watch = failure.details.iter().find_map(|line| line.strip_prefix("watch    last heard ")).expect("a line");
    let (ago, rest) = watch.split_once(" ago, ").expect("an age");
    let ago = ago.parse::<jiff::SignedDuration>().expect("a duration").as_secs();
    assert!(ago <= 15, "the server ends each watch after 15 s: {watch}");
    assert_eq!(rest, "0 reconnects", "nothing broke");
}

#[test]
fn an_apply_waits_for_what_is_on_its_way_out_as_long_as_it_is_told() {
    let failure = fails(
        r#"let c = kube.cluster("east");
        let map = #{apiVersion: "v1", kind: "ConfigMap", metadata: #{name: "m", namespace: "default", finalizers: ["a.com/b"]}};
        c.apply(map);
        c.delete("ConfigMap", "default/m");
        c.apply(map, #{patience: "2s"})"#,
        &["*"],
    );
    assert_eq!(failure.kind, Kind::Timeout, "{failure:?}");
    assert!(failure.message.starts_with("not gone after 2s"), "{failure:?}");
}

/// A Service behind a load balancer with a host name, and a web server when it is wanted.
const GATEWAY: &str = r#"let c = kube.cluster("east");
    c.apply(#{apiVersion: "v1", kind: "Service", metadata: #{name: "s", namespace: "default"},
        spec: #{type: "LoadBalancer", selector: #{app: "web"}, ports: [#{name: "https", port: 443}]}});
    let web = #{apiVersion: "v1", kind: "Pod", metadata: #{name: "web", namespace: "default", labels: #{app: "web"}}, spec: #{containers: [#{name: "a", image: "a"}]}};"#;

#[test]
fn an_address_goes_through_its_stages() {
    let wait = r#"wait.address(c, "default/s", #{dns: "2m", tcp: "https", tcp_timeout: "20s"})"#;
    let named = |world: &World| {
        let server = world.server("east").expect("east");
        server.set_load_balancer(LoadBalancer::Hostname("elb.example.com".into()));
    };
    let (found, _) = run_in(&format!("{GATEWAY} c.apply(web); {wait}.host"), &["*"], named);
    assert!(found.expect("there").to_string().ends_with(".elb.example.com"));
    let (failure, _) = run_in(&format!("{GATEWAY} {wait}"), &["*"], named);
    let failure = failure.expect_err("nobody stands behind it");
    assert_eq!(failure.kind, Kind::Timeout, "{failure:?}");
    let told = failure.details.join("\n");
    assert!(failure.message.contains(":443 cannot be reached from this machine after 20s"), "{failure:?}");
    for line in ["stage    address  ", "stage    dns      ", "stage    tcp      connection refused"] {
        assert!(told.contains(line), "`{line}` is missing in:\n{told}");
    }
    let failure = fails(&format!(r#"{GATEWAY} wait.address(c, "default/s", #{{tcp: 80}})"#), &["*"]);
    assert!(failure.kind == Kind::Usage && failure.message.contains("no port `80`"), "{failure:?}");
}

#[test]
fn a_rehearsed_wait_connects_to_nothing_real() {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    listener.set_nonblocking(true).expect("listener");
    let port = listener.local_addr().expect("address").port();
    let failure = fails(&format!(r#"wait.reachable("127.0.0.1", {port}, #{{timeout: "5s"}})"#), &["*"]);
    assert_eq!(failure.kind, Kind::Timeout, "{failure:?}");
    assert!(failure.message.contains("no cluster of this rehearsal has this address"), "{failure:?}");
    assert!(failure.hint.is_some_and(|hint| hint.contains("run.rehearsed()")));
    assert!(listener.accept().is_err(), "nobody came");
    holds(&format!(
        r#"{GATEWAY} c.apply(web); let at = wait.address(c, "default/s"); wait.reachable(at.host, 443) == ()"#
    ));
    holds(r#"wait.resolved("no-such-name.invalid") == ["192.0.2.1"]"#);
    holds(
        r#"let c = kube.cluster("east");
        c.apply(#{apiVersion: "v1", kind: "Pod", metadata: #{name: "p", namespace: "default"}, spec: #{containers: [#{name: "a", image: "a"}]}});
        wait.ready(c, "Pod", "default/p");
        let forward = c.forward("default/p", 80);
        wait.reachable("127.0.0.1", forward.port) == ()"#,
    );
}

#[test]
fn thresholds_are_options_and_a_misspelled_one_is_an_error() {
    let wait = |options: &str| {
        fails(
            &format!(
                r#"{DEPLOYMENT} c.apply(deployment(#{{containers: [#{{name: "a", image: "a:missing"}}]}}));
                wait.ready(c, "Deployment", "default/web", #{{{options}}})"#
            ),
            &["*"],
        )
    };
    assert!(gave_up(&wait(r#"image_grace: "40s""#)) >= 40.0);
    let wrong = wait(r#"image_grase: "40s""#);
    assert_eq!(wrong.kind, Kind::Usage);
    assert!(format!("{wrong} {:?}", wrong.hint).contains("image_grace"), "{wrong:?}");
    let patient = wait(r#"fail_fast: false, timeout: "30s""#);
    assert!(patient.message.starts_with("not ready after 30s"), "{}", patient.message);
    assert!(patient.details.iter().any(|line| line.starts_with("cause") && line.contains("not found")), "{patient:?}");
}

#[test]
fn t13_wait_may_begin_before_the_object_exists() {
    holds(
        r#"let c = kube.cluster("east");
        let map = #{apiVersion: "v1", kind: "ConfigMap", metadata: #{name: "late", namespace: "default"}};
        let made = parallel([true, false], |waits| {
            if waits { return wait.ready(c, "ConfigMap", "default/late").metadata.name; }
            wait.pause("3s");
            c.apply(map);
            "made"
        });
        made == ["late", "made"]"#,
    );
}

#[test]
fn what_never_appears_is_told_after_ten_seconds_with_the_names_that_are_there() {
    let failure = fails(r#"wait.ready(kube.cluster("east"), "ConfigMap", "default/kube-root-ca.crd")"#, &[]);
    assert_eq!(failure.message, "did not appear within 10s");
    assert!(failure.details.iter().any(|line| line.contains("kube-root-ca.crt")), "{failure:?}");
}

#[test]
fn what_is_being_deleted_or_replaced_does_not_get_ready() {
    let failure = fails(
        r#"let c = kube.cluster("east");
        c.apply(#{apiVersion: "v1", kind: "ConfigMap", metadata: #{name: "m", namespace: "default", finalizers: ["a.com/b"]}});
        c.delete("ConfigMap", "default/m");
        wait.ready(c, "ConfigMap", "default/m")"#,
        &["*"],
    );
    assert!(failure.message.contains("held by finalizers a.com/b"), "{failure:?}");
    let replaced = r#"let c = kube.cluster("east");
        let map = #{apiVersion: "v1", kind: "ConfigMap", metadata: #{name: "m", namespace: "default"}};
        let old = c.apply(map).objects[0];
        c.delete("ConfigMap", "default/m");
        c.apply(map);"#;
    let failure = fails(&format!("{replaced} wait.ready(old)"), &["*"]);
    assert!(failure.message.contains("another object has its name"), "{failure:?}");
    holds(&format!("{replaced} wait.ready(old, #{{follow_replacement: true}}).metadata.uid != old.metadata.uid"));
}

#[test]
fn t04_custom_resource_without_status_is_not_ready_at_once() {
    let failure = fails(
        r#"let c = kube.cluster("east");
        let open = #{type: "object", "x-kubernetes-preserve-unknown-fields": true};
        c.apply(#{apiVersion: "apiextensions.k8s.io/v1", kind: "CustomResourceDefinition", metadata: #{name: "dbs.example.com"},
            spec: #{group: "example.com", scope: "Namespaced", names: #{plural: "dbs", singular: "db", kind: "Db"},
                versions: [#{name: "v1", served: true, storage: true, subresources: #{status: #{}},
                    schema: #{openAPIV3Schema: open}}]}});
        wait.ready(c, "CustomResourceDefinition", "dbs.example.com");
        c.apply(#{apiVersion: "example.com/v1", kind: "Db", metadata: #{name: "d", namespace: "default"}});
        wait.ready(c, "Db", "default/d", #{timeout: "20s"})"#,
        &["*"],
    );
    assert!(failure.message.contains("has reported no status yet"), "{failure:?}");
}

#[test]
fn pods_that_end_are_ready_when_they_have_ended() {
    holds(&format!(
        r#"{POD} let c = kube.cluster("east");
        c.apply(pod(#{{restartPolicy: "Never", containers: [#{{name: "a", image: "a", command: ["sleep", "5"]}}]}}));
        wait.ready(c, "Pod", "default/p").status.phase == "Succeeded""#
    ));
}

#[test]
fn t19_webhook_is_not_ready_before_its_service_answers() {
    let hook = |bundle: &str| {
        fails(
            &format!(
                r#"let c = kube.cluster("east");
                c.apply(#{{apiVersion: "admissionregistration.k8s.io/v1", kind: "MutatingWebhookConfiguration", metadata: #{{name: "hook"}},
                    webhooks: [#{{name: "a.example.com", sideEffects: "None", admissionReviewVersions: ["v1"],
                        clientConfig: #{{service: #{{namespace: "default", name: "hook"}}{bundle}}}}}]}});
                wait.webhook(c, "hook", #{{timeout: "5s"}})"#
            ),
            &["*"],
        )
    };
    assert!(hook("").message.contains("no caBundle"), "{:?}", hook(""));
    let unserved = hook(r#", caBundle: "Y2E=""#);
    assert!(unserved.message.contains("default/hook has no ready endpoint"), "{unserved:?}");
}

#[test]
fn t20_ended_watch_is_no_success() {
    super::simulated(async |clock| {
        let world = World::new(clock, &["east"]);
        world.start();
        let server = world.server("east").expect("east");
        server.set_load_balancer(LoadBalancer::After(Duration::from_secs(20)));
        server.faults().inject(Fault::new(Effect::DropWatch(Duration::from_secs(1))));
        let settings = super::Settings::new("east", &server.url(), world.clock().clone());
        let cluster = super::Cluster::over(server.transport(), settings);
        let manifest =
            "{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {type: LoadBalancer, ports: [{port: 80}]}}";
        cluster.apply(&super::object(manifest), &super::in_default()).await.expect("applied");
        let target = cluster.target("Service", "default/s").await.expect("target");
        let service = until(&cluster, &target, Rule::ready(), Duration::from_secs(60)).await.expect("ready");
        assert!(service.str_at("status.loadBalancer.ingress.0.ip").is_some(), "{service:?}");
    });
}

#[test]
fn a_closure_that_never_agrees_tells_what_it_said() {
    let failure = fails(
        r#"let n = 0;
        wait.until(|| { n += 1; n > 99 }, #{timeout: "3s", every: "1s", want: "a hundred calls"})"#,
        &[],
    );
    assert_eq!(failure.message, "not there after 3s: a hundred calls");
    let all = failure.details.join("\n");
    assert!(all.contains("last returned false") && all.contains("4 times, 1s apart"), "{all}");
}

#[test]
fn an_error_within_a_closure_keeps_its_words_and_tells_the_call() {
    let failure = fails(
        r#"let n = 0; let c = kube.cluster("east");
        wait.until(|| { n += 1; if n == 3 { c.get("ConfigMap", "default/none") } }, #{want: "the map"})"#,
        &[],
    );
    assert_eq!(failure.kind, Kind::NotFound);
    let all = failure.details.join("\n");
    assert!(all.contains("failed in its call 3") && all.contains("waiting for the map"), "{all}");
}
