//! Commands about scripts: opening, running step by step, editing, copying, writing what was typed.

use crate::failure::{Failure, Result};
use crate::repl::{Output, Repl, export};
use crate::script;
use std::path::{Path, PathBuf};

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

fn needs_name(command: &str) -> Failure {
    Failure::usage(format!(":{command} takes the name of a script or a file"))
        .hint("`meshwright list` lists the scripts there are")
}

pub(in crate::repl) fn load(repl: &mut Repl, line: &str) -> Result<Output> {
    let words = words(line);
    let (name, rest) = words.split_first().ok_or_else(|| needs_name("load"))?;
    repl.open(name, rest)
}

pub(super) fn fork(repl: &mut Repl, line: &str) -> Result<Output> {
    let words = words(line);
    let (name, rest) = words.split_first().ok_or_else(|| needs_name("fork"))?;
    let (folder, rest) = match rest.split_first() {
        Some((folder, rest)) if !folder.starts_with("--") => (folder.clone(), rest),
        _ => (name.rsplit('/').next().unwrap_or(name).to_owned(), rest),
    };
    let working = std::env::current_dir().unwrap_or_default();
    let script = script::find(name, &working)?;
    let written = script::fork::copy(&script, &working.join(&folder))?;
    let task = script.source.rsplit('/').next().unwrap_or("main.rhai");
    let start = if folder.starts_with(['/', '.']) { "" } else { "./" };
    let folder = format!("{start}{}", folder.trim_end_matches('/'));
    let copy = if task == "main.rhai" { folder.clone() } else { format!("{folder}/{task}") };
    let mut output = repl.open(&copy, rest)?;
    output.talk =
        format!("{} files in {folder}, yours to change: `:edit`, then `:reload`\n{}", written.len(), output.talk);
    Ok(output)
}

pub(super) fn steps(repl: &mut Repl, _: &str) -> Result<Output> {
    repl.list_steps()
}

pub(super) fn run(repl: &mut Repl, step: &str) -> Result<Output> {
    repl.run_step(step)
}

pub(super) fn next(repl: &mut Repl, _: &str) -> Result<Output> {
    repl.run_next()
}

pub(super) fn skip(repl: &mut Repl, _: &str) -> Result<Output> {
    repl.skip()
}

pub(super) fn reload(repl: &mut Repl, _: &str) -> Result<Output> {
    repl.reload()
}

/// Edits the open script, a file, or the last input; what was edited is reloaded, or run.
pub(super) fn edit(repl: &mut Repl, file: &str) -> Result<Output> {
    if !file.is_empty() {
        let (path, is_of_script) = repl.named_file(file);
        editor(&path)?;
        if is_of_script {
            return repl.reload();
        }
        return Ok(Output::talk(format!("`:load {file}` runs it\n")));
    }
    if let Some(file) = repl.script_file() {
        // What a small fork says of its origin's tasks stands in its `main.rhai`.
        editor(&if file.is_file() { file } else { file.with_file_name("main.rhai") })?;
        return repl.reload();
    }
    if repl.opened.is_some() {
        return repl.reload();
    }
    let last = repl.inputs.all().last().map(|input| input.text.clone()).unwrap_or_default();
    let made = tempfile::Builder::new().prefix("meshwright-").suffix(".rhai").tempfile();
    let unwritable = |e: std::io::Error| Failure::usage(format!("cannot write a file to edit: {e}"));
    let file = made.map_err(unwritable)?;
    std::fs::write(file.path(), last).map_err(unwritable)?;
    editor(file.path())?;
    let text = std::fs::read_to_string(file.path()).map_err(unwritable)?;
    if text.trim().is_empty() { Ok(Output::default()) } else { repl.evaluate(text.trim_end()) }
}

