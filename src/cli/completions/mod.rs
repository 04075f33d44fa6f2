//! `completions`: what a shell is told to complete this program's command lines with, and what it then asks.

mod candidates;
mod line;

use crate::failure::Result;
use candidates::{Candidate, candidates};
use clap::{Args, ValueEnum};

/// Arguments of `completions`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Completions {
    /// The shell
    shell: Shell,
}

const EXAMPLES: &str = "\
Examples:
  source <(meshwright completions bash)                                        in ~/.bashrc
  source <(meshwright completions zsh)                                         in ~/.zshrc, behind compinit
  meshwright completions fish > ~/.config/fish/completions/meshwright.fish";

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// What the shells' scripts ask.
#[derive(Args)]
pub struct Complete {
    shell: Shell,
    /// For bash the line up to the cursor, else the words of it, the one under the cursor last
    #[arg(allow_hyphen_values = true, trailing_var_arg = true)]
    words: Vec<String>,
}

impl Completions {
    /// Carries the command out.
    pub fn go(self) -> Result<()> {
        super::print(match self.shell {
            Shell::Bash => include_str!("bash.sh"),
            Shell::Zsh => include_str!("zsh.sh"),
            Shell::Fish => include_str!("fish.fish"),
        })
    }
}

impl Complete {
    /// Prints what fits, a line each; a last line `:files` says that names of files fit too.
    pub fn go(self) -> Result<()> {
        let (words, typed) = match self.shell {
            Shell::Bash => line::split(&self.words.concat()),
            _ => (line::unquoted(&self.words), line::Typed::default()),
        };
        let found = candidates(&words);
        let shown = |one: &Candidate| match self.shell {
            Shell::Bash => typed.rest_of(&one.text),
            _ => format!("{}\t{}", one.text, one.about),
        };
        let mut lines: Vec<String> = found.fitting.iter().map(shown).collect();
        lines.extend(found.files.then(|| ":files".to_owned()));
        if lines.is_empty() { Ok(()) } else { super::print(&lines.join("\n")) }
    }
}
