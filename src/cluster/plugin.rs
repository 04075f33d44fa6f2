//! Credential plugins: programs that print what to log in with, as a kubeconfig's `exec` entry names them.
//!
//! <https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins>. What they print
//! on stdout is never shown; what they say on stderr is passed on as they say it. One at a time gets the terminal, where
//! there is one that nobody reads from, unless its entry says that it never asks.

use crate::failure::{Failure, Kind, Result};
use crate::guardian::{Guardian, MARK};
use crate::object::{Object, yaml};
use crate::plain;
use crate::secret::{Redactor, Secret};
use crate::terminal::{self, Reader};
use kube::config::{ExecConfig, ExecInteractiveMode};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::io::{ErrorKind, IsTerminal as _};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, ChildStderr, ChildStdout, Command};

/// How long a plugin may take that never asks anybody.
const LIMIT: Duration = Duration::from_secs(60);
/// The same when somebody may have to type, here or in a browser.
const TYPING: Duration = Duration::from_secs(300);
/// How much a plugin may print, on stdout and on stderr each. A credential has some kilobytes.
const MOST: u64 = 1 << 20;
/// How long to go on reading after a plugin has ended, for children that still hold its output open.
const AFTERMATH: Duration = Duration::from_millis(500);
/// A line that has no end for so long is a question.
const QUESTION: Duration = Duration::from_millis(300);

/// What a plugin has issued.
#[derive(Debug, Clone, Default)]
pub(super) struct Issued {
    pub token: Option<Secret>,
    /// Certificate and key in PEM.
    pub identity: Option<(String, Secret)>,
    pub ends: Option<jiff::Timestamp>,
}

/// Who is told what a plugin says.
pub(super) type Hear = dyn Fn(&str) + Send + Sync;

/// Runs a plugin once.
///
/// # Errors
/// When it cannot be started, fails, or prints no credentials.
pub(super) async fn run(exec: &ExecConfig, hear: &Hear) -> Result<Issued> {
    let name = exec.command.as_deref().unwrap_or_default();
    check_version(exec, name)?;
    super::kuberc::check(name)?;
    let mode = exec.interactive_mode.clone().unwrap_or(ExecInteractiveMode::IfAvailable);
    let started = match mode {
        ExecInteractiveMode::Never => start(exec, name, Talk::Nobody, hear).await,
        ExecInteractiveMode::Always if !std::io::stdin().is_terminal() => {
            let message = format!("the credential plugin `{name}` wants to ask somebody, and there is no terminal");
            return Err(trouble(message));
        }
        ExecInteractiveMode::Always => {
            let Some(_lent) = terminal::lend_next().await else {
                let message =
                    format!("the credential plugin `{name}` wants to ask somebody, and the terminal is in use");
                return Err(trouble(message));
            };
            start(exec, name, Talk::Directly, hear).await
        }
        ExecInteractiveMode::IfAvailable => start_if_available(exec, name, hear).await,
    };
    let (status, out) = started?;
    if !status.success() {
        learn_words(&out);
        return Err(trouble(format!("the credential plugin `{name}` failed ({status})")));
    }
    read(exec, name, &out)
}

fn check_version(exec: &ExecConfig, name: &str) -> Result<()> {
    match exec.api_version.as_deref() {
        Some("client.authentication.k8s.io/v1" | "client.authentication.k8s.io/v1beta1") => Ok(()),
        other => {
            let version = other.unwrap_or("none");
            let message = format!("the credential plugin `{name}` is configured for apiVersion {version}");
            Err(Failure::usage(message).hint("it must be client.authentication.k8s.io/v1 or v1beta1"))
        }
    }
}

/// With the terminal when it is free. While another plugin has it, this one may well do without; when it cannot, it waits.
async fn start_if_available(exec: &ExecConfig, name: &str, hear: &Hear) -> Result<(ExitStatus, Vec<u8>)> {
    if !terminal::is_free() {
        return start(exec, name, Talk::Nobody, hear).await;
    }
    if let Some(_lent) = terminal::lend() {
        return start(exec, name, Talk::Somebody, hear).await;
    }
    let alone = start(exec, name, Talk::Nobody, hear).await;
    if alone.as_ref().is_ok_and(|(status, _)| status.success()) {
        return alone;
    }
    match terminal::lend_next().await {
        Some(_lent) => start(exec, name, Talk::Somebody, hear).await,
        None => alone,
    }
}

