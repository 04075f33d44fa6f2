//! Where certificate authorities are kept: a folder that only its owner can read, or memory in a rehearsal.

use super::host::Keeper;
use crate::failure::{Failure, Kind, Result};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::PathBuf;
use std::sync::Mutex;

/// A folder; files have mode 0600, folders 0700.
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    /// Keeps below this folder, which is made when first written to.
    pub fn new(root: PathBuf) -> Folder {
        Folder { root }
    }
}

impl Keeper for Folder {
    fn read(&self, name: &str) -> Result<Option<String>> {
        let path = self.root.join(name);
        match std::fs::read_to_string(&path) {
            Ok(content) => Ok(Some(content)),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Failure::new(Kind::Usage, format!("cannot read {}: {e}", path.display()))),
        }
    }

    fn write(&self, name: &str, content: &str) -> Result<()> {
        let path = self.root.join(name);
        let write = || -> std::io::Result<()> {
            let folder = path.parent().unwrap_or(&self.root);
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
            // Written aside and renamed: a crash leaves either nothing or the whole file.
            let mut file = tempfile::Builder::new().make_in(folder, |path| {
                std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
            })?;
            file.write_all(content.as_bytes())?;
            file.as_file().sync_all()?;
            file.persist(&path).map_err(|e| e.error)?;
            Ok(())
        };
        write().map_err(|e| Failure::new(Kind::Usage, format!("cannot write {}: {e}", path.display())))
    }

    /// Threads and other runs: the lock is one of the file system, and ends with whoever holds it.
    fn lock(&self, name: &str) -> Result<Box<dyn std::any::Any>> {
        let folder = self.root.join(name);
        let lock = || -> std::io::Result<std::fs::File> {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
            let held = std::fs::File::open(&folder)?;
            held.lock()?;
            Ok(held)
        };
        let held = lock().map_err(|e| Failure::new(Kind::Usage, format!("cannot write {}: {e}", folder.display())))?;
        Ok(Box::new(held))
    }

    fn place(&self, name: &str) -> String {
        self.root.join(name).display().to_string()
    }
}

/// Memory, gone with the run.
#[derive(Default)]
pub struct Memory(Mutex<BTreeMap<String, String>>);

impl Keeper for Memory {
    fn read(&self, name: &str) -> Result<Option<String>> {
        let kept = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Ok(kept.get(name).cloned())
    }

    fn write(&self, name: &str, content: &str) -> Result<()> {
        let mut kept = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        kept.insert(name.to_owned(), content.to_owned());
        Ok(())
    }

    /// Only the threads of this process can reach it.
    fn lock(&self, _: &str) -> Result<Box<dyn std::any::Any>> {
        static HELD: Mutex<()> = Mutex::new(());
        Ok(Box::new(HELD.lock().unwrap_or_else(std::sync::PoisonError::into_inner)))
    }

    fn place(&self, name: &str) -> String {
        format!("memory:{name}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn what_is_kept_is_for_the_owner_only() {
        let home = tempfile::tempdir().expect("folder");
        let keeper = Folder::new(home.path().join("authorities"));
        keeper.write("mesh/root-key.pem", "private part").expect("written");
        let mode = |path: &str| std::fs::metadata(home.path().join(path)).expect("there").permissions().mode() & 0o777;
        assert_eq!((mode("authorities/mesh"), mode("authorities/mesh/root-key.pem")), (0o700, 0o600));
        assert_eq!(keeper.read("mesh/root-key.pem").expect("read").as_deref(), Some("private part"));
        assert_eq!(keeper.read("mesh/other").expect("read"), None);
    }
}
