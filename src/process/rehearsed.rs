//! Programs that only seem to run: a closure answers in their place.

use super::{Command, Output, Programs, not_found};
use crate::clock::Clock;
use crate::failure::{Failure, Result};
use crate::secret::Redactor;
use futures::future::BoxFuture;
use std::path::PathBuf;
use std::sync::Arc;

/// What stands in for a program: its output, or `None` for programs it does not know.
pub type StandIn = dyn Fn(&Command) -> Option<Output> + Send + Sync;

/// Programs of a rehearsal.
pub struct Rehearsed {
    clock: Clock,
    stand_in: Arc<StandIn>,
}

impl Rehearsed {
    /// Programs for which this closure answers. It may block: it runs on a thread of its own, and the clock stands
    /// still meanwhile. Asked with empty `argv`, it says whether the program exists.
    pub fn new(clock: Clock, stand_in: impl Fn(&Command) -> Option<Output> + Send + Sync + 'static) -> Rehearsed {
        Rehearsed { clock, stand_in: Arc::new(stand_in) }
    }
}

impl Programs for Rehearsed {
    fn which(&self, tool: &str) -> Option<PathBuf> {
        let probe = Command::new(tool, [""; 0]);
        (self.stand_in)(&probe).map(|_| PathBuf::from("/rehearsed/bin").join(tool.rsplit('/').next().unwrap_or(tool)))
    }

    fn run<'a>(&'a self, command: &'a Command) -> BoxFuture<'a, Result<Output>> {
        Box::pin(async move {
            let (stand_in, asked) = (self.stand_in.clone(), command.clone());
            let working = self.clock.working();
            let answer = tokio::task::spawn_blocking(move || stand_in(&asked)).await;
            drop(working);
            let answer =
                answer.map_err(|e| Failure::internal(format!("the stand-in for `{}` broke: {e}", command.tool)))?;
            let output = answer.ok_or_else(|| {
                not_found(&command.tool)
                    .detail("a rehearsal knows only the programs that its stand-ins answer for")
                    .hint(
                        "`fn program(world, tool, argv, stdin)` in `rehearsal.rhai` beside the script answers for more",
                    )
            })?;
            let scrub = |text: &str| Redactor::global().scrub(text);
            Ok(Output { code: output.code, stdout: scrub(&output.stdout), stderr: scrub(&output.stderr) })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Kind;
    use crate::process::Content;
    use crate::secret::Secret;

    fn echo() -> Rehearsed {
        Rehearsed::new(Clock::simulated(), |command| {
            let read = command.stdin.as_ref().map_or("", Content::reveal);
            let stdout = format!("{:?} {read}", command.argv);
            (command.tool == "echo").then(|| Output { stdout, ..Output::default() })
        })
    }

    #[tokio::test]
    async fn the_stand_in_sees_the_command_and_its_output_is_scrubbed() {
        let mut command = Command::new("echo", ["a"]);
        command.stdin = Some(Content::Secret(Secret::new("stand-in", "stand-in-test-secret")));
        let output = echo().run(&command).await.expect("answers");
        assert_eq!(output.stdout, "[\"a\"] ‹secret stand-in›");
    }

    #[tokio::test]
    async fn programs_without_stand_in_do_not_exist() {
        assert_eq!(echo().run(&Command::new("helm", ["version"])).await.expect_err("unknown").kind, Kind::NotFound);
        assert_eq!(echo().which("helm"), None);
        assert_eq!(echo().which("echo"), Some(PathBuf::from("/rehearsed/bin/echo")));
    }
}
