//! A child process and everything it has started, killed together.

use crate::guardian::Guardian;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::time::{Duration, Instant};
use tokio::process::Child;

/// How long a program may take to end after SIGTERM.
const GRACE: Duration = Duration::from_secs(2);
/// The same when nobody can wait asynchronously any more.
const DROP_GRACE: Duration = Duration::from_millis(500);

/// A child in a process group of its own. Dropping it ends the whole group.
pub(super) struct Group {
    pub(super) child: Child,
    leader: Option<Pid>,
    /// Ends the group when we cannot. It is not reaped before the group is ended: nobody else gets its number until then.
    guardian: Option<Guardian>,
}

/// How often to look for those that have left the group: some may just be starting others.
const ROUNDS: usize = 8;

impl Group {
    /// A child that was started in the guardian's group, or, without one, with `process_group(0)`.
    pub(super) fn new(child: Child, guardian: Option<Guardian>) -> Group {
        let own = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
        let leader = guardian.as_ref().map(Guardian::group).or(own);
        Group { child, leader, guardian }
    }

    /// Ends the group: SIGTERM, and SIGKILL for whoever is left when the child has ended or two seconds have passed.
    pub(super) async fn end(&mut self) {
        self.ask_to_end();
        // A process lives in real time, whatever the run's clock says.
        let _ = tokio::time::timeout(GRACE, self.child.wait()).await;
        self.kill();
        let _ = self.child.wait().await;
    }

    fn ask_to_end(&self) {
        self.signal(Signal::SIGTERM);
        if let Some(guardian) = &self.guardian {
            guardian.signal(Signal::SIGTERM);
        }
    }

    /// Kills whoever the child has started, those that have left the group included.
    fn kill(&mut self) {
        if let Some(guardian) = &self.guardian {
            let _rounds = (0..ROUNDS).take_while(|_| guardian.signal(Signal::SIGKILL)).count();
        }
        self.finish();
    }

    /// Kills what a child that has ended has left behind in its group: what has left the group is meant to go on.
    /// Afterwards the group is nobody's business any more.
    pub(super) fn finish(&mut self) {
        self.signal(Signal::SIGKILL);
        self.leader = None;
    }

    fn signal(&self, signal: Signal) {
        if let Some(leader) = self.leader {
            // The only error is that nobody is left.
            let _ = killpg(leader, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if self.leader.is_none() {
            return;
        }
        self.ask_to_end();
        let deadline = Instant::now() + DROP_GRACE;
        while Instant::now() < deadline && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.kill();
    }
}
