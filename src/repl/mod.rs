//! The prompt: scripts a line at a time, on the same clusters and with the same primitives as a run.
//!
//! [`Repl`] knows no terminal: it takes a line and gives an [`Output`], so that whole sessions are tests. The terminal
//! (keys, colours, history) is in [`talk`], on top of it.
//!
//! | file | what |
//! | --- | --- |
//! | `inputs` | what was entered, and where its lines are |
//! | `opened`, `reload`, `gone` | a script that is open: run to a step, look, edit, reload, go on |
//! | `complete`, `names`, `offer` | what Tab offers |
//! | `document` | what a name means: `x?` |
//! | `export` | the session as a script |
//! | `commands` | `:help` and all others, one table |
//! | `show`, `table`, `columns` | values as people read them |
//! | `highlight`, `editor`, `history` | the terminal |

mod columns;
mod commands;
mod complete;
mod document;
mod editor;
mod export;
mod gone;
mod highlight;
mod history;
mod inputs;
mod names;
mod offer;
mod opened;
mod reload;
mod show;
mod table;
#[cfg(test)]
mod tests;

use crate::engine::report::{self, Look};
use crate::engine::{Console, Reading};
use crate::failure::{Failure, Kind, Result};
use crate::object::Object;
use crate::run::{Desk, Job, Session};
use inputs::Inputs;
use names::Names;
use opened::Opened;
use rhai::Dynamic;
use show::{Rest, Shown};

pub use complete::Candidate;
pub use editor::talk;
pub use show::{View, brief};
pub use table::table;

/// How many results keep their number: `_1`, `_2`, …
const KEPT: usize = 50;

/// A session at a prompt, without the terminal.
pub struct Repl {
    /// The sessions that were opened, the one in use last. Values of the earlier ones live on.
    sessions: Vec<Session>,
    desk: Desk,
    console: Console,
    inputs: Inputs,
    /// The script that is open.
    opened: Option<Opened>,
    names: Names,
    /// What is said at the start, beside what always is.
    greeting: String,
    /// How many results there were.
    results: usize,
    /// The context that the prompt names.
    current: Option<String>,
    namespace: Option<String>,
    /// What of the last output was not shown yet.
    rest: Option<Rest>,
    view: View,
    /// Whether the time that each input takes is shown.
    timed: bool,
}

/// What a line gave.
#[derive(Debug, Default)]
pub struct Output {
    /// Data, for stdout.
    pub data: String,
    /// Talk, for stderr.
    pub talk: String,
    /// What went wrong; its report is part of the talk.
    pub failure: Option<Failure>,
    /// Whether the session is over.
    pub leave: bool,
}

impl Output {
    fn talk(text: impl Into<String>) -> Output {
        Output { talk: text.into(), ..Output::default() }
    }

    fn data(text: impl Into<String>) -> Output {
        Output { data: text.into(), ..Output::default() }
    }
}

impl Repl {
    /// A prompt on a session that was made for this job at this desk.
    ///
    /// # Errors
    /// When a cluster of the job's parameters does not exist.
    pub fn new(session: Session, desk: Desk, job: &Job, view: View) -> Result<Repl> {
        let console = Console::new(&job.script.source, session.scope(job)?);
        session.begin_with_a_change(job);
        Ok(Repl {
            sessions: vec![session],
            desk,
            console,
            inputs: Inputs::default(),
            opened: None,
            names: Names::default(),
            greeting: String::new(),
            results: 0,
            current: None,
            namespace: None,
            rest: None,
            view,
            timed: false,
        })
    }

    /// Takes one line, or several that belong together.
    pub fn line(&mut self, line: &str) -> Output {
        self.session().cancel().renew();
        let text = line.trim();
        let outcome = match text.strip_prefix(':') {
            _ if text.is_empty() => Ok(Output::default()),
            Some(command) => commands::run(self, command),
            None => match document::asked(text) {
                Some(name) => self.document(name).map(Output::data),
                None => self.evaluate(line),
            },
        };
        match outcome {
            Ok(output) => Output { talk: self.fitted(&output.talk), ..output },
            Err(failure) => {
                let is_of_script = text.starts_with(':') && !failure.places.is_empty();
                let around = if is_of_script { self.of_failed_step(&failure) } else { String::new() };
                let output = self.failed(failure);
                Output { talk: format!("{}{around}", output.talk), ..output }
            }
        }
    }

    /// What is said beside data, in lines that the terminal need not break.
    fn fitted(&self, talk: &str) -> String {
        let fits = |line: &str| {
            let indent = &line[..line.len() - line.trim_start().len()];
            format!("{indent}{}\n", crate::plain::wrapped(line.trim_start(), self.view.width, indent))
        };
        talk.lines().map(fits).collect()
    }

