//! `test`: runs files of tests.

use super::format::Format;
use super::script_args::find;
use crate::engine::Cancel;
use crate::engine::report::{self, Look};
use crate::failure::{Failure, Kind, Result};
use crate::run::interrupt;
use crate::run::screen::{Style, seconds};
use crate::run::trials::{self, Test as Trial, Verdict};
use crate::script::Script;
use clap::Args;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Arguments of `test`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Test {
    /// Folders, files or shipped scripts whose tests to run (this folder when none is given), and parts of test names
    #[arg(value_name = "WHERE|PART")]
    words: Vec<String>,
    /// Only tests with this in their name; repeat it for more
    #[arg(long, value_name = "PART")]
    filter: Vec<String>,
    /// List the tests without running them
    #[arg(long)]
    list: bool,
    /// How to print it
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    output: Format,
    /// Write the results as JUnit XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Run them again whenever a file changes, until Ctrl-C
    #[arg(long)]
    watch: bool,
    /// How many tests run at once; as many as there are cores when left out
    #[arg(short, long, value_name = "N")]
    jobs: Option<usize>,
}

const EXAMPLES: &str = "\
Examples:
  meshwright test                       every *_test.rhai below this folder
  meshwright test mine gateway          those below mine with `gateway` in their name
  meshwright test shared-gateways       the tests that come with a shipped script
  meshwright test --watch               again at every change
  meshwright test -o json               for programs: name, file, result, milliseconds, message";

/// What was looked for, and found.
struct Found {
    tests: Vec<Trial>,
    /// Files that could not be run.
    broken: Vec<(Script, Failure)>,
}

impl Test {
    /// Carries the command out.
    pub fn go(self, style: Style) -> Result<()> {
        let cancel = interrupt::watched()?;
        self.junit.as_deref().filter(|_| !self.list).map_or(Ok(()), super::test_junit::check)?;
        if self.watch {
            return super::test_watch::again_and_again(&self.folders(), &cancel, || {
                if let Err(failure) = self.once(style, &cancel) {
                    super::report(&failure, style);
                }
            });
        }
        self.once(style, &cancel)
    }

    fn once(&self, style: Style, cancel: &Cancel) -> Result<()> {
        let found = self.found(cancel)?;
        if self.list {
            super::print(&self.listed(&found.tests))?;
            return found.broken.into_iter().next().map_or(Ok(()), |(_, failure)| Err(failure));
        }
        self.run(&found, style, cancel)
    }

    fn listed(&self, all: &[Trial]) -> String {
        match self.output {
            Format::Json => super::test_json::list(all),
            Format::Text => all.iter().map(title).collect::<Vec<_>>().join("\n"),
        }
    }

    fn run(&self, found: &Found, style: Style, cancel: &Cancel) -> Result<()> {
        let (start, mut done) = (Instant::now(), Vec::new());
        let is_text = self.output == Format::Text;
        for (file, failure) in found.broken.iter().filter(|_| is_text) {
            let name = format!("{} cannot be run", file.name);
            super::print(&line(&name, Some(failure), Duration::ZERO, style))?;
        }
        let threads = self.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(2, usize::from));
        trials::run_all(&found.tests, threads, cancel, |test, verdict| {
            if is_text {
                let _ = super::print(&line(&title(test), verdict.failure.as_ref(), verdict.took, style));
            }
            done.push((test.clone(), verdict));
        });
        match self.output {
            Format::Text => failures(found, &done, style)?,
            Format::Json => super::print(&super::test_json::report(&found.tests, &done, &found.broken))?,
        }
        if cancel.is_cancelled() {
            let left = found.tests.len() - done.len();
            return Err(Failure::new(
                Kind::Cancelled,
                format!("interrupted: {left} of {} did not end", tests(found.tests.len())),
            ));
        }
        if let Some(file) = &self.junit {
            super::test_junit::write(file, &done, &found.broken)?;
        }
        let passed = summary(&done, found.broken.len(), start.elapsed())?;
        if is_text { super::print(&format!("\n{passed}")) } else { Ok(()) }
    }

    /// The folders and files that the tests come from.
    fn folders(&self) -> Vec<PathBuf> {
        let given: Vec<PathBuf> = self.words.iter().map(PathBuf::from).filter(|path| path.exists()).collect();
        if given.is_empty() { vec![PathBuf::from(".")] } else { given }
    }

    /// The tests that were asked for.
    fn found(&self, cancel: &Cancel) -> Result<Found> {
        let (mut files, mut parts) = (Vec::new(), self.filter.clone());
        let is_script = |word: &str| Script::all().iter().any(|script| script.name == word);
        let mut is_anywhere = false;
        for word in &self.words {
            if Path::new(word).exists() {
                is_anywhere = true;
                files.extend(files_in(Path::new(word))?);
            } else if is_script(word) {
                is_anywhere = true;
                files.extend(find(word)?.tests());
            } else if word.contains('/') || word.ends_with(".rhai") {
                return Err(Failure::usage(format!("there is no file or folder {word}")));
            } else {
                parts.push(word.clone());
            }
        }
        if !is_anywhere {
            files = files_in(Path::new("."))?;
        }
        if files.is_empty() {
            return Err(Failure::usage("there are no tests here")
                .hint("tests stand in files that end in `_test.rhai`: test \"name\" { assert(true); }"));
        }
        let mut found = Found { tests: Vec::new(), broken: Vec::new() };
        for file in files {
            match trials::list(&file, cancel) {
                Err(failure) if failure.kind == Kind::Cancelled => return Err(failure),
                Ok(tests) => found.tests.extend(tests),
                Err(failure) => found.broken.push((file, failure)),
            }
        }
        chosen(found, &parts)
    }
}

