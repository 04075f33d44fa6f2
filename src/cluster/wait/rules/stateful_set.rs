//! StatefulSet: every pod is ready and, down to the partition, of the newest revision.

use super::{Verdict, done, progressing, status, wanted_replicas};
use crate::object::Object;

pub(super) fn verdict(object: &Object) -> Verdict {
    let wanted = wanted_replicas(object);
    let minimum = object.int_at("spec.minReadySeconds").unwrap_or_default();
    let (word, ready) = match minimum {
        0 => ("ready", status(object, "readyReplicas")),
        _ => ("available", status(object, "availableReplicas")),
    };
    if status(object, "replicas") != wanted || ready < wanted {
        return progressing(format!("{ready} of {wanted} replicas are {word}"));
    }
    if object.str_at("spec.updateStrategy.type") == Some("OnDelete") {
        return done(format!("{ready} of {wanted} replicas are {word}; pods take the newest template when deleted"));
    }
    rolled_out(object, wanted).unwrap_or_else(|| done(format!("{ready} of {wanted} replicas are {word}")))
}

fn rolled_out(object: &Object, wanted: i64) -> Option<Verdict> {
    let partition = object.int_at("spec.updateStrategy.rollingUpdate.partition").unwrap_or_default();
    let (updated, expected) = (status(object, "updatedReplicas"), (wanted - partition).max(0));
    let (current, newest) = (object.str_at("status.currentRevision"), object.str_at("status.updateRevision"));
    // Controllers leave `updatedReplicas` out once current and newest revision are the same.
    if current.is_some() && current == newest {
        return None;
    }
    if updated < expected {
        return Some(progressing(format!("{updated} of {expected} replicas have been updated")));
    }
    (partition == 0 && current != newest).then(|| progressing("the newest revision is not the current one yet"))
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;

    fn set(spec: &str, status: &str) -> String {
        format!(
            "{{apiVersion: apps/v1, kind: StatefulSet, metadata: {{name: s, generation: 1}}, spec: {{{spec}}}, status: {{observedGeneration: 1, {status}}}}}"
        )
    }

    #[test]
    fn replicas_revision_and_partition_count() {
        let same = "currentRevision: a, updateRevision: a";
        let next = "currentRevision: a, updateRevision: b";
        check(&[
            ('D', "2 of 2", set("replicas: 2", &format!("replicas: 2, readyReplicas: 2, updatedReplicas: 2, {same}"))),
            ('D', "2 of 2", set("replicas: 2", &format!("replicas: 2, readyReplicas: 2, {same}"))),
            ('P', "1 of 2", set("replicas: 2", &format!("replicas: 2, readyReplicas: 1, {same}"))),
            ('P', "1 of 2", set("replicas: 2", &format!("replicas: 1, readyReplicas: 1, {same}"))),
            (
                'P',
                "1 of 2 replicas have been",
                set("replicas: 2", &format!("replicas: 2, readyReplicas: 2, updatedReplicas: 1, {next}")),
            ),
            ('P', "current", set("replicas: 2", &format!("replicas: 2, readyReplicas: 2, updatedReplicas: 2, {next}"))),
            (
                'D',
                "2 of 2",
                set(
                    "replicas: 2, updateStrategy: {rollingUpdate: {partition: 1}}",
                    &format!("replicas: 2, readyReplicas: 2, updatedReplicas: 1, {next}"),
                ),
            ),
            (
                'D',
                "when deleted",
                set("replicas: 1, updateStrategy: {type: OnDelete}", &format!("replicas: 1, readyReplicas: 1, {next}")),
            ),
            (
                'P',
                "0 of 1 replicas are available",
                set("minReadySeconds: 5", &format!("replicas: 1, readyReplicas: 1, {same}")),
            ),
        ]);
    }
}
