//! A recording read back.

use super::aim::{Aim, key};
use super::entry::{Container, Entry, FORMAT, Program, Request, Start};
use crate::cluster::path::is_watch;
use crate::failure::{Failure, Result};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};

/// A recording.
pub struct Tape {
    /// What was run.
    pub start: Start,
    /// The clusters' API servers by context.
    pub servers: BTreeMap<String, String>,
    pub(super) clusters: BTreeMap<String, Side>,
    pub(super) programs: Vec<Program>,
    pub(super) containers: Vec<Container>,
}

/// What one cluster was asked.
#[derive(Default)]
pub(super) struct Side {
    /// Answers by the key of their request, in order.
    pub reads: HashMap<String, Vec<Read>>,
    /// Changes by object, in order.
    pub changes: BTreeMap<Aim, Vec<Request>>,
}

/// A request that changed nothing.
pub(super) struct Read {
    /// How many changes before it may show in it.
    pub age: usize,
    pub request: Request,
}

impl Tape {
    /// Reads a recording.
    ///
    /// # Errors
    /// When it is none, or one of a later version. A last line that was cut off is left out.
    pub fn read(name: &str, text: &str) -> Result<Tape> {
        let mut lines = text.lines();
        let start = lines.next().and_then(|line| serde_json::from_str::<Start>(line).ok());
        let start = start.ok_or_else(|| {
            Failure::usage(format!("{name} is no recording")).hint("`meshwright run NAME --record FILE` makes one")
        })?;
        if start.format > FORMAT {
            return Err(Failure::usage(format!("{name} was recorded by a later meshwright ({})", start.program)));
        }
        let mut tape = Tape::of(start);
        let mut requests = Vec::new();
        let count = lines.clone().count();
        for (at, line) in lines.enumerate() {
            match serde_json::from_str(line) {
                Ok(Entry::Cluster(cluster)) => drop(tape.servers.insert(cluster.name, cluster.server)),
                Ok(Entry::Request(request)) => requests.push(request),
                Ok(Entry::Program(program)) => tape.programs.push(program),
                Ok(Entry::Container(container)) => tape.containers.push(container),
                Err(_) if at + 1 == count => {}
                Err(e) => return Err(Failure::usage(format!("{name}:{}: no line of a recording: {e}", at + 2))),
            }
        }
        requests.sort_by_key(|request| request.number);
        whole(requests).into_iter().for_each(|request| tape.take(request));
        Ok(tape)
    }

    fn of(start: Start) -> Tape {
        Tape {
            start,
            servers: BTreeMap::new(),
            clusters: BTreeMap::new(),
            programs: Vec::new(),
            containers: Vec::new(),
        }
    }

    fn take(&mut self, request: Request) {
        let side = self.clusters.entry(request.cluster.clone()).or_default();
        if is_change(&request.method, &request.path) {
            let aim = Aim::of_change(&request.path, &request.sent);
            side.changes.entry(aim).or_default().push(request);
            return;
        }
        let age = age(side.changes.iter().map(|(aim, changes)| (aim, changes.len())), &request.path);
        let key = read_key(&request.method, &request.path, &request.sent);
        side.reads.entry(key).or_default().push(Read { age, request });
    }
}

/// The requests, in the order of their numbers, each watch with all parts of its answer; without those that broke off.
fn whole(requests: Vec<Request>) -> Vec<Request> {
    let mut all: Vec<Request> = Vec::new();
    for request in requests {
        let former = all.last_mut().filter(|former| is_part(former, &request));
        match (former, request.answer) {
            (Some(former), Value::Array(events)) => {
                former.answer.as_array_mut().into_iter().for_each(|all| all.extend_from_slice(&events));
                former.broken |= request.broken;
            }
            (_, answer) => all.push(Request { answer, ..request }),
        }
    }
    all.retain(|request| !request.broken);
    all
}

fn is_part(former: &Request, request: &Request) -> bool {
    is_watch(&request.path) && former.number == request.number && former.cluster == request.cluster
}

/// Whether a request changes what is stored.
pub(super) fn is_change(method: &str, path: &str) -> bool {
    use crate::cluster::path::{Effect, effect_of};
    let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
    let method = http::Method::from_bytes(method.as_bytes()).unwrap_or_default();
    effect_of(&method, path, query) == Effect::Change
}

/// How many of these changes may show in what is read at this path.
pub(super) fn age<'a>(changes: impl Iterator<Item = (&'a Aim, usize)>, path: &str) -> usize {
    let read = Aim::of(path);
    changes.filter(|(aim, _)| aim.shows_in(&read)).map(|(_, count)| count).sum()
}

/// The key of a request that changes nothing; questions stand in the body.
pub(super) fn read_key(method: &str, path: &str, sent: &Value) -> String {
    if sent.is_null() {
        key(method, path)
    } else {
        format!("{} {}", key(method, path), super::fill::lasting(&sent.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: &str = r#"{"meshwrightRecording":1,"program":"1","script":"s","params":{},"rehearsed":true}"#;

    #[test]
    fn a_line_that_was_cut_off_is_left_out_and_other_files_are_refused() {
        let line =
            r#"{"request":{"cluster":"c","number":1,"method":"GET","path":"/version","status":200,"answer":{}}}"#;
        let tape = Tape::read("r", &format!("{START}\n{line}\n{{\"requ")).expect("a recording");
        assert_eq!(tape.clusters["c"].reads.len(), 1);
        assert!(Tape::read("r", &format!("{START}\n{{\"requ\n{line}")).is_err());
        assert_eq!(Tape::read("r", "{}").err().expect("none").message, "r is no recording");
        assert!(Tape::read("r", &START.replace(":1,", ":99,")).is_err());
    }

    #[test]
    fn a_watch_is_kept_in_parts_and_one_that_broke_off_is_none() {
        let part = |number: u64, answer: &str, more: &str| {
            format!(
                r#"{{"request":{{"cluster":"c","number":{number},"method":"GET","path":"/api/v1/pods?watch=1","status":200,"answer":{answer}{more}}}}}"#
            )
        };
        let lines = [part(1, "[1,2]", ""), part(2, "[7]", ""), part(1, "[3]", ""), part(2, "[]", r#","broken":true"#)];
        let tape = Tape::read("r", &format!("{START}\n{}", lines.join("\n"))).expect("a recording");
        let reads: Vec<&Read> = tape.clusters["c"].reads.values().flatten().collect();
        assert_eq!(reads.iter().map(|read| read.request.answer.to_string()).collect::<Vec<_>>(), ["[1,2,3]"]);
    }
}
