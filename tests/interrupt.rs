//! Ctrl-C ends a run wherever it is, and whatever it has started.

mod ground;

use ground::{Ground, script};
use meshwright::rehearsal::{Effect, Fault};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rexpect::session::{PtySession, spawn_command};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Starts a script, presses Ctrl-C once it has begun, and returns how it ended.
fn interrupted(needs: &str, body: &str) -> (Option<i32>, Duration, Ground) {
    let ground = Ground::new(&["east"]);
    let marker = ground.home.path().join("begun");
    let needs = format!("exec: [sh, touch]{needs}");
    let body = format!("exec.run(\"touch\", [\"{}\"]);\n{body}", marker.display());
    let path = ground.file("script.rhai", &script(&needs, &body));
    let mut command = ground.command(&["run", &path.to_string_lossy(), "--c", "east", "--yes"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("started");
    until("the script begins", || marker.exists());
    std::thread::sleep(Duration::from_millis(300));
    assert!(child.try_wait().expect("child").is_none(), "it ended by itself: {body}");
    let pid = Pid::from_raw(i32::try_from(child.id()).expect("pid"));
    let pressed = Instant::now();
    kill(pid, Signal::SIGINT).expect("pressed");
    let mut status = None;
    until("it ends", || {
        status = child.try_wait().expect("child");
        status.is_some()
    });
    (status.and_then(|status| status.code()), pressed.elapsed(), ground)
}

fn until(what: &str, mut there: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !there() {
        assert!(Instant::now() < end, "not within 30 s: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn ends(needs: &str, body: &str) -> Ground {
    let (code, took, ground) = interrupted(needs, body);
    assert_eq!(code, Some(130), "{body}");
    assert!(took < Duration::from_secs(10), "{body}: {took:?}");
    ground
}

#[test]
fn native_waits_end() {
    ends("", "wait.pause(\"10m\");");
    ends("", "wait.ready(c, \"Deployment\", \"default/missing\", #{timeout: \"10m\"});");
    ends("", "wait.until(|| false, #{timeout: \"10m\"});");
}

#[test]
fn a_pipe_that_says_nothing_ends() {
    ends(", files: [\"*\"]", "exec.run(\"sh\", [\"-c\", \"mkfifo pipe\"]);\nsecret.file(\"pipe\");");
}

#[test]
fn threads_end() {
    ends("", "parallel([1, 2, 3], |n| wait.pause(\"10m\"));");
    ends("", "parallel([1, 2, 3], |n| { loop { exec.which(\"no-such-program\"); } });");
}

#[test]
fn a_tight_loop_ends_even_when_it_catches_everything() {
    ends("", "loop { try { exec.which(\"no-such-program\"); throw 1; } catch {} }");
}

#[test]
fn a_program_dies_with_its_children() {
    let ground = Ground::new(&["east"]);
    let file = ground.home.path().join("pids");
    let shell = format!("trap '' INT; sleep 600 & echo $! >> {0}; echo $$ >> {0}; wait", file.display());
    ends("", &format!("exec.run(\"sh\", [\"-c\", \"{shell}\"]);"));
    let pids = std::fs::read_to_string(&file).expect("it began");
    assert_eq!(pids.lines().count(), 2, "{pids}");
    for pid in pids.lines() {
        let stat = format!("/proc/{pid}/stat");
        let gone = || std::fs::read_to_string(&stat).map_or(true, |stat| stat.contains(") Z "));
        until("the child is gone", gone);
    }
}

#[test]
fn a_program_and_its_children_do_not_survive_a_killed_run() {
    let ground = Ground::new(&["east"]);
    let file = ground.home.path().join("pids");
    let shell = format!(
        "trap '' INT TERM HUP; (trap '' TERM; sleep 600) & echo $! >> {0}; echo $$ >> {0}; wait",
        file.display()
    );
    let body = format!("exec.run(\"sh\", [\"-c\", \"{shell}\"]);");
    let path = ground.file("script.rhai", &script("exec: [sh]", &body));
    let mut command = ground.command(&["run", &path.to_string_lossy(), "--c", "east", "--yes"]);
    killed(command.stdout(Stdio::null()).stderr(Stdio::null()), &file);
}

#[test]
fn a_program_that_has_left_its_session_does_not_survive_a_killed_run() {
    let ground = Ground::new(&["east"]);
    let file = ground.home.path().join("pids");
    let shell = format!("setsid sh -c 'sleep 600 & echo $! >> {0}; echo $$ >> {0}; wait' & wait", file.display());
    let path = ground.file("script.rhai", &script("exec: [sh]", &format!("exec.run(\"sh\", [\"-c\", `{shell}`]);")));
    let mut command = ground.command(&["run", &path.to_string_lossy(), "--c", "east"]);
    killed(command.stdout(Stdio::null()).stderr(Stdio::null()), &file);
}

#[test]
fn a_credential_plugin_does_not_survive_a_killed_run() {
    let ground = Ground::new(&["east"]);
    let file = ground.home.path().join("pids");
    let plugin = format!("(sleep 600) & echo $! >> {0}; echo $$ >> {0}; wait", file.display());
    let config = serde_json::json!({
        "apiVersion": "v1", "kind": "Config",
        "clusters": [{"name": "east", "cluster": {"server": "https://127.0.0.1:1"}}],
        "contexts": [{"name": "east", "context": {"cluster": "east", "user": "u"}}],
        "users": [{"name": "u", "user": {"exec": {
            "apiVersion": "client.authentication.k8s.io/v1", "command": "sh", "args": ["-c", plugin], "interactiveMode": "Never",
        }}}],
    });
    let config = ground.file("plugin.yaml", &config.to_string());
    let mut command = ground.command(&["eval", "kube.cluster(\"east\").version()"]);
    command.env("KUBECONFIG", config).stdout(Stdio::null()).stderr(Stdio::null());
    killed(&mut command, &file);
}

/// Starts a command, kills it once it has started the two processes whose numbers are in this file, and returns when they
/// are gone.
fn killed(command: &mut std::process::Command, file: &std::path::Path) {
    let mut child = command.spawn().expect("started");
    let pids = || std::fs::read_to_string(file).unwrap_or_default();
    until("the program begins", || pids().lines().count() == 2);
    child.kill().expect("SIGKILL");
    child.wait().expect("dead");
    for pid in pids().lines() {
        let stat = format!("/proc/{pid}/stat");
        until("the child is gone", || std::fs::read_to_string(&stat).map_or(true, |stat| stat.contains(") Z ")));
    }
}

/// A run that asks for a secret in a terminal: somebody begins to type it and then does this. What the terminal showed
/// from then on, the exit code and whether the terminal is as it was included.
fn asked(ends: impl FnOnce(&mut PtySession, &Ground)) -> String {
    let ground = Ground::new(&["east"]);
    let path = ground.file("script.rhai", &script("", "secret.prompt(\"Token\");\nprint(\"went\" + \" on\");"));
    let run = ground.command(&["run", &path.to_string_lossy(), "--c", "east", "--yes"]);
    let words: Vec<_> = std::iter::once(run.get_program()).chain(run.get_args()).collect();
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "trap : INT; echo $$ > shell; stty echo; before=$(stty -g); \"$@\"; echo \"code=$?\"; [ \"$before\" = \"$(stty -g)\" ] && echo as before; echo over", "sh"])
        .args(words)
        .current_dir(ground.home.path());
    shell.envs(run.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let mut session = spawn_command(shell, Some(30_000)).expect("started");
    session.exp_string("Token: ").expect("the question");
    session.send("hunter2-half-").and_then(|_| session.flush()).expect("typed");
    std::thread::sleep(Duration::from_millis(200));
    ends(&mut session, &ground);
    session.exp_string("over\r\n").expect("the end")
}

#[test]
fn a_secret_that_is_asked_for_can_be_refused() {
    let pressed = asked(|session, _| session.send_control('c').expect("pressed"));
    let told = asked(|_, ground| {
        let shell = std::fs::read_to_string(ground.home.path().join("shell")).expect("the shell");
        let shell = shell.trim();
        let children = std::fs::read_to_string(format!("/proc/{shell}/task/{shell}/children")).expect("children");
        let run: i32 = children.trim().parse().expect("the run");
        kill(Pid::from_raw(run), Signal::SIGTERM).expect("told");
    });
    for (shown, code) in [(pressed, "code=130"), (told, "code=143")] {
        assert!(shown.contains(code), "{shown}");
        assert!(!shown.contains("hunter2") && !shown.contains("went on"), "{shown}");
        assert!(shown.contains("as before"), "the terminal: {shown}");
    }
}

#[test]
fn secrets_that_are_asked_for_at_once_are_asked_for_one_after_the_other() {
    let ground = Ground::new(&["east"]);
    let body = r#"let given = parallel(["One", "Two"], |label| secret.prompt(label));
print([given[0] == secret.of("a", "planted-One"), given[1] == secret.of("b", "planted-Two")]);"#;
    let path = ground.file("script.rhai", &script("", body));
    let run = ground.command(&["run", &path.to_string_lossy(), "--c", "east"]);
    let mut command = Command::new(run.get_program());
    command.args(run.get_args()).envs(run.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let mut session = spawn_command(command, Some(30_000)).expect("started");
    for _ in 0..2 {
        let (_, asked) = session.exp_regex("(One|Two): ").expect("a question");
        std::thread::sleep(Duration::from_millis(200));
        session.send_line(&format!("planted-{}", &asked[..3])).expect("typed");
    }
    session.exp_string("[true, true]").expect("each has its own");
}

const MAKE: &str =
    "c.apply(#{apiVersion: \"v1\", kind: \"ConfigMap\", metadata: #{name: \"made\", namespace: \"default\"}});
c.apply(#{apiVersion: \"v1\", kind: \"ConfigMap\", metadata: #{name: \"second\", namespace: \"default\"}});";

/// A run that makes two things on a cluster that answers changes late, interrupted while the first is under way; how
/// often Ctrl-C is pressed, and how it ended.
fn interrupted_while_writing(latency: Duration, presses: usize) -> (Option<i32>, Duration, Ground) {
    let ground = Ground::new(&["east"]);
    let server = ground.world.server("east").expect("east");
    server.faults().inject(Fault::new(Effect::Latency(latency)).path("/configmaps").method("PATCH"));
    let path = ground.file("script.rhai", &script("write: [default]", MAKE));
    let mut command = ground.command(&["run", &path.to_string_lossy(), "--c", "east", "--yes"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("started");
    until("the change is announced", || journal(&ground).contains("\"intent\""));
    // The intent is written just before the change is sent.
    std::thread::sleep(Duration::from_millis(200));
    let pid = Pid::from_raw(i32::try_from(child.id()).expect("pid"));
    let pressed = Instant::now();
    for _ in 0..presses {
        kill(pid, Signal::SIGINT).expect("pressed");
        std::thread::sleep(Duration::from_millis(100));
    }
    let status = child.wait().expect("it ends");
    (status.code(), pressed.elapsed(), ground)
}

fn journal(ground: &Ground) -> String {
    let folder = ground.home.path().join(".local/state/meshwright/runs");
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    files.map(|entry| std::fs::read_to_string(entry.path()).unwrap_or_default()).collect()
}

fn outcomes(ground: &Ground) -> Vec<serde_json::Value> {
    let lines = journal(ground);
    let records = lines.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("json"));
    records.filter(|record| record["event"] == "outcome").collect()
}

#[test]
fn a_change_under_way_is_finished_and_written_down() {
    let (code, took, ground) = interrupted_while_writing(Duration::from_millis(1200), 1);
    assert_eq!(code, Some(130));
    assert!(took < Duration::from_secs(5), "{took:?}");
    let outcomes = outcomes(&ground);
    assert_eq!(outcomes.len(), 1, "the second was not begun: {outcomes:?}");
    assert_eq!(outcomes[0]["status"], 201);
    let server = ground.world.server("east").expect("east");
    let made = server.get("ConfigMap", Some("default"), "made").expect("made");
    assert_eq!(made["metadata"]["uid"], outcomes[0]["uid"]);
    assert!(journal(&ground).contains("\"finished\""));
    assert_eq!(server.get("Lease", Some("kube-system"), "meshwright"), None, "the lease is given back");
}

#[test]
fn a_change_that_is_not_answered_is_given_up_after_two_seconds() {
    let (code, took, ground) = interrupted_while_writing(Duration::from_secs(60), 1);
    assert_eq!(code, Some(130));
    assert!(took > Duration::from_millis(1500) && took < Duration::from_secs(6), "{took:?}");
    assert_eq!(outcomes(&ground)[0]["failure"], "interrupted");
}

#[test]
fn a_second_interrupt_ends_at_once() {
    let (code, took, ground) = interrupted_while_writing(Duration::from_secs(60), 2);
    assert_eq!(code, Some(130));
    assert!(took < Duration::from_millis(1500), "{took:?}");
    assert!(outcomes(&ground).is_empty() && journal(&ground).contains("\"intent\""), "{}", journal(&ground));
}
