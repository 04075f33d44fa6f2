//! `exec`: local programs, started without a shell.

use super::Host;
use super::text::map_of;
use crate::content::Content;
use crate::engine::{Call, Effect, Outcome, Primitive, value};
use crate::failure::{Failure, Result};
use crate::object::Node;
use crate::process::{self, Command};
use crate::secret::Secret;
use rhai::Dynamic;

/// The table of `exec`.
pub const EXEC: &[Primitive<Host>] = &[
    Primitive {
        on: "exec",
        name: "run",
        params: "tool: string, arguments: array, options?: map",
        options: &[
            ("stdin", "any", "text or Secret that it reads from standard input; closed at once when left out"),
            ("env", "map", "environment variables to add, as text or Secrets"),
            ("dir", "string", "the folder to start it in; the run's own when left out"),
            ("timeout", "string", "how long it may run; 5m when left out"),
            ("check", "bool", "whether a non-zero exit code is a failure; true when left out"),
        ],
        returns: "object",
        doc: "Runs a local program to its end, without a shell: `#{code, stdout, stderr}`. It is killed with all its children \
              when it takes too long or the run ends. Needs `needs: {exec: [PROGRAM]}` in the script's header.",
        example: r#"attempt(|| exec.run("no-such-program", ["--version"])).error.kind == "rights""#,
        effect: Effect::Run,
        since: "0.1.0",
        call: run,
    },
    Primitive {
        on: "exec",
        name: "which",
        params: "tool: string",
        options: &[],
        returns: "string|()",
        doc: "The path of the program that a name starts, or `()` when there is none.",
        example: r#"exec.which("no-such-program") == ()"#,
        effect: Effect::Read,
        since: "0.1.0",
        call: which,
    },
    Primitive {
        on: "exec",
        name: "version",
        params: "tool: string",
        options: &[],
        returns: "string",
        doc: "The version that a program says it has, such as `1.29.1`. Starts it, so it needs the same right as `exec.run`.",
        example: r#"attempt(|| exec.version("no-such-program")).error.kind == "rights""#,
        effect: Effect::Run,
        since: "0.1.0",
        call: version,
    },
];

fn run(call: &Call<'_, Host>) -> Outcome {
    let tool = call.str(0);
    call.host().grants.may_run(&tool)?;
    let command = command(call, &tool)?;
    let programs = &call.host().programs;
    let output = call.block(programs.run(&command))?;
    let check = call.options().get("check").is_none_or(|check| check.as_bool().unwrap_or(true));
    let output = if check { output.checked(&command.shown())? } else { output };
    Ok(map_of([
        ("code", Node::Int(output.code.into())),
        ("stdout", Node::Str(output.stdout.into())),
        ("stderr", Node::Str(output.stderr.into())),
    ]))
}

fn command(call: &Call<'_, Host>, tool: &str) -> Result<Command> {
    let options = call.options();
    let mut command = Command::new(tool, call.strings(1)?);
    command.stdin = options.get("stdin").map(|stdin| content("stdin", stdin)).transpose()?;
    if let Some(variables) = options.object("env")? {
        for (name, value) in variables.node.entries() {
            call.host().grants.may_set(name)?;
            command.env.push((name.to_string(), content(name, &value::from_node(value))?));
        }
    }
    command.dir = options.str("dir")?.map(|dir| call.host().path(&dir));
    command.timeout = call.at_most(options.duration("timeout")?.unwrap_or(command.timeout));
    Ok(command)
}

/// What goes to a program's stdin or environment.
pub(super) fn content(name: &str, value: &Dynamic) -> Result<Content> {
    if let Some(secret) = value.clone().try_cast::<Secret>() {
        secret.check_open()?;
        return Ok(Content::Secret(secret));
    }
    let text = value.clone().into_string();
    text.map(Content::Text)
        .map_err(|found| Failure::usage(format!("`{name}` must be a string or a Secret, not {found}")))
}

fn which(call: &Call<'_, Host>) -> Outcome {
    let found = call.host().programs.which(&call.str(0));
    Ok(found.map_or(Dynamic::UNIT, |path| path.display().to_string().into()))
}

fn version(call: &Call<'_, Host>) -> Outcome {
    let tool = call.str(0);
    call.host().grants.may_run(&tool)?;
    Ok(call.block(process::version(&*call.host().programs, &tool))?.into())
}
