//! Deployment: every replica of the newest template is available, and no other is left.

use super::{Condition, Verdict, condition, done, failed, progressing, status, suspect, wanted_replicas};
use crate::object::Object;

pub(super) fn verdict(object: &Object) -> Verdict {
    let wanted = wanted_replicas(object);
    let (replicas, updated) = (status(object, "replicas"), status(object, "updatedReplicas"));
    let available = status(object, "availableReplicas");
    if updated >= wanted && replicas == updated && available >= updated {
        return done(if wanted == 0 {
            "is scaled to zero replicas".into()
        } else {
            format!("{available} of {wanted} replicas are available")
        });
    }
    if let Some(late) = late(object) {
        return failed(late.said());
    }
    if object.at("spec.paused").and_then(|paused| paused.as_bool()) == Some(true) {
        return failed("is paused: nothing will roll out until spec.paused is removed");
    }
    if let Some(refused) = condition(object, "ReplicaFailure").filter(Condition::is_true) {
        return suspect(refused.said());
    }
    if updated < wanted {
        return progressing(format!("{updated} of {wanted} replicas have been updated"));
    }
    if replicas > updated {
        return progressing(format!("{} old replicas are still to go", replicas - updated));
    }
    progressing(format!("{available} of {wanted} replicas are available"))
}

/// The condition that says that a Deployment has passed its progress deadline.
pub(super) fn late(object: &Object) -> Option<Condition<'_>> {
    condition(object, "Progressing")
        .filter(Condition::is_false)
        .filter(|condition| condition.reason == "ProgressDeadlineExceeded")
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;

    fn deployment(spec: &str, status: &str) -> String {
        format!(
            "{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: d, generation: 3}}, spec: {{{spec}}}, status: {{{status}}}}}"
        )
    }

    #[test]
    fn rollouts_are_judged_by_every_count() {
        let full = "observedGeneration: 3, replicas: 2, updatedReplicas: 2, availableReplicas: 2";
        let stuck = "observedGeneration: 3, replicas: 1, updatedReplicas: 1, conditions: [{type: Progressing, status: 'False', reason: ProgressDeadlineExceeded, message: timed out}]";
        check(&[
            ('D', "2 of 2", deployment("replicas: 2", full)),
            ('D', "zero", deployment("replicas: 0", "observedGeneration: 3")),
            ('P', "not seen", deployment("replicas: 2", "")),
            ('P', "generation 3, seen 2", deployment("replicas: 2", &full.replace('3', "2"))),
            ('P', "0 of 1 replicas have been", deployment("", "observedGeneration: 3")),
            (
                'P',
                "1 old",
                deployment("", "observedGeneration: 3, replicas: 2, updatedReplicas: 1, availableReplicas: 2"),
            ),
            ('P', "0 of 1 replicas are av", deployment("", "observedGeneration: 3, replicas: 1, updatedReplicas: 1")),
            ('F', "ProgressDeadlineExceeded: timed out", deployment("", stuck)),
            (
                'S',
                "exceeded quota",
                deployment(
                    "",
                    "observedGeneration: 3, conditions: [{type: ReplicaFailure, status: 'True', reason: FailedCreate, message: exceeded quota}]",
                ),
            ),
            (
                'P',
                "0 of 1",
                deployment(
                    "",
                    "observedGeneration: 3, conditions: [{type: Progressing, status: 'False', reason: Other}]",
                ),
            ),
            ('F', "paused", deployment("replicas: 3, paused: true", full)),
            ('D', "2 of 2", deployment("replicas: 2, paused: true", full)),
        ]);
    }

    #[test]
    fn one_unavailable_replica_is_not_ready_whatever_the_strategy_allows() {
        let spec = "replicas: 1, strategy: {rollingUpdate: {maxUnavailable: 1}}";
        check(&[('P', "0 of 1", deployment(spec, "observedGeneration: 3, replicas: 1, updatedReplicas: 1"))]);
    }

    #[test]
    fn an_old_verdict_does_not_pass_for_a_new_generation() {
        let old = "observedGeneration: 2, replicas: 1, updatedReplicas: 1, availableReplicas: 1, conditions: [{type: Progressing, status: 'True', reason: NewReplicaSetAvailable}]";
        check(&[('P', "has not seen", deployment("", old))]);
    }
}
