//! The only place that reads and writes YAML.

mod places;

pub use places::{KeyLine, key_lines};

use super::{Node, Object};
use crate::failure::{Failure, Kind, Place, Result};
use crate::secret::Secret;
use std::sync::Arc;

/// The documents of a YAML (or JSON) text; empty documents are skipped and `List` kinds are taken apart.
///
/// # Errors
/// [`Kind::Invalid`] with line, column and the text around it.
pub fn parse(text: &str) -> Result<Vec<Object>> {
    Ok(parse_open(text)?.into_iter().map(|node| Object::new(node).sealed()).collect())
}

/// The documents of a secret text.
///
/// # Errors
/// As [`value_of_secret`].
pub fn parse_secret(secret: &Secret) -> Result<Vec<Object>> {
    parse(secret.reveal()).map_err(|_| unreadable(secret))
}

/// The value of a secret text.
///
/// # Errors
/// [`Kind::Invalid`] with line and column, and nothing else: the words around a mistake may be what is secret.
pub fn value_of_secret(secret: &Secret) -> Result<Object> {
    value(secret.reveal()).map_err(|_| unreadable(secret))
}

fn unreadable(secret: &Secret) -> Failure {
    let place = parse_file("", secret.reveal()).err().and_then(|failure| failure.places.into_iter().next());
    let at = place.map(|at| format!(" (line {}, column {})", at.line, at.column)).unwrap_or_default();
    Failure::new(Kind::Invalid, format!("{secret} is not YAML that can be read{at}"))
}

/// The documents of a YAML text as plain trees: values of Secrets stay text. For rehearsed software, which reads Secrets
/// as the real one does.
///
/// # Errors
/// As [`parse`].
pub fn parse_open(text: &str) -> Result<Vec<Node>> {
    Ok(documents(text)?.into_iter().filter(|node| *node != Node::Null).flat_map(flatten).collect())
}

/// The value of a text: of several documents, and of a `List`, a list. A text without any is an empty one.
///
/// # Errors
/// As [`parse`].
pub fn value(text: &str) -> Result<Object> {
    let mut documents = documents(text)?;
    let is_list = |node: &Node| node.get("kind").and_then(Node::as_str) == Some("List") && node.get("items").is_some();
    let says = |line: &str| !line.is_empty() && !line.starts_with('#') && line != "---";
    match documents.len() {
        // The reader passes over what is null.
        0 if text.lines().any(|line| says(line.trim())) => return Ok(Object::default()),
        1 if !is_list(&documents[0]) => return Ok(Object::new(documents.remove(0)).sealed()),
        _ => {}
    }
    let documents = documents.into_iter().filter(|node| *node != Node::Null).flat_map(flatten);
    let nodes = documents.map(|node| Object::new(node).sealed().node);
    Ok(Object::new(Node::Array(Arc::new(nodes.collect()))))
}

fn documents(text: &str) -> Result<Vec<Node>> {
    let options = serde_yaml::options! {
        // `0644` is a file mode to every Kubernetes tool.
        legacy_octal_numbers: true,
        // The lines around a mistake could hold a Secret's content.
        with_snippet: !text.contains("Secret"),
        budget: serde_yaml::budget! { max_nodes: 5_000_000, max_events: 20_000_000 },
    };
    serde_yaml::from_multiple_with_options(text, options)
        .map_err(|e| Failure::new(Kind::Invalid, format!("not YAML: {e}")))
}

