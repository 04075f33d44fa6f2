//! Gateway of the Gateway API: accepted and programmed, it and its listeners, with an address.

use super::{Condition, Verdict, condition, conditions, done, failed, progressing};
use crate::object::{Node, Object};

pub(super) fn verdict(object: &Object) -> Verdict {
    let generation = object.int_at("metadata.generation").unwrap_or_default();
    let is_current = |c: &Condition| c.speaks_of(generation);
    let refused = |c: &Condition| c.is_false() && is_current(c);
    let mut named = ["Accepted", "ResolvedRefs"].into_iter().filter_map(|name| condition(object, name));
    if let Some(refused) = named.find(refused) {
        return failed(refused.said());
    }
    if let Some(silent) = condition(object, "Programmed").filter(|condition| condition.observed.is_none()) {
        return progressing(format!("condition {} does not say which generation it speaks of", silent.name));
    }
    let listeners = object.items_at("status.listeners");
    let on_listeners = listeners
        .iter()
        .flat_map(|listener| listener.get("conditions").map_or(&[][..], Node::items).iter().map(conditions::read));
    let mut needed = on_listeners.clone().filter(|c| matches!(c.name, "Accepted" | "ResolvedRefs"));
    if let Some(wrong) = needed.clone().find(refused) {
        return failed(format!("a listener: {}", wrong.said()));
    }
    if let Some(old) = needed.find(|c| !is_current(c)) {
        return progressing(format!("a listener: condition {} is from before the last change", old.name));
    }
    let waiting = ["Accepted", "Programmed"]
        .into_iter()
        .map(|name| conditions::judge(object, name, "True"))
        .find(|verdict| !verdict.is_done());
    if let Some(waiting) = waiting {
        return waiting;
    }
    let mut programmed = on_listeners.filter(|c| c.name == "Programmed");
    if let Some(waiting) = programmed.clone().find(|c| !c.is_true()) {
        return progressing(format!("a listener: {}", waiting.said()));
    }
    if programmed.any(|c| !is_current(&c)) {
        return progressing("a listener: condition Programmed is from before the last change");
    }
    match object.str_at("status.addresses.0.value") {
        Some(address) => done(format!("is programmed at {address}")),
        None => progressing("has no address yet"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;

    #[test]
    fn conditions_listeners_and_address_count() {
        let gateway = |status: &str| {
            format!(
                "{{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {{name: g, generation: 2}}, status: {{{status}}}}}"
            )
        };
        let good = "{type: Accepted, status: 'True', observedGeneration: 2}, {type: Programmed, status: 'True', observedGeneration: 2}";
        let address = "addresses: [{value: 192.0.2.1}]";
        check(&[
            ('D', "192.0.2.1", gateway(&format!("{address}, conditions: [{good}]"))),
            ('P', "no address", gateway(&format!("conditions: [{good}]"))),
            ('P', "last change", gateway(&format!("{address}, conditions: [{}]", good.replace('2', "1")))),
            ('P', "no condition Accepted", gateway("")),
            (
                'P',
                "which generation",
                gateway(&format!("{address}, conditions: [{}]", good.replace(", observedGeneration: 2", ""))),
            ),
            (
                'P',
                "a listener: Programmed",
                gateway(&format!(
                    "{address}, conditions: [{good}], listeners: [{{conditions: [{{type: Programmed, status: 'False'}}]}}]"
                )),
            ),
            (
                'P',
                "a listener: condition Programmed is from before the last change",
                gateway(&format!(
                    "{address}, conditions: [{good}], listeners: [{{conditions: [{{type: Programmed, status: 'True', observedGeneration: 1}}]}}]"
                )),
            ),
            (
                'F',
                "a listener: ResolvedRefs",
                gateway(&format!(
                    "{address}, conditions: [{good}], listeners: [{{conditions: [{{type: ResolvedRefs, status: 'False'}}]}}]"
                )),
            ),
            (
                'P',
                "a listener: condition ResolvedRefs is from before the last change",
                gateway(&format!(
                    "{address}, conditions: [{good}], listeners: [{{conditions: [{{type: ResolvedRefs, status: 'False', observedGeneration: 1}}]}}]"
                )),
            ),
            (
                'F',
                "NoMatchingClass",
                gateway("conditions: [{type: Accepted, status: 'False', reason: NoMatchingClass}]"),
            ),
        ]);
    }
}
