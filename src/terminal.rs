//! Who may read from the terminal now. People who are asked share it: they see who asks. A program that asks by itself has
//! it alone.

pub mod hidden;

use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{SetArg, Termios, tcgetattr, tcsetattr};
use nix::unistd::Pid;
use std::fs::File;
use std::io::IsTerminal as _;
use std::os::fd::AsFd;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

static USE: LazyLock<watch::Sender<Use>> = LazyLock::new(watch::Sender::default);

#[derive(Default, Clone, Copy, PartialEq, Eq)]
struct Use {
    /// How many questions of ours are open.
    asking: usize,
    /// Whether a program has it.
    lent: bool,
}

/// Somebody reads from the terminal, until this is dropped.
pub struct Held(());

/// From now on this one reads from the terminal: once no program has it any more.
pub async fn hold() -> Held {
    let mut changes = USE.subscribe();
    loop {
        if let Some(held) = hold_now() {
            return held;
        }
        // The sender lives for ever.
        let _ = changes.wait_for(|now| !now.lent).await;
    }
}

/// The same if no program has it now.
pub fn hold_now() -> Option<Held> {
    // Made only then: to drop one ends a question.
    if begin(|now| !now.lent, |now| now.asking += 1) { Some(Held(())) } else { None }
}

impl Drop for Held {
    fn drop(&mut self) {
        USE.send_modify(|now| now.asking -= 1);
    }
}

/// A program has the terminal, until this is dropped; then the terminal is as it was before.
pub struct Lent {
    modes: Option<Modes>,
}

/// Lends the terminal to a program, when it is free and no other program has it.
pub fn lend() -> Option<Lent> {
    let is_lent = is_free() && begin(|now| now.asking == 0 && !now.lent, |now| now.lent = true);
    is_lent.then(|| Lent { modes: Some(Modes::kept()) })
}

/// The same once no other program has it any more. Nobody waits here for people: one who types may wait for this program.
pub async fn lend_next() -> Option<Lent> {
    let mut changes = USE.subscribe();
    while is_free() {
        if let Some(lent) = lend() {
            return Some(lent);
        }
        let _ = changes.wait_for(|now| !now.lent).await;
    }
    None
}

impl Drop for Lent {
    fn drop(&mut self) {
        // Before anybody else begins.
        drop(self.modes.take());
        USE.send_modify(|now| now.lent = false);
    }
}

/// Whether there is a terminal that nobody is asked at. One in whose background we are is not ours to read.
pub fn is_free() -> bool {
    let stdin = std::io::stdin();
    stdin.is_terminal() && USE.borrow().asking == 0 && is_ours(&stdin)
}

fn is_ours(terminal: &impl AsFd) -> bool {
    nix::unistd::tcgetpgrp(terminal).is_ok_and(|group| group == nix::unistd::getpgrp())
}

/// Changes the use of the terminal if that may be now; whether it was so.
fn begin(may: impl Fn(&Use) -> bool, change: impl FnOnce(&mut Use)) -> bool {
    USE.send_if_modified(|now| {
        let may = may(now);
        if may {
            change(now);
        }
        may
    })
}

/// How the terminal was; it is so again when this is dropped, although whoever read from it may not have ended.
pub struct Modes(Option<usize>);

struct Former {
    number: usize,
    terminal: File,
    modes: Termios,
}

impl Former {
    fn restore(&self) {
        // From the background this would stop the process.
        if is_ours(&self.terminal) {
            // A terminal that is gone needs nothing.
            let _ = tcsetattr(&self.terminal, SetArg::TCSANOW, &self.modes);
        }
    }
}

impl Modes {
    /// As it is now.
    pub fn kept() -> Modes {
        let terminal = File::open("/dev/tty").ok();
        let former = terminal.and_then(|terminal| tcgetattr(&terminal).ok().map(|modes| (terminal, modes)));
        Modes(former.map(|(terminal, modes)| debts().keep(terminal, modes)))
    }
}

impl Drop for Modes {
    fn drop(&mut self) {
        let mut debts = debts();
        if let Some(at) = debts.modes.iter().position(|former| Some(former.number) == self.0) {
            debts.modes.remove(at).restore();
        }
    }
}

/// What is to be done before the process ends, although nothing is dropped then.
static DEBTS: Mutex<Debts> = Mutex::new(Debts { kept: 0, modes: Vec::new(), programs: Vec::new() });

struct Debts {
    kept: usize,
    modes: Vec<Former>,
    programs: Vec<Pid>,
}

impl Debts {
    fn keep(&mut self, terminal: File, modes: Termios) -> usize {
        self.kept += 1;
        self.modes.push(Former { number: self.kept, terminal, modes });
        self.kept
    }
}

fn debts() -> MutexGuard<'static, Debts> {
    DEBTS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// This program reads from the terminal, until this is dropped.
pub struct Reader(Option<Pid>);

impl Reader {
    /// The program with this number.
    pub fn is(pid: Option<Pid>) -> Reader {
        debts().programs.extend(pid);
        Reader(pid)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        debts().programs.retain(|pid| Some(*pid) != self.0);
    }
}

/// Before the process ends at once: whoever has the terminal is ended, and the terminal is as it was.
pub fn give_back() {
    let debts = debts();
    for pid in &debts.programs {
        // The only error is that it has ended.
        let _ = kill(*pid, Signal::SIGKILL);
    }
    debts.modes.first().into_iter().for_each(|former| former.restore());
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt as _;

    #[test]
    fn a_program_that_reads_is_ended_with_the_process_and_not_after_it_has_ended() {
        let start = || std::process::Command::new("sleep").arg("60").spawn().expect("started");
        let pid = |child: &std::process::Child| Some(Pid::from_raw(i32::try_from(child.id()).expect("a number")));
        let (mut reading, mut other) = (start(), start());
        drop(Reader::is(pid(&other)));
        let _reader = Reader::is(pid(&reading));
        give_back();
        assert!(!reading.wait().expect("ended").success());
        assert!(other.try_wait().expect("asked").is_none(), "it reads no more");
        other.kill().and_then(|()| other.wait()).expect("ended");
    }

    #[test]
    fn people_share_the_terminal_and_wait_for_the_program_that_has_it() {
        let held = || hold().now_or_never();
        let (one, other) = (held(), held());
        assert!(one.is_some() && other.is_some());
        drop(one);
        assert!(!is_free() && lend().is_none(), "somebody is asked");
        drop(other);
        let is_lent = begin(|now| now.asking == 0 && !now.lent, |now| now.lent = true);
        let lent = Lent { modes: Some(Modes::kept()) };
        let mut waiting = std::pin::pin!(hold());
        assert!(is_lent && waiting.as_mut().now_or_never().is_none(), "a program has it");
        drop(lent);
        assert!(waiting.now_or_never().is_some());
    }
}
