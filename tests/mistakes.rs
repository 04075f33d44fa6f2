//! What people type wrong, and the whole of what they see: to be read aloud.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A copy of the guide that somebody has changed, in a folder of its own.
struct Fork(tempfile::TempDir);

impl Fork {
    fn new() -> Fork {
        let folder = tempfile::tempdir().expect("folder");
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        copy(&root.join("scripts/shared-gateways"), folder.path());
        copy(&root.join("stdlib/istio"), &folder.path().join("stdlib/istio"));
        Fork(folder)
    }

    /// The file with one text replaced by another.
    fn with(self, file: &str, good: &str, bad: &str) -> Fork {
        let path = self.0.path().join(file);
        let text = std::fs::read_to_string(&path).expect("readable");
        assert!(text.contains(good), "{file} has no `{good}`");
        std::fs::write(&path, text.replacen(good, bad, 1)).expect("written");
        self
    }

    fn without(self, file: &str) -> Fork {
        std::fs::remove_file(self.0.path().join(file)).expect("removed");
        self
    }

    /// The whole screen of a command in the fork's folder.
    fn screen(&self, args: &[&str]) -> String {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin("meshwright"));
        command.args(args).current_dir(self.0.path()).stdin(Stdio::null()).env_clear();
        command.env("HOME", self.0.path()).env("NO_COLOR", "1").env("COLUMNS", "100");
        let output = command.output().expect("started");
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).replace(&*self.0.path().to_string_lossy(), "FOLDER");
        let words: Vec<String> =
            args.iter().map(|word| if word.contains(' ') { format!("'{word}'") } else { (*word).into() }).collect();
        let code = output.status.code().unwrap_or(-1);
        format!("$ meshwright {}\n{}\nexit {code}\n", words.join(" "), said.trim_end())
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("made");
    for entry in std::fs::read_dir(from).expect("readable") {
        let path: PathBuf = entry.expect("entry").path();
        let target = to.join(path.file_name().expect("name"));
        if path.is_dir() { copy(&path, &target) } else { std::fs::copy(&path, &target).map(drop).expect("copied") }
    }
}

/// What is wrong, the file, what stood there, what stands there now.
const BROKEN: [(&str, &str, &str, &str); 16] = [
    ("a misspelled import", "main.rhai", "std:istio/preflight", "std:istio/preflght"),
    ("a wrong key in the header", "main.rhai", "//! params:", "//! parms:"),
    ("a wrong type of a parameter", "main.rhai", "calls: {type: int", "calls: {type: integr"),
    ("a right that does not exist", "main.rhai", "//!   exec: [istioctl]", "//!   execute: [istioctl]"),
    ("YAML that is none in the header", "main.rhai", "default: 40, min:", "default: [40, min:"),
    ("a brace that is not closed", "main.rhai", "    preflight::check(mesh);\n}", "    preflight::check(mesh);\n"),
    ("a misspelled primitive", "stdlib/istio/gateway.rhai", ".apply(", ".aply("),
    ("a misspelled option", "stdlib/istio/control_plane.rhai", "timeout:", "time_out:"),
    (
        "an argument of a wrong type",
        "stdlib/istio/preflight.rhai",
        "can(\"create\", \"namespaces\")",
        "can(\"create\", 5)",
    ),
    ("a step without a name", "main.rhai", "step \"Check the clusters\" {", "step {"),
    ("a misspelled word of the language", "main.rhai", "step \"Check the clusters\" {", "stp \"Check the clusters\" {"),
    ("a field that a manifest does not have", "stdlib/istio/registry.rhai", "labels: #{", "lables: #{"),
    ("a parameter that is not declared", "main.rhai", "if params.sample {", "if params.samples {"),
    ("a function that a module does not have", "main.rhai", "authority::root(mesh)", "authority::rot(mesh)"),
    ("a function with too many arguments", "main.rhai", "authority::root(mesh)", "authority::root(mesh, 1)"),
    (
        "a statement without its end",
        "main.rhai",
        "let mesh = mesh_of::from(params);",
        "let mesh = mesh_of::from(params)",
    ),
];

#[test]
fn a_fork_that_is_broken_says_where_and_what_was_meant() {
    let broken = |(what, file, good, bad): &(&str, &str, &str, &str)| {
        format!("# {what}\n{}", Fork::new().with(file, good, bad).screen(&["rehearse", "./main.rhai", "--quiet"]))
    };
    let mut screens: Vec<String> = BROKEN.iter().map(broken).collect();
    let missing = Fork::new().without("rehearsal/curl.rhai").screen(&["rehearse", "./main.rhai", "--quiet"]);
    screens.push(format!("# a file that is missing\n{missing}"));
    let fork = Fork::new().with("rehearsal.rhai", "fn exec(", "fn exc(");
    screens.push(format!(
        "# a rehearsal without one of its functions\n{}",
        fork.screen(&["rehearse", "./main.rhai", "--quiet"])
    ));
    insta::assert_snapshot!("a_broken_fork", screens.join("\n"));
}

/// Command lines that are typed wrong.
const TYPED: [&[&str]; 29] = [
    &["rehears", "shared-gateways"],
    &["run"],
    &["run", "shared-gatways"],
    &["run", "shared-gateways"],
    &["run", "--primary", "east", "shared-gateways"],
    &["run", "shared-gateways", "--primary", "east", "--remote", "east"],
    &[
        "run",
        "shared-gateways",
        "--primary=east",
        "--remotes",
        "west",
        "--timeout",
        "soon",
        "--calls",
        "many",
        "--dialect",
        "clasic",
    ],
    &["rehearse", "shared-gateways", "verify"],
    &["rehearse", "./main.rahi"],
    &["rehearse", "shared-gateways", "--stop-after", "Check the clutsers"],
    &["show", "shared-gateway"],
    &["list", "-o", "xml"],
    &["resume", "nosuchrun"],
    &["eval", "--rehearse", "kube.cluster(\"east\").list(\"podds\")"],
    &["eval", "--rehearse", "kube.cluster(\"eest\")"],
    &["eval", "--rehearse", "if true { 1"],
    &["eval", "--rehearse", "kubectl get po -A"],
    &["eval", "--rehearse", "kube.get pods"],
    &["eval", "--rehearse", "let x = None"],
    &["eval", "--rehearse", "count = 5"],
    &["eval", "--rehearse", "print \"x\""],
    &["eval", "--rehearse", "let m = {a: 1}"],
    &["eval", "--rehearse", "kube.cluster(\"east\").list(\"pods\", namespace: \"x\")"],
    &["eval", "--rehearse", "kube.cluster(east)"],
    &["eval", "--rehearse", "let a = true; if a and a { 1 }"],
    &["eval", "--rehearse", "[1, 2].append(3)"],
    &["eval", "--rehearse", "import std:istio/mesh as m; 1"],
    &["eval", "--rehearse", "switch 1 { case 1 => 2, _ => 3 }"],
    &["eval", "--rehearse", "import \"bundle:shared-gateways/rehersal/mesh\" as m; 1"],
];

#[test]
fn a_wrong_command_line_says_what_was_meant() {
    let fork = Fork::new();
    let screens: Vec<String> = TYPED.iter().map(|args| fork.screen(args)).collect();
    insta::assert_snapshot!("a_wrong_command_line", screens.join("\n"));
}
