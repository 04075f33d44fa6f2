//! What a step stands for: the guide's section, what it does, and the command lines, with the contexts of real clusters.

use super::steps::Step;
use crate::engine::nearest;
use crate::failure::{Failure, Result};

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

/// The contexts that stand in for `$CTX_CLUSTER1`, `$CTX_CLUSTER2`.
#[derive(Debug, Clone, Default)]
pub struct Contexts {
    /// The first cluster's.
    pub first: Option<String>,
    /// The others'.
    pub others: Vec<String>,
}

/// The step of a script that somebody asks about: by its name, a part of it, or its number.
///
/// # Errors
/// When none fits, with the nearest; when several do, with their names.
pub fn explain(all: &[Step], wanted: &str, contexts: &Contexts) -> Result<Explained> {
    let at = position(all, wanted)?;
    Ok(Explained::of(&all[at], (at + 1, all.len()), contexts))
}

fn position(all: &[Step], wanted: &str) -> Result<usize> {
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
    fn of(step: &Step, number: (usize, usize), contexts: &Contexts) -> Explained {
        let mut parts: Vec<Part> = Vec::new();
        for line in step.doc.lines() {
            match (line.strip_prefix("  "), parts.last_mut()) {
                (Some(command), Some(Part::Commands(lines))) => lines.extend(contexts.fill(command.trim())),
                (Some(command), _) => parts.push(Part::Commands(contexts.fill(command.trim()))),
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

impl Contexts {
    /// A command line with contexts in it: one for each of the other clusters where it is about those.
    fn fill(&self, command: &str) -> Vec<String> {
        let command = match &self.first {
            Some(first) => command.replace("$CTX_CLUSTER1", first),
            None => command.to_owned(),
        };
        // A loop goes over all of them.
        let (is_loop, others) = (command.starts_with("for ") || command.contains("; for "), self.others.join(" "));
        let is_loop = is_loop || command.contains("&& for ");
        let command =
            if is_loop && !self.others.is_empty() { command.replace("$CTX_CLUSTER2", &others) } else { command };
        match command.contains("$CTX_CLUSTER2") && !self.others.is_empty() {
            true => self.others.iter().map(|other| command.replace("$CTX_CLUSTER2", other)).collect(),
            false => vec![command],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::bundled;
    use crate::script::steps::steps;

    fn explain(text: &str, wanted: &str, contexts: &Contexts) -> Result<Explained> {
        super::explain(&steps(text), wanted, contexts)
    }

    const TEXT: &str = "// Guide: Setup, step 1. It installs\n// things.\n//   kubectl --context=$CTX_CLUSTER2 get ns\n// Here: \
                        applied.\nstep \"Install it\" { 1 }\nstep \"Wait for it\" { 2 }\n";

    fn contexts() -> Contexts {
        Contexts { first: Some("east".into()), others: vec!["west".into(), "north".into()] }
    }

    #[test]
    fn a_comment_becomes_section_prose_and_commands() {
        let step = explain(TEXT, "install it", &contexts()).expect("step");
        assert_eq!((step.guide.as_deref(), step.number, step.line), (Some("Setup, step 1"), (1, 2), 5));
        assert_eq!(step.prose(), "It installs things.\nHere: applied.");
        assert_eq!(step.commands(), ["kubectl --context=west get ns", "kubectl --context=north get ns"]);
        assert_eq!(
            explain(TEXT, "1", &Contexts::default()).expect("step").commands(),
            ["kubectl --context=$CTX_CLUSTER2 get ns"]
        );
    }

    #[test]
    fn a_part_of_a_name_is_enough_and_a_wrong_one_gets_the_nearest() {
        assert_eq!(explain(TEXT, "wait", &contexts()).expect("step").name, "Wait for it");
        let hint = |wanted: &str| explain(TEXT, wanted, &contexts()).expect_err("wrong").hint.unwrap_or_default();
        assert_eq!(hint("Instal itt"), "did you mean `Install it`?");
        assert_eq!(hint("it"), "which one? Install it · Wait for it");
        assert_eq!(hint("nothing"), "the steps are Install it · Wait for it");
    }

    #[test]
    fn every_step_of_the_guide_names_its_section_and_its_commands() {
        let text = bundled("shared-gateways/main.rhai").expect("the guide");
        for step in steps(text) {
            let explained = explain(text, &step.name, &contexts()).expect("explained");
            assert!(explained.guide.is_some() && !explained.commands().is_empty(), "{}", step.name);
            assert!(explained.commands().iter().all(|line| !line.contains("$CTX_")), "{:?}", explained.commands());
        }
    }
}
