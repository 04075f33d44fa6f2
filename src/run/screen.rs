//! What the user sees of a run: a line per step, what the script has to say below it, a summary at the end.
//!
//! On a terminal the running steps are shown with a spinner; elsewhere each line appears when there is something to say.
//! All of it goes to stderr: stdout is for what a script prints.

use super::heard::Heard;
use super::tally::{Counts, Tally};
use crate::engine::{Observer, StepStart};
use crate::failure::{Failure, Kind, Place, Result};
use crate::plain;
use crate::primitives::host::Level;
use crate::secret::Redactor;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

/// How much is shown, and how.
#[derive(Debug, Clone, Copy, Default)]
pub struct Style {
    /// Colours and symbols that a terminal draws.
    pub colour: bool,
    /// The same for what goes to stdout, which may be a file while stderr is a terminal.
    pub colour_out: bool,
    /// Spinners: the output is a terminal.
    pub live: bool,
    /// Only failures.
    pub quiet: bool,
    /// Not even what the script prints.
    pub mute: bool,
}

/// The screen of one run.
pub struct Screen {
    style: Style,
    name_width: usize,
    clock: crate::clock::Clock,
    tally: Tally,
    bars: MultiProgress,
    state: Mutex<State>,
    stop_after: Option<String>,
    heard: Option<Arc<Heard>>,
    /// Whether what goes on behind a question nobody asked aloud is kept quiet.
    hushed: AtomicBool,
}

#[derive(Default)]
struct State {
    /// When the script began, on the clock.
    begun: Duration,
    /// How long it took there, once it has ended.
    took: Option<Duration>,
    running: BTreeMap<String, Running>,
    done: usize,
    /// Whether the run goes on with another: steps that change nothing are kept.
    resumes: bool,
    warnings: Vec<Note>,
    notes: Vec<Note>,
    /// The topics that were told outside steps, where nothing can be held back: once each.
    told: BTreeSet<String>,
    /// Why something that the script has printed could not be written.
    unwritten: Option<std::io::Error>,
}

/// What somebody has to say, with the turn that it belongs to: threads of a script hurry, what they say stands in the
/// script's order.
#[derive(Clone)]
struct Note {
    turn: Vec<usize>,
    /// What it says is said again and again: the last one stands for all.
    topic: Option<String>,
    text: String,
}

/// Adds a note in the place of the one that it stands for, or else at its turn.
fn add(notes: &mut Vec<Note>, mut note: Note) {
    if let Some(known) = notes.iter_mut().find(|known| note.topic.is_some() && known.topic == note.topic) {
        known.text = note.text;
        return;
    }
    if note.turn.is_empty() {
        note.turn = notes.last().map(|last| last.turn.clone()).unwrap_or_default();
    }
    let at = notes.partition_point(|known| known.turn <= note.turn);
    notes.insert(at, note);
}

struct Running {
    headline: String,
    since: Duration,
    before: BTreeMap<String, Counts>,
    /// Whether it has tried to change a cluster.
    changing: bool,
    bar: Option<ProgressBar>,
}

/// The column that step names are filled up to.
const NAME_WIDTH: usize = 44;

/// What is said, where a terminal would break its words.
fn fitted(text: &str) -> String {
    const INDENT: &str = "    ";
    let Some(columns) = plain::columns() else { return text.to_owned() };
    let lines = text.lines().map(|line| plain::wrapped(line, columns.saturating_sub(INDENT.len()), ""));
    lines.collect::<Vec<_>>().join("\n").replace('\n', &format!("\n{INDENT}"))
}

/// What stands beside a step's name: its mark and its time.
const BESIDE_NAME: usize = 12;

/// Names are filled up to this column, so that a mark, a name and a time share a line of a narrow terminal.
fn name_width(style: Style) -> usize {
    match console::Term::stderr().size_checked().filter(|_| style.live) {
        Some((_, columns)) => usize::from(columns).saturating_sub(BESIDE_NAME).clamp(1, NAME_WIDTH),
        None => NAME_WIDTH,
    }
}

