//! One call of a primitive, its arguments checked.

use super::Bridge;
use super::options::Options;
use super::table::Primitive;
use crate::failure::Result;
use crate::object::Object;
use crate::secret::Secret;
use rhai::{Dynamic, EvalAltResult, FnPtr, ImmutableString, NativeCallContext};

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

    /// The value that the primitive was called on.
    pub fn receiver<T: Clone + Send + Sync + 'static>(&self) -> T {
        todo!()
    }

    /// How many arguments were given, options not counted.
    pub fn len(&self) -> usize {
        self.args.len()
    }

    /// The argument as it is.
    pub fn any(&self, index: usize) -> Dynamic {
        self.args.get(index).cloned().unwrap_or(Dynamic::UNIT)
    }

    /// A text argument.
    pub fn str(&self, index: usize) -> ImmutableString {
        todo!()
    }

    /// A text argument that may be missing.
    pub fn opt_str(&self, index: usize) -> Option<ImmutableString> {
        todo!()
    }

    /// A whole-number argument.
    pub fn int(&self, index: usize) -> i64 {
        todo!()
    }

    /// An argument of a type that primitives define, such as `Cluster`.
    pub fn value<T: Clone + Send + Sync + 'static>(&self, index: usize) -> Option<T> {
        todo!()
    }

    /// A `string|Secret` argument, as a secret under this name.
    pub fn secret(&self, index: usize, name: &str) -> Secret {
        todo!()
    }

    /// An `object` argument: an Object, a map or one YAML document.
    ///
    /// # Errors
    /// When YAML text does not parse or holds several documents.
    pub fn object(&self, index: usize) -> Result<Object> {
        todo!()
    }

    /// An `objects` argument: an object, a list of objects, or YAML text with any number of documents.
    ///
    /// # Errors
    /// When YAML text does not parse.
    pub fn objects(&self, index: usize) -> Result<Vec<Object>> {
        todo!()
    }

    /// A closure argument.
    pub fn closure(&self, index: usize) -> FnPtr {
        todo!()
    }

    /// Calls a closure of the script on this thread.
    ///
    /// # Errors
    /// What the closure throws.
    pub fn invoke(&self, closure: &FnPtr, args: Vec<Dynamic>) -> std::result::Result<Dynamic, Box<EvalAltResult>> {
        todo!()
    }

    /// The trailing options map; empty when it was left out. Only keys of the table's `options` are in it.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Runs a future to its end on the run's runtime; Ctrl-C ends it with `Kind::Cancelled`.
    ///
    /// # Errors
    /// What the future fails with.
    pub fn block<T>(&self, future: impl Future<Output = Result<T>>) -> Result<T> {
        self.bridge.block(future)
    }

    /// The bridge itself, for primitives that wait in several places.
    pub fn bridge(&self) -> &Bridge {
        self.bridge
    }
}
