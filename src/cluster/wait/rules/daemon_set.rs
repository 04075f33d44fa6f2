//! DaemonSet: a pod of the newest template is available on every node that should have one.

use super::{Verdict, done, progressing, status};
use crate::object::Object;

pub(super) fn verdict(object: &Object) -> Verdict {
    let wanted = status(object, "desiredNumberScheduled");
    let (updated, available) = (status(object, "updatedNumberScheduled"), status(object, "numberAvailable"));
    let ready = status(object, "numberReady");
    let on_delete = object.str_at("spec.updateStrategy.type") == Some("OnDelete");
    if updated < wanted && !on_delete {
        return progressing(format!("{updated} of {wanted} pods have been updated"));
    }
    if available.min(ready) < wanted {
        return progressing(format!("{} of {wanted} pods are available", available.min(ready)));
    }
    match (wanted, on_delete) {
        (0, _) => done("no node matches it"),
        (_, true) => {
            done(format!("{available} of {wanted} pods are available; they take the newest template when deleted"))
        }
        _ => done(format!("{available} of {wanted} pods are available")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;

    fn set(status: &str) -> String {
        format!("{{apiVersion: apps/v1, kind: DaemonSet, metadata: {{name: s, generation: 1}}, status: {{{status}}}}}")
    }

    #[test]
    fn every_node_counts() {
        let all = "observedGeneration: 1, desiredNumberScheduled: 3, updatedNumberScheduled: 3, numberReady: 3, numberAvailable: 3";
        check(&[
            ('D', "3 of 3", set(all)),
            ('D', "no node", set("observedGeneration: 1")),
            ('P', "not seen", set("desiredNumberScheduled: 0")),
            ('P', "2 of 3 pods have", set(&all.replace("updatedNumberScheduled: 3", "updatedNumberScheduled: 2"))),
            ('P', "1 of 3 pods are", set(&all.replace("numberAvailable: 3", "numberAvailable: 1"))),
            ('P', "2 of 3 pods are", set(&all.replace("numberReady: 3", "numberReady: 2"))),
        ]);
    }
}
