//! A journal in a file. Intents are on the disk before anything is sent; outcomes follow in batches, and with the next
//! intent at the latest.

use super::words::scrubbed;
use super::{Intent, Journal, Note, Outcome, Repetition};
use crate::failure::{Failure, Result};
use serde::Serialize;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A journal in a file: JSON lines, appended only, readable by its owner only, synced before anything is sent. While it is
/// open it is locked: whoever reads it knows that its run goes on.
pub struct FileJournal {
    path: PathBuf,
    file: Mutex<File>,
    /// Whether the last line may be cut off. Seen and changed while the file is locked.
    torn: AtomicBool,
    /// Whether somebody will soon see to it that what was written is on the disk.
    soon: Arc<AtomicBool>,
}

/// How long records may be together on their way to the disk.
const BATCH: Duration = Duration::from_millis(50);

impl FileJournal {
    /// Opens or creates the file with mode 0600. A last line that was cut off is ended, so that the next one is whole.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(path: &Path) -> Result<FileJournal> {
        let file = OpenOptions::new().create(true).read(true).append(true).mode(0o600).open(path);
        let file = file.and_then(|mut file| {
            // Some file systems know no locks.
            let _ = file.lock();
            keep_name(path, &file);
            end_last_line(&mut file).map(|()| file)
        });
        let file = file.map_err(|e| Failure::usage(format!("cannot open the journal {}: {e}", path.display())))?;
        Ok(FileJournal {
            path: path.to_owned(),
            file: Mutex::new(file),
            torn: AtomicBool::new(false),
            soon: Arc::default(),
        })
    }

    /// Whether somebody has this journal open, whatever their number is and in whatever container they are.
    pub fn is_open(path: &Path) -> bool {
        let locked = File::open(path).map(|file| file.try_lock_shared());
        matches!(locked, Ok(Err(TryLockError::WouldBlock)))
    }

    /// Appends one record and returns when it is on the disk. Known secrets in its words are replaced.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn append(&self, record: &impl Serialize) -> std::io::Result<()> {
        self.write(record)?.sync_data()
    }

    /// Appends one record that the end of this process does not lose. Known secrets in its words are replaced.
    ///
    /// # Errors
    /// When the file does not take it.
    pub fn write(&self, record: &impl Serialize) -> std::io::Result<std::sync::MutexGuard<'_, File>> {
        let line = scrubbed(serde_json::to_string(record)?);
        let mut file = self.file.lock().map_err(|_| std::io::Error::other("the journal broke"))?;
        // What the disk has taken half of must not spoil the next line.
        let start = if self.torn.swap(true, Ordering::SeqCst) { "\n" } else { "" };
        file.write_all(format!("{start}{line}\n").as_bytes())?;
        self.torn.store(false, Ordering::SeqCst);
        Ok(file)
    }

    /// Appends one record that is on the disk soon, with others of its time.
    fn write_soon(&self, record: &impl Serialize) -> std::io::Result<()> {
        let file = self.write(record)?.try_clone()?;
        if !self.soon.swap(true, Ordering::SeqCst) {
            let soon = self.soon.clone();
            std::thread::spawn(move || {
                std::thread::sleep(BATCH);
                soon.store(false, Ordering::SeqCst);
                file.sync_data().inspect_err(|error| tracing::warn!(%error, "the journal is not on the disk"))
            });
        }
        Ok(())
    }
}

