//! The garbage collector: objects go with their owners, in the background, in the foreground, or not at all.

use super::turn::{
    Action, Id, Target, Turn, View, has_finalizer, is_terminating, items, qualified, text, uid, without_finalizer,
};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

const FOREGROUND: &str = "foregroundDeletion";
const ORPHAN: &str = "orphan";
const TAKES: Duration = Duration::from_millis(100);

/// The objects that list this object among their owners: those of its namespace, where it has one.
fn dependents(view: &dyn View, owner: &Value) -> Vec<Arc<Value>> {
    let namespace = text(owner, "/metadata/namespace");
    let mut objects = view.owned(uid(owner));
    objects.retain(|object| namespace.is_empty() || text(object, "/metadata/namespace") == namespace);
    objects
}

/// The kind of an object, or of what a reference names, with its group: other groups may have a kind of this name.
fn kind_of(object: &Value) -> String {
    qualified(text(object, "/apiVersion"), text(object, "/kind"))
}

fn owners(object: &Value) -> &[Value] {
    items(object, "/metadata/ownerReferences")
}

/// Whether the collector has anything to do with an object.
fn is_concerned(object: &Value) -> bool {
    let finishing = is_terminating(object) && (has_finalizer(object, FOREGROUND) || has_finalizer(object, ORPHAN));
    finishing || !owners(object).is_empty()
}

/// The objects, with their kinds, that a change of `object` concerns.
pub(crate) fn concerns(view: &dyn View, object: &Value, deleted: bool) -> Vec<(String, Id)> {
    let namespace = text(object, "/metadata/namespace");
    let mut concerned: Vec<(String, Id)> = owners(object)
        .iter()
        .flat_map(|owner| {
            // Whether its kind has a namespace is not said: there is nothing to do where there is nothing.
            [namespace, ""].map(|place| (kind_of(owner), Id::new(place, text(owner, "/name"))))
        })
        .collect();
    if deleted {
        let dependents = dependents(view, object);
        concerned.extend(dependents.iter().map(|dependent| (kind_of(dependent), Id::of(dependent))));
    } else if is_concerned(object) {
        concerned.push((kind_of(object), Id::of(object)));
    }
    concerned
}

/// Deletes an object whose owners are gone; finishes the deletion of an owner.
pub(crate) fn reconcile(turn: &mut Turn<'_>, id: &Id) {
    let Some(object) = turn.get(turn.kind(), id) else { return };
    if is_terminating(&object) && has_finalizer(&object, ORPHAN) {
        return orphan(turn, &object);
    }
    if is_terminating(&object) && has_finalizer(&object, FOREGROUND) {
        return foreground(turn, &object);
    }
    if !is_terminating(&object) && !owners(&object).is_empty() {
        collect(turn, &object);
    }
}

/// Whether the collector cannot tell what becomes of an object: it cannot look an owner up, and waits until it can.
fn is_unclear(turn: &Turn<'_>, object: &Value) -> bool {
    let view = turn.view();
    let is_unknown = |owner: &Value| !view.serves(text(owner, "/apiVersion"), text(owner, "/kind"));
    owners(object).iter().any(|owner| !view.is_gone(text(owner, "/uid")) && is_unknown(owner))
}

fn collect(turn: &mut Turn<'_>, object: &Value) {
    if is_unclear(turn, object) {
        return;
    }
    let (living, gone): (Vec<_>, Vec<_>) = owners(object).iter().cloned().partition(|owner| lives(turn, object, owner));
    let ending = living.iter().all(|owner| ends_in_foreground(turn, object, owner));
    if (living.is_empty() || ending) && turn.stayed("ownerless", TAKES) {
        return turn.want(goes(turn.view(), object, !living.is_empty()));
    }
    if !living.is_empty() && !ending && !gone.is_empty() {
        turn.patch(object, json!({ "metadata": { "ownerReferences": living } }));
    }
}

fn stored(turn: &Turn<'_>, object: &Value, owner: &Value) -> Option<Arc<Value>> {
    let (kind, name) = (kind_of(owner), text(owner, "/name"));
    let namespace = Some(text(object, "/metadata/namespace")).filter(|namespace| !namespace.is_empty());
    let beside = turn.view().get(&kind, namespace, name).or_else(|| turn.view().get(&kind, None, name));
    beside.filter(|stored| stored["metadata"]["uid"] == owner["uid"])
}

fn lives(turn: &Turn<'_>, object: &Value, owner: &Value) -> bool {
    stored(turn, object, owner).is_some()
}

fn ends_in_foreground(turn: &Turn<'_>, object: &Value, owner: &Value) -> bool {
    let owner = stored(turn, object, owner);
    owner.is_some_and(|owner| is_terminating(&owner) && has_finalizer(&owner, FOREGROUND))
}

/// How a dependent goes: one whose owner waits for it goes after its own dependents.
fn goes(view: &dyn View, dependent: &Value, awaited: bool) -> Action {
    let target = Target::of(dependent);
    if awaited && !dependents(view, dependent).is_empty() {
        return Action::DeleteInForeground(target);
    }
    Action::Delete(target)
}

fn foreground(turn: &mut Turn<'_>, owner: &Value) {
    let dependents = dependents(turn.view(), owner);
    for dependent in dependents.iter().filter(|dependent| !is_terminating(dependent)) {
        if is_unclear(turn, dependent) {
            continue;
        }
        let is_other = |reference: &&Value| reference["uid"] != uid(owner);
        let others: Vec<_> = owners(dependent).iter().filter(is_other).cloned().collect();
        let stays = others.iter().any(|one| lives(turn, dependent, one) && !ends_in_foreground(turn, dependent, one));
        match stays {
            true => turn.patch(dependent, json!({ "metadata": { "ownerReferences": others } })),
            false => turn.want(goes(turn.view(), dependent, true)),
        }
    }
    let blocks = |dependent: &Value| {
        owners(dependent)
            .iter()
            .any(|reference| reference["uid"] == uid(owner) && reference["blockOwnerDeletion"] == true)
    };
    if !dependents.iter().any(|dependent| blocks(dependent)) {
        without_finalizer(turn, owner, FOREGROUND);
    }
}

fn orphan(turn: &mut Turn<'_>, owner: &Value) {
    for dependent in dependents(turn.view(), owner) {
        let mut references = owners(&dependent).to_vec();
        references.retain(|reference| reference["uid"] != uid(owner));
        turn.patch(&dependent, json!({ "metadata": { "ownerReferences": references } }));
    }
    without_finalizer(turn, owner, ORPHAN);
}
