//! docs/tutorial.md, followed to the letter: every command is run, and what it prints is compared.
//!
//! In a ```console block, `$ ` begins a command, `> ` goes on with it, and what follows is what it prints on stdout and
//! stderr. `…` stands for anything in a line; on a line of its own, for any lines.

use std::path::Path;
use std::process::Command;

struct Step {
    line: usize,
    command: String,
    expected: Vec<String>,
}

/// The commands of a page, in order.
fn steps(page: &str) -> Vec<Step> {
    let (mut steps, mut inside): (Vec<Step>, bool) = (Vec::new(), false);
    for (line, text) in (1..).zip(page.lines()) {
        match text {
            "```console" => inside = true,
            "```" => inside = false,
            _ if !inside => {}
            _ => match (text.strip_prefix("$ "), text.strip_prefix("> "), steps.last_mut()) {
                (Some(command), ..) => steps.push(Step { line, command: command.to_owned(), expected: Vec::new() }),
                (None, Some(more), Some(step)) if step.expected.is_empty() => step.command += &format!("\n{more}"),
                (None, _, Some(step)) => step.expected.push(text.to_owned()),
                (None, _, None) => panic!("line {line}: output before any command"),
            },
        }
    }
    steps
}

/// Whether printed lines are as expected.
fn fits(expected: &[String], printed: &[&str]) -> bool {
    match (expected, printed) {
        ([], []) => true,
        ([any, rest @ ..], _) if any == "…" => (0..=printed.len()).any(|skip| fits(rest, &printed[skip..])),
        ([line, rest @ ..], [first, others @ ..]) => line_fits(line, first) && fits(rest, others),
        _ => false,
    }
}

fn line_fits(expected: &str, printed: &str) -> bool {
    let mut parts = expected.split('…');
    let Some(mut rest) = parts.next().and_then(|first| printed.strip_prefix(first)) else { return false };
    let parts: Vec<&str> = parts.collect();
    for part in &parts {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = if part.is_empty() { rest } else { after };
    }
    rest.is_empty() || parts.last().is_some_and(|part| part.is_empty())
}

#[test]
fn the_tutorial_holds() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/tutorial.md")).expect("the page");
    let steps = steps(&page);
    assert!(steps.len() > 10, "{} commands", steps.len());
    let folder = tempfile::tempdir().expect("folder");
    let program = assert_cmd::cargo::cargo_bin("meshwright");
    let path = std::env::join_paths(
        std::iter::once(program.parent().expect("folder").to_owned())
            .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())),
    );
    let path = path.expect("PATH");
    for step in steps {
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(format!("exec 2>&1\n{}", step.command)).current_dir(folder.path());
        shell
            .env("PATH", &path)
            .env("HOME", folder.path())
            .env("NO_COLOR", "1")
            .env("COLUMNS", "100")
            .env_remove("KUBECONFIG");
        let output = shell.output().expect("a shell");
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let lines: Vec<&str> = printed.lines().map(str::trim_end).collect();
        let is_as_said = fits(&step.expected, &lines);
        assert!(
            is_as_said,
            "docs/tutorial.md:{}: {}\nprinted:\n{printed}\nthe page says:\n{}",
            step.line,
            step.command,
            step.expected.join("\n")
        );
    }
}

#[test]
fn what_is_left_out_may_be_anything_and_the_rest_must_fit() {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let fits = |expected: &str, printed: &str| fits(&lines(expected), &printed.lines().collect::<Vec<_>>());
    assert!(
        fits("a\n…\nd", "a\nb\nc\nd") && fits("…", "") && fits("took …s, done", "took 3s, done") && fits("a …", "a b")
    );
    assert!(!fits("a\n…\nd", "a\nb\nc") && !fits("took …s", "took 3s, done") && !fits("a", "a b") && !fits("", "a"));
}
