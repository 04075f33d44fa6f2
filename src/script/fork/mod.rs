//! Your copy of a script's folder, and what became of its origin since.
//!
//! A fork keeps two things beside your files: `.meshwright/origin.yaml`, which says where it comes from, and
//! `.meshwright/origin/`, the files as they came. With them, a newer program can tell your changes from its own and
//! merge both, without any network.

mod line_ends;
mod lineage;
mod merge;
mod states;
mod upstream;

use super::bundle::{Home, Script};
use super::paths;
use crate::failure::{Failure, Kind, Result};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use lineage::Lineage;
pub use merge::{Merged, merge};
pub use states::{FileState, State, diff, states};
pub use upstream::Upstream;

/// Files by their path in a folder, with `/` in it.
pub type Files = BTreeMap<String, Vec<u8>>;

/// The folder beside your files that holds where they come from.
pub(super) const KEPT: &str = ".meshwright";

/// The file of a small fork that names its origin.
const MAIN: &str = "main.rhai";

/// Copies the folder of a script into a folder that does not exist yet or is empty; gives the files that were written.
///
/// # Errors
/// `AlreadyExists` when the folder holds something, and what writing fails with.
pub fn copy(script: &Script, into: &Path) -> Result<Vec<PathBuf>> {
    free(into)?;
    match &script.home {
        Home::Bundle(name) => {
            let upstream = Upstream::shipped(name)?;
            let files = upstream.script_files();
            Lineage::of(&upstream, files.clone(), false).write(into)?;
            write_all(into, &files)
        }
        Home::Folder(folder) | Home::Over(folder, _) => copy_folder(folder, into),
    }
}

/// Writes a small fork: a `main.rhai` that names its origin, and these of its files to be changed. A file is named as it
/// is in the script's folder, or `std:NAME` for a module.
///
/// # Errors
/// `AlreadyExists` when the folder holds something, `NotFound` when there is no such file.
pub fn copy_only(upstream: &Upstream, only: &[String], into: &Path) -> Result<Vec<PathBuf>> {
    free(into)?;
    let mut files = Files::new();
    for name in only {
        let path = upstream.path_of(name)?;
        let content = upstream.files.get(&path).cloned().unwrap_or_default();
        files.insert(path, content);
    }
    let title = Script::all().into_iter().find(|script| script.name == upstream.name);
    let title = title.and_then(|script| script.header().ok()).map(|header| header.title).unwrap_or_default();
    let main = format!("//! # {title}, here\n//!\n//! ---\n//! origin: {}\n//! ---\n", upstream.name);
    files.insert(MAIN.into(), main.into_bytes());
    Lineage::of(upstream, files.clone(), true).write(into)?;
    write_all(into, &files)
}

/// A folder that can be written to.
fn free(into: &Path) -> Result<()> {
    let taken = std::fs::read_dir(into).is_ok_and(|mut entries| entries.next().is_some());
    if !taken && !into.is_file() {
        return Ok(());
    }
    Err(Failure::new(Kind::AlreadyExists, format!("{} is there already", into.display()))
        .hint("give the copy another folder"))
}

fn copy_folder(folder: &Path, into: &Path) -> Result<Vec<PathBuf>> {
    let unreadable = |e| Failure::usage(format!("cannot copy {}: {e}", folder.display()));
    let files = read_folder(folder).map_err(unreadable)?;
    let kept = folder.join(KEPT);
    if kept.is_dir() {
        // A copy of a fork comes from where the fork comes from.
        write_all(&into.join(KEPT), &read_folder(&kept).map_err(unreadable)?)?;
    }
    write_all(into, &files)
}

fn write_all(folder: &Path, files: &Files) -> Result<Vec<PathBuf>> {
    files.iter().map(|(name, content)| write(&folder.join(name), content)).collect()
}

fn write(path: &Path, content: &[u8]) -> Result<PathBuf> {
    let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    made.and_then(|()| std::fs::write(path, content)).map_err(|e| unwritable(path, &e))?;
    Ok(path.to_owned())
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::usage(format!("cannot write {}: {error}", path.display()))
}

/// Every file of a folder; hidden ones are left out, and links, which may lead round in circles.
fn read_folder(folder: &Path) -> std::io::Result<Files> {
    read_files(folder, |_| true, |_| true)
}

/// The scripts of a folder, as [`read_folder`]; what tools build or fetch is left out too, and so is what `definitions`
/// writes for editors: declarations, no scripts.
pub(in crate::script) fn read_scripts(folder: &Path) -> std::io::Result<Files> {
    let is_script = |name: &str| name.ends_with(".rhai") && !name.ends_with(".d.rhai");
    read_files(folder, |name| !matches!(name, "target" | "node_modules"), is_script)
}

/// The regular files of a folder with such names, in folders with such names. Nothing else is opened: reading a pipe
/// would wait for ever, and what lies around may be large.
fn read_files(folder: &Path, enters: fn(&str) -> bool, takes: fn(&str) -> bool) -> std::io::Result<Files> {
    let mut found = Files::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next)? {
            let entry = entry?;
            let (path, kind, name) = (entry.path(), entry.file_type()?, entry.file_name());
            let name = name.to_string_lossy();
            if name.starts_with('.') {
                continue;
            }
            if kind.is_dir() && enters(&name) {
                folders.push(path);
            } else if kind.is_file() && takes(&name) {
                found.insert(paths::slashed(path.strip_prefix(folder).unwrap_or(&path)), std::fs::read(&path)?);
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
