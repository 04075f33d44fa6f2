//! `:reload`: an open script is edited, read anew, and goes on where it was.

use super::opened::{Opened, nothing_open};
use super::{Output, Repl};
use crate::failure::{Failure, Result};
use crate::script::parts::Part;
use crate::script::{self, Script};

impl Opened {
    /// The first statement that these have not run: behind the last step that they have, and what they have run since.
    fn after(&self, ran: &[Part], skipped: &[String]) -> usize {
        let is_behind = |part: &Part| {
            let was_run = ran.iter().any(|ran| ran.steps == part.steps);
            !part.steps.is_empty() && (was_run || part.steps.iter().all(|step| skipped.contains(step)))
        };
        let step = self.parts.iter().rposition(is_behind);
        let behind = |at: usize| ran.iter().rposition(|ran| ran.steps == self.parts[at].steps);
        // Nothing was run since a step that was passed over.
        let from = step.map_or(0, |at| behind(at).map_or(ran.len(), |last| last + 1));
        let since = ran[from..].iter();
        let mut since = since.filter(|part| is_plain(part)).map(|part| &part.text);
        let mut next = step.map_or(0, |at| at + 1);
        for (index, part) in self.parts.iter().enumerate().skip(next).filter(|(_, part)| !part.is_function) {
            if !part.steps.is_empty() || since.next() != Some(&part.text) {
                break;
            }
            next = index + 1;
        }
        next
    }
}

impl Repl {
    /// `:reload`: the script as it is on disk now. What was run stays run; statements that changed and are no steps run
    /// again, so that variables are what the script says.
    pub(super) fn reload(&mut self) -> Result<Output> {
        let opened = self.opened.as_ref().ok_or_else(nothing_open)?;
        let fresh = self.read_again(opened)?;
        let (ran, skipped, before) = (opened.ran.clone(), opened.skipped.clone(), opened.next);
        self.console.leave_step();
        let next = fresh.after(&ran, &skipped);
        let again: Vec<Part> =
            fresh.parts[..next].iter().filter(|part| is_plain(part) && !was_run(&ran, part)).cloned().collect();
        let changed = changed(&fresh.parts[..next], &ran);
        let header = fresh.script.header()?;
        self.opened = Some(Opened { next, ran, skipped, header, ..fresh });
        self.define_functions()?;
        for part in &again {
            drop(self.run_part(part)?);
            if let Some(opened) = &mut self.opened {
                opened.ran.push(part.clone());
            }
        }
        let mut talk = format!("reloaded; {} statements ran before, {} run again now\n", before, again.len());
        for step in changed {
            talk += &format!("  `{step}` has changed since it ran: `:run {step}` runs it again\n");
        }
        Ok(Output::talk(talk))
    }

    /// The open script as it is on disk now, if all of it can be read.
    fn read_again(&self, opened: &Opened) -> Result<Opened> {
        let name = &opened.script.name;
        let Some(file) = self.script_file() else {
            return Err(Failure::usage(format!("{name} is part of meshwright: it does not change"))
                .hint(format!("`:fork {name}` makes a copy of yours")));
        };
        let working = std::env::current_dir().unwrap_or_default();
        let script = script::find(&file.to_string_lossy(), &working)?;
        let script = Script { name: name.clone(), source: opened.script.source.clone(), ..script };
        let fresh = Opened::new(script, opened.header.clone(), opened.values.clone());
        let fresh = fresh.stopping_as(opened);
        for part in &fresh.parts {
            crate::engine::compile(&crate::engine::parser(), &fresh.script.source, &part.text).map_err(
                |mut failure| {
                    failure.places.iter_mut().for_each(|place| place.line += part.line - 1);
                    failure
                },
            )?;
        }
        Ok(fresh)
    }
}

/// Whether a statement is neither a step nor a function.
fn is_plain(part: &Part) -> bool {
    part.steps.is_empty() && !part.is_function
}

/// Whether a step was run, or another statement as it is.
fn was_run(ran: &[Part], part: &Part) -> bool {
    ran.iter().any(|ran| if part.steps.is_empty() { ran.text == part.text } else { ran.steps == part.steps })
}

/// The steps among these that were run and are different now.
fn changed(parts: &[Part], ran: &[Part]) -> Vec<String> {
    let last = |part: &Part| ran.iter().rev().find(|ran| ran.steps == part.steps);
    let steps = parts.iter().filter(|part| !part.steps.is_empty());
    steps.filter(|part| last(part).is_some_and(|ran| !ran.is_as(part))).flat_map(|part| part.steps.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{Header, Home, Values};

    fn opened(text: &str) -> Opened {
        let (name, source) = ("s".into(), "./s.rhai".into());
        Opened::new(
            Script { name, source, text: text.into(), home: Home::Folder(".".into()) },
            Header::default(),
            Values::default(),
        )
    }

    /// The statement at which a script goes on as it is now, when so many statements of it as it was have been run.
    fn next(before: &str, count: usize, skipped: &[&str], now: &str) -> String {
        let skipped: Vec<String> = skipped.iter().map(|step| (*step).to_owned()).collect();
        let now = opened(now);
        let next = now.after(&opened(before).parts[..count], &skipped);
        now.parts.get(next).map_or_else(|| "the end".into(), |part| part.text.trim().to_owned())
    }

    #[test]
    fn a_script_goes_on_at_the_first_statement_that_was_not_run() {
        let text = "step \"a\" {}\nlog.info(\"-\");\nstep \"b\" {}\nlog.info(\"-\");\nstep \"c\" {}";
        assert_eq!(next(text, 0, &[], text), "step \"a\" {}");
        assert_eq!(next(text, 2, &[], text), "step \"b\" {}");
        assert_eq!(next(text, 2, &[], &text.replace("\"b\" {}", "\"b\" { 1 }")), "step \"b\" { 1 }");
        assert_eq!(next(text, 2, &["b"], text), "log.info(\"-\");");
        assert_eq!(next(text, 5, &[], text), "the end");
        let changed = text.replacen("\"-\"", "\"+\"", 1);
        assert_eq!(next(text, 2, &[], &changed), "log.info(\"+\");");
        assert_eq!(next(text, 3, &[], &changed), "log.info(\"-\");");
    }
}
