//! A recording while it is made.

use super::entry::{Container, Entry, FORMAT, Named, Printed, Program, Request, Start};
use super::mask;
use crate::cluster::layers::tape::{Exchange, Recorder};
use crate::cluster::path::is_watch;
use crate::cluster::stream::{Exec, Output};
use crate::failure::{Failure, Result};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs::{File, OpenOptions, Permissions};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// A recording while it is made: each line is in the file before the next request is answered. An earlier recording stays
/// until the first request: a run that nobody wanted after all has not replaced it.
pub struct Writer {
    path: PathBuf,
    file: Mutex<Lines>,
    /// Whether there was no such file before.
    made: bool,
    clusters: Mutex<BTreeSet<String>>,
    next: AtomicU64,
    /// Why the file is not whole.
    broken: Mutex<Option<String>>,
}

struct Lines {
    file: File,
    /// What stands before the first request, while there was none.
    held: Option<String>,
}

impl Lines {
    fn hold(&mut self, line: &str) -> std::io::Result<()> {
        match &mut self.held {
            Some(held) => held.push_str(line),
            None => self.file.write_all(line.as_bytes())?,
        }
        Ok(())
    }

    fn write(&mut self, line: &str) -> std::io::Result<()> {
        if let Some(held) = self.held.take() {
            self.file.set_len(0)?;
            self.file.write_all(held.as_bytes())?;
        }
        self.file.write_all(line.as_bytes())
    }
}

impl Writer {
    /// Begins a recording in this file, readable by its owner only. An earlier recording of the same script is replaced,
    /// nothing else is.
    ///
    /// # Errors
    /// When the file cannot be written, or is something else.
    pub fn new(path: &Path, start: &Start) -> Result<Writer> {
        free(path, start)?;
        let made = std::fs::symlink_metadata(path).is_err();
        let file = OpenOptions::new().create(true).write(true).truncate(false).mode(0o600).open(path);
        let file = file.and_then(|file| file.set_permissions(Permissions::from_mode(0o600)).map(|()| file));
        let file = file.map_err(|e| Failure::usage(format!("cannot write the recording {}: {e}", path.display())))?;
        let writer = Writer {
            path: path.to_owned(),
            made,
            file: Mutex::new(Lines { file, held: Some(String::new()) }),
            clusters: Mutex::default(),
            next: AtomicU64::new(1),
            broken: Mutex::default(),
        };
        writer.hold(&Start { format: FORMAT, ..start.clone() });
        Ok(writer)
    }

    /// Where it is, after a run that is `done`, or one that asked for something: an earlier recording stays otherwise.
    ///
    /// # Errors
    /// When it is not whole.
    pub fn finish(&self, done: bool) -> Result<Option<&Path>> {
        if done {
            // A script that asks nothing has a recording too.
            self.record("", Lines::write);
        }
        if self.file.lock().unwrap_or_else(PoisonError::into_inner).held.is_some() {
            return Ok(None);
        }
        match self.broken.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(why) => Err(Failure::usage(format!("the recording {} is not whole: {why}", self.path.display()))),
            None => Ok(Some(&self.path)),
        }
    }

    pub(super) fn program(&self, program: Program) {
        self.write(&Entry::Program(program));
    }

    fn write(&self, line: &impl Serialize) {
        self.keep(line, Lines::write);
    }

    fn hold(&self, line: &impl Serialize) {
        self.keep(line, Lines::hold);
    }

    fn keep(&self, line: &impl Serialize, keep: fn(&mut Lines, &str) -> std::io::Result<()>) {
        match serde_json::to_string(line) {
            Ok(line) => self.record(&format!("{line}\n"), keep),
            Err(error) => self.fail(&error.into()),
        }
    }

    fn record(&self, text: &str, keep: fn(&mut Lines, &str) -> std::io::Result<()>) {
        let kept = keep(&mut self.file.lock().unwrap_or_else(PoisonError::into_inner), text);
        kept.err().iter().for_each(|error| self.fail(error));
    }

    fn fail(&self, error: &std::io::Error) {
        let mut broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
        broken.get_or_insert_with(|| error.to_string());
    }
}

/// A file that was made for a recording that was never begun goes.
impl Drop for Writer {
    fn drop(&mut self) {
        let lines = self.file.get_mut().unwrap_or_else(PoisonError::into_inner);
        if self.made && lines.held.is_some() && lines.file.metadata().is_ok_and(|file| file.len() == 0) {
            drop(std::fs::remove_file(&self.path));
        }
    }
}

