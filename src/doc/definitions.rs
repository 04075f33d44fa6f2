//! Definition files for editors: `.d.rhai` as Rhai's own language server reads them, and the `Rhai.toml` that names them.

use super::{Entry, Module, PLACES, entries, first_sentence};
use std::fmt::Write as _;
use std::path::PathBuf;

/// The file that names the sources and definitions of a folder. Rhai's language server looks for the first of these names,
/// newer tools for the second.
pub const CONFIGS: [&str; 2] = ["Rhai.toml", "rhai.toml"];

/// The files to write, by their paths.
pub fn definitions() -> Vec<(PathBuf, String)> {
    let mut files: Vec<_> = CONFIGS.map(|name| (PathBuf::from(name), CONFIGURED.to_owned())).into();
    files.push((PathBuf::from("definitions/meshwright.d.rhai"), globals()));
    let modules = Module::all();
    files.extend(modules.iter().map(|module| {
        let path = format!("definitions/{}.d.rhai", module.name.replace('/', "-"));
        (PathBuf::from(path), of_module(module))
    }));
    files
}

/// Definitions are sources like any other: what is excluded is not read. A fork keeps its origin in `.meshwright`.
const CONFIGURED: &str = "\
# For editors with Rhai's language server. Written by `meshwright definitions`.
[source]
include = [\"**/*.rhai\"]
exclude = [\".meshwright/**\"]
";

/// What is in no table: the parameters, and words of Rhai's own that are called like functions.
const BEGINNING: &str = "\
module static;

/// The script's parameters.
let params: map;

/// What kind of value it is: `\"string\"`, `\"map\"`, `\"array\"`, `\"i64\"`, …
fn type_of(value: ?) -> String;

/// The whole number that a text is.
fn parse_int(text: String) -> int;

/// The number that a text is.
fn parse_float(text: String) -> float;

/// a value of any kind.
type any = ...;

/// a value that never shows itself.
type Secret = ...;
";

/// What scripts see without importing anything.
fn globals() -> String {
    let mut text = BEGINNING.to_owned();
    for (place, about) in PLACES.iter().filter(|(place, _)| place.starts_with(char::is_lowercase) && *place != "test") {
        let _ = write!(text, "\ntype {} = ...;\n\n/// {about}.\n///\n", type_of(place));
        entries().filter(|entry| entry.place == *place).for_each(|entry| text += &listed(&entry));
        let _ = writeln!(text, "let {place}: {};", members(place));
    }
    for (place, about) in PLACES.iter().filter(|(place, _)| place.starts_with(char::is_uppercase)) {
        let _ = write!(text, "\n/// {about}.\ntype {place} = ...;\n");
    }
    // `step`, `test` and `import` are syntax. The server does not tell `exec` from `Cluster.exec`: the object comes first.
    for entry in entries().filter(|entry| !matches!(entry.name, "step" | "test" | "import")) {
        match is_name(entry.name) && !PLACES.iter().any(|(place, _)| *place == entry.name) {
            true => text += &function(&entry),
            false => text += &format!("\n// {}\n// {}\n", entry.signature, entry.doc),
        }
    }
    text
}

/// Whether a declaration can have this name: after a dot every word is one, the reserved ones too.
fn is_name(word: &str) -> bool {
    let declared = format!("fn {word}() {{}}");
    word == "print" || crate::engine::compile(&crate::engine::parser(), "definitions", &declared).is_ok()
}

/// A function in the comment of its namespace object: the server says nothing of what stands after a dot.
fn listed(entry: &Entry) -> String {
    format!("/// - `{}`: {}\n", entry.signature, first_sentence(entry.doc))
}

/// A namespace object by what it has: only that the server lists after a dot, not the functions that take it first.
fn members(place: &str) -> String {
    let of_place = entries().filter(|entry| entry.place == place && is_name(entry.name));
    let mut names: Vec<String> = of_place.map(|entry| format!("{}: Fn", entry.name)).collect();
    names.dedup();
    format!("#{{{}}}", names.join(", "))
}

/// The type of a namespace object, which has no name in scripts.
fn type_of(place: &str) -> String {
    let mut rest = place.chars();
    let capital: String = rest.next().map(|first| first.to_uppercase().chain(rest).collect()).unwrap_or_default();
    format!("{capital}Namespace")
}

fn function(entry: &Entry) -> String {
    let mut text = "\n".to_owned();
    for line in [format!("`{}`\n\n{}", entry.signature, entry.doc), options(entry), example(entry)]
        .iter()
        .flat_map(|part| part.lines())
    {
        let _ = writeln!(text, "{}", format!("/// {line}").trim_end());
    }
    let mut params = Vec::new();
    if !entry.on.is_empty() {
        let receiver = if entry.on.starts_with(char::is_lowercase) { type_of(entry.on) } else { entry.on.to_owned() };
        params.push(format!("on: {receiver}"));
    }
    match entry.effect {
        Some(_) => params.extend(entry.params.iter().map(|param| format!("{}: {}", param.name, union(&param.types)))),
        None => params.extend(word_params(&entry.signature)),
    }
    let params: Vec<String> = params.iter().map(|param| readable(param)).collect();
    let _ = writeln!(text, "fn {}({}){};", entry.name, params.join(", "), returned(entry.returns));
    text
}

/// What a function returns. The server takes `?`, and one type or another, for nothing at all: the comment says which.
fn returned(kind: &str) -> String {
    match kind {
        "" | "()" => String::new(),
        "object" => " -> Object".into(),
        kind if kind.contains('|') => " -> any".into(),
        kind => format!(" -> {}", of_rhai(kind)),
    }
}

/// Words that Rhai keeps for later: after a dot every one is a name here, for other readers none is.
const KEPT: [&str; 12] =
    ["default", "new", "match", "case", "with", "is", "use", "module", "static", "super", "shared", "exit"];

/// A parameter under a name that every reader of Rhai takes.
fn readable(param: &str) -> String {
    match param.split_once(':') {
        Some((name, kind)) if KEPT.contains(&name) => format!("{name}_:{kind}"),
        _ => param.to_owned(),
    }
}

fn options(entry: &Entry) -> String {
    let lines = entry.options.iter().map(|(name, kinds, doc)| format!("- `{name}: {kinds}`: {doc}\n"));
    let lines: String = lines.collect();
    if lines.is_empty() { lines } else { format!("\nOptions:\n{lines}") }
}

fn example(entry: &Entry) -> String {
    format!("\n```rhai\n{}\n```\n", entry.example())
}

/// The parameters of a word, from how it is written: closures and maps by what they are.
fn word_params(signature: &str) -> Vec<String> {
    let inner = signature.split_once('(').map_or("", |(_, rest)| rest);
    let inner = inner.rsplit_once(')').map_or(inner, |(inner, _)| inner);
    let mut params = Vec::new();
    if inner.contains('|') {
        let before = inner.split('|').next().unwrap_or_default();
        params
            .extend(before.split(',').map(str::trim).filter(|name| !name.is_empty()).map(|name| format!("{name}: ?")));
        params.push("closure: Fn".into());
        let after = inner.rsplit('…').next().unwrap_or_default();
        params.extend(after.split(',').map(str::trim).filter(|name| !name.is_empty()).map(|name| format!("{name}: ?")));
        return params;
    }
    let (plain, map) = inner.split_once("#{").map_or((inner, false), |(plain, _)| (plain, true));
    params.extend(plain.split(',').map(str::trim).filter(|name| !name.is_empty()).map(|name| format!("{name}: ?")));
    params.extend(map.then(|| "more: map".to_owned()));
    params
}

fn union(types: &[&str]) -> String {
    types.iter().map(|name| of_rhai(name)).collect::<Vec<_>>().join(" | ")
}

/// A type of the tables as definition files write it.
fn of_rhai(name: &str) -> &str {
    match name {
        "string" => "String",
        "closure" => "Fn",
        "object" => "Object | map | String",
        "objects" => "Object | map | array | String",
        other => other,
    }
}

fn of_module(module: &Module) -> String {
    let mut text = String::new();
    module.doc.lines().for_each(|line| text += &format!("/// {line}\n"));
    let _ = writeln!(text, "module \"std:{}\";", module.name);
    for function in &module.functions {
        text.push('\n');
        function.doc.lines().for_each(|line| text += &format!("/// {line}\n"));
        let params: Vec<String> = function.params.iter().map(|param| format!("{param}: ?")).collect();
        let _ = writeln!(text, "fn {}({}) -> any;", function.name, params.join(", "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A definition as Rhai reads it: the declaration becomes a function that does nothing.
    fn as_script(text: &str) -> String {
        let declared = |line: &str| {
            let inner = line.strip_prefix("fn ")?;
            let (name, rest) = inner.split_once('(')?;
            let (params, end) = rest.rsplit_once(')')?;
            let ends = end == ";" || end.starts_with(" -> ") && end.ends_with(';');
            let names = params.split(", ").filter(|param| !param.is_empty()).map(|param| param.split_once(": "));
            let names = names.collect::<Option<Vec<_>>>()?;
            ends.then(|| {
                format!("fn {name}({}) {{}}", names.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", "))
            })
        };
        let script = |line: &str| match line {
            "module static;" | "" => String::new(),
            _ if line.starts_with("//") || line.starts_with("module \"std:") => String::new(),
            _ if line.starts_with("type ") || line.starts_with("let ") => match line.ends_with(';') {
                true => String::new(),
                false => "not a declaration".to_owned(),
            },
            _ => declared(line).unwrap_or_else(|| format!("not a declaration: {line}")),
        };
        // Rhai's own words cannot be declared by a script.
        let own = |line: &str| line.starts_with("fn print(") || line.starts_with("fn type_of(");
        text.lines().filter(|line| !own(line)).map(|line| script(line) + "\n").collect()
    }

    #[test]
    fn every_written_file_parses_and_declares_what_there_is() {
        let parser = crate::engine::parser();
        let files = definitions();
        for (name, text) in files.iter().filter(|(name, _)| name.to_string_lossy().ends_with(".d.rhai")) {
            // Several functions of one name and count of parameters differ in what they are called on.
            for line in as_script(text).lines() {
                let parsed = crate::engine::compile(&parser, &name.to_string_lossy(), line);
                assert!(parsed.is_ok(), "{}: {line}: {parsed:?}", name.display());
            }
        }
        let globals = &files[CONFIGS.len()].1;
        for entry in entries().filter(|entry| !matches!(entry.name, "step" | "test" | "import")) {
            let declared = globals.contains(&format!("\nfn {}(", entry.name));
            assert!(declared || globals.contains(&format!("\n// {}\n", entry.signature)), "no {}", entry.label());
        }
        assert!(globals.contains("fn cluster(on: KubeNamespace, context: String) -> Cluster;"), "{globals}");
        assert!(globals.contains("fn parallel(list: ?, closure: Fn) -> array;"), "{globals}");
    }

    #[test]
    fn the_configuration_is_where_the_server_looks_and_leaves_no_definition_out() {
        let (name, config) = &definitions()[0];
        assert_eq!(name, std::path::Path::new("Rhai.toml"));
        let sections: Vec<&str> = config.lines().filter(|line| line.starts_with('[')).collect();
        assert_eq!(sections, ["[source]"], "the server knows no other");
        let excluded = config.lines().find(|line| line.starts_with("exclude")).expect("a fork's origin");
        assert!(!excluded.contains("definitions"), "{excluded}");
    }
}
