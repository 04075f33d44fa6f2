//! What a run may do, shown before it writes; and the one question, where there is somebody to answer it.

use crate::engine::report::Look;
use crate::failure::{Failure, Kind, Result};
use crate::grant::Grant;
use crate::plain;
use crate::run::config::Config;
use crate::run::{Job, Session};
use std::collections::BTreeSet;
use std::io::{BufRead as _, IsTerminal as _};

const UNASKED: &str = "say it beforehand: --yes; to see what it would do without any cluster, rehearse it";

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

/// Shows what the run may do and asks; returns when it may begin, with the contexts that it may write to.
///
/// # Errors
/// `Rights` when somebody said no or must be asked and cannot be; `Cancelled` on Ctrl-C.
pub fn approve(session: &Session, job: &Job, answers: &Answers) -> Result<Vec<String>> {
    for right in &answers.widened {
        session.screen().line(&format!("! beyond the script's header, by --allow: {}", plain::line(right, 200)));
    }
    let needs = &job.header.needs;
    if !needs.writes() {
        return Ok(Vec::new());
    }
    let contexts = named(session, job)?;
    let terminal = is_somebody_there();
    // Whoever is asked must see about what.
    let aloud = job.style.quiet && terminal && !answers.yes;
    let lines = told(session, &contexts, &needs.lines())?;
    show(session, &lines, aloud);
    if terminal && !answers.yes {
        show_beside(&lines.join("\n"));
    }
    if confirm_production(session, &contexts, answers, terminal)? || answers.yes {
        return Ok(contexts);
    }
    if !terminal {
        return Err(refused("nobody is there to be asked whether this run may write").hint(UNASKED));
    }
    match ask(session, "Go on? [y/N] ")?.to_lowercase().as_str() {
        "y" | "yes" => Ok(contexts),
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

/// What the run may do, line by line.
fn told(session: &Session, contexts: &[String], needs: &[String]) -> Result<Vec<String>> {
    let mut lines = vec!["This run may".to_owned()];
    for context in contexts {
        lines.push(format!("  use {} ({})", plain::line(context, 200), plain::line(&session.server(context)?, 200)));
    }
    lines.extend(needs.iter().map(|line| format!("  {line}")));
    lines.push(String::new());
    Ok(lines)
}

fn show(session: &Session, lines: &[String], aloud: bool) {
    let tell = |line: &str| if aloud { plain::tell(line) } else { session.screen().line(line) };
    let width = std::io::stderr().is_terminal().then(|| Look::for_stderr(false).width);
    let say = |line: &str| fitted(line, width).iter().for_each(|line| tell(line));
    lines.iter().for_each(|line| say(line));
}

/// A line in pieces that a terminal of this width shows without breaking words; further ones are indented.
fn fitted(line: &str, width: Option<usize>) -> Vec<String> {
    let Some(width) = width else { return vec![line.to_owned()] };
    let text = line.trim_start();
    let (indent, _) = line.split_at(line.len() - text.len());
    let lines = plain::wrapped(text, width.saturating_sub(indent.len()), "  ");
    lines.split('\n').map(|line| format!("{indent}{line}")).collect()
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

/// Whether somebody can answer.
pub fn is_somebody_there() -> bool {
    std::io::stdin().is_terminal()
}

/// Shows a question where whoever answers sees it: what goes to stderr may end in a file.
fn put(question: &str) -> std::io::Result<()> {
    let show = |mut screen: Box<dyn std::io::Write>| {
        screen.write_all(question.as_bytes())?;
        screen.flush()
    };
    match std::io::stderr().is_terminal() {
        true => show(Box::new(std::io::stderr())),
        false => show(Box::new(std::fs::OpenOptions::new().write(true).open("/dev/tty")?)),
    }
}

/// What a question is about, on the terminal as well where stderr leads elsewhere: that may be a file, or a pipe that
/// comes late.
pub fn show_beside(text: &str) {
    if !std::io::stderr().is_terminal() {
        // Where it cannot be shown, the question cannot either, and says so.
        let _ = put(&format!("{text}\n"));
    }
}

/// Asks on the terminal; Ctrl-C ends the question.
///
/// # Errors
/// `Cancelled` on Ctrl-C; `Rights` when nobody would see the question.
pub fn ask(session: &Session, question: &str) -> Result<String> {
    let held = session.unless_interrupted(async { Ok(crate::terminal::hold().await) })?;
    put(question).map_err(|e| {
        refused(&format!("nothing was done: the question cannot be shown ({e})"))
            .hint("say it beforehand: --yes, and --confirm CONTEXT for what looks like production")
    })?;
    let (tell, answer) = tokio::sync::oneshot::channel();
    // A thread of its own: nothing can wake it when nobody answers.
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = std::io::stdin().lock().read_line(&mut line);
        drop(held);
        let _ = tell.send(read.map(|_| line.trim().to_owned()).unwrap_or_default());
    });
    session.unless_interrupted(async { Ok(answer.await.unwrap_or_default()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_right_is_broken_between_words() {
        let line = "  write in istio-system, sample, what lies outside namespaces, https://127.0.0.1:6443/a/very-long-word-that-fits-nowhere";
        for width in [80, 40] {
            let shown = fitted(line, Some(width));
            let is_alone = |line: &str| line.split_whitespace().count() == 1;
            assert!(shown.iter().all(|line| line.len() <= width || is_alone(line)), "{shown:#?}");
            assert!(
                shown.len() > 1
                    && shown[0].starts_with("  write")
                    && shown[1..].iter().all(|line| line.starts_with("    "))
            );
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            assert_eq!(words(&shown.join(" ")), words(line));
        }
        assert_eq!(fitted(line, None), [line]);
        assert_eq!(fitted("", Some(40)), [""]);
    }
}