/// How much of a file is read to see what it is.
const FIRST_LINE: u64 = 1 << 20;

/// Whether a file may be replaced: there is none, it is empty, or it is a recording of the same script.
fn free(path: &Path, start: &Start) -> Result<()> {
    let Ok(there) = std::fs::metadata(path) else { return Ok(()) };
    let refused =
        |why: String, hint: &str| Err(Failure::usage(format!("{} exists and {why}", path.display())).hint(hint));
    // A device may have no end, and a pipe nobody at its other one.
    let first = if there.is_file() { first_line(path) } else { None };
    match first.as_deref().map(serde_json::from_str::<Start>) {
        _ if first.as_deref() == Some("") => Ok(()),
        Some(Ok(former)) if is_of_same(&former, start) => Ok(()),
        Some(Ok(former)) => refused(
            format!("is a recording of {}", crate::plain::line(&former.script, 100)),
            "a recording is replaced by one of the same script only: remove it, or give another file for --record",
        ),
        _ => refused("is no recording".into(), "give another file for --record"),
    }
}

fn first_line(path: &Path) -> Option<String> {
    let mut first = String::new();
    BufReader::new(File::open(path).ok()?.take(FIRST_LINE)).read_line(&mut first).ok()?;
    Some(first)
}

/// Whether two recordings are of one script.
fn is_of_same(one: &Start, other: &Start) -> bool {
    match (&one.place, &other.place) {
        (Some(one), Some(other)) => one == other,
        _ => is_same(&one.script, &other.script),
    }
}

/// Whether two names mean the same script, however it was typed: `mine`, `./mine/`, `mine/main.rhai`.
fn is_same(one: &str, other: &str) -> bool {
    let plain = |name: &str| {
        let name = name.trim_end_matches(".rhai").trim_end_matches('/');
        let name = name.strip_suffix("/main").unwrap_or(name);
        name.trim_start_matches("./").to_owned()
    };
    plain(one) == plain(other)
}

/// What a program printed, without secrets.
pub(super) fn printed(code: i32, stdout: &str, stderr: &str) -> Printed {
    Printed { code, stdout: mask::printed(stdout), stderr: mask::text(stderr) }
}

/// Words of a command line, without secrets.
pub(super) fn words(argv: &[String]) -> Vec<String> {
    argv.iter().map(|word| mask::text(word)).collect()
}

impl Recorder for Writer {
    fn connected(&self, cluster: &str, server: &str) {
        let new = self.clusters.lock().unwrap_or_else(PoisonError::into_inner).insert(cluster.to_owned());
        if new {
            self.hold(&Entry::Cluster(Named { name: cluster.to_owned(), server: server.to_owned() }));
        }
    }

    fn next(&self) -> u64 {
        self.next.fetch_add(1, Ordering::SeqCst)
    }

    fn answered(&self, exchange: Exchange) {
        let Some(answer) = read_answer(&exchange) else { return };
        let sent = read_body(&exchange.path, &exchange.sent);
        let is_json = exchange.content_type == "application/json";
        self.write(&Entry::Request(Request {
            cluster: exchange.cluster,
            number: exchange.number,
            method: exchange.method,
            path: mask::text(&exchange.path),
            sent,
            status: exchange.status,
            content_type: if is_json { String::new() } else { exchange.content_type },
            answer,
            broken: exchange.broken,
        }));
    }

    fn executed(&self, cluster: &str, exec: &Exec, output: &Output) {
        self.write(&Entry::Container(Container {
            cluster: cluster.to_owned(),
            pod: format!("{}/{}", exec.namespace, exec.pod),
            container: exec.container.clone(),
            argv: words(&exec.argv),
            printed: printed(output.code, &output.stdout, &output.stderr),
        }));
    }
}

/// An answer as the recording keeps it; `None` when nobody has read it to its end.
fn read_answer(exchange: &Exchange) -> Option<Value> {
    if is_watch(&exchange.path) && exchange.status == 200 {
        let lines = exchange.answer.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let events = lines.map_while(|line| serde_json::from_slice::<Value>(line).ok());
        return Some(events.map(|event| mask::body(&exchange.path, event)).collect());
    }
    let is_json = exchange.content_type.starts_with("application/json");
    match serde_json::from_slice(&exchange.answer) {
        Ok(answer) if is_json => Some(mask::body(&exchange.path, answer)),
        Err(_) if is_json => None,
        _ => Some(mask::text(&String::from_utf8_lossy(&exchange.answer)).into()),
    }
}

