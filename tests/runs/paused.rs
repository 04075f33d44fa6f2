//! Runs that are paused in a terminal: what may be done there, and how they end.

use crate::stage::{Stage, held_elsewhere};
use nix::sys::signal::{Signal, kill};
use serde_json::json;
use std::io::{Read as _, Write as _};
use std::process::Stdio;
use std::time::{Duration, Instant};

/// A run in a terminal.
struct Paused {
    stage: Stage,
    child: std::process::Child,
    terminal: nix::pty::OpenptyResult,
    before: nix::sys::termios::Termios,
}

impl Paused {
    /// One that has failed and stays there.
    fn new() -> Paused {
        let paused = Paused::begun(Stage::new(), &["--fail"]);
        paused.reads();
        paused
    }

    /// One that begins, with these arguments.
    fn begun(stage: Stage, more: &[&str]) -> Paused {
        let inside = stage.runtime.enter();
        let terminal = nix::pty::openpty(None, None).expect("a terminal");
        let before = nix::sys::termios::tcgetattr(&terminal.slave).expect("attributes");
        let slave = || terminal.slave.try_clone().expect("cloned");
        let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin("meshwright"));
        command.args(["run", "./make.rhai", "--cluster", "east", "--yes", "--pause-on-failure"]).args(more);
        command.env("HOME", stage.home.path()).env("KUBECONFIG", stage.home.path().join("config"));
        command.env_remove("XDG_STATE_HOME").env("NO_COLOR", "1").env("TERM", "xterm").current_dir(stage.home.path());
        command.stdin(slave()).stdout(slave()).stderr(Stdio::piped());
        let child = command.spawn().expect("started");
        drop(inside);
        Paused { stage, child, terminal, before }
    }

    /// Returns when the line editor has begun: keys are no longer echoed.
    fn reads(&self) {
        until("it reads", || self.modes() != self.before.local_flags);
    }

    /// Types these lines, each once the one before is done with, or ahead when that is slow to begin.
    fn types(&self, lines: &[&str]) {
        let mut keys = std::fs::File::from(self.terminal.master.try_clone().expect("cloned"));
        for line in lines {
            self.reads();
            keys.write_all(format!("{line}\r").as_bytes()).expect("typed");
            std::thread::sleep(Duration::from_millis(300));
        }
    }

    fn modes(&self) -> nix::sys::termios::LocalFlags {
        nix::sys::termios::tcgetattr(&self.terminal.slave).expect("attributes").local_flags
    }

    fn lease(&self) -> Option<serde_json::Value> {
        self.stage.server().get("Lease", Some("kube-system"), "meshwright")
    }

    fn sends(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).expect("pid");
        kill(nix::unistd::Pid::from_raw(pid), signal).expect("told");
    }

    /// Its exit code and its words, once it ends.
    fn ended(&mut self) -> (Option<i32>, String) {
        let mut err = String::new();
        let mut stderr = self.child.stderr.take().expect("stderr");
        stderr.read_to_string(&mut err).expect("words");
        (self.child.wait().expect("it ends").code(), err)
    }
}

