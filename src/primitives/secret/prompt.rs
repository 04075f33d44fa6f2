//! Asking the person at the terminal.

use super::super::Host;
use crate::engine::{Call, Outcome};
use crate::failure::{Failure, Kind, Result};
use crate::secret::Secret;
use crate::terminal::{self, Modes};
use rhai::Dynamic;
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
    let held = call.block(async { Ok(terminal::hold().await) })?;
    let _echo = Modes::kept();
    // Rehearsed time stands still while somebody thinks.
    let _working = call.bridge().clock.working();
    let (tell, told) = tokio::sync::oneshot::channel();
    let question = format!("{label}: ");
    std::thread::spawn(move || {
        let answer = rpassword::prompt_password(question);
        drop(held);
        tell.send(answer)
    });
    let silent = |_| Failure::internal(format!("nobody could ask for `{label}`"));
    let answer = call.block(async { told.await.map_err(silent) })?;
    answer.map_err(|error| match error.kind() {
        ErrorKind::Interrupted => Failure::new(Kind::Cancelled, "interrupted"),
        _ => Failure::usage(format!("cannot ask for `{label}`: {error}")),
    })
}
