//! Which files a name means, and what is wrong with each.

use super::{Around, Subject, check, lacking};
use crate::engine::{Callables, Sources as _};
use crate::failure::{Failure, Kind, Result};
use crate::script::bundle::{self, Home, Script};
use crate::script::fork::Upstream;
use crate::script::outline::Outline;
use crate::script::{Resolver, own_steps, paths, small};
use std::path::{Path, PathBuf};

/// What can be called from scripts, from tests, and from a `rehearsal.rhai` with the files beside it.
pub struct Vocabulary {
    /// From scripts and modules.
    pub scripts: Callables,
    /// From files of tests.
    pub tests: Callables,
    /// From rehearsals.
    pub rehearsals: Callables,
}

/// One file that was checked.
#[derive(Debug)]
pub struct Checked {
    /// Its source name.
    pub source: String,
    /// What is wrong with it.
    pub found: Vec<Failure>,
}

/// A file to be checked: its source name, its path in the folder, its text.
type File = (String, String, String);

/// Checks what a name means: a file, every script of a folder, or a bundled script with everything beside it; tests too.
///
/// # Errors
/// When there is no such script, with the nearest name; when a file cannot be read.
pub fn check_all(name: &str, working: &Path, words: &Vocabulary) -> Result<Vec<Checked>> {
    let path = paths::plain(&working.join(name));
    if path.is_dir() && bundle::bundled(&format!("{name}/main.rhai")).is_none() {
        return check_folder(&path, working, words);
    }
    if let Some(checked) = part_of_folder(&path, working, words)? {
        return Ok(vec![checked]);
    }
    let script = bundle::find(name, working)?;
    let files = match &script.home {
        Home::Bundle(folder) if script.source.ends_with("/main.rhai") => bundled(folder)?,
        _ => vec![(script.source.clone(), in_folder(&script), script.text.clone())],
    };
    let resolver = Resolver::for_script(&script, working);
    let files = with_imports(files, &resolver);
    Ok(files.into_iter().map(|file| checked(file, &resolver, words, None)).collect())
}

/// A file on disk as a part of the script whose folder it lies in: a step, a module or a rehearsal means something there
/// only.
fn part_of_folder(path: &Path, working: &Path, words: &Vocabulary) -> Result<Option<Checked>> {
    if !path.is_file() || path.file_name().is_some_and(|name| name == "main.rhai") {
        return Ok(None);
    }
    let Some(folder) = path.ancestors().skip(1).find(|folder| folder.join("main.rhai").is_file()) else {
        return Ok(None);
    };
    let source = paths::disk_name(path, &paths::plain(working));
    let all = check_folder(folder, working, words)?;
    Ok(all.into_iter().find(|checked| checked.source == source))
}

/// The path of a script in its folder.
fn in_folder(script: &Script) -> String {
    script.source.rsplit('/').next().unwrap_or(&script.source).to_owned()
}

/// These files, and yours that they import.
fn with_imports(mut files: Vec<File>, resolver: &Resolver) -> Vec<File> {
    let mut next = 0;
    while let Some((source, path, text)) = files.get(next).cloned() {
        for import in Outline::of(&text).imports {
            let Ok((found, text)) = resolver.load(&import.path, Some(&source)) else { continue };
            if paths::is_on_disk(&found) && !files.iter().any(|(source, ..)| *source == found) {
                files.push((found, beside(&path, &import.path), text));
            }
        }
        next += 1;
    }
    files
}

/// The path of a module in the folder of the file that imports it.
fn beside(path: &str, import: &str) -> String {
    let name = import.strip_prefix("std:").map_or_else(|| import.to_owned(), |name| format!("stdlib/{name}"));
    let start = if import.starts_with("std:") { "" } else { paths::folder(path) };
    paths::with_extension(&paths::within(start, &name).unwrap_or(name))
}

fn bundled(folder: &str) -> Result<Vec<File>> {
    let files = Upstream::shipped(folder)?.script_files().into_iter().filter(|(path, _)| is_script(path));
    Ok(files
        .map(|(path, content)| (format!("{folder}/{path}"), path, String::from_utf8_lossy(&content).into_owned()))
        .collect())
}

fn is_script(path: &str) -> bool {
    path.ends_with(".rhai")
}

