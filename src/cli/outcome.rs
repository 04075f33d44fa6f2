//! What there is to say after a run.

use crate::failure::{Kind, Result};
use crate::run::{Job, Session, record};

/// Runs the job and says what there is to say afterwards.
///
/// # Errors
/// What the run failed with, which is told already.
pub fn finish(session: &Session, job: &Job) -> Result<()> {
    let outcome = session.run(job);
    let stopped = is_stopped_as_asked(session, job, &outcome);
    ended(session, job, outcome, stopped)
}

/// Says what there is to say after a run; `stopped` when it has ended at the step that `--stop-after` names.
///
/// # Errors
/// What the run failed with, which is told already; that its recording is not whole.
pub fn ended(session: &Session, job: &Job, outcome: Result<()>, stopped: bool) -> Result<()> {
    let recorded = session.recording(outcome.is_ok() || stopped);
    if let Ok(Some(file)) = &recorded {
        session.screen().line(&format!("\nRecorded in {}: `replay` in a *_test.rhai answers from it.", file.display()));
    }
    let recorded = recorded.map(drop);
    let failure = match outcome {
        Ok(()) => return recorded,
        Err(failure) if stopped && failure.kind == Kind::Cancelled => {
            let step = job.stop_after.as_deref().unwrap_or_default();
            session.screen().line(&format!("\nStopped after the step `{step}`, as asked."));
            if let Some(id) = run_of(session.journal()) {
                session.screen().line(&format!("  to go on: meshwright resume {id}"));
            }
            return recorded;
        }
        Err(failure) => super::told(&failure, job.style),
    };
    // What went wrong first counts.
    recorded.err().into_iter().for_each(|lost| drop(super::told(&lost, job.style)));
    // The same again would be denied again.
    if failure.kind != Kind::Rights || !job.amended.read_only {
        going_on(session.journal()).iter().for_each(|line| session.screen().line(line));
    }
    Err(failure)
}

/// Whether a run has ended at the step that `--stop-after` names; to be asked at once, as a prompt forgets interrupts.
pub fn is_stopped_as_asked(session: &Session, job: &Job, outcome: &Result<()>) -> bool {
    let is_cancelled = outcome.as_ref().is_err_and(|failure| failure.kind == Kind::Cancelled);
    is_cancelled && job.stop_after.is_some() && !session.is_interrupted()
}

/// The commands that help after a run with this journal that did not come to its end.
pub fn going_on(journal: Option<std::path::PathBuf>) -> Vec<String> {
    let Some(id) = run_of(journal) else { return Vec::new() };
    if record::find(&record::folder(), &id).is_ok_and(|run| run.changes.is_empty()) {
        return vec![format!("  nothing was changed; to try again: meshwright resume {id}")];
    }
    vec![format!("  what was done: meshwright show-run {id}"), format!("  to go on:      meshwright resume {id}")]
}

/// The id of the run with this journal.
fn run_of(journal: Option<std::path::PathBuf>) -> Option<String> {
    Some(journal?.file_stem()?.to_string_lossy().into_owned())
}