/// Starts a plugin and waits until it ends.
async fn start(exec: &ExecConfig, name: &str, talk: Talk, hear: &Hear) -> Result<(ExitStatus, Vec<u8>)> {
    // Whoever asks on the terminal must stay among those that may.
    let guardian = if talk == Talk::Nobody { Guardian::start() } else { None };
    let mut command = command(exec, name, talk);
    if talk == Talk::Nobody {
        command.process_group(guardian.as_ref().map_or(0, |guardian| guardian.group().as_raw()));
        command.envs(guardian.iter().map(|guardian| (MARK, guardian.mark())));
    }
    let child = command.spawn().map_err(|error| missing(exec, name, &error))?;
    let own = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
    let group = guardian.as_ref().map(Guardian::group).or(own).filter(|_| talk == Talk::Nobody);
    let _reader = Reader::is(own.filter(|_| talk != Talk::Nobody));
    let never = exec.interactive_mode == Some(ExecInteractiveMode::Never);
    let limit = if never { LIMIT } else { TYPING };
    let ended = tokio::time::timeout(limit, finish(child, Group(group), talk, hear)).await;
    ended
        .map_err(|_| trouble(format!("the credential plugin `{name}` did not end within {} s", limit.as_secs())))?
        .map_err(|error| match error.kind() {
            ErrorKind::FileTooLarge => trouble(format!("the credential plugin `{name}` prints more than 1 MiB")),
            _ => trouble(format!("the credential plugin `{name}` broke off: {error}")),
        })
}

/// Whom a plugin can ask.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Talk {
    Nobody,
    /// Somebody at the terminal; what it says is passed on.
    Somebody,
    /// The same, and it has the terminal to itself.
    Directly,
}

/// A plugin's process group. Dropping it ends the group, while the plugin has not ended by itself.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // The only error is that nobody is left.
            let _ = killpg(group, Signal::SIGKILL);
        }
    }
}

fn command(exec: &ExecConfig, name: &str, talk: Talk) -> Command {
    let mut command = Command::new(name);
    command.args(exec.args.iter().flatten()).kill_on_drop(true);
    for entry in exec.env.iter().flatten() {
        if let (Some(name), Some(value)) = (entry.get("name"), entry.get("value")) {
            command.env(name, value);
        }
    }
    let cluster = exec.cluster.as_ref().filter(|_| exec.provide_cluster_info);
    let mut info = serde_json::json!({
        "apiVersion": exec.api_version, "kind": "ExecCredential", "spec": { "interactive": talk != Talk::Nobody },
    });
    if let Some(cluster) = cluster {
        info["spec"]["cluster"] = serde_json::to_value(cluster).unwrap_or_default();
    }
    command.env("KUBERNETES_EXEC_INFO", info.to_string());
    command.stdout(Stdio::piped());
    command.stdin(if talk == Talk::Nobody { Stdio::null() } else { Stdio::inherit() });
    command.stderr(if talk == Talk::Directly { Stdio::inherit() } else { Stdio::piped() });
    command
}

async fn finish(mut child: Child, mut group: Group, talk: Talk, hear: &Hear) -> std::io::Result<(ExitStatus, Vec<u8>)> {
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let mut out = Vec::new();
    let status = {
        // Whichever prints too much ends both: the plugin is killed with its group.
        let reading = async { tokio::try_join!(listen(stderr, talk, hear), output(stdout, &mut out)).map(drop) };
        tokio::pin!(reading);
        let mut read = false;
        let status = loop {
            tokio::select! {
                printed = &mut reading, if !read => {
                    printed?;
                    read = true;
                }
                status = child.wait() => break status?,
            }
        };
        // What it has left running is its own affair, as with kubectl.
        group.0 = None;
        if !read {
            tokio::time::timeout(AFTERMATH, reading).await.unwrap_or(Ok(()))?;
        }
        status
    };
    Ok((status, out))
}

async fn output(stdout: Option<ChildStdout>, out: &mut Vec<u8>) -> std::io::Result<()> {
    let Some(stdout) = stdout else { return Ok(()) };
    let mut bounded = stdout.take(MOST);
    bounded.read_to_end(out).await?;
    within(bounded.limit())
}