impl Screen {
    /// A screen for a run with this clock, whose changes `tally` counts.
    pub fn new(style: Style, clock: crate::clock::Clock, tally: Tally) -> Screen {
        let target =
            if style.live && !style.quiet { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        Screen {
            style,
            name_width: name_width(style),
            state: Mutex::new(State { begun: clock.now(), ..State::default() }),
            clock,
            tally,
            bars: MultiProgress::with_draw_target(target),
            stop_after: None,
            heard: None,
            hushed: AtomicBool::new(false),
        }
    }

    /// The same screen, which shows nothing: somebody else keeps what is said.
    pub fn heard_by(mut self, heard: Option<Arc<Heard>>) -> Screen {
        self.heard = heard;
        self
    }

    /// The same screen, which ends the run after the step with this name.
    pub fn stopping_after(mut self, step: Option<String>) -> Screen {
        self.stop_after = step;
        self
    }

    /// The run goes on with one that did not come to its end.
    pub fn resumes(&self) {
        self.state().resumes = true;
    }

    /// Shows a line for the user; warnings come again at the end.
    pub fn say(&self, level: Level, line: &str) {
        self.note(level, line, None);
    }

    /// While something is asked that the user did not ask, nothing is said of what the answer waits for.
    pub fn hushed<T>(&self, ask: impl FnOnce() -> T) -> T {
        self.hushed.store(true, Ordering::Relaxed);
        let answer = ask();
        self.hushed.store(false, Ordering::Relaxed);
        answer
    }

    /// The same for what is said again and again of one topic: held back, only the last is kept.
    pub fn say_of(&self, topic: &str, level: Level, line: &str) {
        if self.hushed.load(Ordering::Relaxed) {
            return;
        }
        self.note(level, line, Some(topic.to_owned()));
    }

    /// A step that is running tries to change a cluster: when it ends without a change, that is worth saying.
    pub fn changing(&self) {
        self.state().running.values_mut().for_each(|running| running.changing = true);
    }

    fn note(&self, level: Level, line: &str, topic: Option<String>) {
        let line = crate::engine::report::plain(line);
        let turn = crate::here::turn();
        if level == Level::Warning {
            let note = Note { turn: turn.clone(), topic: topic.clone(), text: line.clone() };
            add(&mut self.state().warnings, note);
        }
        let fitted = fitted(&line);
        let text = match level {
            Level::Info => format!("    {}", self.dim(&fitted)),
            Level::Warning => format!("  {} {fitted}", self.paint("33", "!")),
        };
        // Held back until the step's own line is out, so that what belongs together stands together.
        let mut state = self.state();
        match state.running.is_empty() {
            true => {
                let is_new = topic.is_none_or(|topic| state.told.insert(topic));
                drop(state);
                if is_new {
                    self.line(&text);
                }
            }
            false => {
                for running in state.running.values() {
                    running.bar.iter().for_each(|bar| bar.set_message(format!("{}  {line}", running.headline)));
                }
                add(&mut state.notes, Note { turn, topic, text });
            }
        }
    }

    /// A line as it is.
    pub fn line(&self, text: &str) {
        if self.style.quiet && self.heard.is_none() {
            return;
        }
        let text = Redactor::global().scrub(text);
        if let Some(heard) = &self.heard {
            return heard.say(&text);
        }
        if self.style.live {
            let _ = self.bars.println(text);
        } else {
            plain::tell(&text);
        }
    }

    /// Fails when something that the script has printed is lost.
    ///
    /// # Errors
    /// `Internal`, with the first reason.
    pub fn is_whole(&self) -> Result<()> {
        let Some(error) = self.state().unwritten.take() else { return Ok(()) };
        let failure = Failure::internal(format!("what the script printed could not be written: {error}"));
        Err(failure.hint("the rest of the run went on; give its output another place and repeat"))
    }

    /// The script begins now, on its own thread: simulated time may have passed before that, and goes on after its end.
    pub(super) fn begin(&self) {
        self.state().begun = self.clock.now();
    }

    /// The script ends now, on its own thread.
    pub(super) fn end(&self) {
        let mut state = self.state();
        state.took = Some(self.clock.now().saturating_sub(state.begun));
    }

    /// How long the script took, or has taken so far, on the session's clock.
    pub fn took(&self) -> Duration {
        let state = self.state();
        state.took.unwrap_or_else(|| self.clock.now().saturating_sub(state.begun))
    }

    /// The last lines of a run that went well.
    pub fn summary(&self, wall: Duration) {
        let state = self.state();
        let mut changes: Vec<String> = Vec::new();
        for (cluster, counts) in self.tally.totals() {
            changes.push(format!("{cluster}: {counts}"));
        }
        let (done, warnings) = (state.done, state.warnings.clone());
        drop(state);
        let simulated = if self.clock.is_simulated() {
            format!(" ({} of rehearsed time)", seconds(self.took()))
        } else {
            String::new()
        };
        self.line("");
        let steps = if done == 1 { "step" } else { "steps" };
        self.line(&format!("{} {done} {steps} in {}{simulated}", self.paint("32", "Done:"), seconds(wall)));
        changes.iter().for_each(|line| self.line(&format!("  {line}")));
        warnings.iter().for_each(|note| self.line(&format!("  {} {}", self.paint("33", "!"), fitted(&note.text))));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.style.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn dim(&self, text: &str) -> String {
        self.paint("2", text)
    }

    /// What a step has changed; nothing for one that only looks.
    fn changes(&self, running: &Running) -> String {
        let counts = self.tally.since(&running.before);
        match counts == Counts::default() {
            true if !running.changing => String::new(),
            true if self.state().resumes => "kept".to_owned(),
            _ => counts.to_string(),
        }
    }

    fn spinner(&self, step: &StepStart) -> Option<ProgressBar> {
        if !self.style.live || self.style.quiet {
            return None;
        }
        let bar = self.bars.add(ProgressBar::new_spinner());
        let template = "{spinner:.cyan} {elapsed:>4.dim} {wide_msg}";
        bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner()));
        bar.set_message(headline(step));
        bar.enable_steady_tick(Duration::from_millis(100));
        Some(bar)
    }
}

