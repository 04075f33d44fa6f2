//! The values of a script's parameters, checked as a whole: every problem is reported at once.

use super::given::Given;
use super::header::Header;
use super::params::{Kind, Param, shown};
use crate::engine::nearest;
use crate::failure::{Failure, Result};
use crate::object::{Map, Node, Object};
use std::sync::Arc;

/// Checked parameters, in the header's order. Clusters are still names.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Values(Vec<(Param, Node)>);

impl Values {
    /// The values of what was given.
    ///
    /// # Errors
    /// `Kind::Usage` with a line for each problem.
    pub fn check(header: &Header, given: &Given) -> Result<Values> {
        let mut problems: Vec<_> = given.problems.iter().cloned().chain(unknown(header, given)).collect();
        let mut values = Vec::new();
        for param in &header.params {
            match value(param, given) {
                Ok(node) => values.push((param.clone(), node)),
                Err(_) if given.problems.contains(&format!("{} lacks its value", param.flag())) => {}
                Err(problem) => problems.push(problem),
            }
        }
        problems.extend(shared_clusters(&values));
        match problems.as_slice() {
            [] => Ok(Values(values)),
            [problem] => Err(Failure::usage(problem)),
            _ => {
                let failure = Failure::usage(format!("{} parameters are wrong", problems.len()));
                Err(problems.into_iter().fold(failure, Failure::detail))
            }
        }
    }

    /// The same where nothing must be given: what is left out without a default is empty.
    ///
    /// # Errors
    /// As of [`Values::check`].
    pub fn check_given(header: &Header, given: &Given) -> Result<Values> {
        let mut header = header.clone();
        let mut written = std::collections::BTreeMap::new();
        for param in &mut header.params {
            param.required = false;
            // Files may appear later.
            if matches!(param.kind, Kind::File | Kind::Secret) && !given.has(param) {
                written.extend(param.default.take().map(|default| (param.name.clone(), default)));
            }
        }
        let mut values = Values::check(&header, given)?;
        for (param, node) in &mut values.0 {
            *node = written.remove(&param.name).unwrap_or_else(|| node.clone());
        }
        Ok(values)
    }

    /// Every parameter with its value.
    pub fn iter(&self) -> impl Iterator<Item = (&Param, &Node)> {
        self.0.iter().map(|(param, node)| (param, node))
    }

    /// The value of a parameter.
    pub fn get(&self, name: &str) -> Option<&Node> {
        self.0.iter().find(|(param, _)| param.name == name).map(|(_, node)| node)
    }

    /// The names of all clusters, each once, in the header's order.
    pub fn clusters(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for (_, node) in self.0.iter().filter(|(param, _)| matches!(param.kind, Kind::Cluster | Kind::Clusters)) {
            let texts = node.as_str().into_iter().chain(node.items().iter().filter_map(Node::as_str));
            names.extend(texts.filter(|text| !text.is_empty()).map(str::to_owned));
        }
        let mut seen = std::collections::HashSet::new();
        names.retain(|name| seen.insert(name.clone()));
        names
    }

    /// The parameters as scripts see them in `params`.
    pub fn to_map(&self) -> rhai::Map {
        let value = crate::engine::value::to_native;
        self.0.iter().map(|(param, node)| (param.name.as_str().into(), value(node))).collect()
    }

    /// The parameters as one object, for a journal; secrets are masked wherever it is shown.
    pub fn to_object(&self) -> Object {
        let entries = self.0.iter().map(|(param, node)| (param.name.as_str().into(), node.clone()));
        Object::new(Node::Map(Map(Arc::new(entries.collect()))))
    }

    /// A text with every `{parameter}` replaced by its value: one text for each item of a list, none where a value is
    /// missing or empty. What stands in a value is no parameter.
    pub(super) fn fill(&self, text: &str) -> Vec<String> {
        let mut chosen: Vec<Vec<(&str, String)>> = vec![Vec::new()];
        for (param, node) in self.0.iter().filter(|(param, _)| text.contains(&format!("{{{}}}", param.name))) {
            let mut longer = Vec::new();
            for value in texts(node) {
                let with = |before: &Vec<_>| [before.as_slice(), &[(param.name.as_str(), value.clone())]].concat();
                longer.extend(chosen.iter().map(with));
            }
            chosen = longer;
        }
        chosen.iter().map(|values| replaced(text, values)).collect()
    }
}

