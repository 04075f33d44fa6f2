//! The rights a script asks for, and how the flags of a run narrow or widen them.

use super::values::Values;
use crate::engine::nearest;
use crate::failure::{Failure, Result};
use crate::grant;
use crate::object::Node;

/// The rights a script asks for: names and patterns with `*`; after `!` stands what it may not all the same. In a
/// header, entries may name parameters, as in `"{namespace}"`. Without any, it may only read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Needs {
    /// Contexts it uses beside those in its parameters.
    pub contexts: Vec<String>,
    /// What it changes: `NAMESPACE`, `NAMESPACE/KIND`, and `cluster-scoped` in place of a namespace.
    pub write: Vec<String>,
    /// Namespaces whose pods it runs programs in; whoever may write pods there may as well.
    pub pods: Vec<String>,
    /// Secrets whose content it reads: `NAMESPACE` or `NAMESPACE/NAME`. Names, labels and keys are free.
    pub secrets: Vec<String>,
    /// Local programs it starts.
    pub exec: Vec<String>,
    /// Hosts it looks up or connects to: `HOST`, `HOST:PORT`, a URL, or `clusters` for those that the clusters name.
    pub hosts: Vec<String>,
    /// Local files and folders it reads.
    pub files: Vec<String>,
    /// Environment variables it reads.
    pub env: Vec<String>,
    /// Certificate authorities that it makes and signs with.
    pub authorities: Vec<String>,
    /// Whether it opens secrets with `secret.reveal`.
    pub reveal: bool,
}

/// A key of `needs`.
pub struct Right {
    /// Its name.
    pub key: &'static str,
    /// What it allows, before the entries: `write in shop`.
    words: &'static str,
    /// What its entries are.
    pub help: &'static str,
    /// What may stand behind it.
    pub example: &'static str,
}

const fn right(key: &'static str, words: &'static str, help: &'static str, example: &'static str) -> Right {
    Right { key, words, help, example }
}

/// The keys of `needs` that are lists.
const LISTS: [Right; 9] = [
    right(
        "write",
        "write in",
        "What it changes: a namespace, kinds in one, or `cluster-scoped` for what lies outside namespaces.",
        "[mesh, \"shop/ConfigMap\", cluster-scoped]",
    ),
    right(
        "pods",
        "run programs in pods of",
        "Namespaces whose pods it runs programs in; `write: [shop]` gives that too.",
        "[shop]",
    ),
    right(
        "secrets",
        "read the content of Secrets",
        "Secrets whose content it reads: a namespace, or one Secret in it. Names, labels and keys are free.",
        "[\"mesh/cacerts\"]",
    ),
    right("exec", "start", "Local programs.", "[istioctl]"),
    right(
        "authorities",
        "make and sign with the certificate authorities",
        "Certificate authorities that it makes and signs with.",
        "[\"mesh-*\"]",
    ),
    right("files", "read the local files", "Local files and folders.", "[certs]"),
    right("env", "read the variables", "Environment variables.", "[CORP_TOKEN]"),
    right(
        "hosts",
        "connect to",
        "Where it looks names up and connects to: hosts, ports, URLs; `clusters` for what the clusters name, and for ports of pods.",
        "[clusters, \"api.example.com:443\"]",
    ),
    right("contexts", "use the contexts", "Clusters beside those in its parameters.", "[audit]"),
];

/// The other key.
const REVEAL: Right = right(
    "reveal",
    "open secrets as plain text",
    "Whether it opens secrets as plain text, with `secret.reveal`.",
    "true",
);

/// Every key of `needs`.
pub fn rights() -> impl Iterator<Item = Right> {
    LISTS.into_iter().chain([REVEAL])
}

/// The keys below `needs` that something is said about, and a message.
pub(super) type Wrong = (Vec<String>, String);

impl Needs {
    /// The rights in a header's `needs`, with everything that is wrong there; `params` are the names of its parameters,
    /// where they are known.
    pub(super) fn parse(node: Option<&Node>, params: Option<&[&str]>) -> (Needs, Vec<Wrong>) {
        let (mut needs, mut wrong) = (Needs::default(), Vec::new());
        let Some(node) = node else { return (needs, wrong) };
        if !matches!(node, Node::Map(_) | Node::Null) {
            let message = "`needs` must be keys and lists, as in `needs: {write: [sample]}`";
            return (needs, vec![(Vec::new(), message.into())]);
        }
        for (key, value) in node.entries() {
            let at = |message: String| (vec![key.to_string()], message);
            match (&**key == REVEAL.key, value.as_bool()) {
                (true, Some(reveal)) => needs.reveal = reveal,
                (true, None) => wrong.push(at(format!("`needs.{key}` must be true or false"))),
                _ => match needs.list_mut(key) {
                    Ok(list) => *list = entries(key, value, params, &mut wrong),
                    Err(message) => wrong.push(at(format!("`needs` {message}"))),
                },
            }
        }
        (needs, wrong)
    }

