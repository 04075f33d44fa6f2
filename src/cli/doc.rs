//! `doc`: what a script can call.

use super::format::Format;
use crate::doc::{self, Found, PLACES, TOPICS, brief, entries, first_sentence, full};
use crate::failure::Result;
use crate::run::screen::Style;
use clap::Args;
use serde_json::{Value, json};

/// Arguments of `doc`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Doc {
    /// A name: `kube`, `kube.cluster`, `apply`, `step`, a module such as `std:istio/gateway`, or `header`, `params`,
    /// `needs`, `steps`; all when left out
    name: Option<String>,
    /// How to print it
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    output: Format,
}

const EXAMPLES: &str = "\
Examples:
  meshwright doc                             everything, a line each
  meshwright doc wait.ready                  one function
  meshwright doc Cluster                     what is called on a cluster
  meshwright doc header                      how a script begins: title, parameters, rights
  meshwright doc std:istio/networks          a module of the library
  meshwright doc istio/networks::enter       one of its functions";

impl Doc {
    /// Carries the command out.
    pub fn go(self, style: Style) -> Result<()> {
        let width = super::script_args::terminal_width();
        let found = self.name.as_deref().map(doc::find).transpose()?;
        if self.output == Format::Json {
            let value = found.map_or_else(everything_json, |found| json_of(&found));
            return super::print(&serde_json::to_string_pretty(&value).unwrap_or_default());
        }
        let text = found.map_or_else(|| everything(width), |found| text_of(&found, width));
        super::print(&if style.colour_out { painted(&text) } else { text })
    }
}

fn text_of(found: &Found, width: usize) -> String {
    match found {
        Found::Entries(entries) => entries.iter().map(|entry| full(entry, width)).collect::<Vec<_>>().join("\n"),
        Found::Place(place, about, entries) => {
            let all: String = entries.iter().map(|entry| brief(entry, width)).collect();
            format!("{place}: {about}\n\n{all}")
        }
        Found::Module(module) => module.page(width),
        Found::Topic(topic) => topic.page(width),
        Found::Function(module, function) => module.function_page(function, width),
    }
}

/// Everything, a line each: the name, and as much of its first sentence as fits.
fn everything(width: usize) -> String {
    let column = entries().map(|entry| entry.label().chars().count()).max().unwrap_or_default() + 4;
    let row = |name: &str, about: &str| {
        let room = width.saturating_sub(column).max(20);
        format!("  {name:<column$}{}\n", crate::plain::line(about, room.saturating_sub(3)), column = column - 2)
    };
    let mut text = String::new();
    for (place, about) in PLACES {
        let title = if place.is_empty() { about.to_string() } else { format!("{place}: {about}") };
        text += &format!("{title}\n");
        entries().filter(|e| e.place == *place).for_each(|e| text += &row(&e.label(), first_sentence(e.doc)));
        text.push('\n');
    }
    text += "modules to import\n";
    for module in doc::Module::all() {
        text += &row(&format!("std:{}", module.name), first_sentence(&module.doc.replace('\n', " ")));
    }
    text += "\nhow a script begins\n";
    TOPICS.iter().for_each(|topic| text += &row(topic.name, topic.about));
    text + "\nmeshwright doc NAME tells more about one.\n"
}

fn json_of(found: &Found) -> Value {
    match found {
        Found::Entries(entries) | Found::Place(_, _, entries) => entries.iter().map(doc::Entry::json).collect(),
        Found::Module(module) => module.json(),
        Found::Topic(topic) => topic.json(),
        Found::Function(module, f) => {
            json!({"module": format!("std:{}", module.name), "name": f.name, "params": f.params, "doc": f.doc})
        }
    }
}

fn everything_json() -> Value {
    let modules: Vec<Value> = doc::Module::all().iter().map(doc::Module::json).collect();
    let pages: Vec<Value> = TOPICS.iter().map(doc::Topic::json).collect();
    json!({"functions": entries().map(|entry| entry.json()).collect::<Vec<_>>(), "modules": modules, "pages": pages})
}

/// What stands at the left edge is bold: signatures and titles.
fn painted(text: &str) -> String {
    let line = |line: &str| match line.starts_with(|c: char| !c.is_whitespace()) {
        true => format!("\x1b[1m{line}\x1b[0m\n"),
        false => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}
