use super::*;

fn upstream(version: &str, files: &[(&str, &str)]) -> Upstream {
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect();
    Upstream { name: "guide".into(), version: version.into(), files }
}

/// A fork of these files, as you have left it.
fn fork(base: &Upstream, yours: &[(&str, Option<&str>)]) -> (tempfile::TempDir, Lineage) {
    let folder = tempfile::tempdir().expect("folder");
    let files = base.script_files();
    Lineage::of(base, files.clone(), false).write(folder.path()).expect("lineage");
    write_all(folder.path(), &files).expect("files");
    for (path, text) in yours {
        match text {
            Some(text) => drop(write(&folder.path().join(path), text.as_bytes()).expect("written")),
            None => std::fs::remove_file(folder.path().join(path)).expect("removed"),
        }
    }
    let lineage = Lineage::read(folder.path()).expect("lineage");
    (folder, lineage)
}

fn words(folder: &Path, lineage: &Lineage, upstream: &Upstream) -> Vec<String> {
    let states = states(folder, lineage, upstream).expect("states");
    states.iter().filter_map(|file| Some(format!("{} {}", file.path, file.words()?))).collect()
}

fn read(folder: &tempfile::TempDir, path: &str) -> Option<String> {
    std::fs::read_to_string(folder.path().join(path)).ok()
}

const LINES: &str = "one\ntwo\nthree\nfour\nfive\nsix\nseven\n";

#[test]
fn a_copy_is_a_script_with_everything_beside_it() {
    let folder = tempfile::tempdir().expect("folder");
    let script = Script::all().remove(0);
    let into = folder.path().join("mine");
    let written = copy(&script, &into).expect("copied");
    assert!(written.contains(&into.join("main.rhai")) && written.contains(&into.join("rehearsal.rhai")));
    let found = crate::script::find("mine", folder.path()).expect("a script");
    assert_eq!(found.text, script.text);
    assert_eq!(found.tasks(), script.tasks());
    assert_eq!(copy(&script, &into).expect_err("taken").kind, Kind::AlreadyExists);
    let again = copy(&found, &folder.path().join("again")).expect("a copy of the copy");
    assert_eq!(again.len(), written.len());
    for name in ["mine", "again"] {
        let lineage = Lineage::read(&folder.path().join(name)).expect("lineage");
        let shipped = Upstream::shipped(&lineage.origin).expect("shipped");
        assert_eq!((lineage.version.as_str(), lineage.only), (env!("CARGO_PKG_VERSION"), false));
        assert_eq!(words(&folder.path().join(name), &lineage, &shipped), [] as [&str; 0]);
    }
}

#[test]
fn every_state_of_a_file_is_told() {
    let base = upstream(
        "1",
        &[("a", "1\n"), ("b", "1\n"), ("c", "1\n"), ("d", "1\n"), ("e", "1\n"), ("f", "1\n"), ("g", "1\n")],
    );
    let (folder, lineage) =
        fork(&base, &[("b", Some("2\n")), ("d", Some("2\n")), ("e", None), ("g", Some("2\n")), ("mine", Some("x\n"))]);
    let next = upstream(
        "2",
        &[
            ("a", "1\n"),
            ("b", "1\n"),
            ("c", "3\n"),
            ("d", "3\n"),
            ("e", "3\n"),
            ("g", "2\n"),
            ("new", "n\n"),
            ("stdlib/x.rhai", "no"),
        ],
    );
    let wanted = [
        "b changed by you",
        "c changed upstream",
        "d changed by you and upstream",
        "e removed by you, changed upstream",
        "f removed upstream",
        "g changed upstream, and by you in the same way",
        "mine added by you",
        "new added upstream",
    ];
    assert_eq!(words(folder.path(), &lineage, &next), wanted);
    let states = states(folder.path(), &lineage, &next).expect("states");
    let to_take: Vec<_> = states.iter().filter(|file| file.is_to_take()).map(|file| file.path.as_str()).collect();
    assert_eq!(to_take, ["c", "d", "e", "f", "new"]);
    let told = diff(&states);
    assert!(told.contains("--- a/b\n+++ b/b\n@@ -1 +1 @@\n-1\n+2\n"), "{told}");
    assert!(told.contains("--- a/e\n+++ /dev/null\n") && told.contains("--- /dev/null\n+++ b/mine\n"), "{told}");
    assert!(!told.contains("a/c"), "{told}");
}

