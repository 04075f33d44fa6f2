//! Who ends a program when nothing of us is left to do it, as after SIGKILL.
//!
//! A small shell leads the process group that the program is put into. It reads a pipe whose other end only we hold: when
//! the pipe ends, we are gone, and it kills its group, itself included. There is no moment in which a program runs and
//! nobody watches: the shell is there first, and a program is in the group before it begins.

use nix::unistd::Pid;
use std::process::Stdio;
use tokio::process::{Child, Command};

/// What the shell does. SIGTERM is for the program, which may take its time to end.
const WATCH: &str = "trap '' TERM INT HUP; read -r _; kill -KILL 0";

/// The shell. Dropping it ends it.
pub struct Guardian {
    /// Its stdin is the pipe.
    _shell: Child,
    group: Pid,
}

impl Guardian {
    /// A guardian of a new process group; none on machines without a shell.
    pub fn start() -> Option<Guardian> {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", WATCH]).env_clear().current_dir("/").process_group(0).kill_on_drop(true);
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let shell =
            shell.spawn().inspect_err(|error| tracing::debug!(%error, "no shell watches over programs")).ok()?;
        let group = shell.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw)?;
        Some(Guardian { _shell: shell, group })
    }

    /// The group that it leads.
    pub fn group(&self) -> Pid {
        self.group
    }
}
