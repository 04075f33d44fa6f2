//! Credential plugins: programs that print what to log in with, as a kubeconfig's `exec` entry names them.
//!
//! <https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins>. What they print
//! on stdout is never shown; what they say on stderr is passed on line by line. They get no terminal unless they insist
//! on one, and then one at a time.

use crate::failure::{Failure, Kind, Result};
use crate::guardian::Guardian;
use crate::object::{Object, yaml};
use crate::plain;
use crate::secret::{Redactor, Secret};
use kube::config::{ExecConfig, ExecInteractiveMode};
use std::io::{ErrorKind, IsTerminal as _};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};

/// How long a plugin may take that talks to nobody.
const LIMIT: Duration = Duration::from_secs(60);
/// The same when somebody types.
const TYPING: Duration = Duration::from_secs(300);
/// How much a plugin may print, on stdout and on stderr each. A credential has some kilobytes.
const MOST: u64 = 1 << 20;
/// Prompts come one after the other.
static TERMINAL: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

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
    let interactive = exec.interactive_mode == Some(ExecInteractiveMode::Always);
    if interactive && !std::io::stdin().is_terminal() {
        return Err(trouble(format!("the credential plugin `{name}` wants to ask somebody, and there is no terminal")));
    }
    let _one_at_a_time = if interactive { Some(TERMINAL.lock().await) } else { None };
    // Whoever asks on the terminal must stay among those that may.
    let guardian = if interactive { None } else { Guardian::start() };
    let mut command = command(exec, name, interactive);
    if !interactive {
        command.process_group(guardian.as_ref().map_or(0, |guardian| guardian.group().as_raw()));
    }
    let child = command.spawn().map_err(|error| missing(exec, name, &error))?;
    let limit = if interactive { TYPING } else { LIMIT };
    let ended = tokio::time::timeout(limit, finish(child, hear)).await;
    let (status, out) = ended
        .map_err(|_| trouble(format!("the credential plugin `{name}` did not end within {} s", limit.as_secs())))?
        .map_err(|error| match error.kind() {
            ErrorKind::FileTooLarge => trouble(format!("the credential plugin `{name}` prints more than 1 MiB")),
            _ => trouble(format!("the credential plugin `{name}` broke off: {error}")),
        })?;
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

fn command(exec: &ExecConfig, name: &str, interactive: bool) -> Command {
    let mut command = Command::new(name);
    command.args(exec.args.iter().flatten()).kill_on_drop(true);
    for entry in exec.env.iter().flatten() {
        if let (Some(name), Some(value)) = (entry.get("name"), entry.get("value")) {
            command.env(name, value);
        }
    }
    let cluster = exec.cluster.as_ref().filter(|_| exec.provide_cluster_info);
    let mut info = serde_json::json!({
        "apiVersion": exec.api_version, "kind": "ExecCredential", "spec": { "interactive": interactive },
    });
    if let Some(cluster) = cluster {
        info["spec"]["cluster"] = serde_json::to_value(cluster).unwrap_or_default();
    }
    command.env("KUBERNETES_EXEC_INFO", info.to_string());
    command.stdout(Stdio::piped());
    if interactive {
        command.stdin(Stdio::inherit()).stderr(Stdio::inherit());
    } else {
        command.stdin(Stdio::null()).stderr(Stdio::piped());
    }
    command
}

async fn finish(mut child: Child, hear: &Hear) -> std::io::Result<(std::process::ExitStatus, Vec<u8>)> {
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    // Whichever prints too much ends both: the plugin is killed with `child`.
    let ((), out) = tokio::try_join!(listen(stderr, hear), output(stdout))?;
    Ok((child.wait().await?, out))
}

async fn output(stdout: Option<ChildStdout>) -> std::io::Result<Vec<u8>> {
    let mut out = Vec::new();
    let Some(stdout) = stdout else { return Ok(out) };
    let mut bounded = stdout.take(MOST);
    bounded.read_to_end(&mut out).await?;
    within(bounded.limit()).map(|()| out)
}

/// A plugin that waits for somebody says so first: its words are passed on as they come.
async fn listen(stderr: Option<ChildStderr>, hear: &Hear) -> std::io::Result<()> {
    let Some(stderr) = stderr else { return Ok(()) };
    let mut lines = BufReader::new(stderr.take(MOST)).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let line = plain::line(&line, 400);
        if !line.is_empty() {
            hear(&line);
        }
    }
    within(lines.get_ref().get_ref().limit())
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
