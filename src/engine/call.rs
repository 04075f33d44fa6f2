//! One call of a primitive, its arguments checked.

use super::Bridge;
use super::options::Options;
use super::table::Primitive;
use super::value;
use crate::failure::{Failure, Result};
use crate::object::{Node, Object, yaml};
use crate::secret::Secret;
use rhai::{Dynamic, EvalAltResult, FnPtr, ImmutableString, NativeCallContext};
use std::time::Duration;

/// What a primitive's function gets: host, arguments, options, and the way to wait.
///
/// Arguments are numbered without the receiver, from 0, in the order of the table's `params`. They have the types that
/// the table names: the engine has checked that before the call. Optional ones may be missing.
pub struct Call<'a, H: 'static> {
    pub(super) host: &'a H,
    pub(super) primitive: &'static Primitive<H>,
    pub(super) receiver: Dynamic,
    pub(super) args: Vec<Dynamic>,
    pub(super) options: Options,
    pub(super) context: &'a NativeCallContext<'a>,
    pub(super) bridge: &'a Bridge,
}

impl<H: 'static> Call<'_, H> {
    /// The state that all primitives of a run share.
    pub fn host(&self) -> &H {
        self.host
    }

    /// The table entry that is being called.
    pub fn primitive(&self) -> &'static Primitive<H> {
        self.primitive
    }

    /// The value that the primitive was called on.
    ///
    /// # Panics
    /// When the table's `on` names another type than `T`: a defect of the table, not of a script.
    pub fn receiver<T: Clone + Send + Sync + 'static>(&self) -> T {
        match self.receiver.clone().try_cast::<T>() {
            Some(receiver) => receiver,
            None => unreachable!("`{}` is not called on this type", self.primitive.name),
        }
    }

    /// How many arguments were given, options not counted.
    pub fn count(&self) -> usize {
        self.args.len()
    }

    /// The argument as it is; `()` when it was left out.
    pub fn any(&self, index: usize) -> Dynamic {
        self.args.get(index).cloned().unwrap_or(Dynamic::UNIT)
    }

    /// A text argument; empty when it was left out.
    pub fn str(&self, index: usize) -> ImmutableString {
        self.opt_str(index).unwrap_or_default()
    }

    /// A text argument that may be missing.
    pub fn opt_str(&self, index: usize) -> Option<ImmutableString> {
        self.any(index).into_immutable_string().ok()
    }

    /// A duration argument such as `"90s"`.
    ///
    /// # Errors
    /// When the text is none.
    pub fn duration(&self, index: usize) -> Result<Duration> {
        super::options::duration(&self.str(index)).map_err(|failure| Failure {
            message: format!("{}: the {} argument: {}", self.primitive.label(), ordinal(index), failure.message),
            ..failure
        })
    }

    /// A whole-number argument; 0 when it was left out.
    pub fn int(&self, index: usize) -> i64 {
        self.any(index).as_int().unwrap_or_default()
    }

    /// A list-of-texts argument; a single text counts as a list of one.
    ///
    /// # Errors
    /// When an item is not text.
    pub fn strings(&self, index: usize) -> Result<Vec<String>> {
        let value = self.any(index);
        if let Ok(text) = value.clone().into_string() {
            return Ok(vec![text]);
        }
        let texts = value::to_node(&value)?.items().iter().map(|item| item.as_str().map(str::to_owned)).collect();
        let what = || format!("{}: the {} argument must be a list of strings", self.primitive.label(), ordinal(index));
        Option::ok_or_else(texts, || Failure::usage(what()))
    }

    /// An argument of a type that primitives define, such as `Cluster`.
    pub fn value<T: Clone + Send + Sync + 'static>(&self, index: usize) -> Option<T> {
        self.any(index).try_cast::<T>()
    }

    /// A `string|Secret` argument, opened: for computing with, never for showing. A plain text stays plain: it is not
    /// redacted anywhere.
    pub fn opened(&self, index: usize) -> String {
        match self.value::<Secret>(index) {
            Some(secret) => secret.reveal().to_owned(),
            None => self.str(index).to_string(),
        }
    }

    /// A `string|Secret` argument, as a secret under this name.
    pub fn secret(&self, index: usize, name: &str) -> Secret {
        match self.value::<Secret>(index) {
            Some(secret) => secret,
            None => Secret::new(name, self.str(index).as_str()),
        }
    }

    /// An `object` argument: an Object, a map or one YAML document.
    ///
    /// # Errors
    /// When YAML text does not parse or holds several documents.
    pub fn object(&self, index: usize) -> Result<Object> {
        let mut objects = self.objects(index)?;
        match objects.len() {
            1 => Ok(objects.remove(0)),
            count => Err(Failure::usage(format!(
                "{}: the {} argument must be one object, not {count}",
                self.primitive.label(),
                ordinal(index)
            ))),
        }
    }

    /// An `objects` argument: an object, a list of objects, or YAML text with any number of documents.
    ///
    /// # Errors
    /// When YAML text does not parse.
    pub fn objects(&self, index: usize) -> Result<Vec<Object>> {
        let value = self.any(index);
        objects(&value).map_err(|failure| Failure {
            message: format!("{}: the {} argument: {}", self.primitive.label(), ordinal(index), failure.message),
            ..failure
        })
    }

    /// A closure argument.
    ///
    /// # Panics
    /// When the table's `params` have no closure there: a defect of the table, not of a script.
    pub fn closure(&self, index: usize) -> FnPtr {
        match self.value(index) {
            Some(closure) => closure,
            None => unreachable!("`{}` has no closure at {index}", self.primitive.name),
        }
    }

    /// Calls a closure of the script on this thread.
    ///
    /// # Errors
    /// What the closure throws.
    pub fn invoke(&self, closure: &FnPtr, args: Vec<Dynamic>) -> std::result::Result<Dynamic, Box<EvalAltResult>> {
        closure.call_within_context(self.context, args)
    }

    /// The trailing options map; empty when it was left out. Only keys of the table's `options` are in it.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The engine's own context of this call, for what the methods here do not offer.
    pub fn context(&self) -> &NativeCallContext<'_> {
        self.context
    }

    /// Runs a future to its end on the run's runtime; Ctrl-C ends it with `Kind::Cancelled`.
    ///
    /// # Errors
    /// What the future fails with.
    pub fn block<T>(&self, future: impl Future<Output = Result<T>>) -> Result<T> {
        self.bridge.block(future)
    }

    /// So long a time, or what is left of the step's time when that is less.
    pub fn at_most(&self, wanted: Duration) -> Duration {
        let left = crate::here::due().map(|due| due.saturating_sub(self.bridge.clock.now()));
        left.map_or(wanted, |left| left.min(wanted))
    }

    /// The bridge itself, for primitives that wait in several places.
    pub fn bridge(&self) -> &Bridge {
        self.bridge
    }
}