fn check_folder(folder: &Path, working: &Path, words: &Vocabulary) -> Result<Vec<Checked>> {
    let unreadable = |e| Failure::usage(format!("cannot read {}: {e}", folder.display()));
    let files = crate::script::fork::read_scripts(folder).map_err(unreadable)?;
    let mut all = Vec::new();
    let mut texts: Vec<File> = Vec::new();
    for (path, content) in files {
        let source = paths::disk_name(&folder.join(&path), &paths::plain(working));
        match String::from_utf8(content) {
            Ok(text) => texts.push((source, path, text)),
            Err(e) => all.push(Checked { found: vec![no_text(&source, &e)], source }),
        }
    }
    let files = texts;
    if files.is_empty() && all.is_empty() {
        return Err(Failure::new(Kind::NotFound, format!("there are no scripts in {}", folder.display())));
    }
    let (mut main, mut around, mut is_small) = (main_of(folder), None, false);
    // A script's folder further down has imports, steps and a rehearsal of its own.
    let inner = inner(&files);
    for below in &inner {
        all.extend(check_folder(&folder.join(below), working, words)?);
    }
    let is_inner = |path: &str| inner.iter().any(|below| path.starts_with(&format!("{below}/")));
    let files: Vec<File> = files.into_iter().filter(|(_, path, _)| !is_inner(path)).collect();
    if let Some(text) = files.iter().find(|(_, path, _)| path == "main.rhai").map(|(.., text)| text.clone()) {
        let source = paths::disk_name(&folder.join("main.rhai"), &paths::plain(working));
        main = Script { source: source.clone(), text, ..main };
        match small::origin(&main) {
            Ok(None) => {}
            Ok(Some(_)) => {
                is_small = true;
                let found = bundle::find(&folder.join("main.rhai").to_string_lossy(), working);
                let header = found.clone().map_err(|failure| vec![failure]).and_then(|script| script.read_header());
                main = found.unwrap_or(main);
                let wrong = header.map(|header| around = Some(Around::of(&main.text, header))).err();
                all.extend(wrong_in(wrong.unwrap_or_default(), source));
            }
            Err(failure) => all.push(Checked { source, found: vec![failure] }),
        }
    }
    let resolver = Resolver::for_script(&main, working);
    let is_done = |source: &str| all.iter().any(|checked: &Checked| checked.source == source);
    // Steps without the script around them cannot be read.
    let is_lost = |path: &str| is_small && around.is_none() && path.starts_with(own_steps::FOLDER);
    let rest: Vec<File> = files.into_iter().filter(|(source, path, _)| !is_done(source) && !is_lost(path)).collect();
    all.extend(rest.into_iter().map(|file| checked(file, &resolver, words, around.as_ref())));
    Ok(all)
}

fn no_text(source: &str, error: &std::string::FromUtf8Error) -> Failure {
    let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let column = String::from_utf8_lossy(before).lines().last().map_or(0, |line| line.chars().count()) + 1;
    let failure = Failure::usage(format!("{source} is not text in UTF-8")).hint("save it as UTF-8");
    let place = crate::failure::Place { source: source.to_owned(), line, column };
    Failure { places: vec![place], ..failure }
}

/// The folders among these files that are a script's, those in such a one left out.
fn inner(files: &[File]) -> Vec<String> {
    let mut folders: Vec<String> = Vec::new();
    let mut all: Vec<&str> = files.iter().filter_map(|(_, path, _)| path.strip_suffix("/main.rhai")).collect();
    all.sort_by_key(|folder| folder.len());
    for folder in all {
        if !folders.iter().any(|outer| folder.starts_with(&format!("{outer}/"))) {
            folders.push(folder.to_owned());
        }
    }
    folders
}

fn main_of(folder: &Path) -> Script {
    let name = folder.display().to_string();
    Script { source: name.clone(), name, text: String::new(), home: Home::Folder(PathBuf::from(folder)) }
}

/// What is wrong with a small fork's header, or with one of its steps, which is the file that is wrong then.
fn wrong_in(failures: Vec<Failure>, source: String) -> Vec<Checked> {
    let elsewhere = failures.first().and_then(|failure| failure.places.first()).map(|place| place.source.clone());
    match elsewhere.filter(|other| *other != source) {
        None => vec![Checked { source, found: failures }],
        Some(step) => vec![Checked { source, found: Vec::new() }, Checked { source: step, found: failures }],
    }
}

fn checked((source, path, text): File, resolver: &Resolver, words: &Vocabulary, around: Option<&Around>) -> Checked {
    let is_rehearsal = path == "rehearsal.rhai" || path.starts_with("rehearsal/");
    let is_test = path.ends_with("_test.rhai");
    let module = path.strip_prefix("stdlib/").and_then(|path| path.strip_suffix(".rhai")).filter(|_| !is_test);
    let known = match () {
        () if is_test => &words.tests,
        () if is_rehearsal => &words.rehearsals,
        () => &words.scripts,
    };
    // A test may do everything, and has no parameters.
    let is_module = is_test || is_rehearsal || module.is_some();
    let around = around.filter(|_| path.starts_with(own_steps::FOLDER) && !is_test);
    let subject = Subject { source: &source, text: &text, is_module, around };
    let mut found = check(&subject, known, resolver);
    found.extend(module.map(|module| lacking(&source, &text, module)).unwrap_or_default());
    Checked { source, found }
}
