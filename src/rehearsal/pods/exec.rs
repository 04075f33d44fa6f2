//! `exec` and `attach`: programs in containers.

use super::super::Answer;
use super::super::call::Query;
use super::super::status::{Outcome, Status};
use super::super::transport::Reply;
use super::channel::{self, Channels, Frame, STATUS, STDERR, STDIN, STDOUT};
use super::log::Follower;
use super::{Stage, programs, shell, target};
use http::request::Parts;
use serde_json::{Value, json};

/// One program run in a container.
struct Program {
    stage: Stage,
    container: String,
    argv: Vec<String>,
    stdin: bool,
    stdout: bool,
    stderr: bool,
    tty: bool,
}

impl Program {
    fn new(stage: Stage, query: &Query) -> Outcome<Program> {
        let container = target::container(&stage.pod, query.filled("container"))?;
        target::running(&stage.pod, &container)?;
        let set = |key| query.is(key);
        let (stdin, stdout, stderr, tty) = (set("stdin"), set("stdout"), set("stderr"), set("tty"));
        if !stdin && !stdout && !stderr {
            return Err(Status::bad_request("you must specify at least 1 of stdin, stdout, stderr"));
        }
        Ok(Program { stage, container, argv: query.all("command"), stdin, stdout, stderr, tty })
    }

    /// The shell that the container itself is, at a terminal. An image that was chosen to look into a pod has one.
    fn own_shell(&self) -> Option<Vec<String>> {
        let lists = ["containers", "ephemeralContainers"];
        let all = lists.iter().filter_map(|list| self.stage.pod["spec"][*list].as_array()).flatten();
        let own = all.into_iter().find(|container| container["name"] == self.container.as_str())?;
        let parts = ["command", "args"].into_iter().filter_map(|part| own[part].as_array()).flatten();
        let mut argv: Vec<String> = parts.filter_map(|word| word.as_str().map(str::to_owned)).collect();
        if argv.is_empty() && own["stdin"] == true {
            argv.push("sh".to_owned());
        }
        (self.tty && self.stdin && shell::is_interactive(&argv)).then_some(argv)
    }

    /// How many channels the client opens: the streams, their status, the size of the terminal.
    fn channels(&self) -> usize {
        let open = [self.stdin, self.stdout, self.stderr && !self.tty, self.tty];
        1 + open.into_iter().filter(|open| *open).count()
    }
}

/// Runs a program.
pub(crate) fn serve(stage: Stage, query: &Query, parts: &mut Parts) -> Outcome<Reply> {
    let program = Program::new(stage, query)?;
    if program.argv.is_empty() {
        return Err(Status::bad_request("you must specify at least one command for the container"));
    }
    let (answer, pending) = channel::accept(parts)?;
    tokio::spawn(async move {
        let Some(mut channels) = pending.connect(program.channels()).await else { return };
        if program.tty && program.stdin && shell::is_interactive(&program.argv) {
            let code = shell::converse(&program.stage, &program.container, &program.argv, &mut channels).await;
            report(&mut channels, &program.argv, code).await;
            return channels.close().await;
        }
        run(program, channels).await;
    });
    Ok(answer)
}

async fn run(program: Program, mut channels: Channels) {
    // A terminal is never at its end by itself, so a program there gets no input.
    let stdin = if program.stdin && !program.tty { read(&mut channels).await } else { String::new() };
    let Some(answer) = execute(&program.stage, &program.container, program.argv.clone(), stdin).await else {
        return channels.close().await;
    };
    if program.tty {
        channels.send(STDOUT, terminal(&format!("{}{}", answer.stdout, answer.stderr)).as_bytes()).await;
    } else {
        channels.send(STDOUT, if program.stdout { answer.stdout.as_bytes() } else { b"" }).await;
        channels.send(STDERR, if program.stderr { answer.stderr.as_bytes() } else { b"" }).await;
    }
    report(&mut channels, &program.argv, answer.code).await;
    channels.close().await;
}

/// What the behaviour answers to a program.
pub(crate) async fn execute(stage: &Stage, container: &str, argv: Vec<String>, stdin: String) -> Option<Answer> {
    let container = container.to_owned();
    stage
        .ask(move |stage| {
            let pod = stage.current().unwrap_or_else(|| stage.pod.clone());
            let (behaviour, cluster) = (stage.world.behaviour(), stage.server.name());
            let answered = |argv: &[String]| behaviour.exec(&stage.world, cluster, &pod, &container, argv, &stdin);
            let answer = answered(&argv);
            if answer.code != 127 {
                return answer;
            }
            // There is no shell; what it was to start may be there.
            let program = shell::only_program(&argv);
            let answer = program.as_ref().map_or(answer, |program| answered(program));
            let known = || programs::run(&stage.server, &pod, &container, program.as_ref().unwrap_or(&argv), &stdin);
            if answer.code == 127 { known().unwrap_or(answer) } else { answer }
        })
        .await
}

async fn read(channels: &mut Channels) -> String {
    let mut input = Vec::new();
    loop {
        match channels.receive().await {
            Frame::Data(STDIN, bytes) => input.extend_from_slice(&bytes),
            Frame::Data(..) => {}
            Frame::End(STDIN) | Frame::Closed => return String::from_utf8_lossy(&input).into_owned(),
            Frame::End(_) => {}
        }
    }
}

/// Lines as a terminal wants them.
pub(crate) fn terminal(text: &str) -> String {
    text.replace('\n', "\r\n")
}

async fn report(channels: &mut Channels, argv: &[String], code: i32) {
    channels.send(STATUS, status(argv, code).to_string().as_bytes()).await;
}

/// The final status as the kubelet gives it with containerd.
fn status(argv: &[String], code: i32) -> Value {
    if code == 0 {
        return json!({ "metadata": {}, "status": "Success" });
    }
    let message = format!(
        "command terminated with non-zero exit code: error executing command [{}], exit code {code}",
        argv.join(" ")
    );
    json!({
        "metadata": {}, "status": "Failure", "reason": "NonZeroExitCode", "message": message,
        "details": { "causes": [{ "reason": "ExitCode", "message": code.to_string() }] },
    })
}

const SILENT: &str =
    "this pod is rehearsed and has printed nothing so far; what it prints is shown here, Ctrl-C leaves\n";

/// Shows what a container prints until it ends or the client leaves.
pub(crate) fn attach(stage: Stage, query: &Query, parts: &mut Parts) -> Outcome<Reply> {
    let program = Program::new(stage, query)?;
    let (answer, pending) = channel::accept(parts)?;
    tokio::spawn(async move {
        let Some(mut channels) = pending.connect(program.channels()).await else { return };
        if let Some(shell) = program.own_shell() {
            let code = shell::converse(&program.stage, &program.container, &shell, &mut channels).await;
            report(&mut channels, &shell, code).await;
            return channels.close().await;
        }
        let mut follower = Follower::new(program.stage, program.container);
        if follower.is_silent().await {
            let channel = if program.tty { STDOUT } else { STDERR };
            channels.send(channel, terminal(SILENT).as_bytes()).await;
        }
        loop {
            tokio::select! {
                text = follower.next() => match text {
                    Some(text) if program.tty => channels.send(STDOUT, terminal(&text).as_bytes()).await,
                    Some(text) => channels.send(STDOUT, text.as_bytes()).await,
                    None => break,
                },
                frame = channels.receive() => if frame == Frame::Closed { return },
            }
        }
        report(&mut channels, &[], 0).await;
        channels.close().await;
    });
    Ok(answer)
}
