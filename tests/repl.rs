//! The prompt in a terminal: whole sessions, compared with what the screen showed.

use rexpect::session::{PtySession, spawn_command};
use std::num::NonZero;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

fn size(cells: u16) -> NonZero<u16> {
    NonZero::new(cells).expect("a size")
}

/// One session in a terminal of 80 columns.
struct Terminal {
    session: PtySession,
    screen: vt100::Parser,
}

impl Terminal {
    fn start(home: &Path, args: &[&str]) -> Terminal {
        Terminal::of(home, "repl", args)
    }

    /// A command that opens a prompt.
    fn of(home: &Path, command: &str, args: &[&str]) -> Terminal {
        let name = command;
        let mut command = Command::new(env!("CARGO_BIN_EXE_meshwright"));
        command.arg(name).args(args).current_dir(home);
        for (name, value) in [
            ("HOME", home.as_os_str()),
            ("TERM", "xterm".as_ref()),
            ("NO_COLOR", "1".as_ref()),
            ("COLUMNS", "80".as_ref()),
        ] {
            command.env(name, value);
        }
        command.env_remove("KUBECONFIG").env_remove("XDG_STATE_HOME");
        let session = spawn_command(command, Some(30_000)).expect("started");
        let mut terminal = Terminal { session, screen: vt100::Parser::new(size(200), size(80), 0) };
        terminal.until("> ");
        terminal
    }

    /// Presses keys as they are.
    fn press(&mut self, keys: &str) -> &mut Terminal {
        self.session.send(keys).and_then(|_| self.session.flush()).expect("sent");
        self
    }

    /// Waits until a text is written.
    fn until(&mut self, text: &str) -> &mut Terminal {
        match self.session.exp_string(text) {
            Ok(before) => self.show(&format!("{before}{text}")),
            Err(error) => panic!("`{text}` did not come: {error}\n{}", self.shown()),
        }
        self
    }

    /// Puts on the screen what was written; each of its characters is one byte.
    fn show(&mut self, written: &str) {
        let bytes: Vec<u8> = written.chars().filter_map(|c| u8::try_from(u32::from(c)).ok()).collect();
        self.screen.process(&bytes);
    }

    /// Takes the line as it stands and waits for the next prompt.
    fn enter(&mut self) -> &mut Terminal {
        self.press("\r").until("\n").until("> ")
    }

    /// Types a line and waits for what it gives.
    fn line(&mut self, line: &str, gives: &str) -> &mut Terminal {
        // The editor repeats what is typed; the newline after it begins what the line gives.
        self.press(&format!("{line}\r")).until("\n").until(gives)
    }

    /// Leaves by Ctrl-D; what the screen showed from start to end.
    fn leave(mut self) -> String {
        self.press("\u{4}");
        let rest = self.session.exp_eof().expect("ends");
        self.show(&rest);
        self.shown()
    }

    fn shown(&self) -> String {
        let contents = self.screen.screen().contents();
        let lines: Vec<&str> = contents.lines().map(str::trim_end).collect();
        lines.join("\n").trim_end().to_owned()
    }
}

#[test]
fn a_newcomer_looks_around() {
    let home = tempfile::tempdir().expect("folder");
    let mut terminal = Terminal::start(home.path(), &["--rehearse"]);
    terminal.line("let east = kube.cluster(\"east\")", "> ");
    terminal.line("east.list(\"namespaces\")", "kube-system");
    terminal.line("let total = [1,\r  2, 3].len(); total + 1", "_2 = 4");
    terminal.line("kube.clustr(\"east\")", "did you mean");
    terminal.line("east.delete(\"Namespace\", \"default\")", ":write");
    terminal.line("kube.cluster?", "Cluster");
    terminal.line(":clustres", "did you mean");
    // The objects get older while the test types.
    let age = regex::Regex::new(r"Active  \d+s").expect("pattern");
    insta::assert_snapshot!(age.replace_all(&terminal.leave(), "Active  0s"));
}

#[test]
fn a_pasted_function_is_one_input() {
    let home = tempfile::tempdir().expect("folder");
    let mut terminal = Terminal::start(home.path(), &["--rehearse"]);
    terminal.press("\u{1b}[200~fn twice(n) {\n    n * 2\n}\u{1b}[201~").until("}").enter();
    terminal.line("twice(21)", "_1 = 42");
    terminal.line("tw\t4)", "_2 = 8");
    insta::assert_snapshot!(terminal.leave());
}

