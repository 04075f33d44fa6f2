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

#[cfg(test)]
mod tests {
    use super::super::tests::check;

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
