//! `eval`: one expression.

use crate::failure::Result;
use crate::grant::Way;
use crate::run::config::Config;
use crate::run::screen::Style;
use crate::run::{Job, Session};
use crate::script::{Header, Home, Needs, Script, Values};
use clap::{Args, ValueEnum};
use std::ffi::OsString;
use std::path::PathBuf;

/// Arguments of `eval`.
#[derive(Args)]
pub struct Eval {
    /// The expression, such as 'kube.contexts()' or 'kube.cluster("east").list("pods", #{namespace: "default"}).len()'
    expression: String,
    /// On two empty clusters in memory, `east` and `west`
    #[arg(long)]
    rehearse: bool,
    /// Allow it to write; without, it may read only
    #[arg(long)]
    write: bool,
    /// A context that looks like production and may be written to all the same; repeat it for more
    #[arg(long, value_name = "CONTEXT")]
    confirm: Vec<String>,
    /// A program that it may start; repeat it for more
    #[arg(long = "allow-exec", value_name = "PROGRAM")]
    programs: Vec<String>,
    /// The kubeconfig to use
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// How to print the result
    #[arg(short, long, value_name = "FORMAT", default_value = "yaml")]
    output: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Yaml,
    Json,
    /// Objects, or maps that are alike, in rows
    Table,
}

impl Eval {
    /// Carries the command out.
    pub fn go(self, style: Style) -> Result<()> {
        let script = Script {
            name: "expression".into(),
            source: "expression".into(),
            text: self.expression.clone(),
            home: Home::Folder(std::env::current_dir().unwrap_or_default()),
        };
        let needs = Needs { exec: self.programs.clone(), ..Needs::typed() };
        let needs = if self.write || self.rehearse { needs.writing() } else { needs };
        let header = Header { needs, ..Header::default() };
        let job = Job::new(script, header, Values::default(), style).run_by(Way::Eval);
        let session = match self.rehearse {
            true => Session::rehearsal(&job, &["east", "west"])?,
            false => Session::live(&job, self.kubeconfig.clone())?,
        };
        if self.write && !self.rehearse {
            session.gate().guard(Config::load()?.guard("--confirm NAME"));
            self.confirm.iter().for_each(|context| session.gate().name(context));
        }
        session.begin_with_a_change(&job);
        let scope = session.scope(&job)?;
        let value = session.evaluate("expression", &self.expression, scope);
        let value = session.close(value.and_then(|value| session.screen().is_whole().map(|()| value)))?;
        if value.is_unit() {
            return Ok(());
        }
        let rehearsed = session.world().and_then(|world| world.servers().first().map(|server| server.time()));
        super::print(&self.shown(&value, rehearsed.unwrap_or_else(jiff::Timestamp::now)))
    }

    fn shown(&self, value: &rhai::Dynamic, now: jiff::Timestamp) -> String {
        let Ok(node) = crate::engine::value::to_node(value) else {
            return crate::plain::text(&crate::repl::brief(value));
        };
        let table = || crate::repl::table(node.items(), usize::MAX, now);
        let yaml = || crate::object::yaml::emit(&node);
        match self.output {
            Format::Json => crate::plain::json(&crate::object::Object::new(node).to_json()),
            Format::Table => crate::plain::text(&table().unwrap_or_else(yaml)),
            Format::Yaml => crate::plain::text(&yaml()),
        }
    }
}

/// The expression of this process's command line, for the excerpt in a failure.
pub fn expression() -> Option<String> {
    expression_in(std::env::args_os())
}

/// Found as the command line itself is read: a word behind `-o` is no expression.
fn expression_in(words: impl IntoIterator<Item = OsString>) -> Option<String> {
    let cli = <super::Cli as clap::Parser>::try_parse_from(words).ok()?;
    match cli.command {
        super::Command::Eval(eval) => Some(eval.expression),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::expression_in;
    use std::ffi::OsString;

    #[test]
    fn the_excerpt_is_of_the_expression_wherever_flags_stand() {
        let found = |words: &[&str]| expression_in(words.iter().map(|word| OsString::from(*word)));
        assert_eq!(found(&["meshwright", "eval", "-o", "json", "x("]).as_deref(), Some("x("));
        assert_eq!(found(&["meshwright", "eval", "x(", "--allow-exec", "ls"]).as_deref(), Some("x("));
        assert_eq!(found(&["meshwright", "list"]), None);
    }
}
