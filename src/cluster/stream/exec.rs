//! Programs run in containers, over a websocket.
//!
//! The protocol is Kubernetes' `v5.channel.k8s.io` (`v4` for servers before 1.30, which cannot end a program's input):
//! the first byte of a message is its channel.
//! <https://github.com/kubernetes/kubernetes/blob/master/staging/src/k8s.io/apimachinery/pkg/util/remotecommand/constants.go>

use crate::cluster::Cluster;
use crate::cluster::layers::Tape;
use crate::cluster::path::{query, segment};
use crate::cluster::request::{failure_of, request};
use crate::content::Content;
use crate::failure::{Failure, Kind, Result};
use crate::object::{self, Node, Object};
use crate::output::Output;
use crate::plain;
use crate::secret::Redactor;
use futures::{Sink, SinkExt, Stream, StreamExt};
use http::Method;
use std::time::Duration;
use tokio_tungstenite::tungstenite::{Error, Message};

const STDIN: u8 = 0;
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const STATUS: u8 = 3;
/// Followed by the number of a channel: nothing more comes on it.
const CLOSE: u8 = 255;
/// A program may print this much; more is a runaway.
const MOST_OUTPUT: usize = 64 << 20;
const CHUNK: usize = 16 << 10;

/// A program to run in a container.
#[derive(Debug, Clone)]
pub struct Exec {
    /// Namespace of the pod.
    pub namespace: String,
    /// Name of the pod.
    pub pod: String,
    /// The container; the pod's default one when `None`.
    pub container: Option<String>,
    /// The program and its arguments; no shell.
    pub argv: Vec<String>,
    /// What it reads from standard input.
    pub stdin: Option<Content>,
    /// How long it may run.
    pub timeout: Duration,
}

impl Cluster {
    /// Runs a program in a container to its end. A non-zero exit code is no failure here, see [`Output::checked`].
    ///
    /// # Errors
    /// `NotFound` when there is no such pod or container, `Process` when the program cannot be started or prints too
    /// much, `Timeout` when it takes too long, `Unreachable` when the connection breaks. After the last two the
    /// program may still be running: nothing in Kubernetes can stop it.
    pub async fn exec(&self, exec: &Exec) -> Result<Output> {
        if let Tape::Plays(player) = &self.settings().tape {
            return player.exec(self.name(), exec).map_err(|failure| failure.on_cluster(self.name()));
        }
        let running = self.run(exec);
        let output = self.clock().timeout(exec.timeout, running).await;
        let output = output.unwrap_or_else(|| Err(late(exec)));
        if let (Tape::Records(recorder), Ok(output)) = (&self.settings().tape, &output) {
            recorder.executed(self.name(), exec, output);
        }
        output.map_err(|failure| failure.on_cluster(self.name()).about(format!("Pod {}/{}", exec.namespace, exec.pod)))
    }

    async fn run(&self, exec: &Exec) -> Result<Output> {
        let container = self.container_of(&exec.namespace, &exec.pod, exec.container.as_deref()).await?;
        let request = request(Method::GET, uri(exec, &container))?;
        let connection = self.client().connect(request).await.map_err(failure_of)?;
        let can_close = connection.supports_stream_close();
        if exec.stdin.is_some() && !can_close {
            return Err(no_end_of_input());
        }
        talk(connection.into_stream(), exec.stdin.as_ref()).await?.into_output()
    }
}

fn uri(exec: &Exec, container: &str) -> String {
    let mut pairs: Vec<_> = exec.argv.iter().map(|word| ("command", word.as_str())).collect();
    pairs.extend([("container", container), ("stdout", "true"), ("stderr", "true")]);
    if exec.stdin.is_some() {
        pairs.push(("stdin", "true"));
    }
    format!("/api/v1/namespaces/{}/pods/{}/exec{}", segment(&exec.namespace), segment(&exec.pod), query(&pairs))
}

/// What has come over the connection.
#[derive(Default)]
struct Printed {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    status: Option<Object>,
}

/// Feeds the program and listens to it until its status comes.
async fn talk<S>(socket: S, stdin: Option<&Content>) -> Result<Printed>
where
    S: Stream<Item = Result<Message, Error>> + Sink<Message, Error = Error> + Unpin,
{
    let (mut to_pod, mut from_pod) = socket.split();
    let feeding = feed(&mut to_pod, stdin);
    tokio::pin!(feeding);
    let (mut printed, mut fed) = (Printed::default(), false);
    while printed.status.is_none() {
        tokio::select! {
            // A program that does not read to its end closes its input: its right.
            _ = &mut feeding, if !fed => fed = true,
            message = from_pod.next() => match message {
                Some(Ok(Message::Close(_))) | None => return Err(broken("the connection was closed")),
                Some(Ok(message)) => printed.take(&message.into_data())?,
                Some(Err(e)) => return Err(broken(&e.to_string())),
            },
        }
    }
    Ok(printed)
}

