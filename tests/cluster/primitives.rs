//! What scripts get from `kube` and `Cluster` when they call them wrongly, or twice.

use meshwright::failure::{Failure, Kind};
use meshwright::rehearsal::{Effect, Fault, World};
use meshwright::run::screen::Style;
use meshwright::run::{Job, Session};
use meshwright::script::{Header, Home, Script, Values};
use std::time::Duration;

/// The value of a script's last expression, on clusters east and west, with these rights.
fn run(text: &str, write: &[&str]) -> Result<rhai::Dynamic, Failure> {
    run_in(text, write, |_| {}).0
}

/// The same in a world that this prepares, and how long it took there.
pub fn run_in(text: &str, write: &[&str], prepare: fn(&World)) -> (Result<rhai::Dynamic, Failure>, Duration) {
    let job = job(text, write);
    let session = rehearsal(&job);
    let world = session.world().expect("a rehearsal");
    prepare(world);
    let start = world.clock().now();
    let outcome = session.evaluate("test", text, session.scope(&job).expect("scope"));
    (outcome, world.clock().now() - start)
}

fn rehearsal(job: &Job) -> Session {
    Session::rehearsal(job, &["east", "west"]).expect("a rehearsal")
}

fn job(text: &str, write: &[&str]) -> Job {
    let folder = Home::Folder(env!("CARGO_MANIFEST_DIR").into());
    let script = Script { name: "test".into(), source: "test".into(), text: text.into(), home: folder };
    let write = write.iter().map(|right| right.to_string()).collect();
    let needs = meshwright::script::Needs { write, ..meshwright::script::Needs::typed() };
    let header = Header { needs, ..Header::default() };
    let style = Style { quiet: true, ..Style::default() };
    Job::new(script, header, Values::default(), style)
}

pub fn holds(text: &str) {
    let value = run(text, &["*"]).unwrap_or_else(|failure| panic!("{text}: {failure:?}"));
    assert_eq!(value.as_bool(), Ok(true), "{text}: {value}");
}

pub fn fails(text: &str, write: &[&str]) -> Failure {
    match run(text, write) {
        Ok(value) => panic!("{text}: {value}"),
        Err(failure) => failure,
    }
}

const CONFIG: &str = r#"
    let east = kube.cluster("east");
    let config = #{apiVersion: "v1", kind: "ConfigMap", metadata: #{name: "c", namespace: "default"}, data: #{a: "1"}};
    east.apply(config);
"#;