/// A body that was sent, as the recording keeps it.
pub(super) fn read_body(path: &str, sent: &[u8]) -> Value {
    match serde_json::from_slice(sent) {
        Ok(body) => mask::body(path, body),
        Err(_) if sent.is_empty() => Value::Null,
        Err(_) => mask::text(&String::from_utf8_lossy(sent)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_is_private_and_replaces_only_recordings() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("r.jsonl");
        let begun = |start: Start| {
            let writer = Writer::new(&path, &start)?;
            writer.finish(true).map(drop)
        };
        for _ in 0..2 {
            begun(Start::default()).expect("a recording");
        }
        assert_eq!(std::fs::metadata(&path).expect("metadata").permissions().mode() & 0o777, 0o600);
        std::fs::remove_file(&path).expect("removed");
        for (script, fits) in [("mine", true), ("./mine/main.rhai", true), ("mine/verify", false)] {
            begun(Start { script: "./mine/".into(), ..Start::default() }).expect("a recording");
            let again = Writer::new(&path, &Start { script: script.into(), ..Start::default() });
            assert_eq!(again.is_ok(), fits, "{script}");
            if let Err(refused) = again {
                assert!(refused.message.ends_with("exists and is a recording of ./mine/"), "{refused}");
            }
            std::fs::remove_file(&path).expect("removed");
        }
        std::fs::write(&path, "something else\n").expect("written");
        let refused = Writer::new(&path, &Start::default()).err().expect("refused");
        assert!(refused.message.ends_with("exists and is no recording"), "{refused}");
        std::fs::write(&path, " ".repeat(3 << 20)).expect("written");
        for path in [&path, Path::new("/dev/zero"), Path::new("/dev/full"), folder.path()] {
            let refused = Writer::new(path, &Start::default()).err().expect("refused");
            assert!(refused.message.ends_with("exists and is no recording"), "{refused}");
        }
    }

    #[test]
    fn a_run_that_was_not_wanted_leaves_the_earlier_recording() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("r.jsonl");
        drop(Writer::new(&path, &Start::default()).expect("a recording"));
        assert!(!path.exists(), "nothing was recorded");
        let program = |tool: &str| Program { tool: tool.into(), argv: Vec::new(), printed: printed(0, "", "") };
        let writer = Writer::new(&path, &Start::default()).expect("a recording");
        writer.program(program("first"));
        drop(writer);
        let before = std::fs::read_to_string(&path).expect("recording");
        let unwanted = Writer::new(&path, &Start::default()).expect("a recording");
        unwanted.connected("east", "https://east");
        assert_eq!(unwanted.finish(false).expect("as it was"), None, "nothing was recorded");
        drop(unwanted);
        assert_eq!(std::fs::read_to_string(&path).expect("recording"), before);
        let writer = Writer::new(&path, &Start::default()).expect("a recording");
        writer.connected("east", "https://east");
        writer.program(program("second"));
        let after = std::fs::read_to_string(&path).expect("recording");
        std::fs::write(folder.path().join("empty"), "").expect("written");
        drop(Writer::new(&folder.path().join("empty"), &Start::default()).expect("a recording"));
        assert!(folder.path().join("empty").exists(), "a file of somebody else's");
        let place = |place: &str| Start { script: "t.rhai".into(), place: Some(place.into()), ..Start::default() };
        let path = folder.path().join("placed.jsonl");
        Writer::new(&path, &place("../a/t.rhai")).expect("a recording").finish(true).expect("written");
        assert!(Writer::new(&path, &place("../b/t.rhai")).is_err(), "another script of that name");
        assert!(Writer::new(&path, &place("../a/t.rhai")).is_ok());
        assert!(after.lines().count() == 3 && after.contains("second") && !after.contains("first"), "{after}");
    }

    #[test]
    fn an_answer_that_nobody_has_read_is_not_kept() {
        let exchange =
            Exchange { content_type: "application/json".into(), answer: b"{\"a\":".to_vec(), ..Exchange::default() };
        assert_eq!(read_answer(&exchange), None);
        let watch = Exchange {
            path: "/api/v1/pods?watch=1".into(),
            status: 200,
            answer: b"{\"type\":\"ADDED\"}\n{\"ty".to_vec(),
            ..exchange
        };
        assert_eq!(read_answer(&watch), Some(serde_json::json!([{"type": "ADDED"}])));
    }
}
