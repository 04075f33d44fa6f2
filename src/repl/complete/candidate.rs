//! What Tab offers of things that have a name anywhere: functions, scripts, modules, files.

use crate::doc::{first_sentence, script_signature};
use crate::engine::Primitive;
use crate::primitives::Host;
use std::path::Path;

/// One thing that Tab offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// What is put into the line.
    pub text: String,
    /// What is shown in the list.
    pub shown: String,
}

impl Candidate {
    pub(super) fn plain(text: impl Into<String>) -> Candidate {
        let text = text.into();
        Candidate { shown: text.clone(), text }
    }

    pub(super) fn told(text: impl Into<String>, about: &str) -> Candidate {
        let text = text.into();
        let shown = if about.is_empty() { text.clone() } else { format!("{text}  {about}") };
        Candidate { text, shown }
    }
}

/// The candidates that begin with a word, each once, in order of their names.
pub(super) fn begun(word: &str, mut candidates: Vec<Candidate>) -> Vec<Candidate> {
    candidates.retain(|candidate| candidate.text.starts_with(word));
    let mut seen = std::collections::HashSet::new();
    candidates.retain(|candidate| seen.insert(candidate.text.clone()));
    candidates
}

pub(super) fn function(primitive: &'static Primitive<Host>) -> Candidate {
    let text =
        if primitive.params.is_empty() { format!("{}()", primitive.name) } else { format!("{}(", primitive.name) };
    let signature = primitive.signature();
    let own = signature.strip_prefix(primitive.on).map_or(signature.as_str(), |rest| rest.trim_start_matches('.'));
    Candidate { text, shown: format!("{own}  {}", first_sentence(primitive.doc)) }
}

pub(super) fn functions(module: &str, known: &[crate::script::outline::Function]) -> Vec<Candidate> {
    let candidate = |function: &crate::script::outline::Function| {
        let text =
            if function.params.is_empty() { format!("{}()", function.name) } else { format!("{}(", function.name) };
        let doc = function.doc.replace('\n', " ");
        Candidate { text, shown: format!("{}  {}", script_signature(module, function), first_sentence(&doc)) }
    };
    known.iter().map(candidate).collect()
}

/// Scripts of the bundle and their tasks.
pub(super) fn scripts() -> Vec<Candidate> {
    let with_tasks = |script: crate::script::Script| {
        let tasks: Vec<_> = script.tasks().iter().map(|task| format!("{}/{task}", script.name)).collect();
        std::iter::once(script.name.clone()).chain(tasks).collect::<Vec<_>>()
    };
    crate::script::Script::all().into_iter().flat_map(with_tasks).map(Candidate::plain).collect()
}

/// What `import` takes.
pub(super) fn imports(text: &str) -> Vec<Candidate> {
    let word = text.rsplit('"').next().unwrap_or_default();
    let library = crate::script::library_names().into_iter().map(|name| Candidate::plain(format!("std:{name}")));
    let beside = files(if word.starts_with("./") { word } else { "./" }).into_iter();
    let beside = beside.map(|file| Candidate::plain(file.text.trim_end_matches(".rhai").to_owned()));
    library.chain(beside).collect()
}

/// Files and folders whose path begins like this.
pub(super) fn files(word: &str) -> Vec<Candidate> {
    let (folder, _) = word.rsplit_once('/').map_or(("", word), |(folder, name)| (folder, name));
    let prefix = if word.contains('/') { format!("{folder}/") } else { String::new() };
    let entries = std::fs::read_dir(if prefix.is_empty() { Path::new(".") } else { Path::new(&prefix) });
    let mut found: Vec<Candidate> = Vec::new();
    for entry in entries.into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_folder = entry.path().is_dir();
        if name.starts_with('.') || !is_folder && !name.contains('.') {
            continue;
        }
        found.push(Candidate::plain(format!("{prefix}{name}{}", if is_folder { "/" } else { "" })));
    }
    found.sort_by(|one, other| one.text.cmp(&other.text));
    found
}
