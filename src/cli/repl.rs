//! `repl`: the prompt.

use super::outcome::{ended, going_on, is_stopped_as_asked};
use super::script_args::find;
use super::words::{take_flag, take_value, take_values};
use crate::failure::{Failure, Kind as FailureKind, Result};
use crate::grant::Way;
use crate::object::Node;
use crate::repl::{Repl as Prompt, View, talk};
use crate::run::config::Config;
use crate::run::screen::Style;
use crate::run::{Desk, Job, Session};
use crate::script::{Header, Home, Kind, Needs, Script, Values};
use clap::Args;
use std::io::IsTerminal as _;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  meshwright repl --rehearse                    two clusters in memory
  meshwright repl --rehearse shared-gateways    with the guide rehearsed in them
  meshwright repl ./mine --rehearse             step by step: `:next`, `:help`";

/// Arguments of `repl`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Repl {
    /// A script to open with its steps: a bundled one or a .rhai file
    name: Option<String>,
    /// Its parameters
    #[arg(value_name = "PARAMETERS", trailing_var_arg = true, allow_hyphen_values = true)]
    parameters: Vec<String>,
    /// On clusters in memory: empty ones, those that the script names or `east` and `west`, or those of a script that has
    /// been rehearsed
    #[arg(long, value_name = "NAME", num_args = 0..=1)]
    rehearse: Option<Option<String>>,
    /// Let the session change things from the start; `:write` does so later
    #[arg(long)]
    write: bool,
    /// A context that looks like production and may be written to all the same; `:write CONTEXT` says so later
    #[arg(long, value_name = "CONTEXT")]
    confirm: Vec<String>,
    /// The kubeconfig to use
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
}

impl Repl {
    /// Carries the command out.
    pub fn go(mut self, style: Style) -> Result<()> {
        // Options may also stand behind the script's name.
        self.write |= take_flag(&mut self.parameters, "--write");
        self.rehearse = self.rehearse.or_else(|| take_flag(&mut self.parameters, "--rehearse").then_some(None));
        self.kubeconfig = self
            .kubeconfig
            .or(take_value(&mut self.parameters, "--kubeconfig").map_err(Failure::usage)?.map(PathBuf::from));
        self.confirm.extend(take_values(&mut self.parameters, "--confirm")?);
        let desk = Desk::new(self.write);
        let (session, job) = self.opened(&desk, style)?;
        if session.world().is_none() {
            desk.gate.guard(Config::load()?.guard("`:write NAME`"));
            self.confirm.iter().for_each(|context| desk.gate.name(context));
        }
        let view = View { colour: style.colour, ..View::default() };
        let mut prompt = Prompt::new(session, desk, &job, view)?;
        let loaded = self.name.as_ref().map_or(Ok(()), |name| prompt.load(name, &self.parameters));
        if loaded.is_err() {
            return prompt.close(loaded);
        }
        let (prompt, failure) = talk(prompt, style.colour)?;
        let told = failure.is_some();
        // What a line failed with has been shown with that line.
        let quiet = |failure: Failure| if told { Failure::new(failure.kind, "") } else { failure };
        prompt.close(failure.map_or(Ok(()), Err)).map_err(quiet)
    }

    /// The session that the prompt begins with.
    fn opened(&self, desk: &Desk, style: Style) -> Result<(Session, Job)> {
        match &self.rehearse {
            Some(Some(name)) => rehearsed(name, desk, style),
            Some(None) => {
                let job = job(typed(), Values::default(), style);
                let contexts = self.name.as_deref().map_or_else(Vec::new, contexts_of);
                let contexts: Vec<&str> = contexts.iter().map(String::as_str).collect();
                let contexts = if contexts.is_empty() { EMPTY.to_vec() } else { contexts };
                Ok((Session::rehearsal_at(&job, &contexts, Some(desk.clone()))?, job))
            }
            None => {
                let job = job(typed(), Values::default(), style);
                Ok((Session::live_at(&job, self.kubeconfig.clone(), Some(desk.clone()))?, job))
            }
        }
    }
}

/// The clusters of a rehearsal that nobody names any for.
const EMPTY: [&str; 2] = ["east", "west"];

