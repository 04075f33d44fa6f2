//! Conditions, and the rule for kinds that have no rule of their own.

use super::{Verdict, done, progressing};
use crate::object::{Node, Object};
use crate::plain;

/// One entry of `status.conditions`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Condition<'a> {
    /// Its type, such as `Available`.
    pub name: &'a str,
    /// `True`, `False` or `Unknown`.
    pub status: &'a str,
    /// A word for why.
    pub reason: &'a str,
    /// A sentence for why.
    pub message: &'a str,
    /// The generation of the object that it speaks of, when it says so.
    pub observed: Option<i64>,
}

impl Condition<'_> {
    /// Whether its status is `True`.
    pub fn is_true(&self) -> bool {
        self.status == "True"
    }

    /// Whether its status is `False`.
    pub fn is_false(&self) -> bool {
        self.status == "False"
    }

    /// Whether it speaks of this generation of its object, as far as it says.
    pub fn speaks_of(&self, generation: i64) -> bool {
        self.observed.is_none_or(|observed| observed >= generation)
    }

    /// `Type: Reason: message`, without the parts that are missing.
    pub fn said(&self) -> String {
        let parts = [self.name, self.reason, self.message].map(|part| plain::line(part, 300));
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ")
    }
}

/// All conditions of an object.
pub fn conditions(object: &Object) -> impl Iterator<Item = Condition<'_>> {
    object.items_at("status.conditions").iter().map(read)
}

/// The condition of this type.
pub fn condition<'o>(object: &'o Object, name: &str) -> Option<Condition<'o>> {
    conditions(object).find(|condition| condition.name.eq_ignore_ascii_case(name))
}

pub(super) fn read(node: &Node) -> Condition<'_> {
    let text = |key| node.get(key).and_then(Node::as_str).unwrap_or_default();
    Condition {
        name: text("type"),
        status: text("status"),
        reason: text("reason"),
        message: text("message"),
        observed: node.get("observedGeneration").and_then(Node::as_int),
    }
}

/// Whether a condition has this status and speaks of the object as it is now.
pub fn judge(object: &Object, name: &str, status: &str) -> Verdict {
    let Some(found) = condition(object, name) else {
        let known: Vec<_> = conditions(object).map(|c| c.name).collect();
        let known = if known.is_empty() { "no conditions".into() } else { format!("only {}", known.join(", ")) };
        return progressing(format!("has no condition {name} yet ({known})"));
    };
    let generation = object.int_at("metadata.generation").unwrap_or_default();
    let observed = found.observed.or_else(|| object.int_at("status.observedGeneration"));
    if observed.is_some_and(|observed| observed < generation) {
        return progressing(format!("condition {name} does not speak of the last change yet"));
    }
    if found.status.eq_ignore_ascii_case(status) {
        return done(format!("{name} is {}", found.status));
    }
    progressing(format!(
        "{name} is {} ({})",
        if found.status.is_empty() { "missing" } else { found.status },
        found.said()
    ))
}

/// The rule for everything else: `Ready` or `Available` must be true where a kind has it. `Ready=False` is no failure,
/// it is how most controllers say "not yet". Kinds that report nothing are ready when they exist.
pub(super) fn verdict(object: &Object) -> Verdict {
    match ["Ready", "Available"].into_iter().find(|name| condition(object, name).is_some()) {
        Some(name) => judge(object, name, "True"),
        None => done("exists; reports neither Ready nor Available"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check, object};
    use super::*;

    fn certificate(generation: i64, conditions: &str) -> String {
        format!(
            "{{apiVersion: cert-manager.io/v1, kind: Certificate, metadata: {{name: c, generation: {generation}}}, status: {{conditions: [{conditions}]}}}}"
        )
    }

    #[test]
    fn other_kinds_are_judged_by_their_conditions() {
        check(&[
            ('D', "Ready is True", certificate(1, "{type: Ready, status: 'True'}")),
            ('D', "Available is True", certificate(1, "{type: Available, status: 'True'}")),
            (
                'P',
                "Ready is False (Ready: Pending: soon)",
                certificate(1, "{type: Ready, status: 'False', reason: Pending, message: soon}"),
            ),
            ('P', "last change", certificate(2, "{type: Ready, status: 'True', observedGeneration: 1}")),
            ('P', "Reconciling", certificate(1, "{type: Ready, status: 'True'}, {type: Reconciling, status: 'True'}")),
            ('D', "exists", certificate(1, "{type: Synced, status: 'True'}")),
            ('D', "exists", "{kind: ConfigMap, metadata: {name: c}}".into()),
        ]);
    }

    #[test]
    fn a_named_condition_may_be_wanted_false() {
        let object = object(&certificate(1, "{type: Issuing, status: 'False'}"));
        assert!(judge(&object, "Issuing", "False").is_done());
        assert!(judge(&object, "issuing", "false").is_done());
        assert!(judge(&object, "Ready", "True").text().contains("only Issuing"));
    }
}