/// The tests with one of these parts in their name or their file's.
fn chosen(mut found: Found, parts: &[String]) -> Result<Found> {
    if parts.is_empty() {
        return Ok(found);
    }
    let all: Vec<String> = found.tests.iter().map(|test| test.name.clone()).collect();
    let lower: Vec<String> = parts.iter().map(|part| part.to_lowercase()).collect();
    found.tests.retain(|test| lower.iter().any(|part| title(test).to_lowercase().contains(part)));
    if found.tests.is_empty() && found.broken.is_empty() {
        let failure = Failure::usage(format!("no test has `{}` in its name", parts.join("` or `")));
        return Err(match crate::engine::nearest(&parts[0], all.iter().map(String::as_str)) {
            Some(meant) => failure.hint(format!("did you mean `{meant}`?")),
            None => failure.hint("meshwright test --list lists them"),
        });
    }
    Ok(found)
}

/// Every file of tests at or below a path, by name.
fn files_in(path: &Path) -> Result<Vec<Script>> {
    let mut paths = Vec::new();
    collect(path, &mut paths, true);
    paths.sort();
    paths.iter().map(|path| find(&path.to_string_lossy())).collect()
}

fn collect(path: &Path, into: &mut Vec<PathBuf>, is_first: bool) {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if path.is_file() {
        into.extend((is_first && name.ends_with(".rhai") || name.ends_with("_test.rhai")).then(|| path.to_owned()));
        return;
    }
    if !is_first && (name.starts_with('.') || matches!(name.as_str(), "target" | "node_modules")) {
        return;
    }
    for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
        // Links may lead round in circles.
        if !entry.file_type().is_ok_and(|kind| kind.is_symlink()) {
            collect(&entry.path(), into, false);
        }
    }
}

/// A test by its file's name and its own.
pub fn title(test: &Trial) -> String {
    format!("{}: {}", test.file.source.trim_start_matches("./").trim_end_matches(".rhai"), test.name)
}

fn line(name: &str, failure: Option<&Failure>, took: Duration, style: Style) -> String {
    let (code, mark) = if failure.is_some() { ("31", "✗") } else { ("32", "✓") };
    let mark = if style.colour { format!("\x1b[{code}m{mark}\x1b[0m") } else { mark.to_owned() };
    format!("{mark} {:<80} {:>6}", crate::plain::line(name, 100), seconds(took))
}

/// The failure with its place, and below it what the test had to say.
fn shown(failure: &Failure, said: &[String], style: Style) -> String {
    let text_of = |source: &str| crate::script::source_text(source);
    let mut text = report::render(failure, &text_of, Look::for_stderr(style.colour));
    if !said.is_empty() {
        text += "  it said:\n";
        said.iter().for_each(|line| text += &format!("    {}\n", crate::plain::text(line).replace('\n', "\n    ")));
    }
    text
}

/// What went wrong, one after the other.
fn failures(found: &Found, done: &[(Trial, Verdict)], style: Style) -> Result<()> {
    for (_, failure) in &found.broken {
        super::print(&shown(failure, &[], style))?;
    }
    for (test, verdict) in done {
        if let Some(failure) = &verdict.failure {
            super::print(&format!("\n{}\n{}", title(test), shown(failure, &verdict.said, style)))?;
        }
    }
    Ok(())
}

fn summary(done: &[(Trial, Verdict)], broken: usize, took: Duration) -> Result<String> {
    let failed = done.iter().filter(|(_, verdict)| verdict.failure.is_some()).count();
    let files = match broken {
        0 => String::new(),
        1 => ", 1 file cannot be run".to_owned(),
        more => format!(", {more} files cannot be run"),
    };
    let took = seconds(took);
    if failed + broken == 0 {
        return Ok(format!("{} passed in {took}", tests(done.len())));
    }
    let message = format!("{failed} of {} failed{files}, in {took}", tests(done.len()));
    Err(Failure::new(Kind::Script, message))
}

fn tests(count: usize) -> String {
    if count == 1 { "1 test".to_owned() } else { format!("{count} tests") }
}
