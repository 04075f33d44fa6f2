//! `check`: everything shipped is right, and forty mistakes are told.

use assert_cmd::Command;
use meshwright::engine::Callables;
use meshwright::primitives::{MODEL, TABLES, TEST_TABLES};
use meshwright::script::check::{Subject, Vocabulary, check, check_all};
use meshwright::script::{Resolver, Script, library, library_names};
use std::fmt::Write as _;
use std::path::Path;

fn words() -> Vocabulary {
    Vocabulary { scripts: Callables::of(TABLES), tests: Callables::of(TEST_TABLES), rehearsals: Callables::of(MODEL) }
}

fn meshwright(folder: &Path, args: &[&str]) -> (i32, String, String) {
    let mut command = Command::cargo_bin("meshwright").expect("the program");
    command.args(args).env("HOME", folder).env("NO_COLOR", "1").current_dir(folder);
    let output = command.output().expect("started");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

#[test]
fn nothing_shipped_is_found_wrong() {
    let nowhere = Path::new("/nowhere");
    let (words, mut files) = (words(), 0);
    let mut wrong = Vec::new();
    for script in Script::all() {
        for checked in check_all(&script.name, nowhere, &words).expect(&script.name) {
            files += 1;
            wrong.extend(checked.found);
        }
    }
    let resolver = Resolver::for_script(&Script::all().remove(0), nowhere);
    for name in library_names() {
        let (source, text) = (format!("std:{name}"), library(&name).expect("module"));
        wrong.extend(check(
            &Subject { source: &source, text, is_module: true, around: None },
            &words.scripts,
            &resolver,
        ));
        files += 1;
    }
    let told: Vec<_> =
        wrong.iter().map(|failure| format!("{:?} {} {:?}", failure.places, failure.message, failure.hint)).collect();
    assert!(told.is_empty() && files > 20, "{files} files:\n{}", told.join("\n"));
}

#[test]
fn a_file_of_a_script_is_read_at_its_place() {
    let folder = tempfile::tempdir().expect("folder");
    let here = folder.path();
    let (code, _, said) = meshwright(here, &["fork", "shared-gateways", "full"]);
    assert_eq!(code, 0, "{said}");
    let (code, _, said) = meshwright(here, &["fork", "shared-gateways", "small", "--only", "step:Prove the path"]);
    assert_eq!(code, 0, "{said}");
    let steps = std::fs::read_dir(here.join("small/steps")).expect("steps");
    let step = steps.map(|step| step.expect("step").path()).find(|path| path.is_file()).expect("a step");
    let step = step.strip_prefix(here).expect("below").to_string_lossy().into_owned();
    for file in [step.as_str(), "full/rehearsal/mesh.rhai"] {
        let checked = check_all(file, here, &words()).expect(file);
        let found: Vec<_> = checked.iter().flat_map(|file| &file.found).collect();
        assert!(checked.len() == 1 && found.is_empty(), "{file}: {found:?}");
    }
    std::fs::write(here.join("full/odd.rhai"), b"let a = 1;\nlet b = \"\xff\";\n").expect("written");
    for name in ["full", "full/odd.rhai"] {
        let checked = check_all(name, here, &words()).expect(name);
        let found: Vec<_> = checked.iter().flat_map(|file| &file.found).collect();
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].message.contains("UTF-8") && found[0].places[0].line == 2, "{found:?}");
    }
}

#[test]
fn the_tests_of_the_library_are_found_right() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let checked = check_all("./stdlib", root, &words()).expect("modules");
    let tests = checked.iter().filter(|file| file.source.ends_with("_test.rhai")).count();
    let found: Vec<_> = checked.iter().flat_map(|file| &file.found).collect();
    assert!(tests > 5 && found.is_empty(), "{tests} files of tests: {found:?}");
}

#[test]
fn the_scripts_of_other_tests_are_found_right() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for checked in check_all("./tests/data/waits", root, &words()).expect("scripts") {
        // Some of them have a cluster only so that the rehearsal has one.
        let found: Vec<_> = checked.found.iter().filter(|failure| !failure.message.ends_with("is not used")).collect();
        assert!(found.is_empty(), "{found:?}");
    }
}

