//! Programs of this machine.

use super::group::Group;
use super::{Command, NOT_STARTED, Output, Programs, not_found, search};
use crate::failure::{Failure, Kind, Result};
use crate::guardian::{Guardian, MARK};
use crate::secret::Redactor;
use futures::future::BoxFuture;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::ChildStdin;

/// A program may print this much; more is a runaway.
const MOST_OUTPUT: usize = 64 << 20;
/// How long to go on reading after the program has ended, for children that still hold its output open.
const AFTERMATH: Duration = Duration::from_millis(500);

/// Starts real processes. They inherit our environment.
pub struct Live;

impl Programs for Live {
    fn which(&self, tool: &str) -> Option<PathBuf> {
        search::search(tool, std::env::var_os("PATH").as_deref())
    }

    fn run<'a>(&'a self, command: &'a Command) -> BoxFuture<'a, Result<Output>> {
        Box::pin(async move {
            let path = self.which(&command.tool).ok_or_else(|| uninstalled(&command.tool))?;
            let mut group = start(&path, command)?;
            match tokio::time::timeout(command.timeout, finish(&mut group, command)).await {
                Ok(output) => output,
                Err(_) => {
                    group.end().await;
                    Err(too_slow(command))
                }
            }
        })
    }
}

fn uninstalled(tool: &str) -> Failure {
    not_found(tool).hint(format!("install {tool}, or add the folder that holds it to PATH"))
}

fn start(path: &Path, command: &Command) -> Result<Group> {
    let guardian = Guardian::start();
    let group = guardian.as_ref().map_or(0, |guardian| guardian.group().as_raw());
    let mut process = tokio::process::Command::new(path);
    process.args(&command.argv).process_group(group).kill_on_drop(true);
    process.envs(command.env.iter().map(|(name, value)| (name, value.reveal())));
    process.envs(guardian.iter().map(|guardian| (MARK, guardian.mark())));
    process.stdin(if command.stdin.is_some() { Stdio::piped() } else { Stdio::null() });
    process.stdout(Stdio::piped()).stderr(Stdio::piped());
    if let Some(dir) = &command.dir {
        process.current_dir(dir);
    }
    let child = process.spawn().map_err(|e| {
        let failure = Failure::new(Kind::Process, format!("{NOT_STARTED} `{}`: {e}", command.shown()));
        match &command.dir {
            Some(dir) if !dir.is_dir() => failure.hint(format!("the folder {} does not exist", dir.display())),
            _ => failure.hint(format!("it was found as {}", path.display())),
        }
    })?;
    Ok(Group::new(child, guardian))
}

/// Feeds the program and catches what it prints, until it has ended.
async fn finish(group: &mut Group, command: &Command) -> Result<Output> {
    let (stdin, stdout, stderr) = (group.child.stdin.take(), group.child.stdout.take(), group.child.stderr.take());
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let status = {
        let feeding = feed(stdin, command);
        let reading = async { tokio::try_join!(catch(stdout, &mut out), catch(stderr, &mut err)) };
        tokio::pin!(feeding, reading);
        let (mut fed, mut read) = (false, false);
        let status = loop {
            tokio::select! {
                () = &mut feeding, if !fed => fed = true,
                printed = &mut reading, if !read => {
                    printed.map_err(|e| e.about_command(command))?;
                    read = true;
                }
                status = group.child.wait() => break status,
            }
        };
        if !read {
            let rest = tokio::time::timeout(AFTERMATH, reading).await;
            rest.unwrap_or(Ok(((), ()))).map_err(|e| e.about_command(command))?;
        }
        status.map_err(|e| Unread::Broken(e).about_command(command))?
    };
    group.finish();
    Ok(Output { code: code(status), stdout: clean(&out), stderr: clean(&err) })
}

async fn feed(stdin: Option<ChildStdin>, command: &Command) {
    if let (Some(mut stdin), Some(content)) = (stdin, &command.stdin) {
        // A program that does not read to the end closes the pipe: its right.
        let _ = stdin.write_all(content.reveal().as_bytes()).await;
    }
}

/// Why a program's output could not be caught.
enum Unread {
    TooMuch,
    Broken(std::io::Error),
}

