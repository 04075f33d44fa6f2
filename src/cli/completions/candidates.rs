//! What can stand at a place of a command line: from clap's commands, the scripts' headers, and what is at hand. No
//! cluster is asked.

use crate::cli::script_args::{command_of, find};
use crate::cluster::kubeconfig::Kubeconfigs;
use crate::doc::{PLACES, TOPICS, entries, first_sentence};
use crate::run::record;
use crate::script::fork::Upstream;
use crate::script::{Script, library_names};
use clap::{Arg, ArgAction, Command, CommandFactory as _};

/// Something that can stand there, and what it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    pub text: String,
    pub about: String,
}

/// What fits.
#[derive(Debug, Default)]
pub struct Found {
    pub fitting: Vec<Candidate>,
    /// Whether names of files do, too.
    pub files: bool,
}

impl Found {
    fn of(all: Vec<Candidate>, files: bool) -> Found {
        Found { fitting: all, files }
    }

    /// What begins with these letters.
    fn beginning(mut self, letters: &str) -> Found {
        self.fitting.retain(|one| one.text.starts_with(letters));
        self
    }
}

fn one(text: impl Into<String>, about: impl Into<String>) -> Candidate {
    Candidate { text: text.into(), about: about.into().lines().next().unwrap_or_default().to_owned() }
}

/// What can stand in place of the last of these words.
pub fn candidates(words: &[String]) -> Found {
    let Some((letters, before)) = words.split_last() else { return Found::default() };
    let mut cli = crate::cli::Cli::command();
    cli.build();
    let place = Place::of(&cli, before);
    if let Some(arg) = before.last().and_then(|word| place.flag(word)).filter(takes_value) {
        return place.values(&arg).beginning(letters);
    }
    if let Some((flag, value)) = letters.split_once('=').filter(|_| letters.starts_with("--")) {
        let found = place.flag(flag).map(|arg| place.values(&arg).beginning(value)).unwrap_or_default();
        let fitting = found.fitting.into_iter().map(|one| Candidate { text: format!("{flag}={}", one.text), ..one });
        return Found::of(fitting.collect(), false);
    }
    if letters.starts_with('-') {
        return Found::of(place.flags(), false).beginning(letters);
    }
    place.words().beginning(letters)
}

/// Where on a command line somebody is.
struct Place {
    command: Command,
    /// The words that are neither commands nor flags nor their values.
    given: Vec<String>,
    /// The script that is named, with its parameters as flags.
    script: Option<(Script, Command)>,
}

impl Place {
    fn of(cli: &Command, before: &[String]) -> Place {
        let mut place = Place { command: cli.clone(), given: Vec::new(), script: None };
        let mut words = before.iter();
        while let Some(word) = words.next() {
            let flag = place.flag(word);
            if flag.as_ref().is_some_and(takes_value) && !word.contains('=') {
                words.next();
            } else if flag.is_none() && !word.starts_with('-') {
                place.take(word);
            }
        }
        place
    }

    fn take(&mut self, word: &str) {
        let inner = self.command.find_subcommand(word).filter(|_| self.given.is_empty()).cloned();
        if let Some(inner) = inner {
            self.command = inner;
            return;
        }
        if self.given.is_empty() && self.names_script() {
            self.script = find(word).ok().and_then(|script| {
                let verb = if self.command.get_name() == "run" { "run" } else { "rehearse" };
                let flags = command_of(verb, &script, &script.header().ok()?);
                Some((script, flags))
            });
        }
        self.given.push(word.to_owned());
    }

    fn names_script(&self) -> bool {
        ["run", "rehearse", "show", "explain", "repl", "check", "fork"].contains(&self.command.get_name())
    }

    /// Whether the parameters of the script are flags here.
    fn has_parameters(&self) -> bool {
        ["run", "rehearse", "explain"].contains(&self.command.get_name())
    }

    fn args(&self) -> Vec<Arg> {
        let own = self.command.get_arguments();
        let scripts = self.script.iter().filter(|_| self.has_parameters()).flat_map(|(_, flags)| flags.get_arguments());
        own.chain(scripts).filter(|arg| !arg.is_positional() && !arg.is_hide_set()).cloned().collect()
    }

    fn flag(&self, word: &str) -> Option<Arg> {
        let name = word.split('=').next().unwrap_or(word);
        let is_it = |arg: &Arg| {
            let short = arg.get_short().map(|short| format!("-{short}"));
            arg.get_long().is_some_and(|long| name.strip_prefix("--") == Some(long)) || short.as_deref() == Some(name)
        };
        self.args().into_iter().find(is_it)
    }

    fn flags(&self) -> Vec<Candidate> {
        let mut flags: Vec<Candidate> = Vec::new();
        for arg in self.args() {
            let Some(long) = arg.get_long() else { continue };
            let about = arg.get_help().map(ToString::to_string).unwrap_or_default();
            let negated = is_bool(&arg).then(|| one(format!("--no-{long}"), format!("not: {about}")));
            for flag in [Some(one(format!("--{long}"), about)), negated].into_iter().flatten() {
                if !flags.iter().any(|known| known.text == flag.text) {
                    flags.push(flag);
                }
            }
        }
        flags
    }

    /// What a flag takes.
    fn values(&self, arg: &Arg) -> Found {
        let known: Vec<Candidate> = arg
            .get_possible_values()
            .iter()
            .map(|value| one(value.get_name(), value.get_help().map(ToString::to_string).unwrap_or_default()))
            .collect();
        if !known.is_empty() {
            return Found::of(known, false);
        }
        let takes = arg.get_value_names().and_then(|names| names.first()).map(ToString::to_string).unwrap_or_default();
        match (arg.get_id().as_str(), takes.as_str()) {
            ("only", _) => Found::of(self.parts(), false),
            (_, "CONTEXT") => Found::of(contexts(), false),
            (_, "STEP") => Found::of(self.steps(), false),
            (_, "FILE" | "DIR") => Found::of(Vec::new(), true),
            _ => Found::default(),
        }
    }

