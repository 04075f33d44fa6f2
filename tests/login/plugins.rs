//! Credential plugins.

use super::server::Tls;
use super::{ask, connect, kubeconfig, load};
use futures::future::join_all;
use meshwright::cluster::layers::Notice;
use meshwright::failure::Kind;
use meshwright::secret::Redactor;
use std::path::Path;

const VERSION: &str = "client.authentication.k8s.io/v1";

/// A user whose plugin is this script; `$n` is how often it has run, `issue STATUS` prints credentials.
pub fn plugin(folder: &Path, script: &str) -> String {
    let file = folder.join("plugin");
    let head = format!(
        "#!/bin/sh\necho run >> '{0}/runs'\nn=$(wc -l < '{0}/runs' | tr -d ' ')\n\
         issue() {{ printf '{{\"kind\":\"ExecCredential\",\"apiVersion\":\"{VERSION}\",\"status\":%s}}' \"$1\"; }}\n",
        folder.display()
    );
    std::fs::write(&file, format!("{head}{script}\n")).expect("written");
    format!(
        "{{exec: {{apiVersion: {VERSION}, command: sh, args: ['{}'], interactiveMode: IfAvailable}}}}",
        file.display()
    )
}

pub fn runs(folder: &Path) -> usize {
    std::fs::read_to_string(folder.join("runs")).unwrap_or_default().lines().count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_runs_once_for_all_clusters_of_a_user_and_again_when_refused() {
    let server = Tls::start(&["127.0.0.1"]).await;
    server.guests.accept(&["planted-token-1"]);
    let folder = tempfile::tempdir().expect("folder");
    let user = plugin(folder.path(), r#"sleep 0.3; issue "{\"token\":\"planted-token-$n\"}""#);
    let kubeconfigs = load(folder.path(), &kubeconfig(&server.url(), &server.trust(), &user));
    let clusters = [connect(&kubeconfigs, "east").0, connect(&kubeconfigs, "west").0];
    let asked = join_all((0..10).map(|number| ask(&clusters[number % 2]))).await;
    assert!(asked.iter().all(|answer| answer.as_deref() == Ok("default")), "{asked:?}");
    assert_eq!(runs(folder.path()), 1);
    server.guests.accept(&["planted-token-2"]);
    let asked = join_all((0..10).map(|number| ask(&clusters[number % 2]))).await;
    assert!(asked.iter().all(|answer| answer.as_deref() == Ok("default")), "{asked:?}");
    assert_eq!(runs(folder.path()), 2);
    server.guests.accept(&[]);
    let failure = ask(&clusters[0]).await.expect_err("refused for good");
    assert_eq!((failure.kind, runs(folder.path())), (Kind::Unauthorized, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_end_are_replaced_before_they_are_refused() {
    let server = Tls::start(&["127.0.0.1"]).await;
    server.guests.accept(&["planted-token-1", "planted-token-2"]);
    let folder = tempfile::tempdir().expect("folder");
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(11);
    let user = plugin(
        folder.path(),
        &format!(r#"issue "{{\"token\":\"planted-token-$n\",\"expirationTimestamp\":\"{soon}\"}}""#),
    );
    let kubeconfigs = load(folder.path(), &kubeconfig(&server.url(), &server.trust(), &user));
    let (cluster, _) = connect(&kubeconfigs, "east");
    ask(&cluster).await.expect("answer");
    tokio::time::sleep(std::time::Duration::from_millis(2500)).await;
    ask(&cluster).await.expect("answer");
    assert_eq!(server.guests.seen(), ["Bearer planted-token-1", "Bearer planted-token-2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_may_issue_a_certificate() {
    let server = Tls::start(&["127.0.0.1"]).await;
    let pair = server.client();
    let folder = tempfile::tempdir().expect("folder");
    let status = serde_json::json!({"clientCertificateData": pair.certificate, "clientKeyData": pair.key});
    std::fs::write(folder.path().join("status"), status.to_string()).expect("written");
    let user = plugin(folder.path(), &format!("issue \"$(cat '{}/status')\"", folder.path().display()));
    let kubeconfigs = load(folder.path(), &kubeconfig(&server.url(), &server.trust(), &user));
    let (cluster, _) = connect(&kubeconfigs, "east");
    ask(&cluster).await.expect("answer");
    ask(&cluster).await.expect("answer");
    assert_eq!((server.guests.seen(), runs(folder.path())), (vec!["certificate".to_owned(); 2], 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_fails_says_how_to_log_in_and_shows_nothing_it_printed() {
    let server = Tls::start(&["127.0.0.1"]).await;
    let folder = tempfile::tempdir().expect("folder");
    let user = plugin(folder.path(), "echo planted-token-51; echo run far-login first >&2; exit 1");
    let kubeconfigs = load(folder.path(), &kubeconfig(&server.url(), &server.trust(), &user));
    let (cluster, notices) = connect(&kubeconfigs, "east");
    let failure = ask(&cluster).await.expect_err("no credentials");
    assert!(failure.message.contains("credential plugin `sh` failed"), "{failure}");
    assert!(
        !format!("{failure:?}").contains("planted") && !format!("{failure:?}").contains("far-login"),
        "{failure:?}"
    );
    assert!(!Redactor::global().scrub("planted-token-51").contains("planted"));
    let told = notices.lock().expect("lock").clone();
    assert!(matches!(told.as_slice(), [Notice::Plugin { text, .. }] if text == "run far-login first"), "{told:?}");
    assert_eq!((runs(folder.path()), server.guests.seen().len()), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_login_is_no_slow_server() {
    let server = Tls::start(&["127.0.0.1"]).await;
    server.guests.accept(&["planted-token-1"]);
    let folder = tempfile::tempdir().expect("folder");
    // Longer than a request may take that nobody answers.
    let user = plugin(folder.path(), r#"sleep 11; issue "{\"token\":\"planted-token-$n\"}""#);
    let kubeconfigs = load(folder.path(), &kubeconfig(&server.url(), &server.trust(), &user));
    assert_eq!(ask(&connect(&kubeconfigs, "east").0).await.as_deref(), Ok("default"));
    assert_eq!(runs(folder.path()), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_insists_on_a_terminal_is_not_started_without_one() {
    let server = Tls::start(&["127.0.0.1"]).await;
    let folder = tempfile::tempdir().expect("folder");
    let user = plugin(folder.path(), "issue '{}'").replace("IfAvailable", "Always");
    let text = kubeconfig(&server.url(), &server.trust(), &user);
    std::fs::write(folder.path().join("config"), text).expect("written");
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_meshwright"));
    command.args(["eval", r#"kube.cluster("east").version()"#]).stdin(std::process::Stdio::null());
    command.env("KUBECONFIG", folder.path().join("config")).env("XDG_STATE_HOME", folder.path());
    let output = command.output().await.expect("ran");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("there is no terminal"), "{said}");
    assert_eq!(runs(folder.path()), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_may_ask_where_there_is_a_terminal() {
    let server = Tls::start(&["127.0.0.1"]).await;
    server.guests.accept(&["planted-word"]);
    let folder = tempfile::tempdir().expect("folder");
    let user = plugin(folder.path(), r#"printf 'the word: ' >&2; read -r word; issue "{\"token\":\"planted-$word\"}""#);
    let file = folder.path().join("config");
    std::fs::write(&file, kubeconfig(&server.url(), &server.trust(), &user)).expect("written");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_meshwright"));
    command.args(["eval", r#"kube.cluster("east").version()"#]).env("KUBECONFIG", file);
    command.env("XDG_STATE_HOME", folder.path());
    let typed = tokio::task::spawn_blocking(move || {
        let mut session = rexpect::session::spawn_command(command, Some(20_000)).expect("started");
        session.exp_string("credential plugin: the word:").expect("the question");
        session.send_line("word").expect("typed");
        session.exp_string("v1.34.4").map(drop)
    });
    typed.await.expect("typed").expect("the answer");
    assert_eq!(runs(folder.path()), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_at_once_leaves_no_plugin_and_the_terminal_as_it_was() {
    let server = Tls::start(&["127.0.0.1"]).await;
    let folder = tempfile::tempdir().expect("folder");
    let number = folder.path().join("number");
    let script = "trap '' INT TERM; stty -echo; echo $$ > 'NUMBER'; kill -TERM $PPID; kill -INT $PPID; while :; do sleep 1; done";
    let user = plugin(folder.path(), &script.replace("NUMBER", &number.display().to_string()));
    let file = folder.path().join("config");
    let text = kubeconfig(&server.url(), &server.trust(), &user.replace("IfAvailable", "Always"));
    std::fs::write(&file, text).expect("written");
    let mut shell = std::process::Command::new("sh");
    let line = "trap : INT; stty echo; before=$(stty -g); \"$@\"; [ \"$before\" = \"$(stty -g)\" ] && echo as before; echo over";
    shell.args(["-c", line, "sh", env!("CARGO_BIN_EXE_meshwright"), "eval", r#"kube.cluster("east").version()"#]);
    shell.env("KUBECONFIG", file).env("XDG_STATE_HOME", folder.path());
    let ended = tokio::task::spawn_blocking(move || {
        let mut session = rexpect::session::spawn_command(shell, Some(20_000)).expect("started");
        session.exp_string("over\r\n").expect("the end")
    });
    let shown = ended.await.expect("ended");
    assert!(shown.contains("as before"), "{shown}");
    let number = std::fs::read_to_string(number).expect("the plugin's number");
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", number.trim())).unwrap_or_default();
    assert!(stat.is_empty() || stat.contains(") Z "), "{stat}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_is_ended_leaves_the_terminal_as_it_was() {
    let server = Tls::start(&["127.0.0.1"]).await;
    let folder = tempfile::tempdir().expect("folder");
    let user = plugin(folder.path(), "trap '' INT; stty -echo; printf 'the word: ' >&2; read -r word");
    let file = folder.path().join("config");
    let text = kubeconfig(&server.url(), &server.trust(), &user.replace("IfAvailable", "Always"));
    std::fs::write(&file, text).expect("written");
    let mut shell = std::process::Command::new("sh");
    let line = "trap : INT; stty echo; before=$(stty -g); \"$@\"; [ \"$before\" = \"$(stty -g)\" ] && echo as before; echo over";
    shell.args(["-c", line, "sh", env!("CARGO_BIN_EXE_meshwright"), "eval", r#"kube.cluster("east").version()"#]);
    shell.env("KUBECONFIG", file).env("XDG_STATE_HOME", folder.path());
    let typed = tokio::task::spawn_blocking(move || {
        let mut session = rexpect::session::spawn_command(shell, Some(20_000)).expect("started");
        session.exp_string("the word: ").expect("the question");
        session.send_control('c').expect("pressed");
        session.exp_string("over\r\n").expect("the end")
    });
    let shown = typed.await.expect("typed");
    assert!(shown.contains("as before"), "{shown}");
}