impl Observer for Screen {
    fn step_begins(&self, step: &StepStart) -> Result<()> {
        let bar = self.spinner(step);
        let (headline, since, before) = (headline(step), self.clock.now(), self.tally.totals());
        let running = Running { headline, since, before, changing: false, bar };
        self.state().running.insert(key(step), running);
        Ok(())
    }

    fn step_ended(&self, step: &StepStart, failure: Option<&Failure>) -> Result<()> {
        let mut state = self.state();
        let Some(running) = state.running.remove(&key(step)) else { return Ok(()) };
        state.done += usize::from(failure.is_none());
        if let (Some(heard), None) = (&self.heard, failure) {
            heard.step(step);
        }
        let notes = std::mem::take(&mut state.notes);
        drop(state);
        if let Some(bar) = &running.bar {
            bar.finish_and_clear();
        }
        let took = seconds(self.clock.now().saturating_sub(running.since));
        let (mark, what) = match failure {
            Some(failure) if failure.kind == Kind::Cancelled => (self.paint("33", "■"), "interrupted".to_owned()),
            Some(_) => (self.paint("31", "✗"), "failed".to_owned()),
            None => (self.paint("32", "✓"), self.changes(&running)),
        };
        let tail = format!("{took:>6}  {what}");
        let width = self.name_width;
        self.line(&format!("{mark} {:<width$} {}", running.headline, self.dim(tail.trim_end())));
        notes.iter().for_each(|note| self.line(&note.text));
        match &self.stop_after {
            Some(last) if *last == step.name && failure.is_none() => Err(super::record::stop(last)),
            _ => Ok(()),
        }
    }

    fn print(&self, line: &str) {
        if self.style.mute {
            return;
        }
        let line = plain::text(line);
        if let Some(heard) = &self.heard {
            return heard.print(&line);
        }
        let written = self.bars.suspend(|| writeln!(std::io::stdout(), "{line}"));
        // As with what goes to stderr: a reader that went away stops nothing.
        if let Err(error) = written
            && error.kind() != std::io::ErrorKind::BrokenPipe
        {
            self.state().unwritten.get_or_insert(error);
        }
    }

    fn debug(&self, line: &str, place: Option<&Place>) {
        let place = place.map(|p| format!("{}:{}: ", p.source, p.line)).unwrap_or_default();
        self.line(&format!("{place}{}", plain::text(line)));
    }
}

fn key(step: &StepStart) -> String {
    format!("{}\n{}", step.name, step.on.join(" "))
}

/// The name of the step; a script may have made it from what a cluster said.
fn headline(step: &StepStart) -> String {
    plain::line(&step.name, 2 * NAME_WIDTH)
}

/// A duration as people read it: `0.4s`, `12s`, `2m05s`.
pub fn seconds(duration: Duration) -> String {
    let total = duration.as_secs();
    match total {
        0..10 => format!("{:.1}s", duration.as_secs_f64()),
        10..60 => format!("{total}s"),
        _ => format!("{}m{:02}s", total / 60, total % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(turn: &[usize], topic: Option<&str>, text: &str) -> Note {
        Note { turn: turn.to_vec(), topic: topic.map(str::to_owned), text: text.to_owned() }
    }

    #[test]
    fn notes_stand_in_the_script_s_order_and_a_topic_stands_once() {
        let mut notes = Vec::new();
        for (turn, topic, text) in [
            (&[1, 1, 0][..], None, "second cluster"),
            (&[], Some("east"), "east: for 1s"),
            (&[1, 0, 0], None, "first cluster"),
            (&[], Some("east"), "east: for 2s"),
            (&[0], None, "before"),
            (&[1, 0, 1], None, "first cluster again"),
        ] {
            add(&mut notes, note(turn, topic, text));
        }
        let texts: Vec<_> = notes.iter().map(|note| note.text.as_str()).collect();
        assert_eq!(texts, ["before", "first cluster", "first cluster again", "second cluster", "east: for 2s"]);
    }
}
