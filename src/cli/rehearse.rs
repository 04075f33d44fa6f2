//! `rehearse`: a script on clusters in memory.

use super::exit;
use super::outcome::finish;
use super::script_args::ScriptArgs;
use crate::failure::Result;
use crate::run::screen::Style;
use crate::run::{Desk, Job, Session, interrupt};
use crate::script::{Given, Header, Values, stand_in};
use clap::Args;

const EXAMPLES: &str = "\
Examples:
  meshwright rehearse shared-gateways
  meshwright rehearse shared-gateways --serve                   stay up, for kubectl
  meshwright rehearse ./mine --stop-after 'Install the control plane'";

/// Arguments of `rehearse`.
#[derive(Args)]
#[command(disable_help_flag = true, after_help = EXAMPLES)]
pub struct Rehearse {
    #[command(flatten)]
    script: ScriptArgs,
}

impl Rehearse {
    /// Carries the command out; the exit code.
    pub fn go(self, style: Style) -> Result<u8> {
        let Some(asked) = self.script.job("rehearse", style, stand_in)? else { return Ok(exit::DONE) };
        let all = asked.before.iter().flat_map(|before| before.values.clusters());
        let contexts = unique(all.chain(asked.job.values.clusters()).collect());
        let desk = asked.pause.then(|| Desk::new(true));
        // A prompt and spinners cannot share the screen.
        let style = Style { live: asked.job.style.live && !asked.pause, ..asked.job.style };
        let job = Job { style, ..asked.job };
        let session = stage(&job, asked.before.as_ref(), &contexts, desk.clone())?;
        if let Some(desk) = desk {
            return super::repl::carry_out(session, desk, &job).map(|()| exit::DONE);
        }
        let clusters = if contexts.is_empty() { "no cluster".to_owned() } else { contexts.join(", ") };
        let name = &job.script.name;
        let begin = format!("Rehearsing {name} on {clusters}: clusters in memory, nothing real is touched.");
        session.screen().line(&format!("{}\n", crate::plain::wrapped(&begin, columns(), "")));
        if asked.serve {
            session.hold_time_afterwards();
        }
        let outcome = finish(&session, &job);
        if !asked.serve || session.is_interrupted() {
            return outcome.map(|()| exit::DONE);
        }
        let failed = outcome.err().map(|failure| super::report(&failure, style));
        super::serve::serve(&session)?;
        Ok(failed.unwrap_or_else(interrupt::code))
    }
}

/// The terminal's, or no limit.
fn columns() -> usize {
    crate::plain::columns().unwrap_or(usize::MAX)
}

/// A session on new clusters. Before a task, its main script is carried out on them: a task works on what is there.
fn stage(job: &Job, before: Option<&Job>, contexts: &[String], desk: Option<Desk>) -> Result<Session> {
    let contexts: Vec<&str> = contexts.iter().map(String::as_str).collect();
    let Some(before) = before else { return Session::rehearsal_at(job, &contexts, desk) };
    if !job.style.quiet {
        let (main, task) = (&before.script.name, &job.script.name);
        let line = format!("First {main}, without its output: {task} works on what it makes.");
        crate::plain::tell(&crate::plain::wrapped(&crate::plain::text(&line), columns(), ""));
    }
    let first = Session::rehearsal(before, &contexts)?;
    finish(&first, before)?;
    first.again_at(job, desk)
}

/// The parameters of a script that is rehearsed without any given.
///
/// # Errors
/// When one has neither a default nor a stand-in.
pub fn stand_ins(header: &Header) -> Result<Values> {
    let mut given = Given::default();
    given.fill(header, stand_in);
    Values::check(header, &given)
}

/// Each name once, in order.
fn unique(mut names: Vec<String>) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}
