//! Job: completed.

use super::{Condition, Verdict, condition, done, failed, progressing, status};
use crate::object::Object;

pub(super) fn verdict(object: &Object) -> Verdict {
    let holds = |name| condition(object, name).filter(Condition::is_true);
    if holds("Complete").is_some() {
        return done("is complete");
    }
    // `FailureTarget` announces the failure while the pods are still being ended.
    if let Some(failure) = holds("Failed").or_else(|| holds("FailureTarget")) {
        return failed(failure.said());
    }
    if object.at("spec.suspend").and_then(|suspend| suspend.as_bool()) == Some(true) {
        return failed("is suspended: nothing will run until spec.suspend is false");
    }
    if holds("SuccessCriteriaMet").is_some() {
        return progressing("has met its success criteria; its pods are being ended");
    }
    let (active, ended) = (status(object, "active"), status(object, "succeeded"));
    let wanted = object.int_at("spec.completions").unwrap_or(1);
    progressing(format!("{ended} of {wanted} completions, {active} pods active, {} failed", status(object, "failed")))
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;

    #[test]
    fn only_completion_counts() {
        let job = |spec: &str, status: &str| {
            format!(
                "{{apiVersion: batch/v1, kind: Job, metadata: {{name: j}}, spec: {{{spec}}}, status: {{{status}}}}}"
            )
        };
        check(&[
            ('D', "complete", job("", "conditions: [{type: Complete, status: 'True'}]")),
            ('P', "0 of 1", job("", "startTime: now, active: 1")),
            ('P', "0 of 1", job("", "active: 1, conditions: [{type: Failed, status: 'False'}]")),
            (
                'F',
                "BackoffLimitExceeded",
                job("", "conditions: [{type: Failed, status: 'True', reason: BackoffLimitExceeded}]"),
            ),
            (
                'F',
                "PodFailurePolicy",
                job("", "conditions: [{type: FailureTarget, status: 'True', reason: PodFailurePolicy}]"),
            ),
            ('P', "success criteria", job("", "conditions: [{type: SuccessCriteriaMet, status: 'True'}]")),
            ('F', "suspended", job("suspend: true", "")),
        ]);
    }
}
