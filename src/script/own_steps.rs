//! Steps of a small fork: files in its folder `steps`, each with one step that stands in for the origin's of that name.
//!
//! Such a file is run where the origin's step stands: it sees and changes the variables around it. What it imports it
//! imports itself, so that it can be read and checked without the origin beside it.

use super::bundle::{Home, Script};
use super::outline::{Import, Outline};
use super::paths;
use super::steps::{Step, steps};
use crate::engine::{compile, nearest, parser};
use crate::failure::{Failure, Kind, Place, Result};
use std::path::Path;

/// The folder of a small fork that holds its steps.
pub(super) const FOLDER: &str = "steps/";

/// A step of a small fork.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct OwnStep {
    /// The step.
    pub step: Step,
    /// The source name of its file.
    pub source: String,
    /// The text of its file.
    pub text: String,
}

/// The steps in the folder of a small fork over an origin's main script.
///
/// # Errors
/// When a file is no script, or does not hold one step of the origin, with the nearest name; when two hold the same.
pub(super) fn own_steps(folder: &Path, origin: &str, main: &str, working: &Path) -> Result<Vec<OwnStep>> {
    let shipped = steps(main);
    let mut found: Vec<OwnStep> = Vec::new();
    for (source, text) in files(folder, working)? {
        let step = own_step(&source, &text, origin, &shipped)?;
        if let Some(other) = found.iter().find(|other| other.step.name == step.name) {
            let failure = Failure::usage(format!("{} stands in for `{}` already", other.source, step.name));
            return Err(at(failure.hint("keep one of the two files"), &source, step.line));
        }
        found.push(OwnStep { step, source, text });
    }
    Ok(found)
}

fn files(folder: &Path, working: &Path) -> Result<Vec<(String, String)>> {
    let Ok(entries) = std::fs::read_dir(folder.join(FOLDER)) else { return Ok(Vec::new()) };
    let paths = entries.flatten().map(|entry| entry.path());
    let mut paths: Vec<_> = paths.filter(|path| path.extension().is_some_and(|end| end == "rhai")).collect();
    paths.retain(|path| !path.to_string_lossy().ends_with("_test.rhai"));
    paths.sort();
    let read = |path: &std::path::PathBuf| {
        let text = std::fs::read_to_string(path)
            .map_err(|e| Failure::new(Kind::NotFound, format!("{} cannot be read: {e}", path.display())))?;
        Ok((paths::disk_name(path, working), text))
    };
    paths.iter().map(read).collect()
}

fn own_step(source: &str, text: &str, origin: &str, shipped: &[Step]) -> Result<Step> {
    // Told before the run, not in the middle of it.
    drop(compile(&parser(), source, text)?);
    let list = format!("meshwright show {origin} lists its steps");
    let mut outer = steps(text).into_iter().filter(|step| step.depth == 0);
    let Some(step) = outer.next() else {
        let failure = Failure::usage(format!("this file stands in for a step of {origin}, and holds none"));
        return Err(at(failure.hint(format!("write `step \"NAME\" {{ … }}`; {list}")), source, 1));
    };
    if let Some(second) = outer.next() {
        let failure = Failure::usage("a file stands in for one step, and this is its second");
        return Err(at(failure.hint("give it a file of its own"), source, second.line));
    }
    if shipped.iter().any(|other| other.name == step.name) {
        return Ok(step);
    }
    let failure = Failure::usage(format!("{origin} has no step `{}` to stand in for", step.name));
    let hint = match nearest(&step.name, shipped.iter().map(|step| step.name.as_str())) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => list,
    };
    Err(at(failure.hint(hint), source, step.line))
}

fn at(failure: Failure, source: &str, line: usize) -> Failure {
    Failure { places: vec![Place { source: source.to_owned(), line, column: 1 }], ..failure }
}

impl Script {
    /// Its steps, those that a small fork has of its own among them.
    pub fn steps(&self) -> Vec<Step> {
        let mut all = steps(&self.text);
        for own in self.own_steps() {
            for step in all.iter_mut().filter(|step| step.name == own.step.name) {
                *step = Step { depth: step.depth, file: Some(own.source.clone()), ..own.step.clone() };
            }
        }
        all
    }

    /// The source names and texts of the files that stand in for steps.
    pub fn step_files(&self) -> Vec<(String, String)> {
        self.own_steps().into_iter().map(|own| (own.source, own.text)).collect()
    }

    /// What is wrong with them was told when the script was found.
    fn own_steps(&self) -> Vec<OwnStep> {
        let Home::Over(folder, origin) = &self.home else { return Vec::new() };
        if self.source != format!("{origin}/main.rhai") {
            return Vec::new();
        }
        let working = paths::plain(&std::env::current_dir().unwrap_or_default());
        own_steps(folder, origin, &self.text, &working).unwrap_or_default()
    }
}

