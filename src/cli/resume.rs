//! `resume`: the same command again, after a run that did not come to its end.

use super::approve::{Answers, approve};
use super::script_args::{Rights, answers, find, finish, take_value};
use crate::cluster::layers::journal::Note;
use crate::failure::{Failure, Result};
use crate::object::{Node, Object};
use crate::run::record::{self, History};
use crate::run::screen::Style;
use crate::run::{Job, Session};
use crate::script::{Given, Kind, Values};
use clap::Args;

/// Arguments of `resume`.
#[derive(Args)]
pub struct Resume {
    /// The run: its id, the beginning of its id, or `last`
    #[arg(value_name = "RUN", default_value = "last")]
    run: String,
    /// Parameters to give again, since secrets are not kept; and the flags of a run about rights
    #[arg(value_name = "PARAMETERS", trailing_var_arg = true, allow_hyphen_values = true)]
    parameters: Vec<String>,
}

impl Resume {
    /// Carries the command out.
    pub fn go(self, style: Style) -> Result<()> {
        let mut run = record::find(&record::folder(), &self.run)?;
        let (job, answers) = job(&run, &self.parameters, style)?;
        let session = Session::live(&job, run.started.kubeconfig.clone())?;
        let screen = session.screen();
        screen.resumes();
        screen.line(&format!(
            "Resuming run {}: {}. Steps that are already true change nothing.",
            run.id, job.script.name
        ));
        if run.started.sha256 != record::digest(&job.script.text) {
            screen.line("The script is not the same as it was then.");
        }
        for line in session.settle(&mut run)? {
            screen.line(&format!("  {line}"));
        }
        let programs = run.notes.iter().filter(|note| matches!(note, Note::Exec { .. })).count();
        if programs > 0 {
            screen.line(&format!("  {programs} local programs ran then; they run again"));
        }
        screen.line("");
        approve(&session, &job, &answers)?;
        finish(&session, &job)
    }
}

fn job(run: &History, again: &[String], style: Style) -> Result<(Job, Answers)> {
    if run.started.script.starts_with("undo ") {
        return Err(Failure::usage(format!("run {} is an undo", run.id))
            .hint(format!("repeat it: meshwright {}", run.started.script)));
    }
    if run.started.source == "typed" {
        return Err(Failure::usage(format!("run {} was typed, not read from a script", run.id))
            .hint(format!("what it did: meshwright show-run {}", run.id)));
    }
    let script = find(&run.started.script)?;
    let mut header = script.header()?;
    let mut words = again.to_vec();
    let (rights, mut answers) = (Rights::take(&mut words)?, answers("run", &mut words)?);
    let file = take_value(&mut words, "--params").map_err(Failure::usage)?;
    let mut given = Given::from_args(&header, &words);
    let mut params = run.started.params.clone();
    params.retain(|name, _| header.param(name).is_some_and(|param| param.kind != Kind::Secret));
    given.file = Some(Object::new(Node::from(&serde_json::Value::Object(params))));
    if let Some(file) = file {
        given = given.with_file(file.as_ref())?;
    }
    let hint = "parameters that are not kept are given behind the run: meshwright resume RUN --NAME VALUE";
    let values = Values::check(&header, &given).map_err(|failure| failure.hint(hint))?;
    header.needs = header.needs.with(&values);
    rights.change(&mut header.needs)?;
    answers.widened = rights.allow;
    Ok((Job { script, header, values, style, stop_after: None, record: None }, answers))
}
