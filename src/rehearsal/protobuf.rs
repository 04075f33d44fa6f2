//! Reads the protobuf bodies that typed Go clients send, kubectl's `create namespace` among them.
//!
//! The encoding of every built-in kind is in `protobuf.txt`. Answers are JSON: these clients accept both.

use serde_json::{Map, Number, Value, json};
use std::collections::HashMap;
use std::sync::LazyLock;

/// What every body begins with.
const MAGIC: &[u8] = b"k8s\0";

/// How deep messages may nest. Schemas of definitions are the deepest that are sent, and they come as JSON.
const DEPTH: usize = 64;

/// The object in a body.
///
/// # Errors
/// Why the body cannot be read.
pub(super) fn decode(body: &[u8]) -> Result<Value, String> {
    let body = body.strip_prefix(MAGIC).ok_or("it does not begin with the Kubernetes prefix")?;
    let (mut api_version, mut kind, mut raw) = (String::new(), String::new(), &body[..0]);
    for field in fields(body)? {
        match (field.number, field.value) {
            (1, Wire::Bytes(types)) => {
                for part in fields(types)? {
                    match part.number {
                        1 => api_version = part.value.text(),
                        2 => kind = part.value.text(),
                        _ => {}
                    }
                }
            }
            (2, Wire::Bytes(bytes)) => raw = bytes,
            _ => {}
        }
    }
    let table = table();
    // Options may come in the version of the group that they are sent to.
    let message = table.kinds.get(&(api_version.as_str(), kind.as_str()));
    let message =
        message.or_else(|| (kind == "DeleteOptions").then(|| table.kinds.get(&("meta.k8s.io/v1", "DeleteOptions")))?);
    let message = message.ok_or_else(|| format!("{api_version} {kind} is not a kind it can be read for"))?;
    let mut object = message_of(message, raw, DEPTH)?;
    if let Some(object) = object.as_object_mut() {
        object.insert("apiVersion".into(), api_version.into());
        object.insert("kind".into(), kind.into());
    }
    Ok(object)
}

/// Removes the fields of an object that Go leaves out of its JSON because they have the zero value of their type:
/// `false`, `0` and empty text, unless they are behind a pointer.
pub(super) fn drop_zeros(api_version: &str, kind: &str, object: &mut Value) {
    // A priority of zero is one of the few that are written.
    if kind == "PriorityClass" {
        return;
    }
    if let Some(message) = table().kinds.get(&(api_version, kind)) {
        drop_zeros_of(message, object);
    }
}

fn drop_zeros_of(message: &str, value: &mut Value) {
    let (Some(entries), Some(object)) = (table().messages.get(message), value.as_object_mut()) else { return };
    for entry in entries.iter().filter(|entry| entry.name != "status") {
        if entry.name == "-" {
            // Its fields are this object's.
            let mut own = Value::Object(std::mem::take(object));
            drop_zeros_of(entry.of, &mut own);
            *object = own.as_object_mut().map(std::mem::take).unwrap_or_default();
            continue;
        }
        let Some(field) = object.get_mut(entry.name) else { continue };
        match (entry.form, field) {
            (Form::One, field) if is_zero(field) && is_scalar(entry.of) => drop(object.remove(entry.name)),
            (Form::List, Value::Array(list)) => list.iter_mut().for_each(|item| drop_zeros_of(entry.of, item)),
            (Form::One | Form::Pointer, field) => drop_zeros_of(entry.of, field),
            _ => {}
        }
    }
}

fn is_scalar(of: &str) -> bool {
    matches!(of, "s" | "t" | "i" | "d")
}

/// One entry of a message.
struct Entry {
    number: u64,
    name: &'static str,
    form: Form,
    of: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    One,
    Pointer,
    List,
    Map,
}

struct Table {
    kinds: HashMap<(&'static str, &'static str), &'static str>,
    messages: HashMap<&'static str, Vec<Entry>>,
}

fn table() -> &'static Table {
    static TABLE: LazyLock<Table> = LazyLock::new(|| {
        let mut table = Table { kinds: HashMap::new(), messages: HashMap::new() };
        for line in include_str!("protobuf.txt").lines().filter(|line| !line.starts_with('#')) {
            if let Some((message, entries)) = line.split_once(": ") {
                table.messages.insert(message, entries.split(", ").filter_map(entry).collect());
            } else if let Some((head, message)) = line.split_once(" = ")
                && let Some((api_version, kind)) = head.split_once(' ')
            {
                table.kinds.insert((api_version, kind), message);
            }
        }
        table
    });
    &TABLE
}

fn entry(text: &'static str) -> Option<Entry> {
    let mut words = text.split(' ');
    let (number, name, of) = (words.next()?.parse().ok()?, words.next()?, words.next()?);
    let forms = [('*', Form::List), ('%', Form::Map), ('?', Form::Pointer)];
    let (of, form) =
        forms.iter().find_map(|(mark, form)| Some((of.strip_prefix(*mark)?, *form))).unwrap_or((of, Form::One));
    Some(Entry { number, name, form, of })
}

/// A value as it is on the wire.
#[derive(Clone, Copy)]
enum Wire<'b> {
    Number(u64),
    Double(u64),
    Bytes(&'b [u8]),
}

