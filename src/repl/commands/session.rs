//! Commands about the session itself: help, clusters, rights, output.

use super::{ALL, find};
use crate::cluster::Selection;
use crate::doc::{indented, wrapped};
use crate::failure::{Failure, Kind, Result};
use crate::repl::{Output, Repl, show};
use std::time::Duration;

/// How long a cluster may take to say which namespaces there are.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) fn help(repl: &mut Repl, name: &str) -> Result<Output> {
    if !name.is_empty() {
        let command = find(name.trim_start_matches(':'))?;
        return Ok(Output::data(command.page(repl.view().width)));
    }
    let width = repl.view().width;
    let how = "Type an expression: its value is shown, and is `_` and `_1`, `_2`, … from then on.";
    let options = if width < 2 * COLUMN { "\n  " } else { " " };
    let example =
        format!("let east = kube.cluster(\"east\");\neast.list(\"pods\",{options}#{{namespace: \"default\"}})");
    let mut text = format!("{}\n\n{}\n", wrapped(how, width), indented(&example));
    for command in ALL {
        let usage = format!("  :{} {}", command.name, command.args);
        let usage = crate::plain::wrapped(&usage, width, "    ");
        text += &beside(usage.trim_end(), command.doc, width);
    }
    let keys = "Tab completes, Ctrl-R searches the history, Ctrl-C cancels, Ctrl-D leaves.";
    text += &format!("\n{}", indented(&wrapped(keys, width.saturating_sub(2))));
    Ok(Output::data(text))
}

/// Where the meanings of commands begin.
const COLUMN: usize = 27;

/// A command with its meaning in a column of its own; below it where there is no room beside it.
fn beside(usage: &str, doc: &str, width: usize) -> String {
    let column = if width < 2 * COLUMN { 6 } else { COLUMN };
    let doc = wrapped(doc, width.saturating_sub(column).max(24));
    let gap = format!("\n{:column$}", "");
    let doc = doc.replace('\n', &gap);
    match usage.chars().count() < column {
        true => format!("{usage:column$}{doc}\n"),
        false => format!("{usage}{gap}{doc}\n"),
    }
}

pub(super) fn clusters(repl: &mut Repl, _: &str) -> Result<Output> {
    let contexts = repl.session().clusters().contexts()?;
    if contexts.is_empty() {
        return Ok(Output::talk("the kubeconfig has no contexts: set KUBECONFIG, or give --kubeconfig\n"));
    }
    let line = |context: &String| {
        let mark = if repl.current.as_ref() == Some(context) { "*" } else { " " };
        let server = repl.session().clusters().connect(context).map(|cluster| cluster.server().to_owned());
        let server = server.unwrap_or_else(|failure| failure.message);
        format!("{}\n", crate::plain::wrapped(&format!("{mark} {context}  {server}"), repl.view().width, "    "))
    };
    Ok(Output::data(contexts.iter().map(line).collect::<String>()))
}

pub(super) fn use_cluster(repl: &mut Repl, context: &str) -> Result<Output> {
    if context.is_empty() {
        return Err(Failure::usage(":use takes the context of a cluster").hint("`:clusters` lists them"));
    }
    let text = format!("let cluster = kube.cluster({context:?});");
    drop(repl.enter(&text)?);
    (repl.current, repl.namespace) = (Some(context.to_owned()), None);
    Ok(Output::talk(format!("{text}\n")))
}

