//! Finds programs the way a shell does.

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The program's path: `tool` itself when it is a path, else the first match in the folders of `path`.
pub(super) fn search(tool: &str, path: Option<&OsStr>) -> Option<PathBuf> {
    if tool.is_empty() {
        return None;
    }
    if tool.contains('/') {
        // From here, whatever folder it is started in.
        return std::path::absolute(tool).ok().filter(|path| executable(path));
    }
    let folders = std::env::split_paths(path?).filter(|folder| folder.is_absolute());
    folders.map(|folder| folder.join(tool)).find(|path| executable(path))
}

fn executable(path: &Path) -> bool {
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_executable_files_are_programs() {
        let folder = tempfile::tempdir().expect("folder");
        let (tool, notes) = (folder.path().join("tool"), folder.path().join("notes"));
        std::fs::write(&tool, "").expect("write");
        std::fs::write(&notes, "").expect("write");
        std::fs::set_permissions(&tool, std::fs::Permissions::from_mode(0o755)).expect("mode");
        let path = std::env::join_paths([Path::new("/nowhere"), folder.path()]).expect("path");
        assert_eq!(search("tool", Some(&path)), Some(tool.clone()));
        assert_eq!(search(tool.to_str().expect("utf-8"), None), Some(tool));
        for missing in ["notes", "other", ""] {
            assert_eq!(search(missing, Some(&path)), None, "{missing}");
        }
    }

    #[test]
    fn the_current_folder_is_not_searched() {
        assert_eq!(search("Cargo.toml", Some(OsStr::new(".:"))), None);
    }
}
