//! Carries ownership over a change of the schema: `ReconcileFieldSetWithSchema` of sigs.k8s.io/structured-merge-diff.

use super::element::Element;
use super::schema::{List, Shape};
use super::set::Set;

/// The owned fields under the schema of today: what lies below a value that is atomic now belongs to the value.
pub(super) fn reconcile(set: &Set, shape: &Shape) -> Set {
    let mut reconciled = Set { members: set.members.clone(), ..Set::default() };
    for (element, child) in &set.children {
        let below = shape.below(element);
        if below.atomic || (below.list == List::Atomic && holds_items(child)) {
            reconciled.members.insert(element.clone());
        } else {
            reconciled.children.insert(element.clone(), reconcile(child, below));
        }
    }
    reconciled
}

fn holds_items(set: &Set) -> bool {
    set.members.iter().chain(set.children.keys()).any(|element| !matches!(element, Element::Field(_)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rehearsal::fields::Schema;
    use serde_json::json;

    #[test]
    fn what_became_atomic_is_owned_as_a_whole() {
        let schema = Schema::built_in("v1", "Pod");
        let set = Set::from_json(&json!({"f:spec": {
            "f:nodeSelector": {".": {}, "f:a": {}},
            "f:tolerations": {r#"k:{"key":"x"}"#: {".": {}}},
            "f:containers": {r#"k:{"name":"a"}"#: {".": {}}},
        }}));
        assert_eq!(
            reconcile(&set, &schema.root).to_json(),
            json!({"f:spec": {"f:nodeSelector": {}, "f:tolerations": {},
                "f:containers": {r#"k:{"name":"a"}"#: {}}}})
        );
    }
}