/// The documents of a file that the user wrote; a mistake in it has its place in that file.
///
/// # Errors
/// [`Kind::Usage`] with the place.
pub fn parse_file(name: &str, text: &str) -> Result<Vec<Object>> {
    parse(text).map_err(|failure| {
        let options = serde_yaml::options! { with_snippet: false };
        let Err(error) = serde_yaml::from_multiple_with_options::<Node>(text, options) else { return failure };
        let said = error.to_string();
        let said = said.strip_prefix("error: ").unwrap_or(&said);
        let at = error.location();
        let end = at.map(|at| format!(" at line {}, column {}", at.line(), at.column())).unwrap_or_default();
        let said = said.trim().trim_end_matches(end.as_str());
        // The library's advice is for programmers.
        let said = said.split(", set DuplicateKeyPolicy").next().unwrap_or(said);
        let mut failure = Failure::usage(format!("{name} is not YAML: {said}"));
        failure.places.extend(at.map(|at| Place {
            source: name.to_owned(),
            line: usize::try_from(at.line()).unwrap_or(1),
            column: usize::try_from(at.column()).unwrap_or(1),
        }));
        failure
    })
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

/// The text with the value at `path` (`networks.network1.gateways[0].address`) set; comments, order and layout of all
/// else stay. A value that is there already leaves the text untouched. Missing maps on the way are made.
///
/// # Errors
/// [`Kind::Invalid`] when the text is not one YAML document, or the path leads through something that is no map or list.
pub fn set(text: &str, path: &str, value: &Node) -> Result<String> {
    use yaml_edit::path::YamlPath;
    let before = single(text)?;
    if at_path(&before, path) == Some(value) {
        return Ok(text.to_owned());
    }
    let refuse = |why: &str| Failure::new(Kind::Invalid, format!("cannot set `{path}` in this YAML: {why}"));
    let document: yaml_edit::Document = text.parse().map_err(|e: yaml_edit::YamlError| refuse(&e.to_string()))?;
    let done = match value {
        Node::Bool(value) => document.try_set_path(path, *value),
        Node::Int(number) => document.try_set_path(path, *number),
        Node::Float(number) => document.try_set_path(path, *number),
        Node::Str(text) => document.try_set_path(path, &**text),
        other => {
            let part: yaml_edit::Document =
                emit(other).parse().map_err(|e: yaml_edit::YamlError| refuse(&e.to_string()))?;
            match (part.as_mapping(), part.as_sequence()) {
                (Some(map), _) => document.try_set_path(path, map),
                (_, Some(list)) => document.try_set_path(path, list),
                _ => return Err(refuse("the value has no YAML form")),
            }
        }
    };
    done.map_err(|e| refuse(&e.to_string()))?;
    let after = document.to_string();
    // The editor is trusted with layout only: what it wrote must read back as the value that was asked for.
    match at_path(&single(&after)?, path) == Some(value) {
        true => Ok(after),
        false => Err(refuse("the path leads through something that is no map or list")),
    }
}

fn single(text: &str) -> Result<Node> {
    let mut documents = parse_open(text)?;
    match documents.len() {
        0 => Ok(Node::Null),
        1 => Ok(documents.remove(0)),
        n => Err(Failure::new(Kind::Invalid, format!("expected one YAML document, found {n}"))),
    }
}

fn at_path<'n>(node: &'n Node, path: &str) -> Option<&'n Node> {
    let keys = path.split(['.', '[']).map(|key| key.trim_end_matches(']'));
    keys.filter(|key| !key.is_empty()).try_fold(node, |node, key| node.get(key))
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
    fn a_mistake_in_a_secret_shows_nothing_of_it() {
        let failure =
            parse("kind: Secret\nstringData: {token: planted-yaml-41, other: \"a\"b\"}\n").expect_err("broken");
        assert!(failure.message.contains("line 2"), "{}", failure.message);
        assert!(!failure.message.contains("planted"), "{}", failure.message);
    }

    const NETWORKS: &str = "# Network map\nnetworks:\n  network1: # primary\n    endpoints:\n    - fromRegistry: Kubernetes\n    gateways:\n    - address: 0.0.0.0 # placeholder\n      port: 443\n";

    #[test]
    fn setting_a_value_keeps_comments_and_order() {
        let text = set(NETWORKS, "networks.network1.gateways[0].address", &Node::Str("10.0.0.9".into())).expect("set");
        assert_eq!(text, NETWORKS.replace("0.0.0.0", "10.0.0.9"));
    }

    #[test]
    fn setting_an_equal_value_changes_nothing() {
        let text = set(NETWORKS, "networks.network1.gateways[0].port", &Node::Int(443)).expect("set");
        assert_eq!(text, NETWORKS);
    }

    #[test]
    fn setting_makes_what_is_missing() {
        let network = Node::from(&serde_json::json!({"gateways": [{"address": "elb.example.com", "port": 443}]}));
        let text = set(NETWORKS, "networks.network2", &network).expect("set");
        assert!(text.starts_with(NETWORKS));
        assert_eq!(single(&text).expect("yaml").get("networks").and_then(|n| n.get("network2")), Some(&network));
        let text = set("networks: {}\n", "networks.network2", &network).expect("set");
        assert_eq!(at_path(&single(&text).expect("yaml"), "networks.network2.gateways[0].port"), Some(&Node::Int(443)));
    }

    #[test]
    fn a_path_through_a_text_is_refused() {
        assert_eq!(set("a: text\n", "a.b.c", &Node::Int(1)).expect_err("refused").kind, Kind::Invalid);
    }

    #[test]
    fn what_yaml_could_misread_is_quoted() {
        let text = emit(&Node::from(&serde_json::json!({"on": "yes", "port": "443", "mode": "0644"})));
        assert_eq!(
            parse(&text).expect("yaml")[0].to_wire(),
            serde_json::json!({"on": "yes", "port": "443", "mode": "0644"})
        );
    }

    #[test]
    fn keys_are_read_as_they_are_written() {
        let text = "n: 1\ny: 2\non: 3\ntrue: 4\n8080: 5\n0644: 6\n1.0: 7\n\"q\": 8\n";
        let documents = parse(text).expect("YAML");
        let keys: Vec<&str> = documents[0].node.entries().iter().map(|(key, _)| &**key).collect();
        assert_eq!(keys, ["n", "y", "on", "true", "8080", "0644", "1.0", "q"]);
        assert!(parse("~: 1").is_err(), "nothing is no key");
    }

    #[test]
    fn numbers_and_values_of_secrets_are_set_too() {
        assert_eq!(set("a: 1\n", "a", &Node::Float(1.5)).expect("set"), "a: 1.5\n");
        let manifest = "kind: Secret\nstringData:\n  a: b\n";
        let after = set(manifest, "stringData.a", &Node::Str("c".into())).expect("set");
        assert_eq!(after, "kind: Secret\nstringData:\n  a: c\n");
    }

    #[test]
    fn the_value_of_a_text_has_the_shape_it_is_written_in() {
        let value = |text: &str| value(text).expect("yaml").to_wire();
        assert_eq!((value(""), value("# nothing\n---\n")), (serde_json::json!([]), serde_json::json!([])));
        assert_eq!((value("null"), value("a: 1")), (serde_json::json!(null), serde_json::json!({"a": 1})));
        assert_eq!(value("kind: List\nitems: [{kind: B}]"), serde_json::json!([{"kind": "B"}]));
        assert_eq!(value("a: 1\n---\nnull\n---\nb: 2\n"), serde_json::json!([{"a": 1}, {"b": 2}]));
    }
}