#[test]
fn changes_of_both_sides_are_merged_and_the_fork_has_the_new_origin() {
    let base = upstream("1", &[("main.rhai", LINES), ("gone", "1\n"), ("also", "1\n")]);
    let (folder, lineage) = fork(&base, &[("main.rhai", Some(&LINES.replace("one", "ONE"))), ("also", None)]);
    let next = upstream("2", &[("main.rhai", &LINES.replace("seven", "SEVEN")), ("new/x", "n\n"), ("also", "1\n")]);
    let merged = merge(folder.path(), &lineage, &next).expect("merged");
    let taken =
        [("gone", "removed"), ("main.rhai", "merged"), ("new/x", "added")].map(|(path, word)| (path.to_owned(), word));
    assert_eq!((merged.taken, merged.conflicts), (taken.to_vec(), Vec::new()));
    assert_eq!(read(&folder, "main.rhai"), Some(LINES.replace("one", "ONE").replace("seven", "SEVEN")));
    assert_eq!(
        (read(&folder, "new/x").as_deref(), read(&folder, "gone"), read(&folder, "also")),
        (Some("n\n"), None, None)
    );
    let lineage = Lineage::read(folder.path()).expect("lineage");
    assert_eq!(lineage.version, "2");
    assert_eq!(words(folder.path(), &lineage, &next), ["also removed by you", "main.rhai changed by you"]);
    let again = merge(folder.path(), &lineage, &next).expect("again");
    assert_eq!(again, Merged::default());
    let leftover = std::fs::read_dir(folder.path())
        .expect("folder")
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(".merge"));
    assert_eq!(leftover.count(), 0);
}

#[test]
fn conflicts_are_marked_as_git_does_and_must_be_settled_before_the_next_merge() {
    let base = upstream("1", &[("main.rhai", LINES), ("yours", "1\n"), ("theirs", "1\n"), ("bytes", "1\n")]);
    let (folder, lineage) = fork(
        &base,
        &[
            ("main.rhai", Some(&LINES.replace("two", "2"))),
            ("yours", Some("2\n")),
            ("theirs", None),
            ("both", Some("a\n")),
        ],
    );
    std::fs::write(folder.path().join("bytes"), [0xff, 0xfe]).expect("written");
    let next = upstream(
        "2",
        &[("main.rhai", &LINES.replace("two", "zwei")), ("theirs", "3\n"), ("bytes", "2\n"), ("both", "b\n")],
    );
    let merged = merge(folder.path(), &lineage, &next).expect("merged");
    let paths: Vec<_> = merged.conflicts.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!((paths, merged.taken.len()), (vec!["both", "bytes", "main.rhai", "theirs", "yours"], 0));
    let marked = "one\n<<<<<<< ours\n2\n=======\nzwei\n>>>>>>> theirs\nthree\n";
    assert!(
        read(&folder, "main.rhai").is_some_and(|text| text.starts_with(marked)),
        "{:?}",
        read(&folder, "main.rhai")
    );
    assert_eq!((read(&folder, "yours").as_deref(), read(&folder, "theirs")), (Some("2\n"), None));
    assert_eq!(std::fs::read(folder.path().join("bytes")).expect("bytes"), [0xff, 0xfe]);
    let lineage = Lineage::read(folder.path()).expect("lineage");
    let refused = merge(folder.path(), &lineage, &next).expect_err("not settled");
    assert_eq!(refused.kind, Kind::Conflict);
    assert_eq!(refused.details.len(), 2, "{:?}", refused.details);
    for path in ["main.rhai", "both"] {
        std::fs::write(folder.path().join(path), "settled\n").expect("written");
    }
    assert_eq!(merge(folder.path(), &lineage, &next).expect("settled"), Merged::default());
}

#[test]
fn lines_that_end_in_another_way_are_merged_and_stay_so() {
    let base = upstream("1", &[("main.rhai", LINES), ("both", LINES)]);
    let crlf = |text: &str| text.replace('\n', "\r\n");
    let (mine, theirs) = (LINES.replace("one", "ONE"), LINES.replace("seven", "SEVEN"));
    let (folder, lineage) =
        fork(&base, &[("main.rhai", Some(&crlf(&mine))), ("both", Some(&crlf(&LINES.replace("seven", "7"))))]);
    let next = upstream("2", &[("main.rhai", &theirs), ("both", &theirs)]);
    let merged = merge(folder.path(), &lineage, &next).expect("merged");
    assert_eq!(merged.taken, [("main.rhai".to_owned(), "merged")]);
    assert_eq!(read(&folder, "main.rhai"), Some(crlf(&mine.replace("seven", "SEVEN"))));
    let marked = "six\r\n<<<<<<< ours\r\n7\r\n=======\r\nSEVEN\r\n>>>>>>> theirs\r\n";
    assert!(read(&folder, "both").is_some_and(|text| text.ends_with(marked)), "{:?}", read(&folder, "both"));
    assert!(merged.conflicts[0].1.starts_with("1 place"), "{:?}", merged.conflicts);
}

