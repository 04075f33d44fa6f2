//! `:help` and all other commands: THE LIST. Each entry drives what is run, completed and explained.

mod scripts;
mod session;

use super::{Output, Repl};
use crate::doc::{indented, wrapped};
use crate::engine::nearest;
use crate::failure::{Failure, Result};

/// One command.
pub struct Command {
    /// Its name, without the colon.
    pub name: &'static str,
    /// What may stand behind it.
    pub args: &'static str,
    /// What it does, in a line.
    pub doc: &'static str,
    /// What its argument is, for completion.
    pub takes: Takes,
    run: fn(&mut Repl, &str) -> Result<Output>,
}

/// What a command's argument is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// Nothing that could be completed.
    Nothing,
    /// A command.
    Command,
    /// The context of a cluster.
    Context,
    /// A namespace of the current cluster.
    Namespace,
    /// A step of the open script.
    Step,
    /// A script of the bundle or a file.
    Script,
    /// A file.
    File,
    /// Anything that `x?` explains.
    Name,
}

impl Command {
    /// How it is called, and below that what it does.
    pub(super) fn page(&self, width: usize) -> String {
        let usage = format!(":{} {}", self.name, self.args);
        format!("{}\n{}", usage.trim_end(), indented(&wrapped(self.doc, width.saturating_sub(2))))
    }
}

/// All commands, in the order of `:help`.
pub const ALL: &[Command] = &[
    command("help", "[COMMAND]", "What there is to type", Takes::Command, session::help),
    command("clusters", "", "The clusters there are", Takes::Nothing, session::clusters),
    command(
        "use",
        "CONTEXT",
        "Work with this cluster: it becomes the variable `cluster`",
        Takes::Context,
        session::use_cluster,
    ),
    command(
        "ns",
        "[NAMESPACE]",
        "The namespace that completion offers first; without one, all namespaces",
        Takes::Namespace,
        session::namespace,
    ),
    command(
        "write",
        "[CONTEXT]",
        "Let this session change things from now on; one that looks like production is named",
        Takes::Context,
        session::write,
    ),
    command("read-only", "", "Change nothing from now on", Takes::Nothing, session::read_only),
    command(
        "load",
        "NAME [--PARAMETER VALUE …]",
        "Open a script with its steps; one without steps is run",
        Takes::Script,
        scripts::load,
    ),
    command(
        "fork",
        "NAME [FOLDER] [--PARAMETER VALUE …]",
        "Copy a script into a folder of yours and open the copy",
        Takes::Script,
        scripts::fork,
    ),
    command("steps", "", "The steps of the open script, and which were run", Takes::Nothing, scripts::steps),
    command("next", "", "Run the open script's next step", Takes::Nothing, scripts::next),
    command(
        "run",
        "[STEP]",
        "Run up to a step, by number or name; one that was run, again; without one, to the end",
        Takes::Step,
        scripts::run,
    ),
    command("skip", "", "Pass over the open script's next step", Takes::Nothing, scripts::skip),
    command(
        "edit",
        "[FILE]",
        "Edit the open script and reload it, or the last input and run it",
        Takes::File,
        scripts::edit,
    ),
    command(
        "reload",
        "",
        "Read the open script again and go on without starting over",
        Takes::Nothing,
        scripts::reload,
    ),
    command("doc", "NAME", "What a name means; `NAME?` is the same", Takes::Name, session::doc),
    command("vars", "", "The variables there are", Takes::Nothing, session::vars),
    command(
        "save",
        "FILE [N-M]",
        "Write the inputs that went well to a file, as they were typed",
        Takes::File,
        scripts::save,
    ),
    command(
        "export",
        "FILE",
        "Write a script that does what this session did, clusters as parameters",
        Takes::File,
        scripts::export,
    ),
    command("more", "", "Show more of the last output", Takes::Nothing, session::more),
    command(
        "time",
        "[EXPRESSION]",
        "How long an expression takes; without one, switch it on or off",
        Takes::Nothing,
        session::time,
    ),
    command("quit", "", "Leave (Ctrl-D)", Takes::Nothing, session::quit),
];

const fn command(
    name: &'static str,
    args: &'static str,
    doc: &'static str,
    takes: Takes,
    run: fn(&mut Repl, &str) -> Result<Output>,
) -> Command {
    Command { name, args, doc, takes, run }
}

/// Runs the command in a line, its colon taken off.
pub fn run(repl: &mut Repl, line: &str) -> Result<Output> {
    let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    (find(name)?.run)(repl, rest.trim())
}

/// The command with this name; what begins like one command only is that command.
pub fn find(name: &str) -> Result<&'static Command> {
    if let Some(command) = ALL.iter().find(|command| command.name == name) {
        return Ok(command);
    }
    let mut begun = ALL.iter().filter(|command| !name.is_empty() && command.name.starts_with(name));
    if let (Some(command), None) = (begun.next(), begun.next()) {
        return Ok(command);
    }
    let failure = Failure::usage(format!("there is no command `:{name}`"));
    let begun = ALL.iter().filter(|command| !name.is_empty() && command.name.starts_with(name));
    let begun: Vec<String> = begun.map(|command| format!("`:{}`", command.name)).collect();
    if !begun.is_empty() {
        return Err(failure.hint(format!("there are {}", begun.join(", "))));
    }
    Err(match nearest(name, ALL.iter().map(|command| command.name)) {
        Some(meant) => failure.hint(format!("did you mean `:{meant}`?")),
        None => failure.hint("`:help` lists the commands"),
    })
}
