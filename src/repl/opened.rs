//! A script that is open at the prompt: run to a step, look around, edit, reload, go on.

use super::{Output, Repl};
use crate::engine::nearest;
use crate::failure::{Failure, Kind, Result};
use crate::grant::Way;
use crate::run::Job;
use crate::run::screen::Style;
use crate::script::parts::{Part, parts_of};
use crate::script::{self, Given, Header, Kind as ParamKind, Needs, Outline, Script, Values};
use std::path::PathBuf;

/// A script that is open.
pub struct Opened {
    /// The script as it was read last.
    pub script: Script,
    /// Its header as it is written.
    pub header: Header,
    /// The values of its parameters.
    pub(super) values: Values,
    /// Its statements.
    pub(super) parts: Vec<Part>,
    /// The first one that was not run yet.
    pub(super) next: usize,
    /// Those that were run, as they were then.
    pub(super) ran: Vec<Part>,
    /// The steps that were passed over.
    pub(super) skipped: Vec<String>,
    /// The step after which the run is to stop, and whether it has.
    pub(super) stop_after: Option<String>,
    pub(super) is_stopped: bool,
}

impl Opened {
    pub(super) fn new(script: Script, header: Header, values: Values) -> Opened {
        Opened {
            parts: parts_of(&script),
            script,
            header,
            values,
            next: 0,
            ran: Vec::new(),
            skipped: Vec::new(),
            stop_after: None,
            is_stopped: false,
        }
    }

    /// The same with the end that another one was to have.
    pub(super) fn stopping_as(self, other: &Opened) -> Opened {
        Opened { stop_after: other.stop_after.clone(), is_stopped: other.is_stopped, ..self }
    }

    /// Whether everything was run.
    fn is_at_end(&self) -> bool {
        self.parts.iter().skip(self.next).all(|part| part.is_function)
    }

    /// The names of its steps, in order.
    pub fn steps(&self) -> Vec<&str> {
        self.parts.iter().flat_map(|part| &part.steps).map(String::as_str).collect()
    }

    /// How many of its steps were run, for the prompt.
    pub fn progress(&self) -> (usize, usize) {
        (self.parts[..self.next].iter().map(|part| part.steps.len()).sum(), self.steps().len())
    }

    /// Whether a statement was run as it is written now, was run and is different now, or was not run.
    fn state(&self, index: usize) -> &'static str {
        let part = &self.parts[index];
        match self.ran.iter().rev().find(|ran| ran.steps == part.steps) {
            Some(ran) if ran.is_as(part) => "✓",
            Some(_) => "~",
            None if self.next == index
                || self.parts[self.next.min(index)..index].iter().all(|p| p.steps.is_empty()) =>
            {
                "▸"
            }
            None => " ",
        }
    }

    /// The statement that holds the step which is meant: by number, name, or part of a name.
    fn find(&self, wanted: &str) -> Result<usize> {
        let wanted = wanted.trim_matches('"');
        let steps = self.steps();
        let number = wanted.parse::<usize>().ok().and_then(|number| steps.get(number.checked_sub(1)?));
        let lower = wanted.to_lowercase();
        let by = |test: &dyn Fn(&str) -> bool| {
            let mut fits = steps.iter().filter(|step| test(&step.to_lowercase()));
            fits.next().filter(|_| fits.next().is_none())
        };
        let exact = steps.iter().find(|step| step.to_lowercase() == lower);
        let found = number
            .or(exact)
            .or_else(|| by(&|step| step.starts_with(&lower)))
            .or_else(|| by(&|step| step.contains(&lower)));
        let Some(name) = found else { return Err(self.no_step(wanted, &steps)) };
        Ok(self.parts.iter().position(|part| part.steps.iter().any(|step| step == name)).unwrap_or_default())
    }

    fn no_step(&self, wanted: &str, steps: &[&str]) -> Failure {
        let lower = wanted.to_lowercase();
        let several: Vec<&str> = steps.iter().copied().filter(|step| step.to_lowercase().contains(&lower)).collect();
        if several.len() > 1 {
            let failure = Failure::usage(format!("`{wanted}` may be one of {} steps", several.len()));
            return failure.hint(format!("`{}`", several.join("`, `")));
        }
        let failure = Failure::new(Kind::NotFound, format!("{} has no step `{wanted}`", self.script.name));
        match nearest(wanted, steps.iter().copied()) {
            Some(meant) => failure.hint(format!("did you mean `{meant}`?")),
            None => failure.hint("`:steps` lists them; a number or a part of the name is enough"),
        }
    }
}

impl Repl {
    /// Carries out the script that the session was made for. When it fails, the prompt stands at the statement that
    /// failed, with the variables around it.
    ///
    /// # Errors
    /// What the script failed with.
    pub fn carry_out(&mut self, job: &Job) -> Result<()> {
        let opened = Opened::new(job.script.clone(), job.header.clone(), job.values.clone());
        self.opened = Some(Opened { stop_after: job.stop_after.clone(), ..opened });
        self.define_functions()?;
        drop(self.run_to(usize::MAX)?);
        Ok(())
    }

