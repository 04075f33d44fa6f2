//! Waits that a script may know to be in vain: the option `unless`.

use super::super::Host;
use crate::cluster::wait::{Limits, Wait, until_all_unless};
use crate::engine::{Call, value};
use crate::failure::{Failure, Result};
use crate::object::Object;
use rhai::{Dynamic, EvalAltResult, FnPtr};
use std::pin::pin;
use std::time::Duration;

/// How long a wait may go on before the script is asked, and from one time to the next.
const ASK: Duration = Duration::from_secs(20);

/// The script's own look for causes, and when it is due.
pub(super) struct Doubts {
    closure: Option<FnPtr>,
    due: Duration,
}

impl Doubts {
    /// Those of a call; without the option there never are any.
    pub(super) fn of(call: &Call<'_, Host>) -> Result<Doubts> {
        Ok(Doubts { closure: call.options().closure("unless")?, due: ASK })
    }

    /// The causes that the script finds, when it is time to ask; `passed` is how long the wait has lasted.
    pub(super) fn ask_when_due(
        &mut self,
        call: &Call<'_, Host>,
        passed: Duration,
    ) -> std::result::Result<Vec<String>, Box<EvalAltResult>> {
        let Some(closure) = self.closure.as_ref().filter(|_| passed >= self.due) else { return Ok(Vec::new()) };
        self.due = passed + ASK;
        Ok(texts(&call.invoke(closure, Vec::new())?.flatten())?)
    }
}

/// What the closure returned: nothing, a text, or a list of them.
fn texts(value: &Dynamic) -> Result<Vec<String>> {
    let wrong = || {
        let found = value::type_name(value);
        Failure::usage(format!("the closure of `unless` must return texts, not {found}"))
            .hint("return [] while there is no cause, and a list of texts when there are some")
    };
    if value.is_unit() {
        return Ok(Vec::new());
    }
    if let Ok(text) = value.clone().into_string() {
        return Ok(if text.is_empty() { Vec::new() } else { vec![text] });
    }
    let node = value::to_node(value).map_err(|_| wrong())?;
    let texts: Option<Vec<String>> = node.items().iter().map(|item| item.as_str().map(str::to_owned)).collect();
    texts.filter(|_| value.is_array()).ok_or_else(wrong)
}

/// Waits for objects, and asks the script from time to time whether that is in vain.
pub(super) fn until_all(
    call: &Call<'_, Host>,
    waits: &[Wait],
    limits: Limits,
) -> std::result::Result<Vec<Object>, Box<EvalAltResult>> {
    let mut doubts = Doubts::of(call)?;
    let clock = &call.bridge().clock;
    let start = clock.now();
    let (tell, told) = tokio::sync::oneshot::channel();
    let in_vain = async {
        match told.await {
            Ok(causes) => causes,
            Err(_) => std::future::pending().await,
        }
    };
    let mut waiting = pin!(until_all_unless(waits, limits, in_vain));
    while doubts.closure.is_some() {
        let pause = doubts.due.saturating_sub(clock.now().saturating_sub(start));
        let ended = call.block(async { Ok(clock.timeout(pause, &mut waiting).await) })?;
        if let Some(ended) = ended {
            return Ok(ended?);
        }
        let causes = doubts.ask_when_due(call, clock.now().saturating_sub(start))?;
        if !causes.is_empty() {
            // The wait is still there: it has not ended above.
            let _ = tell.send(causes);
            break;
        }
    }
    Ok(call.block(waiting)?)
}
