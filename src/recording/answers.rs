//! What one cluster says in a replay.

use super::aim::Aim;
use super::entry::Request;
use super::fill::{fill, is_masked, lasting};
use super::tape::{Side, age, is_change, read_key};
use super::writer::read_body;
use crate::cluster::path::is_watch;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};

/// What one cluster says, and what it was sent so far.
pub(super) struct Answers {
    side: Side,
    /// How often an answer was given, by its request's key and age.
    given: HashMap<(String, usize), usize>,
    /// What was sent for each object, as a recording would keep it.
    sent: BTreeMap<Aim, Vec<Sent>>,
    /// What the replay made of objects, where the recording says otherwise or nothing; null for one that is deleted.
    own: HashMap<Aim, Value>,
    /// What the recording has answered to the last change of an object; null to one that deletes.
    latest: HashMap<Aim, Value>,
    /// What was last written, secrets included.
    written: HashMap<Aim, Value>,
}

/// A change that was sent.
pub(super) struct Sent {
    pub method: String,
    pub path: String,
    pub body: Value,
}

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Answer {
    pub status: u16,
    pub content_type: String,
    pub body: Value,
}

impl Answer {
    fn json(status: u16, body: Value) -> Answer {
        Answer { status, content_type: String::new(), body }
    }

    fn recorded(request: &Request) -> Answer {
        Answer { status: request.status, content_type: request.content_type.clone(), body: request.answer.clone() }
    }
}

impl Answers {
    pub fn new(side: Side) -> Answers {
        Answers {
            side,
            given: HashMap::new(),
            sent: BTreeMap::new(),
            own: HashMap::new(),
            latest: HashMap::new(),
            written: HashMap::new(),
        }
    }

    /// What was recorded for each object.
    pub fn recorded(&self) -> &BTreeMap<Aim, Vec<Request>> {
        &self.side.changes
    }

    /// What was sent for each object.
    pub fn sent(&self) -> &BTreeMap<Aim, Vec<Sent>> {
        &self.sent
    }

    /// Answers a request.
    pub fn answer(&mut self, method: &str, path: &str, body: &[u8]) -> Answer {
        match is_change(method, path) {
            true => self.change(method, path, body),
            false => self.read(method, path, body),
        }
    }

    fn read(&mut self, method: &str, path: &str, body: &[u8]) -> Answer {
        let age = age(self.sent.iter().map(|(aim, sent)| (aim, sent.len())), path);
        let full = read_key(method, path, &read_body(path, body));
        let key = if self.side.reads.contains_key(&full) { full } else { self.nearest(method, path, full) };
        let (aim, is_object) = (Aim::of(path), is_object(method, path));
        if is_object && let Some(own) = self.made(&aim, &key, age) {
            return if own.is_null() { not_found(&aim) } else { Answer::json(200, own.clone()) };
        }
        let mut answer = match self.found(&key, age, is_watch(path)) {
            Some(answer) => answer,
            None => self.unknown(method, path, body),
        };
        if is_object {
            fill(&mut answer.body, self.written.get(&aim));
        } else {
            self.fill_items(&aim, &mut answer.body);
        }
        answer
    }

    /// What the replay has made of an object; what was answered to its last change where nobody has read it since then.
    fn made(&self, aim: &Aim, key: &str, age: usize) -> Option<&Value> {
        let was_read = || self.side.reads.get(key).into_iter().flatten().any(|read| read.age == age);
        self.own.get(aim).or_else(|| self.latest.get(aim).filter(|_| !was_read()))
    }

    /// The key of a question like this one: with other words in its body.
    fn nearest(&self, method: &str, path: &str, full: String) -> String {
        let start = super::aim::key(method, path);
        let mut alike =
            self.side.reads.keys().filter(|key| key.strip_prefix(&start).is_some_and(|rest| rest.starts_with(' ')));
        alike.next().cloned().unwrap_or(full)
    }

    /// What the recording says at this age: one answer after the other, the last one again and again. Where it says
    /// nothing at that age, what it says next to it.
    fn found(&mut self, key: &str, age: usize, watch: bool) -> Option<Answer> {
        let reads = self.side.reads.get(key)?;
        let at = reads.iter().map(|read| read.age).filter(|known| *known <= age).max();
        let at = at.or_else(|| reads.iter().map(|read| read.age).min())?;
        let alike: Vec<&Request> = reads.iter().filter(|read| read.age == at).map(|read| &read.request).collect();
        let given = self.given.entry((key.to_owned(), at)).or_default();
        // Of an age that is past, the end counts.
        let index = if at < age && !watch { alike.len() - 1 } else { (*given).min(alike.len() - 1) };
        *given += 1;
        Some(Answer::recorded(alike.get(index)?))
    }

