//! The arrows between modules point one way: `cli → repl → run → {script, primitives} → {engine, cluster, process, rehearsal}`,
//! and everything stands on `object`, `secret`, `clock` and `failure`. Read from the `use` lines and paths.

use std::fs;
use std::path::{Path, PathBuf};

const GROUND: &[&str] =
    &["object", "content", "output", "secret", "plain", "clock", "grant", "failure", "guardian", "here", "terminal"];

/// What each module may name, beside itself and the ground.
const ALLOWED: &[(&str, &[&str])] = &[
    ("failure", &[]),
    ("secret", &[]),
    ("clock", &[]),
    ("object", &[]),
    ("content", &[]),
    ("output", &[]),
    ("plain", &[]),
    ("here", &[]),
    ("guardian", &[]),
    ("terminal", &[]),
    ("grant", &[]),
    ("engine", &[]),
    ("cluster", &[]),
    ("process", &[]),
    ("rehearsal", &[]),
    ("recording", &["cluster", "process"]),
    ("script", &["engine"]),
    ("primitives", &["engine", "cluster", "process", "rehearsal"]),
    ("run", &["script", "primitives", "engine", "cluster", "process", "rehearsal", "recording"]),
    ("doc", &["script", "primitives", "engine"]),
    ("repl", &["doc", "run", "script", "primitives", "engine", "cluster", "process", "rehearsal"]),
    ("cli", &["repl", "doc", "run", "script", "primitives", "engine", "cluster", "process", "rehearsal"]),
];

/// Crates that only these modules may name.
const CRATES: &[(&str, &[&str])] = &[
    ("rhai", &["engine", "primitives", "script", "run", "repl"]),
    ("kube", &["cluster", "rehearsal", "recording", "run", "primitives"]),
    ("clap", &["cli"]),
    ("serde_yaml", &["object", "rehearsal"]),
    ("anyhow", &["cli"]),
    ("miette", &["engine"]),
    ("indicatif", &["run"]),
    ("rustyline", &["repl"]),
];

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("src is readable") {
        let path = entry.expect("entry").path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

/// The first module of a file below src, and its text without comments.
fn modules() -> Vec<(String, PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let named = files.into_iter().filter_map(|path| {
        let first = path.strip_prefix(&root).ok()?.components().next()?.as_os_str().to_str()?.to_owned();
        let module = first.trim_end_matches(".rs").to_owned();
        let text = fs::read_to_string(&path).ok()?;
        let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        (module != "lib" && module != "main").then(|| (module, path, code.join("\n")))
    });
    named.collect()
}

/// Every `crate::NAME` in a text.
fn named_modules(text: &str) -> Vec<String> {
    let tails = text.split("crate::").skip(1);
    let name = |tail: &str| tail.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    tails.map(name).filter(|name| !name.is_empty()).collect()
}

#[test]
fn arrows_between_modules_point_one_way() {
    let mut wrong = Vec::new();
    for (module, path, text) in modules() {
        let rule = ALLOWED.iter().find(|(name, _)| *name == module);
        let Some((_, allowed)) = rule else { panic!("{module} has no rule in tests/boundaries.rs") };
        assert!(!text.contains("crate::{"), "{}: one `use` for each module, so that it is seen here", path.display());
        for named in named_modules(&text) {
            let is_module = ALLOWED.iter().any(|(name, _)| *name == named);
            let fine = named == module || GROUND.contains(&named.as_str()) || allowed.contains(&named.as_str());
            if is_module && !fine {
                wrong.push(format!("{}: {module} → {named}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "arrows that point up:\n{}", wrong.join("\n"));
}

#[test]
fn crates_stay_where_they_belong() {
    let mut wrong = Vec::new();
    for (module, path, text) in modules() {
        for (name, allowed) in CRATES {
            let used = [format!("use {name}::"), format!(" {name}::"), format!("({name}::"), format!("<{name}::")];
            if !allowed.contains(&module.as_str()) && used.iter().any(|form| text.contains(form.as_str())) {
                wrong.push(format!("{}: {module} names {name}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "crates used outside their modules:\n{}", wrong.join("\n"));
}
