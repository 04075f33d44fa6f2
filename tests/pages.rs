//! Every command of README.md and docs/customize.md: run, and what it prints compared; those that need more than this
//! program are listed with the reason. (docs/tutorial.md is followed by `tutorial`.)

use regex::Regex;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

/// What a command finds in its folder.
#[derive(Clone, Copy)]
enum Given {
    Nothing,
    Fork,
    SmallFork,
    Images,
}

/// What is done with a command.
enum What {
    /// It is run, and ends with this code; this is among what it prints.
    Runs(Given, i32, &'static [&'static str]),
    /// It is not run here.
    Not(&'static str),
}

use Given::{Fork, Images, Nothing, SmallFork};
use What::{Not, Runs};

const CLUSTERS: &str = "changes real clusters; tests/lab does it there";
const TERMINAL: &str = "stays; tests/repl.rs or tests/testing.rs do it";

const COMMANDS: &[(&str, What)] = &[
    ("meshwright rehearse shared-gateways", Runs(Nothing, 0, &["✓ Prove the path", "cluster1: 51 created, 2 changed"])),
    ("meshwright rehearse shared-gateways --serve", Not("stays; tests/serve.rs does it")),
    (
        "meshwright rehearse shared-gateways/verify --dialect classic",
        Runs(Nothing, 0, &["First shared-gateways, without its output", "✓ Prove the path"]),
    ),
    ("meshwright run shared-gateways --primary east --remote west", Not(CLUSTERS)),
    ("meshwright run shared-gateways/verify --primary east --remote west", Not(CLUSTERS)),
    ("meshwright run shared-gateways/cleanup --primary east --remote west", Not(CLUSTERS)),
    ("meshwright run shared-gateways --help", Runs(Nothing, 0, &["--primary", "--remote", "--dialect"])),
    (
        "meshwright show shared-gateways",
        Runs(Nothing, 0, &["1. Check the clusters", "16. Prove the path", "ns istio-system"]),
    ),
    ("meshwright runs", Runs(Nothing, 0, &["No runs found."])),
    ("meshwright show-run last", Runs(Nothing, 4, &["there is no run `last`"])),
    ("meshwright resume last", Runs(Nothing, 4, &["there is no run `last`"])),
    ("meshwright undo last --dry-run", Runs(Nothing, 4, &["there is no run `last`"])),
    ("meshwright run ./images.rhai --cluster east", Not("needs a cluster; tests/primitives.rs runs the like")),
    ("meshwright rehearse ./images.rhai", Runs(Images, 0, &["✓ List the images"])),
    ("meshwright fork shared-gateways mine --only std:istio/sample", Runs(Nothing, 0, &["./mine"])),
    ("meshwright fork shared-gateways mine", Runs(Nothing, 0, &["./mine", "meshwright rehearse ./mine"])),
    ("meshwright fork status mine", Runs(Fork, 0, &["files as they came"])),
    ("meshwright fork diff mine", Runs(Fork, 0, &[])),
    ("meshwright fork merge mine", Runs(Fork, 0, &["There is nothing to take"])),
    ("meshwright test", Runs(Fork, 0, &["✓ mine/main_test: three clusters become one mesh", "passed in"])),
    ("meshwright doc header", Runs(Nothing, 0, &["The types of parameters", "cluster-scoped", "Guide: …"])),
    ("meshwright doc test", Runs(Nothing, 0, &["assert_eq(", "rehearse("])),
    ("meshwright run mine --record mine/run.jsonl", Not(CLUSTERS)),
    ("meshwright repl --rehearse", Not(TERMINAL)),
    ("meshwright check", Runs(Fork, 0, &["Nothing is wrong in"])),
    ("meshwright check -o json", Runs(Fork, 0, &["[]"])),
    ("meshwright check mine", Runs(Fork, 0, &["Nothing is wrong in"])),
    ("meshwright doc", Runs(Nothing, 0, &["kube.cluster", "wait.ready", "std:istio/networks"])),
    ("meshwright definitions", Runs(Nothing, 0, &["Rhai.toml", "definitions/meshwright.d.rhai"])),
    ("meshwright completions fish", Runs(Nothing, 0, &["complete -c meshwright"])),
    (
        "meshwright explain shared-gateways \"Prove the path\" --primary east --remote west",
        Runs(Nothing, 0, &["step 16 of 16", "--context=east"]),
    ),
    (
        "meshwright eval --rehearse 'kube.cluster(\"east\").list(\"namespaces\").map(|n| n.metadata.name)'",
        Runs(Nothing, 0, &["default", "kube-system"]),
    ),
    ("meshwright rehearse site", Not("needs certificates; tests/site.rs makes them and does it")),
    ("meshwright run site", Not(CLUSTERS)),
    ("meshwright fork shared-gateways site --only std:istio/sample", Runs(Nothing, 0, &["./site"])),
    ("meshwright check site", Not("tests/check.rs does it")),
    ("meshwright fork status site", Not("tests/fork.rs does it with another name")),
    ("meshwright run site --record site/run.jsonl", Not(CLUSTERS)),
];

const PAGES: [&str; 2] = ["README.md", "docs/customize.md"];

fn page(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).expect(name)
}

