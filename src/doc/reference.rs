//! The reference as one Markdown page.

use super::{Entry, Module, PLACES, entries, script_signature, topic};
use std::fmt::Write as _;

const HEAD: &str = "\
# Reference

Everything that a script can call, and how it begins. This page is made from the program's own tables
(`meshwright doc NAME` shows the same in the terminal); `tests/reference.rs` says how to make it anew.

Types: `string int float bool array map closure`; `any`; `object` is an Object, a map or YAML text; `objects` also a list
of them or several YAML documents. `|` means or, `?` may be left out. Options are a last map argument, `#{timeout: \"5m\"}`;
durations are strings such as `\"90s\"`. A call of the wrong kind fails with `usage`; the other kinds, as `catch (e)` sees
them in `e.kind`, stand with each function.
";

const HEADER: &str = "The header of a script";

/// The reference page.
pub fn reference() -> String {
    let mut page = format!("{HEAD}\n");
    for (place, about) in PLACES {
        let title = match *place {
            "" => "The language",
            "test" => "Tests",
            place => place,
        };
        let _ = writeln!(page, "- [{title}](#{}): {about}", anchor(title));
    }
    let _ = writeln!(page, "- [The library](#the-library): modules to import");
    let header = topic("header");
    let _ = header.map_or(Ok(()), |header| writeln!(page, "- [{HEADER}](#{}): {}", anchor(HEADER), header.about));
    for (place, about) in PLACES {
        let title = match *place {
            "" => "The language".to_owned(),
            "test" => "Tests".to_owned(),
            place => format!("`{place}`"),
        };
        let _ = write!(page, "\n## {title}\n\n{}.\n", capital(about));
        entries().filter(|entry| entry.place == *place).for_each(|entry| of_entry(&mut page, &entry));
    }
    page += "\n## The library\n";
    Module::all().iter().for_each(|module| of_module(&mut page, module));
    let _ = header.map_or(Ok(()), |header| write!(page, "\n## {HEADER}\n{}", header.markdown(3)));
    page
}

fn of_entry(page: &mut String, entry: &Entry) {
    let _ = write!(page, "\n### `{}`\n\n    {}\n\n{}\n", entry.label(), entry.signature, entry.doc);
    if !entry.options.is_empty() {
        page.push_str("\n| option | type | meaning |\n| --- | --- | --- |\n");
        for (name, kinds, doc) in entry.options {
            let _ = writeln!(page, "| `{name}` | {} | {} |", cell(kinds), cell(doc));
        }
    }
    if entry.effect.is_some() {
        let errors = entry.errors();
        let errors = if errors.is_empty() { String::new() } else { format!(" · fails with {}", errors.join(", ")) };
        let _ = write!(page, "\n*{} · since {}{errors}*\n", capital(entry.effect_words()), entry.since);
    }
    if !entry.example.is_empty() {
        let _ = write!(page, "\n```rhai\n{}\n```\n", entry.example());
    }
}

fn of_module(page: &mut String, module: &Module) {
    let _ = write!(page, "\n### `std:{}`\n\n{}\n\n", module.name, module.doc);
    for function in &module.functions {
        let _ =
            writeln!(page, "- `{}`: {}", script_signature(module.alias(), function), function.doc.replace('\n', " "));
    }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn anchor(title: &str) -> String {
    title.to_lowercase().replace(' ', "-")
}

fn capital(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map(|first| first.to_uppercase().chain(rest).collect()).unwrap_or_default()
}
