//! `list`: the scripts in the bundle.

use super::script_args::find;
use crate::failure::Result;
use crate::script::Script;
use clap::{Args, ValueEnum};
use comfy_table::{Table, presets};

/// Arguments of `list`.
#[derive(Args)]
pub struct List {
    /// How to print it
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Table,
    Json,
    Yaml,
}

impl List {
    /// Carries the command out.
    pub fn go(self) -> Result<()> {
        let scripts = rows()?;
        let rows = || scripts.iter().map(|(name, title)| serde_json::json!({"name": name, "title": title}));
        match self.output {
            Format::Json => {
                super::print(&serde_json::to_string_pretty(&rows().collect::<Vec<_>>()).unwrap_or_default())
            }
            Format::Yaml => {
                let rows: Vec<_> = rows().collect();
                super::print(&crate::object::yaml::emit(&crate::object::Node::from(&serde_json::Value::Array(rows))))
            }
            Format::Table => {
                let mut table = Table::new();
                table.load_style(presets::NOTHING).set_header(["NAME", "WHAT IT DOES"]);
                for (name, title) in &scripts {
                    table.add_row([name, title]);
                }
                super::print(&trimmed(&table.to_string()))
            }
        }
    }
}

/// Every script and task with its title.
fn rows() -> Result<Vec<(String, String)>> {
    let mut rows = Vec::new();
    for main in Script::all() {
        rows.push((main.name.clone(), main.header()?.title));
        for task in main.tasks() {
            let name = format!("{}/{task}", main.name);
            rows.push((name.clone(), find(&name)?.header()?.title));
        }
    }
    Ok(rows)
}

/// The table without the blanks that it puts at the ends of lines.
fn trimmed(text: &str) -> String {
    text.lines().map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end()).collect::<Vec<_>>().join("\n")
}
