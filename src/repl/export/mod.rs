//! A session as a script: what went well, with the clusters as parameters and the rights that it needed.

mod header;

use super::Repl;
use super::inputs::Input;
use super::opened::Opened;
use crate::failure::{Failure, Result};
use crate::script::Kind;
use crate::script::lexer::{Piece, What, pieces};
use crate::script::outline::Outline;
use crate::script::parts::parts;
use header::header;
use std::collections::{BTreeMap, BTreeSet};

/// The script that does what the session did.
///
/// # Errors
/// When nothing went well yet.
pub fn script(repl: &Repl, title: &str) -> Result<String> {
    let contexts = repl.session().clusters().contexts()?;
    let inputs: Vec<&Input> =
        repl.inputs.all().iter().filter(|input| input.succeeded && !input.text.trim().is_empty()).collect();
    if inputs.is_empty() {
        return Err(Failure::usage("there is nothing to export: no input went well yet"));
    }
    let lifted = Lifted::of(&inputs, &contexts, repl.opened.as_ref());
    let used: BTreeSet<usize> = inputs.iter().flat_map(|input| results_in(&input.text, input.before)).collect();
    let kept = inputs.iter().enumerate().filter(|(at, input)| !is_defined_again(input, &inputs[at + 1..]));
    let (mut helpers, mut body) = (BTreeMap::new(), String::new());
    for (_, input) in kept {
        body += &written(input, &lifted, &used, &mut helpers)?;
    }
    Ok(format!("{}\n{body}", header(repl, title, &lifted)))
}

/// Whether an input only defines functions that later ones define again.
fn is_defined_again(input: &Input, later: &[&Input]) -> bool {
    let defined = |text: &str| -> Vec<(String, usize)> {
        Outline::of(text).functions.into_iter().map(|function| (function.name, function.params.len())).collect()
    };
    let only_functions = parts(&input.text).iter().all(|part| part.is_function);
    let own = defined(&input.text);
    only_functions && own.iter().all(|function| later.iter().any(|input| defined(&input.text).contains(function)))
}

/// The contexts that are named as texts in what was typed, and what stands for them.
#[derive(Default)]
struct Lifted {
    /// Contexts with the expressions that name them.
    named: BTreeMap<String, String>,
    /// Those that became parameters for it, with the parameters' names.
    new: BTreeMap<String, String>,
}

impl Lifted {
    fn of(inputs: &[&Input], contexts: &[String], opened: Option<&Opened>) -> Lifted {
        let mut lifted = Lifted { named: opened.map(given).unwrap_or_default(), new: BTreeMap::new() };
        let typed = inputs.iter().filter(|input| !input.is_part).flat_map(|input| parts(&input.text));
        for part in typed.filter(|part| !part.is_function) {
            for piece in pieces(&part.text) {
                let What::Text(text) = piece.what else { continue };
                if contexts.iter().any(|context| context == text) && !lifted.named.contains_key(text) {
                    let name = lifted.free(text, opened);
                    lifted.named.insert(text.to_owned(), format!("params.{name}"));
                    lifted.new.insert(text.to_owned(), name);
                }
            }
        }
        lifted
    }

    /// A name for the parameter that a context becomes.
    fn free(&self, context: &str, opened: Option<&Opened>) -> String {
        let taken = |name: &String| {
            opened.is_some_and(|opened| opened.header.param(name).is_some()) || self.new.values().any(|new| new == name)
        };
        let name = parameter(context);
        let numbered = (2..).map(|number| format!("{name}_{number}"));
        std::iter::once(name.clone()).chain(numbered).find(|name| !taken(name)).unwrap_or(name)
    }
}

/// The clusters that the open script was given: one cannot be another parameter's as well.
fn given(opened: &Opened) -> BTreeMap<String, String> {
    let mut named = BTreeMap::new();
    for (param, value) in opened.values.iter().filter(|(param, _)| param.kind == Kind::Cluster) {
        named.extend(value.as_str().map(|context| (context.to_owned(), format!("params.{}", param.name))));
    }
    for (param, value) in opened.values.iter().filter(|(param, _)| param.kind == Kind::Clusters) {
        let contexts = value.items().iter().enumerate().filter_map(|(at, item)| Some((at, item.as_str()?)));
        named.extend(contexts.map(|(at, context)| (context.to_owned(), format!("params.{}[{at}]", param.name))));
    }
    named
}

/// A context as the name of a parameter.
fn parameter(context: &str) -> String {
    let plain: String =
        context.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if plain.starts_with(|c: char| c.is_ascii_lowercase()) { plain } else { format!("cluster_{plain}") }
}

/// The numbers of the results that a text uses; `before` is the last one when it was entered.
fn results_in(text: &str, before: usize) -> Vec<usize> {
    pieces(text).iter().enumerate().filter_map(|(at, piece)| result(&pieces(text), at, piece, before)).collect()
}