    /// What is said of what was not recorded: it is not there, unless the replay has made it.
    fn unknown(&self, method: &str, path: &str, body: &[u8]) -> Answer {
        let aim = Aim::of(path);
        if is_watch(path) {
            return Answer::json(200, json!([]));
        }
        if method != "GET" {
            let mut body: Value = serde_json::from_slice(body).unwrap_or_default();
            if aim.resource.ends_with("accessreviews") {
                body["status"] = json!({"allowed": true});
                return Answer::json(201, body);
            }
            let mut object = self.now(&aim).unwrap_or_default();
            merge(&mut object, &body);
            return Answer::json(200, object);
        }
        if aim.name.is_some() || aim.resource.is_empty() {
            return not_found(&aim);
        }
        let own = self.own.iter().filter(|(own, object)| own.shows_in(&aim) && !object.is_null());
        let items: Vec<&Value> = own.map(|(_, object)| object).collect();
        Answer::json(
            200,
            json!({"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": "1"}, "items": items}),
        )
    }

    fn change(&mut self, method: &str, path: &str, body: &[u8]) -> Answer {
        let open: Value = serde_json::from_slice(body).unwrap_or_default();
        let aim = Aim::of_change(path, &open);
        let sent = Sent { method: method.to_owned(), path: path.to_owned(), body: read_body(path, body) };
        let count = self.sent.get(&aim).map_or(0, Vec::len);
        let recorded = self.side.changes.get(&aim).and_then(|changes| changes.get(count));
        let recorded = recorded.filter(|recorded| recorded.method == method).cloned();
        let is_same = recorded
            .as_ref()
            .is_some_and(|recorded| lasting(&recorded.sent.to_string()) == lasting(&sent.body.to_string()));
        self.sent.entry(aim.clone()).or_default().push(sent);
        if open.is_object() && method != "DELETE" {
            self.written.insert(aim.clone(), open.clone());
        }
        match recorded {
            Some(recorded) if is_same || !(200..300).contains(&recorded.status) => {
                self.own.remove(&aim);
                let mut answer = Answer::recorded(&recorded);
                fill(&mut answer.body, self.written.get(&aim));
                if let Some(latest) = latest(method, &answer) {
                    self.latest.insert(aim, latest);
                }
                answer
            }
            recorded => self.changed(aim, method, &open, recorded.map(|recorded| recorded.answer)),
        }
    }

    /// The replay goes a way of its own: from here on this object is what it makes of it.
    fn changed(&mut self, aim: Aim, method: &str, body: &Value, recorded: Option<Value>) -> Answer {
        if method == "DELETE" {
            self.own.insert(aim, Value::Null);
            return Answer::json(200, json!({"kind": "Status", "apiVersion": "v1", "status": "Success"}));
        }
        let former = recorded.or_else(|| self.now(&aim));
        let status = if former.is_some() { 200 } else { 201 };
        let mut object = former.unwrap_or_else(|| json!({"metadata": {"uid": format!("replayed-{}", aim.title())}}));
        merge(&mut object, body);
        object["metadata"]["resourceVersion"] = json!(format!("{}", 1_000_000 + self.sent.len()));
        fill(&mut object, Some(body));
        self.own.insert(aim, object.clone());
        Answer::json(status, object)
    }

    /// The object as it was last seen.
    fn now(&self, aim: &Aim) -> Option<Value> {
        if let Some(own) = self.own.get(aim) {
            return Some(own.clone()).filter(|own| !own.is_null());
        }
        let reads = self.side.reads.values().flatten().filter(|read| Aim::of(&read.request.path) == *aim);
        let mut reads =
            reads.filter(|read| read.request.status == 200 && read.request.method == "GET").collect::<Vec<_>>();
        reads.sort_by_key(|read| read.request.number);
        reads.last().map(|read| read.request.answer.clone())
    }

    /// Items of lists and of watches with what the replay has written in them.
    fn fill_items(&self, list: &Aim, body: &mut Value) {
        if !is_masked(body) {
            return;
        }
        let items = match body {
            Value::Array(events) => events.iter_mut().filter_map(|event| event.get_mut("object")).collect(),
            _ => body
                .get_mut("items")
                .and_then(Value::as_array_mut)
                .map(|items| items.iter_mut().collect())
                .unwrap_or_default(),
        };
        let items: Vec<&mut Value> = items;
        for item in items {
            let field =
                |name: &str| item.pointer(&format!("/metadata/{name}")).and_then(Value::as_str).map(str::to_owned);
            let aim = Aim { namespace: field("namespace"), name: field("name"), ..list.clone() };
            fill(item, self.written.get(&aim));
        }
        fill(body, None);
    }
}

/// Whether a request reads one object, all of it.
fn is_object(method: &str, path: &str) -> bool {
    let parsed = crate::cluster::path::ApiPath::parse(path.split('?').next().unwrap_or_default());
    method == "GET" && parsed.name.is_some() && parsed.subresource.is_none() && !is_watch(path)
}

/// The object after a change; null when it is gone, nothing when it is as before.
fn latest(method: &str, answer: &Answer) -> Option<Value> {
    match (200..300).contains(&answer.status) {
        true if method == "DELETE" => Some(Value::Null),
        true => Some(answer.body.clone()).filter(|body| body.pointer("/metadata/name").is_some()),
        false => None,
    }
}

fn not_found(aim: &Aim) -> Answer {
    let name = aim.name.clone().unwrap_or_default();
    let message = format!("{} \"{name}\" not found", aim.resource);
    let details = json!({"name": name, "kind": aim.resource, "group": aim.group});
    Answer::json(
        404,
        json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404,
               "message": message, "details": details}),
    )
}

/// JSON merge patch (RFC 7386).
fn merge(into: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        if !patch.is_array() || !into.is_object() {
            *into = patch.clone();
        }
        return;
    };
    if !into.is_object() {
        *into = json!({});
    }
    for (name, value) in patch {
        match value {
            Value::Null => drop(into.as_object_mut().and_then(|fields| fields.remove(name))),
            value if value.is_object() => merge(&mut into[name], value),
            value => into[name] = value.clone(),
        }
    }
}
