//! `NAME [PARAMETERS]`: a script and its parameters, with help made from its header.

use super::approve::Answers;
use super::print;
use super::words::{take_flag, take_short, take_value, take_values};
use crate::failure::{Failure, Kind as FailureKind, Result};
use crate::run::Job;
use crate::run::screen::Style;
use crate::script::{self, Amended, Given, Header, Kind, Param, Script, Values};
use clap::Args;
use std::collections::BTreeSet;

/// How other tools call a look ahead.
const PLANS: [&str; 3] = ["--dry-run", "--diff", "--plan"];

/// A script and its parameters.
#[derive(Args)]
pub struct ScriptArgs {
    /// The script: a bundled one (`shared-gateways`, `shared-gateways/cleanup`) or a .rhai file
    #[arg(value_name = "NAME", required_unless_present = "help", default_value = "", hide_default_value = true)]
    name: String,
    /// Print this help, or, behind a script's name, the script's own
    #[arg(short, long)]
    help: bool,
    /// Its parameters; `meshwright run NAME --help` lists them
    #[arg(value_name = "PARAMETERS", trailing_var_arg = true, allow_hyphen_values = true)]
    parameters: Vec<String>,
}

/// The parameters that every script takes from the program itself.
pub struct Asked {
    /// What is to be run.
    pub job: Job,
    /// In a rehearsal of a task: its main script, with the parameters that were given for it.
    pub before: Option<Job>,
    /// The kubeconfig given with `--kubeconfig`.
    pub kubeconfig: Option<std::path::PathBuf>,
    /// Whether `--serve` was among the parameters.
    pub serve: bool,
    /// Whether `--pause-on-failure` was among the parameters.
    pub pause: bool,
    /// What was answered beforehand.
    pub answers: Answers,
}

impl ScriptArgs {
    /// The job, or `None` when help was asked for and has been printed. `fill` gives parameters that the command knows
    /// better than the header.
    pub fn job(
        &self,
        verb: &str,
        style: Style,
        fill: impl Fn(&Param, &BTreeSet<String>) -> Option<String>,
    ) -> Result<Option<Asked>> {
        if self.name.is_empty() {
            super::print_help_of(verb)?;
            return Ok(None);
        }
        let script = find(&self.name)?;
        let mut header = script.header()?;
        let main = if verb == "rehearse" { script.main() } else { None };
        let main = main.map(|main| Ok::<_, Failure>((main.header()?, main))).transpose()?;
        let known = main.as_ref().map_or_else(|| header.clone(), |(main, _)| joined(&header, main));
        let mut words = self.parameters.clone();
        if self.help || take_flag(&mut words, "--help") || take_short(&mut words, "-h", &known) {
            print(&help(verb, &script, &header, main.as_ref().map(|(_, main)| main)))?;
            return Ok(None);
        }
        script::undeclared::check(&script.source, &script.text, &header)?;
        for (source, text) in script.step_files() {
            script::undeclared::check(&source, &text, &header)?;
        }
        let quiet = take_flag(&mut words, "--quiet") || take_short(&mut words, "-q", &known);
        let style = Style { quiet: style.quiet || quiet, ..style };
        let pause = take_flag(&mut words, "--pause-on-failure");
        if take_flag(&mut words, "--verbose") || take_short(&mut words, "-v", &known) {
            super::trace(true);
        }
        let mut problems = Vec::new();
        let mut value_of = |flag: &str| {
            take_value(&mut words, flag).unwrap_or_else(|problem| {
                problems.push(problem);
                None
            })
        };
        let (stop_after, file) = (value_of("--stop-after"), value_of("--params"));
        let (kubeconfig, record) = (value_of("--kubeconfig"), value_of("--record").map(std::path::PathBuf::from));
        let stop_after = step_meant(&script, stop_after.as_deref()).unwrap_or_else(|problem| {
            problems.push(problem);
            None
        });
        if verb != "run" && kubeconfig.is_some() {
            problems.push("--kubeconfig is for `run`: a rehearsal uses no real cluster".into());
        }
        let serve = take_flag(&mut words, "--serve");
        if verb != "rehearse" && serve {
            problems.push("--serve is for `rehearse`: real clusters are up already".into());
        }
        let (amended, mut answers) = (take_rights(&mut words)?, answers(verb, &mut words)?);
        let mut given = Given::from_args(&known, &words);
        given.problems.iter_mut().for_each(|problem| *problem += &task_meant(verb, &script, problem));
        given.problems.extend(problems);
        if let Some(file) = file {
            given = given.with_file(file.as_ref())?;
        }
        given.fill(&known, fill);
        let kubeconfig = kubeconfig.map(Into::into);
        let own = given.only(|name| header.param(name).is_some() || known.param(name).is_none());
        let values = Values::check(&header, &own).map_err(|failure| failure.hint(usage(verb, &script, &words)))?;
        let before = main.map(|(header, main)| before(main, header, &given, style)).transpose()?;
        header.needs = header.needs.with(&values);
        amended.change(&mut header.needs)?;
        answers.widened.clone_from(&amended.allow);
        let job = Job { stop_after, record, amended, ..Job::new(script, header, values, style) };
        Ok(Some(Asked { job, before, kubeconfig, serve, pause, answers }))
    }
}