#[test]
fn objects_know_their_cluster() {
    holds(&format!(r#"{CONFIG} east.delete(east.get("cm", "default/c")) && !east.exists("cm", "default/c")"#));
    holds(&format!(r#"{CONFIG} east.delete(config) && !east.delete(config, #{{missing_ok: true}})"#));
    holds(&format!(
        r#"{CONFIG}
        let ours = #{{namespace: "default", fields: #{{"metadata.name": "c"}}}};
        for map in east.list("cm", ours) {{ east.delete(map); }}
        east.list("cm", ours).is_empty()"#
    ));
    let failure = fails(&format!(r#"{CONFIG} kube.cluster("west").delete(east.get("cm", "default/c"))"#), &["*"]);
    assert_eq!(failure.kind, Kind::Usage);
    assert!(failure.message.contains("cluster `east`, not from `west`"), "{}", failure.message);
}

#[test]
fn a_second_edit_writes_nothing_and_a_closure_must_return_the_object() {
    holds(&format!(
        r#"{CONFIG}
        let change = |map| {{ map.data.b = "2"; map }};
        let one = east.edit("cm", "default/c", change);
        let two = east.edit(one, change);
        one.data.b == "2" && one.metadata.resourceVersion == two.metadata.resourceVersion"#
    ));
    let failure = fails(&format!(r#"{CONFIG} east.edit("cm", "default/c", |map| {{ map.data.b = "2"; }})"#), &["*"]);
    assert!(failure.message.contains("must return the changed object"), "{}", failure.message);
    let failure = fails(&format!(r#"{CONFIG} east.edit("cm", "default/c", |map| {{ throw "no"; }})"#), &["*"]);
    assert!(failure.message.contains("no"), "{}", failure.message);
}

#[test]
fn secrets_stay_secret_in_objects_of_clusters() {
    holds(
        r#"
        let east = kube.cluster("east");
        let manifest = #{apiVersion: "v1", kind: "Secret", metadata: #{name: "s", namespace: "default"}, stringData: #{token: "planted-token-7"}};
        let first = east.apply(manifest);
        let again = east.apply(manifest);
        first.created == 1 && again.unchanged == 1 && !again.objects[0].to_json().contains("planted")
            && !`${east.get("Secret", "default/s")}`.contains("cGxhbnRlZ")"#,
    );
}

#[test]
fn a_run_changes_only_what_it_may() {
    let failure = fails(CONFIG, &["elsewhere"]);
    assert_eq!((failure.kind, failure.cluster.as_deref()), (Kind::Rights, Some("east")));
    assert_eq!(failure.message, "this run may not change ConfigMap default/c");
    assert!(failure.hint.is_some_and(|hint| hint.contains("`default/")));
    assert!(run(CONFIG, &["default"]).is_ok(), "allowed");
}

#[test]
fn wrong_calls_say_what_is_right() {
    let hint = |text: &str| fails(text, &["*"]).hint.unwrap_or_default();
    assert!(hint(r#"kube.cluster("eest")"#).contains("east"));
    assert!(hint(r#"kube.cluster("east").get("Deplyment", "a/b")"#).contains("Deployment"));
    assert!(hint(r#"kube.cluster("east").get("Pod", "b")"#).contains("NAMESPACE/b"));
    assert!(hint(r#"kube.cluster("east").list("Pod", #{lables: "a=b"})"#).contains("labels"));
    assert!(hint(r#"kube.cluster("east").patch("Namespace", "default", #{}, #{type: "mergee"})"#).contains("merge"));
    holds(r#"kube.cluster("east").find("virtualservices.networking.istio.io", "a/b") == ()"#);
}

/// The cluster answers none of these for ten minutes.
fn silent(world: &World) {
    let silence = Fault::new(Effect::Latency(Duration::from_secs(600))).path("/configmaps");
    world.server("east").expect("east").faults().inject(silence);
}

#[test]
fn a_wait_ends_in_its_time_whatever_it_asks() {
    let closure = r#"wait.until(|| kube.cluster("east").find("ConfigMap", "default/none"), #{timeout: "3s"})"#;
    let (outcome, took) = run_in(closure, &[], silent);
    let failure = outcome.expect_err("nobody answers");
    assert_eq!(failure.kind, Kind::Unreachable, "{failure:?}");
    assert!(took <= Duration::from_secs(8), "the wait and its last look: {took:?}");
    let (outcome, took) = run_in(r#"kube.cluster("east").find("ConfigMap", "default/none")"#, &[], silent);
    assert!(outcome.is_err() && took > Duration::from_secs(8), "without a wait it may take longer: {took:?}");
}

#[test]
fn time_stands_still_only_once_every_change_has_its_outcome() {
    let text = r#"
        let c = kube.cluster("east");
        let config = #{apiVersion: "v1", kind: "ConfigMap", metadata: #{name: "c", namespace: "default"}};
        step "Make" within "5s" { c.apply(config); }"#;
    let job = job(text, &["*"]);
    let session = rehearsal(&job);
    let late = Fault::new(Effect::Latency(Duration::from_secs(600))).path("/configmaps").method("PATCH");
    session.world().expect("a rehearsal").server("east").expect("east").faults().inject(late);
    session.hold_time_afterwards();
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || tell.send(session.run(&job).map_err(|failure| failure.kind)));
    assert_eq!(told.recv_timeout(Duration::from_secs(30)), Ok(Err(Kind::Timeout)), "it ends");
}
