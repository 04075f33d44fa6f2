//! The end of a prompt that a signal tells to go: what its sessions have begun is ended, and the terminal is as it was.
//!
//! While somebody may type, nobody else can act: reading keys cannot be broken off. Whoever watches for signals ends the
//! process then. While a line is carried out, the prompt itself leaves in good order.

use super::interrupt;
use super::journal::Recorder;
use super::lease::Leases;
use crate::cluster::layers::Flights;
use crate::failure::{Failure, Kind};
use nix::sys::termios::{SetArg, Termios, tcgetattr, tcsetattr};
use std::io::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Shared by all sessions of a prompt.
#[derive(Clone, Default)]
pub struct Ending(Arc<Inner>);

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    /// What the sessions have begun.
    begun: Mutex<Vec<(Flights, Arc<Recorder>)>>,
    farewell: Mutex<Vec<String>>,
}

#[derive(Default)]
enum State {
    /// A line is carried out.
    #[default]
    Working,
    /// Somebody may type; how the terminal was before.
    Reading(Option<Termios>),
    /// A signal has told the process to end.
    Told(Failure),
}

impl Ending {
    /// The end of the prompt is the end of this session as well.
    pub(super) fn concerns(&self, flights: &Flights, journal: &Arc<Recorder>) {
        lock(&self.0.begun).push((flights.clone(), journal.clone()));
    }

    /// What is said last when a signal ends the prompt.
    pub fn bids_farewell(&self, lines: Vec<String>) {
        *lock(&self.0.farewell) = lines;
    }

    /// Reads what somebody types.
    ///
    /// # Errors
    /// When a signal has told the process to end before.
    pub fn reading<T>(&self, read: impl FnOnce() -> T) -> Result<T, Failure> {
        self.enter(State::Reading(tcgetattr(std::io::stdin()).ok()))?;
        let read = read();
        // Told meanwhile: the process ends any moment, in good order. To go on would disturb that.
        while self.enter(State::Working).is_err() {
            std::thread::park();
        }
        Ok(read)
    }

    /// Whether a signal has told the process to end, and which.
    pub fn told(&self) -> Option<Failure> {
        match &*lock(&self.0.state) {
            State::Told(why) => Some(why.clone()),
            _ => None,
        }
    }

    fn enter(&self, next: State) -> Result<(), Failure> {
        let mut state = lock(&self.0.state);
        if let State::Told(why) = &*state {
            return Err(why.clone());
        }
        *state = next;
        Ok(())
    }

    /// A signal tells the process to end. Returns when that is up to the prompt itself.
    pub(super) async fn tell(&self, why: &str, leases: &Leases) {
        let failure = Failure::new(Kind::Cancelled, why);
        let before = std::mem::replace(&mut *lock(&self.0.state), State::Told(failure.clone()));
        let State::Reading(terminal) = before else { return };
        let begun = lock(&self.0.begun).clone();
        for (flights, _) in &begun {
            flights.landed().await;
        }
        drop(leases.give_back().await);
        begun.iter().for_each(|(_, journal)| journal.finish(Some(&failure)));
        leave(terminal, why, &lock(&self.0.farewell));
    }
}

fn leave(terminal: Option<Termios>, why: &str, farewell: &[String]) {
    if let Some(terminal) = terminal {
        // No more bracketed paste, and the line editor's raw mode ends.
        let _ = std::io::stdout().write_all(b"\x1b[?2004l").and_then(|()| std::io::stdout().flush());
        let _ = tcsetattr(std::io::stdin(), SetArg::TCSADRAIN, &terminal);
    }
    crate::plain::tell(&format!("\n{why}"));
    farewell.iter().for_each(|line| crate::plain::tell(line));
    std::process::exit(interrupt::code().into());
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
