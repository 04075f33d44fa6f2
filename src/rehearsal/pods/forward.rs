//! `portforward`: connections to a port of a pod, answered by the behaviour.
//!
//! The behaviour sees an HTTP request as `curl -s -i -X METHOD [-d BODY] http://127.0.0.1:PORT/PATH` run in the
//! container that has the port. What it prints is the answer; an exit code other than 0 is a refused connection, and so is
//! whatever begins otherwise than HTTP/1 does: nobody would ever answer it.

use super::super::call::Query;
use super::super::status::{Outcome, Status};
use super::super::transport::Reply;
use super::channel::{self, Channels, Frame, Pending, Streams};
use super::exec::execute;
use super::spdy::{Event, Id};
use super::{Stage, target};
use bytes::Bytes;
use http::request::Parts;
use serde_json::Value;
use std::collections::HashMap;

/// Connects to the ports that the query names.
pub(crate) fn serve(stage: Stage, query: &Query, parts: &mut Parts) -> Outcome<Reply> {
    if stage.pod["status"]["phase"] != "Running" {
        let phase = stage.pod["status"]["phase"].as_str().unwrap_or("Pending");
        return Err(target::internal(format!(
            "unable to forward port because pod is not running. Current status={phase}"
        )));
    }
    let lists = query.all("ports");
    let ports: Option<Vec<u16>> = lists.iter().flat_map(|list| list.split(',')).map(|port| port.parse().ok()).collect();
    let (answer, pending) = channel::accept(parts)?;
    match (ports.filter(|ports| !ports.is_empty()), pending.has_streams()) {
        // Streams name their ports themselves.
        (_, true) => drop(tokio::spawn(each_stream(stage, pending))),
        (Some(ports), false) => drop(tokio::spawn(async move {
            if let Some(channels) = pending.connect(0).await {
                forward(stage, ports, channels).await;
            }
        })),
        (None, false) => return Err(Status::bad_request("query parameter \"ports\" must name at least one port")),
    }
    Ok(answer)
}

/// One connection: its port, the stream that errors go to, what was sent and not answered.
#[derive(Default)]
struct Forwarded {
    port: u16,
    errors: Option<Id>,
    input: Vec<u8>,
}

/// Each connection has two streams with the same request id, for data and for errors.
async fn each_stream(stage: Stage, pending: Pending) {
    let Some(mut streams) = pending.streams().await else { return };
    let (mut errors, mut connections) = (HashMap::<String, Id>::new(), HashMap::<Id, Forwarded>::new());
    loop {
        match streams.receive().await {
            Event::Opened(id, headers) => {
                let header = |name: &str| headers.get(name).cloned().unwrap_or_default();
                let request = header("requestid");
                if header("streamtype") == "error" {
                    errors.insert(request, id);
                    continue;
                }
                let port = header("port").parse().unwrap_or_default();
                connections.insert(id, Forwarded { port, errors: errors.remove(&request), ..Forwarded::default() });
            }
            Event::Data(id, bytes) => {
                let Some(connection) = connections.get_mut(&id) else { continue };
                if !connection.sent(&stage, &mut streams, id, bytes).await {
                    connection.end(&streams, id);
                    connections.remove(&id);
                }
            }
            Event::Ended(id) => {
                if let Some(connection) = connections.remove(&id) {
                    connection.end(&streams, id);
                }
            }
            Event::Closed => return,
        }
    }
}

impl Forwarded {
    /// Answers what has come in whole; whether the connection stays.
    async fn sent(&mut self, stage: &Stage, streams: &mut Streams, id: Id, bytes: Bytes) -> bool {
        self.input.extend_from_slice(&bytes);
        if !is_http(&self.input) {
            let words = unspoken(&stage.pod, self.port);
            self.errors.into_iter().for_each(|errors| streams.send(errors, words.as_bytes()));
            return false;
        }
        while let Some(request) = take(&mut self.input) {
            match answer(stage, self.port, request).await {
                Ok(text) => streams.send(id, text.as_bytes()),
                Err(words) => {
                    self.errors.into_iter().for_each(|errors| streams.send(errors, words.as_bytes()));
                    return false;
                }
            }
        }
        true
    }

    fn end(&self, streams: &Streams, id: Id) {
        [Some(id), self.errors].into_iter().flatten().for_each(|id| streams.end(id));
    }
}

