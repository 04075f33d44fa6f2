//! Label selectors in their long form, as objects hold them.
//! <https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#resources-that-support-set-based-requirements>

use crate::object::Node;
use std::collections::BTreeMap;

/// Whether labels satisfy a selector; an empty selector is satisfied by all.
pub(super) fn matches(selector: &Node, labels: &Node) -> bool {
    let label = |key: &str| labels.get(key).and_then(Node::as_str);
    let equal = selector.get("matchLabels").map_or(&[][..], Node::entries);
    let equal = equal.iter().all(|(key, value)| label(key) == value.as_str());
    equal && expressions(selector).all(|expression| expression.holds(label(expression.key)))
}

/// Labels that satisfy a selector, as far as it demands any.
pub(super) fn satisfying(selector: &Node) -> BTreeMap<String, String> {
    let equal = selector.get("matchLabels").map_or(&[][..], Node::entries);
    let equal = equal.iter().map(|(key, value)| (key.to_string(), value.as_str().unwrap_or_default().to_owned()));
    let demanded = expressions(selector).filter_map(|expression| {
        let value = match expression.operator {
            "In" => *expression.values.first()?,
            "Exists" => "true",
            _ => return None,
        };
        Some((expression.key.to_owned(), value.to_owned()))
    });
    equal.chain(demanded).collect()
}

/// The selector as a query parameter has it: `app=a,tier in (b,c),!d`.
pub(super) fn text(selector: &Node) -> String {
    let equal = selector.get("matchLabels").map_or(&[][..], Node::entries);
    let equal = equal.iter().map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()));
    equal.chain(expressions(selector).map(|expression| expression.text())).collect::<Vec<_>>().join(",")
}

struct Expression<'n> {
    key: &'n str,
    operator: &'n str,
    values: Vec<&'n str>,
}

fn expressions(selector: &Node) -> impl Iterator<Item = Expression<'_>> {
    let all = selector.get("matchExpressions").map_or(&[][..], Node::items);
    all.iter().filter_map(|node| {
        let values = node.get("values").map_or(&[][..], Node::items).iter().filter_map(Node::as_str).collect();
        Some(Expression { key: node.get("key")?.as_str()?, operator: node.get("operator")?.as_str()?, values })
    })
}

impl Expression<'_> {
    fn holds(&self, label: Option<&str>) -> bool {
        let listed = label.is_some_and(|label| self.values.contains(&label));
        match self.operator {
            "In" => listed,
            "NotIn" => !listed,
            "Exists" => label.is_some(),
            _ => label.is_none(),
        }
    }

    fn text(&self) -> String {
        let values = self.values.join(",");
        match self.operator {
            "In" => format!("{} in ({values})", self.key),
            "NotIn" => format!("{} notin ({values})", self.key),
            "Exists" => self.key.to_owned(),
            _ => format!("!{}", self.key),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::rules::tests::object;
    use super::*;

    const SELECTOR: &str = "{matchLabels: {app: a}, matchExpressions: [{key: tier, operator: In, values: [b, c]}, {key: canary, operator: DoesNotExist}, {key: z, operator: NotIn, values: [q]}]}";

    #[test]
    fn selectors_match_and_print() {
        let selector = object(SELECTOR).node;
        let hits = |labels: &str| matches(&selector, &object(labels).node);
        assert!(hits("{app: a, tier: c}"));
        for labels in ["{app: a, tier: d}", "{tier: b}", "{app: a, tier: b, canary: x}", "{app: a, tier: b, z: q}"] {
            assert!(!hits(labels), "{labels}");
        }
        assert_eq!(text(&selector), "app=a,tier in (b,c),!canary,z notin (q)");
        assert!(matches(&Node::Null, &Node::Null));
    }

    #[test]
    fn satisfying_labels_satisfy() {
        let selector = object(SELECTOR).node;
        let labels = serde_json::json!(satisfying(&selector));
        assert!(matches(&selector, &Node::from(&labels)), "{labels}");
    }
}
