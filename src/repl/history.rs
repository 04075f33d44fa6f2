//! What was typed, kept across sessions for its owner only. Nothing secret is kept.

use crate::failure::{Failure, Result};
use crate::secret::Redactor;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// The history file, made for its owner only when it is not there.
///
/// # Errors
/// When it cannot be made.
pub fn file(folder: &Path) -> Result<PathBuf> {
    let path = folder.join("history");
    let make = || -> std::io::Result<()> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        std::fs::OpenOptions::new().append(true).create(true).mode(0o600).open(&path).map(drop)
    };
    make().map_err(|e| Failure::usage(format!("cannot keep the history in {}: {e}", path.display())))?;
    Ok(path)
}

/// Whether a line may be kept: it holds no known secret, opens none, and does not begin with a space.
pub fn may_keep(line: &str) -> bool {
    let opens = line.contains(".reveal(") || line.contains("secret.reveal");
    !line.trim().is_empty() && !line.starts_with(' ') && !opens && Redactor::global().scrub(line) == line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn nothing_secret_is_kept() {
        let _secret = Secret::new("typed", "typed-secret-content");
        assert!(may_keep("kube.contexts()"));
        for line in ["let x = \"typed-secret-content\";", "secret.reveal(token)", "token.reveal()", " hidden", "\n"] {
            assert!(!may_keep(line), "{line}");
        }
    }

    #[test]
    fn the_file_is_its_owners() {
        let folder = tempfile::tempdir().expect("folder");
        let path = file(&folder.path().join("deep/er")).expect("made");
        assert_eq!(path.metadata().expect("file").permissions().mode() & 0o777, 0o600);
    }
}