/// The texts that a value stands for in a right.
fn texts(node: &Node) -> Vec<String> {
    let texts: Vec<String> = match node {
        Node::Null => Vec::new(),
        Node::Array(items) => items.iter().map(shown).collect(),
        other => vec![shown(other)],
    };
    texts.into_iter().filter(|text| !text.is_empty()).collect()
}

fn replaced(text: &str, values: &[(&str, String)]) -> String {
    let (mut whole, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once('{') {
        whole.push_str(before);
        let value = after
            .split_once('}')
            .and_then(|(name, after)| Some((values.iter().find(|(known, _)| *known == name)?.1.as_str(), after)));
        let (value, after) = value.unwrap_or(("{", after));
        whole.push_str(value);
        rest = after;
    }
    whole + rest
}

/// A line for each name that the script does not know.
fn unknown(header: &Header, given: &Given) -> Vec<String> {
    let flags = given.flags.iter().map(|(name, _)| (name.replace('-', "_"), format!("--{name}")));
    let file = given.file.iter().flat_map(|file| file.node.entries());
    let file = file.map(|(name, _)| (name.replace('-', "_"), format!("`{name}` in the parameter file")));
    let strange = flags.chain(file).filter(|(name, _)| header.param(name).is_none());
    let mut lines: Vec<String> = Vec::new();
    for (name, said) in strange {
        let meant = nearest(&name, header.params.iter().map(|param| param.name.as_str()));
        let meant = meant.and_then(|meant| header.param(meant)).map(Param::flag);
        let meant = meant.map(|flag| format!("; did you mean {flag}?")).unwrap_or_default();
        let line = format!("{said}: the script has no such parameter{meant}");
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines
}

pub(super) fn value(param: &Param, given: &Given) -> Result<Node, String> {
    let flag = param.flag();
    let texts = given.flags.iter().filter(|(name, _)| name.replace('-', "_") == param.name);
    let texts: Vec<_> = texts.map(|(_, text)| text.clone()).collect();
    if !texts.is_empty() {
        return param.read_texts(&texts).map_err(|why| format!("{flag} {why}"));
    }
    let in_file = given.file.as_ref().and_then(|file| {
        let entry = file.node.entries().iter().find(|(name, _)| name.replace('-', "_") == param.name);
        entry.map(|(_, node)| node).filter(|node| **node != Node::Null)
    });
    if let Some(node) = in_file {
        return param.read_tree(node).map_err(|why| format!("`{}` in the parameter file {why}", param.name));
    }
    match &param.default {
        Some(default) => param.read_tree(default).map_err(|why| format!("{flag} {why}")),
        None if param.required => {
            let help = if param.help.is_empty() { String::new() } else { format!(": {}", param.help) };
            Err(format!("{flag} is missing{help}"))
        }
        None if param.kind.is_many() && param.kind != Kind::Map => Ok(Node::Array(Arc::default())),
        None => Ok(Node::Null),
    }
}

/// One context cannot be two clusters of a script.
fn shared_clusters(values: &[(Param, Node)]) -> Vec<String> {
    let is_cluster = |param: &Param| matches!(param.kind, Kind::Cluster | Kind::Clusters);
    let names = values.iter().filter(|(param, _)| is_cluster(param)).flat_map(|(param, node)| {
        let texts = node.as_str().into_iter().chain(node.items().iter().filter_map(Node::as_str));
        texts.map(move |text| (param, text)).collect::<Vec<_>>()
    });
    let names: Vec<_> = names.collect();
    let again = names.iter().enumerate().filter_map(|(at, (param, name))| {
        let (first, _) = names[..at].iter().find(|(other, known)| known == name && other.name != param.name)?;
        Some(format!("{} and {} both name `{name}`", first.flag(), param.flag()))
    });
    again.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    const HEADER: &str = r#"//! # T
//! ---
//! params:
//!   primary: {type: cluster, help: "the first"}
//!   remote: {type: clusters, min: 1}
//!   dialect: {type: string, one_of: [auto, classic], default: auto}
//!   tag: {type: string, default: ""}
//!   sample: {type: bool, default: true}
//!   calls: {type: int, default: 40, min: 1}
//!   timeout: {type: duration, default: 5m}
//!   set: {type: strings, default: []}
//!   labels: {type: map, default: {}}
//!   token: {type: secret, required: false}
//!   name: {type: string, default: n1, pattern: "[a-z][a-z0-9-]*"}
//! ---
"#;

    fn header() -> Header {
        Header::parse("main.rhai", HEADER).expect("header")
    }

    fn check(args: &[&str]) -> Result<Values> {
        let args: Vec<_> = args.iter().map(|arg| (*arg).to_owned()).collect();
        Values::check(&header(), &Given::from_args(&header(), &args))
    }

    fn wire(args: &[&str]) -> serde_json::Value {
        check(args).expect("values").to_object().to_wire()
    }

    #[test]
    fn flags_become_checked_values() {
        let values = wire(&[
            "--primary",
            "c1",
            "--remote",
            "c2,c3",
            "--no-sample",
            "--set",
            "a={x,y}",
            "--set=b=2",
            "--labels",
            "a=b",
            "--calls",
            "7",
        ]);
        let wanted = serde_json::json!({"primary": "c1", "remote": ["c2", "c3"], "dialect": "auto", "tag": "", "sample": false,
            "calls": 7, "timeout": "5m", "set": ["a={x,y}", "b=2"], "labels": {"a": "b"}, "token": null, "name": "n1"});
        assert_eq!(values, wanted);
        assert_eq!(
            wire(&["--primary", "a", "--remote", "b", "--sample", "--set", "[x, z]"])["set"],
            serde_json::json!(["x", "z"])
        );
        assert_eq!(check(&["--primary", "a", "--remote", "b"]).expect("values").clusters(), ["a", "b"]);
    }

    #[test]
    fn all_problems_come_at_once() {
        let failure =
            check(&["--remot", "c2", "--dialect", "clasic", "--calls", "0", "--timeout", "5 parsecs", "--name", "N"])
                .expect_err("wrong");
        let wanted = [
            "--remot: the script has no such parameter; did you mean --remote?",
            "--primary is missing: the first",
            "--remote is missing",
            "--dialect must be one of auto, classic, not `clasic`; did you mean `classic`?",
            "--calls must be at least 1, not 0",
            "--timeout must be a duration such as 500ms, 90s, 5m or 1h30m, not `5 parsecs`",
            "--name must match `[a-z][a-z0-9-]*`, which `N` does not",
        ];
        assert_eq!(failure.details, wanted);
        assert_eq!(failure.message, "7 parameters are wrong");
    }

    #[test]
    fn what_is_no_flag_and_what_lacks_its_value_come_with_the_rest() {
        let failure = check(&["stray", "--primary", "--remote", "b", "--calls", "x"]).expect_err("wrong");
        let wanted = [
            "`stray` is not a flag: parameters are given as --name value",
            "--primary lacks its value",
            "--calls must be a whole number, not `x`",
        ];
        assert_eq!(failure.details, wanted);
    }

    #[test]
    fn a_mistake_in_a_parameter_file_has_its_place() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("p.yaml");
        std::fs::write(&path, "primary: a\nremote: [b\ndialect: classic\n").expect("file");
        let failure = Given::default().with_file(&path).expect_err("broken");
        assert_eq!(failure.kind, crate::failure::Kind::Usage);
        assert!(failure.message.contains("(line 3, column "), "{failure:?}");
        assert!(!failure.message.contains('\n') && !failure.message.contains("<input>"), "{}", failure.message);
    }

    #[test]
    fn one_context_is_not_two_clusters() {
        assert_eq!(
            check(&["--primary", "a", "--remote", "a"]).expect_err("same").message,
            "--primary and --remote both name `a`"
        );
        assert!(check(&["--primary", "a", "--remote", "b,b"]).expect_err("same").message.contains("`b` twice"));
        assert!(
            check(&["--primary", "a", "--primary", "b", "--remote", "c"])
                .expect_err("twice")
                .message
                .contains("2 times")
        );
    }

    #[test]
    fn a_parameter_file_gives_values_and_flags_win() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("p.yaml");
        std::fs::write(&path, "primary: a\nremote: [b, c]\ntag: '1.24'\nunknown: 1\n").expect("file");
        let args = ["--primary".to_owned(), "z".to_owned()];
        let given = Given::from_args(&header(), &args).with_file(&path).expect("given");
        let failure = Values::check(&header(), &given).expect_err("unknown");
        assert_eq!(failure.message, "`unknown` in the parameter file: the script has no such parameter");
        std::fs::write(&path, "primary: a\nremote: [b, c]\ntag: '1.24'\n").expect("file");
        let given = Given::from_args(&header(), &args).with_file(&path).expect("given");
        let values = Values::check(&header(), &given).expect("values").to_object().to_wire();
        assert_eq!(
            (&values["primary"], &values["remote"], &values["tag"]),
            (&"z".into(), &serde_json::json!(["b", "c"]), &"1.24".into())
        );
    }

    #[test]
    fn a_version_that_yaml_reads_as_a_number_is_refused() {
        let given = Given::default().with_yaml("p", "primary: a\nremote: [b]\ntag: 1.30\n").expect("given");
        let failure = Values::check(&header(), &given).expect_err("it would be 1.3");
        assert!(failure.message.contains("YAML reads the number 1.3: write it in quotes"), "{failure:?}");
    }

    #[test]
    fn a_later_parameter_file_wins_name_by_name() {
        let kept = "primary: a\nremote: [b]\ncalls: 3\n";
        let given = Given::default().with_yaml("kept", kept).and_then(|given| given.with_yaml("p", "calls: 9\n"));
        let values = Values::check(&header(), &given.expect("given")).expect("values").to_object().to_wire();
        assert_eq!((&values["primary"], &values["calls"]), (&"a".into(), &9.into()));
        let empty = Given::default().with_yaml("kept", kept).and_then(|given| given.with_yaml("p", "# nothing\n"));
        assert!(Values::check(&header(), &empty.expect("given")).is_ok());
        assert!(Given::default().with_yaml("p", "[a]\n").expect_err("a list").message.contains("one map"));
    }

    #[test]
    fn secrets_come_from_files_and_never_show() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("token");
        std::fs::write(&path, "planted-parameter-content\n").expect("file");
        let values = check(&["--primary", "a", "--remote", "b", "--token", &format!("file:{}", path.display())])
            .expect("values");
        assert!(values.to_object().to_json().contains("‹secret token›"));
        let token = values.to_map()["token"].clone().cast::<Secret>();
        assert_eq!(token.reveal(), "planted-parameter-content");
        assert!(
            check(&["--primary", "a", "--remote", "b", "--token", "abc"])
                .expect_err("literal")
                .message
                .contains("env:NAME or file:PATH")
        );
    }

    #[test]
    fn where_nothing_must_be_given_files_may_appear_later() {
        let text = "//! # T\n//! ---\n//! params:\n//!   f: {type: file, default: nowhere.yaml}\n//!   r: {type: string}\n//!   n: {type: \
                    int}\n//! ---\n";
        let header = Header::parse("m", text).expect("header");
        let values = Values::check_given(&header, &Given::default()).expect("values");
        assert_eq!(
            (values.get("f").and_then(Node::as_str), values.get("r")),
            (Some("nowhere.yaml"), Some(&Node::Null))
        );
        let given = Given::from_args(&header, &["--n".into(), "few".into()]);
        assert!(Values::check_given(&header, &given).is_err(), "what is given must be right");
    }

    #[test]
    fn every_parameter_of_an_entry_is_replaced_once() {
        let written = |needs: &str| {
            let header = format!(
                "//! # T\n//! ---\n//! params:\n//!   a: {{type: string, default: \"{{b}}\"}}\n//!   b: {{type: strings, default: [x, z]}}\n//!   none: {{type: string, required: false}}\n//!   empty: {{type: string, default: \"\"}}\n//! needs: {{files: [{needs}]}}\n//! ---\n"
            );
            let header = Header::parse("m", &header).expect("header");
            let values = Values::check(&header, &Given::default()).expect("values");
            header.needs.with(&values).files
        };
        assert_eq!(written("\"{none}\", \"{none}/a\", \"{empty}/a\", \"!{none}\", \"!{empty}\", plain"), ["plain"]);
        assert_eq!(written("\"{a}{b}/{b}\""), ["{b}x/x", "{b}z/z"]);
        assert_eq!(written("\"{a}/x\""), ["{b}/x"]);
    }

    #[test]
    fn needs_name_the_values_of_parameters() {
        let header = Header::parse("m", "//! # T\n//! ---\n//! params:\n//!   ns: {type: string, default: a}\n//!   all: {type: strings, default: [b, c]}\n//! needs: {write: [\"{ns}\", \"{all}\", cluster-scoped]}\n//! ---\n").expect("header");
        let values = Values::check(&header, &Given::default()).expect("values");
        assert_eq!(header.needs.with(&values).write, ["a", "b", "c", "cluster-scoped"]);
    }
}
