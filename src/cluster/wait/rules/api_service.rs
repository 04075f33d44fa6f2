//! APIService: available. `False` may heal as soon as the pods behind it are ready.

use super::{Verdict, condition, done, progressing};
use crate::object::Object;

pub(super) fn verdict(object: &Object) -> Verdict {
    match condition(object, "Available") {
        Some(available) if available.is_true() => done("is available"),
        Some(available) => progressing(available.said()),
        None => progressing("is not available yet"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;

    #[test]
    fn availability_counts() {
        let service = |conditions: &str| {
            format!(
                "{{apiVersion: apiregistration.k8s.io/v1, kind: APIService, metadata: {{name: c}}, status: {{conditions: [{conditions}]}}}}"
            )
        };
        check(&[
            ('D', "available", service("{type: Available, status: 'True'}")),
            ('P', "MissingEndpoints", service("{type: Available, status: 'False', reason: MissingEndpoints}")),
            ('P', "not available", service("")),
        ]);
    }
}
