//! ReplicaSet: as many available pods as wanted.

use super::{Condition, Verdict, condition, done, progressing, status, suspect, wanted_replicas};
use crate::object::Object;

pub(super) fn verdict(object: &Object) -> Verdict {
    let wanted = wanted_replicas(object);
    let counts = ["fullyLabeledReplicas", "readyReplicas", "availableReplicas"].map(|field| status(object, field));
    let available = counts.into_iter().min().unwrap_or_default();
    let text = format!("{available} of {wanted} replicas are available");
    if available >= wanted && status(object, "replicas") == wanted {
        return done(text);
    }
    match condition(object, "ReplicaFailure").filter(Condition::is_true) {
        Some(refused) => suspect(refused.said()),
        None => progressing(text),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;

    #[test]
    fn every_replica_counts() {
        let set = |status: &str| {
            format!(
                "{{apiVersion: apps/v1, kind: ReplicaSet, metadata: {{name: s, generation: 1}}, spec: {{replicas: 2}}, status: {{observedGeneration: 1, {status}}}}}"
            )
        };
        check(&[
            ('D', "2 of 2", set("replicas: 2, fullyLabeledReplicas: 2, readyReplicas: 2, availableReplicas: 2")),
            ('P', "1 of 2", set("replicas: 2, fullyLabeledReplicas: 2, readyReplicas: 2, availableReplicas: 1")),
            (
                'S',
                "exceeded quota",
                set("conditions: [{type: ReplicaFailure, status: 'True', message: exceeded quota}]"),
            ),
            ('P', "2 of 2", set("replicas: 3, fullyLabeledReplicas: 2, readyReplicas: 2, availableReplicas: 2")),
        ]);
    }
}