impl Wire<'_> {
    fn text(self) -> String {
        match self {
            Wire::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Wire::Number(number) | Wire::Double(number) => number.to_string(),
        }
    }
}

struct Field<'b> {
    number: u64,
    value: Wire<'b>,
}

const BROKEN: &str = "it breaks off";

/// The fields of a message in order.
fn fields(mut bytes: &[u8]) -> Result<Vec<Field<'_>>, String> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes)?;
        let value = match tag & 7 {
            0 => Wire::Number(varint(&mut bytes)?),
            1 => Wire::Double(u64::from_le_bytes(taken(&mut bytes, 8)?.try_into().map_err(|_| BROKEN)?)),
            2 => {
                let length = usize::try_from(varint(&mut bytes)?).map_err(|_| BROKEN)?;
                Wire::Bytes(taken(&mut bytes, length)?)
            }
            5 => Wire::Number(u32::from_le_bytes(taken(&mut bytes, 4)?.try_into().map_err(|_| BROKEN)?).into()),
            other => return Err(format!("it has a field of wire type {other}")),
        };
        fields.push(Field { number: tag >> 3, value });
    }
    Ok(fields)
}

fn taken<'b>(bytes: &mut &'b [u8], count: usize) -> Result<&'b [u8], String> {
    let (head, tail) = bytes.split_at_checked(count).ok_or(BROKEN)?;
    *bytes = tail;
    Ok(head)
}

fn varint(bytes: &mut &[u8]) -> Result<u64, String> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = taken(bytes, 1)?[0];
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err("it has a number that is too long".to_owned())
}

/// A message as a map; what Go would leave out of its JSON is left out.
fn message_of(message: &str, bytes: &[u8], depth: usize) -> Result<Value, String> {
    let depth = depth.checked_sub(1).ok_or("it nests too deeply")?;
    let entries = table().messages.get(message).ok_or_else(|| format!("it has an unknown part, {message}"))?;
    let mut object = Map::new();
    for field in fields(bytes)? {
        // Fields of later versions are skipped, as protobuf readers do.
        let Some(entry) = entries.iter().find(|entry| entry.number == field.number) else { continue };
        add(&mut object, entry, field.value, depth)?;
    }
    Ok(Value::Object(object))
}

fn add(object: &mut Map<String, Value>, entry: &Entry, value: Wire<'_>, depth: usize) -> Result<(), String> {
    if entry.form == Form::Map {
        let (key, value) = pair(entry, value, depth)?;
        let map = object.entry(entry.name).or_insert_with(|| json!({}));
        map[key.as_str()] = value;
        return Ok(());
    }
    let value = value_of(entry.of, value, depth)?;
    match (entry.name, entry.form, value) {
        ("-", _, Value::Object(inner)) => object.extend(inner),
        (name, Form::List, value) => {
            let list = object.entry(name).or_insert_with(|| json!([]));
            list.as_array_mut().into_iter().for_each(|list| list.push(value.clone()));
        }
        (name, Form::One, value) if !is_zero(&value) => drop(object.insert(name.to_owned(), value)),
        (name, Form::Pointer, value) if !value.is_null() => drop(object.insert(name.to_owned(), value)),
        _ => {}
    }
    Ok(())
}

