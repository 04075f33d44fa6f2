//! `resume`: the same command again, after a run that did not come to its end.

use super::approve::{Answers, approve};
use super::outcome::finish;
use super::script_args::{answers, find, step_meant, take_rights};
use super::words::take_value;
use crate::cluster::layers::journal::Note;
use crate::failure::{Failure, Result};
use crate::object::{Node, Object};
use crate::run::record::{self, History};
use crate::run::screen::Style;
use crate::run::{Job, Session};
use crate::script::{Given, Kind, Values};
use clap::Args;
use std::path::PathBuf;

/// Arguments of `resume`.
#[derive(Args)]
pub struct Resume {
    /// The run: its id, the beginning of its id, or `last`
    #[arg(value_name = "RUN", default_value = "last")]
    run: String,
    /// The kubeconfig to use; the run's own when left out
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Parameters to give again, since secrets are not kept; and the flags of a run about rights
    #[arg(value_name = "PARAMETERS", trailing_var_arg = true, allow_hyphen_values = true)]
    parameters: Vec<String>,
}

impl Resume {
    /// Carries the command out.
    pub fn go(self, style: Style) -> Result<()> {
        let mut run = record::find(&record::folder(), &self.run)?;
        let mut words = self.parameters;
        let kubeconfig = take_value(&mut words, "--kubeconfig").map_err(Failure::usage)?.map(PathBuf::from);
        let (job, answers) = job(&run, &words, style)?;
        let kubeconfig = self.kubeconfig.or(kubeconfig).or_else(|| run.started.kubeconfig.clone());
        let session = Session::live(&job, kubeconfig)?;
        session.same_clusters(&run, &[job.values.clusters(), run.changed_clusters()].concat())?;
        let screen = session.screen();
        screen.resumes();
        screen.line(&format!(
            "Resuming run {}: {}. Steps that are already true change nothing.",
            run.id, job.script.name
        ));
        for line in as_then(&run, &job) {
            screen.line(&format!("  {line}"));
        }
        if run.started.sha256 != record::digest(&job.script.text) {
            screen.line("The script is not the same as it was then.");
        }
        for line in session.settle(&mut run, true)? {
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
    if let Some(undone) = run.undone() {
        return Err(
            Failure::usage(format!("run {} is an undo", run.id)).hint(format!("repeat it: meshwright undo {undone}"))
        );
    }
    if run.started.source == "typed" {
        return Err(Failure::usage(format!("run {} was typed, not read from a script", run.id))
            .hint(format!("what it did: meshwright show-run {}", run.id)));
    }
    let script = find(&run.started.script)?;
    let mut header = script.header()?;
    let mut words = again.to_vec();
    let (amended, mut answers) = (take_rights(&mut words)?, answers("run", &mut words)?);
    let amended = run.started.rights.clone().and(amended);
    let mut value_of = |flag: &str| take_value(&mut words, flag).map_err(Failure::usage);
    let (file, stop_after) = (value_of("--params")?, value_of("--stop-after")?);
    let stop_after = step_meant(&script, stop_after.as_deref()).map_err(Failure::usage)?;
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
    amended.change(&mut header.needs)?;
    answers.widened.clone_from(&amended.allow);
    Ok((Job { stop_after, amended, ..Job::new(script, header, values, style) }, answers))
}

/// What of the run's command holds again, and what does not.
fn as_then(run: &History, job: &Job) -> Vec<String> {
    let then = &run.started.rights;
    let rights = (!then.is_empty()).then(|| format!("as then: {then}; to lift that, begin anew with `meshwright run`"));
    let stop = run.started.stop_after.as_deref().filter(|_| job.stop_after.is_none());
    let stop = stop.map(|step| format!("it was to stop after `{step}`; now it goes on to its end"));
    rights.into_iter().chain(stop).map(|line| crate::plain::line(&line, 500)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::record::Started;

    /// The values of the parameters `primary` and `hub` when a run of the guide is resumed with these words.
    fn resumed(words: &[&str]) -> Result<(String, String)> {
        let params = serde_json::json!({"primary": "c1", "remote": ["c2"], "hub": "registry.example/then"});
        let params = params.as_object().cloned().unwrap_or_default();
        let started =
            Started { script: "shared-gateways".into(), source: "bundled".into(), params, ..Started::default() };
        let run = History { id: "r".into(), started, ..History::default() };
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let (job, _) = job(&run, &words, Style::default())?;
        let value = |name: &str| {
            let found = job.values.iter().find(|(param, _)| param.name == name);
            found.and_then(|(_, node)| node.as_str().map(str::to_owned)).unwrap_or_default()
        };
        Ok((value("primary"), value("hub")))
    }

    #[test]
    fn parameters_of_a_file_take_the_place_of_those_of_the_run_and_flags_that_of_both() {
        let folder = tempfile::tempdir().expect("folder");
        let file = folder.path().join("site.yaml");
        std::fs::write(&file, "hub: registry.example/now\n").expect("written");
        let file = file.to_string_lossy().into_owned();
        let both = |one: &str, other: &str| (one.to_owned(), other.to_owned());
        assert_eq!(resumed(&[]).expect("as it was"), both("c1", "registry.example/then"));
        assert_eq!(resumed(&["--params", &file]).expect("a file"), both("c1", "registry.example/now"));
        let flagged = resumed(&["--params", &file, "--hub", "registry.example/flag"]).expect("a flag");
        assert_eq!(flagged, both("c1", "registry.example/flag"));
        assert!(resumed(&["--params", "no-such-file.yaml"]).is_err());
        assert!(resumed(&["--params"]).is_err());
    }
}