#[test]
fn a_checkout_with_other_line_ends_changes_nothing() {
    let base = upstream("1", &[("main.rhai", LINES), ("a/b.rhai", LINES)]);
    let (folder, _) = fork(&base, &[]);
    let crlf = |text: &str| text.replace('\n', "\r\n");
    for path in ["main.rhai", "a/b.rhai", ".meshwright/origin/main.rhai", ".meshwright/origin/a/b.rhai"] {
        std::fs::write(folder.path().join(path), crlf(LINES)).expect("written");
    }
    let lineage = Lineage::read(folder.path()).expect("lineage");
    assert_eq!(words(folder.path(), &lineage, &base), [] as [String; 0]);
    assert_eq!(diff(&states(folder.path(), &lineage, &base).expect("states")), "");
    let theirs = LINES.replace("seven", "SEVEN");
    let next = upstream("2", &[("main.rhai", &theirs), ("a/b.rhai", LINES)]);
    let merged = merge(folder.path(), &lineage, &next).expect("merged");
    assert_eq!(merged.taken, [("main.rhai".to_owned(), "changed")]);
    assert_eq!(read(&folder, "main.rhai"), Some(crlf(&theirs)));
}

#[test]
#[cfg(unix)]
fn a_merge_that_cannot_write_changes_nothing() {
    let base = upstream("1", &[("a", "1\n"), ("b/c", "1\n")]);
    let (folder, lineage) = fork(&base, &[]);
    // What upstream has as a folder is a file of yours.
    std::fs::write(folder.path().join("d"), "mine\n").expect("written");
    let next = upstream("2", &[("a", "2\n"), ("d/e", "2\n"), ("b/c", "1\n")]);
    merge(folder.path(), &lineage, &next).expect_err("in the way");
    assert_eq!(read(&folder, "a").as_deref(), Some("1\n"));
    assert_eq!(Lineage::read(folder.path()).expect("lineage"), lineage);
}

#[test]
fn a_small_fork_follows_the_files_it_holds() {
    let folder = tempfile::tempdir().expect("folder");
    let shipped = Upstream::shipped("shared-gateways").expect("shipped");
    let only = ["std:istio/sample".to_owned(), "rehearsal/current-values.yaml".to_owned()];
    let into = folder.path().join("mine");
    let written = copy_only(&shipped, &only, &into).expect("copied");
    assert_eq!(written.len(), 3);
    let lineage = Lineage::read(&into).expect("lineage");
    assert!(lineage.only);
    assert_eq!(words(&into, &lineage, &shipped), [""; 0]);
    let mut next = shipped.clone();
    next.files.insert("stdlib/istio/sample.rhai".into(), b"// changed\n".to_vec());
    next.files.insert("other.rhai".into(), b"// new\n".to_vec());
    assert_eq!(words(&into, &lineage, &next), ["stdlib/istio/sample.rhai changed upstream"]);
    merge(&into, &lineage, &next).expect("merged");
    let main = std::fs::read_to_string(into.join("main.rhai")).expect("main.rhai");
    std::fs::write(into.join("main.rhai"), main.replace(", here", ", ours")).expect("written");
    let lineage = Lineage::read(&into).expect("lineage");
    assert_eq!(words(&into, &lineage, &next), ["main.rhai changed by you"]);
    assert!(!into.join("other.rhai").exists());
    let wrong =
        copy_only(&shipped, &["std:istio/sampel".to_owned()], &folder.path().join("no")).expect_err("misspelled");
    assert_eq!(wrong.hint.as_deref(), Some("did you mean `std:istio/sample`?"));
    assert!(!folder.path().join("no").exists());
}

#[test]
fn what_the_fork_came_from_cannot_change_unseen() {
    let base = upstream("1", &[("a", "1\n")]);
    let (folder, _) = fork(&base, &[]);
    std::fs::write(folder.path().join(".meshwright/origin/a"), "2\n").expect("written");
    let told = Lineage::read(folder.path()).expect_err("changed").message;
    assert!(told.contains("origin/a is not what it was"), "{told}");
    let none = tempfile::tempdir().expect("folder");
    assert_eq!(Lineage::read(none.path()).expect_err("no fork").kind, Kind::Usage);
}

#[cfg(unix)]
#[test]
fn only_regular_files_are_read_and_scripts_without_the_rest() {
    let folder = tempfile::tempdir().expect("folder");
    let at = |path: &str| folder.path().join(path);
    for path in ["main.rhai", "steps/a.rhai", "big.bin", "target/b.rhai", "definitions/a.d.rhai"] {
        write(&at(path), b"1").expect("written");
    }
    std::os::unix::fs::symlink("nowhere", at("dangling.rhai")).expect("link");
    std::os::unix::fs::symlink(".", at("steps/round")).expect("link");
    let _socket = std::os::unix::net::UnixListener::bind(at("socket.rhai")).expect("socket");
    let names = |files: std::io::Result<Files>| files.expect("read").into_keys().collect::<Vec<_>>();
    let all = ["big.bin", "definitions/a.d.rhai", "main.rhai", "steps/a.rhai", "target/b.rhai"];
    assert_eq!(names(read_folder(folder.path())), all);
    assert_eq!(names(read_scripts(folder.path())), ["main.rhai", "steps/a.rhai"]);
}