/// The clusters that a script's parameters have by default, and one for each parameter that has none; none when no
/// parameter has any.
fn contexts_of(name: &str) -> Vec<String> {
    let Ok(header) = find(name).and_then(|script| script.header()) else { return Vec::new() };
    let clusters = header.params.iter().filter(|param| matches!(param.kind, Kind::Cluster | Kind::Clusters));
    let (named, unnamed): (Vec<_>, Vec<_>) = clusters.partition(|param| param.default.is_some());
    let defaults = named.iter().filter_map(|param| param.default.as_ref());
    let texts = defaults.flat_map(|node| node.as_str().into_iter().chain(node.items().iter().filter_map(Node::as_str)));
    let mut contexts: Vec<String> = Vec::new();
    for text in texts.filter(|text| !text.is_empty()) {
        if !contexts.iter().any(|known| known == text) {
            contexts.push(text.to_owned());
        }
    }
    if !contexts.is_empty() {
        contexts.extend(EMPTY.iter().take(unnamed.len()).map(|name| (*name).to_owned()));
    }
    contexts
}

/// Carries a script out; when it fails, a prompt opens where it failed.
pub fn carry_out(session: Session, desk: Desk, job: &Job) -> Result<()> {
    let start = std::time::Instant::now();
    let view = View { colour: job.style.colour, ..View::default() };
    // What a pause begins with is written before the terminal is read.
    let view = View { width: crate::plain::columns().unwrap_or(view.width), ..view };
    let journal = session.journal();
    let begun = session.begin(job, job.values.clusters());
    let mut prompt = Prompt::new(session, desk.clone(), job, view)?;
    // Where nothing has begun there is nothing to look at, to try again or to pass over.
    let has_begun = begun.is_ok();
    let mut outcome = begun.and_then(|()| prompt.carry_out(job));
    let mut stopped = is_stopped_as_asked(prompt.first_session(), job, &outcome);
    let (is_over, mut told) = (!has_begun || stopped || desk.ending.told().is_some(), false);
    if let (Err(failure), true) = (&outcome, std::io::stdin().is_terminal() && !is_over) {
        desk.ending.bids_farewell(going_on(journal));
        prompt.pause(failure.clone());
        let (talked, left) = talk(prompt, job.style.colour)?;
        prompt = talked;
        match left {
            Some(left) if left.kind == FailureKind::Cancelled => (outcome, told) = (Err(left), true),
            _ if prompt.is_done() => outcome = Ok(()),
            _ if prompt.is_stopped() => {
                let step = job.stop_after.as_deref().unwrap_or_default();
                (outcome, stopped) = (Err(crate::run::record::stop(step)), true);
            }
            _ => {}
        }
    }
    outcome = outcome.and_then(|()| prompt.first_session().screen().is_whole());
    if outcome.is_ok() {
        prompt.summary(start.elapsed());
    }
    // The journal takes the words of a signal; on the screen they stand already.
    let quiet = |failure: Failure| match told && failure.kind == FailureKind::Cancelled {
        true => Failure::new(failure.kind, ""),
        false => failure,
    };
    let outcome = prompt.close(outcome).map_err(quiet);
    ended(prompt.first_session(), job, outcome, stopped)
}

/// The session after a rehearsal of this script.
fn rehearsed(name: &str, desk: &Desk, style: Style) -> Result<(Session, Job)> {
    let script = find(name)?;
    let header = script.header()?;
    let values = super::rehearse::stand_ins(&header)?;
    let contexts = values.clusters();
    let contexts: Vec<&str> = contexts.iter().map(String::as_str).collect();
    let job = Job::new(script, header, values, Style { quiet: true, ..style }).run_by(Way::Test);
    let session = Session::rehearsal_at(&job, &contexts, Some(desk.clone()))?;
    let writes = desk.gate.is_open();
    desk.gate.set(true);
    let start = std::time::Instant::now();
    session.run(&job)?;
    desk.gate.set(writes);
    let took = crate::run::screen::seconds(start.elapsed());
    crate::plain::tell(&crate::plain::text(&format!("Rehearsed {name} on {} in {took}.", contexts.join(", "))));
    let values = job.values;
    let job = Job { values, ..self::job(job.script, Values::default(), style) };
    let session = session.beside(&job)?;
    Ok((session, job))
}

/// What is typed, as a script in the working folder.
fn typed() -> Script {
    Script {
        name: "typed".into(),
        source: "typed".into(),
        text: String::new(),
        home: Home::Folder(std::env::current_dir().unwrap_or_default()),
    }
}

/// A job for a prompt: whoever sits there may do everything that the desk's gate lets through.
fn job(script: Script, values: Values, style: Style) -> Job {
    let mut header = script.header().unwrap_or_else(|_| Header::default());
    header.needs = Needs { exec: vec!["*".into()], reveal: header.needs.reveal, ..Needs::typed().writing() };
    Job::new(script, header, values, style).run_by(Way::Prompt)
}
