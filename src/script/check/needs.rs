//! Rights that a script uses and its header does not ask for.

use super::Reading;
use super::calls;
use super::literals::{entry, text};
use super::names::Names;
use super::tree::{self, CallNode};
use crate::engine::Effect;
use crate::failure::Failure;
use crate::grant::matches;
use rhai::{Expr, Position};

/// A right that a call needs.
struct Need {
    key: &'static str,
    /// What it has to cover, where the text tells it.
    entry: Option<String>,
    what: String,
}

pub(super) fn check(reading: &mut Reading<'_>, names: &Names) {
    let mut wrong: Vec<(Position, Failure)> = Vec::new();
    tree::each(reading.ast, |path| {
        let Some(node) = tree::call(path).filter(|node| node.is_method) else { return };
        let Some(need) = need(reading, names, &node) else { return };
        if !covered(reading, &need) {
            let entry = need.entry.as_deref().unwrap_or("…");
            let hint = match need.key {
                "reveal" => "add `reveal: true` to `needs` in the header".to_owned(),
                key => format!("add it to the header: `needs: {{{key}: [\"{entry}\"]}}`"),
            };
            wrong.push((
                node.position,
                Failure::usage(format!("`needs` does not cover this: it would {}", need.what)).hint(hint),
            ));
        }
    });
    wrong.into_iter().for_each(|(position, failure)| reading.at(position, failure));
}

fn need(reading: &Reading<'_>, names: &Names, node: &CallNode<'_>) -> Option<Need> {
    let (known, name, args) = (reading.known, node.call.name.as_str(), &node.call.args);
    let first = || args.first().and_then(text).map(str::to_owned);
    let need = |key, entry: Option<String>, what: String| Some(Need { key, entry, what });
    let said = |entry: &Option<String>| entry.as_ref().map(|entry| format!(" `{entry}`")).unwrap_or_default();
    if let Some(on) = node.receiver.filter(|_| node.owner.is_none()).and_then(|expr| names.namespace(expr, known)) {
        let entry = first();
        return match (on, name) {
            ("exec", "run" | "version") => need(
                "exec",
                entry.clone(),
                format!("start{}", if entry.is_some() { said(&entry) } else { " a program".into() }),
            ),
            ("secret", "env") => need("env", entry.clone(), format!("read the variable{}", said(&entry))),
            ("secret", "file") => need("files", entry.clone(), format!("read the file{}", said(&entry))),
            ("secret", "authority") => {
                need("authorities", entry.clone(), format!("make or sign with the authority{}", said(&entry)))
            }
            ("secret", "reveal") => need("reveal", None, "open a secret".into()),
            ("secret", "read") => {
                let entry = args.get(1).and_then(text).map(str::to_owned);
                need("secrets", entry.clone(), format!("read the Secret{}", said(&entry)))
            }
            ("kube", "cluster") => entry.and_then(|entry| {
                need("contexts", Some(entry.clone()), format!("use the context `{entry}`, which is no parameter"))
            }),
            _ => None,
        };
    }
    let is_cluster = calls::kind(reading, names, node) == Some("Cluster");
    let callable = known.on("Cluster", name)?;
    let is_only = known.built_in(name).is_none() && !names.functions.contains_key(name) && !names.fields.contains(name);
    if !is_cluster && !is_only {
        return None;
    }
    match name {
        "exec" => {
            let place = first().and_then(|pod| Some(pod.split_once('/')?.0.to_owned()));
            need(
                "pods",
                place.clone(),
                format!("run a program in a pod{}", place.map(|place| format!(" of {place}")).unwrap_or_default()),
            )
        }
        "forward" => need("hosts", Some("clusters".into()), "connect to a port of a pod".into()),
        _ if callable.effect == Effect::Write => {
            let place = args.first().and_then(|object| place_of(object, args.get(1)));
            need(
                "write",
                place.clone(),
                format!("write{}", place.map(|place| format!(" in {place}")).unwrap_or_else(|| " to a cluster".into())),
            )
        }
        _ => None,
    }
}

/// The namespace of an object that stands in the text, or of a kind and a name `namespace/name`.
fn place_of(object: &Expr, name: Option<&Expr>) -> Option<String> {
    match object {
        Expr::Map(..) => entry(entry(object, "metadata")?, "namespace").and_then(text).map(str::to_owned),
        Expr::StringConstant(..) => Some(text(name?)?.split_once('/')?.0.to_owned()),
        _ => None,
    }
}

fn covered(reading: &Reading<'_>, need: &Need) -> bool {
    let needs = &reading.header.needs;
    let lists: &[&[String]] = match need.key {
        "reveal" => return needs.reveal,
        "exec" => &[&needs.exec],
        "env" => &[&needs.env],
        "files" => &[&needs.files],
        "authorities" => &[&needs.authorities],
        "secrets" => &[&needs.secrets],
        "contexts" => &[&needs.contexts],
        "hosts" => &[&needs.hosts],
        // Whoever may write pods in a namespace may run programs in them.
        "pods" => &[&needs.pods, &needs.write],
        _ => &[&needs.write],
    };
    let mut entries = lists.iter().flat_map(|list| list.iter()).filter(|entry| !entry.starts_with('!'));
    match &need.entry {
        None => entries.next().is_some(),
        Some(wanted) => entries.any(|entry| covers(need.key, entry, wanted)),
    }
}

fn covers(key: &str, entry: &str, wanted: &str) -> bool {
    // What a parameter will be is not known.
    let mut pattern = String::new();
    let mut rest = entry;
    while let Some((before, after)) = rest.split_once('{') {
        pattern += before;
        pattern.push('*');
        rest = after.split_once('}').map_or("", |(_, after)| after);
    }
    pattern += rest;
    match key {
        "files" if pattern.contains('*') => {
            let (pattern, wanted) = (dotless(&pattern), dotless(wanted));
            wanted.ancestors().any(|part| matches(&pattern.to_string_lossy(), &part.to_string_lossy()))
        }
        "files" => dotless(wanted).starts_with(dotless(&pattern)),
        "write" | "pods" => matches(pattern.split('/').next().unwrap_or_default(), wanted),
        "secrets" => {
            matches(&pattern, wanted)
                || !pattern.contains('/') && matches(&pattern, wanted.split('/').next().unwrap_or_default())
        }
        _ => matches(&pattern, wanted),
    }
}

/// A path without the components `.`, which mean nothing.
fn dotless(path: &str) -> std::path::PathBuf {
    let parts = std::path::Path::new(path).components();
    parts.filter(|part| *part != std::path::Component::CurDir).collect()
}

#[cfg(test)]
mod tests {
    use super::covers;

    #[test]
    fn a_file_is_covered_however_its_path_is_written() {
        for (entry, wanted) in [("certs", "./certs/ca.pem"), ("./certs", "certs/ca.pem"), ("certs/.", "certs/./a")] {
            assert!(covers("files", entry, wanted), "{entry} {wanted}");
        }
        assert!(covers("files", "certs/*.pem", "certs/ca.pem") && covers("files", "{folder}", "certs/ca.pem"));
        assert!(!covers("files", "certs/*.pem", "certs/ca.key") && !covers("files", "*.pem", "certs"));
        assert!(!covers("files", "./certs", "./other/ca.pem") && !covers("files", "certs", "../certs/ca.pem"));
    }
}
