//! Who may read from the terminal now. Whoever asks somebody says so, and nobody else reads meanwhile.

use std::io::IsTerminal as _;
use std::sync::atomic::{AtomicUsize, Ordering};

static HELD: AtomicUsize = AtomicUsize::new(0);

/// Somebody reads from the terminal, until this is dropped.
pub struct Held(());

/// From now on this one reads from the terminal.
pub fn hold() -> Held {
    HELD.fetch_add(1, Ordering::SeqCst);
    Held(())
}

impl Drop for Held {
    fn drop(&mut self) {
        HELD.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Whether there is a terminal that nobody reads from. One in whose background we are is not ours to read.
pub fn is_free() -> bool {
    let stdin = std::io::stdin();
    let is_ours = || nix::unistd::tcgetpgrp(&stdin).is_ok_and(|group| group == nix::unistd::getpgrp());
    stdin.is_terminal() && HELD.load(Ordering::SeqCst) == 0 && is_ours()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_reads_holds_it() {
        let (one, other) = (hold(), hold());
        drop(one);
        assert!(HELD.load(Ordering::SeqCst) > 0 && !is_free());
        drop(other);
    }
}
