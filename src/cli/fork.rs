//! `fork`: a copy of a script that is yours, and what became of its origin since.

use super::exit;
use super::format::Format;
use super::script_args::find;
use crate::failure::{Failure, Kind, Result};
use crate::script::fork::{self, FileState, Lineage, State, Upstream, copy, copy_only, states};
use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  meshwright fork shared-gateways mine                           everything, to be changed
  meshwright fork shared-gateways mine --only std:istio/sample   one module; the rest stays the shipped one
  meshwright fork shared-gateways mine --only 'step:Prove the path'   one step
  meshwright fork status mine                                    has the origin changed? have you?
  meshwright fork merge mine                                     take what the origin has changed";

/// Arguments of `fork`.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, arg_required_else_help = true, after_help = EXAMPLES)]
pub struct Fork {
    /// The script to copy
    #[arg(required = true)]
    name: Option<String>,
    /// The folder to make; named like the script when left out
    dir: Option<PathBuf>,
    /// Copy only this file of the script, module (std:NAME) or step (step:NAME); the rest stays the shipped one
    #[arg(long, value_name = "FILE")]
    only: Vec<String>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Say what you have changed, and what the origin has; ends with 2 when there is something to take or to settle
    Status(Status),
    /// Show your changes against the files as they came
    Diff(Folder),
    /// Take what the origin has changed; ends with 1 when something is to be settled by hand
    Merge(Folder),
}

#[derive(Args)]
struct Folder {
    /// The folder of the fork
    #[arg(default_value = ".")]
    dir: PathBuf,
}

#[derive(Args)]
struct Status {
    #[command(flatten)]
    folder: Folder,
    /// How to print it
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    output: Format,
}

impl Fork {
    /// Carries the command out; gives the exit code.
    pub fn go(self) -> Result<u8> {
        match self.command {
            None => make(&self.name.unwrap_or_default(), self.dir, &self.only).map(|()| exit::DONE),
            Some(Command::Status(status)) => Found::of(status.folder.dir)?.status(status.output),
            Some(Command::Diff(folder)) => {
                let told = fork::diff(&Found::of(folder.dir)?.states);
                if told.is_empty() {
                    crate::plain::tell("You have changed nothing.")
                } else {
                    super::print(&told)?
                }
                Ok(exit::DONE)
            }
            Some(Command::Merge(folder)) => Found::of(folder.dir)?.merge(),
        }
    }
}

fn make(name: &str, dir: Option<PathBuf>, only: &[String]) -> Result<()> {
    let script = find(name)?;
    let main = script.home.bundled().map_or(name, |folder| folder);
    let dir = dir.unwrap_or_else(|| PathBuf::from(main.trim_end_matches('/').rsplit('/').next().unwrap_or(main)));
    let written = match (only, script.home.bundled()) {
        ([], _) => copy(&script, &dir)?,
        (only, Some(origin)) => {
            copy_only(&Upstream::shipped(origin)?, only, &dir).map_err(|failure| match failure.kind {
                Kind::NotFound => Failure { kind: Kind::Usage, ..failure },
                _ => failure,
            })?
        }
        _ => return Err(Failure::usage(format!("--only is for scripts that come with meshwright; `{name}` is yours"))),
    };
    let shown = shown(&dir);
    super::print(&shown)?;
    crate::plain::tell(&format!("{} files in {shown}, yours to change. What next:", written.len()));
    let mut next = vec![
        (format!("rehearse {shown}"), "try it, no cluster needed"),
        (format!("repl {shown} --rehearse"), "go through it step by step"),
        (format!("check {shown}"), "what is misspelled, without running it"),
        (format!("test {shown}"), "what it promises, on clusters in memory"),
    ];
    if Lineage::read(&dir).is_ok() {
        next.push((format!("fork status {shown}"), "later: what you have changed, and what a newer meshwright has"));
    }
    let width = next.iter().map(|(command, _)| command.chars().count()).max().unwrap_or_default();
    next.iter().for_each(|(command, what)| crate::plain::tell(&format!("  meshwright {command:width$}  {what}")));
    Ok(())
}