/// Each port has two channels: data and errors. Both begin with the port's number.
async fn forward(stage: Stage, ports: Vec<u16>, mut channels: Channels) {
    for (index, port) in ports.iter().enumerate() {
        for channel in [2 * index, 2 * index + 1] {
            channels.send(u8::try_from(channel).unwrap_or(u8::MAX), &port.to_le_bytes()).await;
        }
    }
    let mut inputs = vec![Vec::new(); ports.len()];
    loop {
        let (channel, bytes) = match channels.receive().await {
            Frame::Data(channel, bytes) if channel % 2 == 0 => (channel, bytes),
            Frame::Data(..) | Frame::End(_) => continue,
            Frame::Closed => return,
        };
        let index = usize::from(channel / 2);
        let (Some(input), Some(port)) = (inputs.get_mut(index), ports.get(index)) else { continue };
        input.extend_from_slice(&bytes);
        if !is_http(input) {
            channels.send(channel + 1, unspoken(&stage.pod, *port).as_bytes()).await;
            return channels.close().await;
        }
        while let Some(request) = take(input) {
            match answer(&stage, *port, request).await {
                Ok(text) => channels.send(channel, text.as_bytes()).await,
                Err(words) => channels.send(channel + 1, words.as_bytes()).await,
            }
        }
    }
}

/// Whether what has come in begins as a request of HTTP/1 does: with a method, and not with the preface of HTTP/2.
fn is_http(input: &[u8]) -> bool {
    const PREFACE: &[u8] = b"PRI * HTTP/2";
    input.first().is_none_or(u8::is_ascii_uppercase) && !input.starts_with(PREFACE)
}

/// One HTTP request.
#[derive(Debug, PartialEq, Eq)]
struct Request {
    method: String,
    path: String,
    body: String,
}

/// Takes a complete request off the front of the input.
fn take(input: &mut Vec<u8>) -> Option<Request> {
    let end = input.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&input[..end]).into_owned();
    let mut words = head.split_whitespace();
    let (method, path) = (words.next()?.to_owned(), words.next().unwrap_or("/").to_owned());
    let length = head.lines().filter_map(|line| line.split_once(':')).find_map(|(name, value)| {
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok()).flatten()
    });
    let whole = end.checked_add(length.unwrap_or(0)).filter(|whole| *whole <= input.len())?;
    let body = String::from_utf8_lossy(&input[end..whole]).into_owned();
    input.drain(..whole);
    Some(Request { method, path, body })
}

/// The answer, or why there is no connection.
async fn answer(stage: &Stage, port: u16, request: Request) -> Result<String, String> {
    let container = container(&stage.pod, port);
    let mut argv: Vec<String> = ["curl", "-s", "-i", "-X", &request.method].map(str::to_owned).into();
    if !request.body.is_empty() {
        argv.extend(["-d".to_owned(), request.body]);
    }
    argv.push(format!("http://127.0.0.1:{port}{}", request.path));
    match execute(stage, &container, argv, String::new()).await {
        Some(answer) if answer.code == 0 => Ok(http(&answer.stdout)),
        _ => Err(refusal(&stage.pod, port)),
    }
}

/// The container that has the port, or the first.
fn container(pod: &Value, port: u16) -> String {
    let containers = || pod["spec"]["containers"].as_array().into_iter().flatten();
    let has = |container: &&Value| {
        container["ports"].as_array().into_iter().flatten().any(|listed| listed["containerPort"] == port)
    };
    let found = containers().find(has).or_else(|| containers().next());
    found.and_then(|container| container["name"].as_str()).unwrap_or_default().to_owned()
}

/// The answer as HTTP: what the behaviour printed, with a head unless it has one.
fn http(text: &str) -> String {
    if text.starts_with("HTTP/") {
        return text.to_owned();
    }
    format!("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n\r\n{text}", text.len())
}

fn unspoken(pod: &Value, port: u16) -> String {
    format!("{}: this pod is rehearsed, it speaks plain HTTP/1 only", refusal(pod, port))
}

fn refusal(pod: &Value, port: u16) -> String {
    let uid = pod["metadata"]["uid"].as_str().unwrap_or_default();
    format!(
        "error forwarding port {port} to pod {uid}, uid : failed to connect to localhost:{port} inside namespace \
         \"{uid}\": dial tcp4 127.0.0.1:{port}: connect: connection refused"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_http_is_spoken() {
        assert!(is_http(b"") && is_http(b"G") && is_http(b"GET / HTTP/1.1\r\n"));
        assert!(!is_http(&[0x16, 0x03, 0x01]), "TLS");
        assert!(!is_http(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
    }

    #[test]
    fn requests_are_taken_when_they_are_complete() {
        let mut input = b"POST /a HTTP/1.1\r\nContent-Length: 4\r\n\r\nbo".to_vec();
        assert_eq!(take(&mut input), None);
        input.extend_from_slice(b"dyGET /b HTTP/1.1\r\n\r\n");
        let first = take(&mut input).expect("complete");
        assert_eq!((first.method.as_str(), first.path.as_str(), first.body.as_str()), ("POST", "/a", "body"));
        assert_eq!(take(&mut input).map(|request| request.path), Some("/b".into()));
        assert!(input.is_empty());
    }
}
