//! The terminal: keys, colours, history. Everything that decides anything is asked of [`Repl`].

use super::offer::fitting;
use super::{Output, Repl, View, highlight, history};
use crate::engine::Reading;
use crate::failure::{Failure, Result};
use crate::run::Ending;
use crate::secret::Redactor;
use crate::terminal::Held;
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::{Hint, Hinter};
use rustyline::history::{DefaultHistory, SearchDirection};
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{
    Cmd, CompletionType, ConditionalEventHandler, Config, Context, Editor, Event, EventContext, EventHandler, Helper,
    KeyCode, KeyEvent, Modifiers, RepeatCount,
};
use std::borrow::Cow;
use std::cell::RefCell;
use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

/// How often to look whether a program has given the terminal back.
const MOMENT: Duration = Duration::from_millis(50);

type Terminal = Editor<Keys, DefaultHistory>;

/// Talks with the user until they leave, and gives the session back.
///
/// # Errors
/// Nothing but a defect of the prompt itself. Beside the session comes what was told: the terminal cannot be used; or, when
/// lines come from a file or a pipe, what the first wrong one failed with.
pub fn talk(repl: Repl, colour: bool) -> Result<(Repl, Option<Failure>)> {
    if !std::io::stdin().is_terminal() {
        return read_all(repl, colour);
    }
    let repl = Rc::new(RefCell::new(repl));
    let failure = converse(&repl, colour).err();
    failure.iter().for_each(|failure| crate::plain::tell(&failure.message));
    let repl = Rc::try_unwrap(repl).map_err(|_| Failure::internal("the prompt is in use"))?.into_inner();
    Ok((repl, failure))
}

/// Reads lines from the terminal and answers them.
fn converse(repl: &Rc<RefCell<Repl>>, colour: bool) -> Result<()> {
    let mut terminal = terminal(repl, colour)?;
    let kept = history::file(&crate::run::home::state()).ok();
    if let Some(path) = &kept {
        let _ = terminal.load_history(path);
    }
    repl.borrow_mut().set_view(view(terminal.dimensions(), colour));
    crate::plain::tell(&repl.borrow().greeting());
    loop {
        let ending = repl.borrow().desk.ending.clone();
        let held = held(&ending);
        let view = view(terminal.dimensions(), colour);
        repl.borrow_mut().set_view(view);
        let prompt = repl.borrow().prompt();
        let line = match ending.reading(|| terminal.readline(&prompt))? {
            Ok(line) => line,
            Err(ReadlineError::Interrupted) => continue,
            Err(ReadlineError::Eof) => return Ok(()),
            Err(error) => return Err(Failure::usage(format!("the terminal cannot be read: {error}"))),
        };
        drop(held);
        let output = repl.borrow_mut().line(&line);
        print(&output);
        // Only now is it known what in the line is secret.
        remember(&mut terminal, kept.as_ref(), &line);
        if output.leave {
            return Ok(());
        }
    }
}

/// The terminal, once no program has it any more; `None` when a signal has told the process to end meanwhile.
fn held(ending: &Ending) -> Option<Held> {
    loop {
        let held = crate::terminal::hold_now();
        if held.is_some() || ending.told().is_some() {
            return held;
        }
        std::thread::sleep(MOMENT);
    }
}

/// Answers the lines of a file or a pipe.
fn read_all(mut repl: Repl, colour: bool) -> Result<(Repl, Option<Failure>)> {
    let mut first = None;
    repl.set_view(view(None, colour));
    loop {
        let ending = repl.desk.ending.clone();
        let text = match ending.reading(|| next(&repl)) {
            Ok(Ok(Some(text))) => text,
            Ok(Ok(None)) => return Ok((repl, first)),
            Err(failure) => {
                crate::plain::tell(&failure.message);
                return Ok((repl, Some(failure)));
            }
            Ok(Err(error)) => {
                let failure = Failure::usage(format!("the input cannot be read: {error}"));
                crate::plain::tell(&failure.message);
                return Ok((repl, Some(failure)));
            }
        };
        let output = repl.line(&text);
        print(&output);
        first = first.or(output.failure);
        if output.leave {
            return Ok((repl, first));
        }
    }
}

/// Lines until they are a whole; at the end of the input, what is left.
fn next(repl: &Repl) -> std::io::Result<Option<String>> {
    let mut text = String::new();
    while std::io::stdin().read_line(&mut text)? > 0 {
        if !matches!(repl.read(&text), Reading::Open) {
            break;
        }
    }
    Ok((!text.is_empty()).then(|| text.trim_end_matches(['\n', '\r']).to_owned()))
}

fn terminal(repl: &Rc<RefCell<Repl>>, colour: bool) -> Result<Terminal> {
    let config = Config::builder()
        .auto_add_history(false)
        .completion_type(CompletionType::List)
        // No list is longer than a screen; the question whether to show one would not even take Ctrl-C.
        .completion_prompt_limit(usize::MAX)
        .max_history_size(10_000)
        .map(|builder| builder.bracketed_paste(true).build());
    let wrong = |e: ReadlineError| Failure::usage(format!("the terminal cannot be used: {e}"));
    let mut terminal = Terminal::with_config(config.map_err(wrong)?).map_err(wrong)?;
    terminal.set_helper(Some(Keys { repl: repl.clone(), colour }));
    for (key, back) in [(KeyCode::Up, true), (KeyCode::Down, false)] {
        let search = EventHandler::Conditional(Box::new(Search { back }));
        terminal.bind_sequence(Event::from(KeyEvent(key, Modifiers::NONE)), search);
    }
    Ok(terminal)
}