#[test]
fn what_is_typed_ahead_or_pasted_without_brackets_is_not_lost() {
    let home = tempfile::tempdir().expect("folder");
    let mut terminal = Terminal::start(home.path(), &["--rehearse"]);
    terminal.press("// a comment\rfn twice(n) {\r    n * 2\r}\rtwice(20)\r_1 + 2\r").until("_2 = 42").until("> ");
    terminal.leave();
}

#[test]
fn an_interrupt_keeps_the_session() {
    let home = tempfile::tempdir().expect("folder");
    let mut terminal = Terminal::start(home.path(), &["--rehearse"]);
    terminal.line("let x = 41;", "> ");
    terminal.press("wait.until(|| false, #{timeout: \"100000h\"})\r").until("\n");
    std::thread::sleep(std::time::Duration::from_millis(300));
    terminal.press("\u{3}").until("\ninterrupted").until("> ");
    terminal.press("unfinished\u{3}").until("> ");
    terminal.line("x + 1", "_1 = 42");
    terminal.leave();
}

#[test]
fn the_history_lasts_and_keeps_no_secrets() {
    let home = tempfile::tempdir().expect("folder");
    let mut terminal = Terminal::start(home.path(), &["--rehearse"]);
    terminal.line("let marker = 12345;", "> ").line("let other = 1;", "> ").line("secret.reveal(\"x\")", "> ");
    terminal.leave();
    let file = home.path().join(".local/state/meshwright/history");
    assert_eq!(file.metadata().expect("kept").permissions().mode() & 0o777, 0o600);
    let kept = std::fs::read_to_string(&file).expect("readable");
    assert!(kept.contains("let marker") && !kept.contains("reveal"), "{kept}");
    let mut terminal = Terminal::start(home.path(), &["--rehearse"]);
    terminal.press("let m\u{1b}[A").until("12345").enter();
    terminal.press("\u{12}other").until("let other = 1").enter();
    terminal.line("marker + other", "_1 = 12346");
    terminal.leave();
}

#[test]
fn completion_does_not_write_over_the_line_when_a_cluster_is_away() {
    let home = tempfile::tempdir().expect("folder");
    let away = "{apiVersion: v1, kind: Config, clusters: [{name: c, cluster: {server: \"https://127.0.0.1:1\"}}], users: [{name: u, user: {token: abc}}], contexts: [{name: away, context: {cluster: c, user: u}}]}";
    let file = home.path().join("config");
    std::fs::write(&file, away).expect("written");
    let mut terminal = Terminal::start(home.path(), &["--kubeconfig", &file.to_string_lossy()]);
    terminal.line("let away = kube.cluster(\"away\")", "> ");
    terminal.press("away.list(\"po\t\tds\", #{limit: 3}).len(); 1 + 1").until("1 + 1");
    let shown = terminal.shown();
    assert!(!shown.contains("refused"), "{shown}");
    terminal.press("\u{3}").until("> ");
    // What is not known is not denied.
    terminal.line("kube.explain(\"deploy.spec\")", "cannot talk to").until("> ");
    terminal.leave();
}

#[test]
fn lines_may_come_from_a_pipe() {
    let home = tempfile::tempdir().expect("folder");
    let mut command = assert_cmd::Command::cargo_bin("meshwright").expect("the program");
    command.args(["repl", "--rehearse"]).env("HOME", home.path()).env("NO_COLOR", "1").current_dir(home.path());
    let output = command.write_stdin("1 + 1\nlet l = [1,\n2]; l.len()\nnothing_there\n").output().expect("started");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "_1 = 2\n_2 = 2\n");
    assert_eq!(output.status.code(), Some(4), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn nothing_that_comes_from_a_pipe_is_dropped() {
    let home = tempfile::tempdir().expect("folder");
    let mut command = assert_cmd::Command::cargo_bin("meshwright").expect("the program");
    command.args(["repl", "--rehearse"]).env("HOME", home.path()).env("NO_COLOR", "1").current_dir(home.path());
    let output = command.write_stdin("[\"/tmp/*\"].len()\n2 /* two\n*/ + 2\nlet l = [1,\n2").output().expect("started");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "_1 = 1\n_2 = 4\n");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("let l = [1,") && output.status.code() == Some(4), "{:?} {told}", output.status);
}

