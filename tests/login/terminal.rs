//! Credential plugins and questions at one terminal.

use super::kubeconfig;
use super::plugins::{plugin, runs};
use super::server::Tls;
use rexpect::session::{PtySession, spawn_command};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// A prompt whose cluster `east` is this server, with this plugin.
fn prompt(folder: &Path, server: &Tls, user: &str, args: &[&str]) -> PtySession {
    let file = folder.join("config");
    std::fs::write(&file, kubeconfig(&server.url(), &server.trust(), user)).expect("written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_meshwright"));
    command.arg("repl").args(args).env("KUBECONFIG", file).env("HOME", folder).env("NO_COLOR", "1");
    command.env_remove("XDG_STATE_HOME").env_remove("XDG_CONFIG_HOME");
    let mut session = spawn_command(command, Some(60_000)).expect("started");
    session.exp_string("> ").expect("the prompt");
    session
}

fn type_line(session: &mut PtySession, line: &str) {
    session.send(&format!("{line}\r")).and_then(|_| session.flush()).expect("typed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_was_given_up_keeps_no_plugin_from_the_terminal() {
    let server = Tls::start(&["127.0.0.1"]).await;
    server.guests.accept(&["planted-word"]);
    let folder = tempfile::tempdir().expect("folder");
    let asks = r#"printf 'the word: ' >&2; read -r word; issue "{\"token\":\"planted-$word\"}""#;
    let user = plugin(folder.path(), asks).replace("IfAvailable", "Always");
    let mut session = prompt(folder.path(), &server, &user, &[]);
    let typed = tokio::task::spawn_blocking(move || {
        type_line(&mut session, r#"secret.prompt("Token")"#);
        session.exp_string("Token: ")?;
        session.send("half-").and_then(|_| session.flush())?;
        session.send_control('c')?;
        session.exp_string("> ")?;
        type_line(&mut session, r#"kube.cluster("east").version()"#);
        session.exp_string("the word: ")?;
        session.send_line("word")?;
        session.exp_string("v1.34.4").map(drop)
    });
    typed.await.expect("typed").expect("the version");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_is_renewed_takes_no_keys_from_the_prompt() {
    let server = Tls::start(&["127.0.0.1"]).await;
    server.guests.accept(&["planted-token-1", "planted-token-2", "planted-token-3"]);
    let folder = tempfile::tempdir().expect("folder");
    // Old by the time at which the lease is renewed.
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(20);
    let user = plugin(
        folder.path(),
        &format!(
            r#"case $KUBERNETES_EXEC_INFO in *'"interactive":false'*) touch '{0}/quiet' ;; *) [ $n = 1 ] || read -r word ;; esac
            issue "{{\"token\":\"planted-token-$n\",\"expirationTimestamp\":\"{soon}\"}}""#,
            folder.path().display()
        ),
    );
    let mut session = prompt(folder.path(), &server, &user, &["--write"]);
    let home = folder.path().to_owned();
    let typed = tokio::task::spawn_blocking(move || {
        let map = r#"#{apiVersion: "v1", kind: "ConfigMap", metadata: #{name: "a", namespace: "default"}}"#;
        type_line(&mut session, &format!(r#"kube.cluster("east").apply({map}); "made""#));
        session.exp_string("_1 = ")?;
        session.exp_string("> ")?;
        session.send("100 + ").and_then(|_| session.flush())?;
        let end = Instant::now() + Duration::from_secs(60);
        while runs(&home) < 2 && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(50));
        }
        std::thread::sleep(Duration::from_millis(500));
        type_line(&mut session, "23");
        session.exp_string("_2 = 123").map(drop)
    });
    typed.await.expect("typed").expect("the sum");
    assert!(runs(folder.path()) > 1 && folder.path().join("quiet").exists(), "{}", runs(folder.path()));
}
