//! Ctrl-C and the signals that tell a process to end: the first ends the run in good order, the second the process.

use super::desk::Desk;
use crate::engine::Cancel;
use crate::failure::{Failure, Result};
use std::sync::atomic::{AtomicU8, Ordering};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::{AbortHandle, JoinHandle};

/// The number of the signal that ended the run: that of Ctrl-C until another came.
static LAST: AtomicU8 = AtomicU8::new(INT);

const HUP: u8 = 1;
const INT: u8 = 2;
const TERM: u8 = 15;

/// The exit code of a process that a signal has ended, as shells tell it.
pub fn code() -> u8 {
    128 + LAST.load(Ordering::SeqCst)
}

/// A watching task, which ends when this is dropped.
#[derive(Default)]
pub(super) struct Watch(Option<AbortHandle>);

impl Watch {
    pub(super) fn over(task: JoinHandle<()>) -> Watch {
        Watch(Some(task.abort_handle()))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

/// What Ctrl-C cancels in a process that has no run of its own: a thread of its own watches until the process ends.
///
/// # Errors
/// When there can be no such thread.
pub fn watched() -> Result<Cancel> {
    let (cancel, failed) = (Cancel::default(), |e| Failure::internal(format!("cannot watch for Ctrl-C: {e}")));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let watched = cancel.clone();
    let thread = std::thread::Builder::new().name("interrupts".into());
    thread.spawn(move || runtime.block_on(watch(watched))).map_err(failed)?;
    Ok(cancel)
}

/// Cancels the run at the first signal, leaves at the second.
pub async fn watch(cancel: Cancel) {
    let Ok(mut signals) = Signals::new() else { return };
    let words = match signals.next().await {
        INT => "interrupted: ending in good order; press Ctrl-C again to leave at once",
        TERM => "told to end (SIGTERM): ending in good order",
        _ => "the terminal is gone (SIGHUP): ending in good order",
    };
    // A terminal that is gone takes no words.
    let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("\n{words}\n").as_bytes());
    cancel.cancel();
    signals.next().await;
    leave();
}

/// Ends the process at once, as far as its terminal allows that.
fn leave() -> ! {
    crate::terminal::give_back();
    std::process::exit(code().into())
}

/// What ends a run.
struct Signals {
    int: Signal,
    term: Signal,
    /// Not when whoever started the process wants it to outlive its terminal, as `nohup` does.
    hup: Option<Signal>,
}

impl Signals {
    fn new() -> std::io::Result<Signals> {
        let hup = (!ignores_hangup()).then(|| signal(SignalKind::hangup())).transpose()?;
        Ok(Signals { int: signal(SignalKind::interrupt())?, term: signal(SignalKind::terminate())?, hup })
    }

    async fn next(&mut self) -> u8 {
        let hangup = async {
            match &mut self.hup {
                Some(hup) => hup.recv().await,
                None => std::future::pending().await,
            }
        };
        let number = tokio::select! {
            _ = self.int.recv() => INT,
            _ = self.term.recv() => TERM,
            _ = hangup => HUP,
        };
        LAST.store(number, Ordering::SeqCst);
        number
    }
}

/// Whether SIGHUP was ignored when the process started; where that cannot be read, it is taken not to be.
fn ignores_hangup() -> bool {
    static IGNORED: std::sync::LazyLock<bool> = std::sync::LazyLock::new(|| {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
    });
    *IGNORED
}

/// At a prompt an interrupt ends what is under way; the prompt stays. When that does not help, the third in a row
/// leaves. Any other signal ends the prompt in good order, a second one at once.
pub(super) async fn watch_prompt(desk: Desk) {
    let Ok(mut signals) = Signals::new() else { return };
    let (mut presses, mut told) = (0, false);
    loop {
        let words = match signals.next().await {
            INT => {
                presses = if desk.cancel.is_cancelled() { presses + 1 } else { 1 };
                desk.cancel.cancel();
                match presses {
                    1 => {}
                    2 => crate::plain::tell("\nstill ending what is under way; press Ctrl-C again to leave at once"),
                    _ => leave(),
                }
                continue;
            }
            _ if told => leave(),
            TERM => "told to end (SIGTERM)",
            _ => "the terminal is gone (SIGHUP)",
        };
        told = true;
        desk.cancel.cancel();
        // Beside this, a further signal must be heard.
        let (ending, leases) = (desk.ending.clone(), desk.leases.clone());
        drop(tokio::spawn(async move { ending.tell(words, &leases).await }));
    }
}