async fn feed(to_pod: &mut (impl Sink<Message, Error = Error> + Unpin), stdin: Option<&Content>) -> Result<(), Error> {
    let Some(stdin) = stdin else { return Ok(()) };
    for chunk in stdin.reveal().as_bytes().chunks(CHUNK) {
        to_pod.send(Message::binary([&[STDIN], chunk].concat())).await?;
    }
    to_pod.send(Message::binary(vec![CLOSE, STDIN])).await
}

impl Printed {
    fn take(&mut self, message: &[u8]) -> Result<()> {
        let Some((channel, data)) = message.split_first() else { return Ok(()) };
        match *channel {
            STDOUT => self.stdout.extend_from_slice(data),
            STDERR => self.stderr.extend_from_slice(data),
            STATUS => self.status = Some(object::from_json(data)?),
            _ => {}
        }
        if self.stdout.len().max(self.stderr.len()) > MOST_OUTPUT {
            let most = MOST_OUTPUT >> 20;
            return Err(Failure::new(Kind::Process, format!("the program printed more than {most} MiB")));
        }
        Ok(())
    }

    fn into_output(self) -> Result<Output> {
        let clean = |bytes: &[u8]| Redactor::global().scrub(&String::from_utf8_lossy(bytes));
        let status = self.status.unwrap_or_default();
        let code = match status.str_at("status") {
            Some("Success") => 0,
            _ => exit_code(&status).ok_or_else(|| not_started(&status))?,
        };
        Ok(Output { code, stdout: clean(&self.stdout), stderr: clean(&self.stderr) })
    }
}

fn exit_code(status: &Object) -> Option<i32> {
    let causes = status.items_at("details.causes").iter();
    let mut codes = causes.filter(|cause| cause.get("reason").and_then(Node::as_str) == Some("ExitCode"));
    codes.find_map(|cause| cause.get("message")?.as_str()?.parse().ok())
}

fn not_started(status: &Object) -> Failure {
    let said = plain::line(status.str_at("message").unwrap_or("the server does not say why"), 400);
    let failure = Failure::new(Kind::Process, format!("the program could not be run: {said}"));
    if said.contains("executable file not found") || said.contains("no such file or directory") {
        return failure.hint("the container's image has no such program");
    }
    failure
}

fn broken(why: &str) -> Failure {
    Failure::new(Kind::Unreachable, format!("the connection to the program broke: {}", plain::line(why, 200)))
        .hint("the program may still be running in the pod")
}

fn late(exec: &Exec) -> Failure {
    let limit = jiff::SignedDuration::try_from(exec.timeout).unwrap_or_default();
    let program = exec.argv.first().map_or("the program", String::as_str);
    Failure::new(Kind::Timeout, format!("`{}` did not end within {limit:#}", plain::line(program, 100)))
        .hint("give it more time with the option `timeout`; it may still be running in the pod")
}

fn no_end_of_input() -> Failure {
    Failure::new(Kind::Server, "this API server cannot tell a program in a pod that its input has ended")
        .hint("Kubernetes 1.30 and later can; for older ones pass the input as an argument")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exec() -> Exec {
        Exec {
            namespace: "sample".into(),
            pod: "a-1".into(),
            container: None,
            argv: vec!["curl".into(), "-s".into(), "http://x/y?a=b&c".into()],
            stdin: None,
            timeout: Duration::from_secs(1),
        }
    }

    fn printed(status: &str) -> Result<Output> {
        let mut printed = Printed::default();
        printed.take(b"\x01out").expect("stdout");
        printed.take(b"\x02err").expect("stderr");
        printed.take(&[&[STATUS], status.as_bytes()].concat()).expect("status");
        printed.into_output()
    }

    #[test]
    fn every_word_is_its_own_parameter() {
        assert_eq!(
            uri(&exec(), "c"),
            "/api/v1/namespaces/sample/pods/a-1/exec?command=curl&command=-s&command=http:%2F%2Fx%2Fy%3Fa%3Db%26c&container=c&stdout=true&stderr=true"
        );
    }

    #[test]
    fn the_status_channel_holds_the_exit_code() {
        let success = printed(r#"{"metadata":{},"status":"Success"}"#).expect("success");
        assert_eq!(success, Output { code: 0, stdout: "out".into(), stderr: "err".into() });
        let failed = r#"{"status":"Failure","reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode","message":"42"}]}}"#;
        assert_eq!(printed(failed).expect("ran").code, 42);
    }

    #[test]
    fn what_cannot_be_started_says_why() {
        let status = r#"{"status":"Failure","reason":"InternalError","message":"exec: \"jq\": executable file not found in $PATH"}"#;
        let failure = printed(status).expect_err("not started");
        assert!(failure.message.contains("jq") && failure.hint.is_some_and(|hint| hint.contains("image")));
    }

    #[test]
    fn runaway_output_is_refused() {
        let mut printed = Printed::default();
        let chunk = vec![STDOUT; MOST_OUTPUT / 2 + 2];
        printed.take(&chunk).expect("first half");
        assert_eq!(printed.take(&chunk).expect_err("too much").kind, Kind::Process);
    }
}
