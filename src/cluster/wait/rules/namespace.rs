//! Namespace: active. And what holds one that is being deleted.

use super::{Verdict, conditions, done, progressing};
use crate::object::Object;

pub(super) fn verdict(object: &Object) -> Verdict {
    match object.str_at("status.phase").unwrap_or_default() {
        "Active" => done("is active"),
        "Terminating" => Verdict::Terminating("is being deleted".into()),
        _ => progressing("has no phase yet"),
    }
}

/// What a namespace that is being deleted still waits for, in the words of its conditions.
pub fn holders(object: &Object) -> Vec<String> {
    let said = conditions(object).filter(|condition| condition.is_true() && condition.name.starts_with("Namespace"));
    said.map(|condition| condition.said()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check, object};
    use super::*;

    #[test]
    fn phases() {
        let namespace =
            |status: &str| format!("{{apiVersion: v1, kind: Namespace, metadata: {{name: n}}, status: {{{status}}}}}");
        check(&[
            ('D', "active", namespace("phase: Active")),
            ('P', "no phase", namespace("")),
            ('T', "deleted", namespace("phase: Terminating")),
        ]);
    }

    #[test]
    fn conditions_name_what_holds_a_namespace() {
        let held = "{kind: Namespace, status: {conditions: [{type: NamespaceContentRemaining, status: 'True', reason: SomeResourcesRemain, message: 'Some resources are remaining: gateways.networking.istio.io has 1 resource instances'}, {type: NamespaceDeletionContentFailure, status: 'False'}]}}";
        let holders = holders(&object(held));
        assert_eq!(holders.len(), 1);
        assert!(holders[0].contains("gateways.networking.istio.io has 1"), "{holders:?}");
    }
}
