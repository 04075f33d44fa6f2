//! The results of tests as JSON, for programs.

use crate::failure::Failure;
use crate::run::trials::{Test, Verdict};
use crate::script::Script;
use serde_json::{Value, json};

/// A list with every test: how it went and how long it took; a file that cannot be run is one that failed, and what did not
/// end is skipped.
pub fn report(all: &[Test], done: &[(Test, Verdict)], broken: &[(Script, Failure)]) -> String {
    let mut rows: Vec<Value> = broken.iter().map(|(file, failure)| of_file(file, failure)).collect();
    let verdict = |test: &Test| {
        let is_it = |other: &Test| other.name == test.name && other.file.source == test.file.source;
        done.iter().find(|(other, _)| is_it(other)).map(|(_, verdict)| verdict)
    };
    rows.extend(all.iter().map(|test| row(test, verdict(test))));
    serde_json::to_string_pretty(&rows).unwrap_or_default()
}

/// The tests there are.
pub fn list(all: &[Test]) -> String {
    let rows = all.iter().map(|test| json!({"name": test.name, "file": test.file.source, "line": test.place.line}));
    serde_json::to_string_pretty(&rows.collect::<Vec<_>>()).unwrap_or_default()
}

fn row(test: &Test, verdict: Option<&Verdict>) -> Value {
    let failure = verdict.and_then(|verdict| verdict.failure.as_ref());
    let result = match (verdict, failure) {
        (None, _) => "skipped",
        (_, Some(_)) => "failed",
        _ => "passed",
    };
    let ms = verdict.map(|verdict| u64::try_from(verdict.took.as_millis()).unwrap_or(u64::MAX));
    let said: Vec<String> =
        verdict.iter().flat_map(|verdict| &verdict.said).map(|line| crate::plain::text(line)).collect();
    let mut row = json!({
        "name": test.name, "file": test.file.source, "line": test.place.line, "result": result, "ms": ms, "said": said,
    });
    explain(&mut row, failure);
    row
}

fn of_file(file: &Script, failure: &Failure) -> Value {
    let line = failure.places.first().map(|place| place.line);
    let mut row = json!({"name": null, "file": file.source, "line": line, "result": "failed", "ms": null, "said": []});
    explain(&mut row, Some(failure));
    row
}

/// Why it failed, and where.
fn explain(row: &mut Value, failure: Option<&Failure>) {
    let text = |text: &String| crate::plain::text(text);
    let place = failure.and_then(|failure| failure.places.first());
    row["message"] = json!(failure.map(|failure| crate::plain::text(&failure.to_string())));
    row["details"] = json!(failure.map(|failure| failure.details.iter().map(text).collect::<Vec<_>>()));
    row["hint"] = json!(failure.and_then(|failure| failure.hint.as_ref().map(text)));
    row["at"] = json!(place.map(|place| format!("{}:{}:{}", place.source, place.line, place.column)));
}
