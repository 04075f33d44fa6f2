//! Every exit code that the program promises, by what it stands for. 2, for differences, is that of `fork status`: see
//! `tests/fork.rs`.

mod ground;

use ground::{Ground, script};
use meshwright::rehearsal::{Effect, Fault};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// How a script with these needs ends.
fn ends(needs: &str, body: &str) -> (i32, String) {
    let ended = Ground::new(&["east"]).script(needs, body, &[]);
    (ended.code, ended.err)
}

#[test]
fn zero_when_it_is_done() {
    assert_eq!(ends("", "c.version();").0, 0);
}

#[test]
fn one_when_the_script_or_a_cluster_says_no() {
    let bodies = [
        "fail(\"no\");",
        "throw 1;",
        "c.get(\"Pod\", \"default/none\");",
        "c.create(#{apiVersion: \"v1\", kind: \"ConfigMap\", metadata: #{name: \"kube-root-ca.crt\", namespace: \"default\"}});",
        "c.apply(#{apiVersion: \"v1\", kind: \"Pod\", metadata: #{name: \"UPPER\", namespace: \"default\"}, spec: #{containers: []}});",
        "exec.run(\"sh\", [\"-c\", \"exit 3\"]);",
    ];
    for body in bodies {
        let (code, err) = ends("write: [default], exec: [sh]", body);
        assert_eq!(code, 1, "{body}: {err}");
    }
}

#[test]
fn one_when_a_cluster_does_not_let_us() {
    for code in [401, 403, 500] {
        let ground = Ground::new(&["east"]);
        let server = ground.world.server("east").expect("east");
        server.faults().inject(Fault::new(Effect::Status { code, retry_after: None }).path("/configmaps"));
        let ended = ground.script("", "c.list(\"configmaps\");", &[]);
        assert_eq!(ended.code, 1, "{code}: {}", ended.err);
    }
}

#[test]
fn three_when_time_is_over() {
    let missing = "wait.ready(c, \"Deployment\", \"default/none\"";
    let bodies = [
        format!("{missing}, #{{timeout: \"1s\"}});"),
        format!("step \"S\" within \"1s\" {{ {missing}, #{{appear: \"1h\"}}); }}"),
        "wait.until(|| false, #{timeout: \"1s\"});".to_owned(),
        "exec.run(\"sh\", [\"-c\", \"sleep 60\"], #{timeout: \"1s\"});".to_owned(),
        "step \"S\" within \"1s\" { exec.run(\"sh\", [\"-c\", \"sleep 60\"]); }".to_owned(),
        "step \"S\" within \"1s\" { parallel([1, 2], |n| wait.pause(\"1h\")); }".to_owned(),
    ];
    for body in bodies {
        let (code, err) = ends("exec: [sh]", &body);
        assert_eq!(code, 3, "{body}: {err}");
        assert!(!body.contains("within") || err.contains("the step `S` did not end within 1s"), "{body}: {err}");
    }
}

#[test]
fn three_when_the_time_of_a_step_is_over_in_the_middle_of_a_request() {
    for (method, body) in [
        ("GET", "c.list(\"configmaps\");"),
        ("PATCH", "c.patch(\"ConfigMap\", \"default/kube-root-ca.crt\", #{data: #{a: \"1\"}});"),
    ] {
        let ground = Ground::new(&["east"]);
        let server = ground.world.server("east").expect("east");
        server
            .faults()
            .inject(Fault::new(Effect::Latency(Duration::from_secs(600))).path("/configmaps").method(method));
        let ended = ground.script("write: [default]", &format!("step \"S\" within \"1s\" {{ {body} }}"), &[]);
        assert_eq!(ended.code, 3, "{method}: {}", ended.err);
        assert!(ended.err.contains("the step `S` did not end within 1s"), "{method}: {}", ended.err);
    }
}

#[test]
fn four_when_it_is_used_wrongly_or_lacks_a_right() {
    let ground = Ground::new(&["east"]);
    for args in [
        &["run"][..],
        &["no-such-command"],
        &["run", "./none.rhai"],
        &["show-run", "none"],
        &["eval", "nothing.here()"],
    ] {
        let ended = ground.run(args);
        assert_eq!(ended.code, 4, "{args:?}: {}", ended.err);
    }
    assert_eq!(ground.script("", "1;", &["--no-such-parameter", "1"]).code, 4);
    assert_eq!(ground.script("", "1;", &["--c", "no-such-context"]).code, 4);
    assert_eq!(ends("", "exec.run(\"sh\", [\"-c\", \"true\"]);").0, 4);
    assert_eq!(ends("", "c.delete(\"ConfigMap\", \"default/kube-root-ca.crt\");").0, 4);
    assert_eq!(ends("", "c.get(\"Pod\", \"default/none\", #{tiemout: 1});").0, 4);
}

#[test]
fn five_when_a_cluster_cannot_be_reached() {
    let ground = Ground::new(&["east"]);
    let free =
        std::net::TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr()).expect("a port");
    let config = format!(
        "apiVersion: v1\nkind: Config\nclusters: [{{name: gone, cluster: {{server: 'http://{free}'}}}}]\n\
         contexts: [{{name: gone, context: {{cluster: gone, user: u}}}}]\nusers: [{{name: u, user: {{}}}}]\n"
    );
    let config = ground.file("gone.yaml", &config);
    for needs in ["", "write: [default]"] {
        let ended = ground.script(needs, "c.version();", &["--c", "gone", "--kubeconfig", &config.to_string_lossy()]);
        assert_eq!(ended.code, 5, "{needs}: {}", ended.err);
    }
}

#[test]
fn those_of_shells_when_a_signal_ends_a_run() {
    for (signal, code) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143), (Signal::SIGHUP, 129)] {
        if signal == Signal::SIGHUP && ground::outlives_its_terminal() {
            continue;
        }
        let ground = Ground::new(&["east"]);
        let marker = ground.home.path().join("begun");
        let body = format!("exec.run(\"touch\", [\"{}\"]);\nwait.pause(\"1h\");", marker.display());
        let path = ground.file("script.rhai", &script("exec: [touch]", &body));
        let mut command = ground.command(&["run", &path.to_string_lossy(), "--c", "east"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("started");
        let end = Instant::now() + Duration::from_secs(30);
        while !marker.exists() {
            assert!(Instant::now() < end, "it does not begin");
            std::thread::sleep(Duration::from_millis(10));
        }
        kill(Pid::from_raw(i32::try_from(child.id()).expect("pid")), signal).expect("told");
        assert_eq!(child.wait().expect("it ends").code(), Some(code), "{signal}");
    }
}
