//! The only place that reads and writes YAML.

use super::{Node, Object};
use crate::failure::{Failure, Kind, Result};

/// The documents of a YAML (or JSON) text; empty documents are skipped and `List` kinds are taken apart.
///
/// # Errors
/// [`Kind::Invalid`] with line, column and the text around it.
pub fn parse(text: &str) -> Result<Vec<Object>> {
    let options = serde_yaml::options! {
        // `0644` is a file mode to every Kubernetes tool.
        legacy_octal_numbers: true,
        budget: serde_yaml::budget! { max_nodes: 5_000_000, max_events: 20_000_000 },
    };
    let documents: Vec<Node> = serde_yaml::from_multiple_with_options(text, options)
        .map_err(|e| Failure::new(Kind::Invalid, format!("not YAML: {e}")))?;
    let objects = documents.into_iter().filter(|node| *node != Node::Null).flat_map(flatten);
    Ok(objects.map(|node| Object::new(node).sealed()).collect())
}

fn flatten(node: Node) -> Vec<Node> {
    let is_list = node.get("kind").and_then(Node::as_str) == Some("List");
    match node.get("items") {
        Some(items) if is_list => items.items().to_vec(),
        _ => vec![node],
    }
}

/// YAML text of a tree, secrets masked.
pub fn emit(node: &Node) -> String {
    serde_yaml::to_string(node).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_documents_and_lists_become_objects() {
        let objects = parse("kind: A\n---\n---\nkind: List\nitems: [{kind: B}, {kind: C}]\n").expect("yaml");
        let kinds: Vec<_> = objects.iter().map(Object::kind).collect();
        assert_eq!(kinds, ["A", "B", "C"]);
    }

    #[test]
    fn a_mistake_is_shown_with_its_place() {
        let failure = parse("a: 1\nb: [1,\nc: 2\n").expect_err("broken");
        assert!(failure.message.contains("line"), "{}", failure.message);
    }

    #[test]
    fn what_yaml_could_misread_is_quoted() {
        let text = emit(&Node::from(&serde_json::json!({"on": "yes", "port": "443", "mode": "0644"})));
        assert_eq!(
            parse(&text).expect("yaml")[0].to_wire(),
            serde_json::json!({"on": "yes", "port": "443", "mode": "0644"})
        );
    }
}
