//! What a run's screen and journal hear beside its requests: steps, programs, and what happens on the way to a cluster.

use super::journal::Recorder;
use super::record::{Record, Step};
use super::screen::Screen;
use crate::cluster::layers::journal::{Note, now};
use crate::cluster::layers::{Journal as _, Notice};
use crate::engine::{self, Effect};
use crate::failure::{Failure, Result};
use crate::primitives::CLUSTER;
use crate::primitives::host::Level;
use crate::process::{Output, Programs, has_run};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Steps on the screen and in the journal.
pub(super) struct Observed(pub Arc<Screen>, pub Arc<Recorder>);

impl Observed {
    fn keep(&self, step: &engine::StepStart, what: &str) {
        self.1.record(&Record::Step(Step { time: now(), step: step.name.clone(), what: what.to_owned() }));
    }
}

impl engine::Observer for Observed {
    fn step_begins(&self, step: &engine::StepStart) -> Result<()> {
        self.keep(step, "begin");
        self.0.step_begins(step)
    }

    fn step_ended(&self, step: &engine::StepStart, failure: Option<&Failure>) -> Result<()> {
        self.keep(step, failure.map_or("end", |failure| failure.kind.name()));
        self.0.step_ended(step, failure)
    }

    fn called(&self, on: &'static str, name: &'static str, effect: Effect) {
        // Programs in pods are reached through writes as well, but what they do is theirs.
        if effect == Effect::Write && on == "Cluster" && CLUSTER.iter().any(|primitive| primitive.name == name) {
            self.0.changing();
        }
    }

    fn print(&self, line: &str) {
        self.0.print(line);
    }

    fn debug(&self, line: &str, place: Option<&crate::failure::Place>) {
        self.0.debug(line, place);
    }
}

/// Programs whose runs the journal keeps: of one that never began there is nothing to keep.
pub(super) struct Noted(pub Arc<dyn Programs>, pub Arc<Recorder>);

impl Programs for Noted {
    fn which(&self, tool: &str) -> Option<PathBuf> {
        self.0.which(tool)
    }

    fn run<'a>(&'a self, command: &'a crate::process::Command) -> futures::future::BoxFuture<'a, Result<Output>> {
        let line = crate::here::line();
        Box::pin(async move {
            let start = Instant::now();
            let output = self.0.run(command).await;
            if output.as_ref().is_err_and(|failure| !has_run(failure)) {
                return output;
            }
            let code = output.as_ref().ok().map(|output| output.code);
            let ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.1.note(&Note::Exec { time: now(), command: command.shown(), code, ms, line });
            output
        })
    }
}

/// Shows a server's warning or an outage.
pub(super) fn tell(screen: &Screen, notice: &Notice) {
    match notice {
        // Newer clusters answer every request for Endpoints so, and the guide's mechanism needs them.
        Notice::Warning { cluster, text } if text.starts_with("v1 Endpoints is deprecated") => {
            tracing::debug!("{cluster} warns: {text}");
        }
        Notice::Warning { cluster, text } => screen.say(Level::Info, &format!("{cluster} warns: {text}")),
        Notice::Plugin { cluster, text } => screen.say(Level::Info, &format!("{cluster}: credential plugin: {text}")),
        Notice::Unchecked { cluster } => {
            let what =
                "the server's certificate is not checked (insecure-skip-tls-verify): anybody could answer for it";
            screen.say(Level::Warning, &format!("{cluster}: {what}"));
        }
        Notice::Retrying { cluster, reason, lasting, again_in } => {
            let topic = format!("{cluster}: {reason}");
            screen.say_of(&topic, Level::Info, &format!("{topic}; {}", next_try(*lasting, *again_in)));
        }
        Notice::Waiting { cluster, object, text } => {
            let topic = format!("{cluster}: still waiting for {object}");
            screen.say_of(&topic, Level::Warning, &format!("{topic}: {text}"));
        }
    }
}

/// How long the trouble has lasted and when the next try comes; times too short for people are left out.
fn next_try(lasting: Duration, again_in: Duration) -> String {
    const SHORT: Duration = Duration::from_millis(50);
    let seconds = super::screen::seconds;
    let lasting = if lasting < SHORT { String::new() } else { format!("for {} now, ", seconds(lasting)) };
    let next =
        if again_in < SHORT { "next try at once".to_owned() } else { format!("next try in {}", seconds(again_in)) };
    format!("{lasting}{next}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::Command;

    #[tokio::test]
    async fn a_program_that_never_ran_is_not_told_to_have_run() {
        let folder = tempfile::tempdir().expect("folder");
        let file = folder.path().join("journal.jsonl");
        let recorder = Recorder::at(Default::default(), &file).expect("journal");
        recorder.record(&Record::Started(Default::default()));
        let programs = Noted(Arc::new(crate::process::Live), recorder);
        let mut elsewhere = Command::new("true", [""; 0]);
        elsewhere.dir = Some(folder.path().join("nowhere"));
        for command in [Command::new("no-such-program-at-all", [""; 0]), elsewhere] {
            programs.run(&command).await.expect_err("not started");
        }
        programs.run(&Command::new("false", [""; 0])).await.expect("ran");
        let text = std::fs::read_to_string(&file).expect("journal");
        let told: Vec<&str> = text.lines().filter(|line| line.contains("\"event\":\"exec\"")).collect();
        assert!(told.len() == 1 && told[0].contains("\"command\":\"false\""), "{text}");
    }

    #[test]
    fn times_that_would_read_as_nothing_are_left_out() {
        let told = |lasting, again_in| next_try(Duration::from_millis(lasting), Duration::from_millis(again_in));
        assert_eq!(told(0, 12), "next try at once");
        assert_eq!(told(49, 50), "next try in 0.1s");
        assert_eq!(told(1_500, 700), "for 1.5s now, next try in 0.7s");
    }
}