/// A map entry is a message of a key and a value.
fn pair(entry: &Entry, value: Wire<'_>, depth: usize) -> Result<(String, Value), String> {
    let Wire::Bytes(bytes) = value else { return Err(BROKEN.to_owned()) };
    let (mut key, mut value) = (String::new(), value_of(entry.of, Wire::Bytes(&[]), depth)?);
    for field in fields(bytes)? {
        match field.number {
            1 => key = field.value.text(),
            2 => value = value_of(entry.of, field.value, depth)?,
            _ => {}
        }
    }
    Ok((key, value))
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

fn value_of(of: &str, value: Wire<'_>, depth: usize) -> Result<Value, String> {
    use base64::Engine as _;
    let bytes = match value {
        Wire::Bytes(bytes) => bytes,
        Wire::Number(number) if of == "t" => return Ok((number != 0).into()),
        Wire::Number(number) => return Ok(i64::from_ne_bytes(number.to_ne_bytes()).into()),
        Wire::Double(bits) => return Ok(Number::from_f64(f64::from_bits(bits)).map_or(Value::Null, Value::Number)),
    };
    match of {
        "s" => Ok(String::from_utf8_lossy(bytes).into_owned().into()),
        "b" => Ok(base64::engine::general_purpose::STANDARD.encode(bytes).into()),
        "Time" | "MicroTime" => time(of, bytes),
        "IntOrString" => int_or_string(bytes),
        "Quantity" => Ok(texts(bytes)?.into_iter().next().map_or(json!("0"), Value::from)),
        "Json" => raw_json(bytes),
        "Duration" => numbers(bytes, 1).map(|nanoseconds| format!("{}s", nanoseconds / 1_000_000_000).into()),
        of if of.ends_with(".ExtraValue") => texts(bytes).map(Value::from),
        message => message_of(message, bytes, depth),
    }
}

/// The numbered number of a message, or zero.
fn numbers(bytes: &[u8], number: u64) -> Result<i64, String> {
    let found = fields(bytes)?.into_iter().find(|field| field.number == number);
    Ok(match found.map(|field| field.value) {
        Some(Wire::Number(value)) => i64::from_ne_bytes(value.to_ne_bytes()),
        _ => 0,
    })
}

/// The texts of a message that has nothing else.
fn texts(bytes: &[u8]) -> Result<Vec<String>, String> {
    Ok(fields(bytes)?.into_iter().map(|field| field.value.text()).collect())
}

/// Null for Go's zero time, which is sent as an empty message.
fn time(of: &str, bytes: &[u8]) -> Result<Value, String> {
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    let (seconds, nanoseconds) = (numbers(bytes, 1)?, numbers(bytes, 2)?);
    let nanoseconds = i32::try_from(nanoseconds).unwrap_or(0);
    let time = jiff::Timestamp::new(seconds, nanoseconds).map_err(|e| e.to_string())?;
    let format = if of == "MicroTime" { "%Y-%m-%dT%H:%M:%S.%6fZ" } else { "%Y-%m-%dT%H:%M:%SZ" };
    Ok(time.strftime(format).to_string().into())
}

fn int_or_string(bytes: &[u8]) -> Result<Value, String> {
    if numbers(bytes, 1)? == 0 {
        return numbers(bytes, 2).map(Value::from);
    }
    let text = fields(bytes)?.into_iter().find(|field| field.number == 3);
    Ok(text.map(|field| field.value.text()).unwrap_or_default().into())
}

fn raw_json(bytes: &[u8]) -> Result<Value, String> {
    let raw = fields(bytes)?.into_iter().find(|field| field.number == 1);
    match raw.map(|field| field.value) {
        Some(Wire::Bytes(raw)) if !raw.is_empty() => serde_json::from_slice(raw).map_err(|e| e.to_string()),
        _ => Ok(Value::Null),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A field of bytes.
    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        let length = u8::try_from(bytes.len()).expect("short");
        [&[number << 3 | 2, length], bytes].concat()
    }

    fn body(api_version: &str, kind: &str, raw: &[u8]) -> Vec<u8> {
        let types = [field(1, api_version.as_bytes()), field(2, kind.as_bytes())].concat();
        [MAGIC.to_vec(), field(1, &types), field(2, raw)].concat()
    }

    #[test]
    fn a_secret_is_read() {
        let pair = [field(1, b"k"), field(2, b"v")].concat();
        let metadata = [field(1, b"s"), field(2, b""), field(8, b""), vec![7 << 3, 0]].concat();
        let raw = [field(1, &metadata), field(2, &pair), field(3, b"Opaque")].concat();
        let expected = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"k": "dg=="}, "type": "Opaque",
        });
        assert_eq!(decode(&body("v1", "Secret", &raw)), Ok(expected));
    }

    #[test]
    fn zeros_behind_pointers_count() {
        let raw = field(2, &[1 << 3, 0]);
        let deployment = decode(&body("apps/v1", "Deployment", &raw)).expect("deployment");
        assert_eq!(deployment["spec"], json!({"replicas": 0}));
    }

    #[test]
    fn zeros_are_dropped_where_go_drops_them() {
        let mut pod = json!({"metadata": {"name": "a", "generateName": ""}, "spec": {
            "hostNetwork": false, "automountServiceAccountToken": false, "securityContext": {},
            "containers": [{"env": [{"name": "A", "value": ""}], "livenessProbe": {"periodSeconds": 0, "httpGet": {"host": "", "port": 0}}}],
            "volumes": [{"name": "v", "emptyDir": {"medium": ""}}],
        }});
        drop_zeros("v1", "Pod", &mut pod);
        let expected = json!({"metadata": {"name": "a"}, "spec": {
            "automountServiceAccountToken": false, "securityContext": {},
            "containers": [{"env": [{"name": "A"}], "livenessProbe": {"httpGet": {"port": 0}}}],
            "volumes": [{"name": "v", "emptyDir": {}}],
        }});
        assert_eq!(pod, expected);
    }

    #[test]
    fn broken_bodies_are_refused() {
        assert!(decode(b"{}").is_err());
        assert!(decode(&body("v1", "Nothing", &[])).is_err());
        let whole = body("v1", "Secret", &field(3, b"Opaque"));
        assert!(decode(&whole[..whole.len() - 3]).is_err());
    }

    #[test]
    fn every_part_of_the_table_is_known() {
        let table = table();
        let plain = ["s", "b", "t", "i", "d", "Time", "MicroTime", "IntOrString", "Quantity", "Json", "Duration"];
        let known = |of: &str| plain.contains(&of) || of.ends_with(".ExtraValue") || table.messages.contains_key(of);
        assert!(table.kinds.len() > 45, "{}", table.kinds.len());
        assert!(table.kinds.values().all(|message| table.messages.contains_key(message)));
        for (message, entries) in &table.messages {
            entries.iter().for_each(|entry| assert!(known(entry.of), "{message} {} {}", entry.name, entry.of));
        }
    }
}