/// A plugin that waits for somebody says so first: its words are passed on as they come.
async fn listen(stderr: Option<ChildStderr>, talk: Talk, hear: &Hear) -> std::io::Result<()> {
    let Some(stderr) = stderr else { return Ok(()) };
    let (mut bounded, mut said, mut chunk) = (stderr.take(MOST), Vec::new(), [0; 4096]);
    loop {
        let patience = if talk == Talk::Nobody || said.is_empty() { Duration::MAX } else { QUESTION };
        match tokio::time::timeout(patience, bounded.read(&mut chunk)).await {
            Ok(Ok(0) | Err(_)) => break,
            Ok(Ok(more)) => said.extend(&chunk[..more]),
            Err(_) => say(&std::mem::take(&mut said), hear),
        }
        while let Some(end) = said.iter().position(|byte| *byte == b'\n') {
            say(&said.drain(..=end).collect::<Vec<_>>(), hear);
        }
    }
    say(&said, hear);
    within(bounded.limit())
}

fn say(said: &[u8], hear: &Hear) {
    let line = plain::line(&String::from_utf8_lossy(said), 400);
    if !line.is_empty() {
        hear(&line);
    }
}

/// Fails when nothing is left of what may be printed.
fn within(left: u64) -> std::io::Result<()> {
    if left == 0 { Err(ErrorKind::FileTooLarge.into()) } else { Ok(()) }
}

fn read(exec: &ExecConfig, name: &str, out: &[u8]) -> Result<Issued> {
    let nothing = |why: &str| trouble(format!("the credential plugin `{name}` printed no credentials: {why}"));
    let text = std::str::from_utf8(out).map_err(|_| nothing("its output is no text"))?;
    // The parser's own message would quote the output.
    let answer: Object =
        yaml::parse(text).ok().and_then(|mut all| (all.len() == 1).then(|| all.remove(0))).ok_or_else(|| {
            learn_words(out);
            nothing("its output is no ExecCredential")
        })?;
    if answer.kind() != "ExecCredential" || Some(answer.api_version()) != exec.api_version.as_deref() {
        learn_words(out);
        return Err(nothing("its output is no ExecCredential of the version that the kubeconfig names"));
    }
    let field = |path: &str| answer.str_at(path).filter(|text| !text.is_empty());
    let ends = field("status.expirationTimestamp").map(str::parse).transpose();
    let ends = ends.map_err(|_| nothing("its expirationTimestamp is no time"))?;
    let token = field("status.token").map(|token| Secret::new(format!("token of {name}"), token));
    let key = field("status.clientKeyData").map(|key| Secret::new(format!("key of {name}"), key));
    let identity = field("status.clientCertificateData").map(str::to_owned).zip(key);
    if token.is_none() && identity.is_none() {
        return Err(nothing("neither a token nor a certificate with its key"));
    }
    Ok(Issued { token, identity, ends })
}

/// What a plugin that failed has printed may be a token: nothing of it shows up anywhere.
fn learn_words(out: &[u8]) {
    let text = String::from_utf8_lossy(out);
    for word in text.split(|c: char| c.is_whitespace() || "\"',{}".contains(c)).filter(|word| word.len() >= 12) {
        Redactor::global().learn("credential plugin", word);
    }
}

fn missing(exec: &ExecConfig, name: &str, error: &std::io::Error) -> Failure {
    let failure = trouble(format!("the credential plugin `{name}` cannot be started: {error}"));
    let hint = exec.install_hint.as_deref().map(|hint| plain::line(hint, 400)).filter(|hint| !hint.is_empty());
    // The hint of the kubeconfig knows better than ours.
    match hint {
        Some(hint) => Failure { hint: Some(hint), ..failure },
        None => Failure { hint: Some("install it, or correct the kubeconfig".into()), ..failure },
    }
}

