//! What a run may do, shown before it writes; and the one question, where there is somebody to answer it.

use crate::failure::{Failure, Kind, Result};
use crate::grant::Grant;
use crate::plain;
use crate::run::config::Config;
use crate::run::{Job, Session};
use std::collections::BTreeSet;
use std::io::{BufRead as _, IsTerminal as _, Write as _};

/// What was answered on the command line.
#[derive(Debug, Default)]
pub struct Answers {
    /// `--yes`.
    pub yes: bool,
    /// The contexts named by `--confirm` or `--yes=CONTEXT`.
    pub confirmed: Vec<String>,
    /// Rights that flags have added to the header's.
    pub widened: Vec<String>,
}

/// Shows what the run may do and asks; returns when it may begin.
///
/// # Errors
/// `Rights` when somebody said no or must be asked and cannot be; `Cancelled` on Ctrl-C.
pub fn approve(session: &Session, job: &Job, answers: &Answers) -> Result<()> {
    for right in &answers.widened {
        session.screen().line(&format!("! beyond the script's header, by --allow: {}", plain::line(right, 200)));
    }
    let needs = &job.header.needs;
    if !needs.writes() {
        return Ok(());
    }
    let contexts = named(session, job)?;
    let terminal = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    // Whoever is asked must see about what.
    let aloud = job.style.quiet && terminal && !answers.yes;
    show(session, &contexts, &needs.lines(), aloud)?;
    if confirm_production(session, &contexts, answers, terminal)? || answers.yes || !terminal {
        return Ok(());
    }
    match ask(session, "Go on? [y/N] ")?.to_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(refused("nothing was done: you did not say yes")),
    }
}

/// The contexts of the parameters, and those that the header or a flag names beside them.
fn named(session: &Session, job: &Job) -> Result<Vec<String>> {
    let mut named = job.values.clusters();
    let beside = Grant::new(&job.header.needs.contexts);
    let known = session.clusters().contexts()?;
    named.extend(known.into_iter().filter(|context| beside.permits(context)));
    let mut seen = BTreeSet::new();
    named.retain(|context| seen.insert(context.clone()));
    Ok(named)
}

fn show(session: &Session, contexts: &[String], lines: &[String], aloud: bool) -> Result<()> {
    let say = |line: &str| if aloud { plain::tell(line) } else { session.screen().line(line) };
    say("This run may");
    for context in contexts {
        say(&format!("  use {} ({})", plain::line(context, 200), plain::line(&session.server(context)?, 200)));
    }
    lines.iter().for_each(|line| say(&format!("  {line}")));
    say("");
    Ok(())
}

/// Asks for the name of every cluster that looks like production; says whether there were any.
///
/// # Errors
/// `Rights` when one was not confirmed.
pub fn confirm_production(session: &Session, contexts: &[String], answers: &Answers, terminal: bool) -> Result<bool> {
    let config = Config::load()?;
    let mut asked = false;
    for context in contexts.iter().filter(|context| !answers.confirmed.contains(context)) {
        let Some(why) = config.production(context) else { continue };
        if !terminal {
            return Err(refused(&format!("`{context}` looks like production: {why}"))
                .hint(format!("say that you mean it: --confirm {context}")));
        }
        let name = plain::line(context, 200);
        let typed = ask(session, &format!("`{name}` looks like production ({why}).\nType its name to go on: "))?;
        if typed != *context {
            return Err(refused(&format!("nothing was done: `{context}` was not confirmed")));
        }
        asked = true;
    }
    Ok(asked)
}

fn refused(message: &str) -> Failure {
    Failure::new(Kind::Rights, message)
}

/// Asks on the terminal; Ctrl-C ends the question.
///
/// # Errors
/// `Cancelled` on Ctrl-C.
pub fn ask(session: &Session, question: &str) -> Result<String> {
    let _ = write!(std::io::stderr(), "{question}");
    let _ = std::io::stderr().flush();
    let (tell, answer) = tokio::sync::oneshot::channel();
    // A thread of its own: nothing can wake it when nobody answers.
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = std::io::stdin().lock().read_line(&mut line);
        let _ = tell.send(read.map(|_| line.trim().to_owned()).unwrap_or_default());
    });
    session.unless_interrupted(async { Ok(answer.await.unwrap_or_default()) })
}
