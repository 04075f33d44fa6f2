//! What a look at an object says of a change, case by case.

use super::*;

const PATH: &str = "/api/v1/namespaces/a/configmaps/x?fieldManager=meshwright";
const TIME: &str = "2026-01-02T03:04:05.678Z";

fn intent(method: &str, before: Before) -> Intent {
    Intent { method: method.into(), path: PATH.into(), time: TIME.into(), before, ..Intent::default() }
}

fn entry(manager: &str, second: u32) -> Value {
    json!({"manager": manager, "operation": "Apply", "time": format!("2026-01-02T03:04:{second:02}Z")})
}

fn present(managers: Value) -> Before {
    let content = json!({"data": {"a": "1"}});
    Before::Present { uid: "u".into(), resource_version: "1".into(), content, managers }
}

fn seen(version: &str, managers: Value, data: &str) -> Seen {
    let content = json!({"data": {"a": data}});
    Seen { uid: "u".into(), version: version.into(), writers: writers_in(&managers), content, ..Seen::default() }
}

fn found(intent: &Intent, seen: Option<Seen>) -> Found {
    judge(&Case::new(&History::default(), intent), seen.as_ref()).0
}

#[test]
fn what_came_long_after_the_run_is_of_another_run() {
    let ours = |minute: u32| json!([{"manager": "meshwright", "operation": "Apply", "time": format!("2026-01-02T03:{minute:02}:30Z")}]);
    let made = intent("PATCH", Before::Absent);
    let changed = intent("PATCH", present(json!([entry("meshwright", 2)])));
    let unseen = intent("PATCH", Before::Unknown);
    for (minute, expected) in [(4, Found::Applied), (9, Found::NotApplied)] {
        for intent in [&made, &changed, &unseen] {
            assert_eq!(found(intent, Some(seen("7", ours(minute), "2"))), expected, "{minute} {:?}", intent.before);
        }
        let run = History { until: "2026-01-02T03:09:00Z".into(), ..History::default() };
        let judged = judge(&Case::new(&run, &made), Some(&seen("7", ours(minute), "2"))).0;
        assert_eq!(judged, Found::Applied, "the run went on until then");
    }
    let late = Seen { created: "2026-01-02T03:09:30Z".into(), ..seen("7", ours(4), "2") };
    assert_eq!(found(&made, Some(late)), Found::NotApplied, "it was made later");
}

#[test]
fn what_another_run_has_made_is_not_of_this_one() {
    let made = intent("PATCH", Before::Absent);
    let case = Case { is_theirs: true, ..Case::new(&History::default(), &made) };
    let seen = seen("7", json!([entry("meshwright", 6)]), "1");
    assert_eq!(judge(&case, Some(&seen)).0, Found::NotApplied);
}

#[test]
fn what_was_to_be_made_is_there_by_us_or_not() {
    for method in ["POST", "PATCH"] {
        let intent = intent(method, Before::Absent);
        assert_eq!(found(&intent, None), Found::NotApplied);
        assert_eq!(found(&intent, Some(seen("7", json!([entry("meshwright", 6)]), "1"))), Found::Applied);
        assert_eq!(found(&intent, Some(seen("7", json!([entry("kubectl", 6)]), "1"))), Found::NotApplied);
    }
}

#[test]
fn a_patch_is_told_by_the_version_and_by_who_has_written() {
    let intent = intent("PATCH", present(json!([entry("kubectl", 1), entry("meshwright", 2)])));
    let live = |version: &str, ours: u32, theirs: u32, data: &str| {
        Some(seen(version, json!([entry("kubectl", theirs), entry("meshwright", ours)]), data))
    };
    assert_eq!(found(&intent, live("1", 2, 1, "1")), Found::NotApplied, "as it was");
    assert_eq!(found(&intent, live("7", 6, 1, "2")), Found::Applied, "our entry is new");
    assert_eq!(found(&intent, live("7", 2, 9, "2")), Found::NotApplied, "only somebody else");
    assert_eq!(found(&intent, None), Found::NotApplied);
    assert_eq!(found(&intent, Some(seen("7", Value::Null, "2"))), Found::Applied, "nobody notes who writes");
}

#[test]
fn two_changes_within_a_second_are_told_by_the_contents() {
    let intent = intent("PATCH", present(json!([entry("meshwright", 5)])));
    assert_eq!(found(&intent, Some(seen("7", json!([entry("meshwright", 5)]), "2"))), Found::Applied);
    assert_eq!(found(&intent, Some(seen("7", json!([entry("meshwright", 5)]), "1"))), Found::NotApplied);
}

#[test]
fn a_deletion_is_told_by_the_uid_and_the_end() {
    let intent = intent("DELETE", present(Value::Null));
    assert_eq!(found(&intent, None), Found::Applied);
    assert_eq!(found(&intent, Some(seen("1", Value::Null, "1"))), Found::NotApplied);
    assert_eq!(found(&intent, Some(Seen { uid: "other".into(), ..Seen::default() })), Found::Applied);
    assert_eq!(found(&intent, Some(Seen { ending: true, ..seen("2", Value::Null, "1") })), Found::Applied);
}

#[test]
fn somebody_else_who_came_later_is_not_forgotten() {
    let change = Change { intent: intent("POST", Before::Absent), outcome: None, repeated: 0, step: String::new() };
    let both = json!([entry("meshwright", 6), entry("kubectl", 9)]);
    let case = Case::new(&History::default(), &change.intent);
    let outcome = outcome(&case, &change, Found::Applied, Some(seen("7", both, "1")));
    assert_eq!(outcome.resource_version, "");
    assert_eq!(outcome.writers, ["meshwright Apply 2026-01-02T03:04:06Z"]);
}

#[tokio::test]
async fn the_run_s_own_next_look_settles_an_earlier_change() {
    let change = |method: &str, before: Before, outcome: Option<Outcome>| Change {
        intent: intent(method, before),
        outcome,
        repeated: 0,
        step: String::new(),
    };
    let later = Some(Outcome { status: Some(201), ..Outcome::default() });
    let changes = vec![change("PATCH", Before::Absent, None), change("PATCH", Before::Absent, later)];
    let mut run = History { changes, ..History::default() };
    let nobody = |_: &str| -> Result<Cluster> { panic!("no cluster is asked") };
    let lines = settle(&mut run, &[], nobody).await;
    assert_eq!(lines.len(), 1);
    assert_eq!(run.changes[0].word(), "not applied");
}