/// The size of the terminal now; where there is none, what `COLUMNS` says.
fn view(size: Option<(u16, u16)>, colour: bool) -> View {
    let columns = || std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let size = size.filter(|(width, height)| *width > 0 && *height > 0);
    let size = size.filter(|_| std::io::stdout().is_terminal());
    match size {
        Some((width, height)) => View { width: width.into(), height: height.into(), colour },
        None => View { width: columns().unwrap_or(View::default().width), colour, ..View::default() },
    }
}

fn remember(terminal: &mut Terminal, kept: Option<&PathBuf>, line: &str) {
    if history::may_keep(line)
        && terminal.add_history_entry(line).unwrap_or(false)
        && let Some(path) = kept
    {
        let _ = terminal.append_history(path);
    }
}

/// Data goes to stdout, talk to stderr, both without secrets.
fn print(output: &Output) {
    let clean = |text: &str| Redactor::global().scrub(text);
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(clean(&output.data).as_bytes());
    let _ = out.flush();
    let _ = std::io::stderr().write_all(clean(&output.talk).as_bytes());
}

/// What the editor asks while keys are pressed.
struct Keys {
    repl: Rc<RefCell<Repl>>,
    colour: bool,
}

impl Helper for Keys {}

impl Validator for Keys {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let reading = self.repl.try_borrow().map(|repl| repl.read(context.input()));
        Ok(match reading {
            Ok(Reading::Open) => ValidationResult::Incomplete,
            // What is wrong is reported with its place once it is run.
            _ => ValidationResult::Valid(None),
        })
    }
}

/// Text shown in grey behind the cursor.
pub struct Grey {
    shown: String,
    /// What of it the right-arrow key takes over.
    taken: Option<String>,
}

impl Hint for Grey {
    fn display(&self) -> &str {
        &self.shown
    }

    fn completion(&self) -> Option<&str> {
        self.taken.as_deref()
    }
}

impl Hinter for Keys {
    type Hint = Grey;

    fn hint(&self, line: &str, cursor: usize, context: &Context<'_>) -> Option<Grey> {
        if cursor < line.len() || line.trim().is_empty() || super::complete::ends_in_text(line) {
            return None;
        }
        if let Reading::Wrong(failure) = self.repl.try_borrow().ok()?.read(line) {
            return Some(Grey { shown: format!("   ← {}", failure.message), taken: None });
        }
        if let Some(signature) = self.repl.try_borrow().ok()?.signature_at(line) {
            return Some(Grey { shown: signature, taken: None });
        }
        let found =
            context.history().starts_with(line, context.history().len().checked_sub(1)?, SearchDirection::Reverse);
        let rest = found.ok().flatten()?.entry.get(line.len()..)?.to_owned();
        let shown = rest.lines().next().unwrap_or_default().to_owned();
        (!rest.is_empty()).then_some(Grey { shown, taken: Some(rest) })
    }
}

impl Highlighter for Keys {
    fn highlight<'l>(&self, line: &'l str, cursor: usize) -> Cow<'l, str> {
        if !self.colour {
            return Cow::Borrowed(line);
        }
        let matched = highlight::matching(line, cursor);
        Cow::Owned(highlight::highlighted(line, &super::namespaces(), matched))
    }

    fn highlight_char(&self, _: &str, _: usize, _: CmdKind) -> bool {
        self.colour
    }

    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        if self.colour { Cow::Owned(format!("\x1b[2m{hint}\x1b[0m")) } else { Cow::Borrowed(hint) }
    }

    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, _: bool) -> Cow<'b, str> {
        if !self.colour {
            return Cow::Borrowed(prompt);
        }
        let code = if prompt.ends_with("write> ") { "1;31" } else { "1;32" };
        Cow::Owned(format!("\x1b[{code}m{prompt}\x1b[0m"))
    }
}

impl rustyline::completion::Candidate for super::Candidate {
    fn display(&self) -> &str {
        &self.shown
    }

    fn replacement(&self) -> &str {
        &self.text
    }
}

impl Completer for Keys {
    type Candidate = super::Candidate;

    fn complete(
        &self,
        line: &str,
        cursor: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<super::Candidate>)> {
        let Ok(repl) = self.repl.try_borrow() else { return Ok((cursor, Vec::new())) };
        let (start, candidates) = repl.complete(line, cursor);
        Ok((start, fitting(candidates, &repl.view())))
    }
}

/// Up and down: through the lines of a text that has several, else through what begins like it.
struct Search {
    back: bool,
}

impl ConditionalEventHandler for Search {
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, context: &EventContext<'_>) -> Option<Cmd> {
        if context.line().contains('\n') {
            return None;
        }
        Some(if self.back { Cmd::HistorySearchBackward } else { Cmd::HistorySearchForward })
    }
}
