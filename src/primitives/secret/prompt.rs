//! Asking the person at the terminal.

use super::super::Host;
use crate::engine::{Call, Outcome};
use crate::failure::{Failure, Kind, Result};
use crate::secret::Secret;
use crate::terminal::hidden::{self, Hidden};
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

/// The answer, once no other question is open: two threads that ask at once do so one after the other.
fn answer(call: &Call<'_, Host>, label: &str) -> Result<String> {
    let _turn = call.block(async { Ok(hidden::turn().await) })?;
    let held = call.block(async { Ok(terminal::hold().await) })?;
    // The thread that reads puts them back as well, but not before a second Ctrl-C ends the process.
    let _echo = Modes::kept();
    // Rehearsed time stands still while somebody thinks.
    let _working = call.bridge().clock.working();
    let unasked = |error| Failure::usage(format!("cannot ask for `{label}`: {error}"));
    let mut question = Hidden::ask(format!("{label}: "), held).map_err(unasked)?;
    let answer = call.block(async { Ok(question.answer().await) })?;
    answer.map_err(|error| match error.kind() {
        ErrorKind::Interrupted => Failure::new(Kind::Cancelled, "interrupted"),
        _ => unasked(error),
    })
}
