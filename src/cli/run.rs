//! `run`: a script on real clusters.

use super::approve::approve;
use super::outcome::finish;
use super::script_args::ScriptArgs;
use crate::failure::Result;
use crate::run::config::Config;
use crate::run::screen::Style;
use crate::run::{Desk, Job, Session};
use clap::Args;

const EXAMPLES: &str = "\
Examples:
  meshwright run shared-gateways --help                         its parameters
  meshwright run shared-gateways --primary east --remote west
  meshwright run ./mine --params site.yaml --yes                your own, without a question
  meshwright run mine.rhai --cluster east --read-only           whatever its header asks for";

/// Arguments of `run`.
#[derive(Args)]
#[command(disable_help_flag = true, after_help = EXAMPLES)]
pub struct Run {
    #[command(flatten)]
    script: ScriptArgs,
}

impl Run {
    /// Carries the command out.
    pub fn go(self, style: Style) -> Result<()> {
        let Some(asked) = self.script.job("run", style, |_, _| None)? else { return Ok(()) };
        if asked.pause {
            let desk = Desk::new(true);
            // A prompt and spinners cannot share the screen.
            let job = Job { style: Style { live: false, ..style }, ..asked.job };
            let session = Session::live_at(&job, asked.kubeconfig, Some(desk.clone()))?;
            let admitted = approve(&session, &job, &asked.answers)?;
            // What is typed where it pauses may open other clusters than those that were asked about.
            desk.gate.guard(Config::load()?.guard("`:write NAME`"));
            admitted.iter().for_each(|context| desk.gate.name(context));
            return super::repl::carry_out(session, desk, &job);
        }
        let session = Session::live(&asked.job, asked.kubeconfig)?;
        approve(&session, &asked.job, &asked.answers)?;
        finish(&session, &asked.job)
    }
}
