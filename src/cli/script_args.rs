//! `NAME [PARAMETERS]`: a script and its parameters, with help made from its header.

use super::print;
use crate::failure::{Failure, Result};
use crate::run::screen::Style;
use crate::run::{Job, Session};
use crate::script::{Header, Param, Script};
use clap::Args;

/// A script and its parameters.
#[derive(Args)]
pub struct ScriptArgs {
    /// The script: a bundled one (`shared-gateways`, `shared-gateways/cleanup`) or a .rhai file
    #[arg(value_name = "NAME")]
    name: String,
    /// Its parameters; `meshwright run NAME --help` lists them
    #[arg(value_name = "PARAMETERS", trailing_var_arg = true, allow_hyphen_values = true)]
    parameters: Vec<String>,
}

/// The parameters that every script takes from the program itself.
pub struct Asked {
    /// What is to be run.
    pub job: Job,
    /// The kubeconfig given with `--kubeconfig`.
    pub kubeconfig: Option<std::path::PathBuf>,
    /// Whether `--serve` was among the parameters.
    pub serve: bool,
}

impl ScriptArgs {
    /// The job, or `None` when help was asked for and has been printed. `fill` gives parameters that the command knows
    /// better than the header.
    pub fn job(&self, verb: &str, style: Style, fill: impl Fn(&Param) -> Option<String>) -> Result<Option<Asked>> {
        let script = Script::find(&self.name)?;
        if self.parameters.iter().any(|word| word == "--help" || word == "-h") {
            print(&help(verb, &script))?;
            return Ok(None);
        }
        let mut words = self.parameters.clone();
        let style = Style { quiet: style.quiet || take_flag(&mut words, "--quiet") || take_flag(&mut words, "-q"), ..style };
        let serve = verb == "rehearse" && take_flag(&mut words, "--serve");
        let stop_after = take_value(&mut words, "--stop-after")?;
        check_step(&script, stop_after.as_deref())?;
        let kubeconfig = if verb == "run" { take_value(&mut words, "--kubeconfig")?.map(Into::into) } else { None };
        for param in &script.header.params {
            if let Some(value) = fill(param).filter(|_| !is_given(&words, param)) {
                words.extend([param.flag(), value]);
            }
        }
        let params = script.header.read(&words)?;
        Ok(Some(Asked { job: Job { script, params, style, stop_after }, kubeconfig, serve }))
    }
}

fn is_given(words: &[String], param: &Param) -> bool {
    let flag = param.flag();
    words.iter().any(|word| *word == flag || word.starts_with(&format!("{flag}=")))
}

/// Takes a flag without a value out of the words.
fn take_flag(words: &mut Vec<String>, flag: &str) -> bool {
    let before = words.len();
    words.retain(|word| word != flag);
    words.len() < before
}

/// Takes a flag and its value out of the words.
fn take_value(words: &mut Vec<String>, flag: &str) -> Result<Option<String>> {
    let joined = format!("{flag}=");
    let Some(at) = words.iter().position(|word| word == flag || word.starts_with(&joined)) else { return Ok(None) };
    let word = words.remove(at);
    if let Some(value) = word.strip_prefix(&joined) {
        return Ok(Some(value.to_owned()));
    }
    match at < words.len() {
        true => Ok(Some(words.remove(at))),
        false => Err(Failure::usage(format!("{flag} needs a value"))),
    }
}

fn check_step(script: &Script, wanted: Option<&str>) -> Result<()> {
    let Some(wanted) = wanted else { return Ok(()) };
    let names: Vec<String> = script.steps().into_iter().map(|step| step.name).collect();
    if names.iter().any(|name| name == wanted) {
        return Ok(());
    }
    let mut failure = Failure::usage(format!("{} has no step `{wanted}`", script.name));
    failure.details = names;
    Err(failure.hint("--stop-after takes the whole name of a step"))
}

/// The help of a script, from its header.
fn help(verb: &str, script: &Script) -> String {
    let header: &Header = &script.header;
    let mut command = clap::Command::new(format!("meshwright {verb} {}", script.name))
        .about(header.title.clone())
        .long_about(format!("{}\n\n{}", header.title, header.description))
        .disable_help_flag(true);
    for param in &header.params {
        let required = param.required && verb == "run";
        let text = param.help_text();
        let arg = clap::Arg::new(param.name.clone()).long(param.flag_name()).value_name(param.value_name()).help(text);
        command = command.arg(arg.required(required).action(clap::ArgAction::Append));
    }
    command = command.args(program_args(verb)).arg(clap::arg!(-h --help "Print this help"));
    let width = 110;
    command.term_width(width).max_term_width(width).render_long_help().to_string()
}

fn program_args(verb: &str) -> Vec<clap::Arg> {
    let stop = clap::Arg::new("stop-after").long("stop-after").value_name("STEP").help("Stop after this step");
    let own = match verb {
        "run" => clap::Arg::new("kubeconfig").long("kubeconfig").value_name("FILE").help("The kubeconfig to use"),
        _ => clap::Arg::new("serve")
            .long("serve")
            .action(clap::ArgAction::SetTrue)
            .help("Keep the rehearsed clusters up on loopback, with a kubeconfig, until Ctrl-C"),
    };
    vec![stop.help_heading("Options of meshwright"), own.help_heading("Options of meshwright")]
}

/// Runs a job in a session and says where the journal is when it did not go well.
pub fn finish(session: &Session, job: &Job) -> Result<()> {
    let outcome = session.run(job);
    if outcome.is_err()
        && let Some(journal) = session.journal()
    {
        session.screen().line(&format!("  what was sent is written down in {}", journal.display()));
    }
    outcome
}
