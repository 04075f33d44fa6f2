//! `show`: a script's steps, and the commands each stands for.

use super::format::Format;
use super::script_args::find;
use crate::failure::Result;
use crate::object::{Node, Object};
use crate::run::screen::Style;
use crate::script::explained::Filling;
use crate::script::{Given, Header, Param, Script, Step, Values};
use clap::Args;
use serde_json::{Value, json};

/// Arguments of `show`.
#[derive(Args)]
pub struct Show {
    /// The script: a bundled one or a .rhai file
    name: String,
    /// Print the script itself
    #[arg(long, conflicts_with = "output")]
    source: bool,
    /// How to print it
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    output: Format,
}

impl Show {
    /// Carries the command out.
    pub fn go(self, style: Style) -> Result<()> {
        let script = find(&self.name)?;
        let header = script.header()?;
        match self.output {
            _ if self.source => super::print(&script.text),
            Format::Json => super::print(&json(&script, &header)),
            Format::Text => super::print(&text(&script, &header, style)),
        }
    }
}

/// The script's steps, the command lines of their comments filled in with the defaults of its parameters.
fn steps(script: &Script, header: &Header) -> Vec<Step> {
    let mut steps = script.steps();
    if let Ok(values) = Values::check_given(header, &Given::default()) {
        let filling = Filling::new(&values);
        steps.iter_mut().for_each(|step| step.doc = filling.told(&step.doc));
    }
    steps
}

/// The tasks in the script's folder, itself left out.
fn tasks_beside(script: &Script) -> Vec<String> {
    let mut tasks = script.tasks();
    let own = script.source.rsplit('/').next().and_then(|file| file.strip_suffix(".rhai"));
    tasks.retain(|task| own != Some(task));
    tasks
}

fn text(script: &Script, header: &Header, style: Style) -> String {
    let bold = |text: &str| if style.colour_out { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() };
    let mut out = format!("{}\n\n{}\n", bold(&header.title), header.description);
    for (number, step) in steps(script, header).iter().enumerate() {
        out += &format!("\n{}\n", bold(&format!("{}. {}", number + 1, step.name)));
        step.doc.lines().for_each(|line| out += &format!("   {line}\n"));
        step.file.iter().for_each(|file| out += &format!("   In {file}, in place of the shipped step.\n"));
    }
    let tasks = tasks_beside(script);
    if !tasks.is_empty() {
        out += &format!("\nBeside it: {}\n", tasks.join(", "));
    }
    out
}

fn json(script: &Script, header: &Header) -> String {
    let steps = steps(script, header);
    let steps = steps.iter().enumerate().map(|(at, step)| of_step(script, at + 1, step));
    let value = json!({
        "name": script.name, "source": script.source, "title": header.title, "description": header.description,
        "guide": header.guide, "params": header.params.iter().map(of_param).collect::<Vec<_>>(),
        "needs": header.needs.lines(), "steps": steps.collect::<Vec<_>>(), "tasks": tasks_beside(script),
    });
    serde_json::to_string_pretty(&value).unwrap_or_default()
}

fn of_step(script: &Script, number: usize, step: &Step) -> Value {
    json!({
        "number": number, "name": step.name, "on": step.on, "doc": step.doc, "commands": step.commands(),
        "source": step.file.as_ref().unwrap_or(&script.source), "line": step.line,
    })
}

fn of_param(param: &Param) -> Value {
    let shown = |node: &Node| serde_json::from_str::<Value>(&Object::new(node.clone()).to_json()).unwrap_or_default();
    json!({
        "name": param.name, "flag": param.flag(), "type": param.kind.name(), "help": param.help,
        "default": param.default.as_ref().map(shown), "required": param.required, "one_of": param.one_of,
        "min": param.min, "pattern": param.pattern,
    })
}
