//! `log`: lines for the user, below the step that runs.

use super::Host;
use super::host::Level;
use crate::engine::{Call, Effect, Outcome, Primitive};
use rhai::Dynamic;

/// The table of `log`.
pub const LOG: &[Primitive<Host>] = &[
    Primitive {
        on: "log",
        name: "info",
        params: "message: any",
        options: &[],
        returns: "()",
        doc: "Shows a line below the step that runs.",
        example: r#"log.info("the gateway has an address"); true"#,
        effect: Effect::None,
        since: "0.1.0",
        call: info,
    },
    Primitive {
        on: "log",
        name: "warn",
        params: "message: any",
        options: &[],
        returns: "()",
        doc: "Shows a warning below the step that runs, and again at the end of the run.",
        example: r#"log.warn("the load balancer has a host name: its address may change"); true"#,
        effect: Effect::None,
        since: "0.1.0",
        call: warn,
    },
];

fn info(call: &Call<'_, Host>) -> Outcome {
    say(call, Level::Info)
}

fn warn(call: &Call<'_, Host>) -> Outcome {
    say(call, Level::Warning)
}

fn say(call: &Call<'_, Host>, level: Level) -> Outcome {
    let line = crate::secret::Redactor::global().scrub(&crate::engine::shown(call.context(), &call.any(0)));
    (call.host().say)(level, &line);
    Ok(Dynamic::UNIT)
}
