//! CustomResourceDefinition: its names are accepted and it is established. That it is served is confirmed elsewhere.

use super::{Condition, Verdict, condition, done, failed, progressing};
use crate::object::Object;

pub(super) fn verdict(object: &Object) -> Verdict {
    let wrong = condition(object, "NamesAccepted").filter(Condition::is_false);
    let wrong = wrong.or_else(|| condition(object, "NonStructuralSchema").filter(Condition::is_true));
    if let Some(wrong) = wrong {
        return failed(wrong.said());
    }
    match condition(object, "Established") {
        Some(established) if established.is_true() => done("is established"),
        Some(established) => progressing(established.said()),
        None => progressing("is not established yet"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;

    #[test]
    fn names_and_schema_must_be_accepted() {
        let crd = |conditions: &str| {
            format!(
                "{{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {{name: c}}, status: {{conditions: [{conditions}]}}}}"
            )
        };
        check(&[
            ('D', "established", crd("{type: NamesAccepted, status: 'True'}, {type: Established, status: 'True'}")),
            ('P', "Installing", crd("{type: Established, status: 'False', reason: Installing}")),
            ('P', "not established", crd("")),
            ('F', "already in use", crd("{type: NamesAccepted, status: 'False', message: already in use}")),
            (
                'F',
                "NonStructural",
                crd("{type: Established, status: 'True'}, {type: NonStructuralSchema, status: 'True'}"),
            ),
        ]);
    }
}