pub(super) fn namespace(repl: &mut Repl, name: &str) -> Result<Output> {
    let Some(context) = repl.current.clone() else {
        return Err(Failure::usage(":ns needs a cluster").hint("`:use CONTEXT` chooses one"));
    };
    let cluster = repl.session().clusters().connect(&context)?;
    let known = repl.ask(PATIENCE, async move {
        let resource = cluster.resource("namespaces").await?;
        cluster.list(&resource, &Selection::default()).await
    });
    let known: Vec<String> = known?.iter().map(|namespace| namespace.name().to_owned()).collect();
    if name.is_empty() {
        return Ok(Output::data(known.iter().map(|name| format!("{name}\n")).collect::<String>()));
    }
    if !known.iter().any(|known| known == name) {
        let failure = Failure::new(Kind::NotFound, format!("{context} has no namespace `{name}`"));
        return Err(match crate::engine::nearest(name, known.iter().map(String::as_str)) {
            Some(meant) => failure.hint(format!("did you mean `{meant}`?")),
            None => failure.hint("`:ns` lists them"),
        });
    }
    repl.namespace = Some(name.to_owned());
    Ok(Output::default())
}

pub(super) fn write(repl: &mut Repl, context: &str) -> Result<Output> {
    if !context.is_empty() {
        meant(repl, context)?;
    }
    repl.desk.gate.set(true);
    let where_to = if repl.is_rehearsal() { "the clusters in memory" } else { "the clusters, and starts programs" };
    Ok(Output::talk(format!("this session now changes {where_to}; `:read-only` takes it back\n")))
}

/// Somebody names a context that they mean to write to.
fn meant(repl: &Repl, context: &str) -> Result<()> {
    let known = repl.session().clusters().contexts()?;
    // One that a kubeconfig from elsewhere has named is known to the gate only.
    if repl.desk.gate.admit(context).is_ok() && !known.iter().any(|known| known == context) {
        let failure = Failure::usage(format!("there is no context `{context}`"));
        return Err(match crate::engine::nearest(context, known.iter().map(String::as_str)) {
            Some(meant) => failure.hint(format!("did you mean `{meant}`?")),
            None => failure.hint("`:clusters` lists them"),
        });
    }
    repl.desk.gate.name(context);
    Ok(())
}

pub(super) fn read_only(repl: &mut Repl, _: &str) -> Result<Output> {
    repl.desk.gate.set(false);
    if let Some(lost) = repl.session().give_leases_back() {
        return Err(lost);
    }
    Ok(Output::talk("this session only reads from now on\n"))
}

pub(super) fn more(repl: &mut Repl, _: &str) -> Result<Output> {
    Ok(repl.more())
}

pub(super) fn time(repl: &mut Repl, expression: &str) -> Result<Output> {
    if expression.is_empty() {
        repl.timed = !repl.timed;
        let state = if repl.timed { "shown from now on" } else { "no longer shown" };
        return Ok(Output::talk(format!("the time that each input takes is {state}\n")));
    }
    let timed = std::mem::replace(&mut repl.timed, true);
    let outcome = repl.evaluate(expression);
    repl.timed = timed;
    outcome
}

pub(super) fn quit(_: &mut Repl, _: &str) -> Result<Output> {
    Ok(Output { leave: true, ..Output::default() })
}

pub(super) fn doc(repl: &mut Repl, name: &str) -> Result<Output> {
    if name.is_empty() {
        return Err(Failure::usage(":doc takes a name").hint("`:doc kube.cluster`, `:doc wait`, `:doc deploy.spec`"));
    }
    repl.document(name).map(Output::data)
}

/// Every variable with its type; later ones, which come first, hide earlier ones of the same name.
pub(super) fn vars(repl: &mut Repl, _: &str) -> Result<Output> {
    let mut rows = std::collections::BTreeMap::new();
    for (name, _, value) in repl.console.scope().iter_raw() {
        if rows.contains_key(name) {
            continue;
        }
        let value = value.flatten_clone();
        let start = format!("{name}: {}  ", crate::engine::value::type_name(&value));
        let room = repl.view().width.saturating_sub(start.chars().count() + 1).clamp(8, 60);
        let brief = crate::plain::line(&show::brief(&value), room);
        rows.insert(name.to_owned(), format!("{start}{brief}\n"));
    }
    rows.retain(|name, _| name.strip_prefix('_').is_none_or(|rest| rest == "error"));
    Ok(Output::data(rows.into_values().collect::<String>()))
}