impl Drop for FileJournal {
    /// A journal that says nothing is none.
    fn drop(&mut self) {
        if std::fs::metadata(&self.path).is_ok_and(|metadata| metadata.len() == 0) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// That a new file is in its folder must be on the disk as well.
fn keep_name(path: &Path, file: &File) {
    if file.metadata().is_ok_and(|metadata| metadata.len() == 0) {
        let folder = path.parent().and_then(|folder| File::open(folder).ok());
        // Some file systems cannot do that, and need not.
        folder.into_iter().for_each(|folder| drop(folder.sync_all()));
    }
}

fn end_last_line(file: &mut File) -> std::io::Result<()> {
    if file.metadata()?.len() == 0 {
        return Ok(());
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    if last == *b"\n" { Ok(()) } else { file.write_all(b"\n") }
}

/// A record with its type as a field, as it stands in the file.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Line<'a> {
    Intent(&'a Intent),
    Outcome(&'a Outcome),
    Repetition(&'a Repetition),
}

impl Journal for FileJournal {
    fn intent(&self, intent: &Intent) -> std::io::Result<()> {
        self.append(&Line::Intent(intent))
    }

    fn outcome(&self, outcome: &Outcome) -> std::io::Result<()> {
        self.write_soon(&Line::Outcome(outcome))
    }

    fn note(&self, note: &Note) {
        drop(self.write_soon(note));
    }

    fn repetition(&self, repetition: &Repetition) -> std::io::Result<()> {
        self.append(&Line::Repetition(repetition))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::layers::journal::now;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_file_is_private_and_only_grows() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("journal.jsonl");
        for id in 1..=2 {
            let journal = FileJournal::open(&path).expect("open");
            let outcome = Outcome { id, time: now(), status: Some(200), ..Outcome::default() };
            journal.outcome(&outcome).expect("written");
        }
        let text = std::fs::read_to_string(&path).expect("text");
        assert_eq!(text.lines().count(), 2);
        assert!(text.starts_with(r#"{"event":"outcome","id":1,"#), "{text}");
        assert_eq!(std::fs::metadata(&path).expect("metadata").permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn an_open_journal_is_known_as_such_until_it_is_closed() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("journal.jsonl");
        assert!(!FileJournal::is_open(&path), "there is none");
        let journal = FileJournal::open(&path).expect("open");
        journal.append(&"any").expect("written");
        assert!(FileJournal::is_open(&path));
        drop(journal);
        assert!(!FileJournal::is_open(&path) && !FileJournal::is_open(&path), "to ask changes nothing");
    }

    #[test]
    fn a_line_that_was_cut_off_does_not_spoil_the_next() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("journal.jsonl");
        std::fs::write(&path, "{}\n{\"event\":\"outc").expect("written");
        FileJournal::open(&path).expect("open").outcome(&Outcome::default()).expect("written");
        let text = std::fs::read_to_string(&path).expect("text");
        assert_eq!(text.lines().count(), 3);
        assert!(text.lines().last().is_some_and(|line| line.starts_with(r#"{"event":"outcome""#)), "{text}");
    }

    #[test]
    fn what_the_disk_does_not_take_is_not_announced() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("journal.jsonl");
        // Takes every byte and cannot be synced.
        std::os::unix::fs::symlink("/dev/null", &path).expect("linked");
        let journal = FileJournal::open(&path).expect("open");
        journal.write(&"any").map(drop).expect("taken");
        journal.intent(&Intent::default()).expect_err("not on the disk");
        journal.repetition(&Repetition::default()).expect_err("nor is a repetition");
    }

    #[test]
    fn outcomes_go_to_the_disk_together() {
        let folder = tempfile::tempdir().expect("folder");
        let journal = FileJournal::open(&folder.path().join("journal.jsonl")).expect("open");
        for id in 0..3 {
            journal.outcome(&Outcome { id, ..Outcome::default() }).expect("written");
            assert!(journal.soon.load(Ordering::SeqCst));
        }
        std::thread::sleep(10 * BATCH);
        assert!(!journal.soon.load(Ordering::SeqCst));
    }

    #[test]
    fn a_line_that_the_disk_has_taken_half_of_does_not_spoil_the_next() {
        let folder = tempfile::tempdir().expect("folder");
        let (full, path) = (folder.path().join("full.jsonl"), folder.path().join("journal.jsonl"));
        std::os::unix::fs::symlink("/dev/full", &full).expect("linked");
        let journal = FileJournal::open(&full).expect("open");
        assert!(journal.write(&"any").is_err() && journal.torn.load(Ordering::SeqCst));
        let journal = FileJournal::open(&path).expect("open");
        journal.outcome(&Outcome::default()).expect("written");
        std::fs::OpenOptions::new()
            .append(true)
            .open(&path)
            .and_then(|mut file| file.write_all(b"{\"event\":\"outc"))
            .expect("half a line");
        journal.torn.store(true, Ordering::SeqCst);
        journal.outcome(&Outcome::default()).expect("written");
        journal.outcome(&Outcome::default()).expect("written");
        let text = std::fs::read_to_string(&path).expect("text");
        let whole = |line: &&str| serde_json::from_str::<serde_json::Value>(line).is_ok();
        assert_eq!((text.lines().count(), text.lines().filter(whole).count()), (4, 3), "{text}");
    }
}
