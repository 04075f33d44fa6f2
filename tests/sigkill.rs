//! A run on real connections, killed by SIGKILL at some of its writes; then the same command.

mod ground;

use ground::{Ground, ended, script};
use meshwright::rehearsal::{Effect, Fault, Logged};
use serde_json::Value;
use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const PLANTED: &str = "planted-sigkill-secret-4711";
const NEEDS: &str = "write: [shop, default, cluster-scoped], exec: [sh], env: [PLANTED]";

/// What is carried out: about a dozen writes, a program, a wait.
const BODY: &str = r#"
fn map(name, data) { #{apiVersion: "v1", kind: "ConfigMap", metadata: #{name: name, namespace: "shop"}, data: data} }
step "Make a namespace" {
    c.apply(#{apiVersion: "v1", kind: "Namespace", metadata: #{name: "shop"}});
}
step "Configure" {
    for n in 0..4 { c.apply(map(`made-${n}`, #{n: `${n}`})); }
    if c.find("ConfigMap", "shop/posted") == () { c.create(map("posted", #{once: "1"})); }
}
step "Start a program" {
    exec.run("sh", ["-c", "echo $$ >> pids; sleep 0.3"]);
}
step "Keep a secret" {
    c.apply(#{apiVersion: "v1", kind: "Secret", metadata: #{name: "key", namespace: "shop"}, stringData: #{key: secret.env("PLANTED")}});
}
step "Deploy" {
    let web = c.apply(#{apiVersion: "apps/v1", kind: "Deployment", metadata: #{name: "web", namespace: "shop"}, spec: #{
        replicas: 1, selector: #{matchLabels: #{app: "web"}}, template: #{metadata: #{labels: #{app: "web"}}, spec: #{containers: [#{name: "web", image: "web:1"}]}},
    }});
    wait.ready(c, "Deployment", "shop/web");
}
step "Tidy up" {
    c.patch("ConfigMap", "shop/posted", #{data: #{more: "2"}});
    c.label("ConfigMap", "shop/posted", #{tidy: "yes"});
    c.delete("ConfigMap", "default/stale", #{missing_ok: true});
}
"#;

fn ground() -> Ground {
    let ground = Ground::new(&["east"]);
    ground.file("script.rhai", &script(NEEDS, BODY));
    let stale = serde_json::json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "stale", "namespace": "default"}});
    ground.world.server("east").expect("east").put(stale);
    // Changes take a moment, so that some are under way when the kill comes.
    let server = ground.world.server("east").expect("east");
    server.faults().inject(Fault::new(Effect::Latency(Duration::from_millis(20))).path("/namespaces"));
    ground
}

fn command(ground: &Ground) -> Command {
    let mut command = ground.command(&["run", "./script.rhai", "--c", "east", "--yes"]);
    command.env("PLANTED", PLANTED);
    command
}

fn writes(ground: &Ground) -> usize {
    let log = ground.world.server("east").expect("east").log();
    log.iter().filter(|sent| Logged::is_write(sent) && !sent.path.contains("/leases")).count()
}

fn until(what: &str, mut there: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !there() {
        assert!(Instant::now() < end, "not within 30 s: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// What was asked for, without what comes out otherwise each time.
fn state(ground: &Ground) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for object in ground.world.server("east").expect("east").everything() {
        let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (kind, namespace, name) = (text("/kind"), text("/metadata/namespace"), text("/metadata/name"));
        let is_ours = ["shop", "default"].contains(&namespace.as_str());
        let wanted = is_ours && ["ConfigMap", "Secret", "Deployment"].contains(&kind.as_str());
        if wanted && name != "kube-root-ca.crt" {
            let (labels, data) = (&object["metadata"]["labels"], &object["data"]);
            let replicas = &object["status"]["readyReplicas"];
            all.insert(format!("{kind} {name} {labels} {data} {} {replicas}", object["spec"]["replicas"]));
        }
    }
    all
}

/// Kills the command after this many writes and gives it again; what is wrong then.
fn killed_after(count: usize, whole: &BTreeSet<String>) {
    let ground = ground();
    let mut child = command(&ground).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("started");
    until("it writes", || writes(&ground) >= count || child.try_wait().expect("child").is_some());
    child.kill().expect("SIGKILL");
    child.wait().expect("dead");
    let pids = std::fs::read_to_string(ground.home.path().join("pids")).unwrap_or_default();
    for pid in pids.lines() {
        let stat = format!("/proc/{pid}/stat");
        until("its program is gone", || std::fs::read_to_string(&stat).map_or(true, |stat| stat.contains(") Z ")));
    }
    for args in [&["runs"][..], &["show-run", "last"]] {
        let shown = ground.run(args);
        assert_eq!(shown.code, 0, "after {count} writes: {}", shown.err);
        assert!(shown.out.contains("broken off"), "after {count} writes: {}", shown.out);
    }
    let again = ended(command(&ground));
    assert_eq!(again.code, 0, "after {count} writes: {}", again.err);
    assert_eq!(state(&ground), *whole, "after {count} writes");
    let server = ground.world.server("east").expect("east");
    assert_eq!(server.get("Lease", Some("kube-system"), "meshwright"), None, "after {count} writes");
    for (path, content) in ground.files() {
        let text = String::from_utf8_lossy(&content);
        assert!(!text.contains(PLANTED), "after {count} writes: {} holds a secret", path.display());
    }
    let before = writes(&ground);
    assert_eq!(ended(command(&ground)).code, 0);
    assert_eq!(writes(&ground), before, "once more: nothing to do");
}

#[test]
fn killed_at_some_writes_the_same_command_finishes() {
    let whole = ground();
    let run = ended(command(&whole));
    assert_eq!(run.code, 0, "{}", run.err);
    let (all, state) = (writes(&whole), state(&whole));
    assert!(all >= 10 && state.len() >= 6, "{all} writes, {state:?}");
    // Any point will do; these are others in each run.
    let chance =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("time").subsec_nanos() as usize;
    for count in [1, 2 + chance % 4, 6 + chance / 7 % (all - 7), all - 1] {
        killed_after(count, &state);
    }
}
