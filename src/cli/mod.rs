//! The command line: the only place that knows clap and the exit codes.

mod approve;
mod check;
mod completions;
mod definitions;
mod doc;
mod eval;
mod exit;
mod explain;
mod fork;
mod format;
mod list;
mod outcome;
mod rehearse;
mod repl;
mod resume;
mod run;
mod runs;
mod runs_table;
mod script_args;
mod serve;
mod show;
mod test;
mod test_json;
mod test_junit;
mod test_watch;
mod undo;
mod words;

use crate::failure::{Failure, Result};
use crate::run::screen::Style;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::io::IsTerminal as _;
use std::process::ExitCode;

const ABOUT: &str = "One Istio mesh over several Kubernetes clusters, by scripts you can rehearse, run, read and fork.";

const EXAMPLES: &str = "\
Examples:
  meshwright rehearse shared-gateways                          the whole guide, no cluster needed
  meshwright run shared-gateways --primary east --remote west  for real
  meshwright run shared-gateways --help                        its parameters
  meshwright show shared-gateways                              its steps, and the commands each stands for
  meshwright fork shared-gateways mine                         a copy that is yours";

/// The program's arguments.
#[derive(Parser)]
#[command(name = "meshwright", version, about = ABOUT, after_help = EXAMPLES, subcommand_required = true, arg_required_else_help = true)]
struct Cli {
    #[command(flatten)]
    talk: Talk,
    #[command(subcommand)]
    command: Command,
}

/// How much the program says, and how.
#[derive(Args)]
struct Talk {
    /// Show every request that is sent
    #[arg(short, long, global = true)]
    verbose: bool,
    /// Show failures only
    #[arg(short, long, global = true)]
    quiet: bool,
    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: When,
}

#[derive(Clone, Copy, ValueEnum)]
enum When {
    Auto,
    Always,
    Never,
}

#[derive(Subcommand)]
enum Command {
    /// Carry a script out on clusters that exist in memory only
    Rehearse(rehearse::Rehearse),
    /// Carry a script out on real clusters
    Run(run::Run),
    /// List the scripts that come with meshwright
    List(list::List),
    /// Show a script's steps, and the commands each stands for
    Show(show::Show),
    /// Run the tests of scripts and modules, on clusters in memory
    Test(test::Test),
    /// What a script can call, with signature, options and an example
    Doc(doc::Doc),
    /// What a step does, and the kubectl and istioctl lines it stands for
    Explain(explain::Explain),
    /// Write definition files for editors
    Definitions(definitions::Definitions),
    /// What bash, zsh or fish need to complete commands, scripts, parameters, steps and contexts
    Completions(completions::Completions),
    #[command(hide = true)]
    Complete(completions::Complete),
    /// Evaluate an expression on real clusters (or, with --rehearse, on two in memory)
    Eval(eval::Eval),
    /// Say what is wrong with scripts, without running them
    Check(check::Check),
    /// Copy a script into a folder of yours; see and merge what its origin has changed since
    Fork(fork::Fork),
    /// List what has been run
    Runs(runs::Runs),
    /// Show what a run changed, by which script line, and how long it waited
    ShowRun(runs::ShowRun),
    /// Go on with a run that did not come to its end
    Resume(resume::Resume),
    /// Take a run back
    Undo(undo::Undo),
    /// A prompt: scripts a line at a time, on real clusters or, with --rehearse, in memory
    Repl(repl::Repl),
}

/// Runs the program with this process's arguments.
pub fn main() -> ExitCode {
    hush_panics();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return ExitCode::from(misused(&error)),
    };
    trace(cli.talk.verbose);
    let style = cli.talk.style();
    let outcome = match cli.command {
        Command::Check(command) => match command.go(style) {
            Ok(code) => return ExitCode::from(code),
            Err(failure) => Err(failure),
        },
        Command::Fork(command) => match command.go() {
            Ok(code) => return ExitCode::from(code),
            Err(failure) => Err(failure),
        },
        Command::Rehearse(command) => return ExitCode::from(command.go(style).unwrap_or_else(|e| report(&e, style))),
        Command::Run(command) => command.go(style),
        Command::List(command) => command.go(),
        Command::Show(command) => command.go(style),
        Command::Test(command) => command.go(style),
        Command::Doc(command) => command.go(style),
        Command::Explain(command) => command.go(style),
        Command::Definitions(command) => command.go(),
        Command::Completions(command) => command.go(),
        Command::Complete(command) => command.go(),
        Command::Eval(command) => command.go(style),
        Command::Runs(command) => command.go(),
        Command::ShowRun(command) => command.go(),
        Command::Resume(command) => command.go(style),
        Command::Undo(command) => command.go(style),
        Command::Repl(command) => command.go(style),
    };
    match outcome {
        Ok(()) => ExitCode::from(exit::DONE),
        Err(failure) => ExitCode::from(report(&failure, style)),
    }
}