fn result(all: &[Piece<'_>], at: usize, piece: &Piece<'_>, before: usize) -> Option<usize> {
    let What::Word(word) = piece.what else { return None };
    let is_case = word == "_"
        && all.get(at + 1).is_some_and(|next| next.what == What::Symbol('='))
        && all.get(at + 2).is_some_and(|next| next.what == What::Symbol('>'));
    let is_field = at > 0 && all[at - 1].what == What::Symbol('.');
    let number = word.strip_prefix('_')?;
    match number {
        _ if is_case || is_field => None,
        "" => Some(before),
        number => number.parse().ok(),
    }
}

/// Functions of the open script and of files that stand in for its steps, by name and number of parameters.
type Helpers = BTreeMap<(String, usize), String>;

/// Whether a function stands in the script already, as when a step was run twice.
fn is_there(text: &str, helpers: &mut Helpers) -> Result<bool> {
    let Some(function) = Outline::of(text).functions.into_iter().next() else { return Ok(false) };
    let (name, count) = (function.name, function.params.len());
    match helpers.insert((name.clone(), count), text.to_owned()) {
        None => Ok(false),
        Some(former) if former == text => Ok(true),
        Some(_) => {
            Err(Failure::usage(format!("two functions `{name}` with {count} parameters would stand in one script"))
                .hint("each step's file may have its own; give one of them another name, and run that step again"))
        }
    }
}

/// An input as it stands in the script.
fn written(input: &Input, lifted: &Lifted, used: &BTreeSet<usize>, helpers: &mut Helpers) -> Result<String> {
    if pieces(&input.text).iter().any(|piece| piece.what == What::Word("_error")) {
        return Ok(String::new());
    }
    let parts = parts(&input.text);
    let Some(last) = parts.last() else { return Ok(String::new()) };
    let mut out = String::new();
    for part in &parts {
        if input.is_part && part.is_function && is_there(&part.text, helpers)? {
            continue;
        }
        let gap_from = if part.start == parts[0].start { 0 } else { out_end(&parts, part.start) };
        out += input.text[gap_from..part.start].trim_start_matches([' ', ';', '\n']);
        let number = input.result.filter(|number| used.contains(number) && part.start == last.start);
        out += &number.map(|number| format!("let result_{number} = ")).unwrap_or_default();
        let verbatim = part.is_function || input.is_part;
        let text = if verbatim { part.text.clone() } else { replaced(&part.text, &lifted.named, input.before) };
        out += &text;
        let ends = text.ends_with(';') || text.ends_with('}') && number.is_none() && is_block(&part.text);
        out += if ends { "\n" } else { ";\n" };
    }
    Ok(out)
}

/// Where the statement before a byte ends.
fn out_end(parts: &[crate::script::parts::Part], start: usize) -> usize {
    parts.iter().rev().find(|part| part.start < start).map_or(0, |part| part.start + part.text.len())
}

fn is_block(text: &str) -> bool {
    ["{", "fn ", "private ", "step ", "if ", "for ", "while ", "loop ", "try ", "switch "]
        .iter()
        .any(|word| text.starts_with(word))
}

/// The text with what stands for contexts, and names for results.
fn replaced(text: &str, named: &BTreeMap<String, String>, before: usize) -> String {
    let all = pieces(text);
    let (mut out, mut at) = (String::new(), 0);
    let mut index = 0;
    while let Some(piece) = all.get(index) {
        if let Some((context, end)) = connected(&all[index..])
            && let Some(expression) = named.get(context)
        {
            out += &text[at..piece.start];
            out += expression;
            (at, index) = (end, index + 6);
            continue;
        }
        let is_key = all.get(index + 1).is_some_and(|next| next.what == What::Symbol(':'));
        let name = match piece.what {
            What::Text(text) if !is_key => named.get(text).map(|expression| format!("{expression}.name")),
            _ => result(&all, index, piece, before).map(|number| format!("result_{number}")),
        };
        if let Some(name) = name {
            out += &text[at..piece.start];
            out += &name;
            at = piece.end;
        }
        index += 1;
    }
    out + &text[at..]
}

/// `kube.cluster("CONTEXT")` at the start of these pieces: the context, and where it ends.
fn connected<'t>(all: &[Piece<'t>]) -> Option<(&'t str, usize)> {
    let [kube, dot, cluster, open, context, close, ..] = all else { return None };
    let is_call = kube.what == What::Word("kube")
        && dot.what == What::Symbol('.')
        && cluster.what == What::Word("cluster")
        && open.what == What::Symbol('(')
        && close.what == What::Symbol(')');
    match context.what {
        What::Text(text) if is_call => Some((text, close.end)),
        _ => None,
    }
}
