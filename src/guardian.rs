//! Who ends a program when nothing of us is left to do it, as after SIGKILL.
//!
//! A small shell leads the process group that the program is put into. It reads a pipe whose other end only we hold: when
//! the pipe ends, we are gone, and it kills its group, itself included. There is no moment in which a program runs and
//! nobody watches: the shell is there first, and a program is in the group before it begins.
//!
//! A program may leave its group (`setsid`), its children too. Each inherits a variable that nobody else has: by that they
//! are found in `/proc`. Not found are those that have also emptied their environment, and those of other users; nor is
//! anybody on systems without `/proc`.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::process::Stdio;
use tokio::process::{Child, Command};

/// What the shell does. SIGTERM is for the program, which may take its time to end. Who has left the group is looked for
/// again until there is nobody: some may just be starting others.
const WATCH: &str = r#"trap '' TERM INT HUP; read -r _
for round in 1 2 3 4 5 6 7 8; do
    left=$(grep -lasF -e "$1" /proc/[0-9]*/environ)
    [ -n "$left" ] || break
    for file in $left; do file=${file#/proc/}; kill -KILL "${file%/environ}"; done
done
kill -KILL 0"#;

/// The variable by which a program and all that it starts are known.
pub const MARK: &str = "MESHWRIGHT_PROGRAM";

/// The shell. Dropping it ends it.
pub struct Guardian {
    /// Its stdin is the pipe.
    _shell: Child,
    group: Pid,
    mark: String,
}

impl Guardian {
    /// A guardian of a new process group; none on machines without a shell.
    pub fn start() -> Option<Guardian> {
        let mark = uuid::Uuid::new_v4().simple().to_string();
        let mut shell = Command::new("/bin/sh");
        shell
            .args(["-c", WATCH, "sh", &format!("{MARK}={mark}")])
            .env_clear()
            .current_dir("/")
            .process_group(0)
            .kill_on_drop(true);
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let shell =
            shell.spawn().inspect_err(|error| tracing::debug!(%error, "no shell watches over programs")).ok()?;
        let group = shell.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw)?;
        Some(Guardian { _shell: shell, group, mark })
    }

    /// The group that it leads.
    pub fn group(&self) -> Pid {
        self.group
    }
    /// What the program must have as its [`MARK`].
    pub fn mark(&self) -> &str {
        &self.mark
    }

    /// Sends a signal to all that have the mark, in the group or not; says whether there was anybody.
    pub fn signal(&self, signal: Signal) -> bool {
        let mark = format!("{MARK}={}", self.mark);
        let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let numbers = processes.filter_map(|process| process.file_name().to_str()?.parse::<i32>().ok());
        let has_mark = |number: &i32| {
            let variables = std::fs::read(format!("/proc/{number}/environ")).unwrap_or_default();
            variables.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes())
        };
        let marked: Vec<i32> = numbers.filter(has_mark).collect();
        for number in &marked {
            // The only error is that it has ended by now.
            let _ = kill(Pid::from_raw(*number), signal);
        }
        !marked.is_empty()
    }
}