/// The scripts among the indented blocks of a page: those that begin with a title, a step or a test.
fn snippets(page: &str) -> Vec<String> {
    let mut blocks: Vec<Vec<&str>> = vec![Vec::new()];
    for line in page.lines() {
        match (line.strip_prefix("    "), blocks.last_mut()) {
            (Some(code), Some(block)) => block.push(code),
            (None, Some(block)) if line.is_empty() && !block.is_empty() => block.push(""),
            _ => blocks.push(Vec::new()),
        }
    }
    let is_script = |block: &Vec<&str>| {
        block.first().is_some_and(|first| ["//! # ", "step \"", "test \""].iter().any(|start| first.starts_with(start)))
    };
    blocks.into_iter().filter(is_script).map(|block| block.join("\n")).collect()
}

#[test]
fn no_script_of_the_docs_is_found_wrong() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (words, resolver, mut count) = (words(), Resolver::for_folder(Path::new("/nowhere")), 0);
    let pages = ["README.md", "docs/customize.md", "docs/reliability.md", "docs/tutorial.md"];
    for page in pages {
        for text in snippets(&std::fs::read_to_string(root.join(page)).expect(page)) {
            count += 1;
            let known = if text.contains("test \"") { &words.tests } else { &words.scripts };
            let found = check(&Subject { source: page, text: &text, is_module: true, around: None }, known, &resolver);
            assert!(found.is_empty(), "{page}: {found:?}\n{text}");
        }
    }
    assert!(count >= 3, "{count} scripts");
    for checked in check_all("./docs/site", root, &words).expect("the site") {
        assert!(checked.found.is_empty(), "{:?}", checked.found);
    }
}

#[test]
fn a_name_in_one_test_says_nothing_of_another() {
    let folder = tempfile::tempdir().expect("folder");
    let tests = "test \"a\" { let text = kube.cluster(\"east\"); print(text.name); }\ntest \"b\" { let log = 1; print(text.yaml(#{a: log})); }\n";
    std::fs::write(folder.path().join("it_test.rhai"), tests).expect("written");
    let (code, out, err) = meshwright(folder.path(), &["check", "."]);
    assert_eq!((code, out.as_str()), (0, ""), "{err}");
}

#[test]
fn no_example_of_a_primitive_is_found_wrong() {
    let resolver = Resolver::for_folder(Path::new("/nowhere"));
    let words = words();
    let examples = TABLES.iter().flat_map(|table| table.iter()).map(|primitive| (primitive.label(), primitive.example));
    for (label, text) in examples {
        let found = check(&Subject { source: &label, text, is_module: true, around: None }, &words.scripts, &resolver);
        assert!(found.is_empty(), "{label}: {found:?}");
    }
}

#[test]
fn forty_mistakes_are_told() {
    let snippets = include_str!("data/check/snippets.rhai");
    let resolver = Resolver::for_folder(Path::new("/nowhere"));
    let words = words();
    let mut told = String::new();
    for snippet in snippets.split("//# ").skip(1) {
        let (name, text) = snippet.split_once('\n').expect("a title");
        let _ = writeln!(told, "{name}");
        let found =
            check(&Subject { source: "main.rhai", text, is_module: false, around: None }, &words.scripts, &resolver);
        assert!(!found.is_empty(), "`{name}` is not told");
        for failure in found {
            let place = failure.places.first().map(|place| (place.line, place.column)).unwrap_or_default();
            let _ = writeln!(told, "  {}:{} {}", place.0, place.1, failure.message);
            let _ = failure.hint.iter().try_for_each(|hint| writeln!(told, "      {hint}"));
        }
    }
    insta::assert_snapshot!(told);
}

