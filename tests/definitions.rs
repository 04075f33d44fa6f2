//! What `meshwright definitions` writes, read by a parser that refuses what a language server would not read.
//!
//! The grammar is that of Rhai's language server: after `module NAME;` there are `type NAME = ...;`, `let NAME: TYPE;` and
//! `fn NAME(PARAM: TYPE, …) -> TYPE;`, each below its `///` comments, the module too. A type may be a map of members,
//! which is all that the server lists after a dot. That names are names, Rhai itself says: every function becomes
//! `fn NAME(PARAM, …) {}`, every variable `let NAME = ();`, every type a variable, and all is compiled.

use meshwright::primitives::TABLES;
use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};

/// What a file of definitions declares, by name; functions with how many parameters each has.
#[derive(Default)]
struct Declared {
    functions: BTreeMap<String, BTreeSet<usize>>,
    variables: BTreeMap<String, BTreeSet<String>>,
    types: BTreeSet<String>,
    comments: String,
}

/// Reads a file; the line that is no definition, or what Rhai says.
fn read(text: &str) -> Result<Declared, String> {
    const TYPE: &str = r"(?:\?|\(\)|\w+)(?: \| (?:\?|\(\)|\w+))*";
    const MEMBERS: &str = r"#\{\w+: \w+(?:, \w+: \w+)*\}";
    let pattern = |text: &str| Regex::new(&text.replace("TYPE", TYPE)).expect("pattern");
    let function = pattern(r"^fn (\w+)\(((?:\w+: TYPE(?:, \w+: TYPE)*)?)\)(?: -> TYPE)?;$");
    let (variable, kind) = (pattern(&format!(r"^let (\w+): (TYPE|{MEMBERS});$")), pattern(r"^type (\w+) = \.\.\.;$"));
    // Words of Rhai's own, which a script cannot give to a function.
    let own = pattern(r"^fn (print|type_of)\(\w+: \?\)(?: -> \w+)?;$");
    let module = pattern(r#"^module (?:static|"std:[\w/]+");$"#);
    let (mut declared, mut script, mut is_module) = (Declared::default(), String::new(), false);
    for (at, line) in text.lines().enumerate() {
        if line.is_empty() || line.starts_with("//") {
            declared.comments += line;
            continue;
        }
        if let (false, true) = (is_module, module.is_match(line)) {
            is_module = true;
        } else if let (true, Some(found)) = (is_module, own.captures(line)) {
            declared.functions.entry(found[1].to_owned()).or_default().insert(1);
        } else if let (true, Some(found)) = (is_module, function.captures(line)) {
            let params: Vec<&str> = found[2].split(", ").filter(|param| !param.is_empty()).collect();
            let names: Vec<&str> = params.iter().filter_map(|param| param.split(':').next()).collect();
            script += &format!("fn {}_{at}({}) {{}}\n", &found[1], names.join(", "));
            script +=
                &format!("fn {}() {{}}\n", &found[1]).repeat(usize::from(!declared.functions.contains_key(&found[1])));
            declared.functions.entry(found[1].to_owned()).or_default().insert(names.len());
        } else if let (true, Some(found)) = (is_module, variable.captures(line)) {
            script += &format!("let {} = ();\n", &found[1]);
            let members =
                found[2].trim_matches(['#', '{', '}']).split(", ").filter_map(|member| member.split_once(':'));
            declared.variables.insert(found[1].to_owned(), members.map(|(name, _)| name.to_owned()).collect());
        } else if let (true, Some(found)) = (is_module, kind.captures(line)) {
            script += &format!("let {} = ();\n", &found[1]);
            declared.types.insert(found[1].to_owned());
        } else {
            return Err(format!("line {}: {line}", at + 1));
        }
    }
    match rhai::Engine::new().compile(&script) {
        _ if !is_module => Err("no module".to_owned()),
        Ok(_) => Ok(declared),
        Err(error) => Err(format!("{error}\n{script}")),
    }
}

#[test]
fn every_file_of_definitions_can_be_read_and_nothing_is_missing() {
    let home = tempfile::tempdir().expect("folder");
    let mut command = assert_cmd::Command::cargo_bin("meshwright").expect("the program");
    command.arg("definitions").arg(home.path()).assert().success();
    let (mut all, mut modules) = (Declared::default(), 0);
    for entry in std::fs::read_dir(home.path().join("definitions")).expect("written") {
        let path = entry.expect("entry").path();
        let text = std::fs::read_to_string(&path).expect("text");
        let declared = read(&text).unwrap_or_else(|wrong| panic!("{}: {wrong}", path.display()));
        match path.ends_with("meshwright.d.rhai") {
            true => all = declared,
            false => {
                modules += 1;
                assert!(text.starts_with("/// "), "{} says nothing of itself", path.display());
                assert!(!declared.functions.is_empty(), "{}", path.display());
            }
        }
    }
    assert!(modules > 5, "{modules} modules");
    for primitive in TABLES.iter().flat_map(|table| table.iter()) {
        // What is a word of Rhai's own can be called after a dot, and declared by nobody: a comment says so.
        let is_name = rhai::Engine::new().compile(format!("fn {}() {{}}", primitive.name)).is_ok();
        // And so it is with the name of an object, which a server would take for the function.
        let is_taken = !is_name || all.variables.contains_key(primitive.name);
        let is_told = all.comments.contains(&format!("{}(", primitive.label()));
        assert_eq!(!is_taken, all.functions.contains_key(primitive.name), "{}", primitive.label());
        assert!(!is_taken || is_told, "{} is missing", primitive.label());
        let is_listed = match primitive.on {
            "" => true,
            on if on.starts_with(char::is_lowercase) => all.variables[on].contains(primitive.name) || !is_name,
            on => all.types.contains(on),
        };
        assert!(is_listed, "{} is missing", primitive.label());
    }
    let known: BTreeSet<usize> = all.functions["cluster"].clone();
    assert!(known.contains(&1) || known.contains(&2), "{known:?}");
}

#[test]
fn what_a_language_server_could_not_read_is_refused() {
    for wrong in [
        "fn f();",
        "module static;\nfn f(a);",
        "module static;\nfn f(a: int) -> ;",
        "module static;\nfn f(a: int)",
        "module static;\nlet a = 1;",
        "module static;\ntype A;",
        "module static;\nfn if(a: int);",
        "module static;\nfn f(fn: int);",
        "module static;\nmodule static;",
    ] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
    assert!(read("module static;\n\n/// It.\nfn f(a: int | (), b: ?) -> Cluster | ();\nlet kube: #{cluster: Fn};\ntype A = ...;").is_ok());
}