fn ordinal(index: usize) -> String {
    super::params::ordinal(index + 1)
}

fn objects(value: &Dynamic) -> Result<Vec<Object>> {
    if let Ok(text) = value.as_immutable_string_ref() {
        return manifests(&text);
    }
    if let Ok(items) = value.as_array_ref() {
        return items.iter().map(objects).collect::<Result<Vec<_>>>().map(|lists| lists.concat());
    }
    if let Some(object) = value.read_lock::<Object>() {
        return Ok(match &object.node {
            Node::Array(items) => items.iter().map(|node| Object { node: node.clone(), ..object.clone() }).collect(),
            _ => vec![object.clone()],
        });
    }
    Ok(vec![Object::new(value::to_node(value)?).sealed()])
}

/// The objects of a YAML text. A name of a file is YAML as well: a document of one word.
fn manifests(text: &str) -> Result<Vec<Object>> {
    let objects = yaml::parse(text)?;
    let Some(word) = objects.iter().find_map(|object| object.node.as_str()) else { return Ok(objects) };
    let word = word.lines().next().unwrap_or_default();
    Err(Failure::usage("this text holds no object: a text is read as YAML itself, not as the name of a file")
        .hint(format!("a program reads a file: `exec.run(\"cat\", [\"{word}\"]).stdout` is its text")))
}