/// The parameters of a task and those that only its main script has.
fn joined(task: &Header, main: &Header) -> Header {
    let others = main.params.iter().filter(|param| task.param(&param.name).is_none());
    Header { params: task.params.iter().chain(others).cloned().collect(), ..task.clone() }
}

/// The main script of a task, as it is rehearsed before the task.
fn before(script: Script, mut header: Header, given: &Given, style: Style) -> Result<Job> {
    let given = given.only(|name| header.param(name).is_some());
    let values = Values::check(&header, &given).map_err(|failure| failure.hint(usage("rehearse", &script, &[])))?;
    header.needs = header.needs.with(&values);
    Ok(Job::new(script, header, values, Style { quiet: true, live: false, mute: true, ..style }))
}

/// Takes the flags that change what a run may do out of the words.
///
/// # Errors
/// When one lacks its value.
pub fn take_rights(words: &mut Vec<String>) -> Result<Amended> {
    let read_only = take_flag(words, "--read-only");
    Ok(Amended { read_only, allow: take_values(words, "--allow")?, deny: take_values(words, "--deny")? })
}

/// What was answered beforehand: `--yes`, `--yes=CONTEXT`, `--confirm CONTEXT`.
///
/// # Errors
/// When a flag lacks its value.
pub fn answers(verb: &str, words: &mut Vec<String>) -> Result<Answers> {
    if verb != "run" {
        return Ok(Answers::default());
    }
    let mut confirmed = take_values(words, "--confirm")?;
    let named: Vec<String> = words.iter().filter_map(|word| word.strip_prefix("--yes=")).map(str::to_owned).collect();
    words.retain(|word| !word.starts_with("--yes="));
    let yes = take_flag(words, "--yes") || !named.is_empty();
    confirmed.extend(named);
    Ok(Answers { yes, confirmed, widened: Vec::new() })
}

/// The script with this name, seen from the folder the program was started in.
pub fn find(name: &str) -> Result<Script> {
    let found = script::find(name, &std::env::current_dir().unwrap_or_default());
    found.map_err(|failure| {
        if failure.kind == FailureKind::NotFound { Failure { kind: FailureKind::Usage, ..failure } } else { failure }
    })
}

fn usage(verb: &str, script: &Script, words: &[String]) -> String {
    let name = &script.name;
    let plan = match words.iter().any(|word| PLANS.contains(&word.as_str())) {
        true => format!("meshwright rehearse {name} shows what it would do, on clusters in memory; "),
        false => String::new(),
    };
    format!("{plan}meshwright {verb} {name} --help lists its parameters")
}

/// The command that somebody meant who has written a task behind the script's name.
fn task_meant(verb: &str, script: &Script, problem: &str) -> String {
    let task = script.tasks().into_iter().find(|task| problem.starts_with(&format!("`{task}` is not a flag")));
    task.map(|task| format!("; the task is `meshwright {verb} {}/{task}`", script.name)).unwrap_or_default()
}

/// The step to stop after: named by its name, a part of it, or its number.
///
/// # Errors
/// What is wrong with it.
pub fn step_meant(script: &Script, wanted: Option<&str>) -> Result<Option<String>, String> {
    let Some(wanted) = wanted else { return Ok(None) };
    let mut steps = script.steps();
    if steps.is_empty() {
        return Err(format!("--stop-after: {} has no steps", script.name));
    }
    let wrong = |failure: Failure| {
        let hint = failure.hint.map(|hint| format!("; {hint}")).unwrap_or_default();
        format!("--stop-after: in {} {}{hint}", script.name, failure.message)
    };
    let at = script::explained::position(&steps, wanted).map_err(wrong)?;
    Ok(Some(steps.swap_remove(at).name))
}