impl Unread {
    fn about_command(self, command: &Command) -> Failure {
        let why = match self {
            Unread::TooMuch => format!("printed more than {} MiB and was stopped", MOST_OUTPUT >> 20),
            Unread::Broken(e) => e.to_string(),
        };
        Failure::new(Kind::Process, format!("`{}`: {why}", command.shown()))
    }
}

async fn catch(pipe: Option<impl AsyncRead + Unpin>, into: &mut Vec<u8>) -> Result<(), Unread> {
    let Some(mut pipe) = pipe else { return Ok(()) };
    while pipe.read_buf(into).await.map_err(Unread::Broken)? > 0 {
        if into.len() > MOST_OUTPUT {
            return Err(Unread::TooMuch);
        }
    }
    Ok(())
}

fn clean(bytes: &[u8]) -> String {
    Redactor::global().scrub(&String::from_utf8_lossy(bytes))
}

fn code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
}

fn too_slow(command: &Command) -> Failure {
    let limit = jiff::SignedDuration::try_from(command.timeout).unwrap_or_default();
    Failure::new(Kind::Timeout, format!("`{}` did not end within {limit:#} and was stopped", command.shown()))
        .hint("give it more time with the option `timeout`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::Content;
    use crate::secret::Secret;
    use std::time::Instant;

    fn sh(script: &str) -> Command {
        Command::new("sh", ["-c", script])
    }

    async fn run(command: Command) -> Result<Output> {
        Live.run(&command).await
    }

    /// The process id that a script wrote to this file.
    async fn written_pid(file: &Path) -> i32 {
        for _ in 0..500 {
            if let Some(pid) = std::fs::read_to_string(file).ok().and_then(|text| text.trim().parse().ok()) {
                return pid;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{} was not written", file.display());
    }

    /// Whether a process is there and not only waiting to be reaped.
    fn lives(pid: i32) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.trim_start().starts_with('Z'))
    }

    async fn dies(pid: i32) -> bool {
        for _ in 0..300 {
            if !lives(pid) {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        false
    }

    #[tokio::test]
    async fn output_exit_code_folder_and_environment_pass() {
        let folder = tempfile::tempdir().expect("folder");
        let mut command = sh("pwd; echo $PLANTED >&2; exit 7");
        command.dir = Some(folder.path().canonicalize().expect("path"));
        command.env.push(("PLANTED".into(), Content::Text("here".into())));
        let output = run(command.clone()).await.expect("runs");
        assert_eq!((output.code, &*output.stderr), (7, "here\n"));
        assert_eq!(Some(PathBuf::from(output.stdout.trim())), command.dir);
    }

    #[tokio::test]
    async fn secrets_go_in_by_stdin_and_come_out_as_names() {
        let mut command = sh("cat; echo $TOKEN");
        command.stdin = Some(Content::Secret(Secret::new("live stdin", "live-test-stdin-secret")));
        command.env.push(("TOKEN".into(), Content::Secret(Secret::new("live env", "live-test-env-secret"))));
        let output = run(command).await.expect("runs");
        assert_eq!(output.stdout, "‹secret live stdin›‹secret live env›\n");
    }

    #[tokio::test]
    async fn stdin_is_closed_when_there_is_nothing_to_read() {
        assert_eq!(run(sh("cat; echo done")).await.expect("runs").stdout, "done\n");
    }

    #[tokio::test]
    async fn much_output_on_both_sides_and_unread_input_do_not_block() {
        let mut command = sh("head -c 300000 /dev/zero; head -c 300000 /dev/zero >&2");
        command.stdin = Some(Content::Text("x".repeat(300_000)));
        let output = run(command).await.expect("runs");
        assert_eq!((output.stdout.len(), output.stderr.len()), (300_000, 300_000));
    }

    #[tokio::test]
    async fn endless_output_is_stopped() {
        let failure = run(sh("cat /dev/zero")).await.expect_err("endless");
        assert!(failure.message.contains("more than 64 MiB"), "{failure}");
    }

    #[tokio::test]
    async fn a_timeout_kills_the_program_and_its_children() {
        let folder = tempfile::tempdir().expect("folder");
        let file = folder.path().join("pid");
        let mut command = sh(&format!("(trap '' TERM; sleep 60) & echo $! > {}; wait", file.display()));
        command.timeout = Duration::from_millis(500);
        let start = Instant::now();
        let failure = run(command).await.expect_err("too slow");
        assert_eq!(failure.kind, Kind::Timeout);
        assert!(start.elapsed() < Duration::from_secs(20));
        assert!(dies(written_pid(&file).await).await, "a child survived");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn dropping_a_run_kills_the_program_and_its_children() {
        let folder = tempfile::tempdir().expect("folder");
        let file = folder.path().join("pid");
        let command = sh(&format!("sleep 60 & echo $! > {}; wait", file.display()));
        let running = tokio::spawn(run(command));
        let pid = written_pid(&file).await;
        assert!(lives(pid));
        running.abort();
        assert!(dies(pid).await, "a child survived");
    }

    #[tokio::test]
    async fn a_program_that_leaves_its_group_is_killed_with_its_children() {
        let folder = tempfile::tempdir().expect("folder");
        let file = folder.path().join("pid");
        let inner = format!("(trap \"\" TERM; sleep 60) & echo $! > {}; wait", file.display());
        let mut command = sh(&format!("setsid sh -c '{inner}' & wait"));
        command.timeout = Duration::from_millis(500);
        run(command).await.expect_err("too slow");
        assert!(dies(written_pid(&file).await).await, "a child survived");
    }

    #[tokio::test]
    async fn who_has_left_the_group_of_a_program_that_has_ended_goes_on() {
        let folder = tempfile::tempdir().expect("folder");
        let file = folder.path().join("pid");
        let shell = format!(
            "setsid sh -c 'echo $$ > {0}; exec sleep 60' >/dev/null 2>&1 & while [ ! -s {0} ]; do sleep 0.01; done",
            file.display()
        );
        run(sh(&shell)).await.expect("runs");
        let daemon = written_pid(&file).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(lives(daemon), "a daemon was killed");
        let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(daemon), nix::sys::signal::Signal::SIGKILL);
    }

    #[tokio::test]
    async fn children_left_behind_neither_block_nor_survive() {
        let folder = tempfile::tempdir().expect("folder");
        let file = folder.path().join("pid");
        let start = Instant::now();
        let output = run(sh(&format!("sleep 60 & echo $! > {}; echo done", file.display()))).await.expect("runs");
        assert_eq!(output.stdout, "done\n");
        assert!(start.elapsed() < Duration::from_secs(20));
        assert!(dies(written_pid(&file).await).await, "a child survived");
    }

    #[tokio::test]
    async fn a_signal_becomes_an_exit_code_as_in_a_shell() {
        assert_eq!(run(sh("kill -KILL $$")).await.expect("runs").code, 137);
    }

    #[tokio::test]
    async fn what_cannot_start_says_why() {
        let missing = run(Command::new("no-such-tool", [""])).await.expect_err("missing");
        assert_eq!(missing.kind, Kind::NotFound);
        let mut nowhere = sh("true");
        nowhere.dir = Some("/no/such/folder".into());
        let failure = run(nowhere).await.expect_err("no folder");
        assert_eq!(failure.hint.as_deref(), Some("the folder /no/such/folder does not exist"));
    }

    #[tokio::test]
    async fn a_path_means_the_same_whatever_folder_the_program_starts_in() {
        let folder = tempfile::tempdir().expect("folder");
        // Deeper than we are: the way up from here does not lead to the root from there.
        let below = folder.path().join("b/".repeat(40));
        std::fs::create_dir_all(&below).expect("made");
        let up = std::env::current_dir().expect("here").components().skip(1).map(|_| "../").collect::<String>();
        let tool =
            PathBuf::from(format!("{up}{}", folder.path().join("tool").display().to_string().trim_start_matches('/')));
        std::fs::write(&tool, "#!/bin/sh\necho here\n").expect("written");
        std::fs::set_permissions(&tool, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("a program");
        let mut command = Command::new(tool.display().to_string(), [] as [&str; 0]);
        command.dir = Some(below);
        assert_eq!(run(command).await.expect("runs").stdout, "here\n");
    }
}
