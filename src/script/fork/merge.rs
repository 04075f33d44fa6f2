//! Taking what upstream changed into a fork.

use super::states::{FileState, State};
use super::{Files, Lineage, Upstream, states};
use crate::failure::{Failure, Kind, Result};
use std::path::Path;

/// What a merge did.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Merged {
    /// Files that upstream's changes went into, or that were added or removed as upstream did; each with a word.
    pub taken: Vec<(String, &'static str)>,
    /// Files to be settled by hand, each with why.
    pub conflicts: Vec<(String, String)>,
}

/// What becomes of one file.
enum Outcome {
    Keep,
    Write(Vec<u8>, &'static str),
    Remove,
    /// To be settled by hand; with marks in the file, or as you have it.
    Conflict(Option<Vec<u8>>, String),
}

/// Merges what upstream has changed into the fork in a folder. Conflicts are marked in the files as git marks them.
/// Everything is read, and written aside, before the first file is put in place.
///
/// # Errors
/// `Conflict` when marks of an earlier merge are left, and what reading and writing fail with.
pub fn merge(folder: &Path, lineage: &Lineage, upstream: &Upstream) -> Result<Merged> {
    let files = states(folder, lineage, upstream)?;
    settled(&files)?;
    let mut merged = Merged::default();
    let (mut writes, mut removals, mut base) = (Files::new(), Vec::new(), Files::new());
    for file in files {
        if let Some(content) = &file.upstream {
            base.insert(file.path.clone(), content.clone());
        }
        match outcome(&file) {
            Outcome::Keep => {}
            Outcome::Write(content, word) => {
                writes.insert(file.path.clone(), file.ended(content));
                merged.taken.push((file.path, word));
            }
            Outcome::Remove => {
                removals.push(file.path.clone());
                merged.taken.push((file.path, "removed"));
            }
            Outcome::Conflict(content, why) => {
                writes.extend(content.map(|content| (file.path.clone(), file.ended(content))));
                merged.conflicts.push((file.path, why));
            }
        }
    }
    put(folder, &writes, &removals)?;
    Lineage::of(upstream, base, lineage.only).write(folder)?;
    Ok(merged)
}

fn settled(files: &[FileState]) -> Result<()> {
    let open: Vec<&str> =
        files.iter().filter(|file| file.state == State::Unsettled).map(|file| file.path.as_str()).collect();
    if open.is_empty() {
        return Ok(());
    }
    Err(Failure::new(Kind::Conflict, "an earlier merge is not settled yet")
        .details(open.iter().map(|path| format!("{path} has marks: <<<<<<< … >>>>>>>")))
        .hint("edit the files until the marks are gone, then merge again"))
}

fn outcome(file: &FileState) -> Outcome {
    match (file.state, &file.yours, &file.upstream) {
        (State::Upstream, None, Some(content)) => Outcome::Write(content.clone(), "added"),
        (State::Upstream, Some(_), Some(content)) => Outcome::Write(content.clone(), "changed"),
        (State::Upstream, ..) => Outcome::Remove,
        (State::Both, Some(yours), Some(theirs)) => both(file.base.as_deref(), yours, theirs),
        (State::Both, None, _) => Outcome::Conflict(
            None,
            "changed upstream, removed by you: it stays removed; upstream's is in .meshwright/origin".into(),
        ),
        (State::Both, _, None) => Outcome::Conflict(None, "removed upstream, changed by you: yours stays".into()),
        _ => Outcome::Keep,
    }
}

fn both(base: Option<&[u8]>, yours: &[u8], theirs: &[u8]) -> Outcome {
    let texts = [base.unwrap_or_default(), yours, theirs].map(std::str::from_utf8);
    let [Ok(base), Ok(yours), Ok(theirs)] = texts else {
        return Outcome::Conflict(
            None,
            "no text, changed on both sides: yours stays; upstream's is in .meshwright/origin".into(),
        );
    };
    let mut options = diffy::MergeOptions::new();
    options.set_conflict_style(diffy::ConflictStyle::Merge).set_incomplete_hunk_style(diffy::IncompleteHunkStyle::Git);
    match options.merge(base, yours, theirs) {
        Ok(text) => Outcome::Write(text.into_bytes(), "merged"),
        Err(text) => {
            let count = text.lines().filter(|line| *line == "<<<<<<< ours").count();
            let why = if count == 1 { "1 place".to_owned() } else { format!("{count} places") };
            Outcome::Conflict(Some(text.into_bytes()), format!("{why} to settle between <<<<<<< and >>>>>>>"))
        }
    }
}

/// Writes all files beside the fork first, and puts them in place only when all are written.
fn put(folder: &Path, writes: &Files, removals: &[String]) -> Result<()> {
    let failed =
        |e: std::io::Error| Failure::usage(format!("cannot write in {}: {e}; nothing was changed", folder.display()));
    let aside = tempfile::Builder::new().prefix(".merge-").tempdir_in(folder).map_err(failed)?;
    super::write_all(aside.path(), writes)?;
    for target in writes.keys().map(|path| folder.join(path)) {
        target.parent().map_or(Ok(()), std::fs::create_dir_all).map_err(failed)?;
    }
    for path in writes.keys() {
        let target = folder.join(path);
        std::fs::rename(aside.path().join(path), &target).map_err(|e| super::unwritable(&target, &e))?;
    }
    for path in removals {
        let target = folder.join(path);
        std::fs::remove_file(&target).map_err(|e| super::unwritable(&target, &e))?;
    }
    Ok(())
}
