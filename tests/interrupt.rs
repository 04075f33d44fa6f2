//! Ctrl-C ends a run wherever it is, and whatever it has started.

mod ground;

use ground::{Ground, script};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Starts a script, presses Ctrl-C once it has begun, and returns how it ended.
fn interrupted(needs: &str, body: &str) -> (Option<i32>, Duration, Ground) {
    let ground = Ground::new(&["east"]);
    let marker = ground.home.path().join("begun");
    let needs = format!("exec: [sh, touch]{needs}");
    let body = format!("exec.run(\"touch\", [\"{}\"]);\n{body}", marker.display());
    let path = ground.file("script.rhai", &script(&needs, &body));
    let mut command = ground.command(&["run", &path.to_string_lossy(), "--c", "east"]);
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
