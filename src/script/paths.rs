//! Source names: which file of which place a name means.
//!
//! `std:istio/mesh` is a module of the standard library, `shared-gateways/main.rhai` a file of the bundle, and
//! `./mesh/main.rhai` or `/home/me/mesh/main.rhai` a file on disk.

use std::path::{Component, Path, PathBuf};

/// A path within a folder with `.` and `..` resolved; `None` when it would leave the folder.
pub(super) fn within(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The folder that a name stands in.
pub(super) fn folder(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The name with the extension that every script has.
pub(super) fn with_extension(name: &str) -> String {
    if name.ends_with(".rhai") { name.to_owned() } else { format!("{name}.rhai") }
}

/// A path on disk with `.` and `..` resolved, without asking the disk.
pub(super) fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(plain.pop()),
            part => plain.push(part),
        }
    }
    plain
}

/// A relative path with `/` between its parts.
pub(super) fn slashed(path: &Path) -> String {
    path.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// The source name of a file on disk: from the working folder when it lies in it.
pub(super) fn disk_name(file: &Path, working: &Path) -> String {
    match file.strip_prefix(working) {
        Ok(inside) => format!("./{}", inside.display()),
        Err(_) => file.display().to_string(),
    }
}

/// Whether a source name means a file on disk.
pub(super) fn is_on_disk(source: &str) -> bool {
    source.starts_with("./") || source.starts_with('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_do_not_leave_their_folder() {
        assert_eq!(within("a/b", "../c").as_deref(), Some("a/c"));
        assert_eq!(within("a", "../../c"), None);
        assert_eq!(within("", "./x/./y").as_deref(), Some("x/y"));
        assert_eq!(plain(Path::new("/a/./b/../c")), Path::new("/a/c"));
    }
}