/// From now on panics, which are defects of meshwright, are told without secrets: their words may hold anything.
pub fn hush_panics() {
    std::panic::set_hook(Box::new(|panic| crate::plain::tell(&crate::plain::text(&panic.to_string()))));
}

/// Shows help that was asked for, or what is wrong with the command line; returns the exit code.
fn misused(error: &clap::Error) -> u8 {
    use clap::error::ErrorKind;
    let verb = std::env::args_os().nth(1).and_then(|verb| verb.into_string().ok());
    let verb = verb.filter(|verb| matches!(verb.as_str(), "rehearse" | "run"));
    let flag = error.get(clap::error::ContextKind::InvalidArg);
    if let (ErrorKind::UnknownArgument, Some(verb), Some(flag)) = (error.kind(), &verb, flag) {
        crate::plain::tell(&format!("  × {flag} stands before the script's name"));
        crate::plain::tell(&format!("  hint: parameters stand behind it: meshwright {verb} NAME {flag} …"));
        return exit::USAGE;
    }
    let _ = error.print();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => exit::DONE,
        ErrorKind::MissingRequiredArgument if verb.is_some() => {
            crate::plain::tell("\nThe scripts: meshwright list");
            exit::USAGE
        }
        _ => exit::USAGE,
    }
}

/// Prints the help of a command of this program.
fn print_help_of(command: &str) -> Result<()> {
    let mut cli = <Cli as clap::CommandFactory>::command();
    cli.build();
    match cli.find_subcommand_mut(command) {
        Some(command) => print(&command.render_long_help().to_string()),
        None => Ok(()),
    }
}

/// Shows a failure now; what is left of it is its exit code.
fn told(failure: &Failure, style: Style) -> Failure {
    report(failure, style);
    Failure::new(failure.kind, "")
}

/// Shows a failure, unless it is told already, and says which exit code it deserves.
fn report(failure: &Failure, style: Style) -> u8 {
    if failure.message.is_empty() {
        return exit::code(failure);
    }
    let text = crate::engine::report::render(failure, &text_of, crate::engine::report::Look::for_stderr(style.colour));
    let clean = crate::secret::Redactor::global().scrub(&text);
    crate::plain::tell(clean.trim_end());
    exit::code(failure)
}

/// The text of a source, for the excerpt: a script's, or the expression given to `eval`.
fn text_of(source: &str) -> Option<String> {
    let expression = || (source == "expression").then(eval::expression).flatten();
    crate::script::source_text(source).or_else(expression)
}

fn trace(verbose: bool) {
    if !verbose {
        return;
    }
    let subscriber = tracing_subscriber::fmt()
        .with_writer(Scrubbed)
        .without_time()
        .with_target(false)
        .with_level(false)
        .with_ansi(false);
    // Only our own requests: kube's client logs bodies when it cannot decode them.
    let filter = tracing_subscriber::filter::Targets::new().with_target("meshwright", tracing::Level::DEBUG);
    use tracing_subscriber::layer::SubscriberExt as _;
    use tracing_subscriber::util::SubscriberInitExt as _;
    let _ = subscriber.with_max_level(tracing::Level::DEBUG).finish().with(filter).try_init();
}

/// Stderr behind the redactor.
#[derive(Clone, Copy)]
struct Scrubbed;

impl std::io::Write for Scrubbed {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        let _ = std::io::stderr().write_all(crate::secret::Redactor::global().scrub(&text).as_bytes());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl tracing_subscriber::fmt::MakeWriter<'_> for Scrubbed {
    type Writer = Scrubbed;

    fn make_writer(&self) -> Scrubbed {
        *self
    }
}

impl Talk {
    fn style(&self) -> Style {
        let able = std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty());
        let terminal = std::io::stderr().is_terminal() && able;
        let colour = self.color.holds(terminal && wanted);
        let colour_out = self.color.holds(std::io::stdout().is_terminal() && able && wanted);
        Style { colour, colour_out, live: terminal && !self.verbose, quiet: self.quiet, mute: false }
    }
}

impl When {
    /// Whether there are colours where a terminal would want them or not.
    fn holds(self, automatic: bool) -> bool {
        match self {
            When::Always => true,
            When::Never => false,
            When::Auto => automatic,
        }
    }
}

/// Writes data to stdout; a reader that has gone away is no failure.
fn print(text: &str) -> Result<()> {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{}", crate::secret::Redactor::global().scrub(text.trim_end())) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::internal(format!("cannot write: {e}"))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_go_where_they_are_wanted_by_flag_or_by_the_stream_itself() {
        let holds = |when: When| [when.holds(true), when.holds(false)];
        assert_eq!(
            (holds(When::Always), holds(When::Never), holds(When::Auto)),
            ([true; 2], [false; 2], [true, false])
        );
    }
}