    /// These rights and others.
    pub(super) fn and(mut self, more: Needs) -> Needs {
        for Right { key, .. } in LISTS {
            if let Ok(list) = self.list_mut(key) {
                list.extend(more.list(key).iter().cloned());
            }
        }
        self.reveal |= more.reveal;
        self
    }

    /// The rights of somebody who types what is to be done: to look at everything, and to change nothing.
    pub fn typed() -> Needs {
        let all = || vec!["*".to_owned()];
        Needs { contexts: all(), secrets: all(), hosts: all(), files: all(), env: all(), ..Needs::default() }
    }

    /// The same with the right to change everything; programs and `reveal` stay as they are.
    pub fn writing(self) -> Needs {
        let all = || vec!["*".to_owned()];
        Needs { write: all(), authorities: all(), ..self }
    }

    /// The same with every `{parameter}` replaced by its value; a list gives one entry for each item, a text that names
    /// nothing none.
    pub fn with(&self, values: &Values) -> Needs {
        let mut filled = self.clone();
        for Right { key, .. } in LISTS {
            let Ok(list) = filled.list_mut(key) else { continue };
            let filled = |entry: &String| {
                let all = values.fill(entry).into_iter();
                all.filter(|filled| is_named(entry, filled)).collect::<Vec<_>>()
            };
            *list = list.iter().flat_map(filled).collect();
        }
        filled
    }

    /// The entry under a key that lets a name through, as the header writes it, with the values of parameters.
    pub fn entry_for(&self, key: &str, name: &str, values: &Values) -> Option<&str> {
        let fits = |entry: &&String| {
            let mut filled = values.fill(entry).into_iter().filter(|filled| is_named(entry, filled));
            filled.any(|filled| grant::matches(&filled, name))
        };
        self.list(key).iter().find(fits).map(String::as_str)
    }

    /// Adds the rights of a flag such as `write=sample,other` or `reveal`.
    ///
    /// # Errors
    /// When there is no such right.
    pub fn allow(&mut self, right: &str) -> Result<()> {
        self.change(right, "", &mut |needs| needs.reveal = true)
    }

    /// Takes the rights of a flag away: `write=sample`, or all of a kind: `exec`.
    ///
    /// # Errors
    /// When there is no such right.
    pub fn deny(&mut self, right: &str) -> Result<()> {
        self.change(right, "!", &mut |needs| needs.reveal = false)
    }

    /// Takes away everything that can change anything.
    pub fn read_only(&mut self) {
        for list in [&mut self.write, &mut self.pods, &mut self.exec, &mut self.authorities] {
            list.clear();
        }
        self.reveal = false;
    }

    /// Whether it may change a cluster.
    pub fn writes(&self) -> bool {
        [&self.write, &self.pods].iter().any(|list| list.iter().any(|entry| !entry.starts_with('!')))
    }

