//! Completion as shells ask for it.

use std::path::Path;
use std::process::Command;

/// What a shell prints for a script, with the program in its path and a kubeconfig of two contexts.
fn shell(name: &str, args: &[&str], folder: &Path) -> Option<String> {
    let program = assert_cmd::cargo::cargo_bin("meshwright");
    let own = program.parent().expect("folder").to_owned();
    let path = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect::<Vec<_>>();
    let mut shell = Command::new(name);
    shell.args(args).current_dir(folder).env("HOME", folder).env("KUBECONFIG", folder.join("config"));
    shell.env("PATH", std::env::join_paths([own].into_iter().chain(path)).expect("PATH"));
    let output = shell.output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("folder");
    let config = "apiVersion: v1\nkind: Config\nclusters: [{name: c, cluster: {server: 'https://127.0.0.1:9'}}]\ncontexts: [{name: east, context: {cluster: c, user: u}}, {name: west, context: {cluster: c, user: u}}]\nusers: [{name: u, user: {}}]\n";
    std::fs::write(folder.path().join("config"), config).expect("written");
    std::fs::write(folder.path().join("shop.rhai"), "print(1);\n").expect("written");
    folder
}

/// What bash completes a line to.
fn bash(line: &str) -> Vec<String> {
    let script = format!(
        "source <(meshwright completions bash)\nCOMP_LINE='{line}'; COMP_POINT=${{#COMP_LINE}}; read -ra COMP_WORDS <<< \"$COMP_LINE\"\n\
         [[ $COMP_LINE == *' ' ]] && COMP_WORDS+=(''); COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ))\n_meshwright 2>/dev/null\nprintf '%s\\n' \"${{COMPREPLY[@]}}\""
    );
    let told = shell("bash", &["--norc", "-c", &script], folder().path()).expect("bash");
    told.lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_scripts_parameters_steps_contexts_and_files() {
    assert_eq!(bash("meshwright re"), ["rehearse", "resume", "repl"]);
    assert_eq!(bash("meshwright run shared-gateways --primary "), ["east", "west"]);
    assert_eq!(bash("meshwright run shared-gateways --primary east --remo"), ["--remote", "--remote-server"]);
    assert_eq!(bash("meshwright explain shared-gateways Pro"), ["Prove\\ the\\ path"]);
    assert_eq!(bash("meshwright fork shared-gateways mine --only std:istio/mes"), ["istio/mesh"]);
    // Where files alone fit, bash finds them itself.
    let with_files = ["shared-gateways", "shared-gateways/cleanup", "shared-gateways/verify", "shop.rhai"];
    assert_eq!(bash("meshwright check sh"), with_files);
}

#[test]
fn the_other_shells_can_read_what_they_are_given() {
    for (name, file) in [("zsh", "zsh.sh"), ("fish", "fish.fish")] {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli/completions").join(file);
        let read = Command::new(name).arg("-n").arg(script).output();
        // Not every machine has them.
        assert!(read.map_or(true, |read| read.status.success()), "{name}");
    }
    let folder = folder();
    let asked = |words: &[&str]| {
        let mut command = assert_cmd::Command::cargo_bin("meshwright").expect("the program");
        let output =
            command.args(["complete", "fish", "--"]).args(words).current_dir(folder.path()).output().expect("ran");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert_eq!(asked(&["explain", "shared-gateways", "\"Prove t"]).split('\t').next(), Some("Prove the path"));
    assert!(asked(&["check", ""]).ends_with(":files\n"));
}
