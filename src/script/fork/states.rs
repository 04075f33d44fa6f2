//! What became of each file of a fork: on your side, and upstream.

use super::{Files, Lineage, MAIN, Upstream, line_ends, read_folder};
use crate::failure::{Failure, Result};
use std::collections::BTreeSet;
use std::path::Path;

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It is as it came, and upstream has the same.
    Same,
    /// Only you changed, added or removed it.
    Yours,
    /// Only upstream did.
    Upstream,
    /// Both did, in the same way.
    Agreed,
    /// Both did, differently.
    Both,
    /// A merge left marks in it that nobody has settled yet.
    Unsettled,
}

impl State {
    /// Its name in data.
    pub fn name(self) -> &'static str {
        match self {
            State::Same => "same",
            State::Yours => "yours",
            State::Upstream => "upstream",
            State::Agreed => "agreed",
            State::Both => "both",
            State::Unsettled => "unsettled",
        }
    }
}

/// One file of a fork.
#[derive(Debug, Clone, PartialEq)]
pub struct FileState {
    /// Its path in the fork.
    pub path: String,
    /// What became of it.
    pub state: State,
    /// As it came; `None` when it did not come from the origin.
    pub base: Option<Vec<u8>>,
    /// As you have it, with the origin's line ends; `None` when you have not.
    pub yours: Option<Vec<u8>>,
    /// As upstream has it now.
    pub upstream: Option<Vec<u8>>,
    /// Whether your lines end as on Windows, and the origin's do not.
    ends_as_windows: bool,
}

impl FileState {
    fn new(path: &str, lineage: &Lineage, yours: &Files, upstream: &Files) -> FileState {
        let of = |files: &Files| files.get(path).cloned();
        let (base, yours, upstream) = (of(&lineage.base), of(yours), of(upstream));
        let is_plain = |content: &Option<Vec<u8>>| !content.as_ref().is_some_and(|content| content.contains(&b'\r'));
        let plain = yours.as_deref().and_then(line_ends::plain).filter(|_| is_plain(&base) && is_plain(&upstream));
        let ends_as_windows = plain.is_some();
        let yours = plain.or(yours);
        let state = match (yours == base, upstream == base) {
            _ if yours.as_deref().is_some_and(has_marks) => State::Unsettled,
            (true, true) => State::Same,
            (false, true) => State::Yours,
            (true, false) => State::Upstream,
            _ if yours == upstream => State::Agreed,
            _ => State::Both,
        };
        FileState { path: path.to_owned(), state, base, yours, upstream, ends_as_windows }
    }

    /// A new content with the line ends that you have.
    pub(super) fn ended(&self, content: Vec<u8>) -> Vec<u8> {
        if self.ends_as_windows { line_ends::windows(content) } else { content }
    }

    /// Whether upstream has something that you have not.
    pub fn is_to_take(&self) -> bool {
        matches!(self.state, State::Upstream | State::Both)
    }

    /// What became of it, in words; `None` when nothing did.
    pub fn words(&self) -> Option<String> {
        let (you, they) = (became(&self.base, &self.yours), became(&self.base, &self.upstream));
        Some(match self.state {
            State::Same => return None,
            State::Yours => format!("{you} by you"),
            State::Upstream => format!("{they} upstream"),
            State::Agreed => format!("{they} upstream, and by you in the same way"),
            State::Both if you == they => format!("{you} by you and upstream"),
            State::Both => format!("{you} by you, {they} upstream"),
            State::Unsettled => "has marks of a merge to settle: <<<<<<< … >>>>>>>".to_owned(),
        })
    }
}

fn became(base: &Option<Vec<u8>>, now: &Option<Vec<u8>>) -> &'static str {
    match (base, now) {
        (None, _) => "added",
        (_, None) => "removed",
        _ => "changed",
    }
}

/// Whether a file holds the three marks of a conflict, each at the start of a line.
fn has_marks(content: &[u8]) -> bool {
    let text = String::from_utf8_lossy(content);
    ["<<<<<<< ours", "=======", ">>>>>>> theirs"].iter().all(|mark| text.lines().any(|line| line == *mark))
}

/// What became of each file of the fork in a folder.
///
/// # Errors
/// When the files cannot be read.
pub fn states(folder: &Path, lineage: &Lineage, upstream: &Upstream) -> Result<Vec<FileState>> {
    let yours = read_folder(folder).map_err(|e| Failure::usage(format!("cannot read {}: {e}", folder.display())))?;
    let theirs = if lineage.only { asked_for(lineage, upstream) } else { upstream.script_files() };
    let paths: BTreeSet<&String> = lineage.base.keys().chain(yours.keys()).chain(theirs.keys()).collect();
    Ok(paths.into_iter().map(|path| FileState::new(path, lineage, &yours, &theirs)).collect())
}

/// What a small fork takes of upstream: no file that it did not ask for. Its `main.rhai` was made for it, so upstream has
/// none that could change.
fn asked_for(lineage: &Lineage, upstream: &Upstream) -> Files {
    let of = |path: &String, base: &Vec<u8>| match path.as_str() {
        MAIN => Some(base.clone()),
        path => upstream.files.get(path).cloned(),
    };
    lineage.base.iter().filter_map(|(path, base)| Some((path.clone(), of(path, base)?))).collect()
}

/// Your changes as a unified diff against the files as they came.
pub fn diff(states: &[FileState]) -> String {
    let changed = states.iter().filter(|file| file.yours != file.base);
    changed.map(|file| file_diff(&file.path, file.base.as_deref(), file.yours.as_deref())).collect()
}

fn file_diff(path: &str, base: Option<&[u8]>, yours: Option<&[u8]>) -> String {
    let texts = [base, yours].map(|content| std::str::from_utf8(content.unwrap_or_default()));
    let [Ok(old), Ok(new)] = texts else {
        return format!("Binary files a/{path} and b/{path} differ\n");
    };
    let name = |side: &str, content: Option<&[u8]>| content.map_or("/dev/null".into(), |_| format!("{side}/{path}"));
    let (from, to) = (name("a", base), name("b", yours));
    similar::TextDiff::from_lines(old, new).unified_diff().header(&from, &to).to_string()
}