impl Drop for Paused {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

fn until(what: &str, there: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !there() {
        assert!(Instant::now() < end, "not within 60 s: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A stage whose script also waits for ten minutes before it makes anything.
fn waiting() -> Stage {
    let stage = Stage::new();
    let marker = stage.home.path().join("begun");
    let body = format!("exec.run(\"touch\", [\"{}\"]); wait.pause(\"10m\");", marker.display());
    let script = crate::stage::SCRIPT.replace("step \"Make\" {", &format!("step \"Make\" {{\n{body}"));
    let script = script.replace("  write: [shop]", "  write: [shop]\n//!   exec: [touch]");
    std::fs::write(stage.home.path().join("make.rhai"), script).expect("written");
    stage
}

#[test]
fn a_run_that_cannot_begin_does_not_pause_and_has_failed() {
    let stage = Stage::new();
    held_elsewhere(&stage);
    let (code, err) = Paused::begun(stage, &[]).ended();
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains("another run works") && !err.contains("Paused") && !err.contains("Done"), "{err}");
}

#[test]
fn a_signal_ends_a_paused_run_in_good_order() {
    for (signal, code, words) in [(Signal::SIGTERM, 143, "SIGTERM"), (Signal::SIGHUP, 129, "SIGHUP")] {
        let mut paused = Paused::new();
        assert!(paused.lease().is_some());
        paused.sends(signal);
        let (ended, err) = paused.ended();
        assert_eq!(ended, Some(code), "{err}");
        assert!(err.contains(words) && err.contains("to go on:      meshwright resume "), "{err}");
        assert_eq!(paused.lease(), None, "{err}");
        assert_eq!(paused.modes(), paused.before.local_flags, "the terminal is as it was");
        let (_, out, _) = paused.stage.meshwright(&["show-run", "last"]);
        assert!(out.contains("outcome  cancelled"), "{out}");
    }
}

#[test]
fn a_signal_while_a_line_is_carried_out_is_told_once() {
    let mut paused = Paused::new();
    paused.types(&["wait.pause(\"10m\")"]);
    until("the line is taken", || paused.modes() == paused.before.local_flags);
    std::thread::sleep(Duration::from_millis(300));
    paused.sends(Signal::SIGTERM);
    let (code, err) = paused.ended();
    assert_eq!(code, Some(143), "{err}");
    assert_eq!(err.matches("told to end (SIGTERM)").count(), 1, "{err}");
    assert!(err.contains("to go on:      meshwright resume "), "{err}");
    let (_, out, _) = paused.stage.meshwright(&["show-run", "last"]);
    assert!(out.contains("told to end (SIGTERM)"), "the journal knows why: {out}");
}

#[test]
fn what_is_typed_where_a_run_pauses_writes_only_to_production_that_is_named() {
    let stage = Stage::new();
    let file = stage.home.path().join("config");
    let text = std::fs::read_to_string(&file).expect("kubeconfig");
    let mut config: serde_json::Value = serde_json::from_str(&text).expect("json");
    let prod = json!({"name": "eu-prod", "context": {"cluster": "east", "user": "east"}});
    config["contexts"].as_array_mut().expect("contexts").push(prod);
    std::fs::write(file, config.to_string()).expect("written");
    let script = crate::stage::SCRIPT.replace("\"new\"", "\"other\"");
    std::fs::write(stage.home.path().join("other.rhai"), script).expect("written");
    let mut paused = Paused::begun(stage, &["--fail"]);
    let load = ":load ./other.rhai --cluster eu-prod";
    paused.types(&[load, ":run"]);
    paused.reads();
    assert_eq!(paused.stage.map("other"), None);
    assert!(paused.stage.map("new").is_some(), "the run's own cluster is not asked about");
    paused.types(&[":write eu-prod", load, ":run"]);
    until("it is made", || paused.stage.map("other").is_some());
    paused.types(&[":quit"]);
    let (_, err) = paused.ended();
    assert!(err.contains("`eu-prod` looks like production") && err.contains(":write eu-prod"), "{err}");
}

#[test]
fn an_interrupt_before_the_step_to_stop_after_is_no_stop_that_was_asked_for() {
    let mut paused = Paused::begun(waiting(), &["--stop-after", "Make"]);
    until("the script begins", || paused.stage.home.path().join("begun").exists());
    std::thread::sleep(Duration::from_millis(300));
    paused.sends(Signal::SIGINT);
    paused.reads();
    paused.types(&["1 + 1", ":quit"]);
    let (code, err) = paused.ended();
    assert_eq!(code, Some(130), "{err}");
    assert!(!err.contains("as asked") && err.contains("meshwright resume "), "{err}");
}

#[test]
fn lines_from_a_pipe_that_a_signal_breaks_off_say_so() {
    let stage = Stage::new();
    let inside = stage.runtime.enter();
    let marker = stage.home.path().join("begun");
    let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin("meshwright"));
    command
        .args(["repl", "--write"])
        .env("HOME", stage.home.path())
        .env("KUBECONFIG", stage.home.path().join("config"));
    command.env_remove("XDG_STATE_HOME").env("NO_COLOR", "1").current_dir(stage.home.path());
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("started");
    drop(inside);
    let lines = format!("exec.run(\"touch\", [\"{}\"])\nwait.pause(\"10m\")\n1\n", marker.display());
    let mut input = child.stdin.take().expect("stdin");
    input.write_all(lines.as_bytes()).expect("typed");
    until("it begins", || marker.exists());
    std::thread::sleep(Duration::from_millis(500));
    kill(nix::unistd::Pid::from_raw(i32::try_from(child.id()).expect("pid")), Signal::SIGTERM).expect("told");
    let output = child.wait_with_output().expect("it ends");
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(143), "{err}");
    assert_eq!(err.matches("told to end (SIGTERM)").count(), 1, "{err}");
}
