//! The question before a run, in terminals.

use crate::stage::Stage;
use rexpect::session::{PtySession, spawn_command};

/// A shell in a terminal of this width that runs the script of the stage.
fn session(stage: &Stage, columns: usize, how: &str) -> PtySession {
    let mut command = std::process::Command::new("sh");
    let run = format!(
        "stty rows 24 cols {columns}; {} run ./make.rhai --cluster east {how}",
        env!("CARGO_BIN_EXE_meshwright")
    );
    let home = stage.home.path();
    command.args(["-c", &run]).env("HOME", home).env("KUBECONFIG", home.join("config")).env("NO_COLOR", "1");
    command.env("TERM", "xterm").env_remove("XDG_STATE_HOME").env_remove("XDG_DATA_HOME").current_dir(home);
    spawn_command(command, Some(30_000)).expect("started")
}

#[test]
fn whoever_looks_through_a_pipe_is_asked_all_the_same() {
    for (answer, made) in [("n", false), ("y", true)] {
        let stage = Stage::new();
        let mut session = session(&stage, 80, "2>&1 | cat");
        let shown = session.exp_string("Go on? [y/N] ").expect("asked");
        assert!(shown.contains("This run may") && shown.contains("write in shop"), "{shown}");
        assert!(stage.map("new").is_none(), "before the answer");
        session.send_line(answer).expect("answered");
        session.exp_eof().expect("ended");
        assert_eq!(stage.map("new").is_some(), made);
    }
}

#[test]
fn what_a_run_may_is_broken_between_words_at_the_terminal_s_width() {
    let stage = Stage::new();
    let long = "write: [shop, a-rather-long-namespace, another-long-namespace, yet-another-namespace, cluster-scoped]";
    let script = crate::stage::SCRIPT.replace("write: [shop]", long);
    std::fs::write(stage.home.path().join("make.rhai"), script).expect("written");
    for columns in [80, 40] {
        let mut session = session(&stage, columns, "");
        let shown = session.exp_string("Go on? [y/N] ").expect("asked");
        // Rows are filled up with blanks to the edge.
        let rows = shown.lines().flat_map(|line| line.as_bytes().chunks(columns).collect::<Vec<_>>());
        let lines: Vec<String> = rows.map(|row| String::from_utf8_lossy(row).trim_end().to_owned()).collect();
        let at = lines.iter().position(|line| line.contains("write in shop")).expect("the right");
        assert!(lines[at + 1].starts_with("    "), "{columns}: {lines:#?}");
        let words: Vec<&str> = lines.iter().flat_map(|line| line.split_whitespace()).collect();
        for word in
            ["a-rather-long-namespace,", "another-long-namespace,", "yet-another-namespace,", "outside", "namespaces"]
        {
            assert!(words.contains(&word), "{columns}: `{word}` is broken: {lines:#?}");
        }
        session.send_line("n").expect("answered");
        session.exp_eof().expect("ended");
    }
}