    /// What it may do, a line for each kind of right.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for Right { key, words, .. } in LISTS {
            let list = self.list(key);
            let (denied, allowed): (Vec<_>, Vec<_>) = list.iter().partition(|entry| entry.starts_with('!'));
            if allowed.is_empty() {
                continue;
            }
            let shown = |entries: &[&String]| {
                let names: Vec<_> =
                    entries.iter().map(|entry| crate::plain::line(entry.trim_start_matches('!'), 100)).collect();
                names.join(", ").replace("cluster-scoped", "what lies outside namespaces")
            };
            let but = if denied.is_empty() { String::new() } else { format!(", but not {}", shown(&denied)) };
            lines.push(format!("{words} {}{but}", shown(&allowed)));
        }
        lines.extend(self.reveal.then(|| REVEAL.words.to_owned()));
        lines
    }

    fn change(&mut self, right: &str, prefix: &str, reveal: &mut dyn FnMut(&mut Needs)) -> Result<()> {
        if right == REVEAL.key {
            reveal(self);
            return Ok(());
        }
        let (key, entries) = right.split_once('=').unwrap_or((right, ""));
        let wrong = |message: String| Failure::usage(format!("`{right}` is no right: it {message}")).hint(HOW);
        let list = self.list_mut(key).map_err(wrong)?;
        if entries.is_empty() && prefix.is_empty() {
            return Err(wrong("says not what".into()));
        }
        let entries = if entries.is_empty() { "*" } else { entries };
        for entry in entries.split(',') {
            check_entry(key, entry).map_err(|why| wrong(format!("has {why}")))?;
            list.push(match prefix {
                "" => entry.to_owned(),
                _ => format!("{prefix}{}", entry.strip_prefix('!').unwrap_or(entry)),
            });
        }
        Ok(())
    }

    fn list(&self, key: &str) -> &[String] {
        match key {
            "contexts" => &self.contexts,
            "write" => &self.write,
            "pods" => &self.pods,
            "secrets" => &self.secrets,
            "exec" => &self.exec,
            "hosts" => &self.hosts,
            "files" => &self.files,
            "env" => &self.env,
            "authorities" => &self.authorities,
            _ => &[],
        }
    }

    fn list_mut(&mut self, key: &str) -> Result<&mut Vec<String>, String> {
        Ok(match key {
            "contexts" => &mut self.contexts,
            "write" => &mut self.write,
            "pods" => &mut self.pods,
            "secrets" => &mut self.secrets,
            "exec" => &mut self.exec,
            "hosts" => &mut self.hosts,
            "files" => &mut self.files,
            "env" => &mut self.env,
            "authorities" => &mut self.authorities,
            other => return Err(unknown(other)),
        })
    }
}

/// How flags name rights.
const HOW: &str =
    "write KEY=NAME[,NAME…], as in write=sample or exec=istioctl; the keys are those of `needs` in a header";

fn unknown(key: &str) -> String {
    let known: Vec<&str> = rights().map(|right| right.key).collect();
    match nearest(key, known.iter().copied()) {
        Some(meant) => format!("has no key `{key}`; did you mean `{meant}`?"),
        None => format!("has no key `{key}`; there are {}", known.join(", ")),
    }
}

/// The entries of a list, those that are wrong left out.
fn entries(key: &str, value: &Node, params: Option<&[&str]>, wrong: &mut Vec<Wrong>) -> Vec<String> {
    let Node::Array(items) = value else {
        wrong.push((vec![key.into()], format!("`needs.{key}` must be a list of names")));
        return Vec::new();
    };
    let mut texts = Vec::new();
    for (at, item) in items.iter().enumerate() {
        match entry(key, item, params) {
            Ok(text) => texts.push(text),
            Err(message) => wrong.push((vec![key.into(), at.to_string()], message)),
        }
    }
    texts
}

fn entry(key: &str, item: &Node, params: Option<&[&str]>) -> Result<String, String> {
    let text = item.as_str().ok_or_else(|| format!("`needs.{key}` must be a list of names"))?;
    params
        .map_or(Ok(()), |params| check_params(text, params))
        .map_err(|why| format!("`needs.{key}` has `{text}`: {why}"))?;
    check_entry(key, text).map_err(|why| format!("`needs.{key}` has {why}"))?;
    Ok(text.to_owned())
}

/// Every `{name}` is a parameter.
fn check_params(text: &str, params: &[&str]) -> Result<(), String> {
    let named = text.split('{').skip(1).filter_map(|part| part.split_once('}')).map(|(name, _)| name);
    for name in named {
        if params.contains(&name) {
            continue;
        }
        let meant = nearest(name, params.iter().copied());
        let meant = meant.map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default();
        return Err(format!("there is no parameter `{name}`{meant}"));
    }
    Ok(())
}

/// Whether an entry names something once its parameters have values. A value is a name: it makes no pattern of the entry,
/// which would widen what the script asks for.
fn is_named(entry: &str, filled: &str) -> bool {
    let stars = |text: &str| text.matches('*').count();
    !filled.is_empty() && stars(filled) == stars(entry) && filled.starts_with('!') == entry.starts_with('!')
}

