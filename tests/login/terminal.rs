//! Credential plugins and questions at one terminal.

use super::kubeconfig;
use super::plugins::{plugin, runs};
use super::server::Tls;
use meshwright::object::{Node, Object, yaml};
use rexpect::session::{PtySession, spawn_command};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A prompt whose cluster `east` is this server, with this plugin.
fn prompt(folder: &Path, server: &str, trust: &str, user: &str, args: &[&str]) -> PtySession {
    let file = folder.join("config");
    std::fs::write(&file, kubeconfig(server, trust, user)).expect("written");
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
    let mut session = prompt(folder.path(), &server.url(), &server.trust(), &user, &[]);
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

/// A rehearsed cluster `east` that is served to others, until this is dropped.
struct Served(Child);

impl Served {
    /// The cluster, with its kubeconfig.
    fn start(folder: &Path) -> (Served, Object) {
        let header =
            "//! # Nothing\n//!\n//! ---\n//! params:\n//!   c: {type: cluster, default: east, help: it}\n//! ---\n";
        std::fs::write(folder.join("nothing.rhai"), header).expect("written");
        let mut command = Command::new(env!("CARGO_BIN_EXE_meshwright"));
        command.args(["rehearse", "./nothing.rhai", "--serve"]).current_dir(folder).env("TMPDIR", folder);
        command.env("HOME", folder).env_remove("XDG_STATE_HOME").stdin(Stdio::null()).stderr(Stdio::null());
        let mut served = Served(command.stdout(Stdio::piped()).spawn().expect("started"));
        let mut said = String::new();
        BufReader::new(served.0.stdout.take().expect("stdout")).read_line(&mut said).expect("said");
        let file = said.trim().strip_prefix("export KUBECONFIG=").expect("a kubeconfig");
        let text = std::fs::read_to_string(file).expect("read");
        (served, yaml::parse(&text).expect("yaml").remove(0))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_lease_that_is_renewed_takes_no_keys_from_the_prompt() {
    let folder = tempfile::tempdir().expect("folder");
    let (_served, config) = Served::start(folder.path());
    let part = |list: &str, entry: &str, key: &str| {
        let found = config.items_at(list)[0].get(entry).and_then(|entry| entry.get(key)).and_then(Node::as_str);
        found.expect(key).to_owned()
    };
    let token = part("users", "user", "token");
    // Old by the time at which the lease is renewed.
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(20);
    let user = plugin(
        folder.path(),
        &format!(
            r#"case $KUBERNETES_EXEC_INFO in *'"interactive":false'*) touch '{0}/quiet' ;; *) [ $n = 1 ] || read -r word ;; esac
            issue '{{"token":"{token}","expirationTimestamp":"{soon}"}}'"#,
            folder.path().display()
        ),
    );
    let trust = format!("certificate-authority-data: {}", part("clusters", "cluster", "certificate-authority-data"));
    let mut session = prompt(folder.path(), &part("clusters", "cluster", "server"), &trust, &user, &["--write"]);
    let map = r#"#{apiVersion: "v1", kind: "ConfigMap", metadata: #{name: "a", namespace: "default"}}"#;
    type_line(&mut session, &format!(r#"kube.cluster("east").apply({map}); "made""#));
    session.exp_string("_1 = ").and_then(|_| session.exp_string("> ")).expect("it is made");
    session.send("100 + ").and_then(|_| session.flush()).expect("typed");
    let end = Instant::now() + Duration::from_secs(60);
    while runs(folder.path()) < 2 {
        assert!(Instant::now() < end, "the lease is not renewed");
        std::thread::sleep(Duration::from_millis(50));
    }
    std::thread::sleep(Duration::from_millis(500));
    type_line(&mut session, "23");
    session.exp_string("_2 = 123").expect("the sum");
    assert!(folder.path().join("quiet").exists(), "the plugin was told that it may ask");
}
