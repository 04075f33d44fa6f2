//! Journals read back and found.

use super::*;

const JOURNAL: &str = r#"{"event":"started","time":"2026-01-02T03:04:05.000Z","program":"0.1.0","script":"s","source":"s.rhai","sha256":"x","params":{},"clusters":["east"],"pid":0}
{"event":"step","time":"t","step":"Make","what":"begin"}
{"event":"intent","id":1,"time":"t","cluster":"east","method":"PATCH","path":"/api/v1/namespaces/a?x=1","object":"Namespace a","line":"s.rhai:3","before":{"state":"absent"}}
{"event":"outcome","id":1,"time":"t","status":201,"ms":4,"uid":"u"}
{"event":"wait","time":"t","what":"Pod a/p ready","ms":1200,"met":true}
{"event":"intent","id":2,"time":"t","cluster":"east","method":"DELETE","path":"/api/v1/namespaces/b","object":"Namespace b"}
{"event":"outco"#;

#[test]
fn a_torn_last_line_is_no_harm() {
    let run = History::parse("abc", JOURNAL);
    assert_eq!((run.changes.len(), run.notes.len()), (2, 1));
    assert_eq!((run.changes[0].word(), run.changes[0].step.as_str()), ("created", "Make"));
    assert_eq!(run.changes[0].path(), "/api/v1/namespaces/a");
    assert_eq!((run.totals().as_str(), run.outcome().as_str()), ("1 created, 1 unknown", "broken off"));
}

#[test]
fn a_run_that_stopped_where_it_was_told_to_was_not_cancelled() {
    let of = |finished: &Finished| {
        let line = serde_json::to_string(&Record::Finished(finished.clone())).expect("json");
        History::parse("abc", &format!("{}\n{line}", &JOURNAL[..JOURNAL.rfind('\n').expect("lines")])).outcome()
    };
    let now = Finished::now(Some(&stop("Make").on_cluster("east")));
    assert_eq!((now.outcome.as_str(), of(&now).as_str()), ("stopped", "stopped"));
    let older = |message: &str| of(&Finished { outcome: "cancelled".into(), message: message.into(), ..now.clone() });
    assert_eq!(older("stopped after the step `Make`, as asked"), "stopped");
    assert_eq!(older("east: stopped after the step `Make`, as asked"), "stopped");
    assert_eq!((older("stopped as asked"), older("interrupted")), ("stopped".into(), "cancelled".into()));
}

#[test]
fn a_journal_that_cannot_be_read_is_no_harm_to_the_others() {
    let folder = tempfile::tempdir().expect("folder");
    std::fs::write(folder.path().join("abc1.jsonl"), JOURNAL).expect("written");
    std::fs::create_dir(folder.path().join("abd2.jsonl")).expect("made");
    assert_eq!(all(folder.path()).expect("runs").len(), 1);
    assert_eq!(find(folder.path(), "ab").expect("one").id, "abc1");
    assert_eq!(find(folder.path(), "last").expect("one").id, "abc1");
    let failure = find(folder.path(), "abd2").expect_err("unreadable");
    assert!(failure.message.contains("cannot read the journal"), "{failure:?}");
}

#[test]
fn a_run_is_found_by_the_beginning_of_its_id() {
    let folder = tempfile::tempdir().expect("folder");
    for id in ["abc1", "abd2"] {
        std::fs::write(folder.path().join(format!("{id}.jsonl")), JOURNAL).expect("written");
    }
    assert_eq!(find(folder.path(), "abc").expect("one").id, "abc1");
    assert!(find(folder.path(), "ab").expect_err("two").message.contains("2 runs"));
    assert!(find(folder.path(), "x").expect_err("none").message.contains("no run `x`"));
    std::fs::remove_file(folder.path().join("abd2.jsonl")).expect("removed");
    assert!(find(folder.path(), "").expect_err("no id").message.contains("empty"), "although there is one run only");
}

#[test]
fn an_undo_is_not_taken_back() {
    let folder = tempfile::tempdir().expect("folder");
    let undo = JOURNAL.replace("\"script\":\"s\"", "\"script\":\"undo abc1\"").replace("2026-01", "2026-02");
    for (id, text) in [("abc1", JOURNAL), ("abd2", &undo)] {
        std::fs::write(folder.path().join(format!("{id}.jsonl")), text).expect("written");
    }
    assert_eq!(find(folder.path(), "last").expect("one").id, "abd2");
    assert_eq!(find_to_undo(folder.path(), "last").expect("one").id, "abc1");
    let failure = find_to_undo(folder.path(), "abd2").expect_err("an undo");
    assert_eq!(failure.hint.as_deref(), Some("repeat it: meshwright undo abc1"));
}

#[test]
fn a_run_is_over_when_nobody_has_its_journal_open_whoever_has_its_number() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("abc1.jsonl");
    std::fs::write(&path, JOURNAL.replace("\"pid\":0", &format!("\"pid\":{}", std::process::id()))).expect("written");
    assert_eq!(find(folder.path(), "abc1").expect("one").outcome(), "broken off");
    let open = FileJournal::open(&path).expect("open");
    assert_eq!(find(folder.path(), "abc1").expect("one").outcome(), "running");
    let finished = Finished { time: String::new(), outcome: "done".into(), message: String::new() };
    open.append(&Record::Finished(finished)).expect("written");
    assert_eq!(find(folder.path(), "abc1").expect("one").outcome(), "done");
}
