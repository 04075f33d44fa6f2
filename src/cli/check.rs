//! `check`: what is wrong with a script, without running it.

use super::exit;
use super::format::Format;
use crate::engine::Callables;
use crate::engine::report::{self, Look};
use crate::failure::{Failure, Kind, Result};
use crate::primitives::{MODEL, TABLES, TEST_TABLES};
use crate::run::screen::Style;
use crate::script::check::{Checked, Vocabulary, check_all};
use clap::Args;

const EXAMPLES: &str = "\
Examples:
  meshwright check                      every script below this folder
  meshwright check mine.rhai            one, and what it imports
  meshwright check mine -o json         for an editor";

/// Arguments of `check`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Check {
    /// A .rhai file, a folder (every script in it), or a bundled script
    #[arg(default_value = ".")]
    name: String,
    /// How to print it
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    output: Format,
}

/// What scripts and rehearsals can call.
pub fn vocabulary() -> Vocabulary {
    Vocabulary { scripts: Callables::of(TABLES), tests: Callables::of(TEST_TABLES), rehearsals: Callables::of(MODEL) }
}

impl Check {
    /// Carries the command out; gives the exit code.
    pub fn go(self, style: Style) -> Result<u8> {
        let working = std::env::current_dir().unwrap_or_default();
        let checked = check_all(&self.name, &working, &vocabulary()).map_err(|failure| match failure.kind {
            Kind::NotFound => Failure { kind: Kind::Usage, ..failure },
            _ => failure,
        })?;
        let count: usize = checked.iter().map(|file| file.found.len()).sum();
        match self.output {
            Format::Json => super::print(&json(&checked))?,
            Format::Text if count > 0 => super::print(&text(&checked, style))?,
            Format::Text => {}
        }
        if !style.quiet {
            crate::plain::tell(&summary(count, checked.len()));
        }
        Ok(if count == 0 { exit::DONE } else { exit::REFUSED })
    }
}

fn text(checked: &[Checked], style: Style) -> String {
    let found = checked.iter().flat_map(|file| &file.found);
    let look = Look::for_stderr(style.colour_out);
    found.map(|failure| report::render(failure, &super::text_of, look)).collect::<Vec<_>>().join("\n")
}

fn summary(count: usize, files: usize) -> String {
    let files = if files == 1 { "1 file".to_owned() } else { format!("{files} files") };
    match count {
        0 => format!("Nothing is wrong in {files}."),
        1 => format!("1 problem in {files}."),
        count => format!("{count} problems in {files}."),
    }
}

fn json(checked: &[Checked]) -> String {
    let found = checked.iter().flat_map(|file| file.found.iter().map(move |failure| (file, failure)));
    let rows = found.map(|(file, failure)| {
        let place = failure.places.first();
        serde_json::json!({
            "file": place.map_or(file.source.as_str(), |place| place.source.as_str()),
            "line": place.map(|place| place.line),
            "column": place.map(|place| place.column),
            "message": failure.message,
            "hint": failure.hint,
        })
    });
    serde_json::to_string_pretty(&rows.collect::<Vec<_>>()).unwrap_or_default()
}