/// What would match nothing is a mistake.
fn check_entry(key: &str, entry: &str) -> Result<(), String> {
    let plain = entry.strip_prefix('!').unwrap_or(entry);
    if plain.is_empty() || plain.trim() != plain {
        return Err(format!("`{entry}`, which names nothing"));
    }
    if !matches!(key, "write" | "secrets" | "pods") {
        return Ok(());
    }
    let (place, rest) = plain.split_once('/').unwrap_or((plain, "*"));
    let is_place = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-*{}_.".contains(c);
    let form = match key {
        "write" => "NAMESPACE, NAMESPACE/KIND, cluster-scoped or cluster-scoped/KIND",
        "secrets" => "NAMESPACE or NAMESPACE/NAME",
        _ => "NAMESPACE",
    };
    let too_much = rest.contains('/') || rest.is_empty() || key == "pods" && plain.contains('/');
    if too_much || !place.chars().all(|c| is_place(c) || place.contains('{')) {
        return Err(format!("`{entry}`, which is not {form}"));
    }
    if key == "write" && nearest(place, ["cluster-scoped"]).is_some() && place != "cluster-scoped" {
        return Err(format!("`{entry}`; did you mean `cluster-scoped`?"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{Given, Header};

    const HEADER: &str = "//! # T\n//! ---\n//! params:\n//!   namespace: {type: string, default: mesh}\n//!   folder: {type: string, default: \"\"}\n//! needs:\n//!   write: [\"{namespace}/ConfigMap\", cluster-scoped, \"!kube-system\"]\n//!   files: [\"{folder}\"]\n//!   exec: [istioctl]\n//! ---\n";

    fn needs() -> Needs {
        let header = Header::parse("m", HEADER).expect("header");
        let values = Values::check(&header, &Given::default()).expect("values");
        header.needs.with(&values)
    }

    #[test]
    fn entries_name_parameters_and_empty_ones_fall_away() {
        let needs = needs();
        assert_eq!(needs.write, ["mesh/ConfigMap", "cluster-scoped", "!kube-system"]);
        assert!(needs.files.is_empty() && needs.writes());
    }

    #[test]
    fn the_value_of_a_parameter_is_no_pattern() {
        for value in ["*", "kube-*", "!mesh"] {
            let text = HEADER
                .replace("default: mesh", &format!("default: \"{value}\""))
                .replace("\"{namespace}/ConfigMap\"", "\"{namespace}\"");
            let header = Header::parse("m", &text).expect("header");
            let values = Values::check(&header, &Given::default()).expect("values");
            assert_eq!(header.needs.with(&values).write, ["cluster-scoped", "!kube-system"], "{value}");
        }
    }

    #[test]
    fn mistakes_name_what_was_meant() {
        let wrong = |from: &str, to: &str| Header::parse("m", &HEADER.replace(from, to)).expect_err("wrong").message;
        assert_eq!(wrong("  exec:", "  exce:"), "`needs` has no key `exce`; did you mean `exec`?");
        assert!(
            wrong("{namespace}/", "{namspace}/")
                .ends_with("there is no parameter `namspace`; did you mean `namespace`?")
        );
        assert!(wrong("cluster-scoped", "cluster_scoped").contains("did you mean `cluster-scoped`?"));
        assert!(wrong("cluster-scoped", "a/b/c").contains("not NAMESPACE, NAMESPACE/KIND"));
        assert_eq!(wrong("[istioctl]", "istioctl"), "`needs.exec` must be a list of names");
    }

    #[test]
    fn flags_narrow_and_widen() {
        let mut needs = needs();
        needs.deny("write=mesh").expect("deny");
        needs.deny("exec").expect("deny");
        needs.allow("secrets=mesh/cacerts,mesh/other").expect("allow");
        assert_eq!(needs.exec, ["istioctl", "!*"]);
        assert_eq!(needs.write.last().map(String::as_str), Some("!mesh"));
        assert_eq!(needs.secrets, ["mesh/cacerts", "mesh/other"]);
        assert!(needs.allow("wrte=a").expect_err("no key").message.contains("did you mean `write`?"));
        needs.allow("write").expect_err("what?");
        needs.read_only();
        assert!(!needs.writes() && needs.exec.is_empty());
    }

    #[test]
    fn rights_are_told_in_words() {
        assert_eq!(
            needs().lines(),
            ["write in mesh/ConfigMap, what lies outside namespaces, but not kube-system", "start istioctl",]
        );
    }

    #[test]
    fn a_flag_that_allows_may_take_away() {
        let mut needs = needs();
        needs.allow("write=sample,!kube-public").expect("allow");
        assert_eq!(needs.write[3..], ["sample", "!kube-public"]);
        needs.deny("write=!sample").expect("deny");
        assert_eq!(needs.write.last().map(String::as_str), Some("!sample"));
    }
}
