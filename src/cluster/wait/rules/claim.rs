//! PersistentVolumeClaim: bound to a volume.

use super::{Verdict, done, failed, progressing};
use crate::object::Object;

pub(super) fn verdict(object: &Object) -> Verdict {
    match object.str_at("status.phase").unwrap_or("Pending") {
        "Bound" => done(format!("is bound to {}", object.str_at("spec.volumeName").unwrap_or("a volume"))),
        "Lost" => failed("has lost its volume"),
        phase => progressing(format!("is {phase}")),
    }
}

/// Whether an event about a claim says that it is bound only when a pod uses it: waiting for the claim before the pod
/// would wait for ever.
pub fn waits_for_consumer(event: &Object) -> bool {
    event.str_at("involvedObject.kind") == Some("PersistentVolumeClaim")
        && event.str_at("reason") == Some("WaitForFirstConsumer")
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;

    #[test]
    fn a_claim_that_waits_for_a_pod_says_so_in_an_event() {
        let event = |reason: &str| {
            super::super::tests::object(&format!(
                "{{kind: Event, reason: {reason}, involvedObject: {{kind: PersistentVolumeClaim}}}}"
            ))
        };
        assert!(super::waits_for_consumer(&event("WaitForFirstConsumer")));
        assert!(!super::waits_for_consumer(&event("ProvisioningFailed")));
    }

    #[test]
    fn only_bound_claims_are_ready() {
        let claim = |phase: &str| {
            format!(
                "{{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {{name: c}}, spec: {{volumeName: pv-1}}, status: {{phase: {phase}}}}}"
            )
        };
        check(&[('D', "pv-1", claim("Bound")), ('P', "Pending", claim("Pending")), ('F', "lost", claim("Lost"))]);
    }
}