#[test]
fn a_script_opens_on_the_clusters_that_it_names() {
    let home = tempfile::tempdir().expect("folder");
    let mut command = assert_cmd::Command::cargo_bin("meshwright").expect("the program");
    let site = concat!(env!("CARGO_MANIFEST_DIR"), "/docs");
    let command = command.args(["repl", "./site", "--rehearse"]).env("HOME", home.path()).env("NO_COLOR", "1");
    let output = command.current_dir(site).write_stdin("kube.contexts()\n").output().expect("ended");
    let out = String::from_utf8_lossy(&output.stdout);
    for name in ["hub", "edge1", "edge2"] {
        assert!(out.contains(name), "`{name}` is missing in:\n{out}{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// A script with a step that fails until what it looks for is there.
const FAILING: &str = r#"//! # Settings
//! ---
//! params: {primary: {type: cluster, help: "the first"}}
//! needs: {write: [default]}
//! ---
let namespace = "default";
fn named(name) { #{apiVersion: "v1", kind: "ConfigMap", metadata: #{name: name}} }
step "First" { params.primary.apply(named("first"), #{namespace: namespace}); }
let seen = step "Look" on params.primary {
    let wanted = "second";
    let found = params.primary.list("cm", #{namespace: namespace}).map(|map| map.metadata.name);
    if !(wanted in found) { fail(`${wanted} is not there`); }
    found
};
step "Break" { const LIMIT = 3; fail("always") }
step "Last" { print(`the last step: ${seen}`); }
"#;

#[test]
fn a_run_pauses_in_the_step_that_failed() {
    let home = tempfile::tempdir().expect("folder");
    std::fs::write(home.path().join("settings.rhai"), FAILING).expect("written");
    let args = ["./settings.rhai", "--primary", "east", "--pause-on-failure"];
    let mut terminal = Terminal::of(home.path(), "rehearse", &args);
    assert!(terminal.shown().contains("In the step: wanted, found."), "{}", terminal.shown());
    // To look: what the step declared, what it has changed, what stands around it.
    terminal.line("wanted + found.len() + namespace", "second2default").until("write> ");
    terminal.line("_error.message", "second is not there").until("write> ");
    // To try it again, as it is and when what it wants is there.
    terminal.line(":next", "second is not there").until("write> ");
    terminal.line("params.primary.apply(named(wanted), #{namespace: namespace}).created", "= 1").until("write> ");
    terminal.line(":next", "Look   ").until("write> ");
    terminal.line("wanted", "no variable `wanted`").until("write> ");
    terminal.line("seen.len()", "= 3").until("write> ");
    // The next one fails for good: it is passed over, and the script goes on.
    terminal.line(":next", "always").until("write> ");
    terminal.line("LIMIT", "= 3").until("write> ");
    terminal.line(":skip", "skipped `Break`").until("write> ");
    terminal.line("LIMIT", "no variable `LIMIT`").until("write> ");
    terminal.line(":save done.rhai", "wrote done.rhai").until("write> ");
    terminal.line(":run", "the last step: [").until("write> ");
    let shown = terminal.leave();
    assert!(shown.contains("Done"), "{shown}");
    let saved = std::fs::read_to_string(home.path().join("done.rhai")).expect("saved");
    assert!(saved.contains("named(wanted)") && saved.contains("step \"Look\"") && !saved.contains("Break"), "{saved}");
}

/// A step that fails inside a loop, and one after which the run is to stop.
const LOOPING: &str = r#"//! # Squares
step "Square" {
    let limit = 3;
    for number in 0..limit {
        let square = number * number;
        [square].for_each(|given| if this == 4 { fail("too large") });
    }
}
step "Rest" { print("rested") }
step "Never" { print("never") }
"#;

#[test]
fn a_paused_run_tells_what_it_has_lost_and_ends_where_it_was_to_stop() {
    let home = tempfile::tempdir().expect("folder");
    std::fs::write(home.path().join("squares.rhai"), LOOPING).expect("written");
    let args = ["./squares.rhai", "--pause-on-failure", "--stop-after", "Rest"];
    let mut terminal = Terminal::of(home.path(), "rehearse", &args);
    let shown = terminal.shown();
    assert!(shown.contains("In the step: limit."), "{shown}");
    assert!(shown.contains("stood in: number,") && shown.contains("square, given."), "{shown}");
    terminal.line(":next", "stood in: number").until("write> ");
    terminal.line(":skip", "skipped `Square`").until("write> ");
    terminal.line(":run", "stopped after the step `Rest`, as asked; Ctrl-D ends the run").until("write> ");
    let shown = terminal.leave();
    assert!(shown.contains("rested") && shown.contains("Stopped after the step `Rest`, as asked."), "{shown}");
    assert!(!shown.contains("× stopped") && !shown.contains("never") && !shown.contains("resume"), "{shown}");
}

/// Lines from a pipe at a prompt in this folder, with an editor that carries out a shell line.
fn edited(folder: &Path, edit: &str, lines: &str) -> String {
    let editor = folder.join("editor");
    std::fs::write(&editor, format!("#!/bin/sh\n{edit}\n")).expect("written");
    std::fs::set_permissions(&editor, std::fs::Permissions::from_mode(0o755)).expect("executable");
    let mut command = assert_cmd::Command::cargo_bin("meshwright").expect("the program");
    command.args(["repl", "--rehearse", "--write"]).env("HOME", folder).env("NO_COLOR", "1").current_dir(folder);
    let output = command.env("EDITOR", &editor).env_remove("VISUAL").write_stdin(lines).output().expect("ended");
    [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat()
}

#[test]
fn the_steps_of_a_small_fork_are_edited_at_the_prompt() {
    let home = tempfile::tempdir().expect("folder");
    let mut fork = assert_cmd::Command::cargo_bin("meshwright").expect("the program");
    let fork = fork.args(["fork", "shared-gateways", "mine", "--only", "step:Check the clusters"]);
    fork.current_dir(home.path()).env("HOME", home.path()).assert().success();
    let step = "./mine/steps/check-the-clusters.rhai";
    for (named, edit) in [(step, "steps"), ("steps/check-the-clusters.rhai", "steps")] {
        let lines = format!(":load ./mine\n:next\n:steps\n:edit {named}\n:steps\n:run 1\n:steps\n");
        let shell = "echo \"// $1 \" | sed 's|.*/mine|// mine|' >> \"$1\"";
        let shown = edited(home.path(), shell, &lines);
        let marks: Vec<&str> = shown.lines().filter(|line| line.contains(" 1. Check the clusters")).collect();
        assert_eq!(
            marks,
            ["✓  1. Check the clusters", "~  1. Check the clusters", "✓  1. Check the clusters"],
            "{shown}"
        );
        assert!(shown.contains("`Check the clusters` has changed since it ran"), "{shown}");
        let text = std::fs::read_to_string(home.path().join(step)).expect("step");
        assert!(text.contains(&format!("// mine/{edit}")), "{text}");
    }
    let shown = edited(
        home.path(),
        "sed -i 's|^//! origin|//! params: {calls: {default: 7}}\\n&|' \"$1\"",
        ":load ./mine\n:edit\n",
    );
    assert!(shown.contains("reloaded"), "{shown}");
    let header = std::fs::read_to_string(home.path().join("mine/main.rhai")).expect("header");
    assert!(header.contains("default: 7"), "without a file, what the fork says of its origin is edited: {header}");
}

#[test]
fn what_a_cluster_that_never_answers_could_offer_does_not_hold_the_line() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = silent.local_addr().expect("address").port();
    let home = tempfile::tempdir().expect("folder");
    let away = format!(
        "{{apiVersion: v1, kind: Config, clusters: [{{name: c, cluster: {{server: \"https://127.0.0.1:{port}\"}}}}], users: [{{name: u, user: {{token: abc}}}}], contexts: [{{name: away, context: {{cluster: c, user: u}}}}]}}"
    );
    let file = home.path().join("config");
    std::fs::write(&file, away).expect("written");
    let mut terminal = Terminal::start(home.path(), &["--kubeconfig", &file.to_string_lossy()]);
    terminal.line("let away = kube.cluster(\"away\")", "> ");
    // What is typed behind Tab is taken while the connection still waits for its answer.
    terminal.press("away.get(\"pods\", \"\t\t").press("web\").len(); 1 + 1").until("1 + 1");
    silent.set_nonblocking(true).expect("non-blocking");
    let (mut asked, _) = silent.accept().expect("the cluster was asked, and has not answered");
    let mut hello = [0; 1];
    std::io::Read::read_exact(&mut asked, &mut hello).expect("a greeting to the cluster");
    terminal.press("\u{3}").until("> ");
    terminal.line("1 + 1", "= 2");
    terminal.leave();
}