/// A script as a command, its parameters as flags.
pub fn command_of(verb: &str, script: &Script, header: &Header) -> clap::Command {
    let mut command = clap::Command::new(format!("meshwright {verb} {}", script.name))
        .bin_name(format!("meshwright {verb} {}", script.name))
        .about(header.title.clone())
        .long_about(format!("{}\n\n{}", header.title, header.description))
        .disable_help_flag(true);
    for param in &header.params {
        let arg = clap::Arg::new(param.name.clone())
            .long(param.name.replace('_', "-"))
            .value_name(value_name(param))
            .help(help_text(param))
            .required(param.required && verb == "run")
            .action(if param.kind.is_many() { clap::ArgAction::Append } else { clap::ArgAction::Set });
        let known = param.one_of.iter().filter(|value| !value.is_empty()).map(clap::builder::PossibleValue::new);
        let arg = if param.one_of.is_empty() { arg } else { arg.value_parser(known.collect::<Vec<_>>()) };
        command = command.arg(arg.hide_possible_values(true));
    }
    command.args(program_args(verb))
}

/// The help of a script, from its header.
fn help(verb: &str, script: &Script, header: &Header, main: Option<&Script>) -> String {
    let mut text = command_of(verb, script, header).term_width(terminal_width()).render_help().to_string();
    let lines = header.needs.lines();
    if !lines.is_empty() {
        text += &format!("\nIt may, beside reading:\n  {}\n", lines.join("\n  "));
    }
    if let Some(main) = main {
        text += &format!("\n{0} is rehearsed first, quietly; parameters of {0} are taken too.\n", main.name);
    }
    text
}

/// The width that help is wrapped to: the terminal's, or 100.
pub fn terminal_width() -> usize {
    let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    columns.unwrap_or(100).clamp(60, 140)
}

fn value_name(param: &Param) -> String {
    match param.kind {
        Kind::Cluster | Kind::Clusters => "CONTEXT".into(),
        _ => param.kind.name().trim_end_matches('s').to_uppercase(),
    }
}

/// What the parameter is for, what it may be, what it is when left out.
fn help_text(param: &Param) -> String {
    let mut text = param.help.clone();
    if !param.one_of.is_empty() {
        let known: Vec<&str> = param.one_of.iter().map(String::as_str).filter(|value| !value.is_empty()).collect();
        text += &format!(" [one of: {}]", known.join(", "));
    }
    let default = param.default.as_ref().map(crate::object::Node::to_wire).unwrap_or_default();
    match &default {
        serde_json::Value::String(default) if !default.is_empty() => text += &format!(" [default: {default}]"),
        serde_json::Value::Bool(_) | serde_json::Value::Number(_) => text += &format!(" [default: {default}]"),
        _ => {}
    }
    text
}

fn program_args(verb: &str) -> Vec<clap::Arg> {
    let params = clap::Arg::new("params")
        .long("params")
        .value_name("FILE")
        .help("Read parameters from a YAML file, - for stdin; flags win");
    let stop = clap::Arg::new("stop-after")
        .long("stop-after")
        .value_name("STEP")
        .help("Stop after this step: its name, a part of it, or its number");
    let pause = clap::Arg::new("pause-on-failure")
        .long("pause-on-failure")
        .action(clap::ArgAction::SetTrue)
        .help("When a step fails, open a prompt there: look, try again, skip, go on");
    let own = match verb {
        "run" => clap::Arg::new("kubeconfig").long("kubeconfig").value_name("FILE").help("The kubeconfig to use"),
        _ => clap::Arg::new("serve")
            .long("serve")
            .action(clap::ArgAction::SetTrue)
            .help("Keep the rehearsed clusters up on loopback, with a kubeconfig, until Ctrl-C"),
    };
    let help = clap::Arg::new("help").long("help").short('h').action(clap::ArgAction::HelpLong).help("Print this help");
    let record = clap::Arg::new("record")
        .long("record")
        .value_name("FILE")
        .help("Keep what is asked and answered, without secrets: `replay` in a test answers from it");
    let own = [params, stop, pause, record, own].into_iter().chain(rights_args(verb)).chain([help]);
    own.map(|arg| arg.help_heading("Options of meshwright")).collect()
}

/// The flags about what a run may do.
fn rights_args(verb: &str) -> Vec<clap::Arg> {
    let flag = |name: &'static str, help: &'static str| {
        clap::Arg::new(name).long(name).action(clap::ArgAction::SetTrue).help(help)
    };
    let value = |name: &'static str, value: &'static str, help: &'static str| {
        clap::Arg::new(name).long(name).value_name(value).action(clap::ArgAction::Append).help(help)
    };
    let mut args = vec![
        flag("read-only", "Let it change nothing and start no program"),
        value(
            "deny",
            "RIGHT",
            "Take a right away: write=NAMESPACE, write=NAMESPACE/KIND, secrets=…, exec=…, exec for all",
        ),
        value("allow", "RIGHT", "Give it a right beyond its header's, in the same words"),
    ];
    if verb == "run" {
        args.push(flag("yes", "Do not ask before a run that writes"));
        args.push(value("confirm", "CONTEXT", "Write to this cluster although it looks like production"));
    }
    args
}
