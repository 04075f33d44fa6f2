//! Waits that a script decides: closures and pauses.

use super::super::Host;
use super::TIMEOUT;
use super::unless::Doubts;
use crate::cluster::layers::journal::{Note, now};
use crate::cluster::wait::LAST_LOOK;
use crate::engine::{Call, Outcome, retold, value};
use crate::failure::{Failure, Kind, Result};
use crate::object::Object;
use crate::plain;
use rhai::{Dynamic, EvalAltResult};
use std::time::Duration;

/// The pause between two calls of a closure.
const EVERY: Duration = Duration::from_millis(500);
/// Without a pause no rehearsed time passes, and the wait would never end.
const SHORTEST: Duration = Duration::from_millis(1);
/// What is waited for when the script does not say it.
const WANT: &str = "the closure returns something other than () and false";
/// Characters of a value that a closure returned.
const MOST_VALUE: usize = 200;
/// Values to remember: the first ones and the last ones tell the story.
const MOST_STORY: usize = 6;

/// What a closure has answered so far.
#[derive(Default)]
struct Answers {
    calls: usize,
    /// When it answered what; changes only.
    story: Vec<(Duration, String)>,
}

impl Answers {
    fn note(&mut self, value: &Dynamic, passed: Duration) {
        self.calls += 1;
        let said = shown(value);
        if self.story.last().is_some_and(|(_, last)| *last == said) {
            return;
        }
        if self.story.len() == MOST_STORY {
            self.story.remove(MOST_STORY / 2);
        }
        self.story.push((passed, said));
    }

    fn last(&self) -> &str {
        self.story.last().map_or("nothing yet", |(_, said)| said)
    }

    fn history(&self) -> Option<String> {
        let story = self.story.iter().map(|(at, said)| format!("{} {said}", span(*at)));
        (self.story.len() > 1).then(|| format!("history  {}", story.collect::<Vec<_>>().join(" · ")))
    }
}

pub(super) fn until(call: &Call<'_, Host>) -> Outcome {
    let want = call.options().str("want")?.unwrap_or_else(|| WANT.into());
    let (clock, line) = (call.bridge().clock.clone(), crate::here::line());
    let start = clock.now();
    let outcome = watch(call, &want);
    let ms = u64::try_from(clock.now().saturating_sub(start).as_millis()).unwrap_or(u64::MAX);
    let what = plain::line(&want, MOST_VALUE);
    call.host().journal.note(&Note::Wait { time: now(), what, ms, met: outcome.is_ok(), line });
    outcome
}

/// Calls the closure until it returns what is wanted.
fn watch(call: &Call<'_, Host>, want: &str) -> Outcome {
    let options = call.options();
    let limit = call.at_most(options.duration("timeout")?.unwrap_or(TIMEOUT));
    let every = options.duration("every")?.unwrap_or(EVERY);
    if every < SHORTEST {
        let message = format!(
            "wait.until: option `every` must be at least 1ms, not {}",
            options.str("every")?.unwrap_or_default()
        );
        return Err(Failure::usage(message).into());
    }
    let clock = call.bridge().clock.clone();
    let (start, closure, mut answers) = (clock.now(), call.closure(0), Answers::default());
    // What the closure asks clusters for is of no use after the wait and its last look.
    let _until = crate::here::until(start + limit + LAST_LOOK);
    let mut doubts = Doubts::of(call)?;
    loop {
        let passed = clock.now().saturating_sub(start);
        let value = call.invoke(&closure, Vec::new()).map_err(|error| during(error, want, &answers, passed))?.flatten();
        if !value.is_unit() && value.as_bool() != Ok(false) {
            return Ok(value);
        }
        answers.note(&value, passed);
        let passed = clock.now().saturating_sub(start);
        let causes = doubts.ask_when_due(call, passed)?;
        if !causes.is_empty() {
            return Err(in_vain(want, &answers, &causes).into());
        }
        if passed >= limit {
            return Err(late(want, &answers, limit, every).into());
        }
        rest(call, every.min(limit.saturating_sub(passed)))?;
    }
}

fn rest(call: &Call<'_, Host>, pause: Duration) -> Result<()> {
    let clock = call.bridge().clock.clone();
    call.block(async {
        clock.sleep(pause).await;
        Ok(())
    })
}

fn late(want: &str, answers: &Answers, limit: Duration, every: Duration) -> Failure {
    let times = if answers.calls == 1 { "once".to_owned() } else { format!("{} times", answers.calls) };
    Failure::new(Kind::Timeout, format!("not there after {}: {}", span(limit), plain::line(want, MOST_VALUE)))
        .detail(format!("rule     {}", plain::line(want, MOST_VALUE)))
        .detail(format!("have     the closure last returned {}", answers.last()))
        .details(answers.history())
        .detail(format!("calls    {times}, {} apart", span(every)))
        .hint(
            "give it more time with the option `timeout`, or call the closure in the REPL and look at what it returns",
        )
}

fn in_vain(want: &str, answers: &Answers, causes: &[String]) -> Failure {
    let (first, others) = causes.split_first().map_or(("", causes), |(first, others)| (first.as_str(), others));
    Failure::new(Kind::Script, format!("will not get there by itself: {first}"))
        .detail(format!("rule     {}", plain::line(want, MOST_VALUE)))
        .detail(format!("have     the closure last returned {}", answers.last()))
        .details(others.iter().map(|cause| format!("cause    {cause}")))
}

/// An error within the closure ends the wait at once; it keeps its own words and place.
fn during(error: Box<EvalAltResult>, want: &str, answers: &Answers, passed: Duration) -> Box<EvalAltResult> {
    let EvalAltResult::ErrorRuntime(thrown, _) = error.unwrap_inner() else { return error };
    let Some(failure) = thrown.read_lock::<Failure>().map(|failure| failure.clone()) else { return error };
    if failure.kind == Kind::Cancelled {
        return error;
    }
    let call = answers.calls + 1;
    let line = format!("wait     the closure failed in its call {call}, {} into waiting for {want}", span(passed));
    let told = Dynamic::from(failure.detail(line).details(answers.history()));
    retold(*error, told)
}

/// A value as a message shows it: short, without secrets, on one line.
fn shown(value: &Dynamic) -> String {
    if value.is_unit() {
        return "()".into();
    }
    match value::to_node(value) {
        Ok(node) => plain::line(&Object::new(node).to_json(), MOST_VALUE),
        Err(_) => plain::line(&value.to_string(), MOST_VALUE),
    }
}

/// A duration as scripts write it.
pub(super) fn span(duration: Duration) -> String {
    let rounded = Duration::from_millis(duration.as_millis() as u64 / 100 * 100);
    jiff::SignedDuration::try_from(rounded).map_or_else(|_| format!("{rounded:?}"), |signed| format!("{signed:#}"))
}

pub(super) fn pause(call: &Call<'_, Host>) -> Outcome {
    let wanted = call.duration(0)?;
    let pause = call.at_most(wanted);
    rest(call, pause)?;
    if pause < wanted {
        return Err(Failure::new(Kind::Timeout, format!("a pause of {} was cut short", span(wanted))).into());
    }
    Ok(Dynamic::UNIT)
}