    /// What can stand here that is no flag.
    fn words(&self) -> Found {
        let commands = self.command.get_subcommands().filter(|command| !command.is_hide_set());
        let commands = commands
            .map(|command| one(command.get_name(), command.get_about().map(ToString::to_string).unwrap_or_default()));
        let commands: Vec<Candidate> = if self.given.is_empty() { commands.collect() } else { Vec::new() };
        match (self.command.get_name(), self.given.len()) {
            ("meshwright" | "help", _) => Found::of(commands, false),
            ("fork", 0) => Found::of([scripts(), commands].concat(), true),
            ("test", _) => Found::of(scripts(), true),
            (_, 0) if self.names_script() => Found::of(scripts(), true),
            ("explain", 1) => Found::of(self.steps(), false),
            ("doc", 0) => Found::of(documented(), false),
            ("show-run" | "resume" | "undo", 0) => Found::of(runs(), false),
            ("run" | "rehearse" | "explain" | "show" | "eval", _) => Found::default(),
            (_, given) => {
                let arg = self.command.get_positionals().nth(given).map(|arg| self.values(arg));
                arg.filter(|found| !found.fitting.is_empty()).unwrap_or(Found::of(Vec::new(), true))
            }
        }
    }

    fn steps(&self) -> Vec<Candidate> {
        let steps = self.script.iter().flat_map(|(script, _)| script.steps());
        steps.map(|step| one(step.name, step.doc)).collect()
    }

    /// What `fork --only` copies.
    fn parts(&self) -> Vec<Candidate> {
        let origin = self.script.as_ref().and_then(|(script, _)| script.home.bundled());
        let upstream = origin.and_then(|origin| Upstream::shipped(origin).ok());
        upstream.iter().flat_map(Upstream::parts).map(|name| one(name, "")).collect()
    }
}

fn takes_value(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Set | ArgAction::Append) && !is_bool(arg)
}

/// A parameter that is on or off: `--sample`, `--no-sample`.
fn is_bool(arg: &Arg) -> bool {
    arg.get_value_names().and_then(|names| names.first()).is_some_and(|name| name.as_str() == "BOOL")
}

fn scripts() -> Vec<Candidate> {
    let mut all = Vec::new();
    for main in Script::all() {
        let tasks = main.tasks().into_iter().filter_map(|task| find(&format!("{}/{task}", main.name)).ok());
        let named = [main.clone()].into_iter().chain(tasks);
        all.extend(
            named.map(|script| one(&script.name, script.header().map(|header| header.title).unwrap_or_default())),
        );
    }
    all
}

fn contexts() -> Vec<Candidate> {
    let known = Kubeconfigs::load(None).map(|known| known.contexts()).unwrap_or_default();
    known.into_iter().map(|name| one(name, "")).collect()
}

fn documented() -> Vec<Candidate> {
    let places = PLACES.iter().filter(|(place, _)| !place.is_empty()).map(|(place, about)| one(*place, *about));
    let functions = entries().map(|entry| one(entry.label(), first_sentence(entry.doc)));
    let modules = library_names().into_iter().map(|name| one(format!("std:{name}"), "a module"));
    let topics = TOPICS.iter().map(|topic| one(topic.name, topic.about));
    places.chain(functions).chain(modules).chain(topics).collect()
}

fn runs() -> Vec<Candidate> {
    let known = record::all(&record::folder()).unwrap_or_default();
    let last = (!known.is_empty()).then(|| one("last", "the last run"));
    last.into_iter().chain(known.into_iter().map(|run| one(run.id, run.started.script))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(words: &[&str]) -> Vec<String> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        candidates(&words).fitting.into_iter().map(|one| one.text).collect()
    }

    #[test]
    fn commands_scripts_and_their_parameters_are_known() {
        assert_eq!(told(&["re"]), ["rehearse", "resume", "repl"]);
        assert_eq!(told(&["run", "shared-gateways/v"]), ["shared-gateways/verify"]);
        assert_eq!(told(&["run", "shared-gateways", "--rem"]), ["--remote", "--remote-server"]);
        assert_eq!(told(&["rehearse", "shared-gateways", "--no-sam"]), ["--no-sample"]);
        assert_eq!(told(&["run", "shared-gateways", "--dialect", ""]), ["auto", "current", "classic"]);
        assert_eq!(told(&["run", "shared-gateways", "--dialect=cl"]), ["--dialect=classic"]);
        assert!(told(&["run", "shared-gateways", "--yes", "--ki"]).is_empty());
        assert!(told(&["run", "shared-gateways", "--ku"]).contains(&"--kubeconfig".to_owned()));
    }

    #[test]
    fn steps_parts_and_names_are_known() {
        assert_eq!(told(&["explain", "shared-gateways", "Pro"]), ["Prove the path"]);
        assert_eq!(told(&["rehearse", "shared-gateways", "--stop-after", "Pro"]), ["Prove the path"]);
        assert_eq!(told(&["fork", "shared-gateways", "mine", "--only", "step:Pro"]), ["step:Prove the path"]);
        assert_eq!(told(&["fork", "st"]), ["status"]);
        assert!(told(&["doc", "wait.r"]).contains(&"wait.ready".to_owned()));
        assert_eq!(told(&["doc", "head"]), ["header"]);
        assert_eq!(told(&["completions", ""]), ["bash", "zsh", "fish"]);
        assert!(told(&["rehearse", "shared-gateways", "--params", ""]).is_empty());
        assert!(candidates(&["check".to_owned(), String::new()]).files);
    }
}
