//! `list`: the scripts in the bundle.

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
        let scripts = Script::all()?;
        let rows = || scripts.iter().map(|script| serde_json::json!({"name": script.name, "title": script.header.title}));
        match self.output {
            Format::Json => super::print(&serde_json::to_string_pretty(&rows().collect::<Vec<_>>()).unwrap_or_default()),
            Format::Yaml => {
                let rows: Vec<_> = rows().collect();
                super::print(&crate::object::yaml::emit(&crate::object::Node::from(&serde_json::Value::Array(rows))))
            }
            Format::Table => {
                let mut table = Table::new();
                table.load_preset(presets::NOTHING).set_header(["NAME", "WHAT IT DOES"]);
                for script in &scripts {
                    table.add_row([script.name.as_str(), script.header.title.as_str()]);
                }
                super::print(&trimmed(&table.to_string()))
            }
        }
    }
}

/// The table without the blanks that it puts at the ends of lines.
fn trimmed(text: &str) -> String {
    text.lines().map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end()).collect::<Vec<_>>().join("\n")
}