    /// Whether more must follow before a line can be taken.
    pub fn read(&self, line: &str) -> Reading {
        if line.trim_start().starts_with(':') || document::asked(line).is_some() {
            return Reading::Whole;
        }
        self.session().read(line)
    }

    /// What stands before the cursor: where one is, and whether anything may be changed.
    pub fn prompt(&self) -> String {
        let place = match (&self.current, &self.namespace) {
            (Some(context), Some(namespace)) => format!("{context}/{namespace}"),
            (Some(context), None) => context.clone(),
            (None, _) if self.is_rehearsal() => "rehearsal".to_owned(),
            (None, _) => "meshwright".to_owned(),
        };
        let mode = if self.desk.gate.is_open() { "write" } else { "read-only" };
        let steps = self.opened.as_ref().map(|opened| (opened.progress(), opened.script.name.as_str()));
        let steps = steps.filter(|((_, all), _)| *all > 0);
        let steps = steps
            .map(|((ran, all), name)| format!("{} {ran}/{all} ", name.trim_start_matches("./")))
            .unwrap_or_default();
        format!("{place} {steps}{mode}> ")
    }

    /// What a session begins with.
    pub fn greeting(&self) -> String {
        let clusters = self.session().clusters().contexts().unwrap_or_default();
        let place =
            if self.is_rehearsal() { "in memory, nothing real is touched" } else { "connected when first used" };
        let named = match clusters.len() {
            0 => "no clusters, there is no kubeconfig".to_owned(),
            1..=6 => format!("clusters {} ({place})", clusters.join(", ")),
            many => format!("{many} clusters ({place}), `:clusters` lists them"),
        };
        let start =
            format!("meshwright {}: {named}.\n:help shows what there is, Ctrl-D leaves.", env!("CARGO_PKG_VERSION"));
        format!("{}{}", self.fitted(&start), self.greeting).trim_end().to_owned()
    }

    /// Ends what its sessions have begun: other runs may work on the clusters, the journals end.
    ///
    /// # Errors
    /// The outcome's own, or that a lease was lost.
    pub fn close(&self, outcome: Result<()>) -> Result<()> {
        self.sessions.iter().fold(outcome, |outcome, session| session.close(outcome))
    }

    /// Shows the last lines of a script that was carried out.
    pub fn summary(&self, took: std::time::Duration) {
        self.session().screen().summary(took);
    }

    /// The session that the prompt began with.
    pub fn first_session(&self) -> &Session {
        &self.sessions[0]
    }

    fn session(&self) -> &Session {
        // There is one from the start, and none is ever taken away.
        &self.sessions[self.sessions.len() - 1]
    }

    fn is_rehearsal(&self) -> bool {
        self.session().world().is_some()
    }

    /// Runs a text and shows its value.
    fn evaluate(&mut self, text: &str) -> Result<Output> {
        let start = std::time::Instant::now();
        let value = self.enter(text)?;
        let took = start.elapsed();
        let mut output = self.shown(&value);
        if value.is_unit() {
            output.talk += &self.no_field(text.trim()).map(|said| format!("{said}\n")).unwrap_or_default();
        }
        output.talk += &self.unsaid(text);
        if self.timed {
            output.talk += &format!("took {} ms\n", took.as_millis());
        }
        Ok(output)
    }

    /// What went well, and may not be what was meant.
    fn unsaid(&self, text: &str) -> String {
        let mut said = String::new();
        if !crate::engine::divisions(text).is_empty() {
            said += &format!("! {}\n", crate::engine::DIVISION);
        }
        if let Some(name) = self.changed_here_only(text) {
            said += &format!("! only `{name}` here is changed, nothing is sent; `cluster.apply({name})` sends it\n");
        }
        said
    }

