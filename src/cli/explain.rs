//! `explain`: what a step does, and the kubectl and istioctl lines it stands for.

use super::format::Format;
use super::script_args::{find, terminal_width};
use crate::doc::{indented, wrapped};
use crate::failure::{Failure, Result};
use crate::run::screen::Style;
use crate::script::explained::{Explained, Filling, Part, explain, position};
use crate::script::{Given, Script, Values};
use clap::Args;

/// Arguments of `explain`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Explain {
    /// The step: its name, a part of it, or its number; a script's name may stand before it
    #[arg(value_name = "[NAME] STEP", required = true, num_args = 1.., trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<String>,
    /// How to print it
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    output: Format,
}

const EXAMPLES: &str = "\
Examples:
  meshwright explain \"Prove the path\"
  meshwright explain shared-gateways 3
  meshwright explain shared-gateways \"Install the control plane\" --primary east --remote west";

impl Explain {
    /// Carries the command out.
    pub fn go(mut self, style: Style) -> Result<()> {
        self.take_output()?;
        let flags = self.words.iter().position(|word| word.starts_with("--")).unwrap_or(self.words.len());
        let flags = self.words.split_off(flags);
        let (script, step) = match self.words.as_slice() {
            [step] => explained_anywhere(step, &flags)?,
            [name, step] => of_script(find(name)?, step, &flags)?,
            _ => {
                return Err(Failure::usage("explain takes a step, or a script and a step")
                    .hint("put the step's name into quotes"));
            }
        };
        match self.output {
            Format::Json => super::print(&json(&script, &step)),
            Format::Text => super::print(&shown(&script, &step, style)),
        }
    }

    /// `-o json` may also stand behind the step.
    fn take_output(&mut self) -> Result<()> {
        for flag in ["-o", "--output"] {
            let value = super::words::take_value(&mut self.words, flag).map_err(Failure::usage)?;
            match value.as_deref() {
                None => {}
                Some("json") => self.output = Format::Json,
                Some("text") => self.output = Format::Text,
                Some(other) => return Err(Failure::usage(format!("{flag} is text or json, not `{other}`"))),
            }
        }
        Ok(())
    }
}

fn of_script(script: Script, step: &str, flags: &[String]) -> Result<(Script, Explained)> {
    let filling = filling(&script, flags)?;
    let hint = format!("meshwright show {} lists its steps", script.name);
    let step = explain(&script.steps(), step, &filling).map_err(|failure| failure.hint(hint))?;
    Ok((script, step))
}

/// The step of the shipped script that has it; main scripts first.
fn explained_anywhere(step: &str, flags: &[String]) -> Result<(Script, Explained)> {
    if let Ok(script) = find(step) {
        let names: Vec<String> = script.steps().into_iter().map(|step| step.name).collect();
        return Err(Failure::usage(format!("which step of {}?", script.name)).hint(names.join(" · ")));
    }
    let mains = Script::all();
    let tasks = mains.iter().flat_map(|main| main.tasks().into_iter().map(|task| format!("{}/{task}", main.name)));
    let tasks = tasks.filter_map(|name| find(&name).ok()).collect::<Vec<_>>();
    let mut first = None;
    for script in mains.into_iter().chain(tasks) {
        match position(&script.steps(), step) {
            Ok(_) => return of_script(script, step, flags),
            // The hint of the first script, which is the most likely one.
            Err(failure) => drop(first.get_or_insert(failure)),
        }
    }
    Err(first.unwrap_or_else(|| Failure::internal("there are no scripts")))
}

/// What the flags of `run` put into the command lines; none must be given.
fn filling(script: &Script, flags: &[String]) -> Result<Filling> {
    let (header, mut flags) = (script.header()?, flags.to_vec());
    let file = super::words::take_value(&mut flags, "--params").map_err(Failure::usage)?;
    let given = Given::from_args(&header, &flags);
    let given = match file {
        Some(file) => given.with_file(file.as_ref())?,
        None => given,
    };
    let hint = "parameters are given as for `run`: --primary east --remote west";
    Ok(Filling::new(&Values::check_given(&header, &given).map_err(|failure| failure.hint(hint))?))
}

fn shown(script: &Script, step: &Explained, style: Style) -> String {
    let width = terminal_width().saturating_sub(2);
    let bold = |text: &str| if style.colour_out { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() };
    let mut text = format!("{}\n", bold(&step.name));
    if let Some(guide) = &step.guide {
        text += &format!("  in the guide: {guide}\n");
    }
    text += &format!(
        "  here: step {} of {}, {}:{}\n",
        step.number.0,
        step.number.1,
        step.file.as_ref().unwrap_or(&script.source),
        step.line
    );
    for part in &step.parts {
        match part {
            Part::Prose(prose) => text += &format!("\n{}", indented(&wrapped(prose, width))),
            Part::Commands(lines) => text += &format!("\n{}", indented(&indented(&lines.join("\n")))),
        }
    }
    text
}

fn json(script: &Script, step: &Explained) -> String {
    let value = serde_json::json!({
        "script": script.name, "step": step.name, "number": step.number.0, "of": step.number.1,
        "source": step.file.as_ref().unwrap_or(&script.source), "line": step.line, "guide": step.guide, "doc": step.prose(),
        "commands": step.commands(),
    });
    serde_json::to_string_pretty(&value).unwrap_or_default()
}