#[test]
fn exit_codes_and_output_are_those_of_a_checker() {
    let folder = tempfile::tempdir().expect("folder");
    let at = folder.path();
    std::fs::write(at.join("fine.rhai"), "print(kube.contexts());\n").expect("written");
    std::fs::write(at.join("wrong.rhai"), "let a = 1;\nprint(kube.contxts());\n").expect("written");
    let (code, out, err) = meshwright(at, &["check", "fine.rhai"]);
    assert_eq!((code, out.as_str(), err.as_str()), (0, "", "Nothing is wrong in 1 file.\n"));
    let (code, out, err) = meshwright(at, &["check", "./wrong.rhai"]);
    assert_eq!((code, err.as_str()), (1, "1 problem in 1 file.\n"));
    for part in ["./wrong.rhai:2:12", "print(kube.contxts());", "did you mean `contexts`?"] {
        assert!(out.contains(part), "`{part}` is missing in:\n{out}");
    }
    let (code, out, err) = meshwright(at, &["check", "-o", "json"]);
    let rows: serde_json::Value = serde_json::from_str(&out).expect("json");
    assert_eq!((code, err.as_str()), (1, "1 problem in 2 files.\n"));
    assert_eq!(
        (&rows[0]["file"], &rows[0]["line"], &rows[0]["column"]),
        (&"./wrong.rhai".into(), &2.into(), &12.into())
    );
    std::fs::write(at.join("uses.rhai"), "import \"./wrong\" as wrong;\nwrong::f();\n").expect("written");
    let (code, out, err) = meshwright(at, &["check", "uses.rhai"]);
    assert!(code == 1 && out.contains("./wrong.rhai:2:12") && err.ends_with("2 problems in 2 files.\n"), "{out}{err}");
    std::fs::remove_file(at.join("uses.rhai")).expect("removed");
    std::fs::write(at.join("it_test.rhai"), "test \"it\" { asert_eq(rehearse(\"./fine.rhai\").steps, []); }\n")
        .expect("written");
    let (code, out, _) = meshwright(at, &["check", "it_test.rhai"]);
    assert!(code == 1 && out.contains("did you mean `assert_eq`?"), "{out}");
    let (code, _, err) = meshwright(at, &["check", "shared-gateway"]);
    assert!(code == 4 && err.contains("shared-gateways"), "{err}");
    assert_eq!(meshwright(at, &["check", "shared-gateways"]).0, 0);
}

#[test]
fn forks_are_checked_with_what_stands_in() {
    let folder = tempfile::tempdir().expect("folder");
    let at = folder.path();
    assert_eq!(meshwright(at, &["fork", "shared-gateways", "mine"]).0, 0);
    let (code, out, _) = meshwright(at, &["check", "mine"]);
    assert_eq!(code, 0, "{out}");
    assert_eq!(meshwright(at, &["fork", "shared-gateways", "small", "--only", "std:istio/sample"]).0, 0);
    assert_eq!(meshwright(at, &["check", "small"]).0, 0);
    assert_eq!(meshwright(at, &["fork", "shared-gateways", "step", "--only", "step:Prove the path"]).0, 0);
    let (code, out, _) = meshwright(at, &["check"]);
    assert_eq!((code, out.as_str()), (0, ""), "from above, each fork is read as what it is");
    std::fs::write(at.join("small/stdlib/istio/sample.rhai"), "fn deploy(mesh, member) { member }\n").expect("written");
    let (code, out, _) = meshwright(at, &["check", "small"]);
    assert!(
        code == 1 && out.contains("stands in for std:istio/sample, and lacks its `wait_for(mesh, member)`"),
        "{out}"
    );
    let main = "//! # Mine\n//! ---\n//! origin: shared-gateways\n//! params: {hubb: {default: a}}\n//! ---\n";
    std::fs::write(at.join("small/main.rhai"), main).expect("written");
    let (code, out, _) = meshwright(at, &["check", "small"]);
    assert!(code == 1 && out.contains("did you mean `hub`?"), "{out}");
}

#[test]
fn a_list_made_of_a_field_is_a_list() {
    let folder = tempfile::tempdir().expect("folder");
    let text = "//! # T\n//! ---\n//! params: {c: {type: cluster}}\n//! ---\nlet words = [];\nfor pod in params.c.list(\"pods\") {\n    \
                words.append(pod.metadata.name.split(\"-\"));\n}\nwords.append(params.c.list(\"nodes\"));\nprint(words);\n";
    std::fs::write(folder.path().join("a.rhai"), text).expect("written");
    assert_eq!(meshwright(folder.path(), &["check", "a.rhai"]).1, "", "a false alarm");
}