/// An import of such a file as it is written in a script beside the folder.
pub(super) fn from_top(import: &Import) -> String {
    let path = match (import.path.strip_prefix("./"), import.path.strip_prefix("../")) {
        (Some(rest), _) => format!("./{FOLDER}{rest}"),
        (_, Some(rest)) => format!("./{rest}"),
        _ => import.path.clone(),
    };
    let name = if import.name.is_empty() { String::new() } else { format!(" as {}", import.name) };
    format!("import \"{path}\"{name};")
}

/// A step of a script's text as a file of its own, with what it imports.
fn as_file(text: &str, step: &Step) -> String {
    let body = &text[step.range.clone()];
    let lines: Vec<&str> = text.lines().collect();
    let used = Outline::of(text).imports.into_iter().filter(|import| body.contains(&format!("{}::", import.name)));
    let imports: String = used.map(|import| format!("{}\n", lines[import.line - 1].trim())).collect();
    let comment: String = step.doc.lines().map(|line| format!("{}\n", format!("// {line}").trim_end())).collect();
    let indent = lines[step.line - 1].len() - lines[step.line - 1].trim_start().len();
    let dedent =
        |line: &str| line.get(indent..).filter(|_| line[..indent].trim().is_empty()).unwrap_or(line).to_owned();
    let body = body.lines().enumerate().map(|(at, line)| if at == 0 { line.to_owned() } else { dedent(line) });
    let gap = if imports.is_empty() { "" } else { "\n" };
    format!("{imports}{gap}{comment}{}\n", body.collect::<Vec<_>>().join("\n"))
}

/// The file name that is made for a step: its words.
pub(super) fn file_of(step: &str) -> String {
    let kept: String = step.chars().filter(|c| *c != '\'' && *c != '’').collect();
    let words = kept.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let name = words.map(str::to_lowercase).collect::<Vec<_>>().join("-");
    format!("{FOLDER}{name}.rhai")
}

/// Every step of a script's text as a file that may stand in for it: name, path in a fork, content.
pub(super) fn step_files(text: &str) -> Vec<(String, String, String)> {
    steps(text).iter().map(|step| (step.name.clone(), file_of(&step.name), as_file(text, step))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIN: &str = "import \"std:a\" as a;\nimport \"std:b\" as b;\nstep \"One's own\" { b::f() }\nif x {\n    // Guide: two.\n    //   kubectl\n    step \"Two\" on y {\n        a::g(y);\n    }\n}\n";

    #[test]
    fn a_step_becomes_a_file_that_stands_alone() {
        let files = step_files(MAIN);
        let told: Vec<_> =
            files.iter().map(|(name, path, text)| (name.as_str(), path.as_str(), text.as_str())).collect();
        assert_eq!(
            told,
            [
                ("One's own", "steps/ones-own.rhai", "import \"std:b\" as b;\n\nstep \"One's own\" { b::f() }\n"),
                (
                    "Two",
                    "steps/two.rhai",
                    "import \"std:a\" as a;\n\n// Guide: two.\n//   kubectl\nstep \"Two\" on y {\n    a::g(y);\n}\n"
                ),
            ]
        );
    }

    fn told(files: &[(&str, &str)]) -> Result<Vec<OwnStep>> {
        let folder = tempfile::tempdir().expect("folder");
        std::fs::create_dir(folder.path().join("steps")).expect("folder");
        for (name, text) in files {
            std::fs::write(folder.path().join("steps").join(name), text).expect("file");
        }
        own_steps(folder.path(), "guide", MAIN, folder.path())
    }

    #[test]
    fn files_that_stand_in_for_no_step_are_told_with_the_nearest() {
        let wrong = |files: &[(&str, &str)]| {
            let failure = told(files).expect_err("wrong");
            (failure.to_string(), failure.hint.unwrap_or_default(), failure.places[0].line)
        };
        let (_, hint, line) = wrong(&[("a.rhai", "\nstep \"Tow\" {}")]);
        assert_eq!((hint.as_str(), line), ("did you mean `Two`?", 2));
        assert!(wrong(&[("a.rhai", "1;")]).0.contains("holds none"));
        assert!(wrong(&[("a.rhai", "step \"Two\" {}\nstep \"One's own\" {}")]).0.contains("one step"));
        assert!(wrong(&[("a.rhai", "step \"Two\" {}"), ("b.rhai", "step \"Two\" {}")]).0.contains("a.rhai"));
        let own = told(&[("a.rhai", "step \"Two\" { step \"inner\" {} }"), ("notes.txt", "")]).expect("one");
        assert_eq!((own.len(), own[0].source.as_str()), (1, "./steps/a.rhai"));
    }
}