/// Runs the user's editor on a file.
fn editor(file: &Path) -> Result<()> {
    let set = |name: &str| std::env::var(name).ok().filter(|command| !command.trim().is_empty());
    let command = set("VISUAL").or_else(|| set("EDITOR")).unwrap_or_else(|| "vi".to_owned());
    let mut words = command.split_whitespace();
    let program = words.next().unwrap_or("vi");
    let failed = |why: String| Failure::usage(format!("the editor `{command}` {why}")).hint("set EDITOR to yours");
    let status = std::process::Command::new(program).args(words).arg(file).status();
    let status = status.map_err(|e| failed(format!("cannot be started: {e}")))?;
    if status.success() { Ok(()) } else { Err(failed(format!("ended with {status}"))) }
}

/// Writes the inputs that went well as they were typed: all, or `2-5` of them.
pub(super) fn save(repl: &mut Repl, line: &str) -> Result<Output> {
    let words = words(line);
    let usage = || Failure::usage(":save takes a file, and perhaps which inputs: `:save mine.rhai 2-5`");
    let file = words.first().ok_or_else(usage)?;
    let range = match words.get(1) {
        None => 1..=usize::MAX,
        Some(text) => {
            let (first, last) = text.split_once('-').unwrap_or((text, text));
            first.parse().map_err(|_| usage())?..=last.parse().map_err(|_| usage())?
        }
    };
    let inputs = repl.inputs.all().iter().enumerate();
    let kept = inputs.filter(|(index, input)| input.succeeded && range.contains(&(index + 1)));
    let text: String = kept.map(|(_, input)| format!("{}\n", input.text.trim_end())).collect();
    write(file, &text)
}

/// Writes a script that does what the session did.
pub(super) fn export(repl: &mut Repl, file: &str) -> Result<Output> {
    if file.is_empty() {
        return Err(Failure::usage(":export takes the file to write").hint("`:export mine.rhai`"));
    }
    let text = export::script(
        repl,
        Path::new(file).file_stem().map_or("session".into(), |stem| stem.to_string_lossy()).as_ref(),
    )?;
    let mut output = write(file, &text)?;
    let verb = if repl.is_rehearsal() { "rehearse" } else { "run" };
    let again = || format!("`meshwright {verb} ./{}` does it again\n", file.trim_start_matches("./"));
    output.talk += &apart(repl, file).unwrap_or_else(again);
    Ok(output)
}

/// What is said of a script that was written outside of the folder whose files the open one stands on.
fn apart(repl: &Repl, file: &str) -> Option<String> {
    let script = &repl.opened.as_ref()?.script;
    let stand_ins = repl.is_rehearsal() && script.beside("rehearsal.rhai").is_some();
    let Some(home) = script.home.on_disk() else {
        let way = format!("`:fork {}` makes a folder to `:export` into", script.name);
        return stand_ins
            .then(|| format!("! what answers for programs and pods in a rehearsal is not beside it; {way}\n"));
    };
    let is_over = script.home.bundled().is_some() || home.join("stdlib").is_dir();
    let imports = script::Outline::of(&script.text).imports;
    let stands_on_it = stand_ins || is_over || imports.iter().any(|import| import.path.starts_with("./"));
    let (_, is_of_script) = repl.named_file(file);
    let name = Path::new(file).file_name()?.to_string_lossy();
    let said = format!(
        "! what stands in {0} is found only from there: `:export {0}/{name}` writes it beside that\n",
        home.display()
    );
    (stands_on_it && !is_of_script).then_some(said)
}

/// Writes a new file; a file that is there is left alone.
fn write(file: &str, text: &str) -> Result<Output> {
    let path = PathBuf::from(file);
    let clean = crate::secret::Redactor::global().scrub(text);
    let made = std::fs::OpenOptions::new().write(true).create_new(true).open(&path);
    let written = made.and_then(|mut file| std::io::Write::write_all(&mut file, clean.as_bytes()));
    written.map_err(|e| match e.kind() {
        std::io::ErrorKind::AlreadyExists => {
            Failure::usage(format!("{file} is there already")).hint("give another name, or take that file away")
        }
        _ => Failure::usage(format!("cannot write {file}: {e}")),
    })?;
    Ok(Output::talk(format!("wrote {file}, {} lines\n", clean.lines().count())))
}