    /// The variable of which a text changes a field, when it is an object of a cluster.
    fn changed_here_only<'t>(&self, text: &'t str) -> Option<&'t str> {
        let (target, value) = text.split_once('=').filter(|(_, value)| !value.starts_with(['=', '>']))?;
        let is_path = |c: char| c.is_alphanumeric() || "_.[]\"-/".contains(c);
        let target = target.trim();
        let (name, _) = target.split_once(['.', '[']).filter(|_| target.chars().all(is_path))?;
        let is_object = self.console.scope().get(name).is_some_and(|value| value.flatten_clone().is::<Object>());
        (is_object && !value.contains(".apply(")).then_some(name)
    }

    /// Runs a text to its value and remembers both.
    fn enter(&mut self, text: &str) -> Result<Dynamic> {
        self.names.forget();
        let line = self.inputs.begin(text, self.results);
        let session = &self.sessions[self.sessions.len() - 1];
        session.typed(text);
        let outcome = session.enter(&mut self.console, text, line);
        // As in other prompts: a semicolon at the end says that the value is of no interest.
        let outcome = outcome.map(|value| if text.trim_end().ends_with(';') { Dynamic::UNIT } else { value });
        match &outcome {
            Ok(value) if !value.is_unit() => self.keep(value),
            Ok(_) => self.inputs.succeeded(None),
            Err(_) => {}
        }
        outcome
    }

    /// Gives a result its names: `_`, and `_1`, `_2`, ….
    fn keep(&mut self, value: &Dynamic) {
        self.results += 1;
        self.inputs.succeeded(Some(self.results));
        let scope = self.console.scope_mut();
        scope.set_or_push("_", value.clone());
        scope.set_or_push(format!("_{}", self.results), value.clone());
        if let Some(old) = self.results.checked_sub(KEPT) {
            self.console.forget(&format!("_{old}"));
        }
    }

    /// Shows a value under its number, and remembers what did not fit.
    fn shown(&mut self, value: &Dynamic) -> Output {
        if value.is_unit() {
            return Output::default();
        }
        let Shown { text, rest, note } = show::value(value, &self.view(), self.now());
        self.rest = rest;
        let name = format!("_{} =", self.results);
        let data = if text.contains('\n') { format!("{name}\n{text}\n") } else { format!("{name} {text}\n") };
        Output { data, talk: note.map(|note| format!("{note}\n")).unwrap_or_default(), ..Output::default() }
    }

    /// Shows more of what did not fit.
    fn more(&mut self) -> Output {
        let Some(rest) = self.rest.take() else { return Output::talk("there is no more to show\n") };
        let Shown { text, rest, note } = show::more(&rest, &self.view(), self.now());
        self.rest = rest;
        let talk = note.map(|note| format!("{note}\n")).unwrap_or_default();
        Output { data: format!("{text}\n"), talk, ..Output::default() }
    }

    /// The report of a failure, which becomes `_error`.
    fn failed(&mut self, failure: Failure) -> Output {
        self.console.scope_mut().set_or_push("_error", failure.clone());
        let shown = self.inputs.placed(self.hinted(failure.clone()));
        let text_of = |source: &str| self.inputs.text(source).or_else(|| crate::script::source_text(source));
        let talk = match failure.kind {
            // On a line of its own: the terminal has written `^C`.
            Kind::Cancelled if failure.message == "interrupted" => "\ninterrupted\n".to_owned(),
            _ => report::render(&shown, &text_of, Look { colour: self.view.colour, width: self.view.width }),
        };
        Output { talk, failure: Some(failure), ..Output::default() }
    }

    /// An unknown variable may be a misspelled one of an earlier input.
    fn hinted(&self, failure: Failure) -> Failure {
        let name = failure.message.strip_prefix("there is no variable `").and_then(|rest| rest.strip_suffix('`'));
        let names: Vec<&str> = self.console.scope().iter_raw().map(|(name, ..)| name).collect();
        if let Some(context) = name.filter(|name| self.is_context(name)) {
            let hint = format!("a cluster is connected first: `let {context} = kube.cluster(\"{context}\");`");
            return failure.hint(hint);
        }
        let name = name.filter(|name| crate::engine::habit(name).is_none());
        let meant = name.and_then(|name| crate::engine::nearest(name, names)).map(str::to_owned);
        match meant {
            Some(meant) => failure.hint(format!("did you mean `{meant}`?")),
            None => failure,
        }
    }

    fn is_context(&self, name: &str) -> bool {
        self.session().clusters().contexts().is_ok_and(|contexts| contexts.iter().any(|context| context == name))
    }

    /// How much fits, as the terminal is now.
    pub(super) fn view(&self) -> View {
        self.view
    }

    /// Sets how much fits.
    pub fn set_view(&mut self, view: View) {
        self.view = view;
    }

    /// Asks a cluster something, within a limit of real time.
    fn ask<T>(&self, limit: std::time::Duration, question: impl Future<Output = Result<T>>) -> Result<T> {
        let late = || Failure::new(Kind::Unreachable, "there was no answer in time");
        let answer = self.session().runtime().block_on(async { tokio::time::timeout(limit, question).await });
        answer.unwrap_or_else(|_| Err(late()))
    }

    /// Now, as the clusters see it.
    fn now(&self) -> jiff::Timestamp {
        let rehearsed = self.session().world().and_then(|world| world.servers().first().map(|server| server.time()));
        rehearsed.unwrap_or_else(jiff::Timestamp::now)
    }
}

/// The names of the namespace objects: `kube`, `secret`, ….
fn namespaces() -> Vec<&'static str> {
    let mut names: Vec<&str> = crate::primitives::TABLES.iter().flat_map(|table| table.iter()).map(|p| p.on).collect();
    names.retain(|name| name.starts_with(char::is_lowercase));
    names.dedup();
    names
}
