//! What is sent now against what was sent then.

use super::answers::Answers;
use super::fill::lasting;
use crate::object::yaml;
use serde_json::Value;
use similar::{ChangeTag, TextDiff};
use std::collections::BTreeSet;

/// Lines about the objects of a cluster that are changed otherwise now: `-` was recorded, `+` is sent.
pub(super) fn of_cluster(cluster: &str, answers: &Answers) -> Vec<String> {
    let (recorded, sent) = (answers.recorded(), answers.sent());
    let aims: BTreeSet<_> = recorded.keys().chain(sent.keys()).collect();
    let mut lines = Vec::new();
    for aim in aims {
        let then =
            recorded.get(aim).into_iter().flatten().map(|change| shown(&change.method, &change.path, &change.sent));
        let now = sent.get(aim).into_iter().flatten().map(|change| shown(&change.method, &change.path, &change.body));
        let (then, now): (String, String) = (then.collect(), now.collect());
        if then == now {
            continue;
        }
        let what = match (then.is_empty(), now.is_empty()) {
            (true, _) => "is changed now and was not",
            (_, true) => "was changed and is not now",
            _ => "is changed otherwise",
        };
        lines.push(format!("{cluster}: {} {what}", aim.title()));
        lines.extend(changed_lines(&then, &now));
    }
    lines
}

/// Lines about what is only in one of two sets.
pub(super) fn of_sets(what: &str, then: &BTreeSet<String>, now: &BTreeSet<String>) -> Vec<String> {
    let gone = then.difference(now).map(|line| format!("  - {}", crate::plain::line(line, 300)));
    let new = now.difference(then).map(|line| format!("  + {}", crate::plain::line(line, 300)));
    let lines: Vec<String> = gone.chain(new).collect();
    if lines.is_empty() { lines } else { std::iter::once(format!("{what}:")).chain(lines).collect() }
}

/// A change as text, without what differs from run to run.
fn shown(method: &str, path: &str, body: &Value) -> String {
    // JSON is YAML; what is masked already is no secret to be kept.
    let read = yaml::parse_open(&body.to_string()).ok().and_then(|nodes| nodes.into_iter().next());
    let body = match read {
        Some(node) if !body.is_null() => yaml::emit(&node),
        _ => String::new(),
    };
    lasting(&format!("{method} {path}\n{body}\n"))
}

fn changed_lines(then: &str, now: &str) -> Vec<String> {
    let diff = TextDiff::from_lines(then, now);
    let mut lines = Vec::new();
    for group in diff.grouped_ops(2) {
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let sign = match change.tag() {
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
                ChangeTag::Equal => ' ',
            };
            lines.push(format!("  {sign} {}", change.value().trim_end()));
        }
    }
    lines
}
