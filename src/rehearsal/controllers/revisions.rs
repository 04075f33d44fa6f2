//! ControllerRevisions: the templates that a StatefulSet or DaemonSet has had, for `kubectl rollout history` and `undo`.

use super::owner;
use super::turn::{Action, Target, Turn, name, number, text};
use serde_json::{Value, json};

/// Keeps the revision of this name as the newest, and no more old ones than the set wants.
pub(crate) fn keep(turn: &mut Turn<'_>, set: &Value, revision: &str, hash: &str) {
    let mut all = owner::controlled(turn.view(), "ControllerRevision", set);
    all.sort_by_key(|one| number(one, "/revision").unwrap_or(0));
    let newest = all.last().and_then(|one| number(one, "/revision")).unwrap_or(0);
    match all.iter().find(|one| name(one) == revision) {
        None => turn.want(Action::Create(made(set, revision, hash, newest + 1))),
        Some(current) if number(current, "/revision").unwrap_or(0) < newest => {
            turn.patch(current, json!({ "revision": newest + 1 }));
        }
        Some(_) => {}
    }
    let limit = number(set, "/spec/revisionHistoryLimit").unwrap_or(10);
    let in_use = [revision, text(set, "/status/currentRevision")];
    let old: Vec<_> = all.iter().filter(|one| !in_use.contains(&name(one))).collect();
    let excess = old.len().saturating_sub(usize::try_from(limit).unwrap_or_default());
    for one in old.into_iter().take(excess) {
        turn.want(Action::Delete(Target::of(one)));
    }
}

fn made(set: &Value, revision: &str, hash: &str, count: i64) -> Value {
    let mut template = set["spec"]["template"].clone();
    template["$patch"] = "replace".into();
    let mut labels = set["spec"]["template"]["metadata"]["labels"].clone();
    labels["controller-revision-hash"] = hash.into();
    let mut metadata = json!({
        "name": revision, "namespace": text(set, "/metadata/namespace"), "labels": labels,
        "ownerReferences": [owner::reference(set)],
    });
    if set["metadata"]["annotations"].is_object() {
        metadata["annotations"] = set["metadata"]["annotations"].clone();
    }
    json!({
        "apiVersion": "apps/v1", "kind": "ControllerRevision", "metadata": metadata, "revision": count,
        "data": { "spec": { "template": template } },
    })
}
