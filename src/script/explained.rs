//! What a step stands for: the guide's section, what it does, and the command lines, with the contexts of real clusters.

use super::params::{Kind, shown};
use super::steps::Step;
use super::values::Values;
use crate::engine::nearest;
use crate::failure::{Failure, Result};
use crate::object::Node;
use regex::{Captures, Regex};
use std::sync::LazyLock;

/// A step, explained by the comment above it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// Its name.
    pub name: String,
    /// Its number among the script's steps, from 1, and how many those are.
    pub number: (usize, usize),
    /// Its line.
    pub line: usize,
    /// The file of a small fork that it is written in, when it stands in for the origin's.
    pub file: Option<String>,
    /// The guide's section.
    pub guide: Option<String>,
    /// What it does, in paragraphs and command lines.
    pub parts: Vec<Part>,
}

/// A part of an explanation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Prose.
    Prose(String),
    /// Command lines.
    Commands(Vec<String>),
}

/// What a script's parameters put into the command lines of its comments.
///
/// `$CTX_CLUSTER1` is the context of the first cluster. A line with `$CTX_CLUSTER2` or `${n}` is about the other clusters:
/// it is told once for each, with its context and its number, from 2; a loop goes over all of them. `${parameter}` is a
/// parameter's value, of a list the item of the line's cluster; `${parameter:-otherwise}` is something else where that is
/// empty, not given or unknown, as in a shell. What is not given otherwise stays as it is.
#[derive(Debug, Clone)]
pub struct Filling {
    first: String,
    others: Vec<String>,
    values: Values,
}

/// The step of a script that somebody asks about, explained.
///
/// # Errors
/// As of [`position`].
pub fn explain(all: &[Step], wanted: &str, filling: &Filling) -> Result<Explained> {
    let at = position(all, wanted)?;
    Ok(Explained::of(&all[at], (at + 1, all.len()), filling))
}

/// Which step somebody asks about: by its name, a part of it, or its number.
///
/// # Errors
/// When none fits, with the nearest; when several do, with their names.
pub fn position(all: &[Step], wanted: &str) -> Result<usize> {
    let lower = wanted.trim().to_lowercase();
    if let Some(at) = all.iter().position(|step| step.name.to_lowercase() == lower) {
        return Ok(at);
    }
    if let Some(at) = lower.parse().ok().and_then(|number: usize| number.checked_sub(1)).filter(|at| *at < all.len()) {
        return Ok(at);
    }
    let parts: Vec<usize> = (0..all.len()).filter(|at| all[*at].name.to_lowercase().contains(&lower)).collect();
    match parts.as_slice() {
        [only] => return Ok(*only),
        [_, _, ..] => {
            let names: Vec<&str> = parts.iter().map(|at| all[*at].name.as_str()).collect();
            return Err(Failure::usage(format!("`{wanted}` stands in the names of {} steps", names.len()))
                .hint(format!("which one? {}", names.join(" · "))));
        }
        [] => {}
    }
    let failure = Failure::usage(format!("there is no step `{wanted}`"));
    match nearest(wanted, all.iter().map(|step| step.name.as_str())) {
        Some(name) => Err(failure.hint(format!("did you mean `{name}`?"))),
        None => {
            let names: Vec<&str> = all.iter().map(|step| step.name.as_str()).collect();
            Err(failure.hint(format!("the steps are {}", names.join(" · "))))
        }
    }
}

impl Explained {
    fn of(step: &Step, number: (usize, usize), filling: &Filling) -> Explained {
        let mut parts: Vec<Part> = Vec::new();
        for line in step.doc.lines() {
            match (line.strip_prefix("  "), parts.last_mut()) {
                (Some(command), Some(Part::Commands(lines))) => lines.extend(filling.fill(command.trim())),
                (Some(command), _) => parts.push(Part::Commands(filling.fill(command.trim()))),
                (None, Some(Part::Prose(text))) => *text = format!("{text} {}", line.trim()),
                (None, _) => parts.push(Part::Prose(line.trim().to_owned())),
            }
        }
        let guide = guide_of(&mut parts);
        Explained { name: step.name.clone(), number, line: step.line, file: step.file.clone(), guide, parts }
    }

    /// The command lines.
    pub fn commands(&self) -> Vec<&str> {
        let lines = self.parts.iter().filter_map(|part| match part {
            Part::Commands(lines) => Some(lines),
            Part::Prose(_) => None,
        });
        lines.flatten().map(String::as_str).collect()
    }

