//! Asking the person at the terminal.

use super::super::Host;
use crate::engine::{Call, Outcome};
use crate::failure::{Failure, Kind, Result};
use crate::secret::Secret;
use nix::sys::termios::{SetArg, Termios, tcgetattr, tcsetattr};
use rhai::Dynamic;
use std::fs::File;
use std::io::{ErrorKind, IsTerminal as _};

/// Characters of a label.
const LABEL: usize = 200;

pub(super) fn prompt(call: &Call<'_, Host>) -> Outcome {
    let label = call.str(0);
    if !std::io::stdin().is_terminal() {
        return Err(Failure::usage(format!("cannot ask for `{label}`: there is no terminal"))
            .hint("give it by a file or an environment variable")
            .into());
    }
    let answer = answer(call, &crate::plain::line(&label, LABEL))?;
    Ok(Dynamic::from(Secret::new(label.as_str(), answer)))
}

/// The answer, read on a thread of its own: what ends a run must not wait for somebody to type.
fn answer(call: &Call<'_, Host>, label: &str) -> Result<String> {
    let (_echo, _held) = (Echo::kept(), crate::terminal::hold());
    // Rehearsed time stands still while somebody thinks.
    let _working = call.bridge().clock.working();
    let (tell, told) = tokio::sync::oneshot::channel();
    let question = format!("{label}: ");
    std::thread::spawn(move || tell.send(rpassword::prompt_password(question)));
    let silent = |_| Failure::internal(format!("nobody could ask for `{label}`"));
    let answer = call.block(async { told.await.map_err(silent) })?;
    answer.map_err(|error| match error.kind() {
        ErrorKind::Interrupted => Failure::new(Kind::Cancelled, "interrupted"),
        _ => Failure::usage(format!("cannot ask for `{label}`: {error}")),
    })
}

/// How the terminal was; it is so again when this is dropped, although whoever asked may still wait for keys.
struct Echo(Option<(File, Termios)>);

impl Echo {
    fn kept() -> Echo {
        let terminal = File::open("/dev/tty").ok();
        Echo(terminal.and_then(|terminal| tcgetattr(&terminal).ok().map(|modes| (terminal, modes))))
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        if let Some((terminal, modes)) = &self.0 {
            // A terminal that is gone needs nothing.
            let _ = tcsetattr(terminal, SetArg::TCSANOW, modes);
        }
    }
}