/// A folder as `rehearse` takes it.
fn shown(dir: &Path) -> String {
    let dir = dir.display().to_string();
    if dir.starts_with(['/', '.']) { dir } else { format!("./{dir}") }
}

/// A fork, and what became of its files.
struct Found {
    folder: PathBuf,
    lineage: Lineage,
    upstream: Upstream,
    states: Vec<FileState>,
}

impl Found {
    fn of(folder: PathBuf) -> Result<Found> {
        let lineage = Lineage::read(&folder)?;
        let upstream = Upstream::shipped(&lineage.origin)?;
        let states = states(&folder, &lineage, &upstream)?;
        Ok(Found { folder, lineage, upstream, states })
    }

    fn status(&self, output: Format) -> Result<u8> {
        let to_take = self.states.iter().any(FileState::is_to_take);
        let to_settle = self.states.iter().any(|file| file.state == State::Unsettled);
        match output {
            Format::Json => super::print(&self.json())?,
            Format::Text => super::print(&self.text())?,
        }
        if output == Format::Text {
            let folder = shown(&self.folder);
            if to_settle {
                crate::plain::tell(
                    "Edit what has marks until they are gone: what stands above `=======` is yours, below it the origin's.",
                );
            } else if to_take {
                crate::plain::tell(&format!("meshwright fork merge {folder}   takes what upstream has changed"));
            }
            if self.states.iter().any(|file| file.yours != file.base) {
                crate::plain::tell(&format!("meshwright fork diff {folder}    shows what you have changed"));
            }
        }
        Ok(if to_take || to_settle { exit::DIFFERENCES } else { exit::DONE })
    }

    fn text(&self) -> String {
        let (lineage, upstream) = (&self.lineage, &self.upstream);
        let newer = if lineage.version == upstream.version {
            String::new()
        } else {
            format!("; this meshwright has {}", upstream.version)
        };
        let mut out = format!("A fork of {} {}{newer}.\n\n", lineage.origin, lineage.version);
        let width = self.states.iter().map(|file| file.path.chars().count()).max().unwrap_or_default();
        for (path, words) in self.states.iter().filter_map(|file| Some((&file.path, file.words()?))) {
            out += &format!("  {path:width$}  {words}\n");
        }
        let same = self.states.iter().filter(|file| file.state == State::Same).count();
        let as_they_came =
            if same == 1 { "1 file as it came".to_owned() } else { format!("{same} files as they came") };
        out += &format!("  {as_they_came}\n");
        out
    }

    fn json(&self) -> String {
        let files = self.states.iter().map(
            |file| serde_json::json!({"path": file.path, "state": file.state.name(), "to_take": file.is_to_take()}),
        );
        let told = serde_json::json!({
            "origin": self.lineage.origin, "version": self.lineage.version, "upstream_version": self.upstream.version,
            "files": files.collect::<Vec<_>>(),
        });
        serde_json::to_string_pretty(&told).unwrap_or_default()
    }

    fn merge(&self) -> Result<u8> {
        let merged = fork::merge(&self.folder, &self.lineage, &self.upstream)?;
        for (path, word) in &merged.taken {
            super::print(&format!("{word:8} {path}"))?;
        }
        for (path, why) in &merged.conflicts {
            super::print(&format!("CONFLICT {path}: {why}"))?;
        }
        if merged == fork::Merged::default() {
            crate::plain::tell(&format!(
                "There is nothing to take: the fork has everything of {} {}.",
                self.upstream.name, self.upstream.version
            ));
        }
        if merged.conflicts.is_empty() {
            return Ok(exit::DONE);
        }
        crate::plain::tell(&format!(
            "Settle these by hand; `ours` is yours, `theirs` is the origin's. Then: meshwright rehearse {}",
            shown(&self.folder)
        ));
        Ok(exit::REFUSED)
    }
}
