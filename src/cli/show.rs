//! `show`: a script's steps, and the commands each stands for.

use super::script_args::find;
use crate::failure::Result;
use crate::run::screen::Style;
use clap::Args;

/// Arguments of `show`.
#[derive(Args)]
pub struct Show {
    /// The script: a bundled one or a .rhai file
    name: String,
    /// Print the script itself
    #[arg(long)]
    source: bool,
}

impl Show {
    /// Carries the command out.
    pub fn go(self, style: Style) -> Result<()> {
        let script = find(&self.name)?;
        let header = script.header()?;
        if self.source {
            return super::print(&script.text);
        }
        let bold = |text: &str| if style.colour_out { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() };
        let mut out = format!("{}\n\n{}\n", bold(&header.title), header.description);
        for (number, step) in script.steps().iter().enumerate() {
            out += &format!("\n{}\n", bold(&format!("{}. {}", number + 1, step.name)));
            step.doc.lines().for_each(|line| out += &format!("   {line}\n"));
            step.file.iter().for_each(|file| out += &format!("   In {file}, in place of the shipped step.\n"));
        }
        let tasks = script.tasks();
        if !tasks.is_empty() {
            out += &format!("\nBeside it: {}\n", tasks.join(", "));
        }
        super::print(&out)
    }
}
