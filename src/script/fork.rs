//! A copy of a script's folder, to be changed.

use super::bundle::{Home, Script, bundled_files};
use crate::failure::{Failure, Kind, Result};
use std::path::{Path, PathBuf};

/// Copies the folder of a script into a folder that does not exist yet or is empty; gives the files that were written.
///
/// # Errors
/// `AlreadyExists` when the folder holds something, and what writing fails with.
pub fn copy(script: &Script, into: &Path) -> Result<Vec<PathBuf>> {
    let taken = std::fs::read_dir(into).is_ok_and(|mut entries| entries.next().is_some());
    if taken || into.is_file() {
        return Err(Failure::new(Kind::AlreadyExists, format!("{} is there already", into.display()))
            .hint("give the copy another folder"));
    }
    let mut written = Vec::new();
    for (name, content) in files(script)? {
        let path = into.join(&name);
        let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
        made.and_then(|()| std::fs::write(&path, content)).map_err(|e| unwritable(&path, &e))?;
        written.push(path);
    }
    Ok(written)
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::usage(format!("cannot write {}: {error}", path.display()))
}

/// Every file of a script's folder, by its path in there.
fn files(script: &Script) -> Result<Vec<(PathBuf, Vec<u8>)>> {
    match &script.home {
        Home::Bundle(name) => Ok(bundled_files(name)),
        Home::Folder(folder) => {
            let mut found = Vec::new();
            read(folder, folder, &mut found)
                .map_err(|e| Failure::usage(format!("cannot copy {}: {e}", folder.display())))?;
            Ok(found)
        }
    }
}

fn read(root: &Path, folder: &Path, into: &mut Vec<(PathBuf, Vec<u8>)>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.strip_prefix(root).unwrap_or(&path).to_owned();
        let is_hidden = name.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        match path.is_dir() {
            _ if is_hidden => {}
            true => read(root, &path, into)?,
            false => into.push((name, std::fs::read(&path)?)),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_a_script_with_everything_beside_it() {
        let folder = tempfile::tempdir().expect("folder");
        let script = Script::all().remove(0);
        let into = folder.path().join("mine");
        let written = copy(&script, &into).expect("copied");
        assert!(written.contains(&into.join("main.rhai")) && written.contains(&into.join("rehearsal.rhai")));
        let found = crate::script::find("mine", folder.path()).expect("a script");
        assert_eq!(found.text, script.text);
        assert_eq!(found.tasks(), script.tasks());
        assert_eq!(copy(&script, &into).expect_err("taken").kind, Kind::AlreadyExists);
        let again = copy(&found, &folder.path().join("again")).expect("a copy of the copy");
        assert_eq!(again.len(), written.len());
    }
}