    /// Shows a failure and stays, to look, retry, skip or go on.
    pub fn pause(&mut self, failure: Failure) {
        let inner = self.of_failed_step(&failure);
        let report = self.failed(failure).talk;
        let ways = "`:next` tries the step again, `:skip` passes it over,\n`:run` goes on to the end, Ctrl-D gives up.";
        self.greeting = format!("{report}Paused where the script failed.\n{inner}{ways}");
    }

    /// Whether the open script was run to its end.
    pub fn is_done(&self) -> bool {
        self.opened.as_ref().is_some_and(Opened::is_at_end)
    }

    /// Whether the script has stopped where it was asked to, at the prompt.
    pub fn is_stopped(&self) -> bool {
        self.opened.as_ref().is_some_and(|opened| opened.is_stopped)
    }

    /// `:skip`: the next step is passed over, as if it had been run.
    pub(super) fn skip(&mut self) -> Result<Output> {
        let opened = self.opened.as_mut().ok_or_else(nothing_open)?;
        let rest = opened.parts.iter().enumerate().skip(opened.next);
        let Some((index, part)) = rest.into_iter().find(|(_, part)| !part.steps.is_empty()) else {
            return Ok(Output::talk("there is no step left to skip\n"));
        };
        self.console.leave_step();
        let steps = part.steps.clone();
        opened.next = index + 1;
        let said = format!("skipped `{}`\n", steps.join("`, `"));
        opened.skipped.extend(steps);
        Ok(Output::talk(said))
    }

    /// Opens a script before the first prompt.
    ///
    /// # Errors
    /// When there is no such script, or its parameters are wrong.
    pub fn load(&mut self, name: &str, words: &[String]) -> Result<()> {
        self.greeting = self.open(name, words)?.talk;
        Ok(())
    }

    /// Opens a script with parameters as on the command line. A script without steps is run at once.
    pub(super) fn open(&mut self, name: &str, words: &[String]) -> Result<Output> {
        let working = std::env::current_dir().unwrap_or_default();
        let script = script::find(name, &working)?;
        self.open_script(script, words)
    }

    pub(super) fn open_script(&mut self, script: Script, words: &[String]) -> Result<Output> {
        let header = script.header()?;
        let values = self.values(&header, words)?;
        let mut granted = header.clone();
        // Whoever sits at the prompt may do what the session's own switch lets through.
        let own = Needs::typed().writing();
        granted.needs = Needs { exec: vec!["*".into()], reveal: header.needs.reveal, ..own };
        let style = Style { colour: self.view.colour, ..Style::default() };
        let job = Job::new(script.clone(), granted, values.clone(), style).run_by(Way::Prompt);
        let session = self.session().beside(&job)?;
        let params = session.scope(&job)?.get("params").cloned().unwrap_or_default();
        session.begin_with_a_change(&job);
        self.sessions.push(session);
        self.console.leave_step();
        self.console.set_source(&script.source);
        let scope = self.console.scope_mut();
        let _ = scope.remove::<rhai::Dynamic>("params");
        scope.push_constant_dynamic("params", params);
        let opened = Opened::new(script, header, values);
        let count = opened.steps().len();
        let name = opened.script.name.clone();
        self.opened = Some(opened);
        self.define_functions()?;
        if count == 0 {
            return self.run_to(usize::MAX);
        }
        Ok(Output::talk(format!(
            "{name}: {count} steps; `:steps` lists them, `:next` runs the next, `:run STEP` runs up to one\n"
        )))
    }

    /// The parameters of a script; in a rehearsal, clusters that are not named are those there are, in order.
    fn values(&self, header: &Header, words: &[String]) -> Result<Values> {
        let mut given = Given::from_args(header, words);
        if self.is_rehearsal() {
            let named = given.clusters(header.params.iter().filter(|param| given.has(param)));
            let contexts = self.session().clusters().contexts()?;
            let mut contexts = contexts.into_iter().filter(|context| !named.contains(context));
            for param in &header.params {
                let is_given = given.flags.iter().any(|(name, _)| name.replace('-', "_") == param.name);
                let is_cluster = matches!(param.kind, ParamKind::Cluster | ParamKind::Clusters);
                let is_wanted = param.required || is_cluster && param.default.is_some() || param.name == "dialect";
                let stand_in = match param.kind {
                    _ if is_given || !is_wanted => None,
                    ParamKind::Cluster | ParamKind::Clusters => contexts.next(),
                    _ if param.name == "dialect" => Some("current".to_owned()),
                    _ => None,
                };
                given.flags.extend(stand_in.map(|value| (param.name.clone(), value)));
            }
        }
        Values::check(header, &given)
            .map_err(|failure| failure.hint("parameters stand behind the name: --primary CONTEXT"))
    }

    /// Functions are known before anything is run, wherever they stand.
    pub(super) fn define_functions(&mut self) -> Result<()> {
        let parts = self.opened.iter().flat_map(|opened| &opened.parts);
        let functions: Vec<Part> = parts.filter(|part| part.is_function).cloned().collect();
        functions.iter().try_for_each(|part| self.run_part(part).map(drop))
    }

