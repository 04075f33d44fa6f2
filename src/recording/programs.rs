//! Local programs: recorded, and replayed.

use super::difference;
use super::entry::Program;
use super::fill;
use super::player::unknown;
use super::writer::{Writer, printed, words};
use crate::failure::Result;
use crate::process::{Command, Output, Programs};
use futures::future::BoxFuture;
use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Programs whose runs are recorded.
pub struct RecordedPrograms(pub Arc<dyn Programs>, pub Arc<Writer>);

impl Programs for RecordedPrograms {
    fn which(&self, tool: &str) -> Option<PathBuf> {
        self.0.which(tool)
    }

    fn run<'a>(&'a self, command: &'a Command) -> BoxFuture<'a, Result<Output>> {
        Box::pin(async move {
            let output = self.0.run(command).await?;
            let (tool, argv) = (command.tool.clone(), words(&command.argv));
            let printed = printed(output.code, &output.stdout, &output.stderr);
            self.1.program(Program { tool, argv, printed });
            Ok(output)
        })
    }
}

/// Programs as they were recorded: none is started.
#[derive(Default)]
pub struct ReplayedPrograms {
    recorded: Vec<Program>,
    asked: Mutex<Asked>,
}

#[derive(Default)]
struct Asked {
    /// How often each was answered.
    given: HashMap<String, usize>,
    lines: BTreeSet<String>,
}

impl ReplayedPrograms {
    /// The programs of a recording.
    pub fn new(tape: &super::Tape) -> ReplayedPrograms {
        ReplayedPrograms { recorded: tape.programs.clone(), asked: Mutex::default() }
    }

    /// Lines about programs that were called now and not then, and the other way round.
    pub fn differences(&self) -> Vec<String> {
        let recorded = self.recorded.iter().map(|program| line(&program.tool, &program.argv)).collect();
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        difference::of_sets("programs", &recorded, &asked.lines)
    }

    fn answer(&self, command: &Command) -> Option<Output> {
        let argv = words(&command.argv);
        let key = line(&command.tool, &argv);
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.lines.insert(key.clone());
        let mut alike: Vec<&Program> =
            self.recorded.iter().filter(|known| line(&known.tool, &known.argv) == key).collect();
        if alike.is_empty() {
            // With other flags, which the differences show.
            let same = |known: &&Program| known.tool == command.tool && verb(&known.argv) == verb(&argv);
            alike = self.recorded.iter().filter(same).collect();
        }
        let given = asked.given.entry(key).or_default();
        let found = alike.get((*given).min(alike.len().saturating_sub(1)))?;
        *given += 1;
        let printed = &found.printed;
        Some(Output { code: printed.code, stdout: fill::text(&printed.stdout), stderr: fill::text(&printed.stderr) })
    }
}

/// The words before the first flag.
fn verb(argv: &[String]) -> Vec<&String> {
    argv.iter().take_while(|word| !word.starts_with('-')).collect()
}

fn line(tool: &str, argv: &[String]) -> String {
    fill::lasting(&std::iter::once(tool).chain(argv.iter().map(String::as_str)).collect::<Vec<_>>().join(" "))
}

impl Programs for ReplayedPrograms {
    fn which(&self, tool: &str) -> Option<PathBuf> {
        self.recorded.iter().any(|known| known.tool == tool).then(|| PathBuf::from("/recorded/bin").join(tool))
    }

    fn run<'a>(&'a self, command: &'a Command) -> BoxFuture<'a, Result<Output>> {
        Box::pin(async move { self.answer(command).ok_or_else(|| unknown(&command.shown())) })
    }
}