fn trouble(message: String) -> Failure {
    Failure::new(Kind::Process, message)
        .hint("log in with this context first, for example by `kubectl --context NAME get ns`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    fn exec(script: &str) -> ExecConfig {
        ExecConfig {
            api_version: Some("client.authentication.k8s.io/v1".into()),
            command: Some("sh".into()),
            args: Some(vec!["-c".into(), script.into()]),
            interactive_mode: Some(ExecInteractiveMode::Never),
            ..ExecConfig::default()
        }
    }

    async fn ran(script: &str) -> (Result<Issued>, Vec<String>) {
        let heard = Mutex::new(Vec::new());
        let heard = std::sync::Arc::new(heard);
        let sink = heard.clone();
        let issued = run(&exec(script), &move |line| sink.lock().expect("lock").push(line.to_owned())).await;
        let heard = heard.lock().expect("lock").clone();
        (issued, heard)
    }

    #[tokio::test]
    async fn a_failing_plugin_is_told_without_its_output() {
        let (issued, heard) =
            ran("echo planted-token-31; echo please log in >&2; echo planted-token-31 >&2; exit 3").await;
        let failure = issued.expect_err("failed");
        assert_eq!(failure.kind, Kind::Process);
        let shown = format!("{failure} {failure:?}");
        assert!(failure.message.contains("exit status: 3") && !shown.contains("planted"), "{shown}");
        assert_eq!(heard[0], "please log in");
        assert!(!Redactor::global().scrub("planted-token-31").contains("planted"));
    }

    #[tokio::test]
    async fn what_is_no_credential_is_not_quoted() {
        let version = r#""apiVersion":"client.authentication.k8s.io/v1""#;
        for out in [
            "planted-token-32".to_owned(),
            format!(r#"{{"kind":"ExecCredential",{version},"status":{{}}}}"#),
            r#"{"kind":"ExecCredential","apiVersion":"v9","status":{"token":"planted-token-32"}}"#.to_owned(),
        ] {
            let failure = ran(&format!("echo '{out}'")).await.0.expect_err("no credential");
            assert!(
                failure.message.contains("printed no credentials") && !failure.message.contains("planted"),
                "{failure}"
            );
        }
    }

    #[tokio::test]
    async fn a_plugin_that_prints_without_end_is_ended() {
        for script in ["yes planted-token-34", "yes | tr -d '\\n' >&2"] {
            let (issued, _) = ran(script).await;
            let failure = issued.expect_err("too much");
            assert_eq!(failure.message, "the credential plugin `sh` prints more than 1 MiB");
        }
    }

    #[tokio::test]
    async fn a_plugin_has_ended_when_its_process_has_whoever_holds_its_output() {
        let start = std::time::Instant::now();
        let status = r#""status":{"token":"planted-token-35"}"#;
        let script = format!(
            "sleep 30 & echo '{{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\",{status}}}'; echo $! >&2"
        );
        let (issued, heard) = ran(&script).await;
        assert!(issued.expect("issued").token.is_some());
        assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
        let left = Pid::from_raw(heard[0].parse().expect("a number"));
        assert_eq!(nix::sys::signal::kill(left, Signal::SIGKILL), Ok(()), "it may go on");
    }

    #[tokio::test]
    async fn a_plugin_that_is_ended_leaves_nobody_behind() {
        let (issued, heard) = ran("sleep 60 & echo $! >&2; sleep 0.2; yes planted-token-36").await;
        assert!(issued.expect_err("too much").message.contains("1 MiB"));
        let left = heard[0].clone();
        for _ in 0..200 {
            let stat = std::fs::read_to_string(format!("/proc/{left}/stat")).unwrap_or_default();
            if stat.rsplit(')').next().is_none_or(|rest| rest.is_empty() || rest.trim_start().starts_with('Z')) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("a child survived");
    }

    #[tokio::test]
    async fn a_plugin_has_no_terminal_and_knows_it() {
        let status = r#""status":{"token":"planted-token-33"}"#;
        let script = format!(
            "cat; case $KUBERNETES_EXEC_INFO in *'\"interactive\":false'*) \
             echo '{{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\",{status}}}';; esac"
        );
        let issued = ran(&script).await.0.expect("issued");
        assert_eq!(issued.token.map(|token| token.reveal().to_owned()).as_deref(), Some("planted-token-33"));
    }

    #[tokio::test]
    async fn a_plugin_that_is_not_there_is_told_with_how_to_get_it() {
        let exec = ExecConfig {
            command: Some("no-such-plugin".into()),
            install_hint: Some("brew install no-such-plugin".into()),
            ..exec("")
        };
        let failure = run(&exec, &|_| {}).await.expect_err("missing");
        assert_eq!(failure.hint.as_deref(), Some("brew install no-such-plugin"));
    }
}