/// The commands of a page: on lines of their own, and between back-ticks. What explains one stands behind three spaces.
fn commands(page: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for line in page.lines() {
        let line = line.strip_prefix("    ").map(|line| line.strip_prefix("$ ").unwrap_or(line)).unwrap_or_default();
        if line.starts_with("meshwright ") {
            let ends = ["   ", "  what", "  #"].iter().filter_map(|end| line.find(end)).min().unwrap_or(line.len());
            found.insert(line[..ends].split_whitespace().collect::<Vec<_>>().join(" "));
        }
    }
    let quoted = Regex::new(r"`(meshwright [^`]+)`").expect("pattern");
    let joined = page.replace('\n', " ");
    found
        .extend(quoted.captures_iter(&joined).map(|quoted| quoted[1].split_whitespace().collect::<Vec<_>>().join(" ")));
    found
}

fn shell(folder: &Path, line: &str) -> (i32, String) {
    let program = assert_cmd::cargo::cargo_bin("meshwright");
    let own = program.parent().expect("folder").to_owned();
    let path = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect::<Vec<_>>();
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("exec 2>&1\n{line}")).current_dir(folder).stdin(Stdio::null());
    shell.env("PATH", std::env::join_paths([own].into_iter().chain(path)).expect("PATH")).env("HOME", folder);
    let shell = shell.env("NO_COLOR", "1").env("COLUMNS", "100").env_remove("KUBECONFIG").env_remove("XDG_STATE_HOME");
    let output = shell.output().expect("a shell");
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A folder as a command wants it.
fn folder(given: Given) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("folder");
    let made = match given {
        Nothing => return folder,
        Images => {
            let page = page("README.md");
            let (_, script) = page.split_once("    //! # Who runs what\n").expect("the script");
            let lines = script.lines().take_while(|line| line.is_empty() || line.starts_with("    "));
            let lines: Vec<&str> = lines.map(|line| line.strip_prefix("    ").unwrap_or_default()).collect();
            let text = format!("//! # Who runs what\n{}\n", lines.join("\n"));
            std::fs::write(folder.path().join("images.rhai"), text).expect("written");
            return folder;
        }
        Fork => shell(folder.path(), "meshwright fork shared-gateways mine"),
        SmallFork => shell(folder.path(), "meshwright fork shared-gateways mine --only std:istio/sample"),
    };
    assert_eq!(made.0, 0, "{}", made.1);
    folder
}

#[test]
fn every_command_of_the_pages_is_run_or_says_why_not() {
    let found: BTreeSet<String> = PAGES.iter().flat_map(|name| commands(&page(name))).collect();
    let known: BTreeSet<String> = COMMANDS.iter().map(|(command, _)| (*command).to_owned()).collect();
    assert_eq!(found, known, "the pages' commands, and those listed here");
    for (command, what) in COMMANDS {
        match what {
            Not(reason) => assert!(!reason.is_empty(), "{command}"),
            Runs(given, wanted, parts) => {
                let (code, printed) = shell(folder(*given).path(), command);
                assert_eq!(code, *wanted, "{command}:\n{printed}");
                for part in *parts {
                    assert!(printed.contains(part), "{command}: `{part}` is missing in:\n{printed}");
                }
            }
        }
    }
}

/// What README shows below a line, until the next one that is no part of it.
fn shown(after: &str) -> String {
    let page = page("README.md");
    let (_, rest) = page.split_once(&format!("    {after}\n")).expect(after);
    let lines =
        rest.lines().take_while(|line| line.is_empty() || line.starts_with("    ") && !line.starts_with("    $ "));
    lines
        .map(|line| format!("{}\n", line.strip_prefix("    ").unwrap_or_default()))
        .collect::<String>()
        .trim_end()
        .to_owned()
}

#[test]
fn what_the_readme_shows_is_what_is_printed() {
    let (_, printed) = shell(folder(Nothing).path(), "meshwright rehearse shared-gateways");
    // How long things take differs from machine to machine.
    let time = Regex::new(r" *\d+(\.\d+)?s\b").expect("pattern");
    let even = |text: &str| time.replace_all(text.trim_end(), " Ns").into_owned();
    assert_eq!(even(&shown("$ meshwright rehearse shared-gateways")), even(&printed));
    let small = folder(SmallFork);
    let (_, header) = shell(small.path(), "cat mine/main.rhai");
    assert_eq!(shown("$ cat mine/main.rhai"), header.trim_end());
    let typed = shown("$ meshwright repl --rehearse");
    let lines: Vec<&str> = typed.lines().filter_map(|line| Some(line.split_once("> ")?.1)).collect();
    assert!(lines.len() == 4, "{typed}");
    let here = folder(Nothing);
    std::fs::write(here.path().join("typed"), lines.join("\n")).expect("written");
    let (code, printed) = shell(here.path(), "meshwright repl --rehearse < typed");
    assert_eq!(code, 0, "{printed}");
    let told = typed.lines().find(|line| line.contains("files in ./mine")).expect("told");
    assert!(printed.contains(told) && printed.contains("istiod-"), "{printed}");
}

#[test]
fn the_mistake_that_the_readme_shows_is_told_like_that() {
    let fork = folder(Fork);
    let main = fork.path().join("mine/main.rhai");
    let text = std::fs::read_to_string(&main).expect("main");
    std::fs::write(&main, text + "params.primary.list(\"pods\", #{namspace: \"a\"});\n").expect("written");
    let (code, printed) = shell(fork.path(), "meshwright check mine");
    assert_eq!(code, 1, "{printed}");
    for line in shown("$ meshwright check mine").lines().filter(|line| !line.contains(['…', '╭'])) {
        assert!(printed.contains(line), "`{line}` is missing in:\n{printed}");
    }
}
