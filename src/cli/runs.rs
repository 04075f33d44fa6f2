//! `runs` and `show-run`: what has been done, by which script line, and how long it took.

use crate::cluster::layers::journal::Note;
use crate::failure::Result;
use crate::run::record::{self, Change, History};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

/// Arguments of `runs`.
#[derive(Args)]
pub struct Runs {
    /// How to print it
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: Format,
    /// All of them, not only the latest 20; JSON always has all
    #[arg(long)]
    all: bool,
}

/// How many runs a table shows.
const LATEST: usize = 20;

/// Arguments of `show-run`.
#[derive(Args)]
pub struct ShowRun {
    /// The run: its id, the beginning of its id, or `last`
    #[arg(value_name = "RUN")]
    run: String,
    /// How to print it
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: Format,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Format {
    Table,
    Json,
}

impl Runs {
    /// Carries the command out.
    pub fn go(self) -> Result<()> {
        let runs = record::all(&record::folder())?;
        if self.output == Format::Json {
            let rows: Vec<Value> = runs.iter().map(row).collect();
            return super::print(&serde_json::to_string_pretty(&rows).unwrap_or_default());
        }
        if runs.is_empty() {
            crate::plain::tell("No runs found.");
            return Ok(());
        }
        let shown = if self.all { runs.len() } else { runs.len().min(LATEST) };
        let width = console::Term::stdout().size_checked().map(|(_, columns)| usize::from(columns));
        super::print(&super::runs_table::table(&runs[..shown], width.filter(|width| *width > 0)))?;
        if let Some(more) = std::num::NonZero::new(runs.len() - shown) {
            crate::plain::tell(&format!("and {more} earlier: meshwright runs --all"));
        }
        Ok(())
    }
}

impl ShowRun {
    /// Carries the command out.
    pub fn go(self) -> Result<()> {
        let run = record::find(&record::folder(), &self.run)?;
        match self.output {
            Format::Json => super::print(&serde_json::to_string_pretty(&whole(&run)).unwrap_or_default()),
            Format::Table => super::print(&shown(&run)),
        }
    }
}

/// Characters of what was typed.
const LONG: usize = 200;

fn when(time: &str) -> &str {
    time.get(..19).unwrap_or(time)
}

fn row(run: &History) -> Value {
    json!({
        "id": run.id, "time": run.started.time, "script": run.started.script, "typed": run.started.typed,
        "clusters": run.started.clusters,
        "outcome": run.outcome(), "changes": run.totals(),
    })
}

fn whole(run: &History) -> Value {
    let changes: Vec<Value> = run.changes.iter().map(change).collect();
    let mut all = row(run);
    all["params"] = Value::Object(run.started.params.clone());
    all["program"] = json!(run.started.program);
    all["sha256"] = json!(run.started.sha256);
    all["changes"] = Value::Array(changes);
    all["notes"] = json!(run.notes);
    all["message"] = json!(run.finished.as_ref().map(|finished| &finished.message));
    all
}

fn change(change: &Change) -> Value {
    let outcome = change.outcome.as_ref();
    json!({
        "cluster": change.intent.cluster, "object": change.intent.object, "what": change.word(), "step": change.step,
        "line": change.intent.line, "status": outcome.and_then(|outcome| outcome.status),
        "ms": outcome.map(|outcome| outcome.ms), "retries": change.repeated,
        "uid": outcome.map(|outcome| &outcome.uid),
    })
}

/// A run for people.
fn shown(run: &History) -> String {
    let started = &run.started;
    let mut lines = vec![
        format!("run      {}", run.id),
        format!("script   {} (meshwright {})", started.script, started.program),
        format!("when     {} UTC", when(&started.time).replace('T', " ")),
        format!("clusters {}", started.clusters.join(", ")),
        format!("outcome  {}", run.outcome()),
        format!("changes  {}", run.totals()),
    ];
    if !started.typed.is_empty() {
        lines.insert(2, format!("typed    {}", crate::plain::line(&started.typed, LONG)));
    }
    let message = run.finished.as_ref().map(|finished| finished.message.as_str()).unwrap_or_default();
    lines.extend(message.lines().next().map(|line| format!("why      {}", crate::plain::text(line))));
    let mut step = "";
    for change in &run.changes {
        if change.step != step {
            step = &change.step;
            lines.extend([String::new(), step.to_owned()]);
        }
        let line = change.intent.line.as_deref().unwrap_or_default();
        let retries = change.repeated;
        let again = if retries > 0 { format!("  sent {} times", retries + 1) } else { String::new() };
        let object = crate::plain::line(&format!("{}: {}", change.intent.cluster, change.intent.object), LONG);
        lines.push(format!("  {:<9} {object:<60} {line}{again}", change.word()));
    }
    if !run.notes.is_empty() {
        lines.extend([String::new(), "Waits and programs".to_owned()]);
    }
    lines.extend(run.notes.iter().map(note));
    lines.iter().map(|line| line.trim_end()).collect::<Vec<_>>().join("\n")
}

fn note(note: &Note) -> String {
    match note {
        Note::Wait { what, ms, met, line, .. } => {
            let word = if *met { "waited" } else { "gave up" };
            let what = crate::plain::text(what);
            format!("  {word:<9} {:>7} {what}  {}", seconds(*ms), line.as_deref().unwrap_or_default())
        }
        Note::Cluster { cluster, uid, .. } => format!("  cluster           {cluster}: {uid}"),
        Note::Unchecked { cluster, .. } => {
            format!("  insecure          {cluster}: the server's certificate was not checked")
        }
        Note::Exec { command, code, ms, line, .. } => {
            let code = code.map_or("no exit code".to_owned(), |code| format!("exit {code}"));
            let command = crate::plain::text(command);
            format!("  ran       {:>7} {command} ({code})  {}", seconds(*ms), line.as_deref().unwrap_or_default())
        }
    }
}

fn seconds(ms: u64) -> String {
    format!("{:.1}s", std::time::Duration::from_millis(ms).as_secs_f64())
}