    /// Runs one statement of the open script at its own line.
    pub(super) fn run_part(&mut self, part: &Part) -> Result<rhai::Dynamic> {
        let known = self.opened.as_ref().map(|opened| Outline::of(&opened.script.text).imports).unwrap_or_default();
        self.inputs.begin_part(&part.whole(&known), part.line);
        let session = &self.sessions[self.sessions.len() - 1];
        session.typed("");
        let value = session.enter_part(&mut self.console, &part.text, part.line)?;
        self.inputs.succeeded(None);
        Ok(value)
    }

    /// Runs the statements up to this one; one that was run already, alone.
    fn run_to(&mut self, last: usize) -> Result<Output> {
        let Some(opened) = &self.opened else { return Err(nothing_open()) };
        let last = last.min(opened.parts.len().saturating_sub(1));
        let range = if last < opened.next { last..last + 1 } else { opened.next..last + 1 };
        for index in range {
            let Some(part) = self.opened.as_ref().and_then(|opened| opened.parts.get(index)).cloned() else { break };
            if !part.is_function {
                drop(self.run_part(&part)?);
            }
            if let Some(opened) = &mut self.opened {
                opened.ran.push(part);
                opened.next = opened.next.max(index + 1);
            }
        }
        Ok(Output::default())
    }

    /// Goes on to a statement, or to the step after which the run was to stop.
    fn go_on_to(&mut self, last: usize) -> Result<Output> {
        let outcome = self.run_to(last);
        let is_interrupted = self.first_session().is_interrupted();
        let (Err(failure), Some(opened)) = (&outcome, &mut self.opened) else { return outcome };
        let Some(part) = opened.parts.get(opened.next) else { return outcome };
        let is_last = opened.stop_after.as_ref().is_some_and(|step| part.steps.contains(step));
        if !is_last || failure.kind != Kind::Cancelled || is_interrupted {
            return outcome;
        }
        opened.ran.push(part.clone());
        (opened.next, opened.is_stopped) = (opened.next + 1, true);
        Ok(Output::talk(format!("{}; Ctrl-D ends the run\n", failure.message)))
    }

    /// `:run STEP`.
    pub(super) fn run_step(&mut self, wanted: &str) -> Result<Output> {
        let opened = self.opened.as_ref().ok_or_else(nothing_open)?;
        match wanted {
            "" if opened.is_at_end() => Ok(at_end()),
            "" => self.go_on_to(usize::MAX),
            wanted => {
                let last = opened.find(wanted)?;
                self.go_on_to(last)
            }
        }
    }

    /// `:next`.
    pub(super) fn run_next(&mut self) -> Result<Output> {
        let opened = self.opened.as_ref().ok_or_else(nothing_open)?;
        let rest = opened.parts.iter().enumerate().skip(opened.next);
        if self.is_done() {
            return Ok(at_end());
        }
        let step = rest.into_iter().find(|(_, part)| !part.steps.is_empty()).map_or(usize::MAX, |(index, _)| index);
        self.go_on_to(step)
    }

    /// `:steps`.
    pub(super) fn list_steps(&self) -> Result<Output> {
        let opened = self.opened.as_ref().ok_or_else(nothing_open)?;
        let (mut text, mut number) = (String::new(), 0);
        for (index, part) in opened.parts.iter().enumerate() {
            for step in &part.steps {
                number += 1;
                let line = format!("{} {number:>2}. {step}", opened.state(index));
                text += &format!("{}\n", crate::plain::wrapped(&line, self.view.width, "      "));
            }
        }
        let changed = text.contains('~').then_some("~ has changed since it ran; `:run STEP` runs it again\n");
        Ok(Output { data: text, talk: changed.unwrap_or_default().to_owned(), ..Output::default() })
    }

    /// The file that somebody means who names one: in the working folder, or in that of the open script.
    pub(super) fn named_file(&self, name: &str) -> (PathBuf, bool) {
        let home = self.opened.as_ref().and_then(|opened| opened.script.home.on_disk());
        let inside = home.map(|home| home.join(name)).filter(|path| path.is_file());
        let path = inside.filter(|_| !PathBuf::from(name).is_file()).unwrap_or_else(|| PathBuf::from(name));
        let absolute = |path: &std::path::Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let is_of_script = home.is_some_and(|home| absolute(&path).starts_with(absolute(home)));
        (path, is_of_script)
    }

    /// The file of the open script; `None` for a script of the bundle. A task that a small fork takes from its origin has
    /// none there.
    pub(super) fn script_file(&self) -> Option<PathBuf> {
        let script = &self.opened.as_ref()?.script;
        let home = script.home.on_disk()?;
        let name = script.source.rsplit('/').next().unwrap_or("main.rhai");
        Some(home.join(name))
    }
}

fn at_end() -> Output {
    Output::talk("the script is at its end; `:run STEP` runs a step again\n")
}

pub(super) fn nothing_open() -> Failure {
    Failure::usage("no script is open")
        .hint("`:load NAME` opens one, `:fork NAME` makes a copy of yours and opens that")
}