    /// The prose, a paragraph a line.
    pub fn prose(&self) -> String {
        let lines = self.parts.iter().filter_map(|part| match part {
            Part::Prose(text) => Some(text.as_str()),
            Part::Commands(_) => None,
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// Takes `Guide: SECTION.` off the beginning.
fn guide_of(parts: &mut Vec<Part>) -> Option<String> {
    let Some(Part::Prose(text)) = parts.first_mut() else { return None };
    let rest = text.strip_prefix("Guide: ")?.to_owned();
    let (guide, rest) = rest.split_once(". ").unwrap_or((rest.trim_end_matches('.'), ""));
    *text = rest.to_owned();
    if rest.is_empty() {
        parts.remove(0);
    }
    Some(guide.to_owned())
}

/// A parameter in a command line, with what stands for it when it is empty.
#[allow(clippy::expect_used)]
static PARAMETER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\$\{(\w+)(?::-((?:[^${}]|\$\{n\})*))?\}").expect("a pattern of this program's own"));

impl Filling {
    /// With these values of a script's parameters. Contexts that are not given stay variables.
    pub fn new(values: &Values) -> Filling {
        let mut clusters = values.iter().filter(|(param, _)| matches!(param.kind, Kind::Cluster | Kind::Clusters));
        let mut named = clusters.next().map(|(_, node)| values_of(node)).unwrap_or_default().into_iter();
        let first = named.next();
        let mut others: Vec<String> = named.chain(clusters.flat_map(|(_, node)| values_of(node))).collect();
        if others.is_empty() {
            others.push("$CTX_CLUSTER2".into());
        }
        Filling { first: first.unwrap_or_else(|| "$CTX_CLUSTER1".into()), others, values: values.clone() }
    }

    /// A step's comment with its command lines filled in.
    pub fn told(&self, doc: &str) -> String {
        let lines = doc.lines().flat_map(|line| match line.strip_prefix("  ") {
            Some(command) => self.fill(command).into_iter().map(|line| format!("  {line}")).collect(),
            None => vec![line.to_owned()],
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    fn fill(&self, command: &str) -> Vec<String> {
        let command = command.replace("$CTX_CLUSTER1", &self.first);
        let is_loop = ["; for ", "&& for "].iter().any(|word| command.contains(word)) || command.starts_with("for ");
        if is_loop || !["$CTX_CLUSTER2", "${n}"].iter().any(|word| command.contains(word)) {
            return vec![self.with_values(&command.replace("$CTX_CLUSTER2", &self.others.join(" ")), 1)];
        }
        let others = self.others.iter().enumerate().map(|(at, other)| {
            let number = at + 2;
            let command = command.replace("$CTX_CLUSTER2", other).replace("${n}", &number.to_string());
            self.with_values(&command, number)
        });
        others.collect()
    }

    /// A command line about the cluster of this number, with the values of parameters.
    fn with_values(&self, command: &str, number: usize) -> String {
        let value = |found: &Captures| {
            let otherwise = found.get(2).map(|text| text.as_str());
            // A loop is about no cluster in particular.
            if otherwise.is_some_and(|text| text.contains("${n}")) {
                return found[0].to_owned();
            }
            match self.value(&found[1], number) {
                Some(value) if !value.is_empty() => value,
                Some(empty) => otherwise.map_or(empty, str::to_owned),
                // Not given, or a variable of the shell's own.
                None => otherwise.unwrap_or(&found[0]).to_owned(),
            }
        };
        PARAMETER.replace_all(command, value).into_owned()
    }

    /// The value of a parameter for the cluster of this number; `None` when there is none.
    fn value(&self, name: &str, number: usize) -> Option<String> {
        let (param, node) = self.values.iter().find(|(param, _)| param.name == name)?;
        let context = number.checked_sub(2).map_or(Some(&self.first), |at| self.others.get(at));
        match node {
            Node::Null => None,
            Node::Array(items) if param.kind == Kind::Clusters => {
                let is_it = |item: &&Node| item.as_str() == context.map(String::as_str);
                items.iter().find(is_it).or(items.first()).map(shown)
            }
            Node::Array(items) => items.get(number - 1).map(shown).or(Some(String::new())),
            other => Some(shown(other)),
        }
    }
}

/// The texts in a value: of a list its items'.
fn values_of(node: &Node) -> Vec<String> {
    let texts = node.as_str().into_iter().chain(node.items().iter().filter_map(Node::as_str));
    texts.filter(|text| !text.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::steps::steps;
    use crate::script::{Given, Header, bundled};

    fn explain(text: &str, wanted: &str, given: &[&str]) -> Result<Explained> {
        super::explain(&steps(text), wanted, &filling(HEADER, given))
    }

    const TEXT: &str = "// Guide: Setup, step 1. It installs\n// things.\n//   kubectl --context=$CTX_CLUSTER2 get ns\n// Here: \
                        applied.\nstep \"Install it\" { 1 }\nstep \"Wait for it\" { 2 }\n";

    const HEADER: &str = "//! # T\n//! ---\n//! params:\n//!   primary: {type: cluster}\n//!   remote: {type: clusters}\n//!   \
                          network: {type: strings, default: []}\n//!   ns: {type: string, default: mesh}\n//! ---\n";

    const CONTEXTS: &[&str] = &["--primary", "east", "--remote", "west", "--remote", "north"];

    fn filling(text: &str, given: &[&str]) -> Filling {
        let header = Header::parse("main.rhai", text).expect("header");
        let given: Vec<String> = given.iter().map(|word| (*word).to_owned()).collect();
        Filling::new(&Values::check_given(&header, &Given::from_args(&header, &given)).expect("values"))
    }

    #[test]
    fn a_comment_becomes_section_prose_and_commands() {
        let step = explain(TEXT, "install it", CONTEXTS).expect("step");
        assert_eq!((step.guide.as_deref(), step.number, step.line), (Some("Setup, step 1"), (1, 2), 5));
        assert_eq!(step.prose(), "It installs things.\nHere: applied.");
        assert_eq!(step.commands(), ["kubectl --context=west get ns", "kubectl --context=north get ns"]);
        assert_eq!(explain(TEXT, "1", &[]).expect("step").commands(), ["kubectl --context=$CTX_CLUSTER2 get ns"]);
    }

    #[test]
    fn each_of_the_other_clusters_has_its_number_and_its_item_of_a_list() {
        let text = "// Guide: X. Y.\n//   k --context=$CTX_CLUSTER1 secret n${n}-secret -n ${ns}\n//   i --context=$CTX_CLUSTER2 \
                    network=${network:-network${n}}\n//   for c in $CTX_CLUSTER1 $CTX_CLUSTER2; do k -n ${ns} ${HOME}; done\nstep \"S\" {}\n";
        let told = |given: &[&str]| explain(text, "S", given).expect("step").commands().join("\n");
        assert_eq!(
            told(&[CONTEXTS, &["--ns", "istio", "--network", "one", "--network", "", "--network", "three"]].concat()),
            "k --context=east secret n2-secret -n istio\nk --context=east secret n3-secret -n istio\n\
             i --context=west network=network2\ni --context=north network=three\n\
             for c in east west north; do k -n istio ${HOME}; done"
        );
        assert_eq!(
            told(&["--primary", "a", "--remote", "b,c"]).lines().count(),
            5,
            "a list of contexts is several clusters"
        );
        assert_eq!(
            told(&[]),
            "k --context=$CTX_CLUSTER1 secret n2-secret -n mesh\ni --context=$CTX_CLUSTER2 network=network2\n\
             for c in $CTX_CLUSTER1 $CTX_CLUSTER2; do k -n mesh ${HOME}; done"
        );
    }

    #[test]
    fn what_is_not_given_stays_a_variable_and_contexts_come_from_any_parameter() {
        const HEADER: &str = "//! # T\n//! ---\n//! params:\n//!   all: {type: clusters}\n//!   last: {type: cluster}\n//!   ns: {type: \
                              string}\n//!   zone: {type: strings, default: []}\n//! ---\n";
        let text = "// Guide: X. Y.\n//   k --context=$CTX_CLUSTER1 -n ${ns}\n//   k --context=$CTX_CLUSTER2 ${all}\n//   for c in \
                    $CTX_CLUSTER1 $CTX_CLUSTER2; do k ${zone:-zone${n}}; done\nstep \"S\" {}\n";
        let told = |given: &[&str]| {
            let explained = super::explain(&steps(text), "S", &filling(HEADER, given)).expect("step");
            explained.commands().join("\n")
        };
        assert_eq!(
            told(&["--all", "a,b", "--last", "c"]),
            "k --context=a -n ${ns}\nk --context=b b\nk --context=c a\nfor c in a b c; do k ${zone:-zone${n}}; done"
        );
        assert_eq!(
            told(&[]),
            "k --context=$CTX_CLUSTER1 -n ${ns}\nk --context=$CTX_CLUSTER2 ${all}\nfor c in $CTX_CLUSTER1 $CTX_CLUSTER2; do k ${zone:-zone${n}}; done"
        );
    }

    #[test]
    fn a_part_of_a_name_is_enough_and_a_wrong_one_gets_the_nearest() {
        assert_eq!(explain(TEXT, "wait", CONTEXTS).expect("step").name, "Wait for it");
        let hint = |wanted: &str| explain(TEXT, wanted, CONTEXTS).expect_err("wrong").hint.unwrap_or_default();
        assert_eq!(hint("Instal itt"), "did you mean `Install it`?");
        assert_eq!(hint("it"), "which one? Install it · Wait for it");
        assert_eq!(hint("nothing"), "the steps are Install it · Wait for it");
    }

    #[test]
    fn every_step_of_the_guide_names_its_section_and_its_commands() {
        let text = bundled("shared-gateways/main.rhai").expect("the guide");
        for step in steps(text) {
            let explained = super::explain(&steps(text), &step.name, &filling(text, CONTEXTS)).expect("explained");
            assert!(explained.guide.is_some() && !explained.commands().is_empty(), "{}", step.name);
            let is_whole = |line: &&str| !line.contains("$CTX_") && !line.contains("${");
            assert!(explained.commands().iter().all(is_whole), "{:?}", explained.commands());
        }
    }
}
