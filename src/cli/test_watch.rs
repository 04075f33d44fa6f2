//! Tests again and again: whenever a script below some folders changes.

use crate::engine::Cancel;
use crate::failure::{Failure, Kind, Result};
use notify::{Event, EventKind, RecursiveMode, Watcher as _};
use std::path::PathBuf;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

/// Editors write a file in several goes: changes this close together are one.
const TOGETHER: Duration = Duration::from_millis(150);

/// How soon an interrupt is seen while nothing changes.
const LOOK: Duration = Duration::from_millis(100);

/// Does the work now and after every change, until it is interrupted.
///
/// # Errors
/// When the folders cannot be watched, and `Cancelled` in the end.
pub fn again_and_again(folders: &[PathBuf], cancel: &Cancel, mut work: impl FnMut()) -> Result<()> {
    let failed = |e: notify::Error| Failure::usage(format!("cannot watch for changes: {e}"));
    let (sender, receiver) = mpsc::channel();
    let told = move |event: notify::Result<Event>| {
        if event.is_ok_and(|event| matters(&event)) {
            let _ = sender.send(());
        }
    };
    let mut watcher = notify::recommended_watcher(told).map_err(failed)?;
    for folder in folders {
        watcher.watch(folder, RecursiveMode::Recursive).map_err(failed)?;
    }
    loop {
        work();
        if !cancel.is_cancelled() {
            crate::plain::tell("\nWaiting for changes; Ctrl-C ends.\n");
        }
        while let Err(nothing) = receiver.recv_timeout(LOOK) {
            if cancel.is_cancelled() {
                return Err(Failure::new(Kind::Cancelled, ""));
            }
            if nothing == RecvTimeoutError::Disconnected {
                return Err(Failure::usage("nobody watches for changes any more"));
            }
        }
        while receiver.recv_timeout(TOGETHER).is_ok() {}
    }
}

/// Whether an event is a change of something that tests read.
fn matters(event: &Event) -> bool {
    let is_change = matches!(event.kind, EventKind::Create(_) | EventKind::Modify(_) | EventKind::Remove(_));
    let is_text =
        |path: &PathBuf| path.extension().is_some_and(|kind| matches!(kind.to_str(), Some("rhai" | "yaml" | "yml")));
    is_change && event.paths.iter().any(is_text)
}
